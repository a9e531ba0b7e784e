"""What a task builds: documents to train on and questions to ask.

Everything is numpy, one row a document, so that a million facts are a few arrays. A token's role says what it is.
Objectives choose by roles what to mask and what to predict.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from tasks.vocabulary import MASK, Entities, Vocabulary

# Roles of a token. An entity's name is a run of equal roles. Special tokens and filler have the role NONE:
# a model sees them, and no objective predicts them.
NONE, SOURCE, RELATION, TARGET = range(4)
ROLES = {"source": SOURCE, "relation": RELATION, "target": TARGET}
ROLE_NAMES = {role: name for name, role in ROLES.items()}


@dataclass(frozen=True)
class Documents:
    """Documents, one a row."""

    tokens: np.ndarray
    """int32[n, t], padded on the right"""
    lengths: np.ndarray
    """int32[n], tokens before the padding"""
    roles: np.ndarray
    """int8[n, t]"""

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows) -> "Documents":
        """The documents `rows`, cut to the longest of them."""
        lengths = self.lengths[rows]
        t = int(lengths.max(initial=0))
        return Documents(self.tokens[rows, :t], lengths, self.roles[rows, :t])

    def __add__(self, other: "Documents") -> "Documents":
        """These, then the others."""
        lengths = np.concatenate([self.lengths, other.lengths])
        tokens, roles = (
            np.zeros((len(lengths), max(self.tokens.shape[1], other.tokens.shape[1])), dtype)
            for dtype in (np.int32, np.int8)
        )
        for documents, rows in ((self, slice(0, len(self))), (other, slice(len(self), None))):
            tokens[rows, : documents.tokens.shape[1]] = documents.tokens
            roles[rows, : documents.roles.shape[1]] = documents.roles
        return Documents(tokens, lengths, roles)

    def is_token(self) -> np.ndarray:
        """bool[n, t]: False where a row is padding."""
        return np.arange(self.tokens.shape[1]) < self.lengths[:, None]


@dataclass(frozen=True)
class Cloze:
    """Documents with one open span each: all that a model is given of a question. It does not hold the answer."""

    documents: Documents
    """one a question; the tokens of the open span are [mask]"""
    start: np.ndarray
    """int32[q], position of the first token of the open span"""
    size: np.ndarray
    """int32[q], tokens in the open span"""

    @staticmethod
    def open(documents: Documents, start: np.ndarray, size: np.ndarray) -> "Cloze":
        """The documents with the span of `size`[q] tokens at `start`[q] replaced by [mask]."""
        position = np.arange(documents.tokens.shape[1])
        is_open = (position >= start[:, None]) & (position < (start + size)[:, None])
        tokens = np.where(is_open, np.int32(MASK), documents.tokens)
        return Cloze(Documents(tokens, documents.lengths, documents.roles), start, size)

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, rows) -> "Cloze":
        return Cloze(self.documents[rows], self.start[rows], self.size[rows])

    def __add__(self, other: "Cloze") -> "Cloze":
        """These, then the others."""
        start, size = np.concatenate([self.start, other.start]), np.concatenate([self.size, other.size])
        return Cloze(self.documents + other.documents, start, size)


@dataclass(frozen=True)
class Questions:
    """The questions of one split: what a model is given, and what is right."""

    cloze: Cloze
    """what the model is given"""
    accepted: np.ndarray
    """int32[q, a], entities that are right; -1 where there are fewer"""
    support_documents: np.ndarray
    """int32[q, m, s], the training documents that hold each premise; -1 where there are fewer"""
    premises: np.ndarray
    """int32[q, m], what the answer follows from: rows of Corpus.premises; -1 where there are fewer"""
    chance: np.ndarray
    """float[q], a uniform guess among all entities with a name of the answer's length and alphabet"""
    elimination_baseline: np.ndarray
    """float[q], the best that counting gets (common/baselines.py); a task fills in 0, or what it can argue for"""
    link_baseline: np.ndarray
    """float[q], an undirected link after elimination (common/baselines.py); a task fills in 0"""
    inverse_form: Cloze | None = None
    """the same fact by the inverse wording: the answer is the source, and open; what is known is the target"""

    def __len__(self) -> int:
        return len(self.cloze)

    def __getitem__(self, rows) -> "Questions":
        values = (getattr(self, field.name) for field in fields(self))
        return Questions(*(None if value is None else value[rows] for value in values))

    def __add__(self, other: "Questions") -> "Questions":
        """These, then the others. Both have the same number of premises, answers and supporting documents."""
        names = ("accepted", "support_documents", "premises", "chance", "elimination_baseline", "link_baseline")
        arrays = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in names)
        has_inverse_form = self.inverse_form is not None and other.inverse_form is not None
        inverse_form = self.inverse_form + other.inverse_form if has_inverse_form else None
        return Questions(self.cloze + other.cloze, *arrays, inverse_form)


@dataclass(frozen=True)
class Premises:
    """The facts that prompts are made of."""

    documents: Documents
    """one statement a row, in the wording in which training states it, without [begin] and filler"""
    fact: np.ndarray
    """int[p], which fact each states, so that no distractor states what is asked in another wording"""
    word: np.ndarray | None = None
    """int[p], the relation word of each, where conclusions follow from chains of premises"""
    previous: np.ndarray | None = None
    """int[p], a premise that leads to it, -1 where there is none; for such chains, too"""


@dataclass(frozen=True)
class EpisodeSchedule:
    """How many episodes a batch holds, and what draws them: in-context documents, new ones in every batch."""

    share: float
    """share of a batch"""
    stages: tuple[Callable[[int, np.random.Generator], Documents], ...]
    """generators of episodes, one after another over `growth_steps`; the last one stays"""
    only_steps: int = 0
    """steps at the start in which a batch holds episodes alone"""
    growth_steps: int = 0
    """steps after which the last stage is reached"""

    def draw(self, n: int, rng: np.random.Generator, step: int | None = None) -> Documents:
        """`n` episodes of a step. None: of the last stage."""
        last = step is None or step >= self.growth_steps
        stage = len(self.stages) - 1 if last else step * len(self.stages) // self.growth_steps
        return self.stages[stage](n, rng)


@dataclass(frozen=True, eq=False)
class Corpus:
    """A world as one seed draws it: what is trained on, and what is asked. Two are equal only if they are the same."""

    vocabulary: Vocabulary
    entities: Entities
    relations: tuple[str, ...]
    """relation words"""
    documents: Documents
    """training documents"""
    questions: dict[str, Questions]
    """by split"""
    max_length: int
    """tokens that a document or a question of this task can have, whatever is drawn"""
    premises: Premises | None = None
    """None where no prompt can be made"""
    meanings: np.ndarray | None = None
    """int[w], the first relation word with the meaning of each; None: no two have the same"""
    inverse_relations: tuple[str, ...] = ()
    """those of the relation words that put the fact's entities in inverse order: the fact is about the target"""
    symmetric_relations: tuple[str, ...] = ()
    """those of the relation words that are their own inverse: `A r B` and `B r A` are one fact"""
    episodes: EpisodeSchedule | None = None
    inferences: Callable[[], Questions] | None = None
    """all that follows from the documents, stated or not"""
    notes: Callable[[], list[str]] = list
    """what a person should know about the files that the corpus was read from, in a few lines"""
    all_notes: Callable[[], list[str]] = list
    """everything that `notes` counts, each with its line of the file"""
    choices: Callable[[Questions], tuple[Questions, np.ndarray]] | None = None
    """candidate statements for each question, equally many, and which one is right; None where there are none"""

    def digest(self) -> str:
        """SHA-256 of the words and documents: the same for the same world, and for no other."""
        sha256 = hashlib.sha256("\n".join(self.vocabulary.words).encode())
        for array in (self.documents.tokens, self.documents.lengths):
            sha256.update(np.ascontiguousarray(array))
        return sha256.hexdigest()
