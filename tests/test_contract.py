"""The contract carries what is not there yet, and whatever is there, through the same loop and evaluation."""

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
from model.objectives.batch import Batch, Tensors, fill_in, flat_positions, stated_left_and_right
from model.objectives.causal import Causal
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions
from tasks.reversal.task import Reversal
from train.config import RunConfig, TrainConfig
from train.run import train_run

WORLD = Reversal(entities=12, relations=2, one_way=4, copies=2, max_name_length=2, filler=1)
NETWORK = ModelConfig(width=16, depth=1, heads=2)
TRAIN = TrainConfig(
    steps=20, warmup=2, batch=16, learning_rate=0.01, log_every=5, evaluate_every=20, save_every=20, device="cpu"
)
LAST, FIRST = ("forward", "inverse", "wrong_frame"), ("backward",)
# What can be asked in each way; all that is not said here can be asked of everything, as it was trained.
ASKED = {
    "causal": {"as-trained": LAST},
    "reinforced": {"as-trained": LAST},
    "skip": {"as-trained": LAST},
    "prefix": {"as-trained": LAST},
    "joint-embedding": {"as-trained": LAST},
    "reversed": {"left-to-right": LAST, "own-order": FIRST},
    "infill": {"as-trained": LAST + FIRST, "left-to-right": LAST},
    "bico": {"as-trained": LAST + FIRST, "left-to-right": LAST},
}
ANY = {"as-trained": LAST + FIRST}


@dataclass(frozen=True)
class Skip(Objective):
    """
    input     [begin]  f  A  r  B  f
    target       A     r  B  .  .  .

    Every token says the one after the next. A question can be asked where its open span is the last.
    """

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        second = np.flatnonzero(np.pad(documents.roles[:, 2:], ((0, 0), (0, 2))) != NONE)
        targets = documents.tokens.ravel()[second + 2]
        return {"tokens": documents.tokens, "lengths": documents.lengths, "logit_positions": second, "targets": targets}

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def make_query(self, questions: Questions, given: np.ndarray) -> Batch | None:
        if stated_left_and_right(questions)[1].any():
            return None
        filled, place = fill_in(questions, given)
        return {
            "tokens": filled.tokens,
            "lengths": filled.lengths,
            "logit_positions": flat_positions(place - 2, filled.tokens.shape[1]),
        }


EVERY = {**OBJECTIVES, "skip": Skip}


@dataclass(frozen=True)
class Ran:
    name: str
    folder: Path
    result: dict[str, Any]
    entries: list[dict[str, Any]]


@pytest.fixture(scope="module", params=EVERY)
def ran(request, tmp_path_factory) -> Iterator[Ran]:
    """A run of each objective, with one more line in the registry."""
    root, entries = tmp_path_factory.mktemp("checkpoints"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OBJECTIVES, "skip", Skip)
        config = RunConfig(WORLD, EVERY[request.param](), NETWORK, TRAIN)
        yield Ran(request.param, root / "run", train_run(config, "run", root=root, report=entries.append), entries)


def test_the_loop_takes_every_objective_even_one_that_is_not_there_yet(ran):
    losses = [entry["loss"] for entry in ran.entries if entry["kind"] == "train"]
    assert len(losses) == 4
    assert losses[-1] < losses[0]  # it learns
    assert all(entry["target_tokens"] > 0 for entry in ran.entries if entry["kind"] == "train")


def test_evaluation_asks_whatever_can_be_asked_in_every_way(ran):
    ways, result = ASKED.get(ran.name, ANY), ran.result
    found = result.get("asked", {"as-trained": result["splits"]})
    assert list(found) == list(ways)
    assert result["splits"] == next(iter(found.values()))
    for way, splits in found.items():
        counts = {split: entry["count"] for split, entry in splits.items()}
        assert counts == {split: 4 if split in ways[way] else 0 for split in LAST + FIRST}
        assert all((entry["accuracy"] is None) == (entry["count"] == 0) for entry in splits.values())
    evaluations = [entry for entry in ran.entries if entry["kind"] == "evaluation"]
    assert [entry["splits"].keys() for entry in evaluations] == [result["splits"].keys()] * 2


def test_what_was_trained_is_read_from_its_folder_and_all_of_it_was_trained(ran):
    trained, step = load_trained_model(ran.folder)
    assert (step, trained.objective) == (20, EVERY[ran.name]())
    fresh, own = build_modules(NETWORK, trained.objective, trained.corpus, 0).state_dict(), trained.modules.state_dict()
    assert own.keys() == fresh.keys()
    moved = {key.split(".")[0] for key in own if not torch.equal(own[key], fresh[key])}
    assert moved == {key.split(".")[0] for key in own}


@pytest.mark.parametrize("name", EVERY)
def test_an_added_part_changes_no_initial_weight_of_the_network(name):
    corpus = WORLD.build(0)
    for position in ("rotary", "learned"):
        settings = ModelConfig(width=16, position=position)
        plain = dict(build_modules(settings, Causal(), corpus, 0).named_parameters())
        own = dict(build_modules(settings, EVERY[name](), corpus, 0).named_parameters())
        assert plain.keys() <= own.keys()
        for key, parameter in plain.items():
            if parameter.shape != own[key].shape:
                assert key == "network.position.table.weight"  # which is as long as what the objective makes
            else:
                assert torch.equal(parameter, own[key])
