"""Choice: which of a few statements the model finds likeliest, where a task says which there are to choose from.

After the six candidate conclusions of Lampinen et al. 2025a (2505.00661). The question itself, or with what it follows
from in front of it; said is the answer where the right statement is chosen, and nothing where another is.
"""

import numpy as np

from eval.trained import Trained
from eval.ways.closed_book import ClosedBook
from eval.ways.in_context import InContext
from tasks.corpus import Entities, Questions
from tasks.vocabulary import PAD


class Choice(ClosedBook):
    def answer(self, trained: Trained, questions: Questions, score: np.ndarray | None = None) -> np.ndarray | None:
        likely = self.likely(trained, questions)
        if likely is None:
            return None
        right = trained.corpus.entities.tokens[questions.accepted[:, 0]][:, : int(questions.size.max(initial=1))]
        chosen = likely.argmax(1) == trained.corpus.choices(questions)[1]
        return np.where(chosen[:, None], right, PAD)

    def log_probability(self, trained: Trained, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of the right statement among those to choose from, in nats."""
        likely, (_, right) = self.likely(trained, questions), trained.corpus.choices(questions)
        each = likely - np.logaddexp.reduce(likely, axis=1, keepdims=True)
        return each[np.arange(len(each)), right]

    def score(self, trained: Trained, questions: Questions, candidates: Entities) -> np.ndarray | None:
        return None  # names are not what is chosen from

    def likely(self, trained: Trained, questions: Questions) -> np.ndarray | None:
        """log p[q, c] of the last entity of each statement, given the rest of it."""
        if trained.corpus.choices is None:
            return None
        each, _ = trained.corpus.choices(questions)
        logp = super().log_probability(trained, each, trained.corpus.entities.tokens[each.accepted[:, 0]])
        return None if logp is None else logp.reshape(len(questions), -1)

    def chances(self, trained: Trained, questions: Questions) -> tuple[float, float]:
        """One in so many, and one in those whose entities stand in the order of the question."""
        if trained.corpus.choices is None:
            return super().chances(trained, questions)
        each, _ = trained.corpus.choices(questions)
        return len(questions) / len(each), float(each.chance_by_elimination.mean())

    def passes(self, trained: Trained) -> int:
        if trained.corpus.choices is None:
            return 0
        one = next(iter(trained.corpus.questions.values()))[:1]
        return len(trained.corpus.choices(one)[0])


class ChoiceInContext(Choice, InContext):
    """With the facts that a question needs in front of each of its statements."""
