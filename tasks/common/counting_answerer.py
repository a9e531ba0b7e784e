"""A counting answerer: what anyone gets who counts statements, and infers nothing from any of them.

Each of its strategies names a set of entities for a question, and guesses uniformly among them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.common.asked import Asked, Pairs, alphabet, groups, part_of
from tasks.common.counts import Counts
from tasks.common.places import LEAST, Place
from tasks.common.statement_reader import find_sorted
from tasks.vocabulary import Entities

IN_ALL = ", of episodes too"


@dataclass(frozen=True)
class CountingAnswerer:
    """Answers questions from counts.

    Pairs of the known entity and an accepted answer are not counted where the world's documents state them by a word
    of the asked relation. That is the fact which is asked about, and what is measured is what one gets without it.
    """

    entities: Entities
    world: Counts
    """of the world's documents"""
    relation: np.ndarray
    """int[w], the relation of each word: the same for synonyms and inverse words"""
    episodes: Counts | None = None
    """of further documents, whose pairs are all counted"""

    @cached_property
    def counts(self) -> Counts:
        return self.world if self.episodes is None else self.world + self.episodes

    def strategies(self, asked: Asked) -> dict[str | int, np.ndarray]:
        """For each strategy how probable an accepted answer is, float[q]. Those with a number are of one family."""
        order = np.lexsort((asked.form, asked.slot, asked.word))
        asked, result = asked.where(order), {}
        pairs = self.pairs(asked)
        for rows in groups(asked):
            group = asked.where(rows)
            parts = {name: part_of(part, rows) for name, part in pairs.items()}
            for name, values in self.of_group(group, parts).items():
                result.setdefault(name, np.zeros(len(order)))[order[rows]] = values
        return result

    def pairs(self, asked: Asked) -> dict[str, Pairs]:
        """What is stated of each known entity, without the fact that is asked about: in all, by the asked word, and by
        words of the asked relation in the order that means the same.
        """
        pairs = Pairs.build(asked, self.world)
        pairs = pairs.where(~(self.is_of_relation(pairs, asked) & pairs.is_accepted(asked)))
        if self.episodes is not None:
            further = Pairs.build(asked, self.episodes)
            pairs = Pairs(*(np.concatenate(columns) for columns in zip(pairs, further)))
        is_asked_word, is_asked_slot = (
            pairs.place // 2 == asked.word[pairs.row],
            pairs.place % 2 == asked.slot[pairs.row],
        )
        parts = {
            "together": slice(None),
            "together by that word": is_asked_word & is_asked_slot,
            "together by that relation": self.is_of_relation(pairs, asked) & (is_asked_word == is_asked_slot),
        }
        return {name: pairs.where(chosen).merged(len(self.entities)) for name, chosen in parts.items()}

    def is_of_relation(self, pairs: Pairs, asked: Asked) -> np.ndarray:
        """bool[n], whether the word is of the asked relation."""
        return self.relation[pairs.place // 2] == self.relation[asked.word[pairs.row]]

    def of_group(self, asked: Asked, parts: dict[str, Pairs]) -> dict[str | int, np.ndarray]:
        """The strategies for questions with one word, slot and form."""
        place, accepted = self.place(asked), asked.accepted
        sets = place.sets()
        values = {name: guess(chosen, accepted) for name, chosen in (sets | place.with_one_partner()).items()}
        if self.episodes is not None:
            further = self.place(asked, with_episodes=True).sets()
            values |= {name + IN_ALL: guess(chosen, accepted) for name, chosen in further.items()}
        eliminated = {f"{name}, ": chosen for name, chosen in sets.items() if name.startswith(LEAST)}
        for base, possible in ({"": place.possible} | eliminated).items():
            for name, pairs in parts.items():
                values[f"{base}least often {name}"] = guess_by_pairs(possible, pairs, accepted, most=False)
                values[f"{base}most often {name}"] = guess_by_pairs(possible, pairs, accepted, most=True)
        return values

    def place(self, asked: Asked, with_episodes: bool = False) -> Place:
        """The place that questions with one word, slot and form are about, in the world's documents or in all."""
        counts = self.counts if with_episodes else self.world
        return Place(counts, int(asked.word[0]), int(asked.slot[0]), self.form == asked.form[0])

    @cached_property
    def form(self) -> np.ndarray:
        """int[e], the form of each name: its length and alphabet."""
        return 2 * self.entities.lengths + alphabet(self.entities)


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
