"""How codebooks become documents, and the questions of each split."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.codebook.world import DECODES, ENCODES, MEANS, Alphabets, Books, count_sequences
from tasks.common.questions import open_first, role_span
from tasks.common.relations import spread_evenly
from tasks.common.statements import (
    DocumentConfig,
    Statements,
    StatementWriter,
    assign_to_documents,
    find_documents,
)
from tasks.corpus import TARGET, Cloze, Documents, Premises, Questions

BookSequences = tuple[np.ndarray, np.ndarray]  # books [n] and plain sequences [n, length], or single symbols [n]


@dataclass(frozen=True)
class CodebookStatements:
    """What can be stated of the books. The words of a relation are that of a book and a verb."""

    books: Books
    alphabets: Alphabets
    first_verb: int
    """relation word of the first verb; those of the books stand before it"""
    one_way: int
    """so many books, the first ones, are stated one way only: never by `decodes-as`"""

    def state(self, book: np.ndarray, plain: np.ndarray, verb: int) -> Statements:
        """The code, in books [n], of plain symbols [n] or of sequences of them [n, length]."""
        code = self.books.code[book[:, None] if plain.ndim > 1 else book, plain]
        source, target = self.alphabets.plain_entity(plain), self.alphabets.code_entity(code)
        if verb == DECODES:
            source, target = target, source
        return Statements(source, book, target, np.full(len(book), self.first_verb + verb))

    def entries(self) -> BookSequences:
        """The book and the plain symbol of each entry, book by book."""
        book, plain = np.indices(self.books.code.shape)
        return book.ravel(), plain.ravel()

    def definitions(self) -> Statements:
        """One statement an entry, book by book."""
        return self.state(*self.entries(), MEANS)

    def trained(self) -> Statements:
        """All that training states, the definitions first."""
        encodings = self.state(*in_books(self.books.stated), ENCODES)
        decodings = self.state(*in_books(self.books.stated, first=self.one_way), DECODES)
        return self.definitions() + encodings + decodings


@dataclass(frozen=True)
class CodebookDocuments:
    """Training documents about the books, and what can be asked about them."""

    statements: CodebookStatements
    writer: StatementWriter
    config: DocumentConfig
    questions_per_split: int
    assignment: np.ndarray
    """int[n, m], which trained statements each document holds"""
    documents: Documents

    @staticmethod
    def draw(
        statements: CodebookStatements,
        writer: StatementWriter,
        config: DocumentConfig,
        questions_per_split: int,
        rng: np.random.Generator,
    ) -> "CodebookDocuments":
        trained = statements.trained()
        assignment = assign_to_documents(len(trained), config.copies, config.statements, rng)
        documents = writer.write(trained, assignment, rng)
        return CodebookDocuments(statements, writer, config, questions_per_split, assignment, documents)

    def premises(self) -> Premises:
        definitions = self.statements.definitions()
        return Premises(self.writer.write_plain(definitions), np.arange(len(definitions)))

    def questions(self, rng: np.random.Generator) -> dict[str, Questions]:
        """By split."""
        books, one_way, count = self.statements.books, self.statements.one_way, self.questions_per_split
        num_stated = books.stated.shape[1]
        recombined = 1 / (count_sequences(self.used, self.alphabets.length) - num_stated)
        defined = np.sort(rng.permutation(books.code.size)[:count])
        book, plain = self.statements.entries()
        with_latent = in_books(books.with_latent, count=count)
        # The sequences of each split, the verb of its questions, and what elimination by symbols gets.
        splits = {
            "define": ((book[defined], plain[defined]), MEANS, 0.0),
            "encode": (in_books(books.recombined, count=count), ENCODES, recombined),
            "decode_stated": (in_books(books.recombined, first=one_way, count=count), DECODES, recombined),
            "latent": (with_latent, ENCODES, self.latent_baseline(*with_latent)),
            "decode": (in_books(books.stated, end=one_way, count=count), DECODES, 1 / num_stated),
        }
        return {
            split: self.build_questions(sequences, verb, baseline, rng)
            for split, (sequences, verb, baseline) in splits.items()
            if len(sequences[0])
        }

    def inferences(self) -> Questions:
        """Encodings of any entries, as many a book as are stated; and decodings of what one-way books state."""
        rng, stated = np.random.default_rng(0), self.statements.books.stated
        sequences = self.alphabets.sequences
        encoded = sequences[rng.integers(len(sequences), size=stated.shape[:2])]  # [b, m, length]
        encodings = self.build_questions(in_books(encoded), ENCODES, 0.0, rng)
        if not self.statements.one_way:
            return encodings
        one_way = in_books(stated, end=self.statements.one_way)
        return encodings + self.build_questions(one_way, DECODES, 0.0, rng)

    def build_questions(
        self, sequences: BookSequences, verb: int, baseline: np.ndarray | float, rng: np.random.Generator
    ) -> Questions:
        """Questions for the last entity of what is stated of the `sequences` by this verb.

        `baseline`: what elimination by symbols gets for each, float[q], or for all.
        """
        book, plain = sequences
        count = len(book)
        statements = self.statements.state(book, plain, verb)
        documents = self.writer.write(statements, np.arange(count)[:, None], rng)
        entry = book * self.alphabets.symbols + plain.T  # [length, q], or [q] for single symbols
        premises = entry.T.reshape(count, -1).astype(np.int32)
        return Questions(
            cloze=Cloze.open(documents, *role_span(documents, TARGET)),
            accepted=statements.target[:, None].astype(np.int32),
            support_documents=find_documents(self.assignment, premises, self.config.copies),
            premises=premises,
            chance=np.full(count, 1 / count_sequences(self.alphabets.symbols, premises.shape[1])),
            elimination_baseline=np.broadcast_to(baseline, count).copy(),
            link_baseline=np.zeros(count),
            inverse_form=self.inverse_form(book, plain, verb),
        )

    def inverse_form(self, book: np.ndarray, plain: np.ndarray, verb: int) -> Cloze | None:
        """The same by the inverse verb, its first entity open; None for definitions, which have no inverse wording."""
        if verb == MEANS:
            return None
        return open_first(self.writer, self.statements.state(book, plain, ENCODES if verb == DECODES else DECODES))

    def latent_baseline(self, book: np.ndarray, plain: np.ndarray) -> np.ndarray:
        """What elimination by symbols gets for encodings of plain[q, length], float[q].

        Codes of used symbols are given. The others are guessed among the codes that no encoding of the book shows.
        """
        num_latent = self.statements.books.is_latent[book[:, None], plain].sum(1)
        latent = self.alphabets.symbols - self.used
        guesses = [count_sequences(latent, k) for k in range(min(latent, self.alphabets.length) + 1)]
        return 1 / np.array(guesses)[num_latent]

    @property
    def alphabets(self) -> Alphabets:
        return self.statements.alphabets

    @cached_property
    def used(self) -> int:
        """Entries of each book that encodings use."""
        return int((~self.statements.books.is_latent[0]).sum())


def in_books(plain: np.ndarray, *, first: int = 0, end: int | None = None, count: int | None = None) -> BookSequences:
    """The sequences plain[b, m, length] of the books `first` to `end` - 1, and the book of each.

    `count`: so many in all, evenly from each book, or as many as there are; None: all.
    """
    plain = plain[first:end]
    books, per_book = plain.shape[:2]
    taken = spread_evenly(count, books) if count is not None and books else per_book
    is_taken = np.broadcast_to(np.arange(per_book) < taken, (books, per_book))
    return first + np.nonzero(is_taken)[0], plain[is_taken]
