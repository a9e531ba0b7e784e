"""The facts of the reversal world: which there are, and in which of both directions training states each.

A fact is (head, relation, tail). Each relation is a bijection, so every question has one answer.
To match heads and tails in another way: one function and one line in MATCHINGS.
"""

from dataclasses import dataclass

import numpy as np

from tasks.common.relations import inverse_of, spread_evenly
from tasks.common.statements import Statements


def chain(entities: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One pool: a permutation of all entities without a fixed point or a two-cycle, A → B → C → …

    So B has an answer of its own to the same word, and swapping source and target is never right.
    """
    heads = np.arange(entities)
    while True:  # about one permutation in five qualifies (e^-1.5)
        tails = rng.permutation(entities)
        if not ((tails == heads) | (tails[tails] == heads)).any():
            return heads, tails


def disjoint(entities: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The first half of the entities are heads, the second half tails, matched at random."""
    half = entities // 2
    return np.arange(half), half + rng.permutation(half)


MATCHINGS = {"chain": chain, "disjoint": disjoint}


@dataclass(frozen=True)
class Facts:
    """The facts of all relations, int[r, n] or bool[r, n]: one matching a relation."""

    heads: np.ndarray
    tails: np.ndarray
    word: np.ndarray
    """the relation word that leads from head to tail"""
    stated_forward: np.ndarray
    """whether training states the fact by that word"""
    stated_inverse: np.ndarray
    """whether training states it by the inverse word"""
    unseen: np.ndarray
    """whether no document mentions it"""

    def stated(self) -> tuple[Statements, np.ndarray]:
        """All that training states, and the rows of facts stated one way only."""
        forward, inverse = self.stated_forward, self.stated_inverse
        statements = Statements(
            np.concatenate([self.heads[forward], self.tails[inverse]]),
            np.concatenate([self.word[forward], inverse_of(self.word[inverse])]),
            np.concatenate([self.tails[forward], self.heads[inverse]]),
        )
        two_way = forward & inverse
        return statements, np.flatnonzero(~np.concatenate([two_way[forward], two_way[inverse]]))

    def unseen_statements(self) -> Statements:
        """One statement of each unseen fact, half of them by either word."""
        statements = Statements(self.heads, self.word, self.tails)[self.unseen]
        return statements.inverse(np.arange(len(statements)) % 2 == 1)

    def fact_of(self, statements: Statements) -> np.ndarray:
        """Which fact each statement states, int[n]: the same for both of its words."""
        by_inverse = statements.word % 2 == 1
        head = np.where(by_inverse, statements.target, statements.source)
        return head * len(self.word) + statements.word // 2


def draw_facts(
    matching: str,
    entities: int,
    relations: int,
    one_way: int,
    two_way: int | None,
    unseen: int,
    rng: np.random.Generator,
) -> Facts:
    """Facts of which so many are `one_way`, `two_way` and `unseen`, spread evenly over the relations.

    `two_way` None: all that are neither of the others. Half of the one-way facts are stated by either word.
    """
    match = MATCHINGS[matching]
    heads, tails = (np.stack(ends) for ends in zip(*(match(entities, rng) for _ in range(relations))))
    word = np.broadcast_to(2 * np.arange(relations)[:, None], heads.shape)
    rank = rng.permuted(np.broadcast_to(np.arange(heads.shape[1]), heads.shape), axis=1)
    # By rank, each relation's facts are one-way, then two-way, then unseen, then left out.
    one_way_end = spread_evenly(one_way, relations)
    stated = heads.size - unseen if two_way is None else one_way + two_way
    two_way_end, unseen_end = spread_evenly(stated, relations), spread_evenly(stated + unseen, relations)
    # The first half is stated by the forward word; an odd fact goes to it in every second relation.
    forward_end = (one_way_end + np.arange(relations)[:, None] % 2) // 2
    two_way_facts = (rank >= one_way_end) & (rank < two_way_end)
    return Facts(
        heads=heads,
        tails=tails,
        word=word,
        stated_forward=two_way_facts | (rank < forward_end),
        stated_inverse=two_way_facts | ((rank >= forward_end) & (rank < one_way_end)),
        unseen=(rank >= two_way_end) & (rank < unseen_end),
    )
