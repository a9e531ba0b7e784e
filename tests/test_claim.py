"""The claim itself, on one world and with the presets' own settings: minutes, so `make test-slow` runs it."""

from dataclasses import replace
from pathlib import Path

import pytest

from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext
from eval.methods.retrieval import OracleRetrieval
from eval.run_methods import run_methods
from tasks.reversal.task import Reversal
from train.presets import CODEBOOK, HIERARCHY, IN_CONTEXT, PRESETS, SYLLOGISM
from train.run import train_run

SEED = 1000  # 0-4 are for reporting


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Where the runs are, by preset."""
    return tmp_path_factory.mktemp("claim")


@pytest.fixture(scope="module")
def splits(root):
    """The splits of a trained run, by preset."""
    trained = {}

    def of(preset: str) -> dict[str, dict]:
        if preset not in trained:
            config = replace(PRESETS[preset][1], seed=SEED)
            trained[preset] = train_run(config, preset, report=print, root=root)["splits"]
        return trained[preset]

    return of


@pytest.mark.slow
def test_causal_knows_every_fact_as_told_and_none_the_other_way_round(splits):
    causal = splits("causal")
    assert causal["forward"]["accuracy"] >= 0.99
    assert causal["inverse"]["low"] <= causal["inverse"]["elimination_baseline"]
    assert causal["inverse"]["accuracy"] <= 0.03
    assert causal["backward"]["count"] == 0  # it cannot be asked, which is not the same as failing
    assert causal["wrong_frame"]["accuracy"] <= 0.03


@pytest.mark.slow
def test_bidirectional_knows_them_both_ways(splits):
    bidirectional = splits("bidirectional")
    assert bidirectional["forward"]["accuracy"] >= 0.99
    assert bidirectional["backward"]["accuracy"] >= 0.99
    assert bidirectional["inverse"]["accuracy"] >= 0.95
    assert bidirectional["wrong_frame"]["accuracy"] <= 0.03


@pytest.mark.slow
def test_the_gap_is_of_the_inverse_alone(splits):
    causal, bidirectional = splits("causal"), splits("bidirectional")
    assert causal["inverse"]["high"] < bidirectional["inverse"]["low"]
    assert abs(causal["forward"]["accuracy"] - bidirectional["forward"]["accuracy"]) <= 0.01
    assert causal["inverse"]["count"] == bidirectional["inverse"]["count"] >= 200


@pytest.mark.slow
def test_what_a_causal_model_cannot_say_it_can_check(splits, root):
    splits("causal")
    found = run_methods(root / "causal", {"generate-and-verify": GenerateAndVerify(), "in-context": InContext()})[
        "ways"
    ]
    inverse = {way: of["asked"]["as-trained"]["inverse"] for way, of in found.items()}
    assert inverse["generate-and-verify"]["accuracy"] >= 0.95
    assert inverse["in-context"]["accuracy"] <= 0.1  # nothing it trained on made use of a prompt


@pytest.mark.slow
def test_what_the_weights_cannot_say_the_prompt_can(root):
    """On a smaller world than the preset's and in half of its steps."""
    world = Reversal(entities=60, one_way=60, new=30, in_context=2 / 3)
    config = replace(IN_CONTEXT, task=world, train=replace(IN_CONTEXT.train, steps=2000), seed=SEED)
    closed = train_run(config, "in-context", report=print, root=root)["splits"]
    assert closed["forward"]["accuracy"] >= 0.99
    assert closed["inverse"]["low"] <= closed["inverse"]["elimination_baseline"]
    ways = {"in-context": InContext(), "oracle": OracleRetrieval(), "verify": GenerateAndVerify()}
    asked = {way: of["asked"]["as-trained"] for way, of in run_methods(root / "in-context", ways)["ways"].items()}
    for way, split in (("in-context", "inverse"), ("in-context", "new_inverse"), ("oracle", "inverse")):
        assert asked[way][split]["accuracy"] >= 0.95
        assert asked[way][split]["low"] > closed[split]["high"]
    assert asked["verify"]["inverse"]["accuracy"] >= 0.95


@pytest.mark.slow
def test_two_steps_are_taken_in_the_prompt_and_not_in_the_weights(root):
    """Against a second chain that ends in the same word, so that a guess among the ends is right every other time; in
    two thirds of the preset's steps."""
    task, steps = replace(SYLLOGISM.task, context_alone=1300), replace(SYLLOGISM.train, steps=2300)
    config = replace(SYLLOGISM, task=task, train=steps, seed=SEED)
    closed = train_run(config, "syllogism", report=print, root=root)["splits"]
    prompted = run_methods(root / "syllogism", {"in-context": InContext()})["ways"]["in-context"]["asked"]["as-trained"]
    for split in ("premise", "trained"):
        assert closed[split]["accuracy"] >= 0.95
    for split in ("conclusion", "misleading"):
        assert closed[split]["low"] <= closed[split]["elimination_baseline"]
        assert closed[split]["accuracy"] <= 0.05
        assert prompted[split]["accuracy"] >= 0.9
        assert prompted[split]["low"] > 0.7


@pytest.mark.slow
def test_what_is_inherited_is_read_from_the_prompt_and_inferred_in_no_other_way_than_by_likeness(root):
    """Against a second line that ends in the same word; in three quarters of the preset's steps."""
    task, steps = replace(HIERARCHY.task, context_alone=2500), replace(HIERARCHY.train, steps=3750)
    closed = train_run(replace(HIERARCHY, task=task, train=steps, seed=SEED), "hierarchy", report=print, root=root)
    closed = closed["splits"]
    prompted = run_methods(root / "hierarchy", {"in-context": InContext()})["ways"]["in-context"]["asked"]["as-trained"]
    for split in ("stated", "inherited"):
        assert closed[split]["accuracy"] >= 0.95
    for split in ("reversed", "syllogism", "chain", "holdout", "holdout_chain"):
        assert closed[split]["accuracy"] <= 0.1
    assert closed["similar"]["low"] > closed["syllogism"]["accuracy"]
    for split in ("reversed", "syllogism", "holdout"):
        assert prompted[split]["accuracy"] >= 0.9


@pytest.mark.slow
def test_books_are_read_from_either_end_in_the_prompt_and_not_in_the_weights(root):
    """In half of the preset's steps, of which a thousand tell the world: what is encoded is known by then."""
    config = replace(CODEBOOK, train=replace(CODEBOOK.train, steps=2500), seed=SEED)
    closed = train_run(config, "codebook", report=print, root=root)["splits"]
    prompted = run_methods(root / "codebook", {"in-context": InContext()})["ways"]["in-context"]["asked"]["as-trained"]
    for split in ("encode", "decode_told"):
        assert closed[split]["accuracy"] >= 0.9
    for split in ("latent", "decode"):
        assert closed[split]["accuracy"] <= 0.1
        assert prompted[split]["accuracy"] >= closed[split]["accuracy"] + 0.8
