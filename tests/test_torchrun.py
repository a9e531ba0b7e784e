"""A run of two processes is the run of one, to rounding; all of its processes stop together, and nothing is lost."""

import pickle
import signal
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path
from shutil import rmtree
from unittest.mock import ANY

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from checkpoints.files import read_json
from checkpoints.folder import ROOT
from checkpoints.steps import path_of, steps
from config.validation import SettingError
from model.objectives.base import BATCH_KEYS
from model.objectives.batch import EACH_FLAT, FLAT, ROWS, WHOLE, share_rows, to_tensors
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from tasks import TASKS
from tests.examples import modules
from tests.objects import MIXED, TRAINED, rng
from tests.running import HOUSE, Recorder, flags, record, tiny
from tests.test_every_task import small
from tests.two_processes import SIZE, Ended, Event, break_the_loss, change_a_weight, send_signal, train_in_two
from train.__main__ import main
from train.batches import make_batches
from train.config import TrainConfig
from train.loop import Loop
from train.processes import LOST, SeveralProcesses, without_questions
from train.run import train_run
from train.signals import SIGNALS

CPU = torch.device("cpu")
DROPOUT = {"dropout": 0.1}
LAST = 12  # steps of a tiny run
EXACT = ("documents", "target_tokens", "learning_rate")  # of an entry of training


# Shares of a batch


def test_every_key_of_a_batch_is_shared_in_one_way():
    ways = (*ROWS, *FLAT, *EACH_FLAT, *WHOLE)
    assert sorted(ways) == sorted(BATCH_KEYS)
    for key, meaning in BATCH_KEYS.items():
        axis = meaning.partition("[")[2][0]
        assert (axis in "bq", axis == "n", axis == "m") == (key in ROWS, key in FLAT + EACH_FLAT, key in WHOLE), key


def loss_and_gradients(objective, network, batches) -> tuple[float, float, dict[str, torch.Tensor]]:
    """Loss, denominator and gradients of several batches, summed."""
    network.zero_grad()
    losses, denominators = zip(*(objective.loss(network, to_tensors(batch, CPU)) for batch in batches))
    sum(losses).backward()
    gradients = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    return sum(losses).item(), sum(denominators), gradients


@pytest.mark.parametrize("size", [2, 3, 8])  # 8: some have no row
@pytest.mark.parametrize("objective", TRAINED.values(), ids=TRAINED)
def test_the_losses_of_all_shares_are_the_loss_of_the_batch(objective, size):
    rows = np.random.default_rng(1).permutation(len(MIXED.documents))[:7]
    batch = objective.make_batch(MIXED.documents[rows], rng())
    network = modules(objective, MIXED)
    loss, denominator, gradients = loss_and_gradients(objective, network, [batch])
    shares = [share_rows(batch, rank, size) for rank in range(size)]
    assert [len(share["tokens"]) for share in shares] == [len(range(rank, 7, size)) for rank in range(size)]
    shared_loss, shared_denominator, shared_gradients = loss_and_gradients(objective, network, shares)
    assert shared_loss == pytest.approx(loss, rel=1e-5)
    assert shared_denominator == denominator
    assert shared_gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(shared_gradients[name] / denominator, gradient / denominator, rtol=1e-5, atol=1e-5)


def test_a_share_holds_its_documents_and_targets_and_no_other():
    batch = Masked(scheme="uniform").make_batch(MIXED.documents[:7], rng())
    restored = np.full_like(batch["tokens"], -1)
    targets = []
    for rank in range(3):
        share = share_rows(batch, rank, 3)
        restored[rank::3] = share["tokens"]
        row, position = np.divmod(share["logit_positions"], share["tokens"].shape[1])
        targets += zip((rank + 3 * row).tolist(), position.tolist(), share["targets"].tolist())
    assert np.array_equal(restored, batch["tokens"])
    flat = np.divmod(batch["logit_positions"], batch["tokens"].shape[1])
    assert sorted(targets) == list(zip(*(array.tolist() for array in flat), batch["targets"].tolist()))


def test_questions_of_a_reinforced_batch_are_shared_on_their_own():
    batch = Reinforced().make_batch(MIXED.documents[:4], rng())
    batch |= {key: np.arange(10).reshape(5, 2) for key in ("questions", "conclusions")}
    batch |= {key: np.arange(5) for key in ("question_lengths", "conclusion_lengths")}
    shares = [share_rows(batch, rank, 2) for rank in range(2)]
    assert [share["questions"].tolist() for share in shares] == [[[0, 1], [4, 5], [8, 9]], [[2, 3], [6, 7]]]
    assert [share["conclusion_lengths"].tolist() for share in shares] == [[0, 2, 4], [1, 3]]


@pytest.mark.parametrize("sizes", [(7,), (1, 1, 1), (4, 1, 2), (1, 0, 2)])
def test_the_rows_of_all_batches_of_a_step_are_divided_evenly(sizes):
    ends = np.cumsum(sizes)
    batches = [Causal().make_batch(MIXED.documents[end - size : end], rng()) for size, end in zip(sizes, ends)]
    shares = [SeveralProcesses(rank, 3).share(batches) for rank in range(3)]
    rows = [sum(len(batch["tokens"]) for batch in share) for share in shares]
    assert sum(rows) == sum(sizes)
    assert max(rows) - min(rows) <= 1
    assert all(len(batch["tokens"]) for share in shares for batch in share)
    targets = np.concatenate([batch["targets"] for batch in batches])
    shared = np.concatenate([batch["targets"] for share in shares for batch in share])
    assert sorted(shared) == sorted(targets)


def test_a_process_without_a_row_has_an_empty_batch():
    batch = Causal().make_batch(MIXED.documents[:2], rng())
    (empty,) = SeveralProcesses(2, 3).share([batch])
    assert len(empty["tokens"]) == len(empty["targets"]) == 0


@pytest.mark.parametrize("name", TASKS)
def test_the_other_processes_make_the_batches_of_every_task(name):
    corpus = small(name, **{"episodes.share": 0.25}).build(0)
    sent = pickle.loads(pickle.dumps(without_questions(corpus)))
    for step in (0, 3):
        batches, others = (make_batches(world, Causal(), TrainConfig(batch=16), 0, step) for world in (corpus, sent))
        for batch, other in zip(batches, others, strict=True):
            assert batch.keys() == other.keys()
            assert all(np.array_equal(batch[key], other[key]) for key in batch)


def test_dropout_draws_other_numbers_in_each_process_and_the_same_ones_again():
    def draw(step: int, *processes: SeveralProcesses) -> list[float]:
        Loop(tiny(), None, None, "", CPU, None, None, *processes).seed_dropout(step)
        return torch.rand(4).tolist()

    first, second = SeveralProcesses(0, 2), SeveralProcesses(1, 2)
    assert draw(3, first) == draw(3, first) == draw(3)
    drawn = [draw(step, process) for step in (3, 4) for process in (first, second)]
    assert len({*map(tuple, drawn)}) == len(drawn)


# Processes


def weights(folder: Path) -> bytes:
    return (steps(folder)[-1] / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    """The folder of a tiny run with dropout of two processes."""
    root = tmp_path_factory.mktemp("never-stopped")
    assert train_in_two(root, tiny(network=DROPOUT), "run") == Ended([0, 0], [ANY, ""])
    return root / "run"


@pytest.mark.parametrize(
    "objective", [Causal(), Masked(), Diffusion(), JointEmbedding()], ids=lambda o: type(o).__name__
)
def test_two_processes_train_the_weights_of_one_to_rounding(tmp_path, objective):
    config = tiny(objective)
    ended = train_in_two(tmp_path, config, "two")
    assert ended.codes == [0, 0], ended.errors
    assert ended.errors[1] == ""
    train_run(config, "one", root=tmp_path)
    one, two = (load_file(steps(tmp_path / name)[-1] / "weights.safetensors") for name in ("one", "two"))
    assert steps(tmp_path / "two")[-1].name == path_of(tmp_path, LAST).name
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-5)
    for entry, expected in zip(record(tmp_path / "two"), record(tmp_path / "one"), strict=True):
        assert (entry["kind"], entry["step"]) == (expected["kind"], expected["step"])
        if entry["kind"] == "train":
            assert {key: entry[key] for key in EXACT} == {key: expected[key] for key in EXACT}
            assert entry["loss"] == pytest.approx(expected["loss"], rel=1e-4)
            assert entry["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-3)
    assert read_json(tmp_path / "two" / "environment.json")["processes"] == 2


@pytest.mark.parametrize(("number", "rank"), [*zip(SIGNALS, (0, 1, 0))], ids=str)
def test_a_signal_to_one_process_stops_both_after_the_same_step(tmp_path, never_stopped, number, rank):
    config = tiny(network=DROPOUT)
    event = Event(6, rank, partial(send_signal, number))
    ended = train_in_two(tmp_path, config, "run", event=event)
    assert ended.codes == [128 + number] * SIZE, ended.errors
    assert ended.errors[0].splitlines()[-1] == "stopped and saved: --resume continues checkpoints/run"
    assert ended.errors[1] == ""
    assert steps(tmp_path / "run")[-1].name == path_of(tmp_path, 7).name
    assert train_in_two(tmp_path, config, "run", "--resume").codes == [0, 0]
    assert weights(tmp_path / "run") == weights(never_stopped)
    assert record(tmp_path / "run") == record(never_stopped)


def test_a_killed_process_ends_the_other_one_with_a_line_and_the_run_can_be_resumed(tmp_path, never_stopped):
    config = tiny(network=DROPOUT)
    event = Event(3, 1, partial(send_signal, signal.SIGKILL))
    ended = train_in_two(tmp_path, config, "run", event=event)
    assert ended.codes == [LOST, -signal.SIGKILL]
    line = "error: another process of this run has ended: saved, --resume continues checkpoints/run"
    assert ended.errors[0].splitlines()[1:] == [line]  # behind the evaluation at step 0
    assert steps(tmp_path / "run")[-1].name == path_of(tmp_path, 3).name
    event = Event(8, 0, partial(send_signal, signal.SIGKILL))
    ended = train_in_two(tmp_path, config, "run", "--resume", event=event)
    assert ended.codes == [-signal.SIGKILL, LOST]
    assert ended.errors[1] == "error: the first process of this run has ended: --resume continues from the last save\n"
    assert steps(tmp_path / "run")[-1].name == path_of(tmp_path, 5).name
    assert train_in_two(tmp_path, config, "run", "--resume").codes == [0, 0]
    assert weights(tmp_path / "run") == weights(never_stopped)


def test_a_step_that_is_not_finite_in_one_process_is_taken_in_none(tmp_path):
    ended = train_in_two(tmp_path, tiny(), "run", event=Event(3, 1, break_the_loss))
    assert ended.codes == [3, 3]
    assert ended.errors[0].splitlines()[-1].startswith("error: step 3 was not taken")
    assert ended.errors[1] == ""
    assert steps(tmp_path / "run")[-1].name == path_of(tmp_path, 3).name


def test_processes_with_different_weights_save_nothing_more(tmp_path):
    ended = train_in_two(tmp_path, tiny(), "run", event=Event(7, 1, change_a_weight))
    assert ended.codes == [LOST, LOST]
    line = "error: checkpoints/run: its processes have different weights, so nothing more is saved"
    assert ended.errors[0].splitlines()[-1] == line
    assert ended.errors[1] == ""
    assert [path.name for path in steps(tmp_path / "run")] == [path_of(tmp_path, 5).name]


@pytest.mark.parametrize(
    ("further", "line"),
    [
        (["--train.batch", "1"], "error: train.batch is 1, but must be 2 or more: a document a process"),
        (["--model.heads", "3"], "error: model.width is 16, but must be"),
        (["--train.stepz", "3"], "error: Unrecognized options: --train.stepz"),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_a_bad_setting_is_one_line_of_one_process(tmp_path, further, line):
    ended = train_in_two(tmp_path, tiny(), "run", *further)
    assert ended.codes == [2, 2]
    assert ended.errors[0].startswith(line)
    assert ended.errors[0].count("\n") == 1
    assert ended.errors[1] == ""
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_another_number_of_processes_and_says_so(tmp_path):
    config = tiny()
    event = Event(6, 0, partial(send_signal, signal.SIGTERM))
    assert train_in_two(tmp_path, config, "run", event=event).codes == [143, 143]
    log = Recorder()
    train_run(config, "run", root=tmp_path, resume=True, log=log)
    (warning,) = log.warnings
    assert "another number of processes (2 before, 1 now)" in warning
    assert read_json(tmp_path / "run" / "environment.json")["processes"] == 1
    log = Recorder()
    train_run(config, "run", root=tmp_path, resume=True, log=log)  # finished: only read
    assert not log.warnings


# torchrun


def test_torchrun_stops_a_run_that_can_be_resumed():
    name = f"test-{uuid.uuid4().hex[:12]}"
    config = tiny(steps=3000, log_every=3000, evaluate_every=10, save_every=3000)
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "train"]
    process = subprocess.Popen([*call, *flags(config), "--name", name], cwd=HOUSE, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stderr.readline, "")
        assert any(line.startswith("step 10/") for line in lines)
        process.send_signal(signal.SIGTERM)
        last_lines = "".join(lines).splitlines()
        assert process.wait(60) == 1  # torchrun's, whatever its processes end with
        assert last_lines.count(f"stopped and saved: --resume continues checkpoints/{name}") == 1
        assert len(steps(ROOT / name)) == 1
    finally:
        process.kill()
        process.wait()
        rmtree(ROOT / name, ignore_errors=True)


@pytest.fixture
def torchrun(monkeypatch):
    """The variables that torchrun sets for the first of two processes, by which others of them can be replaced."""

    def set_variables(rank: int) -> None:
        variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": 1}
        for variable, value in ({"MASTER_ADDR": "127.0.0.1"} | variables).items():
            monkeypatch.setenv(variable, str(value))

    set_variables(0)
    return set_variables


@pytest.mark.parametrize("command", ["compare", "sweep", "ablate"])
def test_a_command_that_trains_several_runs_is_refused(torchrun, capsys, command):
    with pytest.raises(SystemExit) as end:
        main([command])
    assert end.value.code == 2
    line = f"error: {command} does not run under torchrun, which trains a single run: start it without\n"
    assert capsys.readouterr().err == line
    torchrun(1)
    main([command])  # the first process has said it
    main([])
    assert capsys.readouterr() == ("", "")


def test_each_process_has_a_gpu_of_its_own(torchrun, monkeypatch):
    torchrun(1)
    chosen, config = [], tiny().train
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: chosen[-1])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    processes = SeveralProcesses(1, 2)
    assert processes.choose_device(CPU, config) == CPU
    assert processes.choose_device(torch.device("cuda"), config) == torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SettingError, match=r"device is 'cuda', but must be cpu, or .* for each GPU: 1 here"):
        processes.choose_device(torch.device("cuda"), config)
    with pytest.raises(SettingError, match="device is 'mps', but must be cpu or cuda"):
        processes.choose_device(torch.device("mps"), config)
