"""What a task builds: documents to train on and questions to ask.

Everything is numpy, one row a document, so that a million facts are a few arrays.
Roles say what a token is; objectives choose by them what to hide and what to predict.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.vocabulary import MASK, Vocabulary

# Roles of a token. An entity's name is a run of equal roles. Everything that is no part of a
# statement (special tokens, filler) is NONE: seen, never a target, for any objective.
NONE, SOURCE, RELATION, TARGET = range(4)
ROLES = {"source": SOURCE, "relation": RELATION, "target": TARGET}


@dataclass(frozen=True)
class Documents:
    """`tokens` int32[n, t], padded on the right; `lengths` int32[n]; `roles` int8[n, t]."""

    tokens: np.ndarray
    lengths: np.ndarray
    roles: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows) -> "Documents":
        """The documents `rows`, cut to the longest of them."""
        lengths = self.lengths[rows]
        t = int(lengths.max(initial=0))
        return Documents(self.tokens[rows, :t], lengths, self.roles[rows, :t])

    def __add__(self, other: "Documents") -> "Documents":
        """These, then the others."""
        t = max(self.tokens.shape[1], other.tokens.shape[1])
        pairs = zip((self.tokens, self.roles), (other.tokens, other.roles))
        tokens, roles = (np.concatenate([np.pad(a, ((0, 0), (0, t - a.shape[1]))) for a in pair]) for pair in pairs)
        return Documents(tokens, np.concatenate([self.lengths, other.lengths]), roles)


def pack(tokens: np.ndarray, roles: np.ndarray, present: np.ndarray) -> Documents:
    """Documents of what is `present`[n, t] of tokens[n, t], in order, padded on the right; roles[n, t] go along."""
    lengths = present.sum(1, dtype=np.int32)
    here = np.arange(lengths.max(initial=0)) < lengths[:, None]
    packed = Documents(np.zeros(here.shape, np.int32), lengths, np.zeros(here.shape, np.int8))
    # Both masks are read row by row, so the order stays.
    packed.tokens[here] = tokens[present]
    packed.roles[here] = roles[present]
    return packed


@dataclass(frozen=True)
class Entities:
    """Names: `tokens` int32[e, k], padded on the right; `lengths` int32[e]; `words`, pieces joined by "-"; `alphabet`
    int8[e], where names are of several alphabets (a question tells that of its answer).

    No name is the beginning of another of its length, so the tokens of a span settle which name it is.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    words: tuple[str, ...]
    alphabet: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Questions:
    """The questions of one split, with the answer span blank (MASK), so no question holds its answer.

    `documents`: as trained on, one a question. `start`, `size` int32[q]: the answer span, in tokens.
    `accepted` int32[q, a]: entities that are right, -1 where fewer. What the answer follows from: `needs` int32[q, m],
    rows of Corpus.premises, and `support` int32[q, m, s], the training documents that hold each of them; -1 where
    fewer. `chance`, `chance_by_elimination` float[q]: of a guess among all entities, and among those that training
    never shows in that slot of that word; both among names of the answer's length and alphabet, which are told.
    `turned`: the same said the other way round, where there is such a way: the answer's span, open here too, stands
    first, and what is TARGET is known.
    """

    documents: Documents
    start: np.ndarray
    size: np.ndarray
    accepted: np.ndarray
    support: np.ndarray
    needs: np.ndarray
    chance: np.ndarray
    chance_by_elimination: np.ndarray
    turned: Documents | None = None

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, rows) -> "Questions":
        fields = (getattr(self, name) for name in self.__match_args__)
        return Questions(*(None if field is None else field[rows] for field in fields))

    def __add__(self, other: "Questions") -> "Questions":
        """These, then the others, which need as many facts and have as many answers and documents that hold them."""
        names = ("start", "size", "accepted", "support", "needs", "chance", "chance_by_elimination")
        parts = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in names)
        turned = None if self.turned is None or other.turned is None else self.turned + other.turned
        return Questions(self.documents + other.documents, *parts, turned)


def blank(documents: Documents, start: np.ndarray, size: np.ndarray) -> Documents:
    """The documents with the span of `size`[n] tokens at `start`[n] replaced by MASK."""
    at = np.arange(documents.tokens.shape[1])
    open_span = (at >= start[:, None]) & (at < (start + size)[:, None])
    return Documents(np.where(open_span, np.int32(MASK), documents.tokens), documents.lengths, documents.roles)


@dataclass(frozen=True)
class Premises:
    """What prompts are made of: `documents`, statements in the words in which training tells them, without [begin]
    and filler; `fact` int[p]: what each is about, so that no distractor tells what is asked in other words; where
    conclusions follow from lines of them, `word` int[p]: by which each is told, and `before` int[p]: one that leads to
    it, -1 where there is none."""

    documents: Documents
    fact: np.ndarray
    word: np.ndarray | None = None
    before: np.ndarray | None = None


@dataclass(frozen=True)
class Drawn:
    """Documents new in every batch: `share` of it, the first `alone` batches whole. Each of `ways`(how many, rng) makes
    them for its part of the first `rising` batches, and the last of them from then on."""

    share: float
    ways: tuple[Callable[[int, np.random.Generator], Documents], ...]
    alone: int = 0
    rising: int = 0

    def draw(self, n: int, rng: np.random.Generator, step: int | None = None) -> Documents:
        """`n` documents of a step; None: of the last ones."""
        way = len(self.ways) - 1 if step is None or step >= self.rising else step * len(self.ways) // self.rising
        return self.ways[way](n, rng)


@dataclass(frozen=True, eq=False)
class Corpus:
    """A world as one seed draws it: what is trained on, and what is asked, by split. Two are equal if they are one."""

    vocabulary: Vocabulary
    entities: Entities
    relations: tuple[str, ...]
    documents: Documents
    questions: dict[str, Questions]
    longest: int  # tokens that a document or question of this task can have, whatever was drawn
    premises: Premises | None = None  # None where no prompt can be made
    drawn: Drawn | None = None
    inferences: Callable[[], Questions] | None = None  # all that follows from the documents, whether told or not
    notes: Callable[[], list[str]] = list  # what a person should know about the files that it was read from
    # As many statements for each question, of which one is right, and which: where there are such to choose from.
    choices: Callable[[Questions], tuple[Questions, np.ndarray]] | None = None

    def digest(self) -> str:
        """SHA-256 of its words and documents: the same for the same world, and for no other."""
        found = hashlib.sha256("\n".join(self.vocabulary.words).encode())
        for array in (self.documents.tokens, self.documents.lengths):
            found.update(np.ascontiguousarray(array))
        return found.hexdigest()
