"""The table of splits, as a person sees it in a terminal."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

MEANING = {
    "forward": "A r _   as it was told, last entity open",
    "backward": "_ r B   as it was told, first entity open",
    "inverse": "B r' _  the other way round, never told: the reversal curse",
    "wrong_frame": "B r _   how often A is said, which is wrong",
    "new_forward": "A r _   a fact kept back in training, by the word in which a prompt tells it",
    "new_inverse": "B r' _  the same, by the other word",
    "echo": "B r' _  how often B itself is said, which is wrong",
    "inverse_told": "B r' _  for facts whose inverse was told after all",
}


def percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"


def print_asked(title: str, found: dict[str, dict[str, dict[str, Any]]]) -> None:
    """A table for each way of asking."""
    for asked, splits in found.items():
        print_splits(title if len(found) == 1 else f"{title}, asked {asked}", splits)


def print_splits(title: str, splits: dict[str, dict[str, Any]], console: Console | None = None) -> None:
    """One row a split: accuracy, its 95 % interval, both chances, questions asked."""
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(("split", "accuracy", "95 % interval", "chance", "eliminating", "asked")):
        table.add_column(name, justify="left" if i == 0 else "right")
    for split, of in splits.items():
        table.add_row(
            split,
            percent(of["accuracy"]) if of["count"] else "no way to ask",
            f"{100 * of['low']:.1f} – {100 * of['high']:.1f} %" if of["count"] else "",
            percent(of["chance"], 2),
            percent(of["chance_by_elimination"], 2),
            str(of["count"]),
        )
    console = console or Console()
    console.print(table)
    for split in splits:
        if split in MEANING:
            console.print(f"  {split:12} {MEANING[split]}", highlight=False)


def print_ways(entry: dict[str, Any], console: Console | None = None) -> None:
    """A row a way, a column a split: accuracy in per cent and, where facts were looked up, how often all were found
    and the accuracy there."""
    console = console or Console()
    ways = {
        name if asked == "as-trained" else f"{name}, {asked}": (way["passes"], found)
        for name, way in entry["ways"].items()
        for asked, found in way["asked"].items()
    }
    splits = list(dict.fromkeys(split for _, found in ways.values() for split in found))
    title = f"{entry['run']}, step {entry['step']}: answered exactly right, %"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("way", min_width=9)
    for split in (*splits, "passes"):
        table.add_column(split.replace("_", " "), justify="right", overflow="fold")
    for name, (passes, found) in ways.items():
        table.add_row(name.replace("-", " "), *(cell(found.get(split)) for split in splits), str(passes))
    console.print(table)
    if any("found" in of for _, found in ways.values() for of in found.values()):
        console.print(
            "  in brackets: where all that is needed was found / for how many of the questions that is so",
            highlight=False,
        )


def cell(of: dict[str, Any] | None) -> str:
    """An accuracy; below it the one where all facts were found, and the share of such questions."""
    if of is None or not of["count"]:
        return "–"
    accuracy = f"{100 * of['accuracy']:.1f}"
    if "found" not in of:
        return accuracy
    there = f"{100 * of['correct_where_found'] / of['found']:.0f}" if of["found"] else "–"
    return f"{accuracy}\n({there}/{100 * of['found'] / of['count']:.0f})"
