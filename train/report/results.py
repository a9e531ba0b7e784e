"""The long tables behind every report: results.csv, a row for each run and split, and curves.csv, one an evaluation."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from checkpoints.config import changes, read_json
from checkpoints.folder import read_csv, read_metrics, run_folder
from config.terminal import is_clean
from config.validation import SettingError, require
from eval.evaluate import CLOSED_BOOK, from_entry
from eval.methods.base import AnswerMethod
from eval.run_methods import method_settings
from train.config import RunConfig
from train.presets import preset_of

LEVEL = 0.9  # accuracy that steps_to_90 and targets_to_90 wait for
TEXT_COLUMNS = ("run", "task", "objective", "variant", "settings", "method", "query_mode", "split")
INTEGER_COLUMNS = ("seed", "correct", "count", "steps", "target_tokens", "parameters")
OPTIONAL_INTEGER_COLUMNS = ("steps_to_90", "targets_to_90", "retrieved", "correct_where_retrieved")
FLOAT_COLUMNS = ("chance", "elimination_baseline", "seconds")
IDENTITY = ("variant", "seed", "method", "query_mode", "split")  # no two rows have the same
ACCURACY = ("accuracy", "low", "high")  # empty where nothing can be asked
MEASURED = ("correct", "count", *ACCURACY)
OPTIONAL = ("retrieved", "correct_where_retrieved", "token_accuracy", "reciprocal_rank")  # that some summaries have
# Columns that files of earlier versions lack: numbers and texts.
LATER_FLOAT_COLUMNS = ("link_baseline", "reciprocal_rank", "load")
SHARE_COLUMNS = (*ACCURACY, "chance", "elimination_baseline", "link_baseline", "token_accuracy", "reciprocal_rank")
PROVENANCE = ("machine", "torch", "commit")  # as environment.json has them

Summaries = dict[str, dict[str, dict[str, Any]]]
"""by query mode and split"""


def no_methods(name: str) -> dict[str, AnswerMethod]:
    """The methods of a run or variant to which none are applied."""
    return {}


def result_rows(
    runs: dict[str, RunConfig],
    results: dict[str, dict[str, Any]],
    variants: dict[str, str],
    methods: Callable[[str], dict[str, AnswerMethod]] = no_methods,
) -> list[dict[str, Any]]:
    """The rows of results.csv.

    `results` holds the content of result.json of each finished run, `variants` the variant of each run. `methods` gives
    the methods that were applied to a variant, besides closed book.
    """
    return [
        row
        for name, result in results.items()
        for row in rows_of_run(name, runs[name], result, variants[name], methods(variants[name]))
    ]


def rows_of_run(
    name: str, config: RunConfig, result: dict[str, Any], variant: str, methods: dict[str, AnswerMethod]
) -> Iterator[dict[str, Any]]:
    """The rows of one run.

    `settings` is what differs from the preset of its objective. Steps, targets and seconds count from random weights
    on, so those of the run that it started from are included.
    """
    environment = read_environment(name)
    made_by = {column: environment.get(column, "") for column in PROVENANCE}
    settings = json.dumps(what_differs(config))
    reached, (earlier_steps, earlier_targets, earlier_seconds) = first_at_level(name), cost_before(name)
    for method, query_mode, split, summary in each_summary(by_method(name, config, result, methods)):
        recorded_method = CLOSED_BOOK.name if method == "augmentation" else method
        steps, targets = reached.get((recorded_method, query_mode, split), (None, None))
        yield (
            identify(name, config, variant)
            | {"settings": settings, "method": method, "query_mode": query_mode, "seed": config.seed, "split": split}
            | {column: summary[column] for column in (*MEASURED, "chance", "elimination_baseline")}
            | {"link_baseline": summary.get("link_baseline")}
            | {"steps": result["steps"] + earlier_steps, "target_tokens": result["target_tokens"] + earlier_targets}
            | {"steps_to_90": None if steps is None else steps + earlier_steps}
            | {"targets_to_90": None if targets is None else targets + earlier_targets}
            | {"seconds": result["train_seconds"] + earlier_seconds, "parameters": result["parameters"]}
            | {column: summary.get(column) for column in OPTIONAL}
            | {"load": result.get("load"), **made_by}
        )


def each_summary(by_method: dict[str, Summaries]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Method, query mode, split and summary of each."""
    for method, summaries in by_method.items():
        for query_mode, splits in summaries.items():
            for split, summary in splits.items():
                yield method, query_mode, split, summary


def by_method(
    name: str, config: RunConfig, result: dict[str, Any], methods: dict[str, AnswerMethod]
) -> dict[str, Summaries]:
    """Summaries by method: closed book at the end of the run, and those of `methods` that were applied as set here.

    Closed book is called augmentation where the documents were augmented.
    """
    path = run_folder(name) / "methods.json"
    entry = read_json(path) if path.exists() else {"step": None, "methods": {}}
    applied = entry["methods"] if entry["step"] == result["steps"] else {}
    return {"augmentation" if config.train.augment else CLOSED_BOOK.name: from_entry(result)} | {
        key: applied[key]["query_modes"]
        for key, method in methods.items()
        if key != CLOSED_BOOK.name and key in applied and applied[key]["settings"] == method_settings(method)
    }


def what_differs(config: RunConfig) -> dict[str, Any]:
    """The settings in which a run differs from the preset of its objective, by dotted name."""
    preset = replace(preset_of(type(config.objective)), seed=config.seed)
    return {name: value for name, (_, value) in changes(preset.json(), config.json()).items()}


def cost_before(name: str) -> tuple[int, int, float]:
    """Steps, target tokens and seconds of the finished runs whose weights a run started from."""
    lineage = read_environment(name).get("from")
    if lineage is None or not (run_folder(lineage["run"]) / "result.json").exists():
        return 0, 0, 0.0
    result = read_json(run_folder(lineage["run"]) / "result.json")
    steps, targets, seconds = cost_before(lineage["run"])
    return steps + result["steps"], targets + result["target_tokens"], seconds + result["train_seconds"]


def read_environment(name: str) -> dict[str, Any]:
    """What environment.json of a run holds; nothing where it is gone."""
    path = run_folder(name) / "environment.json"
    return read_json(path) if path.exists() else {}


def first_at_level(name: str) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Step and target tokens at the first evaluation with an accuracy of LEVEL, by method, query mode and split."""
    reached: dict[tuple[str, str, str], tuple[int, int]] = {}
    for entry in evaluations(name):
        for method, query_mode, split, summary in evaluated(entry):
            if summary["count"] and summary["accuracy"] >= LEVEL:
                reached.setdefault((method, query_mode, split), (entry["step"], entry["target_tokens"]))
    return reached


def evaluated(entry: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Method, query mode, split and summary of all that an evaluation in training asked."""
    closed_book = from_entry(entry)
    further = {method: {next(iter(closed_book)): splits} for method, splits in entry.get("methods", {}).items()}
    return each_summary({CLOSED_BOOK.name: closed_book} | further)


def curve_rows(runs: dict[str, RunConfig], variants: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of curves.csv: every evaluation of every run, split by split."""
    return [
        identify(name, config, variants[name])
        | {"method": method, "query_mode": query_mode, "seed": config.seed, "split": split}
        | {column: entry[column] for column in ("step", "documents", "target_tokens", "seconds")}
        | {column: summary[column] for column in (*MEASURED, "log_prob")}
        for name, config in runs.items()
        for entry in evaluations(name)
        for method, query_mode, split, summary in evaluated(entry)
    ]


def identify(name: str, config: RunConfig, variant: str) -> dict[str, Any]:
    """The first columns of both tables."""
    sections = config.json()
    task, objective = sections["task"]["name"], sections["objective"]["name"]
    return {"run": name, "task": task, "objective": objective, "variant": variant}


def evaluations(name: str) -> list[dict[str, Any]]:
    return [entry for entry in read_metrics(run_folder(name)) if entry["kind"] == "evaluation"]


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.csv. Raises SettingError where it is none, or has a row twice."""
    require(path.is_file(), "merge", str(path), "an existing results.csv")
    identities, rows = set(), []
    try:
        for cells in read_csv(path):
            rows.append(read_row(cells))
            identity = tuple(rows[-1][column] for column in IDENTITY)
            if identity in identities:
                raise ValueError(f"it has two rows of {', '.join(map(str, identity))}")
            identities.add(identity)
    except KeyError as error:
        raise SettingError(f"merge is {str(path)!r}, which is no results.csv: it lacks the column {error}") from None
    except (ValueError, csv.Error, RecursionError) as error:
        raise SettingError(f"merge is {str(path)!r}, which is no valid results.csv: {error}") from None
    require(bool(rows), "merge", str(path), "a results.csv with rows")
    return rows


def read_row(cells: dict[str, str]) -> dict[str, Any]:
    """The typed cells of a row. Raises KeyError for a missing column, ValueError for an impossible cell."""
    if None in cells or None in cells.values():
        raise ValueError(f"the row of {cells['run']} has more or fewer cells than the first line")
    if not isinstance(json.loads(cells["settings"]), dict):
        raise ValueError(f"the settings of {cells['run']} are no JSON object")
    row = {column: cells[column] for column in TEXT_COLUMNS}
    row |= {column: read_number(cells, column, int) for column in INTEGER_COLUMNS}
    row |= {column: read_number(cells, column, int, cells[column] != "") for column in OPTIONAL_INTEGER_COLUMNS}
    row |= {column: read_number(cells, column, float, row["count"] != 0) for column in ACCURACY}
    row |= {column: read_number(cells, column, float) for column in FLOAT_COLUMNS}
    row |= {column: read_number(cells, column, float, bool(cells.get(column))) for column in LATER_FLOAT_COLUMNS}
    row["token_accuracy"] = read_number(cells, "token_accuracy", float, cells["token_accuracy"] != "")
    row |= {column: cells.get(column, "") for column in PROVENANCE}
    require_possible(row)
    return {column: row[column] for column in dict.fromkeys((*cells, *row)) if column in row}


def read_number(cells: dict[str, str], column: str, number_type: type, is_given: bool = True) -> Any:
    """The number in a cell; None unless it is given. Raises ValueError where the cell holds none."""
    try:
        return number_type(cells[column]) if is_given else None
    except ValueError:
        allowed = "a whole number" if number_type is int else "a number"
        require(False, f"the row of {cells['run']}: {column}", cells[column], allowed)


def require_possible(row: dict[str, Any]) -> None:
    """Raises ValueError where no run can have made this row."""
    what = f"the row of {row['run']}"
    for column in (*TEXT_COLUMNS, *PROVENANCE):
        require(is_clean(row[column]), f"{what}: {column}", row[column], "without control characters")
    for column in SHARE_COLUMNS:
        require(row[column] is None or 0 <= row[column] <= 1, f"{what}: {column}", row[column], "0 to 1")
    for column in (*INTEGER_COLUMNS, *OPTIONAL_INTEGER_COLUMNS, "seconds", "load"):
        possible = row[column] is None or 0 <= row[column] < math.inf
        require(possible, f"{what}: {column}", row[column], "a number, 0 or more")
    require(row["correct"] <= row["count"], f"{what}: correct", row["correct"], f"count ({row['count']}) at most")
    if row["count"]:
        share, (accuracy, low, high) = row["correct"] / row["count"], (row[column] for column in ACCURACY)
        same = math.isclose(accuracy, share, abs_tol=1e-6)
        require(same, f"{what}: accuracy", accuracy, f"correct / count ({share:.6g})")
        require(low <= accuracy <= high, f"{what}: low to high", (low, high), f"around accuracy ({accuracy:.6g})")
    retrieved, correct = row["retrieved"] or 0, row["correct_where_retrieved"] or 0
    consistent = correct <= min(retrieved, row["correct"]) and retrieved <= row["count"]
    require(consistent, f"{what}: correct_where_retrieved", correct, "retrieved at most, and correct at most")
