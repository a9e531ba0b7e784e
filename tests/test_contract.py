"""The contract carries every objective, and one that is not registered yet, through the same loop and evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from eval.trained_model import load_trained_model
from model.build import build_modules
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, query_at, stated_left_and_right
from model.objectives.causal import Causal
from model.visibility import CAUSAL, Visibility
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, Cloze, Documents
from tasks.reversal import Reversal
from train.config import RunConfig, TrainConfig
from train.progress import Log
from train.run import train_run

WORLD = Reversal(
    entities=12,
    relations=2,
    one_way=4,
    documents=DocumentConfig(copies=2, filler=1),
    names=NameConfig(max_length=2),
)
NETWORK = ModelConfig(width=16, depth=1, heads=2)
TRAIN = TrainConfig(
    steps=20,
    batch=16,
    subset=1,  # so that losses are of the same documents from the first step on
    learning_rate=0.01,
    warmup=2,
    log_every=5,
    evaluate_every=20,
    save_every=20,
    device="cpu",
)
ASK_LAST, ASK_FIRST = ("forward", "inverse", "wrong_frame"), ("backward",)  # splits, by the entity that is open
# The splits that each objective can be asked in each query mode. The others can be asked all, as trained.
SPLITS = {
    "causal": {"as-trained": ASK_LAST},
    "reinforced": {"as-trained": ASK_LAST},
    "skip": {"as-trained": ASK_LAST},
    "prefix": {"as-trained": ASK_LAST},
    "joint-embedding": {"as-trained": ASK_LAST},
    "reversed": {"left-to-right": ASK_LAST, "reversed-order": ASK_FIRST},
    "semantic-permutation": {"left-to-right": ASK_LAST, "reversed-order": ASK_FIRST},
    "infill": {"as-trained": ASK_LAST + ASK_FIRST, "left-to-right": ASK_LAST},
    "bico": {"as-trained": ASK_LAST + ASK_FIRST, "left-to-right": ASK_LAST},
}
ALL_SPLITS = {"as-trained": ASK_LAST + ASK_FIRST}


@dataclass(frozen=True)
class Skip(Objective):
    """
    input     [begin]  f  A  r  B  f
    target       A     r  B  .  .  .

    Every token predicts the one after the next. A question can be asked where its open span is the last.
    """

    summary = "every token predicts the one after the next"

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        logit_positions = np.flatnonzero(np.pad(documents.roles[:, 2:], ((0, 0), (0, 2))) != NONE)
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "logit_positions": logit_positions,
            "targets": documents.tokens.ravel()[logit_positions + 2],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        _, stated_right = stated_left_and_right(cloze)
        return None if stated_right.any() else query_at(cloze, prefix, offset=-2)


WITH_SKIP = {**OBJECTIVES, "skip": Skip}


class Entries(Log):
    """Collects the entries of a run."""

    def __init__(self):
        self.entries: list[dict[str, Any]] = []

    def record(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)


@dataclass(frozen=True)
class Run:
    name: str
    folder: Path
    result: dict[str, Any]
    entries: list[dict[str, Any]]


@pytest.fixture(scope="module", params=WITH_SKIP)
def run(request, tmp_path_factory) -> Iterator[Run]:
    """A run of each objective, with one more line in the registry."""
    root, log = tmp_path_factory.mktemp("checkpoints"), Entries()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OBJECTIVES, "skip", Skip)
        config = RunConfig(WORLD, WITH_SKIP[request.param](), NETWORK, TRAIN)
        yield Run(request.param, root / "run", train_run(config, "run", root=root, log=log), log.entries)


def test_the_loop_trains_every_objective_even_one_that_is_not_registered_yet(run):
    losses = [entry["loss"] for entry in run.entries if entry["kind"] == "train"]
    assert len(losses) == 4
    assert losses[-1] < losses[0]  # it learns
    assert all(entry["target_tokens"] > 0 for entry in run.entries if entry["kind"] == "train")


def test_evaluation_asks_whatever_can_be_asked_in_every_query_mode(run):
    expected, result = SPLITS.get(run.name, ALL_SPLITS), run.result
    query_modes = result.get("query_modes", {"as-trained": result["splits"]})
    assert list(query_modes) == list(expected)
    assert result["splits"] == next(iter(query_modes.values()))
    for query_mode, splits in query_modes.items():
        counts = {split: entry["count"] for split, entry in splits.items()}
        assert counts == {split: 4 if split in expected[query_mode] else 0 for split in ASK_LAST + ASK_FIRST}
        assert all((entry["accuracy"] is None) == (entry["count"] == 0) for entry in splits.values())
    evaluations = [entry for entry in run.entries if entry["kind"] == "evaluation"]
    assert [entry["splits"].keys() for entry in evaluations] == [result["splits"].keys()] * 2


def test_a_trained_model_is_loaded_from_its_folder_and_all_of_it_was_trained(run):
    trained, step, _ = load_trained_model(run.folder)
    assert (step, trained.objective) == (20, WITH_SKIP[run.name]())
    initial = build_modules(NETWORK, trained.objective, trained.corpus, 0).state_dict()
    weights = trained.modules.state_dict()
    assert weights.keys() == initial.keys()
    changed = {key.split(".")[0] for key in weights if not torch.equal(weights[key], initial[key])}
    assert changed == {key.split(".")[0] for key in weights}


@pytest.mark.parametrize("name", WITH_SKIP)
def test_an_added_module_changes_no_initial_weight_of_the_network(name):
    corpus = WORLD.build(0)
    for position in ("rotary", "learned"):
        config = ModelConfig(width=16, position=position)
        plain = dict(build_modules(config, Causal(), corpus, 0).named_parameters())
        parameters = dict(build_modules(config, WITH_SKIP[name](), corpus, 0).named_parameters())
        assert plain.keys() <= parameters.keys()
        for key, parameter in plain.items():
            if parameter.shape != parameters[key].shape:
                assert key == "network.position.table.weight"  # which is as long as what the objective makes
            else:
                assert torch.equal(parameter, parameters[key])
