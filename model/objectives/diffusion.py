"""Masked diffusion: tokens are masked with probability t, and count 1/t.

Down to `min_time`, the loss is an upper bound of the negative log-likelihood of the statement's tokens given the rest,
in nats (MDLM, Sahoo et al. 2024, 2406.07524; SMDM, Nie et al. 2024, 2410.18514; LLaDA, Nie et al. 2025, 2502.09992).
"""

from dataclasses import dataclass

import numpy as np

from config.validation import require, require_at_least
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, mask_tokens, query_at
from model.objectives.decoding import iterative_unmask
from model.torch_types import ModuleDict
from model.visibility import Visibility
from tasks.corpus import NONE, Cloze, Documents
from tasks.vocabulary import Entities


@dataclass(frozen=True)
class Diffusion(Objective):
    """
    input     [begin]  f  [mask]  r  [mask]  f        t = 0.6, drawn for each document
    target       .     .    A     .    B     .        each counts 1 / 0.6

    Any question can be asked: its open span is masked, and unmasked step by step.
    """

    summary = "tokens are masked with probability t, and count 1/t"

    min_time: float = 0.05
    """smallest t; it bounds the weight 1/t of a target"""
    max_unmask_steps: int = 8
    """maximum of passes in which an answer is decoded, the surest tokens first; one a token where it has fewer"""

    def __post_init__(self):
        require(0 < self.min_time < 1, "objective.min_time", self.min_time, "above 0 and below 1")
        require_at_least(self, "objective", 1, "max_unmask_steps")

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        time = rng.uniform(self.min_time, 1, (len(documents), 1))
        maskable = documents.roles != NONE
        is_masked = maskable & (rng.random(maskable.shape) < time)
        return mask_tokens(documents, is_masked) | {
            "weights": np.broadcast_to(1 / time, maskable.shape)[is_masked].astype(np.float32),
            "num_maskable": maskable.sum(1),
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return Visibility("full", batch["lengths"])

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        return query_at(cloze, prefix)

    def predict(self, modules: ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray:
        return iterative_unmask(self, modules, cloze, min(self.max_unmask_steps, int(cloze.size.max(initial=1))))
