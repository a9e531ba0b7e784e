"""What elimination leaves: a model that only learned who was never the answer to a word guesses among the others."""

from dataclasses import replace
from itertools import groupby, pairwise

from tasks.corpus import RELATION, TARGET, Documents, Entities, Questions


def eliminated(
    documents: Documents, entities: Entities, parts: dict[str, tuple[Questions, Questions]]
) -> dict[str, Questions]:
    """By split, the first of two parts with the chance by elimination that is left once documents tell the answers of
    the second, too: of whom a word was told, nobody takes him for another answer to it."""
    told = told_of(documents)
    names = [tuple(row[:n]) for row, n in zip(entities.tokens.tolist(), entities.lengths)]

    def unseen(of: Questions) -> list[tuple[tuple[tuple[int, ...], int], set[int]]]:
        """By question: its word and the size of its answer, and the accepted ones never told of that word."""
        stated = of.documents.roles == RELATION
        words = [tuple(row[there].tolist()) for row, there in zip(of.documents.tokens, stated)]
        accepted = (
            {e for e in row if e >= 0 and (word, names[e]) not in told} for word, row in zip(words, of.accepted)
        )
        return [((word, int(size)), some) for word, size, some in zip(words, of.size, accepted)]

    gone: dict[tuple[tuple[int, ...], int], set[int]] = {}
    for _, apart in parts.values():
        for key, some in unseen(apart):
            gone.setdefault(key, set()).update(some)
    found = {}
    for split, (of, _) in parts.items():
        chance = of.chance_by_elimination.astype(float)
        for i, (key, some) in enumerate(unseen(of)):
            if chance[i] > 0:
                left = len(some) / chance[i] - len(gone.get(key, ()))
                chance[i] = len(some - gone.get(key, set())) / max(left, 1)
        found[split] = replace(of, chance_by_elimination=chance)
    return found


def told_of(documents: Documents) -> set[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The words of every statement, and the name behind them, as tokens."""
    found = set()
    for tokens, roles in zip(documents.tokens.tolist(), documents.roles.tolist()):
        runs = [(role, tuple(t for t, _ in run)) for role, run in groupby(zip(tokens, roles), key=lambda pair: pair[1])]
        found |= {(word, name) for (a, word), (b, name) in pairwise(runs) if (a, b) == (RELATION, TARGET)}
    return found
