"""Metrics of predictions: pure functions of arrays."""

from math import sqrt

import numpy as np

from tasks.corpus import Questions
from tasks.vocabulary import Entities

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution, for intervals of 95 %


def exact_match(entities: Entities, questions: Questions, predictions: np.ndarray) -> np.ndarray:
    """bool[q]: whether predictions[q, k] are, over the whole open span, the name of an accepted entity."""
    k, size = predictions.shape[1], questions.cloze.size
    names = entities.tokens[questions.accepted][..., :k]  # [q, a, k]
    in_span = np.arange(k) < size[:, None, None]  # [q, 1, k]
    is_equal = ((names == predictions[:, None]) | ~in_span).all(-1)  # [q, a]
    has_size = entities.lengths[questions.accepted] == size[:, None]
    return (is_equal & has_size & (questions.accepted >= 0)).any(1)


def token_accuracy(entities: Entities, questions: Questions, predictions: np.ndarray) -> np.ndarray:
    """float[q]: share of the tokens of the first accepted name that predictions[q, k] have at the same position."""
    names = entities.tokens[questions.accepted[:, 0]]
    k, size = min(predictions.shape[1], names.shape[1]), questions.cloze.size
    is_equal = names[:, :k] == predictions[:, :k]
    return (is_equal & (np.arange(k) < size[:, None])).sum(1) / size


def wilson_interval(correct: float, count: int, z: float = Z) -> tuple[float, float]:
    """The Wilson interval of a share (Wilson 1927), of 95 % unless `z` is given.

    Written out: scipy.stats takes over a second to import.
    """
    share = correct / count
    denominator = 2 * (count + z**2)
    center = (2 * count * share + z**2) / denominator
    half_width = z / denominator * sqrt(4 * count * share * (1 - share) + z**2)
    low = 0.0 if correct == 0 else center - half_width
    high = 1.0 if correct == count else center + half_width
    return low, high
