"""The phases of a training, from its curves: steps until a split is learned, and steps on the plateau before that.

A run is on its plateau while forward is below 50 % and wrong frame less than 10 points from it. Whatever the model has
learned by then, it is not the direction. The variants are those of studies/plateau.py, named OBJECTIVE-SHARE.
"""

from itertools import pairwise
from math import inf, isinf
from statistics import median

from eval.methods.closed_book import ClosedBook
from train.report.base import Rows, markdown_table
from train.report.results import LEVEL

SHARES = {"all": 100, "half": 50, "sixth": 16, "twentieth": 5, "power-law": None}  # per cent of the entities
SPLITS = ("forward", "backward", "inverse")
NOT_LEARNED, NEAR = 0.5, 0.1
PLATEAU = "plateau"
TITLES = {split: f"steps to {100 * LEVEL:.0f} %, {split}" for split in SPLITS} | {PLATEAU: "steps on the plateau"}

Curve = dict[int, float]
"""accuracy by step"""
Curves = dict[tuple[str, int, str], Curve]
"""by variant, seed and split"""


def read_curves(rows: Rows) -> Curves:
    """The curves in rows of curves.csv: closed book, in the first query mode, of splits that can be asked."""
    curves, query_modes = {}, {}
    for row in rows:
        key = row["variant"], int(row["seed"]), row["split"]
        can_be_asked = row["method"] == ClosedBook.name and int(row["count"]) > 0
        if can_be_asked and query_modes.setdefault(key, row["query_mode"]) == row["query_mode"]:
            curves.setdefault(key, {})[int(row["step"])] = float(row["accuracy"])
    return curves


def phase_rows(curves: Curves) -> Rows:
    """A row for each OBJECTIVE-SHARE and seed, with the columns of TITLES and the last of all `steps`.

    A split that cannot be asked has no cell. One that was not learned has None.
    """
    rows = []
    for variant, seed in dict.fromkeys((variant, seed) for variant, seed, _ in curves):
        objective, _, share = variant.partition("-")
        if share in SHARES:
            of_run = {split: curve for (*run, split), curve in curves.items() if run == [variant, seed]}
            steps = {split: steps_to_level(of_run[split]) for split in SPLITS if split in of_run}
            steps |= {PLATEAU: plateau_steps(of_run["forward"], of_run["wrong_frame"])}
            identity = {"objective": objective, "share": share, "seed": seed}
            rows.append(identity | steps | {"steps": max(of_run["forward"])})
    return rows


def read_phases(rows: Rows) -> Rows:
    """The rows of `phase_rows`, from a file: an empty cell is None."""
    numbers = ("seed", *TITLES, "steps")
    return [row | {column: int(row[column]) if row[column] else None for column in numbers} for row in rows]


def steps_to_level(curve: Curve) -> int | None:
    """The first step at which the accuracy was LEVEL or more; None where it never was."""
    return min((step for step, accuracy in curve.items() if accuracy >= LEVEL), default=None)


def plateau_steps(forward: Curve, wrong_frame: Curve) -> int:
    """Steps on the plateau. An evaluation stands for the steps since the one before it."""
    near = {step for step in forward if round(abs(forward[step] - wrong_frame[step]), 6) < NEAR}
    pairs = pairwise(sorted(forward))
    return sum(step - before for before, step in pairs if step in near and forward[step] < NOT_LEARNED)


def phase_table(rows: Rows) -> str:
    """The median over seeds, then each seed, in Markdown; a dash where a run did not get there."""
    groups: dict[tuple[str, str], Rows] = {}
    for row in rows:
        groups.setdefault((row["objective"], row["share"]), []).append(row)
    body = [[*group, *(seeds_cell(of_group, column) for column in TITLES)] for group, of_group in groups.items()]
    return markdown_table(["objective", "first documents", *TITLES.values()], body, text_columns=2)


def seeds_cell(rows: Rows, column: str) -> str:
    """The median over seeds and each of them. A run that did not get there counts as later than all others."""
    steps = [inf if row.get(column) is None else row[column] for row in rows]
    middle, *each = ("–" if isinf(step) else f"{step:.0f}" for step in (median(steps), *steps))
    return f"**{middle}**: {' '.join(each)}" if set(each) != {"–"} else "–"
