"""Signals: what is ignored stays so, one signal saves and ends, and no process of a sweep outlives its command."""

import contextlib
import csv
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
import uuid
from functools import partial

import pytest

from checkpoints.folder import ROOT, locked
from checkpoints.steps import steps
from tests.running import HOUSE, flags, in_child, tiny
from train.signals import SIGNALS, StopFlag, StopRequested, signals_blocked, stop_on_signals
from train.sweeps import pool


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of this process are as before afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_first_signal_is_the_one_that_is_reported(number):
    with stop_on_signals() as stop:
        stop.check()
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(StopRequested) as request:
            stop.check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # Ctrl-C now ends the process at once
    assert request.value.args == (number,)
    os.kill(os.getpid(), signal.SIGTERM)  # while the process ends: nothing happens


def test_the_handlers_are_as_before_where_no_signal_came():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals():
        assert not {signal.getsignal(number) for number in SIGNALS} & set(before)
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_that_was_ignored_from_the_start_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)
    with stop_on_signals() as stop:
        os.kill(os.getpid(), number)
        stop.check()
        os.kill(os.getpid(), next(other for other in (signal.SIGTERM, signal.SIGHUP) if other != number))
        assert stop.signal_number not in (None, number)
        assert signal.getsignal(number) is signal.SIG_IGN
    assert signal.getsignal(number) is signal.SIG_IGN


def test_a_blocked_signal_comes_later():
    def act() -> None:
        with stop_on_signals() as stop:
            with signals_blocked():
                os.kill(os.getpid(), signal.SIGHUP)
                stop.check()
            assert stop.signal_number == signal.SIGHUP

    assert in_child(act) == 0  # which has one thread: another one could receive it


def test_a_worker_waits_for_the_folder_of_one_that_still_saves(tmp_path, monkeypatch):
    pool.wait_until_free(tmp_path / "none", StopFlag())
    hold = "import sys, time\nfrom pathlib import Path\nfrom checkpoints.folder import locked\n"
    hold += "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    holder = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], cwd=HOUSE, **pipes)
    try:
        assert holder.stdout.readline() == b"held\n"
        monkeypatch.setattr(pool, "LOCK_SECONDS", 0.1)
        pool.wait_until_free(tmp_path, StopFlag())  # in use for longer: the run itself says so
        monkeypatch.setattr(pool, "LOCK_SECONDS", 60)
        with pytest.raises(StopRequested):
            pool.wait_until_free(tmp_path, StopFlag(signal.SIGTERM))
        monkeypatch.setattr(pool.time, "sleep", lambda _: holder.stdin.close())
        pool.wait_until_free(tmp_path, StopFlag())
        with locked(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait()


class Comparison:
    """`python -m train compare` of two runs, in a group of processes of its own."""

    def __init__(self, steps: int):
        self.name = f"test-{uuid.uuid4().hex[:8]}"
        settings = flags(tiny(steps=steps, log_every=100, evaluate_every=1000, save_every=steps))[1:]
        budget = [f"--causal-steps={steps}", "--seeds=1", "--jobs=2", f"--name={self.name}"]
        self.command = [sys.executable, "-m", "train", "compare", *settings, *budget]
        self.runs = [ROOT / f"{self.name}-{variant}-0" for variant in ("causal", "bidirectional")]

    def start(self, **options) -> subprocess.Popen:
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        options = pipes | options
        self.process = subprocess.Popen(self.command, text=True, cwd=HOUSE, start_new_session=True, **options)
        return self.process

    def wait_until_both_train(self) -> None:
        deadline = time.monotonic() + 120
        records = [run / "metrics.jsonl" for run in self.runs]
        while not all(record.exists() and record.stat().st_size for record in records):
            assert time.monotonic() < deadline
            assert self.process.poll() is None
            time.sleep(0.1)

    def is_running(self) -> bool:
        """Whether any process of it is left: the command, the server of its workers, or one of these."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def processes(self) -> list[tuple[int, int]]:
        """The processes of it, each with its parent."""
        listed = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,pgid="], text=True)
        rows = (map(int, line.split()) for line in listed.splitlines())
        return [(child, parent) for child, parent, group in rows if group == self.process.pid]

    def wait_until_none_is_left(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while self.is_running():
            assert time.monotonic() < deadline, "a process is left"
            time.sleep(0.1)


@pytest.fixture
def comparison():
    """Makes a comparison by its steps, of which nothing is left afterwards."""
    made = []

    def make(steps: int) -> Comparison:
        made.append(Comparison(steps))
        return made[-1]

    yield make
    for one in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
        for path in ROOT.glob(f"{one.name}*"):
            shutil.rmtree(path)


def test_workers_of_a_killed_command_save_and_end_and_the_same_command_goes_on_at_once(comparison):
    compared = comparison(800)
    compared.start(stderr=subprocess.DEVNULL)
    compared.wait_until_both_train()
    compared.process.kill()
    compared.process.wait()
    ended = subprocess.run(compared.command, cwd=HOUSE, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    compared.wait_until_none_is_left()
    with open(ROOT / compared.name / "results.csv", newline="") as file:
        assert {row["run"] for row in csv.DictReader(file)} == {run.name for run in compared.runs}
    for run in compared.runs:
        interrupted = int(steps(run)[0].name.removeprefix("step-"))
        assert 0 < interrupted < 800  # saved when the command was killed, and at the end


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_two_signals_in_a_row_leave_no_process_and_lose_nothing(comparison, number):
    compared = comparison(10**6)
    compared.start()
    compared.wait_until_both_train()
    for _ in range(2):
        os.killpg(compared.process.pid, number)  # as a terminal does: all processes get it
        time.sleep(0.05)
    _, errors = compared.process.communicate(timeout=60)
    compared.wait_until_none_is_left()
    assert "Traceback" not in errors
    # The second one ended the command at once, where it had not ended. A shell says the same number of both.
    assert compared.process.returncode in (-number, 128 + number)
    if compared.process.returncode > 0:
        assert errors.splitlines()[-1] == "stopped and saved: the same command continues"
    assert all(steps(run) for run in compared.runs)


def test_workers_save_and_end_where_the_server_that_forked_them_is_killed(comparison):
    compared = comparison(10**6)
    compared.start()
    compared.wait_until_both_train()
    command = compared.process.pid
    (server,) = {parent for child, parent in compared.processes() if command not in (child, parent)}
    os.kill(server, signal.SIGKILL)
    _, errors = compared.process.communicate(timeout=60)
    assert compared.process.returncode == 1
    for run in compared.runs:
        assert f"error: {run.name}: stopped and saved" in errors
        assert steps(run)
    compared.wait_until_none_is_left()


def read_until(terminal: int, is_closed: threading.Event) -> None:
    """Reads what a terminal shows, and closes it after that."""
    while not is_closed.is_set():
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 4096)
    os.close(terminal)


def test_a_closed_terminal_ends_a_sweep_as_the_signal_of_its_end_does(comparison):
    compared = comparison(10**6)
    terminal, other_end = os.openpty()
    take = partial(fcntl.ioctl, other_end, termios.TIOCSCTTY, 0)  # its own terminal, so that its end is signalled
    compared.start(stdin=other_end, stdout=other_end, stderr=other_end, preexec_fn=take)
    os.close(other_end)
    is_closed = threading.Event()
    reader = threading.Thread(target=read_until, args=[terminal, is_closed])
    reader.start()
    try:
        compared.wait_until_both_train()
    finally:
        is_closed.set()
        reader.join()
    assert compared.process.wait(timeout=60) == 128 + signal.SIGHUP
    compared.wait_until_none_is_left()
    assert all(steps(run) for run in compared.runs)


def test_a_command_that_ignores_the_end_of_its_terminal_trains_on(comparison):
    compared = comparison(800)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    compared.start()
    compared.wait_until_both_train()
    os.killpg(compared.process.pid, signal.SIGHUP)
    _, errors = compared.process.communicate(timeout=120)
    assert compared.process.returncode == 0
    assert errors.startswith("2 variants x 1 seed, 2 runs: ")  # the plan, and nothing else
    assert len(errors.splitlines()) == 1
    assert all((run / "result.json").exists() for run in compared.runs)
