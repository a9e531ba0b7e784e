"""How the chains of the syllogism world become documents, and the questions of each split."""

from dataclasses import dataclass

import numpy as np

from tasks.common.questions import NoInverseBuilder
from tasks.common.statements import (
    LAST,
    DocumentConfig,
    Statements,
    StatementWriter,
    assign_to_documents,
    find_documents,
)
from tasks.corpus import Documents, Premises, Questions
from tasks.syllogism.world import Chains


@dataclass(frozen=True)
class SyllogismDocuments:
    """Training documents about some chains, and what can be asked about them."""

    chains: Chains
    writer: StatementWriter
    config: DocumentConfig
    assignment: np.ndarray
    """int[n, m], which stated statements each document holds; the premises come first"""
    documents: Documents

    @staticmethod
    def draw(
        chains: Chains, writer: StatementWriter, config: DocumentConfig, rng: np.random.Generator
    ) -> "SyllogismDocuments":
        """Documents of all premises, of the conclusions that are not held out, and of neutral statements."""
        neutral_word = writer.words_per_wording - 1
        stated_conclusions = chains.conclusions()[~chains.held_out]
        stated = chains.premises() + stated_conclusions + chains.neutral_statements(neutral_word)
        assignment = assign_to_documents(len(stated), config.copies, config.statements, rng)
        return SyllogismDocuments(chains, writer, config, assignment, writer.write(stated, assignment, rng))

    def premises(self) -> Premises:
        """All that a prompt can state."""
        premises = self.chains.premises()
        plain = self.writer.write_plain(premises)
        return Premises(plain, np.arange(len(premises)), premises.word, self.chains.previous_premise())

    def questions(self, rng: np.random.Generator) -> dict[str, Questions]:
        """By split, without those that have no question."""
        chains = self.chains
        questions = {}
        held_out_premises = np.flatnonzero(chains.held_out[chains.chain_of_premise()])
        if len(held_out_premises):
            statements = chains.premises()[held_out_premises]
            questions["premise"] = self.build_questions(statements, held_out_premises[:, None], rng)
        splits = {
            "trained": ~chains.held_out,
            "conclusion": chains.held_out & ~chains.misleading & (chains.lengths == 2),
            "misleading": chains.held_out & chains.misleading,
            "chain": chains.held_out & (chains.lengths > 2),
        }
        for split, in_split in splits.items():
            if in_split.any():
                conclusions, premises = chains.conclusions()[in_split], chains.premise_rows()[in_split]
                questions[split] = self.build_questions(conclusions, premises, rng)
        return questions

    def inferences(self) -> Questions:
        """The conclusions of all chains."""
        rng = np.random.default_rng(0)
        return self.build_questions(self.chains.conclusions(), self.chains.premise_rows(), rng)

    def build_questions(self, statements: Statements, premises: np.ndarray, rng: np.random.Generator) -> Questions:
        """Questions for the last class of each statement, which follows from the `premises`[q, m]."""
        support_documents = find_documents(self.assignment, premises, self.config.copies)
        builder = NoInverseBuilder(self.writer, support_documents, premises.astype(np.int32), rng)
        return builder.build(LAST, statements)
