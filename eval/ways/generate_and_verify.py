"""Generate and verify: the question is turned round, and every name that fits is tried in it.

`B r' _` becomes `c r B` for each candidate c; the one for which the model expects B most is the answer. What a causal
model cannot say backwards it can check forwards (Chaudhry et al. 2026, 2604.01430). It costs a forward pass of a
statement for each candidate, where closed book needs one.
"""

from dataclasses import dataclass, replace

import numpy as np

from eval.trained import Trained
from eval.ways.closed_book import ClosedBook
from model.objectives.batch import fill
from tasks.corpus import TARGET, Entities, Questions, blank
from tasks.vocabulary import MASK, PAD

CHUNK = 8192  # statements a pass


@dataclass(frozen=True)
class GenerateAndVerify(ClosedBook):
    splits: tuple[str, ...] | None = None
    """splits whose questions it is put to, since it takes its time where names are many; None: all"""

    def asks(self, split: str) -> bool:
        return self.splits is None or split in self.splits

    def answer(self, trained: Trained, questions: Questions, score: np.ndarray | None = None) -> np.ndarray | None:
        score = self.score(trained, questions, trained.corpus.entities) if score is None else score
        if score is None:
            return None
        entities = trained.corpus.entities
        said = entities.tokens[score.argmax(1)][:, : int(questions.size.max(initial=1))].astype(np.int64)
        return np.where(np.arange(said.shape[1]) < questions.size[:, None], said, PAD)

    def log_probability(self, trained: Trained, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of what is known, given names[q, k] in the other slot."""
        if questions.turned is None:
            return None
        turned = questions.turned
        start = (turned.tokens == MASK).argmax(1)
        said, _ = fill(replace(questions, documents=turned, start=start), names)
        known = turned.roles == TARGET
        start, size = known.argmax(1), known.sum(1)
        at = start[:, None] + np.arange(size.max(initial=1))
        expected = np.take_along_axis(said.tokens, np.minimum(at, said.tokens.shape[1] - 1), 1)
        checks = replace(questions, documents=blank(said, start, size), start=start, size=size, turned=None)
        return super().log_probability(trained, checks, expected)

    def score(self, trained: Trained, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """log p[q, c] of what is known, given each candidate in the other slot; -inf for those that do not fit."""
        if questions.turned is None:
            return None
        total = np.full((len(questions), len(candidates)), -np.inf, np.float32)
        row, one = np.nonzero(fitting(questions, candidates))
        for start in range(0, len(row), CHUNK):
            r, c = row[start : start + CHUNK], one[start : start + CHUNK]
            some = self.log_probability(trained, questions[r], candidates.tokens[c])
            if some is None:
                return None
            total[r, c] = some
        return total

    def passes(self, trained: Trained) -> int:
        """The most that any question takes."""
        asked = (one for split, one in trained.corpus.questions.items() if self.asks(split))
        splits = [one for one in asked if one.turned is not None and len(one)]
        return max((int(fitting(one, trained.corpus.entities).sum(1).max()) for one in splits), default=0)


def fitting(questions: Questions, candidates: Entities) -> np.ndarray:
    """bool[q, c]: which names are of the answer's length and alphabet, which a question tells."""
    fit = questions.size[:, None] == candidates.lengths
    if candidates.alphabet is not None:
        fit &= candidates.alphabet[questions.accepted[:, :1]] == candidates.alphabet
    return fit
