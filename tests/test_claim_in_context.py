"""Parametric against in-context knowledge, with the presets' own settings; minutes, so `make test-slow` runs it."""

import pytest

from config.override import override
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext
from eval.methods.retrieval import OracleRetrieval
from tests.slow_runs import ask, train
from train.presets import CODEBOOK, IN_CONTEXT

pytestmark = pytest.mark.slow


def test_a_prompt_gives_what_the_weights_do_not(tmp_path):
    """On a smaller world than the preset's."""
    world = {"entities": 60, "one_way": 60, "unseen": 30, "episodes.share": 2 / 3}
    config = override(IN_CONTEXT, {f"task.{name}": value for name, value in world.items()})
    closed_book = train(config, "in-context", tmp_path)
    assert closed_book["forward"]["accuracy"] >= 0.99
    assert closed_book["inverse"]["low"] <= closed_book["inverse"]["elimination_baseline"]
    asked = ask(tmp_path / "in-context", InContext(), OracleRetrieval(), GenerateAndVerify())
    for method, split in (
        ("in-context", "inverse"),
        ("in-context", "unseen_inverse"),
        ("oracle-retrieval", "inverse"),
    ):
        assert asked[method][split]["accuracy"] >= 0.95
        assert asked[method][split]["low"] > closed_book[split]["high"]
    assert asked["generate-and-verify"]["inverse"]["accuracy"] >= 0.95


def test_codebooks_are_read_from_either_end_in_the_prompt_and_not_in_the_weights(tmp_path):
    closed_book = train(CODEBOOK, "codebook", tmp_path)
    prompted = ask(tmp_path / "codebook", InContext())["in-context"]
    for split in ("encode", "decode_stated"):
        assert closed_book[split]["accuracy"] >= 0.9
    for split in ("latent", "decode"):
        assert closed_book[split]["accuracy"] <= 0.1
        assert prompted[split]["accuracy"] >= closed_book[split]["accuracy"] + 0.8
