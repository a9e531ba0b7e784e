"""Both directions: half of the documents are read left to right, half right to left.

Tokens stay where they are; who sees whom is turned round, and the token to the left is predicted instead of the one
to the right (as the two directions of ELMo, Peters et al. 2018, 1802.05365, here in one network).
"""

from dataclasses import dataclass

import numpy as np
import torch

from model.objectives.batch import Arrays, Tensors, fill, flat, flipped, stated_outside
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from model.visibility import Visibility
from tasks.corpus import NONE, Documents, Questions
from tasks.settings import require


@dataclass(frozen=True)
class BothDirections(Objective):
    """
    input     [begin]  f  A  r  B  f      or     [begin]  f  A  r  B  f
    sees         <     <  <  <  <  <                >     >  >  >  >  >
    target       .     A  r  B  .  .                .     .  .  A  r  B

    A question can be asked where its open span is the last of the statement, or the first: then right to left.
    """

    def check(self, settings: NetworkSettings) -> None:
        one = settings.convolution == 1
        require(one, "model.convolution", settings.convolution, "1 for both directions: its taps lie on the left alone")

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        to_left = rng.permuted(np.arange(len(documents)) % 2 == 1)
        is_target, t = documents.roles != NONE, documents.tokens.shape[1]
        place = np.flatnonzero(is_target)
        # Read to the left, the last token of a document has nothing that could say it.
        place = place[~to_left[place // t] | (place % t + 1 < documents.lengths[place // t])]
        at = place + np.where(to_left[place // t], 1, -1)
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "to_left": to_left,
            "at": at,
            "targets": documents.tokens.ravel()[place],
        }

    def read(self, documents: Documents) -> Arrays:
        return super().read(documents) | {"to_left": np.zeros(len(documents), bool)}

    def visibility(self, batch: Tensors) -> Visibility:
        at = torch.arange(batch["tokens"].shape[1], device=batch["tokens"].device)
        allowed = torch.where(batch["to_left"][:, None, None], at >= at[:, None], at <= at[:, None])
        return Visibility("explicit", batch["lengths"], allowed)

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        left, right = stated_outside(questions)
        if (left & right).any():
            return None
        if not right.any():
            filled, place = fill(questions, given)
            place = place - 1
        else:
            filled, place = fill(questions, np.zeros((len(questions), 0), np.int32))
            for j in range(given.shape[1]):  # said last token first
                inside = np.flatnonzero(j < questions.size)
                filled.tokens[inside, (questions.start + questions.size - 1 - j)[inside]] = given[inside, j]
            place = questions.start + questions.size - np.minimum(given.shape[1], questions.size - 1)
        to_left = np.full(len(questions), bool(right.any()))
        asking = {"tokens": filled.tokens, "lengths": filled.lengths, "to_left": to_left}
        return asking | {"at": flat(place, filled.tokens.shape[1])}

    def spoken(self, questions: Questions, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        _, right = stated_outside(questions)
        return flipped(names, sizes) if right.any() else names
