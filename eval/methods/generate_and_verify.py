"""Generate and verify: every candidate answer completes the inverse statement, and the model scores the result.

`B r' _` becomes `c r B` for each candidate c. The prediction is the candidate for which B is the most probable. So a
causal model can verify forwards what it cannot generate backwards (Chaudhry et al. 2026, 2604.01430). Each candidate
costs a forward pass over a statement.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eval.methods.base import AnswerMethod
from eval.metrics import best_score
from eval.trained_model import TrainedModel
from model.objectives.batch import fill_in
from tasks.common.questions import role_span
from tasks.corpus import TARGET, Cloze, Questions
from tasks.vocabulary import PAD, Entities

CHUNK = 8192  # statements a pass; bounds memory, changes no prediction


@dataclass(frozen=True)
class GenerateAndVerify(AnswerMethod):
    """Scores a candidate by the log-probability of the question's entity, given the candidate in the open span."""

    name: ClassVar = "generate-and-verify"

    splits: tuple[str, ...] | None = None
    """splits to ask, as each candidate costs a forward pass; None: all"""

    def applies_to(self, split: str) -> bool:
        return self.splits is None or split in self.splits

    def predict(
        self, trained: TrainedModel, questions: Questions, scores: np.ndarray | None = None
    ) -> np.ndarray | None:
        """The name of the best candidate. None where a question has no inverse form, too."""
        entities, size = trained.corpus.entities, questions.cloze.size
        scores = self.candidate_log_probs(trained, questions, entities) if scores is None else scores
        if scores is None:
            return None
        names = entities.tokens[scores.argmax(1)][:, : int(size.max(initial=1))].astype(np.int64)
        return np.where(np.arange(names.shape[1]) < size[:, None], names, PAD)

    def answer_log_prob(self, trained: TrainedModel, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of the question's entity, given names[q, k] in the open span of the inverse form."""
        if questions.inverse_form is None:
            return None
        statements, _ = fill_in(questions.inverse_form, names)
        start, size = role_span(statements, TARGET)
        position = start[:, None] + np.arange(size.max(initial=1))  # [q, k]
        entity = np.take_along_axis(statements.tokens, np.minimum(position, statements.tokens.shape[1] - 1), 1)
        cloze = Cloze.open(statements, start, size)
        return trained.objective.answer_log_prob(trained.modules, cloze, entity, trained.corpus.entities)

    def accepted_log_prob(
        self, trained: TrainedModel, questions: Questions, scores: np.ndarray | None = None
    ) -> np.ndarray | None:
        """The highest of the accepted names: the probabilities are conditional on each, and have no sum."""
        if scores is None:
            scores = self.candidate_log_probs(trained, questions, trained.corpus.entities)
        return None if scores is None else best_score(scores, questions.accepted)

    def candidate_log_probs(
        self, trained: TrainedModel, questions: Questions, candidates: Entities
    ) -> np.ndarray | None:
        """log p[q, c] of the question's entity, given each candidate; -inf for names that cannot be the answer."""
        if questions.inverse_form is None:
            return None
        total = np.full((len(questions), len(candidates)), -np.inf, np.float32)
        question, candidate = np.nonzero(is_candidate(questions, candidates))
        for start in range(0, len(question), CHUNK):
            rows, columns = question[start : start + CHUNK], candidate[start : start + CHUNK]
            log_probs = self.answer_log_prob(trained, questions[rows], candidates.tokens[columns])
            if log_probs is None:
                return None
            total[rows, columns] = log_probs
        return total

    def forward_passes(self, trained: TrainedModel) -> int:
        """The maximum number of candidates of a question."""
        splits = [questions for split, questions in trained.corpus.questions.items() if self.applies_to(split)]
        possible = [questions for questions in splits if questions.inverse_form is not None and len(questions)]
        counts = (is_candidate(questions, trained.corpus.entities).sum(1).max() for questions in possible)
        return max(map(int, counts), default=0)


def is_candidate(questions: Questions, candidates: Entities) -> np.ndarray:
    """bool[q, c]: whether a name has the length and alphabet of the answer, which the question shows."""
    has_form = questions.cloze.size[:, None] == candidates.lengths
    if candidates.alphabet is not None:
        has_form &= candidates.alphabet[questions.accepted[:, :1]] == candidates.alphabet
    return has_form
