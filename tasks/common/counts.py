"""Counts of statements: which entity stands where, by which relation word, and with which other entity."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.common.statement_reader import Triples
from tasks.common.statements import FIRST, LAST

PROFILE_BITS = 64  # of a profile: of more places than these, some share a bit


@dataclass(frozen=True)
class Counts:
    """Different statements, in the order of word, source and target, and how often each is made."""

    entities: int
    """entities there are"""
    word: np.ndarray
    """int64[n], relation word"""
    source: np.ndarray
    """int64[n], entity"""
    target: np.ndarray
    """int64[n], entity"""
    count: np.ndarray
    """int64[n]"""

    @staticmethod
    def build(triples: Triples, words: np.ndarray, entities: int, count: np.ndarray | int = 1) -> "Counts":
        """`words`: the sorted numbers of all words, which become 0, 1, …; `count`[n]: how often each row is made."""
        known = (triples.source >= 0) & (triples.target >= 0)
        word, count = np.searchsorted(words, triples.word[known]), count if np.ndim(count) == 0 else count[known]
        return Counts.of_rows(word, triples.source[known], triples.target[known], count, entities)

    @staticmethod
    def of_rows(
        word: np.ndarray, source: np.ndarray, target: np.ndarray, count: np.ndarray | int, entities: int
    ) -> "Counts":
        """Statements that may come several times, one a row."""
        key = (word * entities + source) * entities + target
        if np.ndim(count) == 0:  # faster than with an array of equal counts
            key, total = np.unique(key, return_counts=True)
            total = total * count
        else:
            key, row = np.unique(key, return_inverse=True)
            total = np.bincount(row, count, len(key)).astype(np.int64)
        return Counts(entities, key // entities**2, key // entities % entities, key % entities, total)

    def __add__(self, other: "Counts") -> "Counts":
        columns = ((getattr(part, name) for part in (self, other)) for name in ("word", "source", "target", "count"))
        return Counts.of_rows(*map(np.concatenate, map(tuple, columns)), self.entities)

    def of_word(self, word: int, slot: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The entities in one slot of a word, int[m], the entity in the other slot, and how often."""
        rows = slice(*np.searchsorted(self.word, [word, word + 1]))
        ends = (self.source[rows], self.target[rows])
        return ends[slot], ends[1 - slot], self.count[rows]

    @cached_property
    def presence(self) -> tuple[np.ndarray, np.ndarray]:
        """Which entity stands in which place, int[2 n] each; a place is 2 * word + slot."""
        place = np.concatenate([2 * self.word + FIRST, 2 * self.word + LAST])
        return place, np.concatenate([self.source, self.target])

    @cached_property
    def profile(self) -> np.ndarray:
        """uint64[e], the places in which each entity stands, as bits."""
        place, entity = self.presence
        profile = np.zeros(self.entities, np.uint64)
        np.bitwise_or.at(profile, entity, place_bit(place))
        return profile

    @cached_property
    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """The kind of each place, int[p], and of each entity, int[e]; -1 for those without a statement.

        Places with an entity in common are of one kind, and so are all entities that stand in them.
        """
        place, entity = self.presence
        none = int(place.max(initial=-1)) + 1
        by_place = np.full(none, none)
        by_place[place] = place
        while True:
            by_entity, merged = np.full(self.entities, none), by_place.copy()
            np.minimum.at(by_entity, entity, by_place[place])
            np.minimum.at(merged, place, by_entity[entity])
            if (merged == by_place).all():
                return np.where(by_place < none, by_place, -1), np.where(by_entity < none, by_entity, -1)
            by_place = merged

    def kind_of_place(self, word: int, slot: int) -> int:
        """The kind of one place, -1 where no statement has it."""
        by_place, _ = self.kinds
        return int(by_place[2 * word + slot]) if 2 * word + slot < len(by_place) else -1


def place_bit(place: np.ndarray | int) -> np.ndarray:
    """The bit of places in a profile."""
    return np.left_shift(np.uint64(1), np.asarray(place % PROFILE_BITS, np.uint64))


def bits_of(profiles: np.ndarray) -> list[np.uint64]:
    """All bits that are set in some of the profiles, of any shape."""
    bits = place_bit(np.arange(PROFILE_BITS))
    return list(bits[(bits & np.bitwise_or.reduce(profiles, axis=None, initial=np.uint64(0))) > 0])
