"""The claim itself, on one world and with the presets' own settings: minutes, so `make test-slow` runs it."""

from dataclasses import replace

import pytest

from train.presets import PRESETS
from train.run import train_run

SEED = 1000  # 0-4 are for reporting


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """The splits of a trained run, by preset."""
    root = tmp_path_factory.mktemp("claim")
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
    assert causal["inverse"]["low"] <= causal["inverse"]["chance_by_elimination"]
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
