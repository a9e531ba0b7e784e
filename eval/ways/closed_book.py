"""Closed book: the question alone, answered from the weights. What the other ways have in common is said here, too.

A way first makes the questions what the model is to be given (`prompt`); the rest is then asked of those.
"""

import numpy as np

from eval.trained import Trained
from tasks.corpus import Entities, Questions


class ClosedBook:
    def asks(self, split: str) -> bool:
        """Whether it is put to the questions of this split."""
        return True

    def answer(self, trained: Trained, questions: Questions, score: np.ndarray | None = None) -> np.ndarray | None:
        """What the model says in each answer span, int[q, k]; None where it cannot be asked. `score`[q, c]: that of
        every entity, where it is known already, for a way that chooses by it."""
        return trained.objective.answer(trained.modules, questions, trained.corpus.entities)

    def log_probability(self, trained: Trained, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of names[q, k] as the answer, in nats."""
        return trained.objective.log_probability(trained.modules, questions, names, trained.corpus.entities)

    def score(self, trained: Trained, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """log p[q, c] of each candidate as the answer, in nats."""
        return trained.objective.score(trained.modules, questions, candidates)

    def prompt(self, trained: Trained, questions: Questions) -> Questions:
        """The questions as the model is given them."""
        return questions

    def found(self, trained: Trained, questions: Questions) -> np.ndarray | None:
        """bool[q]: whether all that a question needs was looked up; None for a way that looks nothing up."""
        return None

    def chances(self, trained: Trained, questions: Questions) -> tuple[float, float]:
        """Of a guess among all, and among what training never rules out."""
        return float(questions.chance.mean()), float(questions.chance_by_elimination.mean())

    def passes(self, trained: Trained) -> int:
        """Rows that the network is given for each token of an answer."""
        return 1
