"""Statements read back from the tokens of any documents: of the world, an episode, a chain of thought or a question."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tasks.corpus import Corpus, Documents
from tasks.vocabulary import BEGIN, END, MASK, SEPARATOR, Entities

NAME, WORD, BOUNDARY = 1, 2, 3  # kinds of tokens; others, such as filler, are 0
CHUNK = 100_000  # documents read at once; bounds memory


class Triples(NamedTuple):
    """Statements as they are read, document by document."""

    word: np.ndarray
    """int64[n], the number of its relation words, see StatementReader"""
    source: np.ndarray
    """int32[n], entity; -1 for an open span or an unknown name"""
    target: np.ndarray
    """int32[n], the same"""
    document: np.ndarray
    """int64[n], the row of the document that holds it"""

    def where(self, chosen: np.ndarray) -> "Triples":
        """Those that are chosen, bool[n] or int[m]."""
        return Triples(*(part[chosen] for part in self))

    @staticmethod
    def concatenate(parts: "list[Triples]") -> "Triples":
        return Triples(*(np.concatenate(columns) for columns in zip(*parts)))


@dataclass(frozen=True)
class StatementReader:
    """Reads the statements of documents: between boundaries, a name, relation words and a name.

    Relation words may also stand in front of the first name. All words of a statement together are one number.
    """

    entities: Entities
    kind: np.ndarray
    """int8[v], the kind of each token"""
    word: np.ndarray
    """int64[v], relation words from 1 on; 0 for other tokens"""
    meaning: np.ndarray
    """int[w + 1], for each relation word the first one of the same meaning"""
    inverse: np.ndarray
    """bool[w + 1], whether it is one of Corpus.inverse_relations"""
    symmetric: np.ndarray
    """bool[w + 1], whether it is one of Corpus.symmetric_relations"""

    @staticmethod
    def build(corpus: Corpus) -> "StatementReader":
        entities, vocabulary = corpus.entities, corpus.vocabulary
        kind, word = np.zeros(len(vocabulary), np.int8), np.zeros(len(vocabulary), np.int64)
        kind[entities.tokens[np.arange(entities.tokens.shape[1]) < entities.lengths[:, None]]] = kind[MASK] = NAME
        kind[[BEGIN, SEPARATOR, END]] = BOUNDARY
        words = [vocabulary.ids[relation] for relation in corpus.relations]
        kind[words], word[words] = WORD, 1 + np.arange(len(words))
        meaning = np.arange(len(words)) if corpus.meanings is None else corpus.meanings
        inverse, symmetric = (
            np.array([False, *(relation in part for relation in corpus.relations)])
            for part in (set(corpus.inverse_relations), set(corpus.symmetric_relations))
        )
        return StatementReader(entities, kind, word, np.append(0, 1 + meaning), inverse, symmetric)

    def read(self, documents: Documents) -> Triples:
        """All statements of the documents. A question is a statement with an open span."""
        starts = range(0, max(len(documents), 1), CHUNK)
        parts = [self.read_chunk(documents.tokens[start : start + CHUNK]) for start in starts]
        return Triples.concatenate(
            [part._replace(document=part.document + start) for start, part in zip(starts, parts)]
        )

    def read_chunk(self, tokens: np.ndarray) -> Triples:
        """The statements in tokens[n, t]."""
        kind = self.kind[tokens]
        row, _ = rows_and_columns = np.nonzero(kind)
        token, kind = tokens[rows_and_columns], kind[rows_and_columns]
        segment = (kind == BOUNDARY).cumsum() + row  # grows at each boundary and in each row
        is_inside = kind != BOUNDARY
        token, kind, segment, row = (part[is_inside] for part in (token, kind, segment, row))
        # Runs of one kind in one segment; a statement is a run of names, one of words and one of names.
        is_start = np.ones(len(token), bool)
        is_start[1:] = (np.diff(segment) > 0) | (np.diff(kind) != 0)
        start = np.flatnonzero(is_start)
        size, kind, segment = np.diff(start, append=len(token)), kind[start], segment[start]
        is_next = np.append(segment[1:] == segment[:-1], False)  # the next run is of the same segment
        has_third = np.append(is_next[1:], False) & is_next
        first = np.flatnonzero((kind == NAME) & has_third)
        is_prefixed = (first > 0) & is_next[first - 1] if len(first) else np.zeros(0, bool)
        prefix = np.where(is_prefixed, self.word[token[start[first - 1]]], 0)
        names = (self.find(token, start[first + shift], size[first + shift]) for shift in (0, 2))
        return Triples(self.number(token, start[first + 1], size[first + 1], prefix), *names, row[start[first]])

    def number(self, token: np.ndarray, start: np.ndarray, size: np.ndarray, prefix: np.ndarray) -> np.ndarray:
        """Up to two relation words at each start, and the one in front, as one number: a digit to `base` for each."""
        second = np.where(size > 1, self.word[token[np.minimum(start + 1, len(token) - 1)]], 0)
        return (prefix * self.base + self.word[token[start]]) * self.base + second

    def in_first_wording(self, number: np.ndarray) -> np.ndarray:
        """The number with each relation word replaced by the first one of the same meaning."""
        prefix, word, second = number // self.base**2, number // self.base % self.base, number % self.base
        return (self.meaning[prefix] * self.base + self.meaning[word]) * self.base + self.meaning[second]

    def text(self, number: int, relations: tuple[str, ...]) -> str:
        """The relation words that are one number. `relations`: those of the corpus."""
        digits = number // self.base**2, number // self.base % self.base, number % self.base
        return " ".join(relations[digit - 1] for digit in digits if digit)

    def heads(self, statements: Triples) -> np.ndarray:
        """The entity that the fact of each statement is about, int32[n]: the target where one of its words is inverse.

        Of a symmetric relation, it is the entity with the lower number. A word in front of the source does not count.
        """
        words = statements.word // self.base % self.base, statements.word % self.base
        is_inverse, is_symmetric = (of[words[0]] | of[words[1]] for of in (self.inverse, self.symmetric))
        lower = np.minimum(statements.source, statements.target)
        return np.where(is_symmetric, lower, np.where(is_inverse, statements.target, statements.source))

    @property
    def base(self) -> int:
        return int(self.word.max()) + 1

    def find(self, token: np.ndarray, start: np.ndarray, size: np.ndarray) -> np.ndarray:
        """The entities, int32[m], whose names are `size`[m] tokens from `start`[m] on; -1 where there is none."""
        beginnings, entity = self.beginnings
        code = token[start].astype(np.int64)
        for position, known in enumerate(beginnings, 1):
            following = np.where(position < size, token[np.minimum(start + position, len(token) - 1)], 0)
            code = find_sorted(known, code * len(self.kind) + following)
        has_length = size <= self.entities.tokens.shape[1]
        return np.where((code >= 0) & has_length, entity[code], -1).astype(np.int32)

    @cached_property
    def beginnings(self) -> tuple[list[np.ndarray], np.ndarray]:
        """For each token of a name after the first, all names up to there, sorted; and the entity of each whole name.

        A beginning is the number of the beginning before it, times the size of the vocabulary, and its last token.
        """
        code, known = self.entities.tokens[:, 0].astype(np.int64), []
        for column in self.entities.tokens.T[1:]:
            numbers, code = np.unique(code * len(self.kind) + column, return_inverse=True)
            known.append(numbers)
        entity = np.full(max(len(self.kind), len(self.entities)), -1)
        entity[code] = np.arange(len(self.entities))
        return known, entity


def find_sorted(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The positions of `values` in sorted numbers, -1 where they are not among them."""
    position = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[position] == values, position, -1)
