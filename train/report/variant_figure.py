"""The figure of many variants: against their numbers where all end in one, otherwise a line for each, by split."""

from itertools import chain
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes

from train.report.base import Rows
from train.report.groups import Group, Groups, group_rows, of_split, splits_of
from train.report.lines import NOTE, draw_baselines, draw_line, label_lines
from train.report.numeric import draw_numeric, numeric_axes, parts_of
from train.report.style import STYLE, add_legend, askable, look_of, model_handles, new_figure, save_figure, split_title

LINE_HEIGHT, PANEL_WIDTH, MARGINS = 0.27, 1.8, 2.0  # inches


def draw_variants(title: str, rows: Rows, groups: Groups, axes: dict[str, str], folder: Path) -> None:
    """Writes figure.svg and figure.png of the rows, whose `groups` are in the order of the lines.

    `axes` gives the setting or number that variants of a prefix stand for.
    """
    splits = splits_of(rows)
    if numeric := numeric_axes(group_rows(rows), axes):
        draw_numeric(title, numeric, splits, folder)
    else:
        draw_lines(title, groups, splits, axes, folder)


@rc_context(STYLE)
def draw_lines(title: str, groups: Groups, splits: list[str], axes: dict[str, str], folder: Path) -> None:
    """A line for each label and a panel for each split that some variant can be asked."""
    labels: dict[str, list[Rows]] = {}
    for group, rows in groups.items():
        labels.setdefault(label_of(group, axes), []).append(rows)
    all_rows = [row for rows in groups.values() for row in rows]
    shown, note = askable(all_rows, splits, NOTE)
    figure = new_figure(title, LINE_HEIGHT * len(labels) + MARGINS, PANEL_WIDTH * len(shown) + MARGINS)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for panel, split in zip(panels, shown):
        for y, variants in enumerate(labels.values()):
            draw_label(panel, y, [of_split(rows, split) for rows in variants])
        draw_baselines(panel, {y: of_split(chain.from_iterable(rows), split) for y, rows in enumerate(labels.values())})
        panel.set_title(split_title(split, "\n"))
    label_lines(panels, list(labels))
    add_legend(figure, model_handles(all_rows), all_rows, note)
    save_figure(figure, folder)


def label_of(group: Group, axes: dict[str, str]) -> str:
    """What a line is called: "depth 1" for causal-1 where `causal` stands for the setting model.depth."""
    parts = parts_of(group.variant, axes)
    if parts is None or parts.prefix not in axes:
        return group.label()
    setting = axes[parts.prefix].rpartition(".")[2].replace("_", " ")
    return group._replace(variant=f"{setting} {parts.value}").label()


def draw_label(panel: Axes, y: int, variants: list[Rows]) -> None:
    """The lines of all models that share a label, one below the other."""
    height = 0.72 / len(variants)
    for i, rows in enumerate(variants):
        if rows:
            draw_line(panel, y + height * (i - (len(variants) - 1) / 2), rows, look_of(rows), 0.88 * height)
