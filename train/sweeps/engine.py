"""What carries out the runs of a study: an engine starts them and says what they report, in the order of `train_all`.

The local pool (pool.py) trains in processes of this machine, and Ray (cluster/) on one machine or many.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

from checkpoints.folder import run_folder
from eval.methods.base import AnswerMethod
from train.config import RunConfig
from train.report.results import no_methods
from train.signals import StopFlag
from train.sweeps.live_table import LiveTable, RunResults
from train.sweeps.outputs import Failures

MethodSet = dict[str, AnswerMethod]
ENGINES = {"pool": "train.sweeps.pool:Pool", "ray": "train.sweeps.cluster.engine:RayEngine"}
WAIT_SECONDS = 0.25  # for the first report, so that a signal is seen soon


class Engine(AbstractContextManager):
    """Trains runs and applies methods to them, several at once. A context: at its end, no process of it is left.

    It leaves the same run folders as the command for one run does, resumes what is saved, and keeps each lock.
    """

    @property
    @abstractmethod
    def jobs(self) -> int:
        """Runs at once; it may change while they train."""

    @abstractmethod
    def start(self, name: str, config: RunConfig, overwrite: bool, methods: MethodSet) -> None:
        """Starts a run, and does not wait for it."""

    @abstractmethod
    def receive(self) -> Iterator[tuple[str, str, Any]]:
        """What runs report since the last call: the run, an event and its value, as `LiveTable.update` takes them.

        Waits WAIT_SECONDS at most. The last event of a run is "ended", once nothing of it runs any more.
        """

    @abstractmethod
    def stop(self) -> None:
        """Makes all runs save and end. Their reports are still to be received."""


def open_engine(name: str, runs: Iterable[RunConfig], jobs: int | None, **options: Any) -> Engine:
    """The engine of this name for these runs, `jobs` at once; None: as many as it can.

    `options`: settings of the engine. Raises SettingError where it cannot be used.
    """
    module, _, engine = ENGINES[name].partition(":")
    return getattr(import_module(module), engine)(list(runs), jobs, **options)


def train_all(
    runs: dict[str, RunConfig],
    engine: Engine,
    overwrite: bool,
    stop: StopFlag,
    methods: Callable[[str], MethodSet] = no_methods,
) -> tuple[RunResults, Failures]:
    """Trains every run by name with the engine, and applies its `methods`. Returns results, and why runs failed.

    Those with the most steps start first: then no core is idle for long while the last run trains. A failure stops no
    other run. Where `stop` raises, the runs that train are saved first.
    """
    waiting = dict(sorted(runs.items(), key=lambda run: run[1].train.steps, reverse=True))
    running: set[str] = set()
    table = LiveTable(runs, engine.jobs)
    with table.live:
        try:
            while waiting or running:
                fail_dependents(waiting, table)
                while len(running) < engine.jobs and (name := first_ready(waiting, running)) is not None:
                    running.add(name)
                    engine.start(name, waiting.pop(name), overwrite, methods(name))
                if waiting and not running:
                    table.failures |= dict.fromkeys(waiting, "it starts from a run that waits for it")
                    waiting.clear()
                receive(engine, running, table)
                stop.check()
        finally:
            engine.stop()
            while running:
                receive(engine, running, table)
    return table.results, table.failures


def receive(engine: Engine, running: set[str], table: LiveTable) -> None:
    """Puts what the engine reports into the table, and removes the runs that ended."""
    table.jobs = max(engine.jobs, 1)
    for name, event, value in engine.receive():
        if event != "ended":
            table.update(event, name, value)
            continue
        running.remove(name)
        if name not in table.results:
            table.failures.setdefault(name, "its process ended without a message")


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
