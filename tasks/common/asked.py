"""Questions in terms of counts, and what is stated of the entity that each of them names."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tasks.common.counts import Counts
from tasks.common.statement_reader import Triples
from tasks.common.statements import FIRST, LAST
from tasks.corpus import Questions
from tasks.vocabulary import Entities


class Asked(NamedTuple):
    """Questions in terms of counts, one a row."""

    word: np.ndarray
    """int64[q]"""
    slot: np.ndarray
    """int[q], the open one"""
    known: np.ndarray
    """int32[q], entity"""
    form: np.ndarray
    """int[q], the form of names that fit the open span"""
    accepted: np.ndarray
    """int32[q, a], entities; -1 where fewer"""

    @staticmethod
    def build(triples: Triples, words: np.ndarray, questions: Questions, entities: Entities) -> "Asked":
        """`triples`: the questions as they are read. `words`: see Counts.build."""
        slot = np.where(triples.source < 0, FIRST, LAST)
        known = np.where(slot == FIRST, triples.target, triples.source)
        form = 2 * questions.cloze.size + alphabet(entities)[questions.accepted[:, 0]]
        return Asked(np.searchsorted(words, triples.word), slot, known, form, questions.accepted)

    def where(self, rows) -> "Asked":
        return Asked(*(part[rows] for part in self))

    @staticmethod
    def concatenate(parts: "list[Asked]") -> "Asked":
        columns = [part.accepted for part in parts]
        width = max(accepted.shape[1] for accepted in columns)
        padded = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1) for part in columns]
        return Asked(*(np.concatenate(column) for column in (*list(zip(*parts))[:-1], padded)))


class Pairs(NamedTuple):
    """The statements about the known entity of each question, question by question."""

    row: np.ndarray
    """int64[n], the question"""
    entity: np.ndarray
    """int64[n], the other entity"""
    place: np.ndarray
    """int64[n], where that one stands: 2 * word + slot"""
    count: np.ndarray
    """int64[n]"""

    @staticmethod
    def build(asked: Asked, counts: Counts) -> "Pairs":
        known, other = np.concatenate([counts.source, counts.target]), np.concatenate([counts.target, counts.source])
        place = np.concatenate([2 * counts.word + LAST, 2 * counts.word + FIRST])
        is_asked = np.zeros(counts.entities, bool)
        is_asked[asked.known] = True
        chosen = np.flatnonzero(is_asked[known])
        chosen = chosen[np.argsort(known[chosen], kind="stable")]
        first, end = (np.searchsorted(known[chosen], asked.known, side) for side in ("left", "right"))
        size = end - first
        row = np.repeat(np.arange(len(size)), size)
        index = chosen[first[row] + np.arange(len(row)) - (size.cumsum() - size)[row]]
        return Pairs(row, other[index], place[index], counts.count[index % len(counts.count)])

    def where(self, chosen) -> "Pairs":
        return Pairs(*(part[chosen] for part in self))

    def is_accepted(self, asked: Asked) -> np.ndarray:
        """bool[n], whether the entity is an accepted answer of its question."""
        result = np.zeros(len(self.row), bool)
        for column in asked.accepted.T:  # all at once are many times the memory of the pairs
            result |= column[self.row] == self.entity
        return result

    def in_place(self, place: np.ndarray) -> "Pairs":
        """Those whose entity stands in the place of its question, int[q]."""
        return self.where(self.place == place[self.row])

    def merged(self, entities: int) -> "Pairs":
        """Each entity once a question, whatever its places; in this order. `entities`: how many there are."""
        key, index = np.unique(self.row * entities + self.entity, return_inverse=True)
        total = np.bincount(index, self.count, len(key)).astype(np.int64)
        return Pairs(key // entities, key % entities, np.full(len(key), -1), total)


def alphabet(entities: Entities) -> np.ndarray:
    """int8[e], 0 for all where there is one alphabet."""
    return np.zeros(len(entities), np.int8) if entities.alphabet is None else entities.alphabet


def groups(asked: Asked) -> list[slice]:
    """Rows of questions that are ordered by word, slot and form: those that have all three in common."""
    columns = np.stack([asked.word, asked.slot, asked.form])
    bounds = [0, *(np.flatnonzero((np.diff(columns) != 0).any(0)) + 1).tolist(), len(asked.word)]
    return [slice(*ends) for ends in pairwise(bounds)]


def part_of(pairs: Pairs, rows: slice) -> Pairs:
    """Those of the questions `rows`, numbered from 0."""
    part = pairs.where(slice(*np.searchsorted(pairs.row, [rows.start, rows.stop])))
    return part._replace(row=part.row - rows.start)
