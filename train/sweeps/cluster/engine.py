"""The engine on Ray: each run trains on some node, and its saves come back into its folder here.

No file system is shared. A run whose node is lost goes on elsewhere from the last save that came back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from checkpoints.folder import locked, run_folder
from config.validation import SettingError
from train.claim import is_resumed
from train.config import RunConfig
from train.sweeps.cluster.connect import connected
from train.sweeps.cluster.nodes import Nodes
from train.sweeps.cluster.ordered_run import OrderedRun
from train.sweeps.cluster.trainer import Trainer
from train.sweeps.engine import WAIT_SECONDS, Engine, MethodSet

MAX_LOSSES = 3  # times that a run may lose its node before it is a failure
NODE_SECONDS = 120.0  # how long runs wait for a node once none is left
Report = tuple[str, str, Any]


class RayEngine(Engine):
    """Trains each run in a process of a Ray cluster. `jobs` None: as many at once as the cluster holds."""

    def __init__(self, runs: list[RunConfig], jobs: int | None, address: str | None, gpu_share: float | None):
        self.settings = runs, gpu_share
        self.limit, self.address = jobs, address
        self.running: dict[str, OrderedRun] = {}
        self.idle: list[Any] = []
        self.reports: list[Report] = []  # that `receive` has not passed on yet
        self.is_stopping = False
        self.alive_at = time.monotonic()  # when a node was last seen

    def __enter__(self) -> RayEngine:
        with ExitStack() as stack:
            stack.enter_context(connected(self.address, self.limit))
            import ray

            self.ray = ray
            self.actor_type = ray.remote(Trainer)
            self.nodes = Nodes(*self.settings)
            self.kept = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        for run in self.running.values():
            run.kept.close()
        self.kept.__exit__(*error)

    @property
    def jobs(self) -> int:
        return self.limit or max(1, self.nodes.slots())

    def start(self, name: str, config: RunConfig, overwrite: bool, methods: MethodSet) -> None:
        folder = run_folder(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                lock = stack.enter_context(locked(folder))
                resumes = is_resumed(folder, config, resume=True, overwrite=overwrite)
                kept = stack.pop_all()
        except (SettingError, OSError) as problem:
            self.reports += [(name, "failed", str(problem)), (name, "ended", None)]
            return
        run = self.running[name] = OrderedRun(name, config, methods, lock, resumes, kept)
        self.place(run)

    def place(self, run: OrderedRun) -> None:
        """Gives the run a process: an idle one, or a new one that says its versions first."""
        run.has_begun = False
        if self.idle:
            run.trainer = self.idle.pop()
            self.begin(run)
        else:
            run.trainer = self.actor_type.options(**self.nodes.options()).remote(self.nodes.gpu_share > 0)
            run.awaited = {run.trainer.describe.remote(): "describe"}

    def begin(self, run: OrderedRun) -> None:
        """Orders the run from its process."""
        try:
            order = run.order()
        except (SettingError, OSError) as problem:
            self.fail(run, str(problem))
            return
        run.has_begun = True
        run.awaited = {run.trainer.train.remote(order): "train", run.trainer.poll.remote(): "poll"}

    def receive(self) -> Iterator[Report]:
        self.release_idle()
        self.fail_without_nodes()
        yield from self.take_reports()
        awaited = {result: run for run in self.running.values() for result in run.awaited}
        if not awaited:
            return
        self.ray.wait(list(awaited), timeout=WAIT_SECONDS)
        ready, _ = self.ray.wait(list(awaited), num_returns=len(awaited), timeout=0)
        for result in ready:
            if result in awaited[result].awaited:  # the run has not ended meanwhile
                self.take(awaited[result], result)
                yield from self.take_reports()

    def take_reports(self) -> list[Report]:
        reports, self.reports = self.reports, []
        return reports

    def take(self, run: OrderedRun, result: Any) -> None:
        """Takes a result that has come."""
        method = run.awaited.pop(result)
        try:
            value = self.ray.get(result)
        except self.ray.exceptions.RayTaskError as error:  # nothing that a run itself does raises there
            self.fail(run, f"{type(error.cause).__name__}: {first_line(error.cause)}")
        except self.ray.exceptions.RayError as error:
            self.lose(run, error)
        else:
            if method == "describe":
                self.check_versions(run, *value)
            elif method == "poll":
                run.awaited[run.trainer.poll.remote()] = "poll"
                for event, content in value:
                    self.take_message(run, event, content)

    def check_versions(self, run: OrderedRun, node_id: str, found: dict[str, str]) -> None:
        """Begins the run or, where its node is refused, looks for another one."""
        if self.nodes.refuse(node_id, found):
            self.kill(run.trainer)
            self.place(run)
        else:
            self.begin(run)

    def take_message(self, run: OrderedRun, event: str, value: Any) -> None:
        """Takes what the process of a run said. A save that cannot be written here fails the run."""
        if run.name not in self.running:
            return
        if event == "ended":
            self.idle.append(run.trainer)
            self.end(run)
        elif event == "changes":
            try:
                run.write(value)
            except SettingError as problem:
                self.fail(run, str(problem))
            except OSError as problem:
                self.fail(run, f"{problem.filename or run.folder}: {problem.strerror or problem}")
        else:
            self.reports.append((run.name, event, value))

    def lose(self, run: OrderedRun, error: Exception) -> None:
        """Begins the run again elsewhere, from the last save that came back."""
        run.losses += 1
        if self.is_stopping:
            self.fail(run, "its node was lost while it stopped: what it saved before is kept")
        elif run.losses > MAX_LOSSES:
            self.fail(run, f"its process was lost {run.losses} times, now with {first_line(error)}")
        else:
            self.kill(run.trainer)
            self.reports.append((run.name, "warning", f"{run.name}: its process was lost, it goes on in another one"))
            self.place(run)

    def fail(self, run: OrderedRun, reason: str) -> None:
        """Ends a run, and its process."""
        self.kill(run.trainer)
        self.reports.append((run.name, "failed", reason))
        self.end(run)

    def end(self, run: OrderedRun) -> None:
        run.awaited = {}
        run.close()
        del self.running[run.name]
        self.reports.append((run.name, "ended", None))

    def kill(self, trainer: Any) -> None:
        """Ends a process of the cluster at once, or one that has not started yet."""
        with contextlib.suppress(self.ray.exceptions.RayError, ValueError):
            self.ray.kill(trainer)

    def release_idle(self) -> None:
        """Ends processes for which there is no run, so that others can use their share of the cluster."""
        while self.idle:
            self.kill(self.idle.pop())

    def fail_without_nodes(self) -> None:
        """Fails the runs that have waited too long for a node, once none is left."""
        now = time.monotonic()
        if self.nodes.slots():
            self.alive_at = now
        elif now > self.alive_at + NODE_SECONDS:
            for run in [run for run in self.running.values() if not run.has_begun]:
                self.fail(run, "no node of the cluster is left that can train it")

    def stop(self) -> None:
        self.is_stopping = True
        for run in list(self.running.values()):
            if run.has_begun:
                run.trainer.stop.remote()
            else:
                self.fail(run, "stopped before it began")


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
