"""Several runs that are compared: trained where they are not yet, then one table, one figure and every number."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from checkpoints.config import differences, read_json
from checkpoints.folder import as_csv, run_folder, write_text
from eval.by_way import left_to_put
from eval.trained import refuse_other_world
from tasks.settings import SettingError, require
from train import tables
from train.pool import Ways, train_all, usual_jobs
from train.run import refuse_other_settings
from train.settings import Config

Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Several:
    """What every command that trains several runs can be told."""

    seeds: int = 5
    """worlds, each for every variant"""
    first_seed: int = 0
    """the first of them"""
    jobs: int | None = None
    """runs at once; None: one a core and, on a GPU, at most eight"""
    steps: int | None = None
    """optimiser steps of every variant; None: its own"""
    targets: int | None = None
    """target tokens after which every variant ends, before its steps are over; None: its own"""
    name: str | None = None
    """folder in checkpoints/ for table and figure, and what the runs' names begin with; None: the command's own"""
    overwrite: bool = False
    """train all runs anew"""
    table: bool = False
    """train nothing: table and figure of what is finished"""
    beside: Path | None = None
    """results.csv of runs trained elsewhere: what it has of other seeds and variants stands in table and figure, too
    (not in curves)"""

    def __post_init__(self):
        require(self.seeds >= 1, "seeds", self.seeds, "1 or more")
        for name in ("jobs", "steps", "targets"):
            require(getattr(self, name) is None or getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(not (self.table and self.overwrite), "table", True, "given without overwrite, or the other way round")

    def worlds(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def budgeted(self, config: Config) -> Config:
        """The run with the steps and targets that were told."""
        train = config.train if self.targets is None else replace(config.train, targets=self.targets)
        return with_steps(replace(config, train=train), self.steps)


def with_steps(config: Config, steps: int | None) -> Config:
    """The run with another number of steps; None: as it is."""
    if steps is None:
        return config
    return replace(config, train=replace(config.train, steps=steps, warmup=min(config.train.warmup, steps)))


@dataclass(frozen=True)
class Study:
    """Runs by name, and what each of them is whatever its seed (`variant`); results go to checkpoints/<name>/.

    results.csv    a row for each run, way of asking and split
    curves.csv     a row for each evaluation of them
    table.md       what is printed; figure.svg, figure.png
    failures.json  what did not end, and why

    `chosen`, of the runs, are trained where they are not yet, and the `ways` of their variant put to them; all that
    are finished are shown and, of another results.csv, all variants and seeds that are not finished here.
    """

    name: str
    runs: dict[str, Config]
    variant: dict[str, str]
    chosen: set[str]
    settings: Several
    ways: Callable[[str], Ways] = lambda variant: {}

    def carry_out(
        self,
        check: Callable[[], None],
        markdown: Callable[[Rows], str],
        draw: Callable[[Rows, Rows, Path], None],
        print_table: Callable[[Rows], None],
    ) -> None:
        """Trains what is not trained yet, then writes and prints. A failure stops no other run; exit code 1 says that
        there was one."""
        folder = run_folder(self.name)
        require(not (folder / "config.json").exists(), "name", self.name, "other than that of a run")
        others = tables.read_results(self.settings.beside) if self.settings.beside else []
        self.refuse_rows_of_other_settings(others)
        train = {} if self.settings.table else {name: self.runs[name] for name in self.runs if name in self.chosen}
        if not self.settings.overwrite:
            for name, config in train.items():
                refuse_other_settings(run_folder(name), config)
        found = {name: result for name in self.runs if (result := self.finished(name))}
        if not self.settings.overwrite:
            train = {name: config for name, config in train.items() if not self.complete(name, check)}
        jobs = self.settings.jobs or usual_jobs(train.values())
        new, failures = (
            train_all(train, jobs, self.settings.overwrite, check, lambda name: self.ways(self.variant[name]))
            if train
            else ({}, {})
        )
        found = {name: result for name, result in found.items() if name not in train} | new
        some = bool(found or failures or others)
        require(some, "table", True, f"left out until a run of {self.name} is finished")
        folder.mkdir(parents=True, exist_ok=True)
        for old in ("results.csv", "curves.csv", "table.md", "figure.svg", "figure.png"):
            (folder / old).unlink(missing_ok=True)  # nothing of before stands beside what failed now
        write_text(folder / "failures.json", json.dumps(failures, indent=1) + "\n")
        if found or others:
            ended = {name: found[name] for name in self.runs if name in found}
            rows = tables.results(self.runs, ended, self.variant, self.ways)
            here = {(row["variant"], row["seed"]) for row in rows}
            rows += [row for row in others if (row["variant"], row["seed"]) not in here]
            rows.sort(key=lambda row: row["seed"])
            place = {variant: i for i, variant in enumerate(dict.fromkeys(self.variant.values()))}
            shown = sorted(rows, key=lambda row: place.get(row["variant"], len(place)))
            curves = tables.curves({name: self.runs[name] for name in ended}, self.variant)
            write_text(folder / "results.csv", as_csv(rows))
            if curves:
                write_text(folder / "curves.csv", as_csv(curves))
            write_text(folder / "table.md", markdown(shown))
            draw(shown, curves, folder)
            print_table(shown)
            print(f"table, figure and every number: checkpoints/{self.name}/")
        for name, why in failures.items():
            print(f"error: {name}: {why}", file=sys.stderr)
        if failures:
            raise SystemExit(1)

    def refuse_rows_of_other_settings(self, others: Rows) -> None:
        """Raises SettingError where a variant of this study has other settings in these rows."""

        def compared(differs: dict[str, Any]) -> str:
            return json.dumps({key: value for key, value in differs.items() if key != "train.origin"})  # holds the seed

        known = {self.variant[name]: compared(tables.what_differs(run)) for name, run in self.runs.items()}
        for row in others:
            given = compared(json.loads(row["settings"]))
            same = known.get(row["variant"], given) == given
            require(same, "beside", row["run"], f"trained as {row['variant']} is here, in {self.settings.beside}")

    def complete(self, name: str, check: Callable[[], None]) -> bool:
        """Whether a run ended on the world that its settings build now and its ways are put, so that it needs no
        process. Where that cannot be found out, the process will say why."""
        check()
        folder, config = run_folder(name), self.runs[name]
        try:
            if not self.finished(name) or left_to_put(folder, self.ways(self.variant[name])):
                return False
            refuse_other_world(folder, self.world(config.task, config.seed))
        except (SettingError, OSError, MemoryError):
            return False
        return True

    @cached_property
    def world(self) -> Callable[[Any, int], str]:
        """The digest of the corpus that a task builds at a seed, each built once."""
        return lru_cache(maxsize=None)(lambda task, seed: task.build(seed).digest())

    def finished(self, name: str) -> dict[str, Any] | None:
        """The result of a run that ended under the settings it has here."""
        folder = run_folder(name)
        if not (folder / "result.json").exists() or differences(
            read_json(folder / "config.json"), self.runs[name].json()
        ):
            return None
        return read_json(folder / "result.json")
