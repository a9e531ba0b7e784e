"""Any order: next token in an order drawn for each document.

Each place knows where it stands and where it aims. Permutation language models: XLNet (Yang et al. 2019, 1906.08237),
sigma-GPT (Pannatier et al. 2024, 2404.09562).
"""

from dataclasses import dataclass

import numpy as np

from model.objectives.batch import Arrays, Tensors, fill, flat, reorder
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions
from tasks.settings import require


@dataclass(frozen=True)
class Permuted(Objective):
    """
    document   [begin]  f  A  r  B  f

    input      [begin]  B  f  r  A  f        an order of its own for each document
    stands at     0     4  1  3  2  5
    aims at       4     1  3  2  5  .
    target        B     .  r  A  .  .

    Any question can be asked: its open span comes last in the order.
    """

    def check(self, settings: NetworkSettings) -> None:
        known = settings.position != "none"
        require(
            known,
            "model.position",
            settings.position,
            "learned, rotary, alibi or relative for a permuted objective, which aims at positions",
        )
        one = settings.convolution == 1
        require(
            one,
            "model.convolution",
            settings.convolution,
            "1 for a permuted objective: what stands side by side in a random order are no neighbours",
        )

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        at = np.arange(documents.tokens.shape[1])
        key = rng.random(documents.tokens.shape)
        key[:, 0] = -1
        key = np.where(at < documents.lengths[:, None], key, 1 + at)  # padding stays on the right
        order = np.argsort(key, axis=1)
        shuffled = reorder(documents, order)
        aims_at_target = np.zeros(order.shape, bool)
        aims_at_target[:, :-1] = shuffled.roles[:, 1:] != NONE
        places = np.flatnonzero(aims_at_target)
        return self.in_order(shuffled.tokens, order, documents.lengths) | {
            "at": places,
            "targets": shuffled.tokens.ravel()[places + 1],
        }

    @staticmethod
    def in_order(tokens: np.ndarray, order: np.ndarray, lengths: np.ndarray) -> Arrays:
        """A batch of tokens[b, t] that stand at order[b, t], each aiming at where the next one stands."""
        predict = np.concatenate([order[:, 1:], order[:, :1] * 0], axis=1)
        return {"tokens": tokens, "lengths": lengths, "positions": order, "predict": predict}

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        filled, place = fill(questions, given)
        lengths, t = filled.lengths, filled.tokens.shape[1]
        at = np.arange(t)
        is_open = (at >= questions.start[:, None]) & (at < (questions.start + questions.size)[:, None])
        order = np.argsort(at + t * is_open + 2 * t * (at >= lengths[:, None]), axis=1)
        asking = self.in_order(np.take_along_axis(filled.tokens, order, 1), order, lengths)
        slot = lengths - questions.size + place - questions.start  # of the token asked for
        return asking | {"at": flat(slot - 1, t)}
