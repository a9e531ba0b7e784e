"""Masked: some tokens of a statement are masked and predicted from all the others (BERT, Devlin et al. 2018)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.objectives.batch import Batch, Tensors, query_at
from model.objectives.decoding import iterative_unmask
from model.objectives.masking import Masking
from model.torch_types import ModuleDict
from model.visibility import Visibility
from tasks.corpus import Cloze, Documents
from tasks.vocabulary import MASK, Entities


@dataclass(frozen=True)
class Masked(Masking):
    """
    input     [begin]  f  A  r  [mask]  f     or     [begin]  f  [mask]  r  B  f
    target       .     .  .  .    B     .               .     .    A     .  .  .

    Any question can be asked: its open span is masked, as in training.
    """

    summary = "some tokens of a statement are masked and predicted from all the others"

    visibility: Literal["full", "causal"] = "full"
    """what a position sees: all, or only what is left of it, to separate masking from direction"""
    decoding: Literal["confidence", "left-to-right", "at-once"] = "confidence"
    """how an answer of several tokens is decoded: the surest token first, in order, or all in one pass"""

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        is_masked = self.is_masked(documents.roles, rng)
        return {
            "tokens": np.where(is_masked, np.int32(MASK), documents.tokens),
            "lengths": documents.lengths,
            "logit_positions": np.flatnonzero(is_masked),
            "targets": documents.tokens[is_masked],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return Visibility(self.visibility, batch["lengths"])  # full: each position sees all but padding

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        query = query_at(cloze, prefix)  # a token is predicted at its own position
        return query | {"tokens": cloze.documents.tokens} if self.decoding == "at-once" else query

    def predict(self, modules: ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray:
        if self.decoding != "confidence" or cloze.size.max(initial=1) == 1:
            return super().predict(modules, cloze, candidates)
        return iterative_unmask(self, modules, cloze, int(cloze.size.max()))
