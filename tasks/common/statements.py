"""Statements as arrays, and how they become documents. Nothing here loops over facts."""

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np

from config.validation import require, require_at_least, require_at_most
from tasks.common.relations import inverse_of
from tasks.common.segments import Segment, concatenate, special
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Documents
from tasks.vocabulary import BEGIN, SEPARATOR, Entities

FIRST, LAST = 0, 1  # the two slots of a statement

MAX_DOCUMENTS = 100_000_000  # some ten GB of memory
MAX_TOKENS = 10_000  # filler around the statements of a document, and copies of it


@dataclass(frozen=True, kw_only=True)
class DocumentConfig:
    """Settings of the training documents of every task."""

    main_settings: ClassVar = ()

    filler: int = 2
    """maximum of filler tokens before, and after, each statement; their number is uniform, from 0 on"""
    statements: int = 1
    """statements a document, joined by [separator]"""
    copies: int = 16
    """documents in which each statement stands, each with other filler and neighbours; time and memory grow with it"""

    def __post_init__(self):
        require_at_least(self, "task.documents", 0, "filler")
        require_at_least(self, "task.documents", 1, "statements", "copies")
        require_at_most(self, "task.documents", MAX_TOKENS, "filler", "statements")
        require_at_most(self, "task.documents", MAX_TOKENS, "copies")

    def max_length(self, statement_length: int, episode_statements: int) -> int:
        """Tokens in the longest document.

        A statement has at most `statement_length` tokens. It stands behind [begin] or [separator], between filler.
        """
        return max(self.statements, episode_statements) * (1 + statement_length + 2 * self.filler)


@dataclass(frozen=True)
class Statements:
    """Statements, one a row: `source word target`."""

    source: np.ndarray
    """int[n], entity"""
    word: np.ndarray
    """int[n], relation word"""
    target: np.ndarray
    """int[n], entity"""
    second_word: np.ndarray | None = None
    """int[n], a word behind the relation word, -1 for none; None: for no row"""
    first_word: np.ndarray | None = None
    """int[n], a word in front of the source, -1 for none; None: for no row"""

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows) -> "Statements":
        parts = (getattr(self, field.name) for field in fields(self))
        return Statements(*(None if part is None else part[rows] for part in parts))

    def __add__(self, other: "Statements") -> "Statements":
        """These, then the others."""
        pairs = zip((*self.triple(), *self.further_words()), (*other.triple(), *other.further_words()))
        return Statements(*(np.concatenate(pair) for pair in pairs))

    def triple(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source, relation word and target."""
        return self.source, self.word, self.target

    def further_words(self) -> tuple[np.ndarray, np.ndarray]:
        """`second_word` and `first_word`, -1 for none."""
        none = np.full(len(self), -1)
        return (
            none if self.second_word is None else self.second_word,
            none if self.first_word is None else self.first_word,
        )

    def inverse(self, where: np.ndarray | bool = True) -> "Statements":
        """The same facts by the inverse word, where so."""
        return Statements(
            np.where(where, self.target, self.source),
            np.where(where, inverse_of(self.word), self.word),
            np.where(where, self.source, self.target),
        )


@dataclass(frozen=True)
class StatementWriter:
    """Writes statements as documents: [begin] f A r B f [separator] f C q D f …     (f: filler)"""

    entities: Entities
    first_word: int
    """token id of the first relation word"""
    words_per_wording: int
    """relation words of one wording; each wording has as many, in the same order"""
    wordings: int
    """wordings of each relation; every statement takes one at random"""
    first_filler: int
    """token id of the first filler word"""
    filler_words: int
    """different filler words"""
    max_filler: int
    """filler tokens before, and after, a statement; their number is uniform, from 0 on"""

    def write(
        self, statements: Statements, rows: np.ndarray, rng: np.random.Generator, with_filler: np.ndarray | bool = True
    ) -> Documents:
        """Documents that hold the statements `rows`[n, m] (-1: none).

        Documents where `with_filler`[n] is False have no filler.
        """
        n, per_document = rows.shape
        second_word, first_word = statements.further_words()
        segments = [special(BEGIN, np.ones(n, bool))]
        for j in range(per_document):
            row, present = rows[:, j], rows[:, j, None] >= 0
            if j:
                segments.append(special(SEPARATOR, present[:, 0]))
            has_filler = present & np.reshape(with_filler, (-1, 1))
            filler_before = self.draw_filler(has_filler, rng)
            wording = rng.integers(self.wordings, size=n) if self.wordings > 1 else np.zeros(n, np.int64)
            segments += [
                filler_before,
                *self.optional_word(first_word[row], wording, present),
                self.name(statements.source[row], present, SOURCE),
                Segment(self.word_tokens(statements.word[row], wording), present, RELATION),
                *self.optional_word(second_word[row], wording, present),
                self.name(statements.target[row], present, TARGET),
                self.draw_filler(has_filler, rng),
            ]
        return concatenate(*segments)

    def write_plain(self, statements: Statements) -> Documents:
        """One statement a document, in the first wording, without [begin] and filler."""
        rng = np.random.default_rng(0)  # nothing of what it draws is kept
        documents = replace(self, wordings=1).write(statements, np.arange(len(statements))[:, None], rng, False)
        return Documents(documents.tokens[:, 1:], documents.lengths - 1, documents.roles[:, 1:])

    def name(self, entity: np.ndarray, present: np.ndarray, role: int) -> Segment:
        """The names of entities [n]."""
        position = np.arange(self.entities.tokens.shape[1])
        is_token = position < self.entities.lengths[entity, None]
        return Segment(self.entities.tokens[entity], present & is_token, role)

    def word_tokens(self, word: np.ndarray, wording: np.ndarray) -> np.ndarray:
        """Token ids [n, 1] of words [n]. Words beyond those of the relations have one wording only."""
        shift = np.where(word < self.words_per_wording, self.words_per_wording * wording, 0)
        return (self.first_word + word + shift)[:, None]

    def optional_word(self, word: np.ndarray, wording: np.ndarray, present: np.ndarray) -> list[Segment]:
        """Relation words [n], -1 for none. No segment at all where there is none."""
        has_word = word >= 0
        if not has_word.any():
            return []
        return [Segment(self.word_tokens(word, wording), present & has_word[:, None], RELATION)]

    def draw_filler(self, present: np.ndarray, rng: np.random.Generator) -> Segment:
        """0 to `max_filler` filler words where `present`[n, 1]."""
        n = len(present)
        words = self.first_filler + rng.integers(self.filler_words, size=(n, self.max_filler), dtype=np.int32)
        count = rng.integers(self.max_filler + 1, size=(n, 1))
        return Segment(words, present & (np.arange(self.max_filler) < count), NONE)


def assign_to_documents(count: int, copies: int, per_document: int, rng: np.random.Generator) -> np.ndarray:
    """Which statements each document holds, int[n, per_document] (-1: none).

    Each of `count` statements stands in `copies` documents. Their order differs from copy to copy. Raises SettingError
    for more documents than memory should hold.
    """
    allowed = f"{MAX_DOCUMENTS // max(count, 1):,} at most, since {count:,} statements are stated"
    require(count * copies <= MAX_DOCUMENTS, "task.documents.copies", copies, allowed)
    order = np.concatenate([rng.permutation(count) for _ in range(copies)])
    return np.pad(order, (0, -len(order) % per_document), constant_values=-1).reshape(-1, per_document)


def find_documents(assignment: np.ndarray, statements: np.ndarray, copies: int) -> np.ndarray:
    """The documents that hold each of the `statements`[…]: int32[…, copies], -1 where there are fewer.

    `assignment`[n, m] gives the statements that each of n documents holds. A statement of -1 is in none.
    """
    flat = assignment.ravel()
    by_statement = np.argsort(flat, kind="stable")
    first, end = (np.searchsorted(flat[by_statement], statements, side)[..., None] for side in ("left", "right"))
    index = first + np.arange(copies)
    documents = by_statement[np.minimum(index, len(flat) - 1)] // assignment.shape[1]
    return np.where((index < end) & (statements[..., None] >= 0), documents, -1).astype(np.int32)
