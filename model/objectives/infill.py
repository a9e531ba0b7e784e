"""Infill: a causal model also learns to fill in the middle of a document (Bavarian et al. 2022, 2207.14255)."""

from dataclasses import dataclass

import numpy as np

from config.validation import require
from model.objectives.base import AS_TRAINED, Objective
from model.objectives.batch import Batch, Tensors, fill_in, flat_positions
from model.objectives.causal import Causal
from model.visibility import CAUSAL, Visibility
from tasks.common.segments import concatenate, of_documents, special
from tasks.corpus import Cloze, Documents
from tasks.vocabulary import AFTER, BEFORE, MIDDLE


@dataclass(frozen=True)
class Infill(Objective):
    """
    document  [begin]  f  A  r  B  f                                     cut at two positions at random

    input     [begin]  [sentinel-0]  f  [sentinel-1]  r  B  f  [sentinel-2]  A
    target       .          .        .        r       B  .  .        A       .

    Asked "as-trained", any open span is the middle. Asked "left-to-right", where some documents stay uncut, the model
    is a causal one.
    """

    summary = "a causal model also learns to fill in the middle of a document"

    share: float = 0.5
    """share of documents that are cut; the others stay as they are"""

    def __post_init__(self):
        require(0 < self.share <= 1, "objective.share", self.share, "above 0 and at most 1")

    def max_length(self, document_length: int) -> int:
        return document_length + 3

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        is_cut = rng.random(len(documents)) < self.share
        start, end = np.sort(rng.integers(1, documents.lengths + 1, (2, len(documents))), axis=0)
        return Causal().make_batch(move_middle(documents, is_cut, start, end), rng)

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def query_modes(self) -> dict[str, Objective]:
        return {AS_TRAINED: self} | ({"left-to-right": Causal()} if self.share < 1 else {})

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        filled, position = fill_in(cloze, prefix)
        end = cloze.start + cloze.size
        documents = move_middle(filled, np.ones(len(cloze), bool), cloze.start, end)
        # The middle is last, behind its sentinel: as far from the end as the open span was from its own end.
        logit_position = documents.lengths - end + position - 1
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "logit_positions": flat_positions(logit_position, documents.tokens.shape[1]),
        }


def move_middle(documents: Documents, is_cut: np.ndarray, start: np.ndarray, end: np.ndarray) -> Documents:
    """The documents with positions from start[b] up to, but without, end[b] at their end, where `is_cut`[b]."""
    position = np.arange(documents.tokens.shape[1])
    middle = is_cut[:, None] & (position >= start[:, None]) & (position < end[:, None])
    after = is_cut[:, None] & (position >= end[:, None])
    return concatenate(
        of_documents(documents, position == 0),
        special(BEFORE, is_cut),
        of_documents(documents, (position > 0) & ~middle & ~after),
        special(AFTER, is_cut),
        of_documents(documents, after),
        special(MIDDLE, is_cut),
        of_documents(documents, middle),
    )
