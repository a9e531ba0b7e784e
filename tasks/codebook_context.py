"""Documents that define throwaway entries of codebooks and use them at once, so that a model learns to look them up
in its context (Lampinen et al. 2025b, 2509.16189). What one states is not true in the world."""

from dataclasses import dataclass, replace

import numpy as np

from tasks.anew import DrawnAnew, only_answers, pick
from tasks.corpus import Documents, Entities
from tasks.settings import require
from tasks.statements import Statements, Writer

VERBS = ("means", "encodes-as", "decodes-as")
MEANS, ENCODES, DECODES = range(len(VERBS))


@dataclass(frozen=True, kw_only=True)
class BooksInContext(DrawnAnew):
    """Settings of a task of codebooks that can draw such documents."""

    context_facts: int = 8
    """most definitions in one (1 to this many, at random)"""
    context_books: int = 4
    """most books that they are of (1 to this many, at random)"""
    restated: int = 4
    """most questions that follow in one, each about another of its definitions and others of the same book"""
    context_again: float = 0.25
    """share of these that ask for one symbol, from either end; the others ask for whole sequences"""
    context_turned: float = 0.5
    """share of the questions that decode; the others encode"""
    context_told_turned: float = 0.5
    """share of the definitions that are stated from the other end, as decodings of one symbol"""
    context_hubs: float = 0.5
    """share of the documents whose books define the same plain symbols as far as can be, so that to encode takes the
    book, too"""

    def __post_init__(self):
        super().__post_init__()
        for name in ("context_again", "context_turned", "context_told_turned", "context_hubs"):
            require(0 <= getattr(self, name) <= 1, f"task.{name}", getattr(self, name), "0 to 1")
        for name in ("context_facts", "context_books", "restated"):
            require(getattr(self, name) >= 1, f"task.{name}", getattr(self, name), "1 or more")

    def statements_drawn(self) -> int:
        """Statements in the longest such document, 0 where none is drawn."""
        return self.context_facts + min(self.restated, self.context_facts) if self.in_context else 0


@dataclass(frozen=True)
class Throwaway:
    """Draws documents of entries that the books of the world do not have.

        [begin] f a r means X [separator] Y r decodes-as b f [separator] a b r encodes-as X Y [separator] Y X r …

    Only the answer of a statement that asks has a role, so it alone is ever a target. Symbols of a sequence are
    different, where so many are defined. `truth`[r, s] is the code of plain symbol s in book r of the world, -1 for
    none; `pool` are the books that such definitions are of; `verb` is the first verb among the words of relations.
    """

    settings: BooksInContext
    writer: Writer
    truth: np.ndarray
    pool: np.ndarray
    verb: int
    length: int
    first: int

    def draw(self, n: int, rng: np.random.Generator) -> Documents:
        """`n` documents."""
        most, length = self.settings.context_facts, self.length
        book, plain, code = self.definitions(n, rng)
        facts = rng.integers(1, most + 1, (n, 1))
        stated = np.arange(most) < facts
        begin = np.where(stated, rng.random((n, most)), 2).argsort(1)[:, : self.settings.restated]
        asks = begin.shape[1]
        there = np.concatenate([stated, np.arange(asks) < facts], axis=1)
        of = pick(book, begin)
        again = rng.random((n, asks)) < self.settings.context_again
        turn = rng.random((n, asks)) < self.settings.context_turned

        # A sequence goes on with other entries of the book it began with and, when there are no more, from the start.
        fits = stated[:, None] & (book[:, None] == of[..., None])
        order = np.where(fits, rng.random(fits.shape), 2)
        np.put_along_axis(order, begin[..., None], -1, 2)
        at = np.arange(length) % np.maximum(fits.sum(2), 1)[..., None]
        chosen = np.take_along_axis(order.argsort(2), at, 2).reshape(n, -1)
        size = np.concatenate([np.ones((n, most), np.int32), np.where(again, 1, length).astype(np.int32)], axis=1)

        def names(values: np.ndarray) -> np.ndarray:
            alone = np.repeat(values[..., None], length, axis=2)
            return np.concatenate([alone, pick(values, chosen).reshape(n, asks, length)], axis=1)

        from_code = rng.random((n, most)) < self.settings.context_told_turned
        turned = np.concatenate([from_code, turn], axis=1)[..., None]
        plain, code = self.first + names(plain), self.first + self.truth.shape[1] + names(code)
        ends = np.concatenate([np.where(turned, code, plain), np.where(turned, plain, code)]).reshape(-1, length)
        verb = np.where(turn, DECODES, np.where(again, MEANS, ENCODES))
        verb = np.concatenate([np.where(from_code, DECODES, MEANS), verb], axis=1)
        row = np.arange(size.size)
        every = Statements(row, np.concatenate([book, of], axis=1).ravel(), size.size + row, self.verb + verb.ravel())
        writer = replace(self.writer, entities=Entities(ends.astype(np.int32), np.tile(size.ravel(), 2), ()))
        rows = np.where(there, row.reshape(n, -1), -1)
        return only_answers(writer.write(every, rows, rng, rng.random(n) < self.settings.context_filler), facts)

    def definitions(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Book, plain symbol and code of `context_facts` definitions for each of n documents, int[n, m]: each book
        a bijection, and none of them true in the world."""
        most, symbols = self.settings.context_facts, self.truth.shape[1]
        books = min(self.settings.context_books, len(self.pool))
        several = self.pool[rng.random((n, len(self.pool))).argsort(1)[:, :books]]
        slot = (rng.random((n, most)) * rng.integers(1, books + 1, (n, 1))).astype(int)
        earlier = np.tri(most, k=-1, dtype=bool)
        rank = ((slot[:, None] == slot[..., None]) & earlier).sum(2)  # how many of the same book stand before
        plain, code = (rng.random((n, books, symbols)).argsort(2) for _ in range(2))
        document, hub = np.arange(n)[:, None], rng.random((n, 1)) < self.settings.context_hubs
        book = pick(several, slot)
        plain, code = plain[document, np.where(hub, 0, slot), rank], code[document, slot, rank]
        true = (self.truth[book, plain] == code).any(1)
        if true.any():
            book[true], plain[true], code[true] = self.definitions(int(true.sum()), rng)
        return book, plain, code
