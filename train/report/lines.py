"""What the figures of many variants are made of: a line for each, from zero to its mean, with a point for each seed."""

import numpy as np
from matplotlib.axes import Axes

from train.report.base import ELIMINATION, Rows, baseline

SPREAD = 0.19  # of the points of a line, above and below it


def draw_line(axes: Axes, y: int, rows: Rows, colour: str) -> None:
    """A bar to the mean of the rows, a point for each seed, and the elimination baseline as a dotted line."""
    axes.axhline(y, color="0.92", lw=0.8, zorder=0)
    if rows:
        axes.plot([100 * baseline(rows, ELIMINATION)] * 2, [y - 0.5, y + 0.5], color="0.4", lw=1, ls=":")
    accuracies = [100 * row["accuracy"] for row in rows if row["count"]]
    if accuracies:
        axes.plot([0, np.mean(accuracies)], [y, y], color=colour, lw=5.5, alpha=0.3, solid_capstyle="butt")
        offsets = np.linspace(-SPREAD, SPREAD, len(accuracies)) if len(accuracies) > 1 else 0
        axes.scatter(accuracies, np.full(len(accuracies), y) + offsets, s=14, color=colour, zorder=3, clip_on=False)


def label_lines(all_axes: np.ndarray, labels: list[str]) -> None:
    """The labels of all lines, beside the first of several axes that share them, the first line on top."""
    all_axes[0].set_yticks(range(len(labels)), labels)
    all_axes[0].set_ylim(len(labels) - 0.5, -0.5)
    for axes in all_axes:
        axes.set(xlim=(-2, 102))
        axes.tick_params(axis="y", length=0, labelsize=9)
        axes.spines[["top", "right", "left"]].set_visible(False)
