"""The report of a sweep or an ablation: many variants in one table, a row for each, and in one figure."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from eval.report import CANNOT_BE_ASKED
from train.report.base import ELIMINATION, Report, Rows, markdown_table, pooled, save_figure
from train.report.results import number

COLOURS = {"forward": "#30638e", "backward": "#7a9e7e", "inverse": "#d1495b", "wrong_frame": "#8d8d8d"}
OTHER_COLOUR = "#6a4c93"
BASELINES = {"chance": "chance", "elimination baseline": ELIMINATION}
DIFFERS = "differs"
COSTS = ("steps_to_90", "targets_to_90")
STATEMENT_SPLITS = ("forward", "backward", "inverse")
LEARNED = ("forward", "inverse")  # splits of which the terminal shows the cost
RANKING = ("inverse", "backward", "forward")
LOWER_IS_BETTER = ("wrong_frame", "echo")
USUAL = ("closed-book", "as-trained")  # method and query mode that a label leaves out
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
        return f"{accuracy_table(groups, splits_of(rows))}\n{cost_table(groups, splits_of(rows))}"

    def print(self, rows: Rows) -> None:
        """Prints pooled accuracies, a table for each method, and what it took to reach 90 %, where anything did."""
        for method in methods_of(rows):
            of_method = [row for row in rows if row["method"] == method]
            print_accuracies(method, self.groups(of_method), splits_of(of_method))
        if any(row["steps_to_90"] is not None for row in rows if row["split"] in LEARNED):
            print_costs(self.groups([row for row in rows if row["method"] == "closed-book"]))

    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png: a line for each variant, a point for each seed, a panel for each split."""
        groups, splits = self.groups(rows), splits_of(rows)
        figure = Figure(figsize=(2.6 * len(splits) + 2.6, 0.32 * len(groups) + 1.3), layout="constrained")
        panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for panel, split in zip(panels, splits):
            draw_split(panel, groups, split)
        panels[0].set_yticks(range(len(groups)), [group.label() for group in groups])
        panels[0].set_ylim(len(groups) - 0.5, -0.5)
        figure.supxlabel("answered exactly right, % (every seed a point; dotted: elimination baseline)", fontsize=9)
        save_figure(figure, folder)

    def groups(self, rows: Rows) -> Groups:
        """Rows by group, method by method, and in each the best pooled inverse first where ranked."""
        groups: Groups = {}
        for row in rows:
            groups.setdefault(Group(row["variant"], row["method"], row["query_mode"]), []).append(row)
        methods = methods_of(rows)

        def sort_key(group: Group) -> tuple[float, ...]:
            shares = [pooled(of_split(groups[group], split))[0] for split in RANKING] if self.ranked else []
            return methods.index(group.method), *(1.0 if share is None else -share for share in shares)

        return {group: groups[group] for group in sorted(groups, key=sort_key)}


def splits_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["split"] for row in rows))


def methods_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["method"] for row in rows))


def of_split(rows: Rows, split: str) -> Rows:
    return [row for row in rows if row["split"] == split]


def accuracy_table(groups: Groups, splits: list[str]) -> str:
    """Accuracies in per cent, and the baselines in the last two rows."""
    differs = {split for split in splits if common_baseline(groups, split, ELIMINATION) == DIFFERS}
    body = []
    for group, rows in groups.items():
        cells = [accuracy_cell(of_split(rows, split), split in differs) for split in splits]
        body.append([group.label(), *cells])
    for name, column in BASELINES.items():
        body.append([name, *(common_baseline(groups, split, column) for split in splits)])
    return markdown_table(["variant", *splits], body)


def accuracy_cell(rows: Rows, with_baseline: bool) -> str:
    """In per cent: pooled, its interval, then every seed, and the elimination baseline where variants differ in it."""
    share, low, high = pooled(rows)
    cell = NONE
    if share is not None:
        each_seed = " ".join(number(row["accuracy"]) for row in rows)
        cell = f"**{number(share)}** ({number(low)}–{number(high)}): {each_seed}"
    return f"{cell} [elimination baseline {baseline(rows, ELIMINATION):.2f}]" if rows and with_baseline else cell


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


def baseline(rows: Rows, column: str) -> float:
    """The mean of a baseline over seeds, in per cent."""
    return 100 * float(np.mean([row[column] for row in rows]))


def common_baseline(groups: Groups, split: str, column: str) -> str:
    """A baseline of a split in per cent, or that variants differ in it because their worlds do."""
    each_variant = [baseline(rows, column) for group in groups.values() if (rows := of_split(group, split))]
    return f"{np.mean(each_variant):.2f}" if max(each_variant) - min(each_variant) < 0.5 else DIFFERS


def print_accuracies(method: str, groups: Groups, splits: list[str]) -> None:
    """Prints pooled accuracies and, where there is room, the lowest and the highest seed of the inverse."""
    few_splits = len(splits) <= 4
    title = "answered exactly right, %" + (f": {method}" if method != "closed-book" else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    for name in ("variant", *splits, "seconds"):
        is_text = name == "variant"
        heading = name.replace("_", " " if few_splits else "\n")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=not is_text)
    for group, rows in groups.items():
        cells = [
            share_with_range(of_split(rows, split), with_range=few_splits and split == "inverse") for split in splits
        ]
        label = group._replace(method="closed-book").label()  # the title names the method
        table.add_row(label, *cells, f"{median(row['seconds'] for row in rows):.0f}")
    for name, column in BASELINES.items():
        table.add_row(name, *(common_baseline(groups, split, column) for split in splits), "")
    Console().print(table)


def share_with_range(rows: Rows, with_range: bool) -> str:
    """Pooled accuracy in per cent, with the lowest and the highest seed where there are several."""
    accuracies = [row["accuracy"] for row in rows if row["count"]]
    if not accuracies:
        return NONE
    limits = f" ({number(min(accuracies))}–{number(max(accuracies))})"
    return number(pooled(rows)[0]) + (limits if with_range and len(accuracies) > 1 else "")


def print_costs(groups: Groups) -> None:
    print("to reach 90 %: median over seeds; in brackets how many did, where not all")
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("variant")
    columns = [(cost, split) for cost in COSTS for split in LEARNED]
    for cost, split in columns:
        table.add_column(f"{cost.partition('_')[0]},\n{split}", justify="right", no_wrap=True)
    for group, rows in groups.items():
        table.add_row(group.label(), *(cost_cell(of_split(rows, split), cost) for cost, split in columns))
    Console().print(table)


def draw_split(panel: Axes, groups: Groups, split: str) -> None:
    """For each group a bar to the mean, a point for each seed, and the elimination baseline as a dotted line."""
    colour = COLOURS.get(split, OTHER_COLOUR)
    for y, rows in enumerate(of_split(group, split) for group in groups.values()):
        accuracies = [100 * row["accuracy"] for row in rows if row["count"]]
        panel.axhline(y, color="0.92", lw=0.8, zorder=0)
        if rows:
            panel.plot([baseline(rows, ELIMINATION)] * 2, [y - 0.5, y + 0.5], color="0.4", lw=1, ls=":")
        if accuracies:
            panel.plot([0, np.mean(accuracies)], [y, y], color=colour, lw=5, alpha=0.3, solid_capstyle="butt")
            offsets = np.linspace(-0.18, 0.18, len(accuracies)) if len(accuracies) > 1 else 0
            panel.scatter(
                accuracies, np.full(len(accuracies), y) + offsets, s=13, color=colour, zorder=3, clip_on=False
            )
        elif rows:
            panel.text(1, y, CANNOT_BE_ASKED, va="center", fontsize=7, color="0.45")
    panel.set_title(split.replace("_", " ") + (" (lower is better)" if split in LOWER_IS_BETTER else ""), fontsize=10)
    panel.set(xlim=(-2, 102))
    panel.tick_params(axis="y", length=0)
    panel.spines[["top", "right", "left"]].set_visible(False)
