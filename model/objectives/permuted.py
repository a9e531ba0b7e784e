"""Any order: next token in an order drawn for each document.

The network is given the position of each token and the position that it predicts. Permutation language models: XLNet
(Yang et al. 2019, 1906.08237), sigma-GPT (Pannatier et al. 2024, 2404.09562).
"""

from dataclasses import dataclass

import numpy as np

from config.validation import require
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, fill_in, flat_positions, reorder
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Cloze, Documents


@dataclass(frozen=True)
class Permuted(Objective):
    """
    document   [begin]  f  A  r  B  f

    input      [begin]  B  f  r  A  f        in an order drawn for each document
    position      0     4  1  3  2  5
    predicts      4     1  3  2  5  .        a position
    target        B     .  r  A  .  .

    Any question can be asked: its open span comes last in the order.
    """

    summary = "next token in an order drawn for each document"

    def check_model(self, config: ModelConfig) -> None:
        has_positions = config.position != "none"
        allowed = "learned, rotary, alibi or relative for a permuted objective, which predicts given positions"
        require(has_positions, "model.position", config.position, allowed)
        allowed = "1 for a permuted objective: tokens side by side in a random order are no neighbours"
        require(config.convolution == 1, "model.convolution", config.convolution, allowed)

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        key = rng.random(documents.tokens.shape)
        key[:, 0] = -1  # [begin] stays first, and padding last
        key = np.where(documents.is_token(), key, 1 + np.arange(key.shape[1]))
        order = np.argsort(key, axis=1)
        shuffled = reorder(documents, order)
        next_is_target = np.zeros(order.shape, bool)
        next_is_target[:, :-1] = shuffled.roles[:, 1:] != NONE
        logit_positions = np.flatnonzero(next_is_target)
        return in_order(shuffled, order) | {
            "logit_positions": logit_positions,
            "targets": shuffled.tokens.ravel()[logit_positions + 1],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        filled, position = fill_in(cloze, prefix)
        t = filled.tokens.shape[1]
        index = np.arange(t)
        is_open = (index >= cloze.start[:, None]) & (index < (cloze.start + cloze.size)[:, None])
        order = np.argsort(index + t * is_open + 2 * t * ~filled.is_token(), axis=1)
        # The open span comes last, so the token asked for is as far from its start as in the document.
        rank = filled.lengths - cloze.size + position - cloze.start
        return in_order(reorder(filled, order), order) | {"logit_positions": flat_positions(rank - 1, t)}


def in_order(shuffled: Documents, order: np.ndarray) -> Batch:
    """A batch of documents whose tokens are from the positions order[b, t]. Each predicts the position of the next."""
    next_position = np.concatenate([order[:, 1:], np.zeros_like(order[:, :1])], axis=1)
    return {
        "tokens": shuffled.tokens,
        "lengths": shuffled.lengths,
        "positions": order,
        "target_positions": next_position,
    }
