"""A counting answerer: what anyone gets who counts statements, and infers nothing from any of them.

Each of its strategies names a set of entities for a question, and guesses uniformly among them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.common.asked import Asked, Pairs, alphabet, groups, part_of
from tasks.common.counts import Counts, bits_of
from tasks.common.places import LEAST, Place
from tasks.common.statement_reader import find_sorted
from tasks.vocabulary import Entities

IN_ALL = ", of episodes too"
MAX_CELLS = 1_000_000  # of a set of entities for several groups; bounds memory


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
        pairs, all_groups = self.pairs(asked), groups(asked)
        size = max(1, MAX_CELLS // len(self.entities))
        for start in range(0, len(all_groups), size):
            chunk = all_groups[start : start + size]
            rows = slice(chunk[0].start, chunk[-1].stop)
            group = np.repeat(np.arange(len(chunk)), [part.stop - part.start for part in chunk])
            parts = {name: part_of(part, rows) for name, part in pairs.items()}
            for name, values in self.of_groups(asked.where(rows), group, parts).items():
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

    def of_groups(self, asked: Asked, group: np.ndarray, parts: dict[str, Pairs]) -> dict[str | int, np.ndarray]:
        """The strategies for questions of some groups; `group`[q] numbers them. Sets of entities are bool[g, e].

        With episodes, the entities that the world's documents state least often in a slot are also narrowed down by
        pairs in all documents.
        """
        first, accepted = asked.where(np.unique(group, return_index=True)[1]), asked.accepted
        places = [self.place(first, i) for i in range(len(first.word))]
        sets = stack_sets(places)
        values = {name: guess(chosen, group, accepted) for name, chosen in sets.items()}
        values |= guess_by_partner([place.partner_profile for place in places], group, accepted)
        bases = {"": np.stack([place.possible for place in places])}
        if self.episodes is not None:
            further = stack_sets([self.place(first, i, with_episodes=True) for i in range(len(places))])
            values |= {name + IN_ALL: guess(chosen, group, accepted) for name, chosen in further.items()}
            bases |= {f"{name}, ": chosen for name, chosen in sets.items() if name.startswith(LEAST)}
        for base, possible in bases.items():
            for name, pairs in parts.items():
                values[f"{base}least often {name}"] = guess_by_pairs(possible, group, pairs, accepted, most=False)
                values[f"{base}most often {name}"] = guess_by_pairs(possible, group, pairs, accepted, most=True)
        return values

    def place(self, asked: Asked, row: int, with_episodes: bool = False) -> Place:
        """The place that a question is about, in the world's documents or in all."""
        counts = self.counts if with_episodes else self.world
        return Place(counts, int(asked.word[row]), int(asked.slot[row]), self.form == asked.form[row])

    @cached_property
    def form(self) -> np.ndarray:
        """int[e], the form of each name: its length and alphabet."""
        return 2 * self.entities.lengths + alphabet(self.entities)


def stack_sets(places: list[Place]) -> dict[str, np.ndarray]:
    """The sets of entities of several places, bool[g, e] each."""
    sets = [place.sets() for place in places]
    return {name: np.stack([each[name] for each in sets]) for name in sets[0]}


def guess(chosen: np.ndarray, group: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """How often a uniform guess among the chosen entities of its group, bool[g, e], is accepted: float[q]."""
    is_chosen = chosen[group[:, None], accepted] & (accepted >= 0)
    return is_chosen.sum(1) / np.maximum(chosen.sum(1), 1)[group]


def guess_by_partner(profiles: list[np.ndarray], group: np.ndarray, accepted: np.ndarray) -> dict[int, np.ndarray]:
    """The same for each bit, among the entities of the group whose profile[e] has it. Most profiles have no bit."""
    stated = [profile[profile > 0] for profile in profiles]
    of_accepted = np.stack(profiles)[group[:, None], accepted] * (accepted >= 0).astype(np.uint64)
    bits = np.array(bits_of(np.concatenate(stated)), np.uint64)
    sizes = np.stack([((profile[:, None] & bits) > 0).sum(0) for profile in stated], axis=1)  # [bits, g]
    row, column = np.nonzero(of_accepted)
    found = of_accepted[row, column]
    right = (np.bincount(row[(found & bit) > 0], minlength=len(group)) for bit in bits)
    return {int(bit): count / np.maximum(size, 1)[group] for bit, count, size in zip(bits, right, sizes)}


def guess_by_pairs(
    possible: np.ndarray, group: np.ndarray, pairs: Pairs, accepted: np.ndarray, most: bool
) -> np.ndarray:
    """The same among those of the possible entities that are in most, or in fewest, statements with the known one."""
    count, pairs = len(accepted), pairs.where(possible[group[pairs.row], pairs.entity])
    times, is_possible = np.zeros(accepted.shape, np.int64), possible[group[:, None], accepted] & (accepted >= 0)
    if len(pairs.row):
        entities = possible.shape[1]
        asked = np.arange(count)[:, None] * entities + accepted
        position = find_sorted(pairs.row * entities + pairs.entity, asked)
        times = np.where(position >= 0, pairs.count[position], 0)
    num_unpaired = possible.sum(1)[group] - np.bincount(pairs.row, minlength=count)
    wanted = np.full(count, 0 if most else np.iinfo(np.int64).max)
    (np.maximum if most else np.minimum).at(wanted, pairs.row, pairs.count)
    if not most:
        wanted[num_unpaired > 0] = 0
    num_chosen = np.bincount(pairs.row, pairs.count == wanted[pairs.row], count)
    num_chosen = np.where(wanted == 0, num_unpaired, num_chosen)
    return (is_possible & (times == wanted[:, None])).sum(1) / np.maximum(num_chosen, 1)
