"""How codebooks are told and asked: statements of their entries and of what they encode, and questions by split."""

from dataclasses import dataclass

import numpy as np

from tasks import world
from tasks.asking import span
from tasks.codebook_books import Books, Names, sequences
from tasks.codebook_context import DECODES, ENCODES, MEANS
from tasks.corpus import SOURCE, TARGET, Questions, blank
from tasks.statements import Statements, Writer, places


@dataclass(frozen=True)
class Telling:
    """The `books` as statements, `renderings` times each, and as questions, `asked` a split. The words of a relation
    are a book's and a verb, the first verb being number `verb`; the first `one_way` books are told one way only."""

    books: Books
    names: Names
    writer: Writer
    verb: int
    one_way: int
    renderings: int
    asked: int

    def state(self, book: np.ndarray, plain: np.ndarray, verb: int) -> Statements:
        """That books [n] have these codes for plain symbols [n], or for sequences of them [n, length]."""
        code = self.books.code[book[:, None] if plain.ndim > 1 else book, plain]
        ends = self.names.plain(plain), self.names.code(code)
        source, target = ends[::-1] if verb == DECODES else ends
        return Statements(source, book, target, np.full(len(book), self.verb + verb))

    def definitions(self) -> Statements:
        """One an entry, book by book."""
        return self.state(*self.entries(), MEANS)

    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        book, plain = np.indices(self.books.code.shape)
        return book.ravel(), plain.ravel()

    def told(self) -> Statements:
        """All that training tells, the definitions first."""
        encoded = self.state(*in_books(self.books.told), ENCODES)
        return self.definitions() + encoded + self.state(*in_books(self.books.told, self.one_way), DECODES)

    def questions(self, order: np.ndarray, rng: np.random.Generator) -> dict[str, Questions]:
        """By split. The documents hold the statements `order`[n, m] of those that are told."""
        books, asked, one_way = self.books, self.asked, self.one_way
        (count, symbols), encoded = books.code.shape, books.told.shape[1]
        latent = int(books.latent[0].sum())
        left = 1 / (sequences(symbols - latent, self.names.length) - encoded)
        entries = np.sort(rng.permutation(count * symbols)[:asked])
        book, plain = in_books(books.unused, asked=asked)
        hidden = books.latent[book[:, None], plain].sum(1)
        ways = np.array([sequences(latent, k) for k in range(min(latent, self.names.length) + 1)])
        splits = {
            "define": (*(part[entries] for part in self.entries()), MEANS, 0.0),
            "encode": (*in_books(books.left, asked=asked), ENCODES, left),
            "decode_told": (*in_books(books.left, one_way, asked=asked), DECODES, left),
            "latent": (book, plain, ENCODES, 1 / ways[hidden]),
            "decode": (*in_books(books.told, 0, one_way, asked), DECODES, 1 / encoded),
        }
        return {split: self.ask(order, rng, *one) for split, one in splits.items() if len(one[0])}

    def inferences(self, order: np.ndarray) -> Questions:
        """Sequences of any entries, as many a book as are told; and what is told of one-way books, decoded."""
        rng, told = np.random.default_rng(0), self.books.told
        any_entries = self.names.every[rng.integers(len(self.names.every), size=told.shape[:2])]
        encoded = self.ask(order, rng, *in_books(any_entries), ENCODES, 0.0)
        if not self.one_way:
            return encoded
        return encoded + self.ask(order, rng, *in_books(told, 0, self.one_way), DECODES, 0.0)

    def ask(
        self,
        order: np.ndarray,
        rng: np.random.Generator,
        book: np.ndarray,
        plain: np.ndarray,
        verb: int,
        by_elimination: np.ndarray | float,
    ) -> Questions:
        """What `state` says last, left open."""
        count, one = len(book), np.arange(len(book))[:, None]
        stated = self.state(book, plain, verb)
        full = self.writer.write(stated, one, rng)
        start, size = span(full, TARGET)
        needs = (book * self.names.symbols + plain.T).T.reshape(count, -1).astype(np.int32)
        support = places(order, needs, self.renderings)
        chance = np.full(count, 1 / sequences(self.names.symbols, needs.shape[1]))
        turned = None  # there is no word to tell a definition backwards
        if verb != MEANS:
            back = self.state(book, plain, ENCODES if verb == DECODES else DECODES)
            turned = self.writer.write(back, one, np.random.default_rng(0), filled=False)
            turned = blank(turned, *span(turned, SOURCE))
        return Questions(
            blank(full, start, size),
            start,
            size,
            stated.target[:, None].astype(np.int32),
            support,
            needs,
            chance,
            np.broadcast_to(by_elimination, count).copy(),
            turned,
        )


def in_books(
    plain: np.ndarray, first: int = 0, end: int | None = None, asked: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The sequences plain[b, m, length] of the books from `first` to before `end`, with the book of each: all, or
    `asked` in all, evenly from each book, where it has so many."""
    some = plain[first:end]
    count, m = some.shape[:2]
    each = world.spread(asked, count) if asked is not None and count else m
    there = np.broadcast_to(np.arange(m) < each, (count, m))
    return first + np.nonzero(there)[0], some[there]
