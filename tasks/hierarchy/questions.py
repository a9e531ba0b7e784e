"""The facts of a forest, and what follows from them, as questions of each split."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tasks.common.questions import LAST, NoInverseBuilder, QuestionBuilder, put_first
from tasks.common.relations import inverse_of
from tasks.common.statements import Statements
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
            split: self.build_questions(QuestionBuilder, statements, facts[:, None], self.never_stated, rng)
            for split, (statements, facts) in splits.items()
            if len(facts)
        }

    def about_inherited(self, rng: np.random.Generator) -> dict[str, Questions]:
        """Questions about what a category inherits.

        Training states no value behind a category that does not own it, other than in examples. So the elimination
        baseline of held-out splits is a guess among all values of the relation.
        """
        content = self.content
        is_example, is_chain = content.is_example, content.inheritance.is_chain()
        is_held_out = content.forest.held_out[content.inheritance.heir]
        splits = {
            "inherited": (is_example & ~is_held_out, self.never_stated),
            "similar": (is_example & is_held_out, self.is_right),
            "syllogism": (~is_example & ~is_held_out & ~is_chain, self.is_right),
            "chain": (~is_example & ~is_held_out & is_chain, self.is_right),
            "holdout": (~is_example & is_held_out & ~is_chain, self.is_right),
            "holdout_chain": (~is_example & is_held_out & is_chain, self.is_right),
        }
        premises = content.inheritance.premises
        return {
            split: self.build_questions(NoInverseBuilder, content.inherited[chosen], premises[chosen], candidates, rng)
            for split, (chosen, candidates) in splits.items()
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
        return self.build_questions(NoInverseBuilder, statements, premises, self.never_stated, np.random.default_rng(0))

    @cached_property
    def is_right(self) -> np.ndarray:
        """The entities that are right in the last slot of a word: bool[2, word, entity], none in the first slot."""
        content, facts = self.content, np.arange(len(self.content.facts))
        shape = (2, content.words_per_wording * content.wordings, len(content.writer.entities))
        is_right = np.zeros(shape, bool)
        for shift in range(content.wordings):
            statements = content.reworded(facts, shift)
            is_right[LAST, statements.word, statements.target] = True
            is_right[LAST, inverse_of(statements.word), statements.source] = True
        return is_right

    @cached_property
    def never_stated(self) -> np.ndarray:
        """Those of them that no statement of training has in that slot of the word."""
        is_stated = np.zeros_like(self.is_right)
        is_stated[LAST, self.content.stated.word, self.content.stated.target] = True
        return self.is_right & ~is_stated

    def build_questions(
        self,
        builder: type[QuestionBuilder],
        statements: Statements,
        premises: np.ndarray,
        candidates: np.ndarray,
        rng: np.random.Generator,
    ) -> Questions:
        """Questions for the target of each statement.

        `premises`[q, m]: the facts that it follows from. `candidates`: as in QuestionBuilder. All children of A are
        right answers to `A includes _`, if their name has the length of the open span.
        """
        content = self.content
        support_documents = content.support_documents(premises)
        build = builder(content.writer, candidates, support_documents, premises.astype(np.int32), rng).build
        questions = build(LAST, statements)
        asks_children = statements.word % content.words_per_wording == INCLUDES
        if not asks_children.any():
            return questions
        children = content.forest.children(np.where(asks_children, statements.source, 0))  # [q, branching]
        has_size = content.writer.entities.lengths[children] == questions.cloze.size[:, None]
        is_accepted = asks_children[:, None] & has_size
        accepted = np.where(is_accepted, children, -1).astype(np.int32)
        accepted[~asks_children, 0] = statements.target[~asks_children]
        count = np.maximum(is_accepted.sum(1), 1)  # training states all of them or none, so both baselines scale
        return replace(
            questions,
            accepted=put_first(accepted, statements.target),
            chance=questions.chance * count,
            elimination_baseline=questions.elimination_baseline * count,
        )
