"""Several runs at once, one process and one thread each. Finished runs are only read, others continue."""

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from checkpoints.folder import locked, run_folder
from config.validation import SettingError
from eval.methods.base import AnswerMethod
from eval.run_methods import run_methods
from train.config import RunConfig
from train.progress import Log
from train.report.results import no_methods
from train.signals import StopFlag, StopRequested, signals_blocked, stop_on_signals
from train.sweeps.live_table import LiveTable, RunResults
from train.sweeps.outputs import Failures

PRELOADED = ["train.__main__", "train.sweeps.pool", "train.run", "train.attention_maps"]
PRELOADED += ["torch.utils.tensorboard", "safetensors.torch"]
RUNS_PER_GPU = 8
LOCK_SECONDS = 60  # how long a worker waits for a folder in which a worker of a killed command still saves
MethodSet = dict[str, AnswerMethod]


@dataclass(eq=False)
class Worker:
    """A process that trains one run."""

    process: multiprocessing.Process
    """the process"""
    messages: Connection
    """of pairs: what happened ("entry", "done" or "failed"), and the entry, the result or the reason"""


def train_all(
    runs: dict[str, RunConfig],
    jobs: int | None,
    overwrite: bool,
    stop: StopFlag,
    methods: Callable[[str], MethodSet] = no_methods,
) -> tuple[RunResults, Failures]:
    """Trains every run by name, `jobs` at once, and applies its `methods`. Returns results, and why runs failed.

    Those with the most steps start first: then no core is idle for long while the last run trains. A failure stops no
    other run. Where `stop` raises, the runs that train are saved first. `jobs` None: see `default_jobs`.
    """
    context = start_server()
    jobs = jobs or default_jobs(runs.values())
    waiting = dict(sorted(runs.items(), key=lambda run: run[1].train.steps, reverse=True))
    running: dict[str, Worker] = {}
    table = LiveTable(runs, jobs)
    with table.live:
        try:
            while waiting or running:
                fail_dependents(waiting, table)
                while len(running) < jobs and (name := first_ready(waiting, running)) is not None:
                    running[name] = start(context, name, waiting.pop(name), overwrite, methods(name))
                if waiting and not running:
                    table.failures |= dict.fromkeys(waiting, "it starts from a run that waits for it")
                    waiting.clear()
                receive(running, table)
                stop.check()
        finally:
            terminate(running, table)
    return table.results, table.failures


def start_server() -> Any:
    """The context in which workers start: a server that imports once what each of them would import.

    The server starts no thread and uses no GPU, so it can be forked. It ends with the last of its processes.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    # Each by itself: starting the tracker unblocks signals.
    for ensure_running in (resource_tracker.ensure_running, forkserver.ensure_running):
        with signals_blocked():
            ensure_running()  # the server imports while this process does
    return context


def fail_dependents(waiting: dict[str, RunConfig], table: LiveTable) -> None:
    """Fails the waiting runs that start from one that failed."""
    for name in [name for name, config in waiting.items() if starts_from(config, table.failures)]:
        del waiting[name]
        table.update("failed", name, "the run it starts from failed")


def first_ready(waiting: dict[str, RunConfig], running: Iterable[str]) -> str | None:
    """The first waiting run that starts from none which is itself still to be trained."""
    unfinished = [*running, *waiting]
    return next((name for name, config in waiting.items() if not starts_from(config, unfinished)), None)


def starts_from(config: RunConfig, runs: Iterable[str]) -> bool:
    """Whether a run starts from the weights of one of `runs`."""
    base_run = config.train.init_from
    return base_run is not None and Path(base_run).resolve() in {run_folder(name).resolve() for name in runs}


def start(context: Any, name: str, config: RunConfig, overwrite: bool, methods: MethodSet) -> Worker:
    """Starts a process for one run."""
    messages, worker_end = context.Pipe(duplex=False)
    with worker_end:  # only the process keeps it open, so that its end is seen
        process = context.Process(target=train_worker, args=(name, config, overwrite, methods, worker_end))
        process.start()
    return Worker(process, messages)


def receive(running: dict[str, Worker], table: LiveTable) -> None:
    """Puts messages into the table, at most one of each run, and removes the runs whose process ended.

    Waits a quarter of a second for the first.
    """
    names = {worker.messages: name for name, worker in running.items()}
    for messages in connection.wait(names, timeout=0.25):
        name = names[messages]
        try:
            event, value = messages.recv()
        except (EOFError, OSError):  # it ended, an OSError: within a message
            messages.close()
            running.pop(name).process.join()
            if name not in table.results:
                table.failures.setdefault(name, "its process ended without a message")
        else:
            table.update(event, name, value)


def terminate(running: dict[str, Worker], table: LiveTable) -> None:
    """Stops the processes and waits until all have saved."""
    for worker in running.values():
        worker.process.terminate()
    while running:
        receive(running, table)


class MessageLog(Log):
    """Sends the entries of a run's record, and warnings, to the parent process, if it still lives."""

    def __init__(self, messages: Connection):
        self.messages = messages

    def send(self, event: str, value: Any) -> None:
        with contextlib.suppress(OSError):
            self.messages.send((event, value))

    def record(self, entry: dict[str, Any]) -> None:
        self.send("entry", entry)

    def warn(self, line: str) -> None:
        self.send("warning", line)


def train_worker(name: str, config: RunConfig, overwrite: bool, methods: MethodSet, messages: Connection) -> None:
    """Trains one run in its own process, and applies methods to it. Saves and ends when the parent process is gone.

    The parent's SIGTERM is what stops it. Ctrl-C and the end of the terminal stay blocked: they reach the parent.
    """
    from train.loop import NonFiniteStep
    from train.run import train_run

    log, folder = MessageLog(messages), run_folder(name)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # also where the parent was started with SIGTERM ignored
    try:
        with stop_on_signals() as stop:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            threading.Thread(target=stop_without_parent, args=[stop], daemon=True).start()
            wait_until_free(folder, stop)
            result = train_run(config, name, resume=True, overwrite=overwrite, log=log, stop=stop)
            if methods:
                run_methods(folder, methods, stop.check, overwrite=False)
        log.send("done", result)
    except StopRequested:
        log.send("failed", "stopped and saved")
    except (SettingError, NonFiniteStep) as problem:
        log.send("failed", str(problem))
    except OSError as problem:
        log.send("failed", f"{problem.filename or folder}: {problem.strerror or problem}")
    except Exception as problem:
        log.send("failed", f"{type(problem).__name__}: {problem}")


def stop_without_parent(stop: StopFlag) -> None:
    """Waits for the end of the parent process, then asks this one to stop."""
    connection.wait([multiprocessing.parent_process().sentinel])
    stop.signal_number = signal.SIGTERM


def wait_until_free(folder: Path, stop: StopFlag) -> None:
    """Waits up to LOCK_SECONDS while another process holds the run folder. If it still does, the run will say so."""
    deadline = time.monotonic() + LOCK_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        stop.check()
        try:
            with locked(folder):
                return
        except SettingError as problem:
            if "in use" not in str(problem):
                return
            time.sleep(0.2)


def default_jobs(runs: Iterable[RunConfig]) -> int:
    """Runs at once: one for each core, but few where they share a GPU, each with a context in its memory."""
    from train.device import choose_device, num_cores

    on_cpu = all(config.train.device == "cpu" for config in runs) or choose_device("auto").type == "cpu"
    return num_cores() if on_cpu else min(num_cores(), RUNS_PER_GPU)
