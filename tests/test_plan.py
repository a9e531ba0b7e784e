"""What a sweep says before it trains, and what --compile needs of a machine."""

import logging
import warnings
from dataclasses import replace

import pytest

import train.__main__
from config.validation import SettingError
from tests.running import command, flags, tiny
from train.compiler import require_compiler
from train.presets import BIDIRECTIONAL
from train.run import train_run
from train.signals import StopFlag
from train.sweeps.ablate import Ablate
from train.sweeps.plan import duration, plan, training_seconds
from train.sweeps.settings import with_steps
from train.sweeps.study import Study


def ablation(**settings) -> Study:
    return Ablate("model.position", objectives=("causal", "masked"), seeds=3, **settings).study()


def test_a_plan_says_variants_seeds_runs_and_minutes():
    study = ablation()
    (line,) = plan(study.runs, study.runs, study.variants, {}, jobs=2)
    assert line.startswith("10 variants x 3 seeds, 30 runs: 0 finished, 30 to train, 2 at once; about ")
    assert "minutes" in line
    first, *others = study.runs
    to_train = {name: study.runs[name] for name in others}
    finished = {first: {"train_seconds": 10 * training_seconds(study.runs[first])}}
    (slower,) = plan(study.runs, to_train, study.variants, finished, jobs=200)
    assert ": 1 finished, 29 to train, 29 at once; about " in slower
    assert "as the finished ones took" in slower


def test_the_time_follows_what_finished_runs_took():
    study = ablation()
    first, second, *_ = study.runs
    seconds = training_seconds(study.runs[first])
    to_train = {second: study.runs[second]}
    line_of = {
        factor: plan(study.runs, to_train, study.variants, {first: {"train_seconds": factor * seconds}}, 1)[0]
        for factor in (100, 1000)
    }
    assert duration(6 + 100 * seconds) in line_of[100]
    assert duration(6 + 1000 * seconds) in line_of[1000]


def test_a_larger_network_takes_longer():
    small = training_seconds(BIDIRECTIONAL)
    assert training_seconds(replace(BIDIRECTIONAL, model=replace(BIDIRECTIONAL.model, depth=8))) > 2 * small
    assert training_seconds(with_steps(BIDIRECTIONAL, 1400)) == pytest.approx(2 * small)


def test_far_fewer_steps_than_the_presets_are_said_to_be_too_few():
    study = ablation(steps=300)
    _, note = plan(study.runs, study.runs, study.variants, {}, 2)
    assert note == "masked: 300 steps, where its preset has 700: too short to conclude"
    assert len(plan(*[ablation(steps=400).runs] * 2, ablation(steps=400).variants, {}, 2)) == 1


def test_a_study_says_its_plan_before_it_trains(monkeypatch, capsys):
    said = []
    monkeypatch.setattr("train.sweeps.engine.train_all", lambda *_: said.append(capsys.readouterr().err) or ({}, {}))
    study = ablation(steps=20)
    assert study.train(study.runs, StopFlag()) == ({}, {})
    assert "10 variants x 3 seeds" in said[0]
    assert said[0].count("too short to conclude") == 2


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)


def test_without_a_compiler_nothing_is_trained(no_compiler, monkeypatch, capsys):
    monkeypatch.setattr("train.run.build_world", lambda *_: pytest.fail("it went on"))
    code, err = command(train.__main__.main, [*flags(tiny()), "--compile", "--name", "compiled"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: compile is True, but needs a C++ compiler on a CPU, and ")
    monkeypatch.setattr("train.sweeps.engine.train_all", lambda *_: pytest.fail("it was trained"))
    code, err = command(train.__main__.main, ["compare", "--compile", "--device", "cpu", "--name", "compiled"], capsys)
    assert (code, err.count("\n")) == (2, 1)


def test_a_compiler_that_is_named_is_looked_for(no_compiler, monkeypatch, tmp_path):
    require_compiler(tiny().train)
    with pytest.raises(SettingError, match="needs a C\\+\\+ compiler"):
        train_run(tiny(compile=True), "compiled", root=tmp_path)
    assert not (tmp_path / "compiled").exists()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(SettingError, match="no-such-compiler is not installed"):
        require_compiler(tiny(compile=True).train)
    monkeypatch.setenv("CXX", "/bin/true")
    with warnings.catch_warnings():
        require_compiler(tiny(compile=True).train)
    assert not logging.getLogger("torch._dynamo.variables.tensor").isEnabledFor(logging.WARNING)
