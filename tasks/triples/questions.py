"""Facts of a file as questions: every right answer, and chance beside them."""

from dataclasses import dataclass, replace

import numpy as np

from tasks.common.questions import open_first, put_first, role_span
from tasks.common.statements import FIRST, LAST, Statements, StatementWriter, find_documents
from tasks.corpus import SOURCE, TARGET, Cloze, Questions


@dataclass(frozen=True)
class TrueStatements:
    """All true statements, ordered by word and source, so that one search gives all right answers to a question."""

    entities: int
    """entities in the world"""
    word_index: np.ndarray
    """int[w], each relation word among the different ones; both words of a symmetric relation are one"""
    statement: np.ndarray
    """int[n], word, source and target of each as one number, in order"""

    @staticmethod
    def build(true: Statements, entities: int, word_index: np.ndarray) -> "TrueStatements":
        statement = (word_index[true.word] * entities + true.source) * entities + true.target
        return TrueStatements(entities, word_index, np.unique(statement))

    def question(self, source: np.ndarray, word: np.ndarray) -> np.ndarray:
        """Word and source as one number: the same for the same question."""
        return self.word_index[word] * self.entities + source

    def find(self, source: np.ndarray, word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The row of the first answer to each question, and the number of its answers."""
        question = self.question(source, word)
        first, end = (np.searchsorted(self.statement, part * self.entities) for part in (question, question + 1))
        return first, end - first

    def answers(self, source: np.ndarray, word: np.ndarray) -> np.ndarray:
        """All right answers to each question, int32[q, a]; -1 where there are fewer."""
        first, count = self.find(source, word)
        rank = np.arange(count.max(initial=0))
        present = rank < count[:, None]
        target = self.statement[np.where(present, first[:, None] + rank, 0)] % self.entities
        return np.where(present, target, -1).astype(np.int32)

    def contains(self, statements: Statements) -> np.ndarray:
        """Whether each statement is true, bool of its shape."""
        given = self.question(statements.source, statements.word) * self.entities + statements.target
        return self.statement[np.minimum(np.searchsorted(self.statement, given), len(self.statement) - 1)] == given


@dataclass(frozen=True)
class SetQuestionBuilder:
    """Builds questions that accept a set of entities each."""

    writer: StatementWriter
    rng: np.random.Generator

    def build(
        self,
        slot: int,
        statements: Statements,
        accepted: np.ndarray,
        premises: np.ndarray,
        support_documents: np.ndarray,
    ) -> Questions:
        """Questions for what stands in the `slot` of each statement; see Questions for the arrays."""
        documents = self.writer.write(statements, np.arange(len(statements))[:, None], self.rng)
        return Questions(
            cloze=Cloze.open(documents, *role_span(documents, TARGET if slot == LAST else SOURCE)),
            accepted=accepted,
            support_documents=support_documents,
            premises=premises,
            chance=(accepted >= 0).sum(1) / len(self.writer.entities),
            elimination_baseline=np.zeros(len(statements)),
            link_baseline=np.zeros(len(statements)),
            inverse_form=open_first(self.writer, statements.inverse()) if slot == LAST else None,
        )


@dataclass(frozen=True)
class TriplesQuestions:
    """What can be asked about the facts of a file."""

    builder: SetQuestionBuilder
    true: TrueStatements
    stated: Statements
    """all that training states"""
    assignment: np.ndarray
    """int[n, m], which of these each document holds"""
    copies: int
    """documents that hold each of them"""
    max_answers: int
    """right answers that a question may have"""

    def by_split(self, is_one_way: np.ndarray) -> dict[str, Questions]:
        """The questions of each split, about the statements of one-way facts, `is_one_way`[n].

        All statements with one word and target share an inverse question, so only the first of them is asked about.
        A split without a question is left out.
        """
        rows = np.flatnonzero(is_one_way)
        inverse = self.stated[rows].inverse()
        inverse_question = self.true.question(inverse.source, inverse.word)
        rows = rows[np.sort(np.unique(inverse_question, return_index=True)[1])]
        statements = self.stated[rows]
        (a, r, b), inverse = statements.triple(), statements.inverse()
        sources = put_first(self.true.answers(b, inverse.word), a)  # [q, a]
        splits = {
            "forward": (LAST, statements, self.targets(statements)),
            "backward": (FIRST, statements, sources),
            "inverse": (LAST, inverse, sources),
            "wrong_frame": (LAST, Statements(b, r, a), self.wrong_answers(statements, sources)),
        }
        premises, support_documents = rows[:, None].astype(np.int32), self.support_documents(rows)
        questions = {}
        for split, (slot, statements, accepted) in splits.items():
            has_answer = accepted[:, 0] >= 0
            if has_answer.any():
                arrays = (part[has_answer] for part in (statements, accepted, premises, support_documents))
                questions[split] = self.builder.build(slot, *arrays)
        return questions

    def wrong_answers(self, statements: Statements, sources: np.ndarray) -> np.ndarray:
        """Of the `sources`[q, a] of `A r B`, those that are wrong answers to `B r _`, int32[q, a]; -1 where fewer.

        None at all, where training states no `B r Y`: the question then has no answer of its own, and what a model
        predicts tells nothing. So no such question is asked where no tail of a relation is a head of it.
        """
        a, r, b = statements.triple()
        swapped = Statements(*np.broadcast_arrays(b[:, None], r[:, None], sources))  # [q, a] each
        stated = self.true.question(self.stated.source, self.stated.word)
        has_answer = np.isin(self.true.question(b, r), stated)
        is_wrong = has_answer[:, None] & ~self.true.contains(swapped)
        return put_first(np.where(is_wrong, sources, np.int32(-1)), a)

    def targets(self, statements: Statements) -> np.ndarray:
        """The right answers to `A r _`, int32[q, a]; none at all, -1, where they are more than `max_answers`."""
        a, r, b = statements.triple()
        allowed = self.true.find(a, r)[1] <= self.max_answers
        answers = put_first(self.true.answers(a[allowed], r[allowed]), b[allowed])
        targets = np.full((len(statements), max(answers.shape[1], 1)), -1, np.int32)
        targets[allowed, : answers.shape[1]] = answers
        return targets

    def inferences(self) -> Questions:
        """The inverse of all that documents state, where at most `max_answers` answers are right."""
        inverse = self.stated.inverse()
        rows = np.flatnonzero(self.true.find(inverse.source, inverse.word)[1] <= self.max_answers)
        statements = inverse[rows]
        accepted = put_first(self.true.answers(statements.source, statements.word), statements.target)
        builder = replace(self.builder, rng=np.random.default_rng(0))  # the same questions at each call
        return builder.build(LAST, statements, accepted, rows[:, None].astype(np.int32), self.support_documents(rows))

    def support_documents(self, rows: np.ndarray) -> np.ndarray:
        """The documents that hold each of the stated `rows`[q], int32[q, 1, s]."""
        return find_documents(self.assignment, rows, self.copies)[:, None]
