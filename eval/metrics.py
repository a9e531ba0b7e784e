"""Metrics of predictions: pure functions of arrays."""

from collections.abc import Sequence
from functools import cache
from math import cos, pi, sin, sqrt, tan
from statistics import fmean, stdev

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
    """float[q]: share of the tokens of an accepted name that predictions[q, k] have at the same position.

    Of several accepted names, the one with the highest share counts.
    """
    names = entities.tokens[questions.accepted]  # [q, a, k]
    k, size = min(predictions.shape[1], names.shape[2]), questions.cloze.size
    is_equal = (names[..., :k] == predictions[:, None, :k]) & (np.arange(k) < size[:, None, None])
    has_size = entities.lengths[questions.accepted] == size[:, None]
    num_equal = np.where(has_size & (questions.accepted >= 0), is_equal.sum(2), 0)
    return num_equal.max(1) / size


def best_rank(scores: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """int[q]: the rank, from 1, of the accepted candidate with the highest of scores[q, c].

    `accepted`[q, a] are candidates, padded with negative numbers. The rank is filtered (Bordes et al. 2013): no
    accepted candidate counts against another. A candidate with an equal score does not count against it, either.
    """
    return 1 + (scores > best_score(scores, accepted)[:, None]).sum(1)


def best_score(scores: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """float[q]: the highest of scores[q, c] of the accepted candidates, `accepted` as in `best_rank`."""
    accepted_scores = np.take_along_axis(scores, np.maximum(accepted, 0), 1)
    return np.where(accepted >= 0, accepted_scores, -np.inf).max(1)


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


def t_interval(shares: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of two or more shares (Student's t), within 0 and 1."""
    n = len(shares)
    mean, half_width = fmean(shares), t_quantile(n - 1) * stdev(shares) / sqrt(n)
    return max(0.0, mean - half_width), min(1.0, mean + half_width)


@cache
def t_quantile(df: int) -> float:
    """The 97.5 % quantile of Student's t with `df` degrees of freedom, by bisection over atan(t / sqrt(df))."""
    low, high = 0.0, pi / 2
    for _ in range(60):
        theta = (low + high) / 2
        low, high = (theta, high) if central_probability(theta, df) < 0.95 else (low, theta)
    return sqrt(df) * tan(low)


def central_probability(theta: float, df: int) -> float:
    """P(|T| < sqrt(df) tan(theta)) of Student's t (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    is_odd = df % 2
    term, total = cos(theta) ** is_odd, 0.0
    for k in range(is_odd, df - 1, 2):
        total += term
        term *= cos(theta) ** 2 * (k + 1) / (k + 2)
    return 2 / pi * (theta + sin(theta) * total) if is_odd else sin(theta) * total
