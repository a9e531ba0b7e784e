"""Both directions: half of the documents are read left to right, half right to left.

Tokens keep their positions. Right to left, a position sees those right of it, and predicts the token left of it
(as the two directions of ELMo, Peters et al. 2018, 1802.05365, in one network).
"""

from dataclasses import dataclass

import numpy as np

from config.validation import require
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import (
    Batch,
    Tensors,
    flat_positions,
    query_at,
    reverse_names,
    stated_left_and_right,
)
from model.visibility import Visibility
from tasks.corpus import NONE, Cloze, Documents


@dataclass(frozen=True)
class BothDirections(Objective):
    """
    input     [begin]  f  A  r  B  f      or     [begin]  f  A  r  B  f
    sees         <     <  <  <  <  <                >     >  >  >  >  >
    target       .     A  r  B  .  .                .     .  .  A  r  B

    A question can be asked where its open span is the last of the statement, or the first: then right to left.
    """

    summary = "half of the documents are read left to right, half right to left"

    def check_model(self, config: ModelConfig) -> None:
        allowed = "1 for both directions: its neighbours are on the left alone"
        require(config.convolution == 1, "model.convolution", config.convolution, allowed)

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        right_to_left = rng.permuted(np.arange(len(documents)) % 2 == 1)
        document, position = np.nonzero(documents.roles != NONE)
        # Right to left, the last token of a document has no position right of it that could predict it.
        predictable = ~right_to_left[document] | (position + 1 < documents.lengths[document])
        document, position = document[predictable], position[predictable]
        predicted_at = position + np.where(right_to_left[document], 1, -1)
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "right_to_left": right_to_left,
            "logit_positions": document * documents.tokens.shape[1] + predicted_at,
            "targets": documents.tokens[document, position],
        }

    def encode_batch(self, documents: Documents) -> Batch:
        return super().encode_batch(documents) | {"right_to_left": np.zeros(len(documents), bool)}

    def visibility_of(self, batch: Tensors) -> Visibility:
        import torch

        position = torch.arange(batch["tokens"].shape[1], device=batch["tokens"].device)
        to_left, to_right = position <= position[:, None], position >= position[:, None]
        allowed = torch.where(batch["right_to_left"][:, None, None], to_right, to_left)
        return Visibility("explicit", batch["lengths"], allowed)

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        stated_left, stated_right = stated_left_and_right(cloze)
        if (stated_left & stated_right).any():
            return None
        right_to_left = bool(stated_right.any())
        query = query_from_right(cloze, prefix) if right_to_left else query_at(cloze, prefix, offset=-1)
        return query | {"right_to_left": np.full(len(cloze), right_to_left)}

    def to_decoding_order(self, cloze: Cloze, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        _, stated_right = stated_left_and_right(cloze)
        return reverse_names(names, sizes) if stated_right.any() else names


def query_from_right(cloze: Cloze, prefix: np.ndarray) -> Batch:
    """The questions with `prefix`[q, j], last tokens first, at the end of each open span.

    They ask for the token left of it, which is predicted one position right of that token.
    """
    end = cloze.start + cloze.size
    tokens = cloze.documents.tokens.copy()
    for j in range(prefix.shape[1]):
        row = np.flatnonzero(j < cloze.size)
        tokens[row, end[row] - 1 - j] = prefix[row, j]
    predicted_at = end - np.minimum(prefix.shape[1], cloze.size - 1)
    return {
        "tokens": tokens,
        "lengths": cloze.documents.lengths,
        "logit_positions": flat_positions(predicted_at, tokens.shape[1]),
    }
