"""Several runs that are compared: trained where they are not yet, then one table, one figure and every number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from checkpoints.config import differences, read_config_json
from checkpoints.folder import run_folder
from checkpoints.identity import read_identity, require_same_inputs
from checkpoints.record import read_result
from checkpoints.view import require_complete
from config.terminal import say
from config.validation import SettingError, require
from eval.run_methods import unfinished_methods
from train.compiler import require_compiler
from train.config import FREE, RunConfig, refuse_other_settings
from train.finish import print_study_finish
from train.report.reading import read_results
from train.report.results import no_methods, run_tables, what_differs
from train.signals import StopFlag
from train.sweeps.outputs import Outputs, write_outputs
from train.sweeps.plan import announce
from train.sweeps.same_settings import comparable, settings_fault
from train.sweeps.settings import MultiRunConfig

if TYPE_CHECKING:
    from train.report.base import Report, Rows
    from train.sweeps.engine import MethodSet
    from train.sweeps.live_table import RunResults
    from train.sweeps.outputs import Failures

RunTables = dict[str, tuple["Rows", "Rows"]]
"""by run, its rows of results.csv and of curves.csv"""


@dataclass(frozen=True)
class Study:
    """Runs that are compared. The results are written to checkpoints/<name>/.

    results.csv    a row for each run, method, query mode and split
    curves.csv     a row for each evaluation of them
    table.md       what is printed; figure.svg, figure.png
    failures.json  runs that did not end, and why
    """

    name: str
    """folder in checkpoints/"""
    runs: dict[str, RunConfig]
    """by name; all that are finished are shown"""
    variants: dict[str, str]
    """variant of each run, whatever its seed"""
    chosen: set[str]
    """runs to train where they are not finished"""
    settings: MultiRunConfig
    """settings of the command"""
    methods: Callable[[str], MethodSet] = no_methods
    """methods to apply to the runs of a variant"""

    def run(self, stop: StopFlag, report: Report) -> None:
        """Trains what is not trained yet, then writes and prints the report.

        A failure stops no other run. Exit code 1 says that there was one. Raises SettingError for a refused setting.
        """
        folder = run_folder(self.name)
        require(not (folder / "config.json").exists(), "name", self.name, "other than that of a run")
        merged = read_results(self.settings.merge) if self.settings.merge else []
        self.require_same_settings(merged)
        to_finish = self.runs_to_finish()
        finished, damaged = self.finished_runs()
        to_train = self.runs_to_train(to_finish, damaged, stop)
        trained, failures = self.train(to_train, stop)
        tables, unreadable = self.read_tables(trained)
        tables |= {name: run for name, run in finished.items() if name not in to_train}
        failures |= {name: reason for name, reason in damaged.items() if name not in to_train} | unreadable
        shown = bool(tables or failures or merged)
        require(shown, "table", True, f"left out until a run of {self.name} is finished")
        rows, curves = self.collect(tables, merged)
        if rows:  # before anything is written: a full disk hides no number
            report.print(self.by_variant(rows))
        for name, reason in failures.items():
            say(f"error: {name}: {reason}")
        write_outputs(folder, Outputs(rows, self.by_variant(rows), curves, failures), report)
        if rows:
            print_study_finish(self.name, {name: self.runs[name] for name in self.runs if name in tables})
        if failures:
            raise SystemExit(1)

    def runs_to_finish(self) -> dict[str, RunConfig]:
        """The chosen runs, none where only a table is asked for. Raises SettingError where one has other settings.

        A run whose settings cannot be read is no reason to refuse the others: it fails by itself.
        """
        chosen = {} if self.settings.table else {name: self.runs[name] for name in self.runs if name in self.chosen}
        if not self.settings.overwrite:
            for name, config in chosen.items():
                folder = run_folder(name)
                if (folder / "config.json").exists() and settings_fault(folder) is None:
                    refuse_other_settings(folder, config)
                    require_same_inputs(folder, config.task.inputs())
        return chosen

    def runs_to_train(self, runs: dict[str, RunConfig], damaged: Failures, stop: StopFlag) -> dict[str, RunConfig]:
        """Those of the runs that need a process: all of them, or those that are neither complete nor damaged."""
        if self.settings.overwrite:
            return runs
        whole = {name: config for name, config in runs.items() if name not in damaged}
        return {name: config for name, config in whole.items() if not self.is_complete(name, stop)}

    def train(self, runs: dict[str, RunConfig], stop: StopFlag) -> tuple[RunResults, Failures]:
        """Trains the runs and applies the methods of their variants."""
        if not runs:
            return {}, {}
        for config in runs.values():
            require_compiler(config.train)
        from train.sweeps.engine import train_all  # only now, as it imports the live table

        with self.settings.open_engine(runs) as engine:
            announce(self.runs, runs, self.variants, self.finished_results()[0], engine.jobs)
            methods = {name: self.methods(self.variants[name]) for name in runs}
            return train_all(runs, engine, self.settings.overwrite, stop, methods.__getitem__)

    def finished_runs(self) -> tuple[RunTables, Failures]:
        """The tables of the runs that ended under the settings that they have here, and why runs cannot be read."""
        results, failures = self.finished_results()
        tables, damaged = self.read_tables(results)
        return tables, failures | damaged

    def finished_results(self) -> tuple[RunResults, Failures]:
        """The results of these runs, and why runs cannot be read."""
        results, failures = {}, {}
        for name in self.runs:
            try:
                if result := self.result_of(name):
                    results[name] = result
            except (SettingError, OSError) as problem:
                failures[name] = str(problem)
        return results, failures

    def read_tables(self, results: RunResults) -> tuple[RunTables, Failures]:
        """The tables of the runs with these results, and why some cannot be made: their files are damaged."""
        tables, failures = {}, {}
        for name, result in results.items():
            try:
                tables[name] = run_tables(name, self.runs[name], result, self.variants[name], self.methods)
            except (SettingError, OSError) as problem:
                failures[name] = str(problem)
        return tables, failures

    def collect(self, tables: RunTables, merged: Rows) -> tuple[Rows, Rows]:
        """Rows of results.csv, with the merged ones of other variants and seeds, and of curves.csv."""
        in_order = [tables[name] for name in self.runs if name in tables]
        rows, curves = ([row for run in in_order for row in run[table]] for table in (0, 1))
        trained = {(row["variant"], row["seed"]) for row in rows}
        rows += [row for row in merged if (row["variant"], row["seed"]) not in trained]
        rows.sort(key=lambda row: row["seed"])
        return rows, curves

    def by_variant(self, rows: Rows) -> Rows:
        """The rows in the order of this study's variants, then those of other variants."""
        order = {variant: i for i, variant in enumerate(dict.fromkeys(self.variants.values()))}
        return sorted(rows, key=lambda row: order.get(row["variant"], len(order)))

    def require_same_settings(self, merged: Rows) -> None:
        """Raises SettingError where a variant of this study has other settings in these rows."""
        config_of = {self.variants[name]: config for name, config in self.runs.items()}
        settings_of = {variant: comparable(what_differs(config), config) for variant, config in config_of.items()}
        for row in merged:
            if row["variant"] in settings_of:
                merged_settings = comparable(json.loads(row["settings"]), config_of[row["variant"]])
                same = settings_of[row["variant"]] == merged_settings
                require(same, "merge", row["run"], f"trained as {row['variant']} is here, in {self.settings.merge}")

    def is_complete(self, name: str, stop: StopFlag) -> bool:
        """Whether a run needs no process: it ended on this world, and its methods are applied.

        A run whose files cannot be read needs one, which reports why.
        """
        stop.check()
        folder, config = run_folder(name), self.runs[name]
        try:
            result = self.result_of(name)
            if not result or unfinished_methods(folder, self.methods(self.variants[name])):
                return False
            require_complete(folder, result["weights"])
            return read_identity(folder).world == self.world_digest(config.task, config.seed)
        except (SettingError, OSError, MemoryError):
            return False

    @cached_property
    def world_digest(self) -> Callable[[Any, int], str]:
        """The digest of the corpus that a task builds at a seed, each built once."""
        return lru_cache(maxsize=None)(lambda task, seed: task.build(seed).digest())

    def result_of(self, name: str) -> dict[str, Any] | None:
        """The result of a run that ended under the settings that it has here."""
        folder = run_folder(name)
        if not (folder / "result.json").exists():
            return None
        if (fault := settings_fault(folder)) is not None:
            raise SettingError(fault)
        changed = differences(read_config_json(folder), self.runs[name].json(), FREE)
        return None if changed else read_result(folder)
