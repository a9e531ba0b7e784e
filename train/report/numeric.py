"""Variants whose names end in numbers, such as two-way-50: accuracy against the number, a line for each series."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation

from eval.report import CANNOT_BE_ASKED
from train.report.base import Rows, over_seeds
from train.report.style import (
    BASELINE_COLOUR,
    LOOKS,
    STYLE,
    Look,
    add_legend,
    askable,
    drawn_baselines,
    looks_apart,
    new_figure,
    per_cent_axis,
    save_figure,
    split_title,
)

NUMBER = r"x?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"  # x10: ten times as many
NOTE = "exact match, %. Lines join means over seeds; small points: seeds; thin bars: 95 % intervals"
GEOMETRIC = 8  # numbers that span this factor get a logarithmic axis
SHIFT = 5 / 72  # inches between the points of two series at the same number

Values = dict[float, Rows]
"""rows by the number that the variant ends in"""


@dataclass(frozen=True)
class NumericAxis:
    """The variants of one axis."""

    name: str
    """what the numbers are of"""
    series: dict[str, Values] = field(default_factory=dict)
    """by label"""

    def rows(self) -> Rows:
        return [row for values in self.series.values() for rows in values.values() for row in rows]

    def values(self) -> list[float]:
        """All numbers, the lowest first."""
        return sorted({value for values in self.series.values() for value in values})


class NumericPanel(NamedTuple):
    """What one panel shows."""

    axis: NumericAxis
    split: str
    title: str = ""
    row_title: str = ""
    """beside the row of panels that it begins"""


class Parts(NamedTuple):
    """The parts of a variant's name."""

    prefix: str
    value: str


def parts_of(variant: str, prefixes: Iterable[str]) -> Parts | None:
    """What the name of a variant is made of: one of the prefixes and a value, or any prefix and a number."""
    for prefix in sorted(prefixes, key=len, reverse=True):
        if variant.startswith(f"{prefix}-"):
            return Parts(prefix, variant.removeprefix(f"{prefix}-"))
    found = re.fullmatch(rf"(.+?)-({NUMBER})", variant)
    return Parts(*found.groups()) if found else None


def numeric_axes(groups: dict[Any, Rows], names: dict[str, str]) -> list[NumericAxis]:
    """The axes of all variants; none unless every variant ends in a number, and every axis has several.

    `names` gives the axis of each prefix. Other prefixes are axes of their own.
    """
    axes: dict[str, NumericAxis] = {}
    for group, rows in groups.items():
        parts = parts_of(group.variant, names)
        if parts is None or not re.fullmatch(NUMBER, parts.value):
            return []
        value = float(parts.value.removeprefix("x"))
        axis = axes.setdefault(name := names.get(parts.prefix, parts.prefix), NumericAxis(name))
        label = group._replace(variant=parts.prefix).label()
        axis.series.setdefault(label, {}).setdefault(value, []).extend(rows)
    are_numbers = all(len(axis.values()) > 1 and isfinite(axis.values()[-1]) for axis in axes.values())
    return list(axes.values()) if are_numbers else []


def draw_numeric(title: str, all_axes: list[NumericAxis], splits: list[str], folder: Path) -> None:
    """Writes figure.svg and figure.png: a panel for each axis and split that some model can be asked."""
    rows = [row for axis in all_axes for row in axis.rows()]
    shown, note = askable(rows, splits, NOTE)
    if len(all_axes) == 1:
        panels = [NumericPanel(all_axes[0], split, split_title(split)) for split in shown]
        columns = min(len(shown), 2 if len(shown) in (2, 4) else 3)
    else:  # a row for each split
        panels = [NumericPanel(axis, split, row_title=split_title(split, "\n")) for split in shown for axis in all_axes]
        columns = len(all_axes)
    draw_panels(title, panels, columns, note, folder)


@rc_context(STYLE)
def draw_panels(title: str, panels: list[NumericPanel], columns: int, note: str, folder: Path) -> None:
    """Writes figure.svg and figure.png: the panels in rows of `columns`."""
    grid = -(-len(panels) // columns), columns
    figure = new_figure(title, 1.75 * grid[0] + 1.6)
    grid_axes = figure.subplots(*grid, squeeze=False, sharey=True).ravel()
    handles: dict[str, Artist] = {}
    for i, (axes, panel) in enumerate(zip(grid_axes, panels)):
        looks = looks_apart({label: next(iter(values.values())) for label, values in panel.axis.series.items()})
        draw_panel(axes, panel, looks)
        is_last = all(below.axis is not panel.axis for below in panels[i + columns :: columns])
        axes.set(xlabel=panel.axis.name if is_last else "", ylabel="" if i % columns else panel.row_title)
        for label, look in looks.items():
            name = look.label if label in LOOKS or len(looks) == 1 else label
            handles.setdefault(name, look.handle(name, has_line=True))
    for unused in grid_axes[len(panels) :]:
        unused.remove()
    add_legend(figure, list(handles.values()), [row for panel in panels for row in panel.axis.rows()], note)
    save_figure(figure, folder)


def draw_panel(axes: Axes, panel: NumericPanel, looks: dict[str, Look]) -> None:
    """Each series of an axis on one split, and the baselines."""
    number_axis(axes, panel.axis.values())
    axes.set_title(panel.title)
    per_cent_axis(axes, "y")
    not_asked = []
    for i, (label, values) in enumerate(panel.axis.series.items()):
        of_split = {value: [row for row in values[value] if row["split"] == panel.split] for value in sorted(values)}
        if any(row["count"] for rows in of_split.values() for row in rows):
            draw_series(axes, of_split, looks[label], i - (len(panel.axis.series) - 1) / 2)
        elif any(of_split.values()):
            not_asked.append(label)
    if not_asked:
        text = f"{', '.join(not_asked)}: {CANNOT_BE_ASKED}"
        axes.text(0.02, 0.42, text, transform=axes.transAxes, fontsize=12, color="0.35")
    draw_baselines(axes, panel)


def draw_series(axes: Axes, values: Values, look: Look, shift: float) -> None:
    """The means of a series with their intervals, and every seed."""
    moved = axes.transData + ScaledTranslation(SHIFT * shift, 0, axes.figure.dpi_scale_trans)
    asked = {value: accuracy for value, rows in values.items() if (accuracy := over_seeds(rows))}
    means = [100 * accuracy.mean for accuracy in asked.values()]
    line = {"color": look.colour, "ls": look.dashes, "lw": 2, "zorder": 2}
    mean = {"marker": look.marker, "ms": 9, "markeredgecolor": "white"}
    axes.plot(list(asked), means, transform=moved, clip_on=False, **line, **mean)
    for value, accuracy in asked.items():
        ends = [100 * accuracy.low, 100 * accuracy.high]
        axes.plot([value] * 2, ends, color=look.colour, lw=1.2, alpha=0.6, transform=moved, clip_on=False, zorder=1.5)
    points = [(value, 100 * row["accuracy"]) for value in asked for row in values[value] if row["count"]]
    axes.scatter(*zip(*points), s=12, color=look.dark(), transform=moved, clip_on=False, zorder=3)


def draw_baselines(axes: Axes, panel: NumericPanel) -> None:
    """The baselines against the number, the mean of all series."""
    lines: dict[Any, list[tuple[float, float]]] = {}
    for value in panel.axis.values():
        rows = [row for values in panel.axis.series.values() for row in values.get(value, [])]
        for share, dashes in drawn_baselines([row for row in rows if row["split"] == panel.split]):
            lines.setdefault(dashes, []).append((value, share))
    for dashes, points in lines.items():
        axes.plot(*zip(*points), color=BASELINE_COLOUR, lw=1.5, ls=dashes, zorder=1)


def number_axis(axes: Axes, values: list[float]) -> None:
    """An axis with a tick at each number: logarithmic where they span a large factor, from zero on where one is 0."""
    positive = [value for value in values if value > 0]
    if positive and positive[-1] / positive[0] >= GEOMETRIC:
        if positive == values:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
    axes.set_xticks(values, [f"{value:g}" for value in values], fontsize=12)
    axes.xaxis.set_minor_locator(NullLocator())
    scale = axes.xaxis.get_transform()
    first, last = scale.transform([values[0], values[-1]])
    margin = 0.08 * (last - first)
    axes.set_xlim(scale.inverted().transform([first - margin, last + margin]))
