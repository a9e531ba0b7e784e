"""The codebook world: books that write one symbol for another, defined entry by entry and used to encode sequences.

A definition says `a book3 means X`; an encoding says a sequence and the codes of its symbols, one by one:
`a b c book3 encodes-as X Y Z`. All entries of all books are defined, some are never used in an encoding, and some
books are never told backwards, by `decodes-as`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.codebook_books import Names, draw_books, sequences
from tasks.codebook_context import VERBS, BooksInContext, Throwaway
from tasks.codebook_telling import Telling
from tasks.corpus import Corpus, Premises
from tasks.settings import require
from tasks.statements import Writer, in_documents
from tasks.vocabulary import FILLER, SPECIAL, Vocabulary

MOST_SEQUENCES = 100_000  # of one alphabet: each is an entity, which a model's answer is compared with


@dataclass(frozen=True)
class Codebook(BooksInContext):
    """Entries that are defined and never used (Lampinen et al. 2025b, 2509.16189), as a from-scratch task.

    Two alphabets that share no symbol: plain a b c …, code X Y Z …; each book r is a bijection between them. Symbols
    of a sequence are different. Entries c and e of book r are latent: defined, never used. Book s is told both ways,
    book r one way only.

        documents    [begin] f a r means X f                   a definition; those of all entries are told
                     [begin] a b d r encodes-as X Y W f        an encoding, of used entries
                     [begin] f U V W s decodes-as a b d        a decoding, of each encoding of two-way books

        define       [begin] f a r means _                     as told: X
        encode       [begin] b a d r encodes-as _ f            used entries, not told in this order: Y X W
        decode_told  [begin] V U W s decodes-as _              the same, decoded, in a two-way book: b a d
        latent       [begin] f c a e r encodes-as _            two latent entries or more, never used: Z X V
        decode       [begin] X Y W r decodes-as _ f            told as an encoding, in a one-way book: a b d

    Chance is one in all sequences of the answer's alphabet, or in its symbols. By elimination: for `latent`, the codes
    of used entries given, one in the ways of writing the others with codes that the book's encodings never show; for
    `decode`, one in the sequences encoded with that book, none of which it is told to be decoded to; for `encode` and
    `decode_told`, one in the sequences of used symbols that are not told with the book; none for what is told.
    """

    HELD_OUT: ClassVar = ("latent", "decode")
    WATCHED: ClassVar = ("encode", "latent")
    MEANING: ClassVar = {
        "define": "a r means _           as it was told",
        "encode": "b a d r encodes-as _  entries that encodings use, in an order that was not told",
        "decode_told": "V U W s decodes-as _  the same, decoded, in a book that is told both ways",
        "latent": "c a e r encodes-as _  entries that are defined and never used",
        "decode": "X Y W r decodes-as _  an encoding that was told, in a book that is told one way only",
    }

    books: int = 20
    """codebooks, each with a word of its own"""
    symbols: int = 12
    """plain symbols, and as many code symbols; each book has an entry for each"""
    length: int = 3
    """symbols of a sequence"""
    latent: float = 0.5
    """share of the entries of each book that are defined and never used"""
    latent_asked: int = 2
    """latent entries in a `latent` question, at least; with one, elimination leaves as many codes as are latent"""
    one_way: int = 10
    """books whose encodings are never told backwards, as decodings"""
    encodings: int = 60
    """encodings told with each book"""
    asked: int = 240
    """questions a split, evenly over its books, or as many as there are"""

    def __post_init__(self):
        super().__post_init__()
        for name in ("books", "encodings", "asked"):
            require(getattr(self, name) >= 1, f"task.{name}", getattr(self, name), "1 or more")
        require(self.length >= 2, "task.length", self.length, "2 or more")
        require(self.symbols >= self.length, "task.symbols", self.symbols, f"task.length ({self.length}) or more")
        most = f"such that there are at most {MOST_SEQUENCES:,} sequences of task.length ({self.length}) symbols"
        require(sequences(self.symbols, self.length) <= MOST_SEQUENCES, "task.symbols", self.symbols, most)
        require(0 <= self.latent <= 1, "task.latent", self.latent, "0 to 1")
        enough = f"such that {self.length} or more of {self.symbols} entries are used, as many as a sequence has"
        require(self.used >= self.length, "task.latent", self.latent, enough)
        few = f"1 to {self.length}, the symbols of a sequence"
        require(1 <= self.latent_asked <= self.length, "task.latent_asked", self.latent_asked, few)
        has = f"{self.latent_asked} (task.latent_asked) or more of {self.symbols} entries are latent, or none"
        latent = self.symbols - self.used
        require(latent == 0 or latent >= self.latent_asked, "task.latent", self.latent, f"such that {has}")
        require(
            0 <= self.one_way <= self.books, "task.one_way", self.one_way, f"0 to {self.books}, the books there are"
        )
        most = sequences(self.used, self.length) - 1
        told = f"{self.used} to {most}: one a used entry or more, and not all sequences of {self.used} used entries"
        require(self.used <= self.encodings <= most, "task.encodings", self.encodings, told)
        most = f"1 to {self.symbols}, the entries of a book"
        require(
            not self.in_context or self.context_facts <= self.symbols, "task.context_facts", self.context_facts, most
        )

    @property
    def used(self) -> int:
        """Entries of each book that encodings use."""
        return self.symbols - round(self.latent * self.symbols)

    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings and `seed`."""
        rng = np.random.default_rng([seed, 0])
        verb = self.books + self.context_own
        relations = (*(f"book{i}" for i in range(verb)), *VERBS)
        first_filler = len(SPECIAL) + len(relations)
        names = Names(self.symbols, self.length, first_filler + len(FILLER))
        vocabulary, entities = Vocabulary((*SPECIAL, *relations, *FILLER, *names.words)), names.entities()
        writer = Writer(entities, len(SPECIAL), len(relations), 1, first_filler, len(FILLER), self.filler)
        latent, each = self.symbols - self.used, -(-self.asked // max(1, self.books - self.one_way))
        books = draw_books(names, self.books, latent, self.latent_asked, self.encodings, each, rng)
        telling = Telling(books, names, writer, verb, self.one_way, self.renderings, self.asked)

        stated, definitions = telling.told(), telling.definitions()
        order = in_documents(len(stated), self.renderings, self.statements, rng)
        documents = writer.write(stated, order, rng)

        truth = np.full((verb, self.symbols), -1)
        truth[: self.books] = books.code
        pool = np.arange(self.books if self.context_own else 0, verb)
        throwaway = Throwaway(self, writer, truth, pool, verb, names.length, names.first)
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=entities,
            relations=relations,
            documents=documents,
            questions=telling.questions(order, rng),
            longest=self.longest(2 * self.length + 2),
            premises=Premises(writer.bare(definitions), np.arange(len(definitions))),
            drawn=self.drawn(throwaway.draw),
            inferences=lambda: telling.inferences(order),
        )
        return self.divided(corpus, self.HELD_OUT, seed)
