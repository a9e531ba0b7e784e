"""What a method of answering is: from questions to predictions and log-probabilities, with one trained model.

`apply_prompt` makes the questions that the model is given. All others take what it returns. By default a question is
the model's only input, and the objective that trained the model answers it. What methods override:

    a prompt                                apply_prompt (prompting.py); all_retrieved, where it is looked up
    another rule that chooses the answer    predict, answer_log_prob and candidate_log_probs; accepted_log_prob, where
                                            it does not give each name a probability
    a choice among fewer candidates         baselines, too
    some splits only                        applies_to
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from eval.trained_model import TrainedModel
from tasks.corpus import Questions
from tasks.vocabulary import Entities


class Baselines(NamedTuple):
    """Mean accuracies on one split that no model is needed for; see tasks/common/baselines.py."""

    chance: float
    elimination_baseline: float
    link_baseline: float

    @staticmethod
    def of(questions: Questions) -> "Baselines":
        return Baselines(*(float(getattr(questions, name).mean()) for name in Baselines._fields))


@dataclass(frozen=True)
class AnswerMethod:
    """Base of all methods: frozen dataclasses, whose fields are settings and command-line options."""

    name: ClassVar[str]
    """as commands and tables show it"""

    def applies_to(self, split: str) -> bool:
        """Whether the questions of this split are asked at all."""
        return True

    def apply_prompt(self, trained: TrainedModel, questions: Questions) -> Questions:
        """The questions as the model is given them."""
        return questions

    def predict(
        self, trained: TrainedModel, questions: Questions, scores: np.ndarray | None = None
    ) -> np.ndarray | None:
        """The predicted tokens of each open span, int[q, k], PAD after it. None where the objective cannot be asked.

        `scores`[q, e]: the log-probability of every entity, if known already; for methods that choose by it.
        """
        return trained.objective.predict(trained.modules, questions.cloze, trained.corpus.entities)

    def answer_log_prob(self, trained: TrainedModel, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of names[q, k] as the answer, in nats. None where the objective cannot be asked."""
        return trained.objective.answer_log_prob(trained.modules, questions.cloze, names, trained.corpus.entities)

    def accepted_log_prob(
        self, trained: TrainedModel, questions: Questions, scores: np.ndarray | None = None
    ) -> np.ndarray | None:
        """log p[q] that the answer is an accepted name, in nats: of the sum of their probabilities.

        `scores`[q, e]: as in `predict`. None where the objective cannot be asked.
        """
        entities, accepted = trained.corpus.entities, questions.accepted
        first = self.answer_log_prob(trained, questions, entities.tokens[accepted[:, 0]])
        row, column = np.nonzero(accepted[:, 1:] >= 0)
        if first is None or not len(row):
            return first
        several, index = np.unique(row, return_inverse=True)
        entity, has_one_token = accepted[row, 1 + column], entities.tokens.shape[1] == 1
        if scores is not None:
            further = scores[row, entity]
        elif has_one_token:  # one pass scores all
            further = self.candidate_log_probs(trained, questions[several], entities)[index, entity]
        else:
            further = self.answer_log_prob(trained, questions[row], entities.tokens[entity])
        log_probs = np.full(accepted.shape, -np.inf, np.float32)
        log_probs[:, 0], log_probs[row, 1 + column] = first, further
        return np.minimum(np.logaddexp.reduce(log_probs, axis=1), 0)

    def candidate_log_probs(
        self, trained: TrainedModel, questions: Questions, candidates: Entities
    ) -> np.ndarray | None:
        """log p[q, c] of each candidate as the answer, in nats; -inf for names of another length.

        None where the objective cannot be asked, and where the method does not score candidates.
        """
        return trained.objective.candidate_log_probs(trained.modules, questions.cloze, candidates)

    def all_retrieved(self, trained: TrainedModel, questions: Questions) -> np.ndarray | None:
        """bool[q]: whether all premises of a question, as a split holds it, were retrieved. None without retrieval."""
        return None

    def baselines(self, trained: TrainedModel, questions: Questions) -> Baselines:
        """What the answers of a model are compared with."""
        return Baselines.of(questions)

    def forward_passes(self, trained: TrainedModel) -> int:
        """Sequences that the network is given for each token of an answer."""
        return 1
