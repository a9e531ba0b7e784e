"""Many variants in one table, a row each, and in one figure: what a sweep shows."""

from pathlib import Path
from statistics import median
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

SPLITS = {"forward": "#30638e", "backward": "#7a9e7e", "inverse": "#d1495b", "wrong_frame": "#8d8d8d"}
ELIMINATION = "chance_by_elimination"
CHANCES = {"chance": "chance", "chance by elimination": ELIMINATION}
DIFFERS = "differs"
COSTS = ("steps_to_90", "targets_to_90")
LEARNED = ("forward", "inverse")  # splits of which the terminal says how soon they were learned
Rows = list[dict[str, Any]]


def splits_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["split"] for row in rows))


def ways_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["way"] for row in rows))


def groups(rows: Rows, ranked: bool = True) -> dict[tuple[str, str, str], Rows]:
    """Rows by variant, way of answering and way of asking: way by way, the best pooled inverse first unless variants
    have an order of their own."""
    found: dict[tuple[str, str, str], Rows] = {}
    for row in rows:
        found.setdefault((row["variant"], row["way"], row["asked"]), []).append(row)

    def level(own: Rows) -> tuple[float, ...]:
        if not ranked:
            return ()
        shares = [pooled(own, split)[0] for split in ("inverse", "backward", "forward")]
        return tuple(1.0 if share is None else -share for share in shares)

    ways = ways_of(rows)
    return dict(sorted(found.items(), key=lambda item: (ways.index(item[0][1]), *level(item[1]))))


def pooled(own: Rows, split: str) -> tuple[float | None, float, float]:
    """Accuracy over all seeds and its interval; None where it cannot be asked."""
    correct, count = (sum(row[key] for row in own if row["split"] == split) for key in ("correct", "count"))
    return (correct / count, *interval(correct, count)) if count else (None, 0.0, 0.0)


def label(variant: str, way: str, asked: str) -> str:
    usual = {"closed-book", "as-trained"}
    return ", ".join([variant, *(part for part in (way, asked) if part not in usual)])


def accuracies(own: Rows, split: str) -> str:
    """In per cent: pooled, its interval, then every seed."""
    share, low, high = pooled(own, split)
    if share is None:
        return "–"
    each = " ".join(number(row["accuracy"]) for row in own if row["split"] == split)
    return f"**{number(share)}** ({number(low)}–{number(high)}): {each}"


def reached(own: Rows, split: str, key: str) -> str:
    """The median over the seeds that reached 90 %, and how many did where not all."""
    of = [row for row in own if row["split"] == split and row["count"]]
    there = [row[key] for row in of if row[key] is not None]
    if not there:
        return "–"
    middle = median(there)
    shown = f"{middle / 1000:.0f}k" if middle >= 10_000 else f"{middle:.0f}"
    return shown if len(there) == len(of) else f"{shown} ({len(there)}/{len(of)})"


def markdown(rows: Rows, ranked: bool = True) -> str:
    """Two tables: accuracies with intervals and every seed, then what each variant cost."""
    splits = splits_of(rows)
    head = ["variant", *splits]
    same = {split: chances(rows, split, ELIMINATION) != DIFFERS for split in splits}
    body = [
        [label(*key), *(accuracies(own, split) + ("" if same[split] else beside(own, split)) for split in splits)]
        for key, own in groups(rows, ranked).items()
    ]
    told = [split for split in ("forward", "backward", "inverse") if split in splits]
    cost_head = ["variant", *(f"{key.replace('_', ' ')}, {split}" for key in COSTS for split in told),
                 "steps", "targets", "parameters", "seconds"]  # fmt: skip
    costs = [
        [
            label(*key),
            *(reached(own, split, cost) for cost in COSTS for split in told),
            str(own[0]["steps"]),
            f"{median(row['target_tokens'] for row in own) / 1000:.0f}k",
            f"{own[0]['parameters'] / 1000:.0f}k",
            f"{median(row['seconds'] for row in own):.0f}",
        ]
        for key, own in groups(rows, ranked).items()
    ]
    body += [[name, *(chances(rows, split, key) for split in splits)] for name, key in CHANCES.items()]
    return f"{as_markdown(head, body)}\n{as_markdown(cost_head, costs)}"


def chance(own: Rows, split: str, key: str) -> float:
    """One of both chances, in per cent, over seeds."""
    return 100 * float(np.mean([row[key] for row in own if row["split"] == split]))


def chances(rows: Rows, split: str, key: str) -> str:
    """One of both chances of a split, in per cent, or that variants differ in it since their worlds do."""
    each = [chance(own, split, key) for own in groups(rows).values() if split in splits_of(own)]
    return f"{np.mean(each):.2f}" if max(each) - min(each) < 0.5 else DIFFERS


def beside(own: Rows, split: str) -> str:
    """Chance by elimination beside an accuracy, where it is not everyone's."""
    return f" [by elimination {chance(own, split, ELIMINATION):.2f}]" if split in splits_of(own) else ""


def as_markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def print_table(rows: Rows, ranked: bool = True) -> None:
    """Pooled accuracies, for the inverse with the lowest and the highest seed, in a terminal: a table a way. Then what
    it took to reach 90 %, where anything did."""
    for way in ways_of(rows):
        print_way(way, [row for row in rows if row["way"] == way], ranked)
    if any(row["steps_to_90"] is not None for row in rows if row["split"] in LEARNED):
        print_costs([row for row in rows if row["way"] == "closed-book"], ranked)


def print_costs(rows: Rows, ranked: bool) -> None:
    print("to reach 90 %: median over seeds; in brackets how many did, where not all")
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("variant")
    columns = [(cost, split) for cost in COSTS for split in LEARNED]
    for cost, split in columns:
        table.add_column(f"{cost.partition('_')[0]},\n{split}", justify="right", no_wrap=True)
    for key, own in groups(rows, ranked).items():
        table.add_row(label(*key), *(reached(own, split, cost) for cost, split in columns))
    Console().print(table)


def print_way(way: str, rows: Rows, ranked: bool) -> None:
    range_fits = len(splits_of(rows)) <= 4
    title = "answered exactly right, %" + (f": {way}" if way != "closed-book" else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    splits = splits_of(rows)
    for name in ("variant", *splits, "seconds"):
        first = name == "variant"
        head = name.replace("_", " ") if range_fits else name.replace("_", "\n")
        table.add_column(head, justify="left" if first else "right", no_wrap=not first)
    for key, own in groups(rows, ranked).items():
        cells = []
        for split in splits:
            each = [row["accuracy"] for row in own if row["split"] == split and row["count"]]
            between = (
                f" ({number(min(each))}–{number(max(each))})" if each[1:] and split == "inverse" and range_fits else ""
            )
            cells.append(f"{number(pooled(own, split)[0])}{between}" if each else "–")
        variant, _, asked = key
        table.add_row(label(variant, "closed-book", asked), *cells, f"{median(row['seconds'] for row in own):.0f}")
    for name, key in CHANCES.items():
        table.add_row(name, *(chances(rows, split, key) for split in splits), "")
    Console().print(table)


def draw(rows: Rows, curves: Rows, folder: Path, ranked: bool = True) -> None:
    """Writes figure.svg and figure.png: a line a variant, every seed a point, a panel a split."""
    found, splits = groups(rows, ranked), splits_of(rows)
    height = 0.32 * len(found) + 1.3
    figure = Figure(figsize=(2.6 * len(splits) + 2.6, height), layout="constrained")
    panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
    for panel, split in zip(panels, splits):
        dots(panel, found, split)
    panels[0].set_yticks(range(len(found)), [label(*key) for key in found])
    panels[0].set_ylim(len(found) - 0.5, -0.5)
    figure.supxlabel("answered exactly right, % (every seed a point; dotted: chance by elimination)", fontsize=9)
    save(figure, folder)


def dots(panel: Axes, found: dict[tuple[str, str, str], Rows], split: str) -> None:
    colour = SPLITS.get(split, "#6a4c93")
    for y, own in enumerate(found.values()):
        each = [100 * row["accuracy"] for row in own if row["split"] == split and row["count"]]
        panel.axhline(y, color="0.92", lw=0.8, zorder=0)
        if any(row["split"] == split for row in own):
            panel.plot([chance(own, split, ELIMINATION)] * 2, [y - 0.5, y + 0.5], color="0.4", lw=1, ls=":")
        if each:
            panel.plot([0, np.mean(each)], [y, y], color=colour, lw=5, alpha=0.3, solid_capstyle="butt")
            spread = np.linspace(-0.18, 0.18, len(each)) if len(each) > 1 else 0
            panel.scatter(each, np.full(len(each), y) + spread, s=13, color=colour, zorder=3, clip_on=False)
        elif any(row["split"] == split for row in own):
            panel.text(1, y, "no way to ask", va="center", fontsize=7, color="0.45")
    lower = " (lower is better)" if split in ("wrong_frame", "echo") else ""
    panel.set_title(split.replace("_", " ") + lower, fontsize=10)
    panel.set(xlim=(-2, 102))
    panel.tick_params(axis="y", length=0)
    panel.spines[["top", "right", "left"]].set_visible(False)
