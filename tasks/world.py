"""Entities, relations and facts, before they become text.

A fact is (head, relation, tail); a relation is a bijection, so every question has one answer.
To match entities in another way: one function and one line in MATCHINGS.
"""

import itertools

import numpy as np

from tasks.corpus import Entities
from tasks.settings import SettingError

WORDS = (
    ("teacher-of", "student-of"),
    ("parent-of", "child-of"),
    ("doctor-of", "patient-of"),
    ("employer-of", "employee-of"),
    ("captain-of", "sailor-of"),
    ("painter-of", "sitter-of"),
    ("landlord-of", "tenant-of"),
    ("lender-of", "borrower-of"),
    ("seller-of", "buyer-of"),
    ("host-of", "guest-of"),
    ("sender-of", "receiver-of"),
    ("leader-of", "follower-of"),
    ("author-of", "reader-of"),
    ("guardian-of", "ward-of"),
    ("creditor-of", "debtor-of"),
    ("trainer-of", "trainee-of"),
    ("baker-of", "eater-of"),
    ("winner-over", "loser-to"),
    ("senior-of", "junior-of"),
    ("giver-to", "taker-from"),
)


def relation_words(count: int, wordings: int = 1) -> tuple[str, ...]:
    """`count` pairs in the order forward, inverse, forward, inverse, …; numbered once WORDS are used up. As many
    again for each further wording, told apart by a number."""
    more = ((f"rel{i}-of", f"inv{i}-of") for i in range(len(WORDS), count))
    words = tuple(itertools.chain(*WORDS[:count], *more))
    return words + tuple(f"{word}-{k}" for k in range(2, wordings + 1) for word in words)


def inverse(word: np.ndarray) -> np.ndarray:
    """The inverse of relation words numbered as `relation_words` orders them."""
    return word ^ 1


def chain(entities: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One pool: a permutation of all entities without a fixed point or a two-cycle, A → B → C → …

    So B has an answer of its own under the same word, and swapping the ends is never right.
    """
    here = np.arange(entities)
    while True:  # about one permutation in five qualifies (e^-1.5)
        there = rng.permutation(entities)
        if not ((there == here) | (there[there] == here)).any():
            return here, there


def disjoint(entities: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The first half are heads, the second half tails, matched at random."""
    half = entities // 2
    return np.arange(half), half + rng.permutation(half)


MATCHINGS = {"chain": chain, "disjoint": disjoint}


def spread(count: int, over: int) -> np.ndarray:
    """`count` divided over `over` rows as evenly as can be, int[over, 1]."""
    return (count // over + (np.arange(over) < count % over))[:, None]


def syllables(count: int) -> list[str]:
    """`count` different pieces a person can read and tell apart, all of as few syllables as that takes."""
    short = [c + v for c in "bdfghjklmnprstvwz" for v in "aeiou"]
    long = 1
    while len(short) ** long < count:
        long += 1
    apart = len(short) ** long // count  # evenly spread over all there are
    return [
        "".join(short[i * apart // len(short) ** j % len(short)] for j in reversed(range(long))) for i in range(count)
    ]


def name_entities(
    entities: int, tokens_a_name: tuple[int, int], pieces: int | None, first_id: int, rng: np.random.Generator
) -> tuple[list[str], Entities]:
    """Names of shortest..longest `tokens_a_name`, equally many of each length; token ids start at `first_id`.

    With `pieces`, every name is another sequence from a pool of so many; the pool is divided by the length
    of the names a piece may begin, so that no name is the beginning of another. Without, each piece stands
    in one name only. Returns the pieces' words and the Entities, in random order.
    """
    shortest, longest = tokens_a_name
    sizes = np.resize(np.arange(shortest, longest + 1), entities).astype(np.int32)
    tokens = np.zeros((entities, longest), np.int32)
    if pieces:
        words = syllables(pieces)
        for k, first in zip(range(shortest, longest + 1), np.array_split(np.arange(pieces), longest - shortest + 1)):
            rows = np.flatnonzero(sizes == k)
            room = min(len(first) * pieces ** (k - 1), 2**62)  # more than enough, and it fits a number
            if len(rows) > room:
                raise SettingError(
                    f"task.pieces is {pieces}, but {len(rows)} names of {k} tokens need more: "
                    f"these give {room} (raise task.pieces or lower task.entities)"
                )
            code = rng.choice(room, len(rows), replace=False)
            for j in range(k - 1, 0, -1):
                code, tokens[rows, j] = np.divmod(code, pieces)
            tokens[rows, 0] = first[code]
    else:
        words = syllables(int(sizes.sum()))
        tokens[np.arange(longest) < sizes[:, None]] = rng.permutation(len(words))
    order = rng.permutation(entities)
    tokens, sizes = tokens[order], sizes[order]
    spoken = tuple("-".join(words[i] for i in row[:k]) for row, k in zip(tokens.tolist(), sizes.tolist()))
    tokens = np.where(np.arange(longest) < sizes[:, None], tokens + first_id, 0).astype(np.int32)
    return words, Entities(tokens, sizes, spoken)
