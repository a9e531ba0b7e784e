"""An ablation: one setting over its values for several objectives, whatever kind of setting it is."""

from dataclasses import asdict, replace
from typing import get_args, get_type_hints

import pytest

import train.__main__
from checkpoints.config import changes
from model.objectives import OBJECTIVES
from model.settings import NetworkSettings
from tasks.settings import SettingError
from tests.running import command
from train import study
from train.ablate import VALUES, Ablate, ablate
from train.presets import CAUSAL, PRESETS


@pytest.fixture
def planned(monkeypatch):
    """What an ablation would train: the runs by name, instead of the training."""
    studies: list[study.Study] = []
    monkeypatch.setattr(study.Study, "carry_out", lambda self, *_: studies.append(self))

    def plan(axis: str, **given) -> study.Study:
        ablate(Ablate(axis, **{"objectives": ("causal",), "seeds": 1} | given), lambda: None)
        return studies[-1]

    return plan


@pytest.mark.parametrize(
    ("axis", "given", "values"),
    [
        ("model.position", (), ["rotary", "learned", "alibi", "relative", "none"]),
        ("model.norm", (), ["rms", "layer"]),
        ("model.tied", (), [False, True]),
        ("model.depth", (), [1, 2, 4]),
        ("train.weight_decay", (), [0.0, 0.1, 1.0, 3.0, 6.0]),
        ("model.depth", ("3", "1"), [3, 1]),
        ("train.weight_decay", ("0", "1e-2"), [0.0, 0.01]),
        ("model.initial_scale", ("1",), [1.0]),
        ("model.position", ("none",), ["none"]),
        ("model.bias", ("true", "False"), [True, False]),
        ("task.two_way", ("5", "10"), [5, 10]),
        ("task.bridge", (), ["none", "composed", "naive"]),
        ("train.targets", ("1000",), [1000]),
    ],
)
def test_every_value_of_the_setting_is_a_run_that_differs_in_nothing_else(planned, axis, given, values):
    runs = planned(axis, values=given).runs
    assert list(runs) == [f"ablate-{axis}-causal-{value}-0" for value in values]
    section, _, setting = axis.partition(".")
    for config, value in zip(runs.values(), values):
        found = getattr(getattr(config, section), setting)
        assert (found, type(found)) == (value, type(value))
        assert set(changes(CAUSAL.json(), config.json())) <= {axis}


@pytest.mark.parametrize("values", [(), ("1", "3")])
def test_the_length_of_names_is_both_of_its_settings(planned, values):
    runs = planned("task.name_length", values=values).runs
    lengths = [(config.task.shortest_name, config.task.longest_name) for config in runs.values()]
    assert lengths == [(int(k), int(k)) for k in values or (1, 2, 4)]
    assert list(runs)[-1] == f"ablate-task.name_length-causal-{lengths[-1][0]}-0"


def test_every_objective_and_seed_has_every_value_with_its_presets_settings(planned):
    found = planned("model.norm", objectives=("causal", "masked", "permuted"), seeds=2, first_seed=3, name="mine")
    assert list(found.runs) == [
        f"mine-{objective}-{norm}-{seed}"
        for seed in (3, 4)
        for objective in ("causal", "masked", "permuted")
        for norm in ("rms", "layer")
    ]
    assert set(found.variant.values()) == {
        f"{o}-{n}" for o in ("causal", "masked", "permuted") for n in ("rms", "layer")
    }
    preset = PRESETS["bidirectional"][1]
    assert found.runs["mine-masked-rms-3"] == replace(preset, seed=3)
    assert found.runs["mine-masked-layer-4"] == replace(preset, seed=4, model=NetworkSettings(norm="layer"))


def test_steps_and_jobs_are_as_told(planned):
    found = planned("model.depth", steps=200, jobs=3, overwrite=True)
    assert {config.train.steps for config in found.runs.values()} == {200}
    assert (found.settings.jobs, found.settings.overwrite) == (3, True)
    few = planned("model.depth", steps=20).runs["ablate-model.depth-causal-1-0"].train
    assert (few.steps, few.warmup) == (20, 20)
    equal = planned("model.depth", objectives=("causal", "masked"), targets=500).runs.values()
    assert {(config.train.targets, config.train.steps) for config in equal} == {(500, 3000), (500, 5000)}


def test_values_stand_in_their_order_however_good_they_are(monkeypatch):
    shown = {}
    monkeypatch.setattr(
        study.Study, "carry_out", lambda self, check, markdown, draw, show: shown.update(of=self, markdown=markdown)
    )
    ablate(Ablate("model.depth", objectives=("causal",), values=("2", "1"), seeds=1), lambda: None)
    row = {"way": "closed-book", "asked": "as-trained", "split": "inverse", "seed": 0, "count": 10, "chance": 0.1}
    row |= {"chance_by_elimination": 0.1, "steps": 4, "target_tokens": 9, "parameters": 9, "seconds": 1.0}
    row |= {"steps_to_90": None, "targets_to_90": None}
    accuracy = dict(zip(shown["of"].variant.values(), (1, 9)))
    rows = [row | {"variant": of, "accuracy": right / 10, "correct": right} for of, right in accuracy.items()]
    lines = shown["markdown"](rows).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["causal-2", "causal-1"]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_can_be_ablated(planned, name):
    runs = planned("model.depth", objectives=(name,)).runs
    assert {type(config.objective) for config in runs.values()} == {OBJECTIVES[name]}


@pytest.mark.parametrize("axis", VALUES)
def test_the_usual_values_are_of_the_settings_type_and_can_be(planned, axis):
    runs = planned(axis).runs
    assert len(runs) == len(VALUES[axis])
    if axis != "task.name_length":
        section, _, setting = axis.partition(".")
        kind = get_type_hints(type(getattr(CAUSAL, section)))[setting]
        now = {type(asdict(getattr(config, section))[setting]) for config in runs.values()}
        assert len(now) == 1
        assert now <= {kind, *get_args(kind)}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "the setting, such as model.position"),
        ("model.depht", "axis is 'model.depht', but must be a setting such as model.position"),
        ("model", "axis is 'model'"),
        ("seed", "axis is 'seed'"),
        ("seed.x", "axis is 'seed.x'"),
        ("modle.depth", "axis is 'modle.depth'"),
        (
            "objective.rate",
            "axis is 'objective.rate', but must be a setting that causal has, or one such as model.position",
        ),
        ("objective.rate --objectives masked --values 0.1 0.2", "objective.rate is 0.1, but must be left out unless"),
        ("model.depth --values 1 2 1", "values is ('1', '2', '1'), but must be each given once"),
        ("model.depth --objectives causal causal", "objectives is ('causal', 'causal'), but must be each given once"),
        ("train.targets", "train.targets: it has no list of usual ones"),
        ("model.depth --values deep", "model.depth is deep"),
        ("model.depth --values 1.5", "model.depth is 1.5"),
        ("model.depth --values 0", "model.depth is 0, but must be 1 or more"),
        ("model.position --values round", "model.position is 'round', but must be one of"),
        ("model.tied --values 2", "model.tied is 2"),
        ("task.name_length --values long", "task.name_length is long"),
        ("task.name_length --values 0", "task.shortest_name is 0"),
        ("train.learning_rate --values nan", "train.learning_rate is nan"),
        ("model.depth --objectives causl", "objectives is 'causl', but must be one of causal, masked"),
        ("model.depth --objectives", "objectives"),
        ("model.depth --seeds 0", "seeds is 0"),
        ("model.depth --steps 0", "steps is 0"),
        ("train.steps --values 3 4 --steps 5", "steps is 5, but must be left out where the axis is train.steps"),
        ("model.depth --targets 0", "targets is 0"),
        ("model.depth --jobs 0", "jobs is 0"),
        ("model.depth --first-seed -1", "seed is -1"),
        ("model.depth --name ../x", "name is '../x'"),
    ],
)
def test_what_cannot_be_ablated_is_said_in_one_line(capsys, monkeypatch, arguments, says):
    monkeypatch.setattr("train.study.train_all", lambda *_: pytest.fail("it was trained"))
    code, err = command(train.__main__.main, ["ablate", *arguments.split()], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: ")
    assert says.replace("'", "") in err.replace("'", "")


def test_a_setting_of_one_objective_only_is_refused_for_the_others(planned):
    assert "ablate-objective.hide-masked-uniform-0" in planned("objective.hide", objectives=("masked",)).runs
    with pytest.raises(SettingError, match=r"axis is 'objective\.hide'"):
        planned("objective.hide", objectives=("masked", "causal"))
