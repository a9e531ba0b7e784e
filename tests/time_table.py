"""Seconds until a result, ours against transformers' Llama: the table of docs/results/speed.md.

Its rows are what `make bench ARGS="--rows time-to-result --csv docs/speed.csv"` wrote.
"""

from statistics import median

from train.report.base import markdown_table

HEAD = [
    "goal",
    "ours, each seed",
    "median",
    "at step",
    "Llama, each seed",
    "median",
    "at step",
    "times sooner, each seed",
]


def time_table(rows: list[dict[str, str]]) -> str:
    """A row for each goal: seconds of each seed, the steps, and the ratios with their median."""
    body = []
    for goal in dict.fromkeys(row["goal"] for row in rows):
        by_program = [
            [row for row in rows if (row["goal"], row["program"]) == (goal, name)] for name in ("ours", "llama")
        ]
        ours, theirs = ([float(row["seconds"]) for row in of] for of in by_program)
        ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
        cells = [cell for of, seconds in zip(by_program, (ours, theirs)) for cell in (*times(seconds), steps(of))]
        body.append([goal.replace("%", " %"), *cells, f"**{median(ratios):.1f}**: {joined(ratios)}"])
    return markdown_table(HEAD, body)


def times(seconds: list[float]) -> tuple[str, str]:
    return joined(seconds), f"{median(seconds):.1f}"


def joined(values: list[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def steps(rows: list[dict[str, str]]) -> str:
    """The steps at which the level was reached: the first and the last of all seeds."""
    reached = [int(row["step"]) for row in rows]
    return " to ".join(f"{step:,}" for step in sorted({min(reached), max(reached)}))
