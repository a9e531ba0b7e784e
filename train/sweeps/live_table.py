"""What is shown while several runs train: a live table in a terminal, elsewhere a line for each run that ends."""

import time
from dataclasses import replace
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from config.terminal import clean, say
from eval.progress import duration
from eval.report import percent
from train.config import RunConfig
from train.progress import Pace, share_done
from train.sweeps.outputs import Failures

MAX_TABLE_ROWS = 16  # with more runs, the live table shows only some of them
RunResults = dict[str, dict[str, Any]]
"""by run, what its result.json holds"""


class LiveTable:
    """The runs, their progress, and the time left with `jobs` at once."""

    def __init__(self, runs: dict[str, RunConfig], jobs: int):
        self.runs, self.jobs, self.start_time = runs, jobs, time.time()
        self.paces = {name: Pace(config) for name, config in runs.items()}
        splits = {config.task.progress_splits for config in runs.values()}
        self.headings = splits.pop() if len(splits) == 1 else ("stated", "held out")
        self.entries: dict[str, dict[str, Any]] = {}
        self.results: RunResults = {}
        self.failures: Failures = {}
        self.warnings: set[str] = set()
        self.console = Console(stderr=True, markup=False, emoji=False, highlight=False)  # all text is as it stands
        self.live = Live(self.table(), console=self.console, refresh_per_second=4, transient=True)
        self.live.auto_refresh = self.console.is_terminal

    def update(self, event: str, name: str, value: Any) -> None:
        """Takes in what a message holds: of a run, an "entry" of its record, its result ("done") or why it "failed".

        A "warning" is said at once, but only the first time that a run gives it.
        """
        if event == "warning":
            if value not in self.warnings:
                self.warnings.add(value)
                say(value)
            return
        if event == "entry":
            self.entries[name] = self.entries.get(name, {}) | value
            self.paces[name].update(value)
        elif event == "done":
            self.results[name] = value
        else:
            self.failures[name] = value
        if self.console.is_terminal:
            self.live.update(self.table())
        elif event != "entry":
            ended = f"{len(self.results) + len(self.failures)}/{len(self.runs)}"
            print(clean(f"{ended}  {name}  {self.state(name)}{self.time_left()}"), flush=True)

    def state(self, name: str) -> str:
        """What a run does or how it ended."""
        if name in self.results:
            return f"done, {self.results[name]['train_seconds']:.0f} s of training"
        return self.failures.get(name, "training" if name in self.entries else "waiting")

    def time_left(self) -> str:
        """The estimate of `seconds_left` as text; empty where there is none, and at the end."""
        seconds = self.seconds_left()
        return f", about {duration(seconds)} left" if seconds else ""

    def seconds_left(self) -> float | None:
        """An estimate: what all runs still need, spread over the jobs, and no less than the longest run needs.

        A run that has taken no step yet needs what others of its settings do. Where none of them has, it needs the
        mean seconds per step of all. None before any step.
        """
        totals = {name: total for name in self.runs if (total := self.paces[name].total_seconds()) is not None}
        if not totals:
            return None
        pace = fmean(total / self.runs[name].train.steps for name, total in totals.items())
        alike: dict[RunConfig, list[float]] = {}
        for name, total in totals.items():
            alike.setdefault(without_seed(self.runs[name]), []).append(total)
        left = [0.0]
        for name in self.runs.keys() - self.results.keys() - self.failures.keys():
            config = self.runs[name]
            total = totals.get(name) or fmean(alike.get(without_seed(config), [pace * config.train.steps]))
            left.append(total * (1 - share_done(config, self.entries.get(name, {}))))
        return max(sum(left) / self.jobs, max(left))

    def visible_runs(self) -> dict[str, RunConfig]:
        """All runs or, where they would fill the screen, those that train or have failed."""
        if len(self.runs) <= MAX_TABLE_ROWS:
            return self.runs
        visible = {name for name in self.entries if name not in self.results} | set(self.failures)
        return {name: config for name, config in self.runs.items() if name in visible}

    def table(self) -> Table:
        """The table as it is now."""
        seconds = time.time() - self.start_time
        table = Table(title=f"{len(self.results)} of {len(self.runs)} runs, {duration(seconds)}{self.time_left()}")
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
                clean(self.state(name)),
            )
        return table


def without_seed(config: RunConfig) -> RunConfig:
    """The settings that runs of one variant share: another seed starts from another run."""
    base_run = None if config.train.init_from is None else "base"
    return replace(config, seed=0, train=replace(config.train, init_from=base_run))
