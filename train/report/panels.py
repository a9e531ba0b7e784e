"""The report of a study: a few accuracies out of many runs, side by side, a panel for each task or question."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.methods.closed_book import ClosedBook
from eval.methods.in_context import InContext
from eval.tables import print_line, print_table
from train.report.base import (
    BASELINES,
    INTERVALS,
    Report,
    Rows,
    baseline,
    literal,
    markdown_table,
    number,
    over_seeds,
    save_figure,
)
from train.report.lines import draw_line, label_lines

LABEL, MEAN, RETRIEVED = "", "mean", "correct where retrieved"
# In per cent. The last column is for methods that retrieve documents: accuracy on the questions whose premises were all
# retrieved, and the share of such questions.
HEAD = [LABEL, MEAN, "95 % interval", "each seed", "elimination baseline", "link baseline", RETRIEVED]
TERMINAL_HEAD = {name: name for name in HEAD if name != "link baseline"} | {
    "elimination baseline": "elim.\nbaseline",
    RETRIEVED: "correct where\nretrieved",
}
COLOURS = {ClosedBook.name: "#d1495b", InContext.name: "#30638e"}  # the two that every other is compared with
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

    def lines(self, rows: Rows) -> list[dict[str, str]]:
        """The cells of each label that has rows, by the names in HEAD, then those of chance on the panel's split."""
        rows_of = {label: label_rows for label in self.variants if (label_rows := self.rows(rows, label))}
        lines = [cells(label, label_rows) for label, label_rows in rows_of.items()]
        on_split = [label_rows for label_rows in rows_of.values() if label_rows[0]["split"] == self.split]
        if on_split:
            chance = number(baseline(on_split[0], BASELINES["chance"]), digits=2)
            lines.append(dict.fromkeys(HEAD, "") | {LABEL: "chance", MEAN: chance})
        return lines


def cells(label: str, rows: Rows) -> dict[str, str]:
    """The cells of one label, by the names in HEAD."""
    accuracy = over_seeds(rows)
    each_seed = " ".join(number(row["accuracy"], digits=0) for row in rows)
    line = {LABEL: label, MEAN: number(accuracy.mean), "95 % interval": accuracy.interval(), "each seed": each_seed}
    baselines = {name: number(baseline(rows, BASELINES[name])) for name in HEAD if name in BASELINES}
    return line | baselines | {RETRIEVED: retrieved_cell(rows)}


def filled(lines: list[dict[str, str]]) -> list[str]:
    """The columns of HEAD that some of the lines fill."""
    return [name for name in HEAD if name == LABEL or any(line[name] for line in lines)]


def retrieved_cell(rows: Rows) -> str:
    """Accuracy where all premises were retrieved, and how often they were. Empty where nothing is retrieved."""
    if rows[0]["retrieved"] is None:
        return ""
    retrieved, correct, count = (
        sum(row[column] for row in rows) for column in ("retrieved", "correct_where_retrieved", "count")
    )
    return f"{number(correct / retrieved)} of {number(retrieved / count)}" if retrieved else "none retrieved"


@dataclass(frozen=True)
class PanelReport(Report):
    """A table for each panel, and panels side by side in one figure."""

    panels: dict[str, Panel]
    """by title"""

    def markdown(self, rows: Rows) -> str:
        tables = [
            f"**{literal(f'{title}: {panel.split}')}**\n\n{panel_table(lines)}"
            for title, panel in self.panels.items()
            if (lines := panel.lines(rows))
        ]
        return "\n".join([*tables, f"{INTERVALS}\n"])

    def print(self, rows: Rows) -> None:
        print("exact match, %")
        for title, panel in self.panels.items():
            if lines := panel.lines(rows):
                print()
                print_panel(f"{title}: {panel.split.replace('_', ' ')}", lines)
        print()
        print_line(INTERVALS)

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
        figure.supxlabel(f"exact match, % ({LEGEND})", fontsize=9)
        save_figure(figure, folder)


def panel_table(lines: list[dict[str, str]]) -> str:
    """The table of a panel in Markdown."""
    head = filled(lines)
    return markdown_table(head, [[line[name] for name in head] for line in lines])


def print_panel(title: str, lines: list[dict[str, str]]) -> None:
    """Prints the table of a panel."""
    head = [name for name in filled(lines) if name in TERMINAL_HEAD]
    body = [[line[name] for name in head] for line in lines]
    print_table([TERMINAL_HEAD[name] for name in head], body, title=title)


def draw_row(all_axes: np.ndarray, panels: list[tuple[str, Panel]], labels: list[str], rows: Rows) -> None:
    """One row of the figure: its panels by title, which share `labels`."""
    for axes, (title, panel) in zip(all_axes, panels):
        draw_panel(axes, panel, rows, labels)
        axes.set_title(f"{title}: {panel.split.replace('_', ' ')}", fontsize=10)
    label_lines(all_axes[: len(panels)], labels)
    for axes in all_axes[len(panels) :]:
        axes.remove()


def draw_panel(axes: Axes, panel: Panel, rows: Rows, labels: list[str]) -> None:
    """The line of each label."""
    for y, label in enumerate(labels):
        _, method, *other_split = panel.variants.get(label, (None, None))
        colour = OTHER_SPLIT_COLOUR if other_split else COLOURS.get(method, OTHER_COLOUR)
        draw_line(axes, y, panel.rows(rows, label), colour)
