"""Codebooks: which symbol each writes for which, what is told of it, what is asked. Arrays only, one row a book.

Symbols are numbers: `plain` ones and `code` ones, 0 to `symbols` - 1 each, two alphabets that share no word.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import perm

import numpy as np

from tasks import world
from tasks.corpus import Entities


@dataclass(frozen=True)
class Names:
    """The entities of this world: single symbols, then all sequences of `length` different ones; of either kind, those
    of the plain alphabet and then those of the code. `first` is the token of the first plain symbol.

    A symbol begins sequences; which of them is asked for is told by the open span, here as everywhere.
    """

    symbols: int
    length: int
    first: int

    @property
    def words(self) -> tuple[str, ...]:
        """Plain symbols, and codes in capitals."""
        words = world.syllables(2 * self.symbols)
        return (*words[: self.symbols], *(word.upper() for word in words[self.symbols :]))

    @cached_property
    def every(self) -> np.ndarray:
        """All sequences of one alphabet, int[s, length], in order."""
        return np.array(list(permutations(range(self.symbols), self.length)))

    def plain(self, symbols: np.ndarray) -> np.ndarray:
        """The entities that single plain symbols [n] are, or sequences of them [n, length]."""
        return symbols if symbols.ndim == 1 else 2 * self.symbols + self.place(symbols)

    def code(self, symbols: np.ndarray) -> np.ndarray:
        """The same of the code."""
        return self.symbols + symbols if symbols.ndim == 1 else self.plain(symbols) + len(self.every)

    def place(self, sequences: np.ndarray) -> np.ndarray:
        """Where in `every` sequences[n, length] stand."""
        digits = self.symbols ** np.arange(self.length)[::-1]
        return np.searchsorted(self.every @ digits, sequences @ digits)

    def entities(self) -> Entities:
        alone, words = np.arange(2 * self.symbols)[:, None], self.words
        sequences = np.concatenate([self.every, self.symbols + self.every])
        tokens = np.zeros((len(alone) + len(sequences), self.length), np.int32)
        tokens[: len(alone), :1], tokens[len(alone) :] = self.first + alone, self.first + sequences
        lengths = np.repeat(np.array([1, self.length], np.int32), [len(alone), len(sequences)])
        names = (*words, *("-".join(words[i] for i in row) for row in sequences.tolist()))
        return Entities(tokens, lengths, names, (tokens[:, 0] >= self.first + self.symbols).astype(np.int8))


@dataclass(frozen=True)
class Books:
    """`code`[b, s]: what each book writes for each plain symbol; `latent` bool[b, s]: defined, and never used. Plain
    sequences, int[b, _, length]: `told` are encoded in training, `left` only asked about, of used symbols both;
    `unused` have latent ones in them."""

    code: np.ndarray
    latent: np.ndarray
    told: np.ndarray
    left: np.ndarray
    unused: np.ndarray


def draw_books(
    names: Names, books: int, latent: int, least: int, encodings: int, asked: int, rng: np.random.Generator
) -> Books:
    """Books with so many `latent` entries, at random in each; of `unused` sequences, each with `least` of them or
    more, and of those `left`, there are `asked` a book, or as many as there can be.

    The sequences told include, for each used symbol and each place, one with this symbol in this place.
    """
    symbols, every = names.symbols, names.every
    used = symbols - latent
    code, order = (rng.permuted(np.tile(np.arange(symbols), (books, 1)), axis=1) for _ in range(2))
    turns = names.place((np.arange(used)[:, None] + np.arange(names.length)) % used)
    others = np.setdiff1d(np.flatnonzero((every < used).all(1)), turns)
    unused = np.flatnonzero((every >= used).sum(1) >= max(least, 1))
    more = np.stack([rng.permutation(others)[: encodings - used + asked] for _ in range(books)])
    hidden = np.stack([rng.permutation(unused)[:asked] for _ in range(books)])
    told = rng.permuted(np.concatenate([np.tile(turns, (books, 1)), more[:, : encodings - used]], axis=1), axis=1)

    def of(rows: np.ndarray) -> np.ndarray:
        return order[np.arange(books)[:, None, None], every[rows]]

    is_latent = np.zeros((books, symbols), bool)
    np.put_along_axis(is_latent, order[:, used:], True, 1)
    return Books(code, is_latent, of(told), of(more[:, encodings - used :]), of(hidden))


def sequences(symbols: int, length: int) -> int:
    """How many of `length` different symbols there are."""
    return perm(symbols, length)
