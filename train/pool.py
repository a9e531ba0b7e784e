"""Several runs at once, one process and one thread each. Finished runs are only read, others go on where they were."""

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from checkpoints.folder import run_folder
from eval.by_way import put
from eval.show import percent
from eval.ways.closed_book import ClosedBook
from tasks.settings import SettingError
from train.device import choose_device
from train.loop import NotFinite, Stopped
from train.run import train_run
from train.settings import Config
from train.stop import stop_on_signals

ON_A_GPU = 8  # runs that share one
FEW = 16  # runs that the live table shows whole
Ways = dict[str, ClosedBook]
NO_WAYS: Ways = {}
Message = tuple[str, str, Any]  # what happened, to which run, with what


def train_all(
    runs: dict[str, Config],
    jobs: int,
    overwrite: bool,
    check: Callable[[], None],
    ways: Callable[[str], Ways] = lambda name: NO_WAYS,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Trains every run by name, `jobs` at once, and puts its `ways` to it: the results, and the messages of those that
    failed.

    A failure does not stop the others. Where `check` raises, all running ones are saved before it goes on.
    """
    context = multiprocessing.get_context("spawn")
    messages: multiprocessing.Queue[Message] = context.Queue()
    waiting, running = list(runs.items()), {}
    board = Board(runs)
    with board.live:
        try:
            while waiting or running:
                for name in [name for name, config in waiting if starts_from(config, board.failures)]:
                    board.take("failed", name, "the run it starts from failed")
                    waiting = [one for one in waiting if one[0] != name]
                while len(running) < jobs and (ready := first_ready(waiting, running)) is not None:
                    name, config = waiting.pop(ready)
                    running[name] = start(context, (name, config, overwrite, ways(name), messages))
                if waiting and not running:
                    board.failures |= {name: "it starts from a run that waits for it" for name, _ in waiting}
                    waiting.clear()
                receive(messages, board)
                for name in [name for name, process in running.items() if not process.is_alive()]:
                    running.pop(name)
                    receive(messages, board)
                    if name not in board.results:
                        board.failures.setdefault(name, "its process ended without a word")
                check()
        finally:
            for process in running.values():
                process.terminate()
            while any(process.is_alive() for process in running.values()):
                receive(messages, board)  # one with something left to say does not end before it is heard
    return board.results, board.failures


def first_ready(waiting: list[tuple[str, Config]], running: dict[str, Any]) -> int | None:
    """The first waiting run that starts from none which is itself still to be trained."""
    unfinished = [*running, *(name for name, _ in waiting)]
    return next((i for i, (_, config) in enumerate(waiting) if not starts_from(config, unfinished)), None)


def starts_from(config: Config, runs: Iterable[str]) -> bool:
    """Whether a run starts from the weights of one of `runs`."""
    origin = config.train.origin
    return origin is not None and Path(origin).resolve() in {run_folder(name).resolve() for name in runs}


def start(context: Any, arguments: tuple) -> multiprocessing.Process:
    """A process for one run. It ignores Ctrl-C until it listens: what stops it is the parent's SIGTERM."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = context.Process(target=work, args=arguments)
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    return process


def work(name: str, config: Config, overwrite: bool, ways: Ways, messages: "multiprocessing.Queue[Message]") -> None:
    """One run, in its own process, and the ways put to it."""

    def report(entry: dict[str, Any]) -> None:
        messages.put(("entry", name, entry))

    try:
        with stop_on_signals() as check:
            result = train_run(config, name, resume=True, overwrite=overwrite, report=report, check=check)
            if ways:
                put(run_folder(name), ways, check, anew=False)
        messages.put(("done", name, result))
    except Stopped:
        messages.put(("failed", name, "stopped and saved"))
    except (SettingError, NotFinite, OSError) as problem:
        messages.put(("failed", name, str(problem)))
    except Exception as problem:
        messages.put(("failed", name, f"{type(problem).__name__}: {problem}"))


def receive(messages: "multiprocessing.Queue[Message]", board: "Board") -> None:
    """Puts on the board what has come, waiting a moment for the first."""
    wait = 0.25
    while True:
        try:
            what, name, value = messages.get(timeout=wait)
        except queue.Empty:
            return
        board.take(what, name, value)
        wait = 0.01


class Board:
    """The runs and how far they are: a live table in a terminal, a line for each that ends elsewhere."""

    def __init__(self, runs: dict[str, Config]):
        self.runs, self.began = runs, time.monotonic()
        watched = {config.task.WATCHED for config in runs.values()}
        self.watched = watched.pop() if len(watched) == 1 else ("told", "held out")
        self.entries: dict[str, dict[str, Any]] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, str] = {}
        self.console = Console(stderr=True)
        self.live = Live(self.table(), console=self.console, refresh_per_second=4, transient=True)
        self.live.auto_refresh = self.console.is_terminal

    def take(self, what: str, name: str, value: Any) -> None:
        if what == "entry":
            self.entries[name] = self.entries.get(name, {}) | value
        elif what == "done":
            self.results[name] = value
        else:
            self.failures[name] = value
        if self.console.is_terminal:
            self.live.update(self.table())
        elif what != "entry":
            print(f"{len(self.results) + len(self.failures)}/{len(self.runs)}  {name}  {self.state(name)}", flush=True)

    def state(self, name: str) -> str:
        if name in self.results:
            return f"done, {self.results[name]['train_seconds']:.0f} s of training"
        return self.failures.get(name, "training" if name in self.entries else "waiting")

    def shown(self) -> dict[str, Config]:
        """All runs or, where they would fill the screen, those that are training or have failed."""
        if len(self.runs) <= FEW:
            return self.runs
        open_ones = {name for name in self.entries if name not in self.results} | set(self.failures)
        return {name: config for name, config in self.runs.items() if name in open_ones}

    def table(self) -> Table:
        table = Table(title=f"{len(self.results)} of {len(self.runs)} runs, {time.monotonic() - self.began:.0f} s")
        for column in ("run", "step", "loss", *self.watched, "state"):
            table.add_column(column, justify="left" if column in ("run", "state") else "right")
        for name, config in self.shown().items():
            entry = self.entries.get(name, {})
            splits = self.results.get(name, entry).get("splits", {})
            table.add_row(
                name,
                f"{self.results.get(name, {}).get('steps', entry.get('step', 0))}/{config.train.steps}",
                f"{entry['loss']:.3f}" if "loss" in entry else "",
                *(percent(splits.get(split, {}).get("accuracy")) for split in config.task.WATCHED),
                self.state(name),
            )
        return table


def usual_jobs(runs: Iterable[Config]) -> int:
    """Runs at once: one a core, but few where they share one GPU, each with a context of its own in its memory."""
    on_cpu = all(config.train.device == "cpu" for config in runs) or choose_device("auto").type == "cpu"
    return cores() if on_cpu else min(cores(), ON_A_GPU)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
