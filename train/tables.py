"""The long tables behind every comparison: results.csv, one row a run and split, and curves.csv, one an evaluation."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from checkpoints.config import changes, read_json
from checkpoints.folder import read_csv, read_metrics, run_folder
from eval.by_way import settings_of
from eval.score import from_entry, interval
from eval.ways.closed_book import ClosedBook
from tasks.settings import SettingError, require
from train.presets import preset_of
from train.settings import Config

LEVEL = 0.9  # accuracy that steps_to_90 and targets_to_90 wait for
RECORDED = {"augmentation": "closed-book"}  # what the record calls a way
TEXTS = ("run", "task", "objective", "variant", "settings", "way", "asked", "split")
COUNTED = ("seed", "correct", "count", "steps", "target_tokens", "parameters")
SOMETIMES = ("found", "correct_where_found", "token_accuracy")
MEASURED = ("correct", "count", "accuracy", "low", "high")


def results(
    runs: dict[str, Config],
    finished: dict[str, dict[str, Any]],
    variant: dict[str, str],
    ways: Callable[[str], dict[str, ClosedBook]] = lambda variant: {},
) -> list[dict[str, Any]]:
    """Rows of results.csv for the finished runs; `variant` names what each of them is, whatever its seed, and `ways`
    what was put to it, beside closed book.

    `settings` is what differs from the preset of the run's objective. Steps, targets and seconds are counted from
    random weights on: those of the run that a run started from, too.
    """
    rows = []
    for name, result in finished.items():
        reached, before = first_above(name), spent_before(name)
        differs = what_differs(runs[name])
        every = [
            (way, asked, split, of)
            for way, found in by_way(name, runs[name], result, ways(variant[name])).items()
            for asked, splits in found.items()
            for split, of in splits.items()
        ]
        for way, asked, split, of in every:
            steps, targets = (
                None if there is None else there + earlier
                for there, earlier in zip(reached.get((RECORDED.get(way, way), asked, split), (None, None)), before)
            )
            rows.append(
                about(name, runs[name], variant[name])
                | {"settings": json.dumps(differs), "way": way, "asked": asked, "seed": runs[name].seed}
                | {"split": split}
                | {key: of[key] for key in (*MEASURED, "chance", "chance_by_elimination")}
                | {"steps": result["steps"] + before[0], "target_tokens": result["target_tokens"] + before[1]}
                | {"steps_to_90": steps, "targets_to_90": targets, "seconds": result["train_seconds"] + before[2]}
                | {"parameters": result["parameters"]}
                | {key: of.get(key) for key in SOMETIMES}
            )
    return rows


def what_differs(run: Config) -> dict[str, Any]:
    """What differs from the preset of the run's objective."""
    preset = replace(preset_of(type(run.objective)), seed=run.seed)
    return {key: now for key, (_, now) in changes(preset.json(), run.json()).items()}


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.csv. Raises SettingError where it is none, or has anything twice."""
    require(path.is_file(), "beside", str(path), "a results.csv that is there")
    seen, rows = set(), []
    try:
        for cells in read_csv(path):
            rows.append(read_row(cells))
            key = tuple(rows[-1][name] for name in ("variant", "seed", "way", "asked", "split"))
            if key in seen:
                raise ValueError(f"{', '.join(map(str, key))} stands there twice")
            seen.add(key)
    except KeyError as error:
        raise SettingError(f"beside is {str(path)!r}, which is no results.csv: it lacks the column {error}") from None
    except (ValueError, csv.Error) as error:
        raise SettingError(f"beside is {str(path)!r}, which is no whole results.csv: {error}") from None
    require(bool(rows), "beside", str(path), "a results.csv with rows")
    return rows


def read_row(cells: dict[str, str]) -> dict[str, Any]:
    """The cells of a row as what they are. Raises KeyError for a missing column, ValueError for what cannot be."""
    if None in cells or None in cells.values():
        raise ValueError(f"the row of {cells['run']} has more or fewer cells than the first line")
    if not isinstance(json.loads(cells["settings"]), dict):
        raise ValueError(f"the settings of {cells['run']} are none")
    row = {name: cells[name] for name in TEXTS} | {name: int(cells[name]) for name in COUNTED}
    whole, asked = ("steps_to_90", "targets_to_90", *SOMETIMES[:2]), row["count"] > 0
    row |= {name: int(cells[name]) if cells[name] else None for name in whole}
    row |= {name: float(cells[name]) if asked else None for name in ("accuracy", "low", "high")}
    row |= {name: float(cells[name]) for name in ("chance", "chance_by_elimination", "seconds")}
    row["token_accuracy"] = float(cells["token_accuracy"]) if cells["token_accuracy"] else None
    return {name: row[name] for name in cells if name in row}


def by_way(
    name: str, config: Config, result: dict[str, Any], ways: dict[str, ClosedBook]
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Summaries by way, way of asking and split: closed book as the run ended, which is called augmentation where the
    documents were augmented, and those of `ways` that were put to it, set as they are here."""
    file = run_folder(name) / "ways.json"
    put = read_json(file) if file.exists() else {"step": None, "ways": {}}
    others = put["ways"] if put["step"] == result["steps"] else {}
    return {"augmentation" if config.train.augment else "closed-book": from_entry(result)} | {
        key: others[key]["asked"]
        for key, way in ways.items()
        if key != "closed-book" and key in others and others[key]["settings"] == settings_of(way)
    }


def spent_before(name: str) -> tuple[int, int, float]:
    """Steps, target tokens and seconds of the finished runs whose weights a run started from."""
    environment = run_folder(name) / "environment.json"
    origin = read_json(environment)["from"] if environment.exists() else None
    if origin is None or not (run_folder(origin["run"]) / "result.json").exists():
        return 0, 0, 0.0
    result, earlier = read_json(run_folder(origin["run"]) / "result.json"), spent_before(origin["run"])
    own = result["steps"], result["target_tokens"], result["train_seconds"]
    return tuple(here + before for here, before in zip(own, earlier))


def curves(runs: dict[str, Config], variant: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of curves.csv: every evaluation of every run, split by split."""
    return [
        about(name, config, variant[name])
        | {"asked": asked, "seed": config.seed, "split": split}
        | {key: entry[key] for key in ("step", "documents", "target_tokens", "seconds")}
        | {key: of[key] for key in (*MEASURED, "log_probability")}
        for name, config in runs.items()
        for entry in evaluations(name)
        for asked, splits in from_entry(entry).items()
        for split, of in splits.items()
    ]


def about(name: str, config: Config, variant: str) -> dict[str, Any]:
    named = config.json()
    return {"run": name, "task": named["task"]["name"], "objective": named["objective"]["name"], "variant": variant}


def evaluations(name: str) -> list[dict[str, Any]]:
    return [entry for entry in read_metrics(run_folder(name)) if entry["kind"] == "evaluation"]


def first_above(name: str) -> dict[tuple[str, str, str], tuple[int, int]]:
    """For each way of answering, way of asking and split that got there: step and target tokens at the first
    evaluation of LEVEL or more."""
    reached: dict[tuple[str, str, str], tuple[int, int]] = {}
    for entry in evaluations(name):
        for asked, splits in from_entry(entry).items():
            for split, of in splits.items():
                if of["count"] and of["accuracy"] >= LEVEL:
                    # The record names the prompt among the ways of asking: it is put as the first of them is.
                    key = ("in-context", "as-trained") if asked == "in-context" else ("closed-book", asked)
                    reached.setdefault((*key, split), (entry["step"], entry["target_tokens"]))
    return reached


def by_seed(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows a person reads, in per cent: every seed, then all of them pooled, and both chances."""
    seeds = sorted({row["seed"] for row in rows})
    head = ["model", "split", *(f"seed {seed}" for seed in seeds), "all", "95 % interval", "chance", "eliminating"]
    body = []
    for variant, split in dict.fromkeys((row["variant"], row["split"]) for row in rows):
        own = {row["seed"]: row for row in rows if (row["variant"], row["split"]) == (variant, split)}
        correct, count = (sum(row[key] for row in own.values()) for key in ("correct", "count"))
        low, high = interval(correct, count) if count else (None, None)
        each = [number(own[seed]["accuracy"]) if seed in own else "" for seed in seeds]
        pooled = [number(correct / count), f"{number(low)}–{number(high)}"] if count else ["no way to ask", ""]
        chances = [sum(row[key] for row in own.values()) / len(own) for key in ("chance", "chance_by_elimination")]
        body.append([variant, split, *each, *pooled, *(f"{100 * chance:.2f}" for chance in chances)])
    return head, body


def number(share: float | None) -> str:
    """A share in per cent, without the sign."""
    return "" if share is None else f"{100 * share:.1f}"


def markdown(rows: list[dict[str, Any]]) -> str:
    head, body = by_seed(rows)
    lines = [head, ["---", "---", *["---:"] * (len(head) - 2)], *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def print_table(rows: list[dict[str, Any]]) -> None:
    """The same in a terminal of 80 columns, a table a model."""
    head, body = by_seed(rows)
    for model in dict.fromkeys(line[0] for line in body):
        table = Table(title=f"{model}: answered exactly right, %", title_justify="left", box=box.SIMPLE_HEAD, padding=0)
        for i, name in enumerate(head[1:]):
            table.add_column(
                name.removeprefix("seed ").replace("eliminating", "elim."),
                justify="right" if i else "left",
                min_width=5,
            )
        for line in body:
            if line[0] == model:
                table.add_row(*(cell.replace("no way to ask", "–") for cell in line[1:]))
        Console().print(table)
