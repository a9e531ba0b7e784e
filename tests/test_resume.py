"""A stopped, killed or resumed run is, to the bit, the run that was never stopped; nothing is lost unasked."""

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

from checkpoints.files import read_json, write_json
from checkpoints.folder import ROOT, locked, run_folder
from checkpoints.steps import load, path_of, steps
from config.validation import SettingError
from model.build import build_modules
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.span_denoising import SpanDenoising
from tasks.vocabulary import MASK
from tests.running import (
    CHANGES,
    CLOCKS,
    HOUSE,
    CountingFlag,
    Recorder,
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
from train.batches import epoch_order, make_batches, step_rows
from train.claim import claim_folder
from train.progress import Log, Progress
from train.run import train_run, write_new_run
from train.signals import SIGNALS, StopRequested
from train.tensorboard import TensorBoardWriter

TINY = flags(tiny())
DROPOUT = {"dropout": 0.1}
# The flag is checked 4 times, once a split, at each of 4 evaluations, and before each of 12 steps. At the end: 4 times,
# and once after it.
CHECKS = 4 * 4 + 12 + 5
EARLY, BEFORE_SAVE, EVALUATING, ON_SAVED_STEP, LAST_EVALUATION, QUESTIONS = 2, 7, 10, 13, 26, 30
every_objective = pytest.mark.parametrize(
    "objective", [objective() for objective in OBJECTIVES.values()], ids=list(OBJECTIVES)
)


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """What TensorBoard shows of a trained model takes longer than the training, and is no part of resuming."""
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """The folder in which command lines keep their runs."""
    for module in ("run", "recorded", "finish"):
        monkeypatch.setattr(f"train.{module}.run_folder", lambda name, root=tmp_path: run_folder(name, root))
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
    folders = {}

    def folder(config):
        if config not in folders:
            root = tmp_path_factory.mktemp("never-stopped")
            train_run(config, "run", root=root)
            folders[config] = root / "run"
        return folders[config]

    return folder


class NoWarning(Log):
    """Fails where a run warns."""

    def warn(self, line: str) -> None:
        pytest.fail(line)


def stop(config, name, root, checks) -> None:
    with pytest.raises(StopRequested):
        train_run(config, name, root=root, stop=stop_after(checks))


def assert_same_run(folder, other):
    """They are the same in all but the clock and the name."""
    assert steps(folder)[-1].name == steps(other)[-1].name
    for file in ("weights.safetensors", "state.safetensors"):
        assert (steps(folder)[-1] / file).read_bytes() == (steps(other)[-1] / file).read_bytes()
    assert record(folder) == record(other)
    assert (folder / "questions.csv").read_bytes() == (other / "questions.csv").read_bytes()
    results = [read_json(path / "result.json") for path in (folder, other)]
    digests = [result.pop("files") for result in results]
    assert digests[0]["questions.csv"] == digests[1]["questions.csv"]
    differ = {"run": "", "train_seconds": 0, "load": 0}
    assert results[0] | differ == results[1] | differ


def final_weights(folder) -> bytes:
    return (steps(folder)[-1] / "weights.safetensors").read_bytes()


@every_objective
@pytest.mark.parametrize("checks", [0, EARLY, BEFORE_SAVE, EVALUATING, ON_SAVED_STEP, LAST_EVALUATION, QUESTIONS])
def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path, never_stopped, objective, checks):
    config = tiny(objective, network=DROPOUT)
    stop(config, "run", tmp_path, checks)
    train_run(config, "run", root=tmp_path, resume=True)
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_the_moments_to_stop_at_are_those_that_their_names_say(tmp_path):
    flag = CountingFlag()
    train_run(tiny(), "run", root=tmp_path, stop=flag)
    assert flag.checks == CHECKS
    moments = {}
    for checks in (EARLY, BEFORE_SAVE, EVALUATING, ON_SAVED_STEP, LAST_EVALUATION, QUESTIONS):
        stop(tiny(), f"run-{checks}", tmp_path, checks)
        counters = load(tmp_path / f"run-{checks}", pytest.fail).counters
        moments[checks] = counters["step"], counters["evaluated"]
    assert moments == {
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
    checks = 4 * len(objective.query_modes()) + 2  # an evaluation, and two steps more
    stops = 0
    while not (tmp_path / "run" / "result.json").exists():
        try:
            train_run(config, "run", root=tmp_path, resume=True, stop=stop_after(checks))
        except StopRequested:
            stops += 1
        assert stops < CHECKS
    assert stops >= 4
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_damage_to_the_last_save_costs_only_the_steps_since_the_one_before(tmp_path, never_stopped):
    config = tiny(network=DROPOUT)
    stop(config, "run", tmp_path, LAST_EVALUATION)
    last = steps(tmp_path / "run")[-1]
    (last / "weights.safetensors").write_bytes(b"")
    log = Recorder()
    train_run(config, "run", root=tmp_path, resume=True, log=log)
    assert [last.name in line for line in log.warnings] == [True]
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_what_a_killed_run_recorded_after_its_last_save_is_shown_once(tmp_path, never_stopped, monkeypatch):
    stop(tiny(), "run", tmp_path, ON_SAVED_STEP)
    metrics = tmp_path / "run" / "metrics.jsonl"
    saved, whole = (path.read_bytes().splitlines(True) for path in (metrics, never_stopped(tiny()) / "metrics.jsonl"))
    metrics.write_bytes(b"".join(saved + whole[len(saved) :])[:-20])
    shown = []
    monkeypatch.setattr(TensorBoardWriter, "record", lambda _, entry: shown.append((entry["kind"], entry["step"])))
    log = Recorder()
    train_run(tiny(), "run", root=tmp_path, resume=True, log=log)
    assert [(entry["kind"], entry["step"]) for entry in log.entries] == shown
    assert record(tmp_path / "run") == record(never_stopped(tiny()))
    assert shown == [(entry["kind"], entry["step"]) for entry in record(tmp_path / "run")]


def test_a_record_shorter_than_when_it_was_saved_is_refused(tmp_path):
    stop(tiny(), "run", tmp_path, ON_SAVED_STEP)
    (tmp_path / "run" / "metrics.jsonl").write_bytes(b"")
    with pytest.raises(SettingError, match=r"metrics\.jsonl is '0 bytes', but must be at least"):
        train_run(tiny(), "run", root=tmp_path, resume=True)


def test_a_warning_is_one_line_however_long(capsys):
    line = "checkpoints/" + "x" * 90 + "/step-00000100 is damaged ([Errno 2] No such file): skipped"
    with Progress(tiny()) as progress:
        progress.warn(line)
    assert capsys.readouterr().err == line + "\n"


KILLED_AT_THE_SECOND_SAVE = """
import os, signal, sys
from pathlib import Path
from model.objectives.masked import Masked
from tests.running import tiny
from train.progress import Progress
from train.run import train_run

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
    train_run(config, "run", root=tmp_path, resume=True, log=NoWarning())
    assert_same_run(tmp_path / "run", never_stopped(config))
    assert not [path.name for path in (tmp_path / "run").glob(".*")]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_saves_and_ends_and_the_run_is_resumed_later(name, never_stopped, number):
    config = tiny(steps=300, log_every=300, evaluate_every=100, save_every=300)
    call = [sys.executable, "-m", "train", *flags(config), "--name", name]
    process = subprocess.Popen(call, cwd=HOUSE, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stderr.readline, "")
        assert any(line.startswith("step 100/300") for line in lines)
        with pytest.raises(SettingError, match="in use by another process"), locked(ROOT / name):
            pass
        process.send_signal(number)
        last_lines = "".join(lines)
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
    assert code == 128 + number
    assert last_lines.splitlines() == [f"stopped and saved: --resume continues checkpoints/{name}"]
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
def test_a_run_in_use_is_not_touched(runs, capsys, flag):
    stop(tiny(), "run", runs, BEFORE_SAVE)
    before = contents(runs / "run")
    with locked(runs / "run"):
        code, err = command(main, [*TINY, "--name", "run", *flag], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "in use by another process" in err
    assert contents(runs / "run") == before


def test_a_run_with_other_settings_is_not_resumed(runs, capsys):
    stop(tiny(), "run", runs, BEFORE_SAVE)
    before = contents(runs / "run")
    other = ["--train.batch", "16", "--model.depth", "2", "--seed", "1"]
    code, err = command(main, [*TINY, "--name", "run", "--resume", *other], capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for difference in ("train.batch was 8, is 16", "model.depth was 1, is 2", "seed was 0, is 1"):
        assert difference in err
    assert "train.steps" not in err
    assert contents(runs / "run") == before


def test_a_run_with_another_objective_is_not_resumed(tmp_path):
    stop(tiny(Causal()), "run", tmp_path, BEFORE_SAVE)
    with pytest.raises(SettingError, match=r"objective\.name was causal, is masked"):
        train_run(tiny(Masked()), "run", root=tmp_path, resume=True)


def test_a_finished_run_is_overwritten_only_when_asked(runs, capsys):
    run = [*TINY, "--name", "run"]
    assert command(main, run, capsys)[0] == 0
    before = contents(runs / "run")
    code, err = command(main, [*run, "--seed", "1"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "is finished: --once keeps it, --overwrite replaces it, --name trains another run" in err
    assert contents(runs / "run") == before
    for kept in ("--resume", "--once"):
        assert command(main, [*run, kept], capsys)[0] == 0
        assert contents(runs / "run") == before
    assert command(main, [*run, "--seed", "1", "--overwrite"], capsys)[0] == 0
    assert json.loads((runs / "run" / "config.json").read_text())["seed"] == 1
    assert final_weights(runs / "run") != before["step-00000012/weights.safetensors"]


def test_a_run_is_trained_once(runs, capsys, never_stopped):
    run = [*TINY, "--name", "run", "--once"]
    stop(tiny(), "run", runs, BEFORE_SAVE)
    assert command(main, run, capsys)[0] == 0
    assert_same_run(runs / "run", never_stopped(tiny()))
    assert command(main, [*TINY, "--name", "new", "--once"], capsys)[0] == 0
    assert_same_run(runs / "new", never_stopped(tiny()))
    before = contents(runs / "run")
    code, err = command(main, [*run, "--model.depth", "2"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "model.depth was 1, is 2 (--overwrite replaces it" in err
    code, err = command(main, [*run, "--overwrite"], capsys)
    assert (code, err) == (
        2,
        "error: once is True, but must be given without overwrite. All settings: python -m train causal --help-all\n",
    )
    assert contents(runs / "run") == before


def test_an_unfinished_run_is_touched_only_when_asked(runs, capsys, never_stopped):
    stop(tiny(), "run", runs, BEFORE_SAVE)
    before = contents(runs / "run")
    run = [*TINY, "--name", "run"]
    code, err = command(main, run, capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "not finished" in err
    assert "--resume" in err
    assert contents(runs / "run") == before
    assert command(main, [*run, "--overwrite"], capsys)[0] == 0
    assert_same_run(runs / "run", never_stopped(tiny()))
    assert not (runs / "run" / "step-00000003").exists()


@pytest.mark.parametrize("flag", [{}, {"resume": True}, {"overwrite": True}], ids=["plain", "resume", "overwrite"])
def test_a_start_that_failed_prevents_no_later_one(tmp_path, monkeypatch, flag):
    def write_to_full_disk(path, values):
        if path.name == "config.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_json(path, values)

    with monkeypatch.context() as patch:
        patch.setattr("train.run.write_json", write_to_full_disk)
        with pytest.raises(OSError, match="No space left"):
            train_run(tiny(), "run", root=tmp_path)
    train_run(tiny(), "run", root=tmp_path, **flag)


def test_a_kill_while_overwriting_leaves_a_folder_that_can_be_overwritten(tmp_path, never_stopped):
    config = tiny(seed=1)
    corpus = config.task.build(1)

    def overwrite(folder) -> None:
        write_new = partial(write_new_run, folder, config, corpus, {}, {})
        with locked(folder):
            claim_folder(folder, config, write_new, resume=False, overwrite=True)

    def killed(folder, moment) -> None:
        for name, function in before_each(CHANGES, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)).items():
            setattr(os, name, function)
        overwrite(folder)

    for moment in count():
        folder = shutil.copytree(never_stopped(tiny()), tmp_path / str(moment))
        was_killed = in_child(partial(killed, folder, moment)) != 0
        files = {path.name for path in folder.iterdir()}
        assert "result.json" not in files or files >= set(os.listdir(never_stopped(tiny()))), f"before change {moment}"
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


def parameter_names(objective) -> set[str]:
    config = tiny(objective)
    return set(build_modules(config.model, objective, config.task.build(0), 0).state_dict())


@every_objective
def test_from_starts_with_the_weights_of_another_run(tmp_path, never_stopped, objective):
    same_network = parameter_names(objective) == parameter_names(Causal())
    if not same_network:
        with pytest.raises(SettingError, match="are of another network"):
            train_run(tiny(objective, init_from=str(never_stopped(tiny()))), "refused", root=tmp_path)
        assert not (tmp_path / "refused").exists()
    base_run = never_stopped(tiny() if same_network else tiny(objective))
    stop(tiny(objective, seed=3, init_from=str(base_run)), "run", tmp_path, 0)
    step, weights, state, *_ = load(tmp_path / "run", pytest.fail)
    assert step == 0
    assert {key.rpartition("/")[0] for key in state} == set(weights)
    assert not any(value.any() for value in state.values())  # an optimiser that has taken no step
    assert (path_of(tmp_path / "run", 0) / "weights.safetensors").read_bytes() == final_weights(base_run)
    assert len(weights) > 5


def test_the_lineage_is_recorded_back_to_the_first_run(tmp_path, never_stopped):
    first = never_stopped(tiny(seed=1))
    second = never_stopped(tiny(seed=2, init_from=str(first)))
    train_run(tiny(init_from=str(second)), "third", root=tmp_path)
    lineage = json.loads((tmp_path / "third" / "environment.json").read_text())["from"]
    sha = [hashlib.sha256(final_weights(folder)).hexdigest() for folder in (first, second)]
    earliest = {"run": "run", "seed": 1, "step": 12, "weights_sha256": sha[0], "from": None}
    assert lineage == {"run": "run", "seed": 2, "step": 12, "weights_sha256": sha[1], "from": earliest}
    assert final_weights(tmp_path / "third") != final_weights(second)


def test_a_run_from_another_is_resumed_as_if_never_stopped(tmp_path, never_stopped):
    config = tiny(network=DROPOUT, init_from=str(never_stopped(tiny(seed=1, network=DROPOUT))))
    stop(config, "run", tmp_path, BEFORE_SAVE)
    train_run(config, "run", root=tmp_path, resume=True)
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_a_run_from_another_that_was_killed_before_its_first_save_starts_from_it_again(tmp_path, never_stopped):
    config = tiny(init_from=str(never_stopped(tiny(seed=1))))
    stop(config, "run", tmp_path, BEFORE_SAVE)
    for step in steps(tmp_path / "run"):
        shutil.rmtree(step)
    train_run(config, "run", root=tmp_path, resume=True)
    assert_same_run(tmp_path / "run", never_stopped(config))


def test_a_run_from_another_is_resumed_when_the_other_is_deleted(tmp_path, never_stopped):
    base_run = shutil.copytree(never_stopped(tiny()), tmp_path / "base_run")
    config = tiny(init_from=str(base_run))
    stop(config, "run", tmp_path, BEFORE_SAVE)
    shutil.rmtree(base_run)
    train_run(config, "run", root=tmp_path, resume=True)
    assert (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize(
    ("different", "named"),
    [
        ({"network": {"width": 32}}, "model.width was 16, is 32"),
        ({"network": {"depth": 2}}, "model.depth was 1, is 2"),
        ({"network": {"norm": "rms"}}, "model.norm was layer, is rms"),
        ({"world": {"entities": 14}}, "vocabulary"),
        ({"world": {"relations": 3}}, "vocabulary"),
    ],
)
def test_from_another_network_or_vocabulary_is_refused(tmp_path, never_stopped, different, named):
    base_run = never_stopped(tiny())
    with pytest.raises(SettingError, match=f"^--from {base_run}: .*{named}"):
        train_run(tiny(init_from=str(base_run), **different), "run", root=tmp_path)
    assert not (tmp_path / "run").exists()


def test_from_a_run_without_a_whole_step_is_refused(tmp_path, never_stopped):
    base_run = shutil.copytree(never_stopped(tiny()), tmp_path / "base_run")
    for step in steps(base_run):
        (step / "weights.safetensors").write_bytes(b"")
    log = Recorder()
    with pytest.raises(SettingError, match=f"^--from {base_run}: "):
        train_run(tiny(init_from=str(base_run)), "run", root=tmp_path, log=log)
    assert len(log.warnings) == 2


@every_objective
def test_one_seed_is_one_run_and_another_seed_another(tmp_path, never_stopped, objective):
    config = tiny(objective, network=DROPOUT)
    train_run(config, "again", root=tmp_path)
    assert_same_run(tmp_path / "again", never_stopped(config))
    train_run(tiny(objective, seed=1, network=DROPOUT), "other", root=tmp_path)
    assert final_weights(tmp_path / "other") != final_weights(never_stopped(config))
    assert record(tmp_path / "other") != record(never_stopped(config))


def test_causal_and_masked_have_the_same_initial_weights_and_documents_in_the_same_order():
    config, objectives = tiny(), (Causal(), Masked())
    corpus = config.task.build(0)
    causal, masked = (build_modules(config.model, objective, corpus, 0).state_dict() for objective in objectives)
    assert causal.keys() == masked.keys()
    assert all(torch.equal(causal[key], masked[key]) for key in causal)
    for step in range(8):
        (causal,), (masked,) = (make_batches(corpus, objective, config.train, 0, step) for objective in objectives)
        visible = masked["tokens"] != MASK
        assert not visible.all()
        np.testing.assert_array_equal(causal["tokens"][visible], masked["tokens"][visible])
        np.testing.assert_array_equal(causal["lengths"], masked["lengths"])


@pytest.mark.parametrize("batch", [1, 7, 8, 30])
def test_an_epoch_has_every_document_once_and_the_next_has_another_order(batch):
    documents = 23
    rows = np.concatenate([step_rows(documents, batch, 0, step) for step in range(3 * documents)])
    epochs = rows[: rows.size // documents * documents].reshape(-1, documents)[:3]
    assert (np.sort(epochs) == np.arange(documents)).all()
    assert not (epochs[0] == epochs[1]).all()
    assert not (epochs[1] == epochs[2]).all()
    assert not (epoch_order(documents, 0, 0) == epoch_order(documents, 1, 0)).all()


def test_two_records_may_differ_in_the_clock_alone(never_stopped):
    entries = [json.loads(line) for line in (never_stopped(tiny()) / "metrics.jsonl").read_text().splitlines()]
    assert {entry["kind"] for entry in entries} == {"train", "evaluation"}
    assert all(set(CLOCKS) & set(entry) for entry in entries)
    assert os.path.getsize(never_stopped(tiny()) / "metrics.jsonl") > 1000


def test_a_run_never_starts_from_itself(tmp_path):
    train_run(tiny(), "run", root=tmp_path)
    before = contents(tmp_path / "run")
    with pytest.raises(SettingError, match="another run's folder"):
        train_run(tiny(init_from=str(tmp_path / "run")), "run", overwrite=True, root=tmp_path)
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize("flag", [{"resume": True}, {"overwrite": True}], ids=["resume", "overwrite"])
def test_a_run_of_an_earlier_version_is_replaced_but_never_resumed(tmp_path, flag):
    train_run(tiny(), "run", root=tmp_path)
    write_json(tmp_path / "run/config.json", {"format": 1, "seed": 0})
    before = contents(tmp_path / "run")
    if "overwrite" in flag:
        assert train_run(tiny(), "run", **flag, root=tmp_path)["finished"]
    else:
        with pytest.raises(SettingError, match=r"was made by an earlier version, .*: train it again"):
            train_run(tiny(), "run", **flag, root=tmp_path)
        assert contents(tmp_path / "run") == before


def test_overwriting_starts_from_the_other_run_even_where_resuming_is_allowed(tmp_path):
    train_run(tiny(seed=1), "other", root=tmp_path)
    train_run(tiny(), "run", root=tmp_path)
    config = tiny(init_from=str(tmp_path / "other"))
    train_run(config, "run", resume=True, overwrite=True, root=tmp_path)
    assert json.loads((tmp_path / "run/environment.json").read_text())["from"]["run"] == "other"


def test_a_damaged_record_is_named(tmp_path):
    stop(tiny(), "run", tmp_path, 8)
    metrics = tmp_path / "run/metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes().replace(b'"step"', b'\xffstep"', 1))
    with pytest.raises(SettingError, match=r"metrics\.jsonl is damaged"):
        train_run(tiny(), "run", resume=True, root=tmp_path)


@pytest.mark.parametrize(("only_steps", "warnings"), [(0, 0), (1, 0), (2, 1)])
def test_a_run_that_ends_before_it_trains_on_the_world_warns(only_steps, warnings, tmp_path):
    world = {"episodes.share": 0.5, "episodes.max_facts": 2, "episodes.only_steps": only_steps}
    log = Recorder()
    train_run(tiny(steps=2, warmup=0, world=world), "run", root=tmp_path, log=log)
    assert ["of the world are never trained on" in line for line in log.warnings] == [True] * warnings
