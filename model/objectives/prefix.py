"""Prefix: all of a prefix sees all of it, what follows is predicted token by token (prefix-LM: UniLM, Dong et al.
2019, 1905.03197; Raffel et al. 2019, 1910.10683)."""

from dataclasses import dataclass

import numpy as np
import torch

from model.objectives.batch import Arrays, Tensors
from model.objectives.causal import Causal
from model.visibility import Visibility
from tasks.corpus import Documents, Questions


@dataclass(frozen=True)
class Prefix(Causal):
    """
    input     [begin]  f  A  r | B  f        the prefix, of random length, ends at the bar
    target       .     .  .  B   .  .

    A question can be asked where its open span is the last of the statement; what is left of it is the prefix.
    """

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        reach = rng.integers(1, np.maximum(documents.lengths, 2))  # tokens in the prefix
        arrays, t = super().prepare(documents, rng), documents.tokens.shape[1]
        keep = arrays["at"] % t >= reach[arrays["at"] // t] - 1
        return arrays | {"at": arrays["at"][keep], "targets": arrays["targets"][keep], "reach": reach}

    def read(self, documents: Documents) -> Arrays:
        return super().read(documents) | {"reach": documents.lengths}

    def visibility(self, batch: Tensors) -> Visibility:
        at = torch.arange(batch["tokens"].shape[1], device=batch["tokens"].device)
        allowed = (at <= at[:, None]) | (at < batch["reach"][:, None, None])
        return Visibility("explicit", batch["lengths"], allowed)

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        asking = super().ask(questions, given)
        return None if asking is None else asking | {"reach": questions.start}
