"""A run that was stopped, killed or moved on from is, to the bit, the run that never was; nothing is lost unasked."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from functools import partial
from itertools import count

import numpy as np
import pytest
import torch

from checkpoints.folder import ROOT, locked, run_folder, write_json
from checkpoints.steps import load, path_of, steps
from model.assemble import assemble
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.span_denoising import SpanDenoising
from tasks.settings import SettingError
from tasks.vocabulary import MASK
from tests.running import (
    CHANGES,
    CLOCKS,
    HOUSE,
    before_each,
    command,
    contents,
    flags,
    in_child,
    python,
    record,
    stop_after,
    tiny,
)
from train.__main__ import main
from train.batches import make_batches, order, rows
from train.loop import Stopped
from train.progress import Progress
from train.run import begin, train_run
from train.tensorboard import View

TINY = flags(tiny())
DROPOUT = {"dropout": 0.1}
# `check` is called 4 times, once a split, at each of 4 evaluations; before each of 12 steps; 4 times at the end.
CHECKS = 4 * 4 + 12 + 4
EARLY, BEFORE_SAVE, EVALUATING, ON_SAVED_STEP, LAST_EVALUATION, QUESTIONS = 2, 7, 10, 13, 26, 30
every_objective = pytest.mark.parametrize("objective", [kind() for kind in OBJECTIVES.values()], ids=list(OBJECTIVES))


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    """What TensorBoard shows of a trained model takes longer than the training, and is no part of resuming."""
    monkeypatch.setattr(View, "finish", lambda *_: None)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Command lines keep their runs in tmp_path."""
    monkeypatch.setattr("train.run.run_folder", lambda name, root=tmp_path: run_folder(name, root))
    return tmp_path


@pytest.fixture
def name():
    """A run of this name in the real checkpoints/ is gone afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    shutil.rmtree(ROOT / name, ignore_errors=True)


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    """The folder of a tiny run, by its config, that nothing interrupted."""
    made = {}

    def folder(config):
        if config not in made:
            root = tmp_path_factory.mktemp("never-stopped")
            train_run(config, "run", root=root)
            made[config] = root / "run"
        return made[config]

    return folder


def stop(config, name, root, checks, **given) -> None:
    with pytest.raises(Stopped):
        train_run(config, name, root=root, check=stop_after(checks), **given)


def assert_same_run(folder, other):
    """The same in all but the clock and the name."""
    assert steps(folder)[-1].name == steps(other)[-1].name
    for file in ("weights.safetensors", "state.safetensors"):
        assert (steps(folder)[-1] / file).read_bytes() == (steps(other)[-1] / file).read_bytes()
    assert record(folder) == record(other)
    assert (folder / "questions.csv").read_bytes() == (other / "questions.csv").read_bytes()
    results = [json.loads((one / "result.json").read_text()) for one in (folder, other)]
    assert results[0] | {"run": "", "train_seconds": 0} == results[1] | {"run": "", "train_seconds": 0}


def final_weights(folder) -> bytes:
    return (steps(folder)[-1] / "weights.safetensors").read_bytes()


@every_objective
@pytest.mark.parametrize("checks", [0, EARLY, BEFORE_SAVE, EVALUATING, ON_SAVED_STEP, LAST_EVALUATION, QUESTIONS])
def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path, never_stopped, objective, checks):
    config = tiny(objective, network=DROPOUT)
    stop(config, "run", tmp_path, checks)
    train_run(config, "run", root=tmp_path, resume=True)
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_the_places_to_stop_at_are_where_they_are_said_to_be(tmp_path):
    calls = []
    train_run(tiny(), "run", root=tmp_path, check=lambda: calls.append(1))
    assert len(calls) == CHECKS
    at = {}
    for checks in (EARLY, BEFORE_SAVE, EVALUATING, ON_SAVED_STEP, LAST_EVALUATION, QUESTIONS):
        stop(tiny(), f"run-{checks}", tmp_path, checks)
        _, _, _, counters = load(tmp_path / f"run-{checks}", pytest.fail)
        at[checks] = counters["step"], counters["evaluated"]
    assert at == {
        EARLY: (0, -1),
        BEFORE_SAVE: (3, 0),
        EVALUATING: (4, 0),
        ON_SAVED_STEP: (5, 4),
        LAST_EVALUATION: (12, 8),
        QUESTIONS: (12, 12),
    }


@every_objective
def test_a_run_stopped_again_and_again_is_the_run_that_was_never_stopped(tmp_path, never_stopped, objective):
    config = tiny(objective, network=DROPOUT)
    checks = 4 * len(objective.asked()) + 2  # an evaluation, and two steps more
    stops = 0
    while not (tmp_path / "run" / "result.json").exists():
        try:
            train_run(config, "run", root=tmp_path, resume=True, check=stop_after(checks))
        except Stopped:
            stops += 1
        assert stops < CHECKS
    assert stops >= 4
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_damage_to_the_last_save_costs_only_the_steps_since_the_one_before(tmp_path, never_stopped):
    config = tiny(network=DROPOUT)
    stop(config, "run", tmp_path, LAST_EVALUATION)
    last = steps(tmp_path / "run")[-1]
    (last / "weights.safetensors").write_bytes(b"")
    warnings = []
    train_run(config, "run", root=tmp_path, resume=True, warn=warnings.append)
    assert [last.name in line for line in warnings] == [True]
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_what_a_killed_run_wrote_after_its_last_save_is_shown_once(tmp_path, never_stopped, monkeypatch):
    stop(tiny(), "run", tmp_path, ON_SAVED_STEP)
    metrics = tmp_path / "run" / "metrics.jsonl"
    saved, whole = (path.read_bytes().splitlines(True) for path in (metrics, never_stopped(tiny()) / "metrics.jsonl"))
    metrics.write_bytes(b"".join(saved + whole[len(saved) :])[:-20])
    shown = []
    monkeypatch.setattr(View, "write", lambda _, entry: shown.append((entry["kind"], entry["step"])))
    train_run(tiny(), "run", root=tmp_path, resume=True)
    assert record(tmp_path / "run") == record(never_stopped(tiny()))
    assert shown == [(entry["kind"], entry["step"]) for entry in record(tmp_path / "run")]


def test_a_record_shorter_than_when_it_was_saved_is_refused(tmp_path):
    stop(tiny(), "run", tmp_path, ON_SAVED_STEP)
    (tmp_path / "run" / "metrics.jsonl").write_bytes(b"")
    with pytest.raises(SettingError, match=r"metrics\.jsonl is '0 bytes', but must be at least"):
        train_run(tiny(), "run", root=tmp_path, resume=True)


def test_a_warning_is_one_line_however_long(capsys):
    line = "checkpoints/" + "x" * 90 + "/step-00000100 is damaged ([Errno 2] No such file): passed over"
    with Progress(tiny()) as progress:
        progress.warn(line)
    assert capsys.readouterr().err == line + "\n"


KILLED_AT_THE_SECOND_SAVE = """
import os, signal, sys
from pathlib import Path
from model.objectives.masked import Masked
from tests.running import tiny
from train.progress import Progress
from train.run import begin, train_run

saves, rename = [], os.rename
def kill_at_the_second(source, target):
    saves.append(target)
    if len(saves) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

os.rename = kill_at_the_second
train_run(tiny(Masked(), network={"dropout": 0.1}), "run", root=Path(sys.argv[1]))
"""


def test_a_kill_during_a_save_costs_at_most_the_steps_since_the_last(tmp_path, never_stopped):
    config = tiny(Masked(), network=DROPOUT)
    ended = python("-c", KILLED_AT_THE_SECOND_SAVE, str(tmp_path))
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [path.name for path in steps(tmp_path / "run")] == ["step-00000005"]
    train_run(config, "run", root=tmp_path, resume=True, warn=pytest.fail)
    assert_same_run(tmp_path / "run", never_stopped(config))
    assert not [path.name for path in (tmp_path / "run").glob(".*")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_saves_and_ends_and_the_run_goes_on_later(name, never_stopped, number):
    config = tiny(steps=300, log_every=300, evaluate_every=100, save_every=300)
    call = [sys.executable, "-m", "train", *flags(config), "--name", name]
    process = subprocess.Popen(call, cwd=HOUSE, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stderr.readline, "")
        assert any(line.startswith("step 100/300") for line in lines)
        with pytest.raises(SettingError, match="in use by another process"), locked(ROOT / name):
            pass
        process.send_signal(number)
        said = "".join(lines)
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
    assert code == 128 + number
    assert said.splitlines() == [f"stopped and saved: --resume continues checkpoints/{name}"]
    assert 100 <= load(ROOT / name, pytest.fail)[0] < 300
    train_run(config, name, resume=True)
    assert_same_run(ROOT / name, never_stopped(config))


def test_a_run_in_use_is_refused_and_free_again_after_a_kill(tmp_path):
    hold = "import sys, time\nfrom pathlib import Path\nfrom checkpoints.folder import locked\n"
    hold += "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], cwd=HOUSE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SettingError, match=f"{tmp_path} is in use by another process"), locked(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("flag", [[], ["--resume"], ["--overwrite"]], ids=["plain", "resume", "overwrite"])
def test_a_run_in_use_is_left_alone(here, capsys, flag):
    stop(tiny(), "run", here, BEFORE_SAVE)
    before = contents(here / "run")
    with locked(here / "run"):
        code, err = command(main, [*TINY, "--name", "run", *flag], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "in use by another process" in err
    assert contents(here / "run") == before


def test_other_settings_are_no_resuming(here, capsys):
    stop(tiny(), "run", here, BEFORE_SAVE)
    before = contents(here / "run")
    other = ["--train.batch", "16", "--model.depth", "2", "--seed", "1"]
    code, err = command(main, [*TINY, "--name", "run", "--resume", *other], capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for difference in ("train.batch was 8, is 16", "model.depth was 1, is 2", "seed was 0, is 1"):
        assert difference in err
    assert "train.steps" not in err
    assert contents(here / "run") == before


def test_another_objective_is_no_resuming(tmp_path):
    stop(tiny(Causal()), "run", tmp_path, BEFORE_SAVE)
    with pytest.raises(SettingError, match=r"objective\.name was causal, is masked"):
        train_run(tiny(Masked()), "run", root=tmp_path, resume=True)


def test_a_finished_run_is_overwritten_only_when_asked(here, capsys):
    run = [*TINY, "--name", "run"]
    assert command(main, run, capsys)[0] == 0
    before = contents(here / "run")
    code, err = command(main, [*run, "--seed", "1"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "is finished" in err
    assert "--overwrite" in err
    assert contents(here / "run") == before
    assert command(main, [*run, "--resume"], capsys)[0] == 0
    assert contents(here / "run") == before
    assert command(main, [*run, "--seed", "1", "--overwrite"], capsys)[0] == 0
    assert json.loads((here / "run" / "config.json").read_text())["seed"] == 1
    assert final_weights(here / "run") != before["step-00000012/weights.safetensors"]


def test_an_unfinished_run_is_touched_only_when_asked(here, capsys, never_stopped):
    stop(tiny(), "run", here, BEFORE_SAVE)
    before = contents(here / "run")
    run = [*TINY, "--name", "run"]
    code, err = command(main, run, capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "not finished" in err
    assert "--resume" in err
    assert contents(here / "run") == before
    assert command(main, [*run, "--overwrite"], capsys)[0] == 0
    assert_same_run(here / "run", never_stopped(tiny()))
    assert not (here / "run" / "step-00000003").exists()


@pytest.mark.parametrize("flag", [{}, {"resume": True}, {"overwrite": True}], ids=["plain", "resume", "overwrite"])
def test_a_start_that_failed_bars_no_later_one(tmp_path, monkeypatch, flag):
    def full(path, values):
        if path.name == "config.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_json(path, values)

    with monkeypatch.context() as patch:
        patch.setattr("train.run.write_json", full)
        with pytest.raises(OSError, match="No space left"):
            train_run(tiny(), "run", root=tmp_path)
    train_run(tiny(), "run", root=tmp_path, **flag)


def test_a_kill_while_overwriting_leaves_what_can_be_overwritten(tmp_path, never_stopped):
    def overwrite(folder) -> None:
        begin(folder, tiny(seed=1), resume=False, overwrite=True, found={})

    def killed(folder, moment) -> None:
        for name, stand_in in before_each(CHANGES, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)).items():
            setattr(os, name, stand_in)
        overwrite(folder)

    for moment in count():
        folder = shutil.copytree(never_stopped(tiny()), tmp_path / str(moment))
        was_killed = in_child(partial(killed, folder, moment)) != 0
        left = {path.name for path in folder.iterdir()}
        assert "result.json" not in left or left >= set(os.listdir(never_stopped(tiny()))), f"before change {moment}"
        overwrite(folder)
        if not was_killed:
            break
    assert moment > 10


@pytest.mark.parametrize("objective", [Causal(), Masked(), SpanDenoising()], ids=["causal", "masked", "span-denoising"])
def test_a_run_that_ends_with_its_targets_is_resumed_to_the_bit(tmp_path, never_stopped, objective):
    config = tiny(objective, network=DROPOUT, targets=70)
    assert 0 < json.loads((never_stopped(config) / "result.json").read_text())["steps"] < 12
    for checks in (EARLY, BEFORE_SAVE, EVALUATING):
        stop(config, f"run-{checks}", tmp_path, checks)
        train_run(config, f"run-{checks}", root=tmp_path, resume=True)
        assert_same_run(tmp_path / f"run-{checks}", never_stopped(config))


def modules_of(objective) -> set[str]:
    config = tiny(objective)
    return set(assemble(config.model, objective, config.task.build(0), 0).state_dict())


@every_objective
def test_from_starts_with_the_weights_of_another_run(tmp_path, never_stopped, objective):
    alike = modules_of(objective) == modules_of(Causal())
    if not alike:
        with pytest.raises(SettingError, match="are of another network"):
            train_run(tiny(objective, origin=str(never_stopped(tiny()))), "refused", root=tmp_path)
        assert not (tmp_path / "refused").exists()
    origin = never_stopped(tiny() if alike else tiny(objective))
    stop(tiny(objective, seed=3, origin=str(origin)), "run", tmp_path, 0)
    step, weights, state, _ = load(tmp_path / "run", pytest.fail)
    assert step == 0
    assert state == {}
    assert (path_of(tmp_path / "run", 0) / "weights.safetensors").read_bytes() == final_weights(origin)
    assert len(weights) > 5


def test_from_is_written_down_back_to_the_first(tmp_path, never_stopped):
    first = never_stopped(tiny(seed=1))
    second = never_stopped(tiny(seed=2, origin=str(first)))
    train_run(tiny(origin=str(second)), "third", root=tmp_path)
    lineage = json.loads((tmp_path / "third" / "environment.json").read_text())["from"]
    sha = [hashlib.sha256(final_weights(folder)).hexdigest() for folder in (first, second)]
    earliest = {"run": "run", "seed": 1, "step": 12, "weights_sha256": sha[0], "from": None}
    assert lineage == {"run": "run", "seed": 2, "step": 12, "weights_sha256": sha[1], "from": earliest}
    assert final_weights(tmp_path / "third") != final_weights(second)


def test_a_run_from_another_goes_on_as_if_never_stopped(tmp_path, never_stopped):
    config = tiny(network=DROPOUT, origin=str(never_stopped(tiny(seed=1, network=DROPOUT))))
    stop(config, "run", tmp_path, BEFORE_SAVE)
    train_run(config, "run", root=tmp_path, resume=True)
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_a_run_from_another_that_was_killed_before_its_first_save_starts_from_it_again(tmp_path, never_stopped):
    config = tiny(origin=str(never_stopped(tiny(seed=1))))
    stop(config, "run", tmp_path, BEFORE_SAVE)
    for step in steps(tmp_path / "run"):
        shutil.rmtree(step)
    train_run(config, "run", root=tmp_path, resume=True)
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_a_run_from_another_goes_on_when_the_other_is_gone(tmp_path, never_stopped):
    origin = shutil.copytree(never_stopped(tiny()), tmp_path / "origin")
    config = tiny(origin=str(origin))
    stop(config, "run", tmp_path, BEFORE_SAVE)
    shutil.rmtree(origin)
    train_run(config, "run", root=tmp_path, resume=True)
    assert (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize(
    ("differs", "named"),
    [
        ({"network": {"width": 32}}, "model.width was 16, is 32"),
        ({"network": {"depth": 2}}, "model.depth was 1, is 2"),
        ({"network": {"norm": "rms"}}, "model.norm was layer, is rms"),
        ({"world": {"entities": 14}}, "vocabulary"),
        ({"world": {"relations": 3}}, "vocabulary"),
    ],
)
def test_from_another_network_or_vocabulary_is_refused(tmp_path, never_stopped, differs, named):
    origin = never_stopped(tiny())
    with pytest.raises(SettingError, match=f"^--from {origin}: .*{named}"):
        train_run(tiny(origin=str(origin), **differs), "run", root=tmp_path)
    assert not (tmp_path / "run").exists()


def test_from_a_run_without_a_whole_step_is_refused(tmp_path, never_stopped):
    origin = shutil.copytree(never_stopped(tiny()), tmp_path / "origin")
    for step in steps(origin):
        (step / "weights.safetensors").write_bytes(b"")
    warnings = []
    with pytest.raises(SettingError, match=f"^--from {origin}: "):
        train_run(tiny(origin=str(origin)), "run", root=tmp_path, warn=warnings.append)
    assert len(warnings) == 2


@every_objective
def test_one_seed_is_one_run_and_another_seed_another(tmp_path, never_stopped, objective):
    config = tiny(objective, network=DROPOUT)
    train_run(config, "again", root=tmp_path)
    assert_same_run(tmp_path / "again", never_stopped(config))
    train_run(tiny(objective, seed=1, network=DROPOUT), "other", root=tmp_path)
    assert final_weights(tmp_path / "other") != final_weights(never_stopped(config))
    assert record(tmp_path / "other") != record(never_stopped(config))


def test_causal_and_masked_start_alike_and_see_the_same_documents_in_the_same_order():
    config = tiny()
    corpus = config.task.build(0)
    one, other = (assemble(config.model, objective, corpus, 0).state_dict() for objective in (Causal(), Masked()))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    for step in range(8):
        (causal,), (masked,) = (make_batches(corpus, objective, 8, 0, step) for objective in (Causal(), Masked()))
        seen = masked["tokens"] != MASK
        assert not seen.all()
        np.testing.assert_array_equal(causal["tokens"][seen], masked["tokens"][seen])
        np.testing.assert_array_equal(causal["lengths"], masked["lengths"])


@pytest.mark.parametrize("batch", [1, 7, 8, 30])
def test_an_epoch_gives_every_document_once_and_the_next_in_another_order(batch):
    documents = 23
    given = np.concatenate([rows(documents, batch, 0, step) for step in range(3 * documents)])
    epochs = given[: given.size // documents * documents].reshape(-1, documents)[:3]
    assert (np.sort(epochs) == np.arange(documents)).all()
    assert not (epochs[0] == epochs[1]).all()
    assert not (epochs[1] == epochs[2]).all()
    assert not (order(documents, 0, 0) == order(documents, 1, 0)).all()


def test_the_clock_is_all_that_two_records_may_differ_in(never_stopped):
    entries = [json.loads(line) for line in (never_stopped(tiny()) / "metrics.jsonl").read_text().splitlines()]
    assert {entry["kind"] for entry in entries} == {"train", "evaluation"}
    assert all(set(CLOCKS) & set(entry) for entry in entries)
    assert os.path.getsize(never_stopped(tiny()) / "metrics.jsonl") > 1000


def test_a_run_never_starts_from_itself(tmp_path):
    train_run(tiny(), "own", root=tmp_path)
    before = contents(tmp_path / "own")
    with pytest.raises(SettingError, match="another run's folder"):
        train_run(tiny(origin=str(tmp_path / "own")), "own", overwrite=True, root=tmp_path)
    assert contents(tmp_path / "own") == before


def test_overwriting_starts_from_the_other_run_even_where_resuming_is_allowed(tmp_path):
    train_run(tiny(seed=1), "other", root=tmp_path)
    train_run(tiny(), "run", root=tmp_path)
    config = tiny(origin=str(tmp_path / "other"))
    train_run(config, "run", resume=True, overwrite=True, root=tmp_path)
    assert json.loads((tmp_path / "run/environment.json").read_text())["from"]["run"] == "other"


def test_a_damaged_record_is_named(tmp_path):
    with pytest.raises(Stopped):
        train_run(tiny(), "run", check=stop_after(8), root=tmp_path)
    record = tmp_path / "run/metrics.jsonl"
    record.write_bytes(record.read_bytes().replace(b'"step"', b'\xffstep"', 1))
    with pytest.raises(SettingError, match=r"metrics\.jsonl is damaged"):
        train_run(tiny(), "run", resume=True, root=tmp_path)


@pytest.mark.parametrize(("alone", "said"), [(0, 0), (1, 0), (2, 1)])
def test_a_run_too_short_to_be_told_its_world_says_so(alone, said, tmp_path):
    config = tiny(steps=2, warmup=0, world={"in_context": 0.5, "context_facts": 2, "context_alone": alone})
    warnings = []
    train_run(config, "run", root=tmp_path, warn=warnings.append)
    assert ["the world is never told" in line for line in warnings] == [True] * said
