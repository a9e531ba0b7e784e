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
from train.tables import number
from train.wide import CHANCES, ELIMINATION, as_markdown

Rows = list[dict[str, Any]]
COLOURS = {"closed-book": "#d1495b", "in-context": "#30638e"}  # the two that every other is compared with
OTHER = "#7a9e7e"


@dataclass(frozen=True)
class Panel:
    split: str
    """what is asked"""
    lines: dict[str, tuple[str, str]]
    """by what a line is called: a variant and the way it is asked"""

    def rows(self, rows: Rows, line: str) -> Rows:
        """One a seed."""
        wanted = (*self.lines.get(line, ("", "")), self.split)
        found = [row for row in rows if (row["variant"], row["way"], row["split"]) == wanted and row["count"]]
        return [row for row in found if row["asked"] == found[0]["asked"]]

    def chance(self, rows: Rows, key: str) -> float:
        """In per cent."""
        variants = {variant for variant, _ in self.lines.values()}
        each = [row[key] for row in rows if row["split"] == self.split and row["variant"] in variants]
        return 100 * float(np.mean(each)) if each else float("nan")


@dataclass(frozen=True)
class Shown:
    """Table and figure of the panels, by title."""

    panels: dict[str, Panel]

    def lines(self) -> list[str]:
        return list(dict.fromkeys(line for panel in self.panels.values() for line in panel.lines))

    def markdown(self, rows: Rows) -> str:
        """Pooled, 95 % interval, then every seed; and both chances."""
        head = ["", *(f"{title}: {panel.split}" for title, panel in self.panels.items())]
        body = [[line, *(cell(panel.rows(rows, line)) for panel in self.panels.values())] for line in self.lines()]
        body += [[name, *self.chances(rows, key)] for name, key in CHANCES.items()]
        return as_markdown(head, body)

    def print_table(self, rows: Rows) -> None:
        table = Table(
            title="answered exactly right, %", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for i, name in enumerate(("", *(f"{title}\n{panel.split}" for title, panel in self.panels.items()))):
            table.add_column(name.replace("_", " "), justify="right" if i else "left", overflow="fold")
        for line in self.lines():
            table.add_row(line, *(cell(panel.rows(rows, line), short=True) for panel in self.panels.values()))
        for name, key in CHANCES.items():
            table.add_row(name, *self.chances(rows, key))
        Console().print(table)

    def chances(self, rows: Rows, key: str) -> list[str]:
        return [f"{panel.chance(rows, key):.2f}" for panel in self.panels.values()]

    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png."""
        lines = self.lines()
        size = 2.7 * len(self.panels) + 2.2, 0.34 * len(lines) + 1.3
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(self.panels), sharey=True, squeeze=False)[0]
        for (title, panel), axis in zip(self.panels.items(), axes):
            dots(axis, panel, rows, lines)
            axis.set_title(f"{title}: {panel.split.replace('_', ' ')}", fontsize=11)
        axes[0].set_yticks(range(len(lines)), lines, fontsize=10)
        axes[0].set_ylim(len(lines) - 0.5, -0.5)
        figure.supxlabel("answered exactly right, % (every seed a point; dotted: chance by elimination)", fontsize=9)
        figure.savefig(folder / "figure.svg", metadata={"Date": None})
        figure.savefig(folder / "figure.png", dpi=160)


def cell(own: Rows, short: bool = False) -> str:
    if not own:
        return "–"
    correct, count = (sum(row[key] for row in own) for key in ("correct", "count"))
    if short:
        each = [row["accuracy"] for row in own]
        between = f" ({number(min(each))}–{number(max(each))})" if len(each) > 1 else ""
        return number(correct / count) + between
    low, high = interval(correct, count)
    return f"**{number(correct / count)}** ({number(low)}–{number(high)}): " + " ".join(
        number(row["accuracy"]) for row in own
    )


def dots(axis: Axes, panel: Panel, rows: Rows, lines: list[str]) -> None:
    axis.axvline(panel.chance(rows, ELIMINATION), color="0.4", lw=1, ls=":")
    for y, line in enumerate(lines):
        each = [100 * row["accuracy"] for row in panel.rows(rows, line)]
        axis.axhline(y, color="0.92", lw=0.8, zorder=0)
        if each:
            colour = COLOURS.get(panel.lines[line][1], OTHER)
            axis.plot([0, np.mean(each)], [y, y], color=colour, lw=6, alpha=0.3, solid_capstyle="butt")
            spread = np.linspace(-0.2, 0.2, len(each)) if len(each) > 1 else 0
            axis.scatter(each, np.full(len(each), y) + spread, s=15, color=colour, zorder=3, clip_on=False)
    axis.set(xlim=(-2, 102))
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
