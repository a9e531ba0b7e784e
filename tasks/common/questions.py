"""Statements as questions: one of their two entities left open, with both baselines beside it."""

from dataclasses import dataclass

import numpy as np

from tasks.common.statements import Statements, StatementWriter
from tasks.corpus import SOURCE, TARGET, Cloze, Documents, Questions

FIRST, LAST = 0, 1  # the two slots of a statement


@dataclass(frozen=True)
class QuestionBuilder:
    """Builds the questions of one split."""

    writer: StatementWriter
    candidates: np.ndarray
    """bool[2, word, entity], those of the elimination baseline: entities that are right in the first or last slot of a
    word, and that no statement shows there"""
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
        # The open span shows the length of the name, so both baselines are among names of that length.
        sizes = self.writer.entities.lengths
        has_size = sizes[:, None] == np.arange(sizes.max() + 1)
        num_candidates = (self.candidates[slot].astype(np.int64) @ has_size)[statements.word, cloze.size]
        is_candidate = self.candidates[slot, statements.word, answer] & (sizes[answer] == cloze.size)
        return Questions(
            cloze=cloze,
            accepted=answer[:, None].astype(np.int32),
            support_documents=self.support_documents,
            premises=self.premises,
            chance=1 / has_size.sum(0)[cloze.size],
            elimination_baseline=is_candidate / np.maximum(num_candidates, 1),
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
