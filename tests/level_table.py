"""When a trial of the recipe reaches its goal: the table of docs/notebook/recipe.md, from learning curves.

The goals are 99 % of the stated facts for a causal model, and 95 % of the inverse for a masked one. The evaluations
are kept in docs/recipe-goals.csv, which this writes from what the study left in checkpoints/recipe:

    python -m tests.level_table
"""

from pathlib import Path
from statistics import fmean, median, stdev
from typing import NamedTuple

from checkpoints.files import write_text
from checkpoints.folder import as_csv, read_csv, run_folder
from eval.metrics import t_quantile
from train.report.base import Rows, markdown_table
from train.report.reading import PROVENANCE

ROWS = Path(__file__).parents[1] / "docs" / "recipe-goals.csv"
GOALS = {"causal": ("forward", 0.99), "masked": ("inverse", 0.95)}
BASE = "batch-96"
"""the trial that the others are compared with, seed by seed"""


class Reached(NamedTuple):
    """The first evaluation of a run at its goal."""

    step: int
    documents: int
    seconds: float


def level_table(curves: Rows) -> str:
    """A row for each trial; by objective, seeds that reach the goal, medians, and documents more than BASE took."""
    trials = dict.fromkeys(row["variant"].partition("-")[2] for row in curves)
    head = ["trial"]
    for objective, (split, level) in GOALS.items():
        goal = f"{objective}, {100 * level:.0f} % {split}"
        head += [f"{goal}: seeds", "step", "seconds", "documents more (95 %)"]
    body = [[trial, *(cell for objective in GOALS for cell in cells(curves, objective, trial))] for trial in trials]
    return markdown_table(head, body)


def goal_rows(curves: Rows, results: Rows) -> Rows:
    """The evaluations of curves.csv on the split of their goal, with the machine and versions of results.csv."""
    made_by = {row["run"]: {column: row[column] for column in ("load", *PROVENANCE)} for row in results}
    kept = "variant", "seed", "split", "step", "documents", "seconds", "accuracy"
    return [
        {column: row[column] for column in kept} | made_by[row["run"]]
        for row in curves
        if row["split"] == GOALS[row["variant"].partition("-")[0]][0]
    ]


def cells(curves: Rows, objective: str, trial: str) -> list[str]:
    """Of one objective and trial: seeds that reach the goal, median step and seconds, and the paired difference."""
    found, base = (reached(curves, objective, name) for name in (trial, BASE))
    at = [point for point in found.values() if point is not None]
    counted = f"{len(at)} of {len(found)}"
    if len(at) < len(found) or not at:  # a median over those that reach it alone would flatter the trial
        return [counted, "–", "–", "–"]
    both = [found[seed].documents - base[seed].documents for seed in found if base.get(seed)]
    difference = "" if trial == BASE else with_interval(both)
    return [
        counted,
        f"{median(point.step for point in at):.0f}",
        f"{median(point.seconds for point in at):.0f}",
        difference,
    ]


def reached(curves: Rows, objective: str, trial: str) -> dict[int, Reached | None]:
    """By seed, when the goal is reached; None where it never is."""
    split, level = GOALS[objective]
    by_seed: dict[int, Reached | None] = {}
    of_trial = [row for row in curves if (row["variant"], row["split"]) == (f"{objective}-{trial}", split)]
    for row in sorted(of_trial, key=lambda row: int(row["step"]), reverse=True):
        point = Reached(int(row["step"]), int(row["documents"]), float(row["seconds"]))
        seed = int(row["seed"])
        by_seed[seed] = point if float(row["accuracy"]) >= level else by_seed.get(seed)
    return by_seed


def with_interval(differences: list[int]) -> str:
    """The mean of paired differences, in thousands, with half of its interval by Student's t."""
    half = t_quantile(len(differences) - 1) * stdev(differences) / len(differences) ** 0.5
    return f"{fmean(differences) / 1000:+.1f}k ± {half / 1000:.1f}"


def main() -> None:
    rows = goal_rows(*(read_csv(run_folder("recipe") / f"{name}.csv") for name in ("curves", "results")))
    write_text(ROWS, as_csv(rows))


if __name__ == "__main__":
    main()
