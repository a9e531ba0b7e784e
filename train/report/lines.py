"""What figures of many variants are made of: a line for each, from zero to its mean, with a point for each seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from train.report.base import Rows, number, over_seeds
from train.report.style import BASELINE_COLOUR, Look, drawn_baselines, per_cent_axis

MANY = 10  # lines beside each other's labels get smaller ones
SPREAD = 0.28  # of the points of a line, above and below it, as a share of its height
NOT_ASKED = "–"
NOTE = (
    f"exact match, %. Bar: mean over seeds; thin line: its 95 % interval; points: seeds; {NOT_ASKED}: cannot be asked"
)


def draw_line(axes: Axes, y: float, rows: Rows, look: Look, height: float = 0.62) -> None:
    """A bar to the mean of the rows with its interval, and a point for each seed; a dash where nothing was asked."""
    accuracy = over_seeds(rows)
    if accuracy is None:
        axes.text(1, y, NOT_ASKED, va="center", color="0.35")
        return
    each_seed = [100 * row["accuracy"] for row in rows if row["count"]]
    axes.barh(y, 100 * accuracy.mean, height, color=look.pale(), zorder=1)
    axes.plot([100 * accuracy.low, 100 * accuracy.high], [y, y], color=look.dark(), lw=1.5, zorder=2, clip_on=False)
    offsets = height * SPREAD * np.linspace(-1, 1, len(each_seed)) if len(each_seed) > 1 else 0
    axes.scatter(each_seed, np.full(len(each_seed), y) + offsets, s=30, **look.points())


def draw_baselines(axes: Axes, lines: dict[int, Rows]) -> None:
    """The baselines of the rows of each line, by its place: a line down the panel that breaks where they differ."""
    segments: dict[Any, list[tuple[float, float]]] = {}
    for y, rows in lines.items():
        for share, dashes in drawn_baselines(rows):
            points = segments.setdefault(dashes, [])
            if points and points[-1] != (share, y - 0.5):
                points.append((np.nan, np.nan))
            points += [(share, y - 0.5), (share, y + 0.5)]
    for dashes, points in segments.items():
        axes.plot(*zip(*points), color=BASELINE_COLOUR, lw=1.5, ls=dashes, zorder=1.5)


def write_mean(axes: Axes, y: float, rows: Rows) -> None:
    """The mean in per cent, right of the line."""
    if (accuracy := over_seeds(rows)) is not None:
        axes.text(106, y, number(accuracy.mean, digits=0), va="center", fontsize=15, fontweight="bold")


def label_lines(all_axes: Sequence[Axes], labels: list[str]) -> None:
    """The labels of all lines, beside the first of several axes that share them, the first line on top."""
    all_axes[0].set_yticks(range(len(labels)), labels)
    all_axes[0].set_ylim(len(labels) - 0.5, -0.5)
    for axes in all_axes:
        per_cent_axis(axes, "x")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if len(labels) > MANY:
            axes.tick_params(labelsize=12)
