"""Masked: some tokens of a statement are hidden and predicted from all the others (BERT, Devlin et al. 2018)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import nn

from model.objectives.batch import Arrays, Tensors, asked_at, masked
from model.objectives.hiding import Hiding
from model.objectives.unmasking import unmask
from model.visibility import Visibility
from tasks.corpus import Documents, Entities, Questions


@dataclass(frozen=True)
class Masked(Hiding):
    """
    input     [begin]  f  A  r  [mask]  f     or     [begin]  f  [mask]  r  B  f
    target       .     .  .  .    B     .               .     .    A     .  .  .

    Any question can be asked: its open span is masked, as in training.
    """

    see: Literal["full", "causal"] = "full"
    """what a position sees: all, or only what is left of it, to tell masking from direction"""
    unmask: Literal["confidence", "left-to-right", "at-once"] = "confidence"
    """how an answer of several tokens is decoded: the surest token first, in order, or all in one pass"""

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        return masked(documents, self.hidden_tokens(documents.roles, rng))

    def visibility(self, batch: Tensors) -> Visibility:
        return Visibility(self.see, batch["lengths"])

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        asking = asked_at(questions, given)
        return asking | {"tokens": questions.documents.tokens} if self.unmask == "at-once" else asking

    def answer(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray:
        if self.unmask != "confidence" or questions.size.max(initial=1) == 1:
            return super().answer(modules, questions, candidates)
        return unmask(self, modules, questions, int(questions.size.max()))
