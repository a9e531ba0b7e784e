"""Which facts of a file are told one way only, so that no question by the other word was answered in training.

A fact told only as `A r B` is asked as `B r' _`, and every X with `X r B` is right. So all of these are told by r
only: whole groups are held out, those of one tail by the forward word, those of one head by the inverse word.
"""

import numpy as np

from tasks.triples_file import FileFacts


def one_way(facts: FileFacts, share: float, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The facts told by the forward word only, and by the inverse word only, bool[n] each: about `share` of each
    relation's, half of them either way as far as groups of at most `most` facts allow.

    Of each relation, the side with fewer and so larger groups is served first, then the other one, which takes groups
    without a fact that is held out, then what is left is offered to the first again.
    """
    relation, entities, relations = facts.relation, len(facts.names), len(facts.relations.line)
    by_tail, by_head = (numbered(relation * entities + end) for end in (facts.tails, facts.heads))
    groups = [np.bincount(relation[first_of(group)], minlength=relations) for group in (by_tail, by_head)]
    even = np.arange(relations) % 2 == 0
    tails_first = np.where(groups[0] == groups[1], even, groups[0] < groups[1])[relation]
    sides = np.where(tails_first, by_tail, by_head), np.where(tails_first, by_head, by_tail)
    sides = [numbered(relation * len(facts) + side) for side in sides]
    ends = np.round(share * np.cumsum(np.bincount(relation, minlength=relations))).astype(int)
    wanted = np.diff(ends, prepend=0)
    held = np.zeros((2, len(facts)), bool)
    for turn, side in enumerate((0, 1, 0)):
        budget = (wanted + 1) // 2 if turn == 0 else wanted - np.bincount(relation[held.any(0)], minlength=relations)
        free = np.bincount(sides[side], weights=held.any(0)) == 0
        held[side] |= whole_groups(sides[side], relation, free, budget, most, rng)
    return np.where(tails_first, *held), np.where(tails_first, *held[::-1])


def numbered(keys: np.ndarray) -> np.ndarray:
    """The same keys as numbers from 0, without gaps."""
    return np.unique(keys, return_inverse=True)[1].ravel()


def first_of(group: np.ndarray) -> np.ndarray:
    """A member of each group, numbered from 0."""
    return np.unique(group, return_index=True)[1]


def whole_groups(
    group: np.ndarray, relation: np.ndarray, free: np.ndarray, budget: np.ndarray, most: int, rng: np.random.Generator
) -> np.ndarray:
    """The members of groups that are `free`, in random order as many as the `budget` of their relation allows, bool[n];
    none of a group with more than `most` members or more than the budget."""
    size, of = np.bincount(group), relation[first_of(group)]
    fits = free & (size <= np.minimum(budget[of], most))
    order = np.lexsort((rng.random(len(size)), of))
    total = np.cumsum(np.where(fits, size, 0)[order])
    before = np.concatenate([[0], total])[np.searchsorted(of[order], of[order])]  # what the relations before it took
    taken = np.zeros(len(size), bool)
    taken[order] = fits[order] & (total - before <= budget[of[order]])
    return taken[group]
