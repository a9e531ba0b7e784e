"""The report of a sweep or an ablation: many variants in one table, a row for each, and in one figure."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.methods.closed_book import ClosedBook
from eval.report import CANNOT_BE_ASKED
from eval.tables import print_table
from model.objectives.base import AS_TRAINED
from train.report.base import (
    ELIMINATION,
    INTERVALS,
    Report,
    Rows,
    baseline,
    known_baselines,
    markdown_table,
    number,
    over_seeds,
    save_figure,
)
from train.report.lines import draw_line, label_lines

COLOURS = {"forward": "#30638e", "backward": "#7a9e7e", "inverse": "#d1495b", "wrong_frame": "#8d8d8d"}
OTHER_COLOUR = "#6a4c93"
DIFFERS = "differs"
MAX_DIFFERENCE = 0.005  # between the baselines of variants that are said to have the same
COSTS = ("steps_to_90", "targets_to_90")
STATEMENT_SPLITS = ("forward", "backward", "inverse")
LEARNED = ("forward", "inverse")  # splits of which the terminal shows the cost
RANKING = ("inverse", "backward", "forward")
LOWER_IS_BETTER = ("wrong_frame", "echo")
USUAL = (ClosedBook.name, AS_TRAINED)  # method and query mode that a label leaves out
NONE = "–"


class Group(NamedTuple):
    """What one row of a table is about."""

    variant: str
    method: str
    query_mode: str

    def label(self) -> str:
        further = (part for part in (self.method, self.query_mode) if part not in USUAL)
        return ", ".join([self.variant, *further])


Groups = dict[Group, Rows]


@dataclass(frozen=True)
class ByVariant(Report):
    """A row for each variant, method and query mode, and a panel for each split."""

    ranked: bool = True
    """whether the best inverse comes first; otherwise variants keep their order"""

    def markdown(self, rows: Rows) -> str:
        """Two tables: accuracies with intervals and every seed, then what each variant cost."""
        groups = self.groups(rows)
        return f"{accuracy_table(groups, splits_of(rows))}\n{INTERVALS}\n\n{cost_table(groups, splits_of(rows))}"

    def print(self, rows: Rows) -> None:
        """Prints mean accuracies, a table for each method, and what it took to reach 90 %, where anything did."""
        for method in methods_of(rows):
            of_method = [row for row in rows if row["method"] == method]
            print_accuracies(method, self.groups(of_method), splits_of(of_method))
        if any(row["steps_to_90"] is not None for row in rows if row["split"] in LEARNED):
            print_costs(self.groups([row for row in rows if row["method"] == ClosedBook.name]))

    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png: a line for each variant, a point for each seed, a panel for each split."""
        groups, splits = self.groups(rows), splits_of(rows)
        figure = Figure(figsize=(2.6 * len(splits) + 2.6, 0.32 * len(groups) + 1.3), layout="constrained")
        panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for panel, split in zip(panels, splits):
            draw_split(panel, groups, split)
        label_lines(panels, [group.label() for group in groups])
        figure.supxlabel("exact match, % (every seed a point; dotted: elimination baseline)", fontsize=9)
        save_figure(figure, folder)

    def groups(self, rows: Rows) -> Groups:
        """Rows by group, method by method, and in each the best mean inverse first where ranked."""
        groups: Groups = {}
        for row in rows:
            groups.setdefault(Group(row["variant"], row["method"], row["query_mode"]), []).append(row)
        methods = methods_of(rows)

        def sort_key(group: Group) -> tuple[float, ...]:
            results = [over_seeds(of_split(groups[group], split)) for split in RANKING] if self.ranked else []
            return methods.index(group.method), *(1.0 if result is None else -result.mean for result in results)

        return {group: groups[group] for group in sorted(groups, key=sort_key)}


def splits_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["split"] for row in rows))


def methods_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["method"] for row in rows))


def of_split(rows: Rows, split: str) -> Rows:
    return [row for row in rows if row["split"] == split]


def accuracy_table(groups: Groups, splits: list[str]) -> str:
    """Accuracies in per cent, and the baselines in the last rows."""
    differs = {split for split in splits if common_baseline(groups, split, ELIMINATION) == DIFFERS}
    body = []
    for group, rows in groups.items():
        cells = [accuracy_cell(of_split(rows, split), split in differs) for split in splits]
        body.append([group.label(), *cells])
    for name, column in baselines_of(groups).items():
        body.append([name, *(common_baseline(groups, split, column) for split in splits)])
    return markdown_table(["variant", *splits], body)


def accuracy_cell(rows: Rows, with_baseline: bool) -> str:
    """In per cent: mean, its interval, then every seed, and the elimination baseline where variants differ in it."""
    accuracy = over_seeds(rows)
    cell = NONE
    if accuracy is not None:
        each_seed = " ".join(number(row["accuracy"]) for row in rows)
        cell = f"**{number(accuracy.mean)}** ({accuracy.interval()}): {each_seed}"
    if rows and with_baseline:
        cell += f" [elimination baseline {number(baseline(rows, ELIMINATION), digits=2)}]"
    return cell


def cost_table(groups: Groups, splits: list[str]) -> str:
    """Steps and targets to 90 % of each split, then steps, targets, parameters and seconds in all."""
    columns = [(cost, split) for cost in COSTS for split in STATEMENT_SPLITS if split in splits]
    headings = (f"{cost.replace('_', ' ')}, {split}" for cost, split in columns)
    body = [
        [
            group.label(),
            *(cost_cell(of_split(rows, split), cost) for cost, split in columns),
            str(rows[0]["steps"]),
            f"{median(row['target_tokens'] for row in rows) / 1000:.0f}k",
            f"{rows[0]['parameters'] / 1000:.0f}k",
            f"{median(row['seconds'] for row in rows):.0f}",
        ]
        for group, rows in groups.items()
    ]
    return markdown_table(["variant", *headings, "steps", "targets", "parameters", "seconds"], body)


def cost_cell(rows: Rows, cost: str) -> str:
    """The median over the seeds that reached 90 %, and how many did where not all."""
    answerable = [row for row in rows if row["count"]]
    costs = [row[cost] for row in answerable if row[cost] is not None]
    if not costs:
        return NONE
    middle = median(costs)
    cell = f"{middle / 1000:.0f}k" if middle >= 10_000 else f"{middle:.0f}"
    return cell if len(costs) == len(answerable) else f"{cell} ({len(costs)}/{len(answerable)})"


def baselines_of(groups: Groups) -> dict[str, str]:
    """The column of each baseline that the rows of the groups have."""
    return known_baselines([row for rows in groups.values() for row in rows])


def common_baseline(groups: Groups, split: str, column: str) -> str:
    """A baseline of a split in per cent, or that variants differ in it because their worlds do."""
    each_variant = [baseline(of_split(group, split), column) for group in groups.values()]
    known = [share for share in each_variant if share is not None]
    if not known:
        return NONE
    return number(float(np.mean(known)), digits=2) if max(known) - min(known) < MAX_DIFFERENCE else DIFFERS


def print_accuracies(method: str, groups: Groups, splits: list[str]) -> None:
    """Prints mean accuracies and, where there is room, the lowest and the highest seed of the inverse."""
    few_splits = len(splits) <= 4
    title = "exact match, %" + (f": {method}" if method != ClosedBook.name else "")
    title += " (inverse: lowest and highest seed in brackets)" * (few_splits and "inverse" in splits)
    head = [name.replace("_", " " if few_splits else "\n") for name in ("variant", *splits, "seconds")]
    body = []
    for group, rows in groups.items():
        cells = [
            share_with_range(of_split(rows, split), with_range=few_splits and split == "inverse") for split in splits
        ]
        label = group._replace(method=ClosedBook.name).label()  # the title names the method
        body.append([label, *cells, f"{median(row['seconds'] for row in rows):.0f}"])
    for name, column in baselines_of(groups).items():
        body.append([name, *(common_baseline(groups, split, column) for split in splits), ""])
    print_table(head, body, title=title)


def share_with_range(rows: Rows, with_range: bool) -> str:
    """Mean accuracy in per cent, with the lowest and the highest seed where there are several."""
    accuracies = [row["accuracy"] for row in rows if row["count"]]
    if not accuracies:
        return NONE
    limits = f" ({number(min(accuracies))}–{number(max(accuracies))})"
    return number(over_seeds(rows).mean) + (limits if with_range and len(accuracies) > 1 else "")


def print_costs(groups: Groups) -> None:
    columns = [(cost, split) for cost in COSTS for split in LEARNED]
    head = ["variant", *(f"{cost.partition('_')[0]},\n{split}" for cost, split in columns)]
    body = [
        [group.label(), *(cost_cell(of_split(rows, split), cost) for cost, split in columns)]
        for group, rows in groups.items()
    ]
    print_table(head, body, title="to reach 90 %: median over seeds; in brackets how many did, where not all")


def draw_split(panel: Axes, groups: Groups, split: str) -> None:
    """The line of each group, and where it cannot be asked."""
    for y, rows in enumerate(of_split(group, split) for group in groups.values()):
        draw_line(panel, y, rows, COLOURS.get(split, OTHER_COLOUR))
        if rows and not any(row["count"] for row in rows):
            panel.text(1, y, CANNOT_BE_ASKED, va="center", fontsize=7, color="0.45")
    panel.set_title(split.replace("_", " ") + (" (lower is better)" if split in LOWER_IS_BETTER else ""), fontsize=10)
