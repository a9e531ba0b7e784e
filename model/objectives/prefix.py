"""Prefix: the positions of a prefix see each other, and what follows is predicted token by token (prefix-LM: UniLM,
Dong et al. 2019, 1905.03197; Raffel et al. 2019, 1910.10683)."""

from dataclasses import dataclass

import numpy as np

from model.objectives.batch import Batch, Tensors
from model.objectives.causal import Causal
from model.visibility import Visibility
from tasks.corpus import Cloze, Documents


@dataclass(frozen=True)
class Prefix(Causal):
    """
    input     [begin]  f  A  r | B  f        the prefix, of random length, ends at the bar
    target       .     .  .  B   .  .

    A question can be asked where its open span is the last of the statement. The tokens left of it are the prefix.
    """

    summary = "the positions of a prefix see each other, and what follows is predicted token by token"

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        prefix_lengths = rng.integers(1, np.maximum(documents.lengths, 2))
        batch, t = super().make_batch(documents, rng), documents.tokens.shape[1]
        document, position = np.divmod(batch["logit_positions"], t)
        follows_prefix = position >= prefix_lengths[document] - 1  # its last position predicts what follows, too
        return batch | {
            "logit_positions": batch["logit_positions"][follows_prefix],
            "targets": batch["targets"][follows_prefix],
            "prefix_lengths": prefix_lengths,
        }

    def encode_batch(self, documents: Documents) -> Batch:
        return super().encode_batch(documents) | {"prefix_lengths": documents.lengths}

    def visibility_of(self, batch: Tensors) -> Visibility:
        import torch

        position = torch.arange(batch["tokens"].shape[1], device=batch["tokens"].device)
        allowed = (position <= position[:, None]) | (position < batch["prefix_lengths"][:, None, None])
        return Visibility("explicit", batch["lengths"], allowed)

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        query = super().make_query(cloze, prefix)
        return None if query is None else query | {"prefix_lengths": cloze.start}
