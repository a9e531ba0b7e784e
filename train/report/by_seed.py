"""The report of a comparison: a table with a column for each seed, and how both models learn to answer."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.methods.closed_book import ClosedBook
from eval.report import CANNOT_BE_ASKED
from eval.tables import print_line, print_table
from train.report.base import (
    ELIMINATION,
    INTERVALS,
    Report,
    Row,
    Rows,
    baseline,
    known_baselines,
    markdown_table,
    number,
    over_seeds,
    save_figure,
)

COLOURS = {"causal": "#d1495b", "bidirectional": "#00798c"}  # they differ in grey, and for the colour-blind
CURVES = {"forward": "asked as stated", "inverse": "asked by the inverse word"}
BARS = {
    "forward": "forward",
    "backward": "backward",
    "inverse": "inverse",
    "wrong_frame": "wrong frame\n(lower is better)",
}
BAR_WIDTH = 0.38
SHORT_HEADINGS = {  # in a terminal
    "95 % interval": "95 %\ninterval",
    "elimination baseline": "elim.",
    "link baseline": "link",
}


class BySeed(Report):
    """For a causal and a bidirectional model: a row for each variant and split, and a curve for each seed."""

    def markdown(self, rows: Rows) -> str:
        head, body = by_seed(rows)
        return f"{markdown_table(head, body, text_columns=2)}\n{INTERVALS}\n"

    def print(self, rows: Rows) -> None:
        """Prints a table for each variant."""
        head, body = by_seed(rows)
        for variant in dict.fromkeys(cells[0] for cells in body):
            rows = [[cell.replace(CANNOT_BE_ASKED, "–") for cell in cells] for name, *cells in body if name == variant]
            headings = [SHORT_HEADINGS.get(heading, heading.removeprefix("seed ")) for heading in head[1:]]
            print_table(headings, rows, title=f"{variant}: exact match, %")
            print()
        print_line(INTERVALS)

    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png: accuracy against documents, and at the end."""
        figure = Figure(figsize=(13, 4.2), layout="constrained")
        *curve_axes, bar_axes = figure.subplots(1, 3, width_ratios=[1, 1, 1.25])
        for axes, (split, title) in zip(curve_axes, CURVES.items()):
            draw_curves(axes, [row for row in curves if (row["method"], row["split"]) == (ClosedBook.name, split)])
            axes.set_title(f"{title} ({split})")
        if curves:
            curve_axes[0].legend(frameon=False, loc="lower right")
        curve_axes[0].set_ylabel("exact match, %")
        draw_elimination_baseline(curve_axes[1], [row for row in rows if row["split"] == "inverse"])
        draw_bars(bar_axes, rows)
        save_figure(figure, folder)


def by_seed(rows: Rows) -> tuple[list[str], list[list[str]]]:
    """Headings and cells in per cent: each seed, their mean with its interval, and the baselines."""
    seeds = sorted({row["seed"] for row in rows})
    baselines = known_baselines(rows)
    head = ["variant", "split", *(f"seed {seed}" for seed in seeds), "mean", "95 % interval", *baselines]
    body = []
    for variant, split in dict.fromkeys((row["variant"], row["split"]) for row in rows):
        row_of_seed = {row["seed"]: row for row in rows if (row["variant"], row["split"]) == (variant, split)}
        body.append([variant, split, *seed_cells(row_of_seed, seeds, list(baselines.values()))])
    return head, body


def seed_cells(row_of_seed: dict[int, Row], seeds: list[int], baselines: list[str]) -> list[str]:
    """The cells of one variant and split, whose row of each seed is given; `baselines` are columns."""
    rows = list(row_of_seed.values())
    each_seed = [number(row_of_seed[seed]["accuracy"]) if seed in row_of_seed else "" for seed in seeds]
    accuracy = over_seeds(rows)
    all_seeds = [number(accuracy.mean), accuracy.interval()] if accuracy else [CANNOT_BE_ASKED, ""]
    return [*each_seed, *all_seeds, *(number(baseline(rows, column), digits=2) for column in baselines)]


def draw_curves(axes: Axes, curves: Rows) -> None:
    """Accuracy against documents trained on, a curve for each seed."""
    for variant, rows in rows_of_variants(curves):
        for j, seed in enumerate(sorted({row["seed"] for row in rows})):
            points = [(row["documents"] / 1000, 100 * row["accuracy"]) for row in rows if row["seed"] == seed]
            axes.plot(*zip(*points), color=COLOURS[variant], lw=1.3, alpha=0.8, label=None if j else variant)
    axes.set(xlabel="documents trained on (thousands)", ylim=(-3, 103))
    axes.spines[["top", "right"]].set_visible(False)


def rows_of_variants(rows: Rows) -> Iterator[tuple[str, Rows]]:
    """Each variant and its rows that have an accuracy."""
    for variant in COLOURS:
        yield variant, [row for row in rows if row["variant"] == variant and row["count"]]


def draw_elimination_baseline(axes: Axes, rows: Rows) -> None:
    """The mean elimination baseline as a dotted line."""
    y = 100 * baseline(rows, ELIMINATION)
    axes.axhline(y, color="0.4", lw=1, ls=":")
    axes.annotate(
        "elimination baseline",
        (1, y),
        (-2, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        color="0.4",
        fontsize=8,
    )


def draw_bars(axes: Axes, rows: Rows) -> None:
    """Accuracy at the end: the mean as a bar, each seed as a point."""
    trained = {row["variant"] for row in rows}
    for i, (variant, variant_rows) in enumerate(rows_of_variants(rows)):
        colour = COLOURS[variant]
        for j, split in enumerate(BARS if variant in trained else ()):
            accuracies = [100 * row["accuracy"] for row in variant_rows if row["split"] == split]
            x = j + (i - 0.5) * BAR_WIDTH
            if accuracies:
                axes.bar(x, np.mean(accuracies), BAR_WIDTH * 0.92, color=colour, alpha=0.45)
                offsets = np.linspace(-0.1, 0.1, len(accuracies)) if len(accuracies) > 1 else np.zeros(1)
                axes.scatter(x + offsets, accuracies, s=14, color=colour, zorder=3, clip_on=False)
            else:
                axes.text(x, 2, CANNOT_BE_ASKED, rotation=90, ha="center", va="bottom", color=colour, fontsize=8)
    axes.set_xticks(range(len(BARS)), BARS.values())
    axes.set(ylim=(0, 103), title="at the end, every seed a point")
    axes.spines[["top", "right"]].set_visible(False)
