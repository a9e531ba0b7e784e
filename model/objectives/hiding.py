"""Which tokens of a statement are hidden: settings shared by all objectives that hide some."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.objectives.contract import Objective
from tasks.corpus import NONE, ROLES
from tasks.settings import require


@dataclass(frozen=True)
class Hiding(Objective):
    hide: Literal["span", "uniform", "fixed"] = "span"
    """one whole span of each statement at random (Coda-Forno et al. 2026), tokens at a rate drawn for each document
    (MLM-U, Kitouni et al. 2024), or tokens at a fixed rate"""
    spans: tuple[Literal["source", "relation", "target"], ...] = ("source", "target")
    """what may be hidden; nothing else ever is"""
    rate: float = 0.15
    """share of tokens hidden, where hide is 'fixed'"""

    def __post_init__(self):
        require(0 < self.rate <= 1, "objective.rate", self.rate, "above 0 and at most 1")
        used = self.hide == "fixed" or self.rate == Hiding.rate
        require(used, "objective.rate", self.rate, "left out unless objective.hide is 'fixed'")
        known = bool(self.spans) and set(self.spans) <= set(ROLES)
        require(known, "objective.spans", self.spans, f"one or more of {list(ROLES)}")

    def hidden_tokens(self, roles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which tokens to hide, bool[b, t], of documents whose tokens have roles[b, t]."""
        may = np.isin(roles, [ROLES[name] for name in self.spans])
        if self.hide == "fixed":
            return may & (rng.random(roles.shape) < self.rate)
        if self.hide == "uniform":
            return may & (rng.random(roles.shape) < rng.random((len(roles), 1)))
        stated = roles != NONE  # a statement is a run of tokens with a role, a span a run of equal ones
        statement = begins(stated, stated).cumsum(1)
        span = (may & begins(roles, stated)).cumsum(1)
        hidden = np.zeros_like(may)
        for i in range(1, statement.max(initial=0) + 1):
            inside = may & (statement == i)
            first = np.where(inside, span, span.max(initial=0)).min(1, keepdims=True)
            spans = np.where(inside, span - first + 1, 0).max(1, keepdims=True)
            hidden |= inside & (span - first + 1 == rng.integers(1, np.maximum(spans, 1) + 1))
        return hidden


def begins(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Where `there`[b, t] a run of equal values[b, t] begins."""
    first = there.copy()
    first[:, 1:] &= values[:, 1:] != values[:, :-1]
    return first
