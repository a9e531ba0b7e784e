"""An ablation: one setting over its values for several objectives, whatever the setting."""

from dataclasses import replace
from operator import attrgetter
from typing import get_args, get_type_hints

import pytest

import train.__main__
from checkpoints.config import changes
from config.validation import SettingError
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from tests.running import command
from train.presets import CAUSAL, PRESETS
from train.signals import StopFlag
from train.sweeps.ablate import NAME_LENGTH, VALUES, Ablate, ablate
from train.sweeps.study import Study


@pytest.fixture
def planned(monkeypatch):
    """What an ablation would train: the runs by name, instead of the training."""
    studies: list[Study] = []
    monkeypatch.setattr(Study, "run", lambda self, *_: studies.append(self))

    def plan(axis: str, **given) -> Study:
        ablate(Ablate(axis, **{"objectives": ("causal",), "seeds": 1} | given), StopFlag())
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
        ("train.optimiser", (), ["muon", "adamw"]),
        ("train.subset", (), [0.05, 0.16, 0.5, 1.0]),
        ("train.learning_rate", ("None", "1e-2"), [None, 0.01]),
        ("model.depth", ("3", "1"), [3, 1]),
        ("train.weight_decay", ("0", "1e-2"), [0.0, 0.01]),
        ("model.initial_scale", ("1",), [1.0]),
        ("model.position", ("none",), ["none"]),
        ("model.bias", ("true", "False"), [True, False]),
        ("task.two_way", ("5", "10"), [5, 10]),
        ("task.bridge", (), ["none", "composed", "naive"]),
        ("train.targets", ("1000",), [1000]),
        ("task.documents.filler", (), [0, 2, 5]),
        ("task.episodes.share", ("0.5", "0"), [0.5, 0.0]),
        ("task.episodes.growth_steps", ("None", "9"), [None, 9]),
    ],
)
def test_every_value_of_the_setting_is_a_run_that_differs_in_nothing_else(planned, axis, given, values):
    runs = planned(axis, values=given).runs
    assert list(runs) == [f"ablate-{axis}-causal-{value}-0" for value in values]
    for config, value in zip(runs.values(), values):
        setting = attrgetter(axis)(config)
        assert (setting, type(setting)) == (value, type(value))
        assert set(changes(CAUSAL.json(), config.json())) <= {axis}


@pytest.mark.parametrize("values", [(), ("1", "3")])
def test_the_length_of_names_is_both_of_its_settings(planned, values):
    runs = planned("task.name_length", values=values).runs
    lengths = [(config.task.names.min_length, config.task.names.max_length) for config in runs.values()]
    assert lengths == [(int(k), int(k)) for k in values or (1, 2, 4)]
    assert list(runs)[-1] == f"ablate-task.name_length-causal-{lengths[-1][0]}-0"


def test_every_objective_and_seed_has_every_value_with_its_presets_settings(planned):
    study = planned("model.norm", objectives=("causal", "masked", "permuted"), seeds=2, first_seed=3, name="mine")
    assert list(study.runs) == [
        f"mine-{objective}-{norm}-{seed}"
        for seed in (3, 4)
        for objective in ("causal", "masked", "permuted")
        for norm in ("rms", "layer")
    ]
    assert set(study.variants.values()) == {
        f"{objective}-{norm}" for objective in ("causal", "masked", "permuted") for norm in ("rms", "layer")
    }
    preset = PRESETS["bidirectional"][1]
    assert study.runs["mine-masked-rms-3"] == replace(preset, seed=3)
    assert study.runs["mine-masked-layer-4"] == replace(preset, seed=4, model=ModelConfig(norm="layer"))


def test_steps_and_jobs_are_as_set(planned):
    study = planned("model.depth", steps=200, jobs=3, overwrite=True)
    assert {config.train.steps for config in study.runs.values()} == {200}
    assert (study.settings.jobs, study.settings.overwrite) == (3, True)
    few = planned("model.depth", steps=20).runs["ablate-model.depth-causal-1-0"].train
    assert (few.steps, few.warmup) == (20, 20)
    equal = planned("model.depth", objectives=("causal", "masked"), targets=500).runs.values()
    of_presets = {PRESETS[name][1].train.steps for name in ("causal", "bidirectional")}
    assert {(config.train.targets, config.train.steps) for config in equal} == {(500, steps) for steps in of_presets}


def test_values_keep_their_order_however_good_they_are(monkeypatch):
    shown = {}
    monkeypatch.setattr(Study, "run", lambda self, stop, report: shown.update(study=self, report=report))
    ablate(Ablate("model.depth", objectives=("causal",), values=("2", "1"), seeds=1), StopFlag())
    row = {"method": "closed-book", "query_mode": "as-trained", "split": "inverse", "seed": 0, "count": 10}
    row |= {"chance": 0.1, "elimination_baseline": 0.1, "steps": 4, "target_tokens": 9, "parameters": 9}
    row |= {"seconds": 1.0, "steps_to_90": None, "targets_to_90": None}
    correct_of = dict(zip(shown["study"].variants.values(), (1, 9)))
    rows = [row | {"variant": name, "accuracy": k / 10, "correct": k} for name, k in correct_of.items()]
    lines = shown["report"].markdown(rows).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["causal-2", "causal-1"]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_can_be_ablated(planned, name):
    runs = planned("model.depth", objectives=(name,)).runs
    assert {type(config.objective) for config in runs.values()} == {OBJECTIVES[name]}


@pytest.mark.parametrize("axis", VALUES)
def test_the_usual_values_are_of_the_settings_type_and_allowed(planned, axis):
    runs = planned(axis).runs
    assert len(runs) == len(VALUES[axis])
    if axis != NAME_LENGTH:
        section, _, name = axis.rpartition(".")
        annotation = get_type_hints(type(attrgetter(section)(CAUSAL)))[name]
        types = {type(attrgetter(axis)(config)) for config in runs.values()}
        assert len(types) == 1
        assert types <= {annotation, *get_args(annotation)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the setting, such as model.position"),
        ("model.depht", "axis is 'model.depht', but must be a setting such as model.position"),
        ("model", "axis is 'model'"),
        ("seed", "axis is 'seed'"),
        ("seed.x", "axis is 'seed.x'"),
        ("modle.depth", "axis is 'modle.depth'"),
        ("task.documents", "axis is 'task.documents'"),
        ("task.documents.filer", "axis is 'task.documents.filer', but must be a setting such as model.position"),
        ("task.documents.filler.x", "axis is 'task.documents.filler.x'"),
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
        ("task.name_length --values 0", "task.names.min_length is 0"),
        ("train.learning_rate --values nan", "train.learning_rate is nan"),
        ("model.depth --objectives causl", "objectives is 'causl', but must be one of causal, masked"),
        ("model.depth --objectives", "objectives"),
        ("model.depth --seeds 0", "seeds is 0"),
        ("model.depth --steps 0", "steps is 0"),
        ("train.steps --values 3 4 --steps 5", "steps is 5, but must be left out where the axis is train.steps"),
        ("model.depht", "--help-all of a preset; did you mean model.depth?"),
        ("task.name_lenght", "did you mean task.name_length?"),
        ("task.document.filler", "did you mean task.documents.filler?"),
        ("model.depth --targets 0", "targets is 0"),
        ("model.depth --jobs 0", "jobs is 0"),
        ("model.depth --first-seed -1", "seed is -1"),
        ("model.depth --name ../x", "name is '../x'"),
    ],
)
def test_what_cannot_be_ablated_is_refused_in_one_line(capsys, monkeypatch, arguments, message):
    monkeypatch.setattr("train.sweeps.engine.train_all", lambda *_: pytest.fail("it was trained"))
    code, err = command(train.__main__.main, ["ablate", *arguments.split()], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: ")
    assert message.replace("'", "") in err.replace("'", "")


def test_a_setting_of_one_objective_only_is_refused_for_the_others(planned):
    assert "ablate-objective.scheme-masked-uniform-0" in planned("objective.scheme", objectives=("masked",)).runs
    with pytest.raises(SettingError, match=r"axis is 'objective\.scheme'"):
        planned("objective.scheme", objectives=("masked", "causal"))
