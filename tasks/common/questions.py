"""Statements as questions: one of their two entities left open, with chance beside it."""

from dataclasses import dataclass

import numpy as np

from tasks.common.statements import LAST, Statements, StatementWriter
from tasks.corpus import SOURCE, TARGET, Cloze, Documents, Questions


@dataclass(frozen=True)
class QuestionBuilder:
    """Builds the questions of one split."""

    writer: StatementWriter
    support_documents: np.ndarray
    """int32[q, m, s], see Questions"""
    premises: np.ndarray
    """int32[q, m], see Questions"""
    rng: np.random.Generator

    def build(self, slot: int, statements: Statements, answer: np.ndarray | None = None) -> Questions:
        """Questions for what stands in the `slot` of each statement.

        `answer`[q]: another entity that counts as the answer, to measure how often a model predicts it.
        """
        documents = self.writer.write(statements, np.arange(len(statements))[:, None], self.rng)
        cloze = Cloze.open(documents, *role_span(documents, TARGET if slot == LAST else SOURCE))
        if answer is None:
            answer = statements.target if slot == LAST else statements.source
        num_names = np.bincount(self.writer.entities.lengths)  # of each length, which the open span shows
        return Questions(
            cloze=cloze,
            accepted=answer[:, None].astype(np.int32),
            support_documents=self.support_documents,
            premises=self.premises,
            chance=1 / num_names[cloze.size],
            elimination_baseline=np.zeros(len(cloze)),
            link_baseline=np.zeros(len(cloze)),
            inverse_form=self.inverse_form(statements) if slot == LAST else None,
        )

    def inverse_form(self, statements: Statements) -> Cloze | None:
        """The statements by the inverse word, their first entity open."""
        return open_first(self.writer, statements.inverse())


@dataclass(frozen=True)
class NoInverseBuilder(QuestionBuilder):
    """Builds questions of statements that have no inverse wording."""

    def inverse_form(self, statements: Statements) -> Cloze | None:
        return None


def open_first(writer: StatementWriter, statements: Statements) -> Cloze:
    """The statements without filler, their first entity open."""
    rows, rng = np.arange(len(statements))[:, None], np.random.default_rng(0)
    documents = writer.write(statements, rows, rng, with_filler=False)
    return Cloze.open(documents, *role_span(documents, SOURCE))


def put_first(accepted: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The sets `accepted`[q, a] (-1 where fewer) with their member `first`[q] in front, which tables show."""
    rank = np.where(accepted < 0, 2, accepted != first[:, None])
    return np.take_along_axis(accepted, np.argsort(rank, axis=1, kind="stable"), 1)


def role_span(documents: Documents, role: int) -> tuple[np.ndarray, np.ndarray]:
    """Start and size, int32[n], of the tokens with this role, in documents of one statement."""
    has_role = documents.roles == role
    return has_role.argmax(1).astype(np.int32), has_role.sum(1, dtype=np.int32)
