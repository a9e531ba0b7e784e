"""The books of the codebook world: the code of each plain symbol, and the sequences that are stated or asked about.

Symbols are numbers, 0 to `symbols` - 1 in either alphabet, plain or code. The alphabets share no word.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import perm

import numpy as np

from tasks.common.names import syllables
from tasks.vocabulary import Entities

VERBS = ("means", "encodes-as", "decodes-as")
MEANS, ENCODES, DECODES = range(len(VERBS))


@dataclass(frozen=True)
class Alphabets:
    """Both alphabets, and the entities of this world: single symbols, then all sequences of different symbols.

    In each of these two groups, the plain alphabet comes before the code. A symbol also begins sequences. So the size
    of the open span tells which of them a question asks for.
    """

    symbols: int
    """symbols of each alphabet"""
    length: int
    """symbols of a sequence"""
    first_symbol: int
    """token id of the first plain symbol; those of the code follow the plain ones"""

    @property
    def words(self) -> tuple[str, ...]:
        """Plain symbols, then codes in capitals."""
        words = syllables(2 * self.symbols)
        return (*words[: self.symbols], *(word.upper() for word in words[self.symbols :]))

    @cached_property
    def sequences(self) -> np.ndarray:
        """All sequences of different symbols of one alphabet, in lexicographic order, int[s, length]."""
        return np.array(list(permutations(range(self.symbols), self.length)))

    @cached_property
    def repeating_sequences(self) -> np.ndarray:
        """All sequences of fewer different symbols, which start again from the first (`a b a`), int[s, length]."""
        different = (part for count in range(1, self.length) for part in permutations(range(self.symbols), count))
        return np.array([(part * self.length)[: self.length] for part in different])

    def plain_entity(self, symbols: np.ndarray) -> np.ndarray:
        """The entities, int[n], of single plain symbols [n] or of sequences of them [n, length]."""
        return symbols if symbols.ndim == 1 else 2 * self.symbols + self.row_of(symbols)

    def code_entity(self, symbols: np.ndarray) -> np.ndarray:
        """The same for codes."""
        return self.symbols + symbols if symbols.ndim == 1 else self.plain_entity(symbols) + len(self.sequences)

    def row_of(self, sequences: np.ndarray) -> np.ndarray:
        """The rows, int[n], of `self.sequences` that hold these sequences [n, length]."""
        digits = self.symbols ** np.arange(self.length)[::-1]
        return np.searchsorted(self.sequences @ digits, sequences @ digits)

    def entities(self) -> Entities:
        """The entities of the world."""
        return self.entities_of(self.sequences)

    def episode_entities(self) -> Entities:
        """Those of episodes, where a book may define fewer entries than a sequence has symbols. Numbers differ."""
        return self.entities_of(np.concatenate([self.sequences, self.repeating_sequences]))

    def entities_of(self, sequences: np.ndarray) -> Entities:
        """Single symbols, then these sequences [s, length] in both alphabets."""
        single, words = np.arange(2 * self.symbols)[:, None], self.words
        both = np.concatenate([sequences, self.symbols + sequences])  # [2 s, length]
        tokens = np.zeros((len(single) + len(both), self.length), np.int32)
        tokens[: len(single), :1], tokens[len(single) :] = self.first_symbol + single, self.first_symbol + both
        return Entities(
            tokens=tokens,
            lengths=np.repeat(np.array([1, self.length], np.int32), [len(single), len(both)]),
            names=(*words, *("-".join(words[i] for i in row) for row in both.tolist())),
            alphabet=(tokens[:, 0] >= self.first_symbol + self.symbols).astype(np.int8),
        )


@dataclass(frozen=True)
class Books:
    """All books, one a row. Sequences are of plain symbols, int[b, _, length]."""

    code: np.ndarray
    """int[b, s], the code of each plain symbol"""
    is_latent: np.ndarray
    """bool[b, s], whether the entry of each plain symbol is defined and never used"""
    stated: np.ndarray
    """sequences of used symbols whose encodings are stated"""
    recombined: np.ndarray
    """other sequences of used symbols, only asked about"""
    with_latent: np.ndarray
    """sequences with latent symbols, only asked about"""


def draw_books(
    alphabets: Alphabets,
    *,
    books: int,
    latent: int,
    min_latent: int,
    encodings: int,
    questions: int,
    rng: np.random.Generator,
) -> Books:
    """Books with so many `latent` entries each, at random, and so many stated `encodings`.

    Each book has `questions` sequences that are `recombined`, and as many `with_latent`, or as many as there can be.
    The latter have `min_latent` latent symbols or more. Every used symbol stands in every position of some stated
    sequence: the rotations see to it.
    """
    symbols, sequences = alphabets.symbols, alphabets.sequences
    used, further = symbols - latent, encodings - (symbols - latent)
    code, order = (rng.permuted(np.tile(np.arange(symbols), (books, 1)), axis=1) for _ in range(2))
    # The symbols of `sequences` are ranks for now: the first `used` ranks of a book are its used symbols.
    rotations = alphabets.row_of((np.arange(used)[:, None] + np.arange(alphabets.length)) % used)
    others = np.setdiff1d(np.flatnonzero((sequences < used).all(1)), rotations)
    with_latent = np.flatnonzero((sequences >= used).sum(1) >= max(min_latent, 1))
    # Rows of `sequences` for each book, int[b, _].
    other_rows = np.stack([rng.permutation(others)[: further + questions] for _ in range(books)])
    latent_rows = np.stack([rng.permutation(with_latent)[:questions] for _ in range(books)])
    stated_rows = np.concatenate([np.tile(rotations, (books, 1)), other_rows[:, :further]], axis=1)
    stated_rows = rng.permuted(stated_rows, axis=1)

    is_latent = np.zeros((books, symbols), bool)
    np.put_along_axis(is_latent, order[:, used:], True, 1)
    book = np.arange(books)[:, None, None]
    return Books(  # order[book, rank] is the book's symbol of this rank: [b, _, length]
        code=code,
        is_latent=is_latent,
        stated=order[book, sequences[stated_rows]],
        recombined=order[book, sequences[other_rows[:, further:]]],
        with_latent=order[book, sequences[latent_rows]],
    )


def count_sequences(symbols: int, length: int) -> int:
    """How many sequences of `length` different symbols there are."""
    return perm(symbols, length)
