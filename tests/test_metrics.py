"""Metrics of hand-made predictions: whole names or nothing, shares of tokens, Wilson intervals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eval.metrics import best_rank, best_score, exact_match, t_interval, t_quantile, token_accuracy, wilson_interval
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.reversal import Reversal

WORLD = Reversal(
    entities=12,
    relations=2,
    one_way=6,
    documents=DocumentConfig(copies=2),
    names=NameConfig(min_length=1, max_length=2),
)
CORPUS = WORLD.build(0)
ENTITIES, QUESTIONS = CORPUS.entities, CORPUS.questions["inverse"]
SIZE = QUESTIONS.cloze.size
ANSWERS = ENTITIES.tokens[QUESTIONS.accepted[:, 0]].astype(np.int64)


COUNTS = st.integers(1, 5000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count)))


@given(COUNTS)
def test_the_interval_is_wilsons_as_scipy_has_it(counts):
    assert wilson_interval(*counts) == tuple(stats.binomtest(*counts).proportion_ci(method="wilson"))


def test_none_of_200_still_allows_two_percent():
    assert wilson_interval(0, 200) == (0.0, pytest.approx(0.0188, abs=1e-4))


@given(COUNTS)
def test_the_interval_holds_the_share(counts):
    low, high = wilson_interval(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


@pytest.mark.parametrize("df", [*range(1, 31), 64, 199])
def test_the_quantile_is_students_as_scipy_has_it(df):
    assert t_quantile(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


@given(st.lists(st.integers(0, 200), min_size=2, max_size=8))
def test_the_interval_of_a_mean_is_students_within_0_and_1(correct):
    shares = [k / 200 for k in correct]
    low, high = t_interval(shares)
    assert 0 <= low <= sum(shares) / len(shares) + 1e-12
    assert sum(shares) / len(shares) - 1e-12 <= high <= 1
    if len(set(shares)) > 1:
        expected = stats.t.interval(0.95, len(shares) - 1, loc=np.mean(shares), scale=stats.sem(shares))
        assert (low, high) == pytest.approx((max(0, expected[0]), min(1, expected[1])), abs=1e-9)
    else:
        assert low == pytest.approx(high)


def test_seeds_that_differ_leave_a_wide_interval():
    reversed_, infill = [0.58, 0.63, 1, 1, 1], [0.11, 0.44, 0.66, 0.455, 0.395]
    assert t_interval(reversed_) == pytest.approx((0.572, 1), abs=1e-3)
    assert t_interval(infill) == pytest.approx((0.167, 0.657), abs=1e-3)


def test_the_rank_is_that_of_the_best_accepted_name_and_no_accepted_name_counts_against_it():
    scores = np.array([[-1.0, -3.0, -2.0, -4.0]] * 4)
    accepted = np.array([[0, -1], [1, 3], [3, 2], [3, -1]])
    assert best_rank(scores, accepted).tolist() == [1, 3, 2, 4]
    assert best_rank(np.zeros((1, 4)), np.array([[2]])).tolist() == [1]  # equal scores


def test_a_name_is_right_only_whole():
    assert exact_match(ENTITIES, QUESTIONS, ANSWERS).all()
    for j in range(ANSWERS.shape[1]):
        predictions = ANSWERS.copy()
        predictions[:, j] += 1
        np.testing.assert_array_equal(exact_match(ENTITIES, QUESTIONS, predictions), j >= SIZE)


def test_no_accepted_name_of_another_length_counts():
    beginning = ENTITIES.tokens[ENTITIES.lengths == 2][0]
    predictions = np.tile(beginning, (len(QUESTIONS), 1)).astype(np.int64)
    assert not exact_match(ENTITIES, QUESTIONS[SIZE == 1], predictions[SIZE == 1]).any()


def test_token_accuracy_is_the_share_of_the_tokens_that_are_right():
    assert (token_accuracy(ENTITIES, QUESTIONS, ANSWERS) == 1).all()
    assert {1, 2} == set(SIZE.tolist())
    for j in range(ANSWERS.shape[1]):
        predictions = ANSWERS.copy()
        predictions[:, j] += 1
        expected = 1 - (j < SIZE) / SIZE  # tokens beyond the span do not count
        np.testing.assert_array_equal(token_accuracy(ENTITIES, QUESTIONS, predictions), expected)


def test_of_several_accepted_names_the_nearest_one_counts():
    other = np.array([(answer + 1) % len(ENTITIES) for answer in QUESTIONS.accepted[:, 0]])
    questions = replace(QUESTIONS, accepted=np.stack([other, QUESTIONS.accepted[:, 0]], axis=1).astype(np.int32))
    assert (token_accuracy(ENTITIES, questions, ANSWERS) == 1).all()
    assert exact_match(ENTITIES, questions, ANSWERS).all()


def test_the_best_score_is_that_of_an_accepted_candidate():
    scores = np.array([[-1.0, -3.0, -2.0, -4.0]] * 3)
    assert best_score(scores, np.array([[1, 3], [3, -1], [3, 0]])).tolist() == [-3.0, -4.0, -1.0]
