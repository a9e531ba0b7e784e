"""Masked diffusion: tokens are hidden with probability t, and count 1/t.

Answers are unmasked step by step. Down to `least`, the loss is an upper bound of the negative log-likelihood of the
statement's tokens given the rest, in nats (MDLM, Sahoo et al. 2024, 2406.07524; SMDM, Nie et al. 2024, 2410.18514;
LLaDA, Nie et al. 2025, 2502.09992).
"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from model.objectives.batch import Arrays, Tensors, asked_at, masked
from model.objectives.contract import Objective
from model.objectives.unmasking import unmask
from model.visibility import Visibility
from tasks.corpus import NONE, Documents, Entities, Questions
from tasks.settings import require


@dataclass(frozen=True)
class Diffusion(Objective):
    """
    input     [begin]  f  [mask]  r  [mask]  f        t = 0.6, drawn for each document
    target       .     .    A     .    B     .        each counts 1 / 0.6

    Any question can be asked: its open span is masked.
    """

    least: float = 0.05
    """smallest t; it bounds the weight 1/t of a target"""
    unmask_steps: int = 8
    """most passes in which an answer is unmasked, the surest tokens first (one a token where it has fewer)"""

    def __post_init__(self):
        require(0 < self.least < 1, "objective.least", self.least, "above 0 and below 1")
        require(self.unmask_steps >= 1, "objective.unmask_steps", self.unmask_steps, "1 or more")

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        time = rng.uniform(self.least, 1, (len(documents), 1))
        may = documents.roles != NONE
        hidden = may & (rng.random(may.shape) < time)
        return masked(documents, hidden) | {
            "weights": np.broadcast_to(1 / time, may.shape)[hidden].astype(np.float32),
            "could": may.sum(1),
        }

    def visibility(self, batch: Tensors) -> Visibility:
        return Visibility("full", batch["lengths"])

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        return asked_at(questions, given)

    def answer(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray:
        return unmask(self, modules, questions, min(self.unmask_steps, int(questions.size.max(initial=1))))
