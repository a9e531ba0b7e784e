"""Metrics of hand-made predictions: whole names or nothing, shares of tokens, Wilson intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from eval.metrics import exact_match, token_accuracy, wilson_interval
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
    assert wilson_interval(*counts) == tuple(binomtest(*counts).proportion_ci(method="wilson"))


def test_none_of_200_still_allows_two_percent():
    assert wilson_interval(0, 200) == (0.0, pytest.approx(0.0188, abs=1e-4))


@given(COUNTS)
def test_the_interval_holds_the_share(counts):
    low, high = wilson_interval(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


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
