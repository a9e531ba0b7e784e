"""The report of a study: a few accuracies out of many runs, side by side, a panel for each task or question."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from train.report.base import ELIMINATION, Report, Rows, markdown_table, pooled, save_figure
from train.report.results import number

# In per cent. The last column is for methods that retrieve documents: accuracy on the questions whose premises were all
# retrieved, and the share of such questions.
HEAD = ["", "all", "95 % interval", "each seed", "elimination baseline", "correct where retrieved"]
TERMINAL_HEAD = ["", "all", "95 % interval", "each seed", "elim.\nbaseline", "correct where\nretrieved"]
COLOURS = {"closed-book": "#d1495b", "in-context": "#30638e"}  # the two that every other is compared with
OTHER_COLOUR, OTHER_SPLIT_COLOUR = "#7a9e7e", "#8d8d8d"
PANELS_PER_ROW = 4  # as a slide has room for
LEGEND = "every seed a point; dotted: elimination baseline; empty: cannot be asked, or was not"

Selection = tuple[str, str] | tuple[str, str, str]


@dataclass(frozen=True)
class Panel:
    """Accuracies on one split."""

    split: str
    """split that is shown"""
    variants: dict[str, Selection]
    """by label: a variant, a method and, where it is another than the panel's, a split"""

    def rows(self, rows: Rows, label: str) -> Rows:
        """The rows of a label in the first query mode that can be asked, one for each seed."""
        if label not in self.variants:
            return []
        selection = (*self.variants[label], self.split)[:3]
        selected = [row for row in rows if (row["variant"], row["method"], row["split"]) == selection and row["count"]]
        return [row for row in selected if row["query_mode"] == selected[0]["query_mode"]]

    def cells(self, rows: Rows) -> list[list[str]]:
        """The cells of each label that has rows, as in HEAD, then those of chance on the panel's split."""
        rows_of = {label: label_rows for label in self.variants if (label_rows := self.rows(rows, label))}
        body = [cells(label, label_rows) for label, label_rows in rows_of.items()]
        on_split = [label_rows for label_rows in rows_of.values() if label_rows[0]["split"] == self.split]
        if on_split:
            chance = np.mean([row["chance"] for row in on_split[0]])
            body.append(["chance", f"{100 * chance:.2f}", "", "", "", ""])
        return body


def cells(label: str, rows: Rows) -> list[str]:
    """The cells of one label, as in HEAD."""
    accuracy, low, high = pooled(rows)
    each_seed = " ".join(f"{100 * row['accuracy']:.0f}" for row in rows)
    interval = f"{number(low)}–{number(high)}"
    return [label, number(accuracy), interval, each_seed, number(elimination_baseline(rows)), retrieved_cell(rows)]


def retrieved_cell(rows: Rows) -> str:
    """Accuracy where all premises were retrieved, and how often they were. Empty where nothing is retrieved."""
    if rows[0]["retrieved"] is None:
        return ""
    retrieved, correct, count = (
        sum(row[column] for row in rows) for column in ("retrieved", "correct_where_retrieved", "count")
    )
    return f"{number(correct / retrieved)} of {number(retrieved / count)}" if retrieved else "none retrieved"


def elimination_baseline(rows: Rows) -> float:
    """The mean over seeds, as a share."""
    return float(np.mean([row[ELIMINATION] for row in rows]))


@dataclass(frozen=True)
class PanelReport(Report):
    """A table for each panel, and panels side by side in one figure."""

    panels: dict[str, Panel]
    """by title"""

    def markdown(self, rows: Rows) -> str:
        return "\n".join(
            f"**{title}: {panel.split}**\n\n" + markdown_table(HEAD, body)
            for title, panel in self.panels.items()
            if (body := panel.cells(rows))
        )

    def print(self, rows: Rows) -> None:
        print("answered exactly right, %")
        for title, panel in self.panels.items():
            if body := panel.cells(rows):
                print(f"\n{title}: {panel.split.replace('_', ' ')}")
                table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
                for j, heading in enumerate(TERMINAL_HEAD):
                    table.add_column(heading, justify="right" if j else "left", no_wrap=j > 0)
                for line in body:
                    table.add_row(*line)
                Console().print(table)

    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png: panels in rows, each row with labels of its own."""
        panels = list(self.panels.items())
        grid = [panels[first : first + PANELS_PER_ROW] for first in range(0, len(panels), PANELS_PER_ROW)]
        labels = [list(dict.fromkeys(label for _, panel in row for label in panel.variants)) for row in grid]
        width = 2.6 * len(grid[0]) + 2.4
        height = sum(0.25 * len(row_labels) + 0.5 for row_labels in labels) + 0.5
        figure = Figure(figsize=(width, height), layout="constrained")
        all_axes = figure.subplots(
            len(grid),
            len(grid[0]),
            sharex=True,
            sharey="row",
            squeeze=False,
            height_ratios=[len(row_labels) + 1 for row_labels in labels],
        )
        for axes, row, row_labels in zip(all_axes, grid, labels):
            draw_row(axes, row, row_labels, rows)
        figure.supxlabel(f"answered exactly right, % ({LEGEND})", fontsize=9)
        save_figure(figure, folder)


def draw_row(all_axes: np.ndarray, panels: list[tuple[str, Panel]], labels: list[str], rows: Rows) -> None:
    """One row of the figure: its panels by title, which share `labels`."""
    for axes, (title, panel) in zip(all_axes, panels):
        draw_panel(axes, panel, rows, labels)
        axes.set_title(f"{title}: {panel.split.replace('_', ' ')}", fontsize=10)
    for axes in all_axes[len(panels) :]:
        axes.remove()
    all_axes[0].set_yticks(range(len(labels)), labels)
    all_axes[0].set_ylim(len(labels) - 0.5, -0.5)


def draw_panel(axes: Axes, panel: Panel, rows: Rows, labels: list[str]) -> None:
    """For each label a bar to the mean, a point for each seed, and the elimination baseline as a dotted line."""
    for y, label in enumerate(labels):
        axes.axhline(y, color="0.92", lw=0.8, zorder=0)
        label_rows = panel.rows(rows, label)
        if not label_rows:
            continue
        accuracies = [100 * row["accuracy"] for row in label_rows]
        axes.plot([100 * elimination_baseline(label_rows)] * 2, [y - 0.5, y + 0.5], color="0.4", lw=1, ls=":")
        _, method, *other_split = panel.variants[label]
        colour = OTHER_SPLIT_COLOUR if other_split else COLOURS.get(method, OTHER_COLOUR)
        axes.plot([0, np.mean(accuracies)], [y, y], color=colour, lw=6, alpha=0.3, solid_capstyle="butt")
        offsets = np.linspace(-0.2, 0.2, len(accuracies)) if len(accuracies) > 1 else 0
        axes.scatter(accuracies, np.full(len(accuracies), y) + offsets, s=15, color=colour, zorder=3, clip_on=False)
    axes.set(xlim=(-2, 102))
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
