"""How the facts of the reversal world become documents, and the questions of each split."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tasks.common.questions import QuestionBuilder
from tasks.common.relations import inverse_of
from tasks.common.statements import (
    FIRST,
    LAST,
    DocumentConfig,
    Statements,
    StatementWriter,
    assign_to_documents,
    find_documents,
)
from tasks.corpus import Documents, Premises, Questions
from tasks.reversal.world import Facts


@dataclass(frozen=True)
class ReversalDocuments:
    """Training documents about some facts, and what can be asked about them."""

    facts: Facts
    writer: StatementWriter
    bridge: str
    stated: Statements
    """stated facts, then the inverse of those one-way facts where it is stated after all"""
    one_way: np.ndarray
    """int[q], rows of `stated` that are stated one way only, but for those"""
    inverse_stated: np.ndarray
    """bool[q], whether the inverse of each of these is stated after all"""
    assignment: np.ndarray
    """int[n, m], which statements each document holds, -1 for none: the numbers of premises, then those of bridges"""
    documents: Documents

    @staticmethod
    def draw(
        facts: Facts,
        writer: StatementWriter,
        config: DocumentConfig,
        *,
        bridge: str,
        train_on: str,
        replay: float,
        inverse_share: float,
        rng: np.random.Generator,
        extra_rng: np.random.Generator,
    ) -> "ReversalDocuments":
        """`inverse_share`: the share of one-way facts with a stated inverse, drawn from `extra_rng`.

        `replay`: the share of documents that state `stated` again, drawn from a generator of their own and put last. So
        the rest stays the same as without these settings.
        """
        stated, one_way = facts.stated()
        inverse_stated = extra_rng.permutation(len(one_way)) < round(inverse_share * len(one_way))
        stated += stated[one_way][inverse_stated].inverse()
        unseen = facts.unseen_statements()
        statements = stated + unseen + bridge_statements(bridge, stated, writer.words_per_wording * writer.wordings)
        numbers = np.split(np.arange(len(statements)), [len(stated), len(stated) + len(unseen)])
        rows = numbers[1] if train_on == "unseen" else np.concatenate([numbers[0], numbers[2]])
        assignment = assign_to_documents(len(rows), config.copies, config.statements, rng)
        assignment = np.where(assignment >= 0, rows[assignment], -1)
        documents = writer.write(statements, assignment, rng)
        replay_rng = extra_rng.spawn(1)[0]
        count = round(len(documents) * replay / (1 - replay))
        replayed = draw_replayed(len(stated), count, config.statements, replay_rng)
        assignment = np.concatenate([assignment, replayed])
        documents += writer.write(statements, replayed, replay_rng)
        return ReversalDocuments(facts, writer, bridge, stated, one_way, inverse_stated, assignment, documents)

    @cached_property
    def premise_statements(self) -> Statements:
        """All that a prompt can state: stated facts, then unseen ones."""
        return self.stated + self.facts.unseen_statements()

    @cached_property
    def unseen_rows(self) -> np.ndarray:
        """Which of these are the unseen ones."""
        return np.arange(len(self.stated), len(self.premise_statements))

    @cached_property
    def times(self) -> np.ndarray:
        """int[p], how often documents state each premise."""
        count = len(self.premise_statements)
        return np.bincount(self.assignment[self.assignment >= 0], minlength=count)[:count]

    def premises(self) -> Premises:
        plain = self.writer.write_plain(self.premise_statements)
        return Premises(plain, self.facts.fact_of(self.premise_statements))

    def questions(self, rng: np.random.Generator, extra_rng: np.random.Generator) -> dict[str, Questions]:
        """By split. Questions about unseen facts are drawn from `extra_rng`."""
        statements, builder = self.stated[self.one_way], self.builder(self.one_way, rng)
        questions = {
            "forward": builder.build(LAST, statements),
            "backward": builder.build(FIRST, statements),
            "inverse": builder.build(LAST, statements.inverse()),
            "wrong_frame": builder.build(LAST, Statements(statements.target, statements.word, statements.source)),
        }
        if self.bridge != "none":
            questions["echo"] = builder.build(LAST, statements.inverse(), answer=statements.target)
        if self.inverse_stated.any():
            inverse = questions["inverse"]
            questions["inverse_stated"] = self.with_inverse_support(inverse[self.inverse_stated])
            questions["inverse"] = inverse[~self.inverse_stated]
        if len(self.unseen_rows):
            unseen, builder = self.premise_statements[self.unseen_rows], self.builder(self.unseen_rows, extra_rng)
            questions["unseen_forward"] = builder.build(LAST, unseen)
            questions["unseen_inverse"] = builder.build(LAST, unseen.inverse())
        return {split: part for split, part in questions.items() if len(part)}

    def inferences(self) -> Questions:
        """The inverse of all that documents state."""
        rows = np.flatnonzero(self.times)
        builder = self.builder(rows, np.random.default_rng(0))
        return builder.build(LAST, self.premise_statements[rows].inverse())

    def builder(self, rows: np.ndarray, rng: np.random.Generator) -> QuestionBuilder:
        """What builds questions that follow from the premises `rows`[q]."""
        return QuestionBuilder(self.writer, self.support_documents(rows), rows[:, None], rng)

    def support_documents(self, rows: np.ndarray) -> np.ndarray:
        """The documents that hold each of the premises `rows`[q], int[q, 1, s]; -1 where there are fewer."""
        return find_documents(self.assignment, rows, self.times[rows].max(initial=0))[:, None]

    def with_inverse_support(self, questions: Questions) -> Questions:
        """The questions with the documents that state their inverse after all, too."""
        first = len(self.stated) - self.inverse_stated.sum()
        added = self.support_documents(first + np.arange(len(questions)))
        return replace(questions, support_documents=np.concatenate([questions.support_documents, added], axis=2))


def draw_replayed(count: int, documents: int, per_document: int, rng: np.random.Generator) -> np.ndarray:
    """Which of `count` statements some documents hold, int[documents, per_document].

    All are drawn before any of them is drawn again.
    """
    rounds = 1 + documents * per_document // count
    return assign_to_documents(count, rounds, per_document, rng)[:documents]


def bridge_statements(kind: str, stated: Statements, naming_word: int) -> Statements:
    """For each statement one that leads back to its source without naming its target (2602.02470).

    Composed: `r' A r A`, "the student of A's teacher is A". As `A r r' A` it would begin as a statement does, and the
    word behind `A r` could not be known. Naive: `A is-named A`, with the word `naming_word`.
    """
    if kind == "none":
        return Statements(*np.zeros((3, 0), np.int64))
    if kind == "naive":
        return Statements(stated.source, np.full(len(stated), naming_word), stated.source)
    return Statements(stated.source, stated.word, stated.source, first_word=inverse_of(stated.word))
