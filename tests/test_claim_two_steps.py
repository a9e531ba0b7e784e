"""Inferences of two steps, with the presets' own settings; minutes, so `make test-slow` runs it."""

import pytest

from eval.methods.in_context import InContext
from tests.slow_runs import ask, train
from train.presets import HIERARCHY, SYLLOGISM

pytestmark = pytest.mark.slow


def test_a_conclusion_of_two_premises_follows_in_the_prompt_and_not_in_the_weights(tmp_path):
    """The prompt holds a second chain that ends in the same word. A guess among the ends is right every other time."""
    closed_book = train(SYLLOGISM, "syllogism", tmp_path)
    prompted = ask(tmp_path / "syllogism", InContext())["in-context"]
    for split in ("premise", "trained"):
        assert closed_book[split]["accuracy"] >= 0.95
    for split in ("conclusion", "misleading"):
        assert closed_book[split]["low"] <= closed_book[split]["elimination_baseline"]
        assert closed_book[split]["accuracy"] <= 0.05
        assert prompted[split]["accuracy"] >= 0.9
        assert prompted[split]["low"] > 0.7


def test_inherited_properties_follow_in_the_prompt_and_in_the_weights_only_by_similarity(tmp_path):
    """Against a second chain that ends in the same word."""
    closed_book = train(HIERARCHY, "hierarchy", tmp_path)
    prompted = ask(tmp_path / "hierarchy", InContext())["in-context"]
    for split in ("stated", "inherited"):
        assert closed_book[split]["accuracy"] >= 0.95
    assert closed_book["inverse"]["accuracy"] <= 0.1
    for split in ("syllogism", "chain", "holdout", "holdout_chain"):
        assert closed_book[split]["low"] <= closed_book[split]["elimination_baseline"]  # of up to 11 %
        assert closed_book[split]["high"] < prompted[split]["low"]
    assert closed_book["similar"]["low"] > closed_book["syllogism"]["accuracy"]
    for split in ("inverse", "syllogism", "holdout"):
        assert prompted[split]["accuracy"] >= 0.9
