"""Multiple choice: the model chooses the most probable of a few statements, where a task offers them.

After the six candidate conclusions of Lampinen et al. 2025a (2505.00661). The prediction is the answer where the
correct statement is chosen, and empty where another one is.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eval.methods.base import AnswerMethod, Baselines
from eval.methods.in_context import InContext
from eval.trained_model import TrainedModel
from tasks.corpus import Questions
from tasks.vocabulary import PAD, Entities


class MultipleChoice(AnswerMethod):
    """Chooses by the log-probability of the last entity of each statement."""

    name: ClassVar = "multiple-choice"

    def predict(
        self, trained: TrainedModel, questions: Questions, scores: np.ndarray | None = None
    ) -> np.ndarray | None:
        log_probs = self.choice_log_probs(trained, questions)
        if log_probs is None:
            return None
        _, correct = trained.corpus.choices(questions)
        answer = trained.corpus.entities.tokens[questions.accepted[:, 0]]
        answer = answer[:, : int(questions.cloze.size.max(initial=1))]
        return np.where((log_probs.argmax(1) == correct)[:, None], answer, PAD)

    def answer_log_prob(self, trained: TrainedModel, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of the correct statement among its choices, in nats. None as in `predict`."""
        log_probs = self.choice_log_probs(trained, questions)
        if log_probs is None:
            return None
        _, correct = trained.corpus.choices(questions)
        normalised = log_probs - np.logaddexp.reduce(log_probs, axis=1, keepdims=True)
        return normalised[np.arange(len(normalised)), correct]

    def accepted_log_prob(
        self, trained: TrainedModel, questions: Questions, scores: np.ndarray | None = None
    ) -> np.ndarray | None:
        """That of the correct statement, which is one."""
        return self.answer_log_prob(trained, questions, trained.corpus.entities.tokens[questions.accepted[:, 0]])

    def candidate_log_probs(
        self, trained: TrainedModel, questions: Questions, candidates: Entities
    ) -> np.ndarray | None:
        """None: the choice is among statements, not names."""
        return None

    def choice_log_probs(self, trained: TrainedModel, questions: Questions) -> np.ndarray | None:
        """log p[q, c] of the last entity of each statement, given the rest of it."""
        if trained.corpus.choices is None:
            return None
        statements, _ = trained.corpus.choices(questions)
        names = trained.corpus.entities.tokens[statements.accepted[:, 0]]
        log_probs = super().answer_log_prob(trained, statements, names)
        return None if log_probs is None else log_probs.reshape(len(questions), -1)

    def baselines(self, trained: TrainedModel, questions: Questions) -> Baselines:
        """Those of the statements to choose from."""
        if trained.corpus.choices is None:
            return super().baselines(trained, questions)
        statements, _ = trained.corpus.choices(questions)
        return Baselines.of(statements)

    def forward_passes(self, trained: TrainedModel) -> int:
        """The number of choices."""
        if trained.corpus.choices is None:
            return 0
        question = next(iter(trained.corpus.questions.values()))[:1]
        return len(trained.corpus.choices(question)[0])


@dataclass(frozen=True)
class MultipleChoiceInContext(MultipleChoice, InContext):
    """As MultipleChoice, with the prompt of InContext before each statement."""

    name: ClassVar = "multiple-choice-in-context"
