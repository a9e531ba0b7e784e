"""Several runs at once, one process and one thread each. Finished runs are only read, others continue."""

import contextlib
import multiprocessing
import queue
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from checkpoints.folder import run_folder
from config.validation import SettingError
from eval.methods.base import AnswerMethod
from eval.report import percent
from eval.run_methods import run_methods
from train.config import RunConfig
from train.progress import Log
from train.report.results import no_methods
from train.signals import StopFlag, StopRequested, stop_on_signals

PRELOADED = ["train.__main__", "train.sweeps.pool", "train.run", "train.attention_maps"]
PRELOADED += ["torch.utils.tensorboard", "safetensors.torch"]
RUNS_PER_GPU = 8
MAX_TABLE_ROWS = 16  # with more runs, the live table shows only some of them
MethodSet = dict[str, AnswerMethod]
Messages = multiprocessing.Queue
"""of tuples: what happened ("entry", "done" or "failed"), to which run, and the entry, the result or the reason"""
RunResults = dict[str, dict[str, Any]]
Failures = dict[str, str]


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
    # The server imports once for all runs what each would import at some time. It starts no thread and uses no GPU, so
    # it can be forked.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ctrl_c_ignored():
        forkserver.ensure_running()  # it imports while this process does
    messages: Messages = context.Queue()
    jobs = jobs or default_jobs(runs.values())
    waiting = dict(sorted(runs.items(), key=lambda run: run[1].train.steps, reverse=True))
    running: dict[str, multiprocessing.Process] = {}
    table = LiveTable(runs)
    with table.live:
        try:
            while waiting or running:
                fail_dependents(waiting, table)
                while len(running) < jobs and (name := first_ready(waiting, running)) is not None:
                    arguments = name, waiting.pop(name), overwrite, methods(name), messages
                    running[name] = start(context, arguments)
                if waiting and not running:
                    table.failures |= dict.fromkeys(waiting, "it starts from a run that waits for it")
                    waiting.clear()
                receive(messages, table)
                remove_ended(running, messages, table)
                stop.check()
        finally:
            terminate(running, messages, table)
    return table.results, table.failures


def fail_dependents(waiting: dict[str, RunConfig], table: "LiveTable") -> None:
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


def start(context: Any, arguments: tuple) -> multiprocessing.Process:
    """A process for one run. It ignores Ctrl-C until it handles signals: the parent's SIGTERM is what stops it."""
    process = context.Process(target=train_worker, args=arguments)
    with ctrl_c_ignored():
        process.start()
    return process


@contextlib.contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """Ignores Ctrl-C, as do processes that start meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def remove_ended(running: dict[str, multiprocessing.Process], messages: Messages, table: "LiveTable") -> None:
    """Removes the runs whose process ended, once all of its messages are in the table."""
    for name in [name for name, process in running.items() if not process.is_alive()]:
        del running[name]
        receive(messages, table)
        if name not in table.results:
            table.failures.setdefault(name, "its process ended without a message")


def terminate(running: dict[str, multiprocessing.Process], messages: Messages, table: "LiveTable") -> None:
    """Stops the processes and waits until all have saved."""
    for process in running.values():
        process.terminate()
    while any(process.is_alive() for process in running.values()):
        receive(messages, table)  # a process does not end before its messages are received


class MessageLog(Log):
    """Sends the entries of a run's record to the parent process."""

    def __init__(self, name: str, messages: Messages):
        self.name, self.messages = name, messages

    def record(self, entry: dict[str, Any]) -> None:
        self.messages.put(("entry", self.name, entry))


def train_worker(name: str, config: RunConfig, overwrite: bool, methods: MethodSet, messages: Messages) -> None:
    """Trains one run in its own process, and applies methods to it."""
    from train.loop import NonFiniteStep
    from train.run import train_run

    log = MessageLog(name, messages)
    try:
        with stop_on_signals() as stop:
            result = train_run(config, name, resume=True, overwrite=overwrite, log=log, stop=stop)
            if methods:
                run_methods(run_folder(name), methods, stop.check, overwrite=False)
        messages.put(("done", name, result))
    except StopRequested:
        messages.put(("failed", name, "stopped and saved"))
    except (SettingError, NonFiniteStep, OSError) as problem:
        messages.put(("failed", name, str(problem)))
    except Exception as problem:
        messages.put(("failed", name, f"{type(problem).__name__}: {problem}"))


def receive(messages: Messages, table: "LiveTable") -> None:
    """Puts all messages into the table. Waits a quarter of a second for the first."""
    timeout = 0.25
    while True:
        try:
            event, name, value = messages.get(timeout=timeout)
        except queue.Empty:
            return
        table.update(event, name, value)
        timeout = 0.01


class LiveTable:
    """The runs and their progress: a live table in a terminal, elsewhere a line for each run that ends."""

    def __init__(self, runs: dict[str, RunConfig]):
        self.runs, self.start_time = runs, time.monotonic()
        splits = {config.task.progress_splits for config in runs.values()}
        self.headings = splits.pop() if len(splits) == 1 else ("stated", "held out")
        self.entries: dict[str, dict[str, Any]] = {}
        self.results: RunResults = {}
        self.failures: Failures = {}
        self.console = Console(stderr=True)
        self.live = Live(self.table(), console=self.console, refresh_per_second=4, transient=True)
        self.live.auto_refresh = self.console.is_terminal

    def update(self, event: str, name: str, value: Any) -> None:
        """Takes in what a message holds."""
        if event == "entry":
            self.entries[name] = self.entries.get(name, {}) | value
        elif event == "done":
            self.results[name] = value
        else:
            self.failures[name] = value
        if self.console.is_terminal:
            self.live.update(self.table())
        elif event != "entry":
            print(f"{len(self.results) + len(self.failures)}/{len(self.runs)}  {name}  {self.state(name)}", flush=True)

    def state(self, name: str) -> str:
        if name in self.results:
            return f"done, {self.results[name]['train_seconds']:.0f} s of training"
        return self.failures.get(name, "training" if name in self.entries else "waiting")

    def visible_runs(self) -> dict[str, RunConfig]:
        """All runs or, where they would fill the screen, those that train or have failed."""
        if len(self.runs) <= MAX_TABLE_ROWS:
            return self.runs
        visible = {name for name in self.entries if name not in self.results} | set(self.failures)
        return {name: config for name, config in self.runs.items() if name in visible}

    def table(self) -> Table:
        seconds = time.monotonic() - self.start_time
        table = Table(title=f"{len(self.results)} of {len(self.runs)} runs, {seconds:.0f} s")
        for heading in ("run", "step", "loss", *self.headings, "state"):
            table.add_column(heading, justify="left" if heading in ("run", "state") else "right")
        for name, config in self.visible_runs().items():
            entry = self.entries.get(name, {})
            splits = self.results.get(name, entry).get("splits", {})
            table.add_row(
                name,
                f"{self.results.get(name, {}).get('steps', entry.get('step', 0))}/{config.train.steps}",
                f"{entry['loss']:.3f}" if "loss" in entry else "",
                *(percent(splits.get(split, {}).get("accuracy")) for split in config.task.progress_splits),
                self.state(name),
            )
        return table


def default_jobs(runs: Iterable[RunConfig]) -> int:
    """Runs at once: one for each core, but few where they share a GPU, each with a context in its memory."""
    from train.device import choose_device, num_cores

    on_cpu = all(config.train.device == "cpu" for config in runs) or choose_device("auto").type == "cpu"
    return num_cores() if on_cpu else min(num_cores(), RUNS_PER_GPU)
