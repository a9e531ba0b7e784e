"""The facts of a forest, and what follows from them, as questions of each split."""

from dataclasses import dataclass, replace

import numpy as np

from tasks.common.questions import NoInverseBuilder, QuestionBuilder, put_first
from tasks.common.statements import LAST, Statements
from tasks.corpus import Questions
from tasks.hierarchy.documents import HierarchyDocuments
from tasks.hierarchy.world import INCLUDES


@dataclass(frozen=True)
class HierarchyQuestions:
    """What can be asked about the facts of some training documents."""

    content: HierarchyDocuments

    def by_split(self, rng: np.random.Generator) -> dict[str, Questions]:
        """The questions of all splits that have any."""
        return self.about_facts(rng) | self.about_inherited(rng)

    def about_facts(self, rng: np.random.Generator) -> dict[str, Questions]:
        """Questions that a single fact answers."""
        content = self.content
        single_wording = np.flatnonzero(content.plan.single_wording & (content.wordings > 1))
        shift = rng.integers(1, max(2, content.wordings), len(single_wording))
        splits = {
            "stated": (content.facts, np.arange(len(content.facts))),
            "rephrased": (content.reworded(single_wording, shift), single_wording),
            "inverse": content.inverse_statements(~content.plan.two_way),
        }
        return {
            split: self.build_questions(QuestionBuilder, statements, facts[:, None], rng)
            for split, (statements, facts) in splits.items()
            if len(facts)
        }

    def about_inherited(self, rng: np.random.Generator) -> dict[str, Questions]:
        """Questions about what a category inherits."""
        content = self.content
        is_example, is_chain = content.is_example, content.inheritance.is_chain()
        is_held_out = content.forest.held_out[content.inheritance.heir]
        splits = {
            "inherited": is_example & ~is_held_out,
            "similar": is_example & is_held_out,
            "syllogism": ~is_example & ~is_held_out & ~is_chain,
            "chain": ~is_example & ~is_held_out & is_chain,
            "holdout": ~is_example & is_held_out & ~is_chain,
            "holdout_chain": ~is_example & is_held_out & is_chain,
        }
        premises = content.inheritance.premises
        return {
            split: self.build_questions(NoInverseBuilder, content.inherited[chosen], premises[chosen], rng)
            for split, chosen in splits.items()
            if chosen.any()
        }

    def inferences(self) -> Questions:
        """Every fact by the inverse word and in all other wordings, and all that is inherited."""
        content = self.content
        inverse, inverse_facts = content.inverse_statements(np.ones(len(content.facts), bool))
        repeated = np.tile(np.arange(len(content.facts)), content.wordings - 1)
        shift = 1 + np.arange(len(repeated)) // len(content.facts)
        statements = inverse + content.reworded(repeated, shift) + content.inherited
        facts = np.concatenate([inverse_facts, repeated])
        premises = np.full((len(statements), content.inheritance.premises.shape[1]), -1)
        premises[: len(facts), 0], premises[len(facts) :] = facts, content.inheritance.premises
        return self.build_questions(NoInverseBuilder, statements, premises, np.random.default_rng(0))

    def build_questions(
        self,
        builder: type[QuestionBuilder],
        statements: Statements,
        premises: np.ndarray,
        rng: np.random.Generator,
    ) -> Questions:
        """Questions for the target of each statement.

        `premises`[q, m]: the facts that it follows from. All children of A are right answers to `A includes _`, if
        their name has the length of the open span.
        """
        content = self.content
        support_documents = content.support_documents(premises)
        build = builder(content.writer, support_documents, premises.astype(np.int32), rng).build
        questions = build(LAST, statements)
        asks_children = statements.word % content.words_per_wording == INCLUDES
        if not asks_children.any():
            return questions
        children = content.forest.children(np.where(asks_children, statements.source, 0))  # [q, branching]
        has_size = content.writer.entities.lengths[children] == questions.cloze.size[:, None]
        is_accepted = asks_children[:, None] & has_size
        accepted = np.where(is_accepted, children, -1).astype(np.int32)
        accepted[~asks_children, 0] = statements.target[~asks_children]
        return replace(
            questions,
            accepted=put_first(accepted, statements.target),
            chance=questions.chance * np.maximum(is_accepted.sum(1), 1),
        )
