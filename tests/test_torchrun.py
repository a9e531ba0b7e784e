"""A run of two processes is the run of one, to rounding; all of its processes stop together, and nothing is lost."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from checkpoints.files import read_json
from checkpoints.folder import ROOT, run_folder
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
from train.__main__ import main
from train.batches import make_batches
from train.config import TrainConfig
from train.loop import Loop
from train.optimiser import Optimiser
from train.processes import LOST, SeveralProcesses, without_questions
from train.run import train_run
from train.signals import SIGNALS
from train.tensorboard import TensorBoardWriter

CPU = torch.device("cpu")
DROPOUT = {"dropout": 0.1}
LAST = 12  # steps of a tiny run
EXACT = ("documents", "target_tokens", "learning_rate")  # of an entry of training
PROCESSES = 2
SECONDS = 120  # in which a pair of processes must have ended


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


class Pair:
    """The processes of one run, forked from this one with the variables that torchrun sets, and how they ended."""

    def __init__(self, folder: Path, arguments: list[str]):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {
            "WORLD_SIZE": PROCESSES,
            "LOCAL_WORLD_SIZE": PROCESSES,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        outputs = [folder / f"output-{rank}-{uuid.uuid4().hex}" for rank in range(PROCESSES)]
        children = []
        for rank in range(PROCESSES):
            variables = shared | {"RANK": rank, "LOCAL_RANK": rank}
            children.append(os.fork())
            if children[-1] == 0:
                act_as(arguments, {name: str(value) for name, value in variables.items()}, outputs[rank])
        self.codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        self.errors = [output.read_text() for output in outputs]


def act_as(arguments: list[str], variables: dict[str, str], output: Path) -> None:
    """Ends this process as the command line does, with its standard error in `output`."""
    code = 1
    try:
        signal.alarm(SECONDS)  # SIGALRM ends it
        sys.stdout, sys.stderr = open(os.devnull, "w"), open(output, "w")  # noqa: SIM115
        os.environ |= variables
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)  # nothing of pytest may continue here


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """The folder in which command lines keep their runs, without figures."""
    for module in ("run", "recorded", "finish"):
        monkeypatch.setattr(f"train.{module}.run_folder", lambda name, root=tmp_path: run_folder(name, root))
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)
    return tmp_path


def train_pair(runs: Path, config: Any, name: str, *further: str) -> Pair:
    """Trains the run in two processes; with --resume, by the name alone."""
    settings = flags(config)[:1] if "--resume" in further else flags(config)
    return Pair(runs, [*settings, "--name", name, *further])


def weights(folder: Path) -> bytes:
    return (steps(folder)[-1] / "weights.safetensors").read_bytes()


def before_step(monkeypatch, step: int, rank: int, act: Callable[[Loop], object]) -> None:
    """Lets the process `rank` act before it takes this step."""
    take_step = Loop.step

    def acts(loop: Loop, optimiser: Optimiser, counters: Any) -> None:
        if (counters.step, loop.processes.rank) == (step, rank):
            act(loop)
        take_step(loop, optimiser, counters)

    monkeypatch.setattr(Loop, "step", acts)


def raises_signal(number: int) -> Callable[[Loop], None]:
    return lambda _: os.kill(os.getpid(), number)


@pytest.fixture
def never_stopped(runs):
    """The folder of a tiny run with dropout of two processes."""
    pair = train_pair(runs, tiny(network=DROPOUT), "never-stopped")
    assert pair.codes == [0, 0], pair.errors
    return runs / "never-stopped"


@pytest.mark.parametrize(
    "objective", [Causal(), Masked(), Diffusion(), JointEmbedding()], ids=lambda o: type(o).__name__
)
def test_two_processes_train_the_weights_of_one_to_rounding(runs, objective):
    config = tiny(objective)
    pair = train_pair(runs, config, "two")
    assert pair.codes == [0, 0], pair.errors
    assert pair.errors[1] == ""
    train_run(config, "one", root=runs)
    one, two = (load_file(steps(runs / name)[-1] / "weights.safetensors") for name in ("one", "two"))
    assert steps(runs / "two")[-1].name == path_of(runs, LAST).name
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-5)
    for entry, expected in zip(record(runs / "two"), record(runs / "one"), strict=True):
        assert (entry["kind"], entry["step"]) == (expected["kind"], expected["step"])
        if entry["kind"] == "train":
            assert {key: entry[key] for key in EXACT} == {key: expected[key] for key in EXACT}
            assert entry["loss"] == pytest.approx(expected["loss"], rel=1e-4)
            assert entry["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-3)
    assert read_json(runs / "two" / "environment.json")["processes"] == 2


@pytest.mark.parametrize("rank", range(PROCESSES))
@pytest.mark.parametrize("number", SIGNALS[1:], ids=lambda number: number.name)
def test_a_signal_to_one_process_stops_both_after_the_same_step(runs, monkeypatch, never_stopped, number, rank):
    config = tiny(network=DROPOUT)
    with monkeypatch.context() as patch:
        before_step(patch, 6, rank, raises_signal(number))
        pair = train_pair(runs, config, "run")
    assert pair.codes == [128 + number] * PROCESSES, pair.errors
    assert pair.errors[0].splitlines()[-1] == "stopped and saved: --resume continues checkpoints/run"
    assert pair.errors[1] == ""
    assert steps(runs / "run")[-1].name == path_of(runs, 7).name
    assert train_pair(runs, config, "run", "--resume").codes == [0, 0]
    assert weights(runs / "run") == weights(never_stopped)
    assert record(runs / "run") == record(never_stopped)


def test_a_killed_process_ends_the_other_one_with_a_line_and_the_run_can_be_resumed(runs, monkeypatch, never_stopped):
    config = tiny(network=DROPOUT)
    with monkeypatch.context() as patch:
        before_step(patch, 3, 1, raises_signal(signal.SIGKILL))
        pair = train_pair(runs, config, "run")
    assert pair.codes == [LOST, -signal.SIGKILL]
    line = "error: another process of this run has ended: saved, --resume continues checkpoints/run"
    assert pair.errors[0].splitlines()[1:] == [line]  # behind the evaluation at step 0
    assert steps(runs / "run")[-1].name == path_of(runs, 3).name
    with monkeypatch.context() as patch:
        before_step(patch, 8, 0, raises_signal(signal.SIGKILL))
        pair = train_pair(runs, config, "run", "--resume")
    assert pair.codes == [-signal.SIGKILL, LOST]
    assert pair.errors[1] == "error: the first process of this run has ended: --resume continues from the last save\n"
    assert steps(runs / "run")[-1].name == path_of(runs, 5).name
    assert train_pair(runs, config, "run", "--resume").codes == [0, 0]
    assert weights(runs / "run") == weights(never_stopped)


def test_a_step_that_is_not_finite_in_one_process_is_taken_in_none(runs, monkeypatch):
    loss = Loop.loss

    def breaks(loop: Loop, batches: list) -> tuple:
        total, denominator = loss(loop, batches)
        return total * (float("nan") if loop.processes.rank == 1 else 1), denominator

    before_step(monkeypatch, 3, 1, lambda _: monkeypatch.setattr(Loop, "loss", breaks))
    pair = train_pair(runs, tiny(), "run")
    assert pair.codes == [3, 3]
    assert pair.errors[0].splitlines()[-1].startswith("error: step 3 was not taken")
    assert pair.errors[1] == ""
    assert steps(runs / "run")[-1].name == path_of(runs, 3).name


def test_processes_with_different_weights_save_nothing_more(runs, monkeypatch):
    def change(loop: Loop) -> None:
        next(loop.trained.modules.parameters()).data.view(-1)[0] += 1e-6

    before_step(monkeypatch, 7, 1, change)
    pair = train_pair(runs, tiny(), "run")
    assert pair.codes == [LOST, LOST]
    line = "error: checkpoints/run: its processes have different weights, so nothing more is saved"
    assert pair.errors[0].splitlines()[-1] == line
    assert pair.errors[1] == ""
    assert [path.name for path in steps(runs / "run")] == [path_of(runs, 5).name]


@pytest.mark.parametrize(
    ("further", "line"),
    [
        (["--train.batch", "1"], "error: train.batch is 1, but must be 2 or more: a document a process"),
        (["--model.heads", "3"], "error: model.width is 16, but must be"),
        (["--train.stepz", "3"], "error: Unrecognized options: --train.stepz"),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_a_bad_setting_is_one_line_of_one_process(runs, further, line):
    pair = train_pair(runs, tiny(), "run", *further)
    assert pair.codes == [2, 2]
    assert pair.errors[0].startswith(line)
    assert pair.errors[0].count("\n") == 1
    assert pair.errors[1] == ""
    assert not (runs / "run").exists()


def test_a_run_goes_on_with_another_number_of_processes_and_says_so(runs, monkeypatch):
    config = tiny()
    with monkeypatch.context() as patch:
        before_step(patch, 6, 0, raises_signal(signal.SIGTERM))
        assert train_pair(runs, config, "run").codes == [143, 143]
    log = Recorder()
    train_run(config, "run", root=runs, resume=True, log=log)
    (warning,) = log.warnings
    assert "another number of processes (2 before, 1 now)" in warning
    assert read_json(runs / "run" / "environment.json")["processes"] == 1
    log = Recorder()
    train_run(config, "run", root=runs, resume=True, log=log)  # finished: only read
    assert not log.warnings


# torchrun


def test_torchrun_stops_a_run_that_can_be_resumed():
    name = f"test-{uuid.uuid4().hex[:12]}"
    config = tiny(steps=10**6, log_every=10**6, evaluate_every=10, save_every=10**6)
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "train"]
    process = subprocess.Popen([*call, *flags(config), "--name", name], cwd=HOUSE, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stderr.readline, "")
        assert any(line.startswith("step 10/") for line in lines)
        process.send_signal(signal.SIGTERM)
        last_lines = "".join(lines).splitlines()
        assert process.wait(SECONDS) == 1  # torchrun's, whatever its processes end with
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
