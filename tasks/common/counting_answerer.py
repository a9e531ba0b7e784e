"""A counting answerer: what anyone gets who counts statements, and infers nothing from any of them.

Each of its strategies names a set of entities for a question, and guesses uniformly among them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tasks.common.counts import PROFILE_BITS, Counts, place_bit
from tasks.common.statement_reader import FIRST, LAST, Triples, find_sorted
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
        return (asked.accepted[self.row] == self.entity[:, None]).any(1)

    def in_place(self, place: np.ndarray) -> "Pairs":
        """Those whose entity stands in the place of its question, int[q]."""
        return self.where(self.place == place[self.row])

    def merged(self, entities: int) -> "Pairs":
        """Each entity once a question, whatever its places; in this order. `entities`: how many there are."""
        key, index = np.unique(self.row * entities + self.entity, return_inverse=True)
        total = np.bincount(index, self.count, len(key)).astype(np.int64)
        return Pairs(key // entities, key % entities, np.full(len(key), -1), total)


@dataclass(frozen=True)
class Place:
    """One slot of one word, with all entities that can stand there for questions of one form."""

    counts: Counts
    word: int
    slot: int
    has_form: np.ndarray
    """bool[e]"""

    def sets(self) -> dict[str, np.ndarray]:
        """The entities, bool[e], that each strategy guesses among whatever the known entity is."""
        rarest, often = self.rarest, self.times == self.times[self.possible].max(initial=0)
        return {
            "rarest there": rarest,
            "rarest there, stated as others there are": self.like_stated(rarest, most=False),
            "rarest there, stated as most others there are": self.like_stated(rarest, most=True),
            "most often there": self.possible & often,
            "with one other there": self.has_one_partner,
        }

    @cached_property
    def statements(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.counts.of_word(self.word, self.slot)

    @cached_property
    def times(self) -> np.ndarray:
        """int[e], how often each entity is stated there."""
        entity, _, count = self.statements
        return np.bincount(entity, count, self.counts.entities).astype(np.int64)

    @cached_property
    def possible(self) -> np.ndarray:
        """bool[e]: of the form, and of the kind of those stated there; if none is, of any kind."""
        kind, (_, kinds) = self.counts.kind_of_place(self.word, self.slot), self.counts.kinds
        return self.has_form & (kinds >= 0 if kind < 0 else kinds == kind)

    @cached_property
    def rarest(self) -> np.ndarray:
        """bool[e]: never stated there or, where all possible ones are, least often."""
        return self.possible & (self.times == self.times[self.possible].min(initial=np.iinfo(np.int64).max))

    @cached_property
    def has_one_partner(self) -> np.ndarray:
        """bool[e]: stated there with a single other entity."""
        entity, _, _ = self.statements
        return self.possible & (np.bincount(entity, minlength=self.counts.entities) == 1)

    def with_one_partner(self) -> dict[int, np.ndarray]:
        """Those of them, bool[e], whose other entity also stands in a further place, by its bit in profiles."""
        entity, partner, _ = self.statements
        profile = np.zeros(self.counts.entities, np.uint64)
        profile[entity] = self.counts.profile[partner]
        profile[~self.has_one_partner] = 0
        present = np.bitwise_or.reduce(profile)
        return {bit: (profile & place_bit(bit)) > 0 for bit in range(PROFILE_BITS) if present & place_bit(bit)}

    def like_stated(self, entities: np.ndarray, most: bool) -> np.ndarray:
        """Those of the `entities`, bool[e], that stand in the same other places as one that is stated here.

        `most`: in the same as most of those. All of them where that leaves none.
        """
        elsewhere = self.counts.profile & ~place_bit(2 * self.word + self.slot)
        profiles, number = np.unique(elsewhere[self.possible & (self.times > 0)], return_counts=True)
        if not len(profiles):
            return entities
        position = find_sorted(profiles, elsewhere)
        alike = np.where(entities & (position >= 0), number[position], 0)
        wanted = max(int(alike.max()), 1) if most else 1
        return alike >= wanted if (alike >= wanted).any() else entities


@dataclass(frozen=True)
class CountingAnswerer:
    """Answers questions from counts.

    A pair of the known entity and an accepted answer is not counted where the world's documents state it. That is the
    fact which the question is about, and what is measured is what one gets without it.
    """

    entities: Entities
    world: Counts
    """of the world's documents"""
    episodes: Counts | None = None
    """of further documents, whose pairs are all counted"""

    @cached_property
    def counts(self) -> Counts:
        return self.world if self.episodes is None else self.world + self.episodes

    def strategies(self, asked: Asked) -> dict[str, np.ndarray]:
        """For each strategy how probable an accepted answer is, float[q]."""
        order = np.lexsort((asked.form, asked.slot, asked.word))
        asked, result = asked.where(order), {}
        pairs = self.pairs(asked)
        together = pairs.merged(len(self.entities))
        by_word = pairs.in_place(2 * asked.word + asked.slot).merged(len(self.entities))
        for rows in groups(asked):
            group = asked.where(rows)
            parts = (part_of(part, rows) for part in (together, by_word))
            for name, values in self.of_group(group, *parts).items():
                result.setdefault(name, np.zeros(len(order)))[order[rows]] = values
        return best_of_family(result)

    def pairs(self, asked: Asked) -> Pairs:
        """What is stated of each known entity, without the fact that is asked about."""
        pairs = Pairs.build(asked, self.world)
        pairs = pairs.where(~pairs.is_accepted(asked))
        if self.episodes is None:
            return pairs
        return Pairs(*(np.concatenate(columns) for columns in zip(pairs, Pairs.build(asked, self.episodes))))

    def of_group(self, asked: Asked, together: Pairs, by_word: Pairs) -> dict[str | int, np.ndarray]:
        """The strategies for questions with one word, slot and form. Those with a number are of one family."""
        place = self.place(asked)
        accepted = asked.accepted
        values = {name: guess(chosen, accepted) for name, chosen in (place.sets() | place.with_one_partner()).items()}
        for name, pairs in (("together", together), ("together by that word", by_word)):
            values[f"least often {name}"] = guess_by_pairs(place.possible, pairs, accepted, most=False)
            values[f"most often {name}"] = guess_by_pairs(place.possible, pairs, accepted, most=True)
        values["rarest there, least often together"] = guess_by_pairs(place.rarest, together, accepted, most=False)
        return values

    def place(self, asked: Asked) -> Place:
        """The place that questions with one word, slot and form are about."""
        return Place(self.counts, int(asked.word[0]), int(asked.slot[0]), self.form == asked.form[0])

    @cached_property
    def form(self) -> np.ndarray:
        """int[e], the form of each name: its length and alphabet."""
        return 2 * self.entities.lengths + alphabet(self.entities)


def alphabet(entities: Entities) -> np.ndarray:
    """int8[e], 0 for all where there is one alphabet."""
    return np.zeros(len(entities), np.int8) if entities.alphabet is None else entities.alphabet


def groups(asked: Asked) -> list[slice]:
    """Rows of questions that are ordered by word, slot and form: those that have all three in common."""
    columns = np.stack([asked.word, asked.slot, asked.form])
    bounds = [0, *(np.flatnonzero((np.diff(columns) != 0).any(0)) + 1).tolist(), len(asked.word)]
    return [slice(*ends) for ends in zip(bounds, bounds[1:])]


def part_of(pairs: Pairs, rows: slice) -> Pairs:
    """Those of the questions `rows`, numbered from 0."""
    part = pairs.where(slice(*np.searchsorted(pairs.row, [rows.start, rows.stop])))
    return part._replace(row=part.row - rows.start)


def guess(chosen: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """How often a uniform guess among the chosen entities, bool[e], is one of accepted[q, a]: float[q]."""
    return (chosen[accepted] & (accepted >= 0)).sum(1) / max(chosen.sum(), 1)


def guess_by_pairs(possible: np.ndarray, pairs: Pairs, accepted: np.ndarray, most: bool) -> np.ndarray:
    """The same among those of the possible entities that are in most, or in fewest, statements with the known one."""
    count, pairs = len(accepted), pairs.where(possible[pairs.entity])
    key = pairs.row * len(possible) + pairs.entity
    times, is_possible = np.zeros(accepted.shape, np.int64), possible[accepted] & (accepted >= 0)
    if len(key):
        position = find_sorted(key, np.arange(count)[:, None] * len(possible) + accepted)
        times = np.where(position >= 0, pairs.count[position], 0)
    num_paired = np.bincount(pairs.row, minlength=count)
    wanted = np.full(count, 0 if most else np.iinfo(np.int64).max)
    (np.maximum if most else np.minimum).at(wanted, pairs.row, pairs.count)
    num_unpaired = int(possible.sum()) - num_paired
    if not most:
        wanted[num_unpaired > 0] = 0
    num_chosen = np.bincount(pairs.row, pairs.count == wanted[pairs.row], count)
    num_chosen = np.where(wanted == 0, num_unpaired, num_chosen)
    is_chosen = is_possible & (times == wanted[:, None])
    return is_chosen.sum(1) / np.maximum(num_chosen, 1)


def best_of_family(strategies: dict[str | int, np.ndarray]) -> dict[str, np.ndarray]:
    """The strategies that have names, and the best of those that have numbers."""
    named = {name: values for name, values in strategies.items() if isinstance(name, str)}
    numbered = [values for name, values in strategies.items() if isinstance(name, int)]
    if numbered:
        named["with one other there, which stands elsewhere, too"] = max(numbered, key=np.mean)
    return named
