"""The report of a sweep or an ablation: many variants in one table, a row for each, and in one figure."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from eval.methods.closed_book import ClosedBook
from eval.tables import print_table
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
)
from train.report.groups import Group, Groups, group_rows, of_split, splits_of
from train.report.variant_figure import draw_variants

DIFFERS = "differs"
MAX_DIFFERENCE = 0.005  # between the baselines of variants that are said to have the same
COSTS = ("steps_to_90", "targets_to_90")
STATEMENT_SPLITS = ("forward", "backward", "inverse")
LEARNED = ("forward", "inverse")  # splits of which the terminal shows the cost
RANKING = ("inverse", "backward", "forward")
NONE = "–"


@dataclass(frozen=True)
class ByVariant(Report):
    """A row for each variant, method and query mode, and a panel for each split."""

    ranked: bool = True
    """whether the best inverse comes first; otherwise variants keep their order"""
    title: str = "Variants of a sweep"
    """of the figure: what was varied"""
    axes: dict[str, str] = field(default_factory=dict)
    """by the beginning of variants' names, the setting or number that the rest of the name is a value of"""

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
        """Writes figure.svg and figure.png: accuracy against numbers, or a line for each variant."""
        draw_variants(self.title, rows, self.groups(rows), self.axes, folder)

    def groups(self, rows: Rows) -> Groups:
        """Rows by group, method by method, and in each the best mean inverse first where ranked."""
        groups = group_rows(rows)
        methods = methods_of(rows)

        def sort_key(group: Group) -> tuple[float, ...]:
            results = [over_seeds(of_split(groups[group], split)) for split in RANKING] if self.ranked else []
            return methods.index(group.method), *(1.0 if result is None else -result.mean for result in results)

        return {group: groups[group] for group in sorted(groups, key=sort_key)}


def methods_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["method"] for row in rows))


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
