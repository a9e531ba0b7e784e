"""The long tables behind every report: results.csv, a row for each run and split, and curves.csv, one an evaluation."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from checkpoints.config import changes
from checkpoints.files import read_json
from checkpoints.folder import run_folder
from checkpoints.record import read_metrics, read_result
from config.validation import SettingError, require
from eval.evaluate import CLOSED_BOOK, from_entry
from eval.methods.base import AnswerMethod
from eval.run_methods import method_settings
from train.config import RunConfig
from train.presets import preset_of
from train.report.reading import ACCURACY, PROVENANCE, read_row

LEVEL = 0.9  # accuracy that steps_to_90 and targets_to_90 wait for
MEASURED = ("correct", "count", *ACCURACY)
OPTIONAL = ("retrieved", "correct_where_retrieved", "token_accuracy", "reciprocal_rank")  # that some summaries have

Summaries = dict[str, dict[str, dict[str, Any]]]
"""by query mode and split"""


def no_methods(name: str) -> dict[str, AnswerMethod]:
    """The methods of a run or variant to which none are applied."""
    return {}


def run_tables(
    name: str,
    config: RunConfig,
    result: dict[str, Any],
    variant: str,
    methods: Callable[[str], dict[str, AnswerMethod]] = no_methods,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of results.csv and of curves.csv of a finished run. `result` is what its result.json holds.

    `methods` gives the methods that were applied to a variant, besides closed book. Raises SettingError where a file
    of the run is damaged: it lacks something, or holds something of another type.
    """
    try:
        rows = list(rows_of_run(name, config, result, variant, methods(variant)))
        for row in rows:
            read_row({column: "" if cell is None else str(cell) for column, cell in row.items()})
        curves = curve_rows(name, config, variant)
    except SettingError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        lacks = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise SettingError(f"{run_folder(name)}: result.json or another file of the run is damaged: {lacks}") from None
    return rows, curves


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
    entry = read_json(path) if path.exists() else {"weights": None, "methods": {}}
    applied = entry["methods"] if entry.get("weights") == result["weights"] else {}
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
    """Steps, target tokens and seconds of the finished runs whose weights a run started from, back to the first.

    Raises SettingError where a run is named as started from itself.
    """
    steps, targets, seconds = 0, 0, 0.0
    seen = {name}
    while (lineage := read_environment(name).get("from")) is not None:
        earlier = lineage["run"]
        if not (run_folder(earlier) / "result.json").exists():
            break
        path = run_folder(name) / "environment.json"
        require(earlier not in seen, f"{path}: from", earlier, "a run that did not start from this one")
        result = read_result(run_folder(earlier))
        steps, targets = steps + result["steps"], targets + result["target_tokens"]
        seconds += result["train_seconds"]
        seen.add(earlier)
        name = earlier
    return steps, targets, seconds


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


def curve_rows(name: str, config: RunConfig, variant: str) -> list[dict[str, Any]]:
    """The rows of curves.csv of a run: every evaluation, split by split. Raises TypeError for what is no number."""
    rows = [
        identify(name, config, variant)
        | {"method": method, "query_mode": query_mode, "seed": config.seed, "split": split}
        | {column: entry[column] for column in ("step", "documents", "target_tokens", "seconds")}
        | {column: summary[column] for column in (*MEASURED, "log_prob")}
        for entry in evaluations(name)
        for method, query_mode, split, summary in evaluated(entry)
    ]
    for row in rows:
        for column in ("step", "documents", "target_tokens", "seconds", *MEASURED, "log_prob"):
            if not isinstance(row[column], int | float | None):
                raise TypeError(f"{column} of step {row['step']} in metrics.jsonl is {row[column]!r}")
    return rows


def identify(name: str, config: RunConfig, variant: str) -> dict[str, Any]:
    """The first columns of both tables."""
    sections = config.json()
    task, objective = sections["task"]["name"], sections["objective"]["name"]
    return {"run": name, "task": task, "objective": objective, "variant": variant}


def evaluations(name: str) -> list[dict[str, Any]]:
    return [entry for entry in read_metrics(run_folder(name)) if entry["kind"] == "evaluation"]
