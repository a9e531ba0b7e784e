"""The claims, each on one world and with the settings of a preset: minutes, so `make test-slow` runs them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.override import override
from eval.methods.base import AnswerMethod
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext
from eval.methods.retrieval import OracleRetrieval
from eval.run_methods import run_methods
from train.config import RunConfig
from train.presets import CODEBOOK, HIERARCHY, IN_CONTEXT, PRESETS, SYLLOGISM
from train.progress import Log
from train.run import train_run

SEED = 1000  # 0-4 are for reporting
pytestmark = pytest.mark.slow
Splits = dict[str, dict[str, Any]]


class Printed(Log):
    """Prints the record, so that a failure shows how training went."""

    def record(self, entry: dict[str, Any]) -> None:
        print(entry)


def train(config: RunConfig, name: str, root: Path) -> Splits:
    """Closed book, by split."""
    return train_run(replace(config, seed=SEED), name, log=Printed(), root=root)["splits"]


def ask(folder: Path, *methods: AnswerMethod) -> dict[str, Splits]:
    """By method and split."""
    entry = run_methods(folder, {method.name: method for method in methods})
    return {name: found["query_modes"]["as-trained"] for name, found in entry["methods"].items()}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A causal and a bidirectional run of one world, as their presets train them."""
    root = tmp_path_factory.mktemp("claim")
    for preset in ("causal", "bidirectional"):
        train(PRESETS[preset][1], preset, root)
    return {preset: root / preset for preset in ("causal", "bidirectional")}


@pytest.fixture(scope="module")
def causal(folders) -> Splits:
    return ask_closed_book(folders["causal"])


@pytest.fixture(scope="module")
def bidirectional(folders) -> Splits:
    return ask_closed_book(folders["bidirectional"])


def ask_closed_book(folder: Path) -> Splits:
    config = replace(PRESETS[folder.name][1], seed=SEED)
    return train_run(config, folder.name, resume=True, root=folder.parent)["splits"]  # it is finished, and only read


def test_a_causal_model_memorises_every_fact_as_stated_and_predicts_no_inverse(causal):
    assert causal["forward"]["accuracy"] >= 0.99
    assert causal["inverse"]["low"] <= causal["inverse"]["elimination_baseline"]
    assert causal["inverse"]["accuracy"] <= 0.03
    assert causal["backward"]["count"] == 0  # it cannot be asked, which is not the same as failing
    assert causal["wrong_frame"]["accuracy"] <= 0.03


def test_a_bidirectional_model_predicts_both(bidirectional):
    assert bidirectional["forward"]["accuracy"] >= 0.99
    assert bidirectional["backward"]["accuracy"] >= 0.99
    assert bidirectional["inverse"]["accuracy"] >= 0.95
    assert bidirectional["wrong_frame"]["accuracy"] <= 0.03


def test_the_two_differ_in_the_inverse_alone(causal, bidirectional):
    assert causal["inverse"]["high"] < bidirectional["inverse"]["low"]
    assert abs(causal["forward"]["accuracy"] - bidirectional["forward"]["accuracy"]) <= 0.01
    assert causal["inverse"]["count"] == bidirectional["inverse"]["count"] >= 200


def test_a_causal_model_can_check_what_it_cannot_predict(folders):
    asked = ask(folders["causal"], GenerateAndVerify(), InContext())
    assert asked["generate-and-verify"]["inverse"]["accuracy"] >= 0.95
    assert asked["in-context"]["inverse"]["accuracy"] <= 0.1  # nothing that it trained on required its context


def test_a_prompt_gives_what_the_weights_do_not(tmp_path):
    """On a smaller world than the preset's and in half of its steps."""
    world = {"entities": 60, "one_way": 60, "unseen": 30, "episodes.share": 2 / 3}
    config = override(IN_CONTEXT, {"train.steps": 2000} | {f"task.{name}": value for name, value in world.items()})
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


def test_a_conclusion_of_two_premises_follows_in_the_prompt_and_not_in_the_weights(tmp_path):
    """In two thirds of the preset's steps.

    The prompt holds a second chain that ends in the same word, so a guess among the ends is right every other time.
    """
    config = override(SYLLOGISM, {"task.episodes.only_steps": 1300, "train.steps": 2300})
    closed_book = train(config, "syllogism", tmp_path)
    prompted = ask(tmp_path / "syllogism", InContext())["in-context"]
    for split in ("premise", "trained"):
        assert closed_book[split]["accuracy"] >= 0.95
    for split in ("conclusion", "misleading"):
        assert closed_book[split]["low"] <= closed_book[split]["elimination_baseline"]
        assert closed_book[split]["accuracy"] <= 0.05
        assert prompted[split]["accuracy"] >= 0.9
        assert prompted[split]["low"] > 0.7


def test_inherited_properties_follow_in_the_prompt_and_in_the_weights_only_by_similarity(tmp_path):
    """In three quarters of the preset's steps, against a second chain that ends in the same word."""
    config = override(HIERARCHY, {"task.episodes.only_steps": 2500, "train.steps": 3750})
    closed_book = train(config, "hierarchy", tmp_path)
    prompted = ask(tmp_path / "hierarchy", InContext())["in-context"]
    for split in ("stated", "inherited"):
        assert closed_book[split]["accuracy"] >= 0.95
    for split in ("inverse", "syllogism", "chain", "holdout", "holdout_chain"):
        assert closed_book[split]["accuracy"] <= 0.1
    assert closed_book["similar"]["low"] > closed_book["syllogism"]["accuracy"]
    for split in ("inverse", "syllogism", "holdout"):
        assert prompted[split]["accuracy"] >= 0.9


def test_codebooks_are_read_from_either_end_in_the_prompt_and_not_in_the_weights(tmp_path):
    """In half of the preset's steps. A thousand of them train on the world: encodings are learned by then."""
    closed_book = train(override(CODEBOOK, {"train.steps": 2500}), "codebook", tmp_path)
    prompted = ask(tmp_path / "codebook", InContext())["in-context"]
    for split in ("encode", "decode_stated"):
        assert closed_book[split]["accuracy"] >= 0.9
    for split in ("latent", "decode"):
        assert closed_book[split]["accuracy"] <= 0.1
        assert prompted[split]["accuracy"] >= closed_book[split]["accuracy"] + 0.8
