"""How masked models say an answer of several tokens: the surest first (Ghazvininejad et al. 2019, 1904.09324)."""

import numpy as np
from torch import nn

from model.objectives.batch import Arrays
from model.objectives.contract import Objective
from tasks.corpus import Questions
from tasks.vocabulary import PAD


def unmask(objective: Objective, modules: nn.ModuleDict, questions: Questions, passes: int) -> np.ndarray:
    """Each span's tokens int[q, k], PAD after it, in `passes` passes: as many a pass as it takes to end with none
    open, those of which the model is surest."""
    tokens, rows = questions.documents.tokens.copy(), np.arange(len(questions))
    t, at = tokens.shape[1], np.arange(questions.size.max(initial=1))
    inside = at < questions.size[:, None]
    places = questions.start[:, None] + np.where(inside, at, 0)
    still = inside.copy()
    for left in range(passes, 0, -1):
        open_places = (rows[:, None] * t + places)[still]
        if not len(open_places):
            break
        asking: Arrays = {"tokens": tokens, "lengths": questions.documents.lengths, "at": open_places}
        seen = objective.log_probabilities(modules, asking).max(-1)
        logp, best = np.full(still.shape, -np.inf), np.zeros(still.shape, np.int64)
        logp[still], best[still] = seen.values.cpu().numpy(), seen.indices.cpu().numpy()
        rank = np.argsort(np.argsort(-logp, axis=1, kind="stable"), axis=1)
        now = still & (rank < -(-still.sum(1, keepdims=True) // left))  # an even share, rounded up
        row, j = np.nonzero(now)
        tokens[row, places[row, j]] = best[row, j]
        still &= ~now
    return np.where(inside, tokens[rows[:, None], places], PAD)
