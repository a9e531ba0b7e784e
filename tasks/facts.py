"""Which facts there are and how each is told: both ways, or one way only, half of those by either word."""

from dataclasses import dataclass

import numpy as np

from tasks import world
from tasks.statements import Statements


@dataclass(frozen=True)
class Facts:
    """One matching a relation: `heads`, `tails` (entities) and `word`, all int[r, n]; told by the `forward` word, by
    the `backward` word or by both, or kept back as `new`, bool[r, n]."""

    heads: np.ndarray
    tails: np.ndarray
    word: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    new: np.ndarray

    def statements(self) -> tuple[Statements, np.ndarray]:
        """All that is told, and the rows of what is told one way only."""
        forward, backward, both = self.forward, self.backward, self.forward & self.backward
        told = Statements(
            np.concatenate([self.heads[forward], self.tails[backward]]),
            np.concatenate([self.word[forward], world.inverse(self.word[backward])]),
            np.concatenate([self.tails[forward], self.heads[backward]]),
        )
        return told, np.flatnonzero(~np.concatenate([both[forward], both[backward]]))

    def kept_back(self) -> Statements:
        """One statement of each fact that is kept back, half of them by either word."""
        kept = Statements(self.heads, self.word, self.tails)[self.new]
        return kept.turned(np.arange(len(kept)) % 2 == 1)

    def of(self, statements: Statements) -> np.ndarray:
        """Which fact each statement is about, int[n]: the same for both of its words."""
        by_inverse = statements.word % 2 == 1
        return np.where(by_inverse, statements.target, statements.source) * len(self.word) + statements.word // 2

    def truth(self, entities: int) -> np.ndarray:
        """The tail of each head, int[r, e]; -1 for none."""
        found = np.full((len(self.word), entities), -1)
        np.put_along_axis(found, self.heads, self.tails, 1)
        return found

    def untold(self, told: Statements, entities: int) -> np.ndarray:
        """Entities that belong in the first or last slot of a word and that no statement shows there: bool[2, w, e]."""
        belongs, seen = np.zeros((2, 2, 2 * len(self.word), entities), bool)
        for slot, ends in enumerate(((self.heads, self.tails), (self.tails, self.heads))):
            belongs[slot, self.word, ends[0]] = belongs[slot, world.inverse(self.word), ends[1]] = True
        seen[0, told.word, told.source] = seen[1, told.word, told.target] = True
        return belongs & ~seen


def draw_facts(
    matching: str,
    entities: int,
    relations: int,
    one_way: int,
    two_way: int | None,
    new: int,
    rng: np.random.Generator,
) -> Facts:
    """`one_way`, `two_way` and `new` facts, as evenly as can be over the relations; None: all others."""
    match = world.MATCHINGS[matching]
    heads, tails = (np.stack(ends) for ends in zip(*(match(entities, rng) for _ in range(relations))))
    word = np.broadcast_to(2 * np.arange(relations)[:, None], heads.shape)
    rank = rng.permuted(np.broadcast_to(np.arange(heads.shape[1]), heads.shape), axis=1)
    one_way_end = world.spread(one_way, relations)
    told = heads.size - new if two_way is None else one_way + two_way
    two_way_end, new_end = world.spread(told, relations), world.spread(told + new, relations)
    # Half by the forward word; an odd one goes to it in every second relation.
    by_forward_end = (one_way_end + np.arange(relations)[:, None] % 2) // 2
    both = (rank >= one_way_end) & (rank < two_way_end)
    forward = both | (rank < by_forward_end)
    backward = both | ((rank >= by_forward_end) & (rank < one_way_end))
    return Facts(heads, tails, word, forward, backward, (rank >= two_way_end) & (rank < new_end))
