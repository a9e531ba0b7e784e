"""Next token: each token of a statement is predicted from what stands left of it (GPT, Radford et al. 2018)."""

from dataclasses import dataclass

import numpy as np

from model.objectives.batch import Arrays, Tensors, asked_at, stated_outside
from model.objectives.contract import Objective
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions


@dataclass(frozen=True)
class Causal(Objective):
    """
    input     [begin]  f  A  r  B  f
    target       .     A  r  B  .  .

    A question can be asked where its open span is the last of the statement.
    """

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        next_is_target = np.zeros(documents.tokens.shape, bool)
        next_is_target[:, :-1] = documents.roles[:, 1:] != NONE
        at = np.flatnonzero(next_is_target)
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "at": at,
            "targets": documents.tokens.ravel()[at + 1],
        }

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        _, right = stated_outside(questions)
        if right.any():
            return None
        return asked_at(questions, given, before=1)
