"""Settings of every task that can draw documents anew for each batch: what one of them states is not true in the world,
and it asks at once what follows, so that a model learns to use its context (Lampinen et al. 2025b, 2509.16189)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tasks.corpus import NONE, TARGET, Documents, Drawn
from tasks.settings import require
from tasks.statements import Statements
from tasks.thoughts import Thoughts
from tasks.vocabulary import SEPARATOR


@dataclass(frozen=True, kw_only=True)
class DrawnAnew(Thoughts, ABC):
    """What all of them have in common."""

    in_context: float = 0.0
    """share of the documents of a batch that state throwaway facts, drawn anew each time, and then ask what follows"""
    context_alone: int = 0
    """steps at the start in which a batch holds no others: to use a prompt is learned sooner without a world"""
    context_filler: float = 0.5
    """share of them with filler around each statement, as in plain documents"""
    context_own: int = 0
    """entities (of codebooks: books) that such facts are about, and no others; 0: they are about those of the world"""

    def __post_init__(self):
        super().__post_init__()
        require(0 <= self.in_context < 1, "task.in_context", self.in_context, "0 or more and below 1")
        require(self.context_alone >= 0, "task.context_alone", self.context_alone, "0 or more")
        require(0 <= self.context_filler <= 1, "task.context_filler", self.context_filler, "0 to 1")
        require(self.context_own >= 0, "task.context_own", self.context_own, "0 or more")

    def drawn(self, *draw: Callable[[int, np.random.Generator], Documents], rising: int | None = None) -> Drawn | None:
        """Such documents as a corpus has them, made by `draw` (several: one after the other over `rising` steps); None
        where there are none."""
        return Drawn(self.in_context, draw, self.context_alone, rising or 0) if self.in_context else None

    def longest(self, words: int) -> int:
        """Tokens in the longest document, with so many `words` in a statement, which stands behind [begin] or
        [separator]."""
        return max(self.statements, self.statements_drawn()) * (1 + words + 2 * self.filler)

    @abstractmethod
    def statements_drawn(self) -> int:
        """Statements in the longest such document, 0 where none is drawn."""


def only_answers(documents: Documents, stated: np.ndarray) -> Documents:
    """The documents with a role for the answers of what is asked alone, behind the first `stated`[n, 1] statements."""
    asks = (documents.tokens == SEPARATOR).cumsum(1) >= stated
    return replace(documents, roles=np.where(asks & (documents.roles == TARGET), documents.roles, np.int8(NONE)))


def one_after_another(*parts: Statements) -> Statements:
    """Statements [n, m] that follow one another in n documents, in one row."""
    return Statements(*(np.concatenate(ends, axis=1).ravel() for ends in zip(*(part.ends() for part in parts))))


def pick(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """values[n, m] at the places at[n, k]."""
    return np.take_along_axis(values, at, 1)


def distinct(n: int, among: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """For each of n documents `most` different numbers below `among`, int[n, most], in random order."""
    keys = rng.random((n, among))
    lowest = keys.argpartition(most - 1, axis=1)[:, :most]
    return pick(lowest, pick(keys, lowest).argsort(1))


def alike_lines(n: int, longest: int, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """For each of n documents of `most` facts or fewer: the length of lines of facts, 2 to `longest`, and how many of
    them it has, two or more, int[n, 1]; without meaning where `most` are below 4."""
    length = rng.integers(2, max(2, min(longest, most // 2)) + 1, (n, 1))
    return length, 2 + (rng.random((n, 1)) * (most // length - 1)).astype(int)
