"""Relation words. Each relation has a word and an inverse word: `A teacher-of B` is also `B student-of A`.

To add a relation: a pair in WORDS.
"""

import itertools

import numpy as np

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
    """`count` pairs in the order word, inverse, word, inverse, …

    They are numbered once WORDS are used up. Each further wording repeats them all, with its number behind them.
    """
    more = ((f"rel{i}-of", f"inv{i}-of") for i in range(len(WORDS), count))
    words = tuple(itertools.chain(*WORDS[:count], *more))
    return words + tuple(f"{word}-{k}" for k in range(2, wordings + 1) for word in words)


def inverse_of(word: np.ndarray) -> np.ndarray:
    """The inverse of relation words, numbered as `relation_words` orders them."""
    return word ^ 1


def spread_evenly(count: int, groups: int) -> np.ndarray:
    """`count` divided over so many groups as evenly as possible, int[groups, 1]."""
    return (count // groups + (np.arange(groups) < count % groups))[:, None]
