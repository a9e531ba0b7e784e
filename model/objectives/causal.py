"""Next token: each token of a statement is predicted from the tokens left of it (GPT, Radford et al. 2018)."""

from dataclasses import dataclass

import numpy as np

from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, query_at, stated_left_and_right
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Cloze, Documents


@dataclass(frozen=True)
class Causal(Objective):
    """
    input     [begin]  f  A  r  B  f
    target       .     A  r  B  .  .

    A question can be asked where its open span is the last of the statement.
    """

    summary = "each token of a statement is predicted from the tokens left of it"
    scores_in_one_pass = True

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        next_is_target = np.zeros(documents.tokens.shape, bool)
        next_is_target[:, :-1] = documents.roles[:, 1:] != NONE
        logit_positions = np.flatnonzero(next_is_target)
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "logit_positions": logit_positions,
            "targets": documents.tokens.ravel()[logit_positions + 1],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL  # each position sees itself and those left of it

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        _, stated_right = stated_left_and_right(cloze)
        if stated_right.any():
            return None
        return query_at(cloze, prefix, offset=-1)  # a token is predicted one position left of it
