"""Which facts of a file are stated one way only, so that training answers none of their inverse questions.

The inverse question of a fact stated only as `A r B` is `B r' _`, and every X with `X r B` is right. So training may
state none of these by r'. Whole groups are held out: the facts of one relation and tail are stated by the forward word
only, or the facts of one relation and head by the inverse word only.

A symmetric relation has one word, so the inverse question is `B r _`, and every entity in a fact with B is right. All
facts of B are stated towards B only. No two such entities are in one fact, which would have to be stated both ways.
"""

import numpy as np

from tasks.triples.world import FileFacts


def choose_one_way(
    facts: FileFacts, share: float, max_answers: int, rng: np.random.Generator, names: frozenset[int] = frozenset()
) -> tuple[np.ndarray, np.ndarray]:
    """The facts stated by the forward word only, and those stated by the inverse word only, bool[n] each.

    They are about `share` of each relation's facts, half of them by either word, as far as whole groups of at most
    `max_answers` facts allow. A relation has two sides: groups of one tail, and groups of one head. The side with fewer
    and so larger groups is served first, up to half of those facts. The other side follows, with groups that have no
    held-out fact. The first side is offered the rest. Symmetric relations have no sides: see `choose_symmetric`.

    The facts about entities in `names` come first, by the forward word, with all others of their tail.
    """
    relation, entities, relations = facts.relation, len(facts.names), len(facts.relations.line)
    by_tail = number_groups(relation * entities + facts.tails)
    by_head = number_groups(relation * entities + facts.heads)
    tails_first = is_tail_side_first(by_tail, by_head, relation, relations)[relation]
    # The group of each fact on the first side of its relation, and on the second: [n] each. Groups by tail and by head
    # have the same numbers, so those of each relation get numbers of their own.
    sides = np.where(tails_first, by_tail, by_head), np.where(tails_first, by_head, by_tail)
    groups = [number_groups(relation * len(facts) + side) for side in sides]
    quota = spread_over_relations(share, relation, relations)
    of_symmetric = np.where(facts.relations.is_symmetric, quota, 0)
    quota = quota - of_symmetric
    by_name = about_names(facts, names, by_tail, max_answers)
    held_out = np.stack([by_name & tails_first, by_name & ~tails_first])  # by side
    for side, is_half in ((0, True), (1, False), (0, False)):
        budget = quota - np.bincount(relation[held_out.any(0)], minlength=relations)
        if is_half:
            budget = (budget + 1) // 2
        is_free = np.bincount(groups[side], weights=held_out.any(0)) == 0
        held_out[side] |= take_groups(groups[side], relation, is_free, budget, max_answers, rng)
    towards_tail, towards_head = choose_symmetric(facts, of_symmetric, max_answers, rng)
    by_tail, by_head = np.where(tails_first, *held_out), np.where(tails_first, *held_out[::-1])
    return by_tail | towards_tail, by_head | towards_head


def about_names(facts: FileFacts, names: frozenset[int], by_tail: np.ndarray, max_answers: int) -> np.ndarray:
    """The facts about entities in `names`, with all others of their relation and tail, bool[n].

    None of symmetric relations, nor of a tail with more than `max_answers` facts.
    """
    named = np.isin(facts.heads, list(names)) | np.isin(facts.tails, list(names))
    possible = ~facts.is_symmetric & (np.bincount(by_tail)[by_tail] <= max_answers)
    return np.isin(by_tail, by_tail[named & possible])


def choose_symmetric(
    facts: FileFacts, quota: np.ndarray, max_answers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The facts that are stated towards their tail only, and towards their head only, bool[n] each.

    At most `quota`[r] of each relation: all facts of random entities that have no held-out fact yet, and none with
    themselves.
    """
    held_out = np.zeros((2, len(facts)), bool)  # towards tail, towards head
    for relation in np.flatnonzero(quota):
        rows, left = np.flatnonzero(facts.relation == relation), quota[relation]
        rows_of: dict[int, list[int]] = {}
        for row, head, tail in zip(rows.tolist(), facts.heads[rows].tolist(), facts.tails[rows].tolist()):
            rows_of.setdefault(head, []).append(row)
            rows_of.setdefault(tail, []).append(row)  # again, where it is the head
        for entity in rng.permutation(list(rows_of)).tolist():
            own = rows_of[entity]
            with_itself = len(set(own)) < len(own)
            if not with_itself and len(own) <= min(left, max_answers) and not held_out[:, own].any():
                held_out[:, own] = facts.tails[own] == entity, facts.heads[own] == entity
                left -= len(own)
    return held_out[0], held_out[1]


def is_tail_side_first(by_tail: np.ndarray, by_head: np.ndarray, relation: np.ndarray, relations: int) -> np.ndarray:
    """Whether groups of one tail are served before those of one head, bool[r]; where equal, every second time."""
    tail_groups, head_groups = (
        np.bincount(relation[first_members(group)], minlength=relations) for group in (by_tail, by_head)
    )
    is_even = np.arange(relations) % 2 == 0
    return np.where(tail_groups == head_groups, is_even, tail_groups < head_groups)


def spread_over_relations(share: float, relation: np.ndarray, relations: int) -> np.ndarray:
    """How many facts `share` is of each relation's, int[r], rounded such that the sum is right."""
    total = np.cumsum(np.bincount(relation, minlength=relations))
    return np.diff(np.round(share * total).astype(int), prepend=0)


def number_groups(keys: np.ndarray) -> np.ndarray:
    """The same keys as numbers from 0, without gaps."""
    return np.unique(keys, return_inverse=True)[1].ravel()


def first_members(group: np.ndarray) -> np.ndarray:
    """The first member of each group, int[g]; groups are numbered from 0."""
    return np.unique(group, return_index=True)[1]


def take_groups(
    group: np.ndarray,
    relation: np.ndarray,
    is_free: np.ndarray,
    budget: np.ndarray,
    max_size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The members of random groups, bool[n]: as many as the `budget`[r] of their relation allows.

    Only groups that are free, `is_free`[g], and have at most `max_size` members are taken.
    """
    size, relation_of_group = np.bincount(group), relation[first_members(group)]
    possible = is_free & (size <= np.minimum(budget[relation_of_group], max_size))
    order = np.lexsort((rng.random(len(size)), relation_of_group))  # relation by relation, each in random order
    ordered_relation = relation_of_group[order]
    total = np.cumsum(np.where(possible, size, 0)[order])  # facts up to each group, over all relations
    first_of_relation = np.searchsorted(ordered_relation, ordered_relation)
    before_relation = np.concatenate([[0], total])[first_of_relation]
    taken = np.zeros(len(size), bool)
    taken[order] = possible[order] & (total - before_relation <= budget[ordered_relation])
    return taken[group]
