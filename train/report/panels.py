"""The report of a study: a few accuracies out of many runs, side by side, a panel for each task or question."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes

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
)
from train.report.lines import NOTE, draw_baselines, draw_line, label_lines, write_mean
from train.report.style import STYLE, add_legend, look_of, model_handles, new_figure, save_figure

LABEL, MEAN, RETRIEVED = "", "mean", "correct where retrieved"
# In per cent. The last column is for methods that retrieve documents: accuracy on the questions whose premises were all
# retrieved, and the share of such questions.
HEAD = [LABEL, MEAN, "95 % interval", "each seed", "elimination baseline", "link baseline", RETRIEVED]
TERMINAL_HEAD = {name: name for name in HEAD if name != "link baseline"} | {
    "elimination baseline": "elim.\nbaseline",
    RETRIEVED: "correct where\nretrieved",
}
PANELS_PER_ROW = 4  # as a slide has room for
LINE_HEIGHT, ROW_MARGIN, MARGINS = 0.2, 0.6, 1.3  # inches

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
    """A table for each panel, and panels side by side in one figure, or in two: a slide and the rest."""

    panels: dict[str, Panel]
    """by title"""
    title: str = "Variants of a sweep"
    """of the figure: what was varied"""
    slide: dict[str, Panel] = field(default_factory=dict)
    """what figure.svg shows, by title, if not all; the other accuracies are in figure-2.svg"""

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
        """Writes figure.svg and figure.png and, where there is a slide, figure-2.svg and figure-2.png."""
        if self.slide:
            draw_grid(self.title, self.slide, rows, folder, "figure", with_means=True)
            draw_grid(f"{self.title} (the rest)", self.rest(), rows, folder, "figure-2")
        else:
            draw_grid(self.title, self.titled(self.panels), rows, folder, "figure")

    def titled(self, panels: dict[str, Panel]) -> dict[str, Panel]:
        """The panels with their splits in the titles."""
        return {f"{title}:\n{panel.split.replace('_', ' ')}": panel for title, panel in panels.items()}

    def rest(self) -> dict[str, Panel]:
        """The panels without what the slide shows."""
        shown = {(panel.split, selection) for panel in self.slide.values() for selection in panel.variants.values()}
        left = {
            title: {label: choice for label, choice in panel.variants.items() if (panel.split, choice) not in shown}
            for title, panel in self.panels.items()
        }
        return self.titled(
            {title: replace(self.panels[title], variants=labels) for title, labels in left.items() if labels}
        )


def panel_table(lines: list[dict[str, str]]) -> str:
    """The table of a panel in Markdown."""
    head = filled(lines)
    return markdown_table(head, [[line[name] for name in head] for line in lines])


def print_panel(title: str, lines: list[dict[str, str]]) -> None:
    """Prints the table of a panel."""
    head = [name for name in filled(lines) if name in TERMINAL_HEAD]
    body = [[line[name] for name in head] for line in lines]
    print_table([TERMINAL_HEAD[name] for name in head], body, title=title)


@rc_context(STYLE)
def draw_grid(
    title: str, panels: dict[str, Panel], rows: Rows, folder: Path, name: str, with_means: bool = False
) -> None:
    """Writes NAME.svg and NAME.png: panels in rows, each row with labels of its own."""
    titles = list(panels)
    grid = [titles[first : first + PANELS_PER_ROW] for first in range(0, len(titles), PANELS_PER_ROW)]
    labels = [list(dict.fromkeys(label for title in row for label in panels[title].variants)) for row in grid]
    figure = new_figure(title, sum(LINE_HEIGHT * len(of_row) + ROW_MARGIN for of_row in labels) + MARGINS)
    ratios = [len(of_row) + 1 for of_row in labels]
    shape = len(grid), len(grid[0])
    all_axes = figure.subplots(*shape, sharex=True, sharey="row", squeeze=False, height_ratios=ratios)
    for axes_row, row, of_row in zip(all_axes, grid, labels):
        for axes, panel_title in zip(axes_row, row):
            draw_panel(axes, panels[panel_title], rows, of_row, with_means)
            axes.set_title(panel_title)
        label_lines(axes_row[: len(row)], of_row)
        for axes in axes_row[len(row) :]:
            axes.remove()
    shown = [row for panel in panels.values() for label in panel.variants for row in panel.rows(rows, label)]
    add_legend(figure, model_handles(shown), shown, NOTE)
    save_figure(figure, folder, name)


def draw_panel(axes: Axes, panel: Panel, rows: Rows, labels: list[str], with_means: bool) -> None:
    """The line of each label that the panel has."""
    rows_of = {y: panel.rows(rows, label) for y, label in enumerate(labels) if label in panel.variants}
    for y, of_label in rows_of.items():
        draw_line(axes, y, of_label, look_of(of_label))
        if with_means and of_label:
            write_mean(axes, y, of_label)
    draw_baselines(axes, rows_of)
