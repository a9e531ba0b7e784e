"""Closed book: the question alone, answered from the weights."""

import numpy as np

from eval.trained import Trained
from tasks.corpus import Entities, Questions


class ClosedBook:
    def answer(self, trained: Trained, questions: Questions) -> np.ndarray | None:
        """What the model says in each answer span, int[q, k]; None where it cannot be asked."""
        return trained.objective.answer(trained.modules, questions, trained.corpus.entities)

    def log_probability(self, trained: Trained, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of names[q, k] as the answer, in nats."""
        return trained.objective.log_probability(trained.modules, questions, names, trained.corpus.entities)

    def score(self, trained: Trained, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """log p[q, c] of each candidate as the answer, in nats."""
        return trained.objective.score(trained.modules, questions, candidates)
