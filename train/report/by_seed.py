"""The report of a comparison: a table with a column for each seed, and how both models learn to answer."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from eval.methods.closed_book import ClosedBook
from eval.report import CANNOT_BE_ASKED
from eval.tables import print_line, print_table
from tasks import TASKS
from train.report.base import (
    INTERVALS,
    Report,
    Row,
    Rows,
    baseline,
    known_baselines,
    markdown_table,
    number,
    over_seeds,
)
from train.report.style import (
    BASELINE_COLOUR,
    STYLE,
    add_legend,
    drawn_baselines,
    look_of,
    new_figure,
    per_cent_axis,
    save_figure,
    split_title,
)

BAR_WIDTH = 0.4
NOTE = "exact match, %. Lines and points: seeds; bar: mean over seeds; thin line: its 95 % interval"
SHORT_HEADINGS = {  # in a terminal
    "95 % interval": "95 %\ninterval",
    "elimination baseline": "elim.",
    "link baseline": "link",
}


@dataclass(frozen=True)
class BySeed(Report):
    """For a causal and a bidirectional model: a row for each variant and split, and a curve for each seed."""

    title: str = "What is varied: causal or bidirectional. The same facts, the same network"
    """of the figure"""

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

    @rc_context(STYLE)
    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png: accuracy against documents, and at the end."""
        figure = new_figure(self.title)
        *curve_axes, bar_axes = figure.subplots(1, 3, width_ratios=[1, 1, 1.25], sharey=True)
        for axes, (split, title) in zip(curve_axes, curve_splits(rows).items()):
            draw_baselines(axes, [row for row in rows if row["split"] == split])
            draw_curves(axes, [row for row in curves if (row["method"], row["split"]) == (ClosedBook.name, split)])
            axes.set_title(f"{title}\n({split.replace('_', ' ')})")
        curve_axes[0].set_ylabel("exact match, %")
        draw_bars(bar_axes, rows)
        looks = dict.fromkeys(look_of([row]) for row in rows)
        add_legend(figure, [look.handle(has_line=True) for look in looks], rows, NOTE)
        save_figure(figure, folder)


def curve_splits(rows: Rows) -> dict[str, str]:
    """The two splits of the task that show its progress, and what each is."""
    stated, held_out = TASKS[rows[0]["task"]].progress_splits
    return {stated: "stated in training", held_out: "held out"}


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
    runs: dict[tuple[str, int], Rows] = {}
    for row in curves:
        if row["count"]:
            runs.setdefault((row["variant"], row["seed"]), []).append(row)
    for rows in runs.values():
        look = look_of(rows)
        points = [(row["documents"] / 1000, 100 * row["accuracy"]) for row in rows]
        axes.plot(*zip(*points), color=look.colour, ls=look.dashes, lw=1.8, alpha=0.85, clip_on=False)
    axes.set(xlabel="documents trained on (thousands)")
    per_cent_axis(axes, "y")


def draw_baselines(axes: Axes, rows: Rows) -> None:
    """The means of the baselines, as horizontal lines."""
    for share, dashes in drawn_baselines(rows):
        axes.axhline(share, color=BASELINE_COLOUR, lw=1.5, ls=dashes, zorder=0.5)


def draw_bars(axes: Axes, rows: Rows) -> None:
    """Accuracy at the end: the mean as a bar with its interval, and each seed as a point."""
    splits, variants = (list(dict.fromkeys(row[column] for row in rows)) for column in ("split", "variant"))
    for i, variant in enumerate(variants):
        for j, split in enumerate(splits):
            shown = [row for row in rows if (row["variant"], row["split"]) == (variant, split)]
            if shown:
                draw_bar(axes, j + (i - (len(variants) - 1) / 2) * BAR_WIDTH, shown)
    for j, split in enumerate(splits):
        for share, dashes in drawn_baselines([row for row in rows if row["split"] == split]):
            axes.plot([j - 0.46, j + 0.46], [share] * 2, color=BASELINE_COLOUR, lw=1.5, ls=dashes, zorder=1.5)
    axes.set_xticks(
        range(len(splits)), [split_title(split, "\n").replace("is better", "is\nbetter") for split in splits]
    )
    axes.tick_params(axis="x", length=0)
    axes.set_title("at the end of training\n(all splits)")
    per_cent_axis(axes, "y")


def draw_bar(axes: Axes, x: float, rows: Rows) -> None:
    """One bar, or that its question cannot be asked."""
    look, accuracy = look_of(rows), over_seeds(rows)
    if accuracy is None:
        axes.text(x, 2, CANNOT_BE_ASKED, rotation=90, ha="center", va="bottom", color="0.35")
        return
    each_seed = [100 * row["accuracy"] for row in rows if row["count"]]
    axes.bar(x, 100 * accuracy.mean, BAR_WIDTH * 0.92, color=look.pale(), zorder=1)
    axes.plot([x, x], [100 * accuracy.low, 100 * accuracy.high], color=look.dark(), lw=1.5, clip_on=False)
    offsets = np.linspace(-0.13, 0.13, len(each_seed)) if len(each_seed) > 1 else np.zeros(1)
    axes.scatter(x + offsets, each_seed, s=34, **look.points())
