"""How long trainings took: the tables of docs/results/speed.md.

The first has seconds until a result, ours against transformers' Llama. Its rows are what
`make bench ARGS="--rows=time-to-result --max-steps 12000 --csv docs/speed.csv"` wrote. The second has minutes of each
study.
"""

import json
import math
from pathlib import Path
from statistics import median

import numpy as np

from checkpoints.folder import read_csv
from train.report.base import markdown_table

LLAMA = {"llama": "ours", "llama-own-scale": "its own"}
"""programs that ours is compared with, and whose initial scale they start from"""
HEAD = [
    "goal",
    "ours, each seed",
    "median",
    "at step",
    "initial scale of Llama",
    "Llama, each seed",
    "median",
    "at step",
    "times sooner, each seed",
]


def time_table(rows: list[dict[str, str]]) -> str:
    """A row for each goal and Llama: seconds of each seed, the steps, and the ratios with their median."""
    body = []
    for goal in dict.fromkeys(row["goal"] for row in rows):
        for llama, scale in LLAMA.items():
            by_program = [
                [row for row in rows if (row["goal"], row["program"]) == (goal, name)] for name in ("ours", llama)
            ]
            ours, theirs = ([float(row["seconds"]) for row in of] for of in by_program)
            ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
            of_ours, of_theirs = ((*times(seconds), steps(of)) for of, seconds in zip(by_program, (ours, theirs)))
            ratio = f"**{number(median(ratios))}**: {joined(ratios)}"
            body.append([goal.replace("%", " %"), *of_ours, scale, *of_theirs, ratio])
    return markdown_table(HEAD, body)


def times(seconds: list[float]) -> tuple[str, str]:
    return joined(seconds), number(median(seconds))


def joined(values: list[float]) -> str:
    return " ".join(map(number, values))


def number(value: float) -> str:
    """A dash where it is infinite: the level was not reached."""
    return f"{value:.1f}" if math.isfinite(value) else "–"


def steps(rows: list[dict[str, str]]) -> str:
    """The steps at which the level was reached: the first and the last of all seeds, and how many missed it."""
    reached = [int(row["step"]) for row in rows if row["step"]]
    parts = [" to ".join(f"{step:,}" for step in sorted({min(reached), max(reached)}))] if reached else []
    if missed := [row for row in rows if not row["step"]]:
        parts.append(f"{len(missed)} of {len(rows)} seeds not in {int(missed[0]['last_step']):,}")
    return "; ".join(parts)


def study_times(files: list[Path]) -> str:
    """A row for each results.csv: its runs, their steps, and the minutes that training them took."""
    studies = [(file.stem, *trained) for file in files if (trained := runs_of(read_csv(file)))]
    studies.sort(key=lambda study: -study[-1])
    _, *columns = zip(*studies)
    body = [
        [name, f"{runs:,}", f"{steps:,.0f}", f"{seconds / 60:,.0f}"]
        for name, runs, steps, seconds in (*studies, ("all", *map(sum, columns)))
    ]
    return markdown_table(["study", "runs", "steps", "minutes"], body)


def runs_of(rows: list[dict[str, str]]) -> tuple[int, float, float] | None:
    """How many runs the rows of a results.csv are of, their steps and seconds. None where they are no such rows.

    A run that starts from another one has its steps and seconds in its own: they are counted once.
    """
    cost = {row["run"]: np.array([float(row["steps"]), float(row["seconds"])]) for row in rows if "settings" in row}
    if not cost:
        return None
    base = {row["run"]: json.loads(row["settings"]).get("train.init_from") for row in rows}
    own = [cost[run] - (cost[Path(base[run]).name] if base[run] else 0) for run in cost]
    return len(own), *map(float, sum(own))
