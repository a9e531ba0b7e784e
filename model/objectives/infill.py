"""Infill: a causal model also learns to fill in the middle of a document (Bavarian et al. 2022, 2207.14255)."""

from dataclasses import dataclass

import numpy as np

from model.objectives.batch import Arrays, Tensors, beside, fill, flat, marker, part
from model.objectives.causal import Causal
from model.objectives.contract import Objective
from model.visibility import CAUSAL, Visibility
from tasks.corpus import Documents, Questions
from tasks.settings import require
from tasks.vocabulary import AFTER, BEFORE, MIDDLE


@dataclass(frozen=True)
class Infill(Objective):
    """
    document  [begin]  f  A  r  B  f                                     cut at two places at random

    input     [begin]  [sentinel-0]  f  [sentinel-1]  r  B  f  [sentinel-2]  A
    target       .          .        .        r       B  .  .        A       .

    Asked "as-trained", any open span is the middle; asked "left-to-right", where some
    documents stay uncut, the model is a causal one.
    """

    share: float = 0.5
    """share of documents that are cut; the others stay as they are"""

    def __post_init__(self):
        require(0 < self.share <= 1, "objective.share", self.share, "above 0 and at most 1")

    def max_length(self, length: int) -> int:
        return length + 3

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        cut = rng.random(len(documents)) < self.share
        first, last = np.sort(rng.integers(1, documents.lengths + 1, (2, len(documents))), axis=0)
        return Causal().prepare(cut_out(documents, cut, first, last), rng)

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def asked(self) -> dict[str, Objective]:
        return {"as-trained": self} | ({"left-to-right": Causal()} if self.share < 1 else {})

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        filled, place = fill(questions, given)
        end, all_cut = questions.start + questions.size, np.ones(len(questions), bool)
        documents = cut_out(filled, all_cut, questions.start, end)
        at = documents.lengths - end + place - 1  # the middle stands last; its first token follows the sentinel
        return {"tokens": documents.tokens, "lengths": documents.lengths, "at": flat(at, documents.tokens.shape[1])}


def cut_out(documents: Documents, cut: np.ndarray, first: np.ndarray, last: np.ndarray) -> Documents:
    """Documents whose places `first`[b] to `last`[b] (not that one itself) stand last, in those to `cut`[b]."""
    at = np.arange(documents.tokens.shape[1])
    middle = cut[:, None] & (at >= first[:, None]) & (at < last[:, None])
    after = cut[:, None] & (at >= last[:, None])
    return beside(
        part(documents, np.broadcast_to(at == 0, middle.shape)),
        marker(BEFORE, cut),
        part(documents, (at > 0) & ~middle & ~after),
        marker(AFTER, cut),
        part(documents, after),
        marker(MIDDLE, cut),
        part(documents, middle),
    )
