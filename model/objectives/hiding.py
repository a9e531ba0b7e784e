"""Which tokens of a statement are hidden: settings shared by all objectives that hide some."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.objectives.contract import Objective
from tasks.corpus import ROLES
from tasks.settings import require


@dataclass(frozen=True)
class Hiding(Objective):
    hide: Literal["span", "uniform", "fixed"] = "span"
    """one whole span at random (Coda-Forno et al. 2026), tokens at a rate drawn uniformly for each document
    (MLM-U, Kitouni et al. 2024), or tokens at a fixed rate"""
    spans: tuple[Literal["source", "relation", "target"], ...] = ("source", "target")
    """what may be hidden; nothing else ever is"""
    rate: float = 0.15
    """share of tokens hidden, where hide is 'fixed'"""

    def __post_init__(self):
        require(0 < self.rate <= 1, "objective.rate", self.rate, "above 0 and at most 1")
        known = bool(self.spans) and set(self.spans) <= set(ROLES)
        require(known, "objective.spans", self.spans, f"one or more of {list(ROLES)}")

    def hidden_tokens(self, roles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which tokens to hide, bool[b, t], of documents whose tokens have roles[b, t]."""
        may = np.isin(roles, [ROLES[name] for name in self.spans])
        if self.hide == "fixed":
            return may & (rng.random(roles.shape) < self.rate)
        if self.hide == "uniform":
            return may & (rng.random(roles.shape) < rng.random((len(roles), 1)))
        starts = may.copy()
        starts[:, 1:] &= roles[:, 1:] != roles[:, :-1]
        span = starts.cumsum(1)
        return may & (span == rng.integers(1, np.maximum(span[:, -1:], 1) + 1))
