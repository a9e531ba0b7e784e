"""A few accuracies out of many runs, side by side: a panel for each task, a line for each way of getting there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from eval.score import interval
from train.figure import save
from train.tables import number
from train.wide import ELIMINATION, as_markdown

Rows = list[dict[str, Any]]
# In per cent. Where documents are looked up: how many of those questions are right for which all that is needed was
# found, and for how many it was.
HEAD = ["", "all", "95 % interval", "each seed", "by elimination", "right where found"]
COLOURS = {"closed-book": "#d1495b", "in-context": "#30638e"}  # the two that every other is compared with
OTHER, TOLD = "#7a9e7e", "#8d8d8d"
ACROSS = 4  # panels side by side, as a slide has room for


@dataclass(frozen=True)
class Panel:
    split: str
    """what is asked"""
    lines: dict[str, tuple[str, str] | tuple[str, str, str]]
    """by what a line is called: a variant and the way it is asked, and what is asked, where that is something else"""

    def rows(self, rows: Rows, line: str) -> Rows:
        """One a seed."""
        wanted = (*self.lines.get(line, ("", "")), self.split)[:3]
        found = [row for row in rows if (row["variant"], row["way"], row["split"]) == wanted and row["count"]]
        return [row for row in found if row["asked"] == found[0]["asked"]]

    def cells(self, rows: Rows) -> list[list[str]]:
        """What each line has come to, as HEAD says, and the chance of a guess among all that is asked."""
        found = {line: own for line in self.lines if (own := self.rows(rows, line))}
        of_split = (own for own in found.values() if own[0]["split"] == self.split)
        chance = [row["chance"] for row in next(of_split, [])]
        last = [["chance", f"{100 * np.mean(chance):.2f}", "", "", "", ""]] if chance else []
        return [cells(line, own) for line, own in found.items()] + last


def cells(line: str, own: Rows) -> list[str]:
    correct, count = (sum(row[key] for row in own) for key in ("correct", "count"))
    low, high = interval(correct, count)
    where_found = ""
    if own[0]["found"] is not None:
        found, there = (sum(row[key] for row in own) for key in ("found", "correct_where_found"))
        where_found = f"{number(there / found)} of {number(found / count)}" if found else "none found"
    each = " ".join(f"{100 * row['accuracy']:.0f}" for row in own)
    return [line, number(correct / count), f"{number(low)}–{number(high)}", each, number(guess(own)), where_found]


def guess(own: Rows) -> float:
    """Chance by elimination."""
    return float(np.mean([row[ELIMINATION] for row in own]))


@dataclass(frozen=True)
class Shown:
    """Table and figure of the panels, by title."""

    panels: dict[str, Panel]

    def markdown(self, rows: Rows) -> str:
        """A table a panel."""
        return "\n".join(
            f"**{title}: {panel.split}**\n\n" + as_markdown(HEAD, panel.cells(rows))
            for title, panel in self.panels.items()
            if any(panel.rows(rows, line) for line in panel.lines)
        )

    def print_table(self, rows: Rows) -> None:
        """The same in a terminal of 80 columns, a table a panel."""
        print("answered exactly right, %")
        for title, panel in self.panels.items():
            if cells := panel.cells(rows):
                print(f"\n{title}: {panel.split.replace('_', ' ')}")
                table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
                for i, name in enumerate(HEAD):
                    head = name.replace("elimination", "elim.").replace("right where ", "where\n")
                    table.add_column(head, justify="right" if i else "left", no_wrap=i > 0)
                for line in cells:
                    table.add_row(*line)
                Console().print(table)

    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png: panels side by side, in rows that each have their own lines."""
        panels = list(self.panels.items())
        shown = [panels[first : first + ACROSS] for first in range(0, len(panels), ACROSS)]
        lines = [list(dict.fromkeys(line for _, panel in row for line in panel.lines)) for row in shown]
        size = 2.6 * len(shown[0]) + 2.4, sum(0.25 * len(own) + 0.5 for own in lines) + 0.5
        figure = Figure(figsize=size, layout="constrained")
        every = figure.subplots(
            len(shown),
            len(shown[0]),
            sharex=True,
            sharey="row",
            squeeze=False,
            height_ratios=[len(own) + 1 for own in lines],
        )
        for axes, row, own in zip(every, shown, lines):
            for axis, (title, panel) in zip(axes, row):
                dots(axis, panel, rows, own)
                axis.set_title(f"{title}: {panel.split.replace('_', ' ')}", fontsize=10)
            for axis in axes[len(row) :]:
                axis.remove()
            axes[0].set_yticks(range(len(own)), own)
            axes[0].set_ylim(len(own) - 0.5, -0.5)
        legend = "every seed a point; dotted: chance by elimination; empty: it cannot be asked so, or was not"
        figure.supxlabel(f"answered exactly right, % ({legend})", fontsize=9)
        save(figure, folder)


def dots(axis: Axes, panel: Panel, rows: Rows, lines: list[str]) -> None:
    for y, line in enumerate(lines):
        own = panel.rows(rows, line)
        each = [100 * row["accuracy"] for row in own]
        axis.axhline(y, color="0.92", lw=0.8, zorder=0)
        if each:
            axis.plot([100 * guess(own)] * 2, [y - 0.5, y + 0.5], color="0.4", lw=1, ls=":")
            _, way, *other_split = panel.lines[line]
            colour = TOLD if other_split else COLOURS.get(way, OTHER)
            axis.plot([0, np.mean(each)], [y, y], color=colour, lw=6, alpha=0.3, solid_capstyle="butt")
            spread = np.linspace(-0.2, 0.2, len(each)) if len(each) > 1 else 0
            axis.scatter(each, np.full(len(each), y) + spread, s=15, color=colour, zorder=3, clip_on=False)
    axis.set(xlim=(-2, 102))
    axis.tick_params(axis="y", length=0, labelsize=9)
    axis.spines[["top", "right", "left"]].set_visible(False)
