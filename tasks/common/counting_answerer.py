"""A counting answerer: what anyone gets who counts statements, and infers nothing from any of them.

Each of its strategies names a set of entities for a question, and guesses uniformly among them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.common.asked import Asked, Pairs, alphabet, groups, part_of
from tasks.common.counts import Counts
from tasks.common.places import Place
from tasks.common.statement_reader import find_sorted
from tasks.vocabulary import Entities


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
        together = pairs.merged(len(self.entities))
        by_word = pairs.in_place(2 * asked.word + asked.slot).merged(len(self.entities))
        for rows in groups(asked):
            group = asked.where(rows)
            parts = (part_of(part, rows) for part in (together, by_word))
            for name, values in self.of_group(group, *parts).items():
                result.setdefault(name, np.zeros(len(order)))[order[rows]] = values
        return result

    def pairs(self, asked: Asked) -> Pairs:
        """What is stated of each known entity, without the fact that is asked about."""
        pairs = Pairs.build(asked, self.world)
        is_asked = self.relation[pairs.place // 2] == self.relation[asked.word[pairs.row]]
        pairs = pairs.where(~(is_asked & pairs.is_accepted(asked)))
        if self.episodes is None:
            return pairs
        return Pairs(*(np.concatenate(columns) for columns in zip(pairs, Pairs.build(asked, self.episodes))))

    def of_group(self, asked: Asked, together: Pairs, by_word: Pairs) -> dict[str | int, np.ndarray]:
        """The strategies for questions with one word, slot and form."""
        place = self.place(asked)
        accepted = asked.accepted
        values = {name: guess(chosen, accepted) for name, chosen in (place.sets() | place.with_one_partner()).items()}
        for name, pairs in (("together", together), ("together by that word", by_word)):
            values[f"least often {name}"] = guess_by_pairs(place.possible, pairs, accepted, most=False)
            values[f"most often {name}"] = guess_by_pairs(place.possible, pairs, accepted, most=True)
        values["least often in that slot, least often together"] = guess_by_pairs(
            place.rarest, together, accepted, most=False
        )
        return values

    def place(self, asked: Asked) -> Place:
        """The place that questions with one word, slot and form are about."""
        return Place(self.counts, int(asked.word[0]), int(asked.slot[0]), self.form == asked.form[0])

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
