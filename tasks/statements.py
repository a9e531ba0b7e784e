"""Statements as arrays, and how they become documents. Nothing here loops over facts."""

from dataclasses import dataclass, replace

import numpy as np

from tasks import world
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Documents, Entities, pack
from tasks.vocabulary import BEGIN, SEPARATOR

Column = tuple[np.ndarray, np.ndarray | bool, int]  # token ids [n, k], whether present, and the role


@dataclass(frozen=True)
class Statements:
    """One a row, int[n]: `source` entity, relation `word`, `target` entity; `second`, a word that follows the first,
    and `before`, one in front of the source, -1 for none (None: for none of them). Where documents are drawn, one a
    place, int[n, m]."""

    source: np.ndarray
    word: np.ndarray
    target: np.ndarray
    second: np.ndarray | None = None
    before: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows) -> "Statements":
        every = (*self.ends(), self.second, self.before)
        return Statements(*(None if part is None else part[rows] for part in every))

    def __add__(self, other: "Statements") -> "Statements":
        """These, then the others."""
        pairs = zip((*self.ends(), *self.more()), (*other.ends(), *other.more()))
        return Statements(*(np.concatenate(pair) for pair in pairs))

    def more(self) -> tuple[np.ndarray, np.ndarray]:
        """`second` and `before`, -1 for none."""
        none = np.full(len(self), -1)
        return none if self.second is None else self.second, none if self.before is None else self.before

    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source, word and target."""
        return self.source, self.word, self.target

    def turned(self, where: np.ndarray | bool = True) -> "Statements":
        """The same facts, by the inverse word and from the other end where so."""
        return Statements(
            np.where(where, self.target, self.source),
            np.where(where, world.inverse(self.word), self.word),
            np.where(where, self.source, self.target),
        )


@dataclass(frozen=True)
class Writer:
    """Writes statements as documents: [begin] f A r B f [separator] C q D f …, each with filler of its own.

    Words stand in `wordings` blocks of `words`, the same relations in each; every statement takes one at random.
    """

    entities: Entities
    first_word: int
    words: int
    wordings: int
    first_filler: int
    filler_words: int
    filler: int

    def write(
        self, statements: Statements, rows: np.ndarray, rng: np.random.Generator, filled: np.ndarray | bool = True
    ) -> Documents:
        """Documents that hold the statements `rows`[n, m] (-1: none), those `filled`[n] with filler."""
        n, m = rows.shape
        second, before = statements.more()
        columns: list[Column] = [(np.full((n, 1), BEGIN), True, NONE)]
        for j in range(m):
            row, there = rows[:, j], rows[:, j, None] >= 0
            between = there & np.reshape(filled, (-1, 1))
            if j:
                columns.append((np.full((n, 1), SEPARATOR), there, NONE))
            columns.append(self.some_filler(between, rng))
            wording = rng.integers(self.wordings, size=n) if self.wordings > 1 else np.zeros(n, np.int64)
            columns += self.some_word(before[row], wording, there)
            columns.append(self.name(statements.source[row], there, SOURCE))
            columns.append((self.word(statements.word[row], wording), there, RELATION))
            columns += self.some_word(second[row], wording, there)
            columns.append(self.name(statements.target[row], there, TARGET))
            columns.append(self.some_filler(between, rng))

        tokens = np.concatenate([values.astype(np.int32) for values, _, _ in columns], axis=1)
        present = np.concatenate([np.broadcast_to(there, values.shape) for values, there, _ in columns], axis=1)
        role = np.concatenate([np.full(values.shape[1], role, np.int8) for values, _, role in columns])
        return pack(tokens, np.broadcast_to(role, present.shape), present)

    def bare(self, statements: Statements) -> Documents:
        """The statements alone, in the first wording, without [begin] and filler."""
        rng = np.random.default_rng(0)  # draws nothing that is kept
        documents = replace(self, wordings=1).write(statements, np.arange(len(statements))[:, None], rng, False)
        return Documents(documents.tokens[:, 1:], documents.lengths - 1, documents.roles[:, 1:])

    def name(self, entity: np.ndarray, there: np.ndarray, role: int) -> tuple[np.ndarray, np.ndarray, int]:
        k = self.entities.tokens.shape[1]
        return self.entities.tokens[entity], there & (np.arange(k) < self.entities.lengths[entity, None]), role

    def word(self, word: np.ndarray, wording: np.ndarray) -> np.ndarray:
        """Token ids [n, 1] of words [n]; those beyond the relations' have one wording only."""
        return (self.first_word + word + np.where(word < self.words, self.words * wording, 0))[:, None]

    def some_word(self, word: np.ndarray, wording: np.ndarray, there: np.ndarray) -> list[Column]:
        """A column of words [n], -1 for none; no column where there is none at all."""
        return [(self.word(word, wording), there & (word[:, None] >= 0), RELATION)] if (word >= 0).any() else []

    def some_filler(self, there: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
        """0 to `filler` words where `there`[n, 1]."""
        n = len(there)
        words = self.first_filler + rng.integers(self.filler_words, size=(n, self.filler), dtype=np.int32)
        return words, there & (np.arange(self.filler) < rng.integers(self.filler + 1, size=(n, 1))), NONE


def in_documents(count: int, times: int, together: int, rng: np.random.Generator) -> np.ndarray:
    """Which statements each document holds, int[n, together] (-1: none): all `count` of them `times` times, each time
    in another order."""
    order = np.concatenate([rng.permutation(count) for _ in range(times)])
    return np.pad(order, (0, -len(order) % together), constant_values=-1).reshape(-1, together)


def places(order: np.ndarray, wanted: np.ndarray, times: int) -> np.ndarray:
    """The documents, rows of `order`[n, m], that hold each of `wanted`[…], which stands `times` times: int32[…, times];
    -1 where `wanted` is."""
    flat = order.ravel()
    by_value = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[by_value], np.maximum(wanted, 0))
    found = by_value[first[..., None] + np.arange(times)] // order.shape[1]
    return np.where(wanted[..., None] >= 0, found, -1).astype(np.int32)
