"""Next token: each token of a statement is predicted from what stands left of it (GPT, Radford et al. 2018)."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from model.objectives.batch import Arrays, Tensors, asked_at, flat, stated_outside
from model.objectives.contract import Objective
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Entities, Questions


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

    def log_probability(
        self, modules: nn.ModuleDict, questions: Questions, names: np.ndarray, candidates: Entities
    ) -> np.ndarray | None:
        """In one pass: what each token is predicted from stands left of it."""
        asking = self.ask(questions, names)
        if asking is None:
            return None
        j = np.arange(names.shape[1])
        inside = j < questions.size[:, None]
        place = flat(questions.start, asking["tokens"].shape[1])[:, None] + j - 1
        logp = self.log_probabilities(modules, asking | {"at": place[inside]}).cpu().numpy()
        each = np.zeros(names.shape, np.float32)
        each[inside] = logp[np.arange(len(logp)), names[inside]]
        return each.sum(1)
