"""Which tokens of a statement are masked: settings shared by all objectives that mask some."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from config.validation import require
from model.objectives.base import Objective
from tasks.corpus import NONE, ROLES


@dataclass(frozen=True)
class Masking(Objective):
    main_settings: ClassVar = ("scheme",)

    scheme: Literal["span", "uniform", "fixed"] = "span"
    """a whole span of each statement (Coda-Forno et al. 2026), or tokens, at a rate drawn for each document (MLM-U,
    Kitouni et al. 2024) or at a fixed one"""
    maskable: tuple[Literal["source", "relation", "target"], ...] = ("source", "target")
    """what may be masked; nothing else ever is"""
    rate: float = 0.15
    """share of tokens masked, where scheme is 'fixed'"""

    def __post_init__(self):
        require(0 < self.rate <= 1, "objective.rate", self.rate, "above 0 and at most 1")
        is_used = self.scheme == "fixed" or self.rate == Masking.rate
        require(is_used, "objective.rate", self.rate, "left out unless objective.scheme is 'fixed'")
        are_roles = bool(self.maskable) and set(self.maskable) <= set(ROLES)
        require(are_roles, "objective.maskable", self.maskable, f"one or more of {list(ROLES)}")

    def is_masked(self, roles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which tokens to mask, bool[b, t], of documents whose tokens have roles[b, t]."""
        maskable = np.isin(roles, [ROLES[name] for name in self.maskable])
        if self.scheme == "span":
            return one_span_a_statement(roles, maskable, rng)
        chance = rng.random(roles.shape)
        rate = self.rate if self.scheme == "fixed" else rng.random((len(roles), 1))
        return maskable & (chance < rate)


def one_span_a_statement(roles: np.ndarray, maskable: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the `maskable`[b, t] spans of each statement at random, bool[b, t].

    A statement is a run of tokens with roles[b, t] other than NONE, a span a run of equal roles.
    """
    is_stated = roles != NONE
    statement = run_starts(is_stated, is_stated).cumsum(1)  # [b, t], number in the document, from 1
    span = (maskable & run_starts(roles, is_stated)).cumsum(1)  # the same of maskable spans
    is_masked = np.zeros_like(maskable)
    for i in range(1, statement.max(initial=0) + 1):
        in_statement = maskable & (statement == i)
        first_span = np.where(in_statement, span, span.max(initial=0)).min(1, keepdims=True)  # [b, 1]
        number = span - first_span + 1  # [b, t], number in the statement, from 1
        num_spans = np.where(in_statement, number, 0).max(1, keepdims=True)  # [b, 1]
        chosen = rng.integers(1, np.maximum(num_spans, 1) + 1)  # [b, 1]
        is_masked |= in_statement & (number == chosen)
    return is_masked


def run_starts(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Where `present`[b, t] and a run of equal values[b, t] starts."""
    starts = present.copy()
    starts[:, 1:] &= values[:, 1:] != values[:, :-1]
    return starts
