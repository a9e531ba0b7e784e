"""The table of splits, as a person sees it in a terminal."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

ABREAST = 5  # ways in one table of a terminal of 80 columns


def percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"


def print_asked(title: str, found: dict[str, dict[str, dict[str, Any]]], meaning: dict[str, str]) -> None:
    """A table for each way of asking, and below them what each split asks."""
    console = Console()
    for asked, splits in found.items():
        print_splits(title if len(found) == 1 else f"{title}, asked {asked}", splits, console)
    shown = {split: line for split, line in meaning.items() if any(split in splits for splits in found.values())}
    width = max(map(len, shown), default=0)
    for split, line in shown.items():
        console.print(f"  {split:{width}}  {line}", markup=False, highlight=False)


def print_splits(title: str, splits: dict[str, dict[str, Any]], console: Console) -> None:
    """One row a split: accuracy, its 95 % interval, where answers have several tokens the share of tokens that are
    right, both chances, questions asked."""
    console.print(title, markup=False, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    several = any("token_accuracy" in of for of in splits.values())
    by_token = ["by token"] if several else []
    for i, name in enumerate(("split", "accuracy", "95 % interval", *by_token, "chance", "eliminating", "asked")):
        table.add_column(name, justify="left" if i == 0 else "right")
    for split, of in splits.items():
        table.add_row(
            split,
            percent(of["accuracy"]) if of["count"] else "no way to ask",
            f"{100 * of['low']:.1f}–{100 * of['high']:.1f} %" if of["count"] else "",
            *([percent(of.get("token_accuracy"))] if several else []),
            percent(of["chance"], 2),
            percent(of["chance_by_elimination"], 2),
            str(of["count"]),
        )
    console.print(table)


def print_ways(entry: dict[str, Any], console: Console | None = None) -> None:
    """A table for each way of asking: a row a split, a column a way of answering; accuracy in per cent and, where facts
    were looked up, how often all were found and the accuracy there."""
    console = console or Console()
    ways = entry["ways"]
    every = [of for way in ways.values() for splits in way["asked"].values() for of in splits.values()]
    for asked in dict.fromkeys(asked for way in ways.values() for asked in way["asked"]):
        columns = {name: way["asked"][asked] for name, way in ways.items() if can_be(way["asked"].get(asked, {}))}
        more = "" if asked == "as-trained" else f", asked {asked}"
        title = f"{entry['run']}, step {entry['step']}{more}: answered exactly right, %"
        console.print(title, markup=False, highlight=False)
        every_split = dict.fromkeys(split for found in columns.values() for split in found)
        for first in range(0, len(columns), ABREAST):
            names = list(columns)[first : first + ABREAST]
            table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
            table.add_column("split")
            for name in names:
                table.add_column(name.replace("-", " "), justify="right", min_width=max(map(len, name.split("-"))))
            for split in every_split:
                table.add_row(split.replace("_", " "), *(cell(columns[name].get(split)) for name in names))
            table.add_section()
            table.add_row("forward passes", *(str(ways[name]["passes"]) for name in names))
            console.print(table)
    if any("found" in of for of in every):
        console.print("below: right where all that is needed was found / how often it was", highlight=False)


def can_be(found: dict[str, dict[str, Any]]) -> bool:
    """Whether anything could be asked so."""
    return any(of["count"] for of in found.values())


def cell(of: dict[str, Any] | None) -> str:
    """An accuracy; below it the one where all facts were found, and the share of such questions."""
    if of is None or not of["count"]:
        return "–"
    accuracy = f"{100 * of['accuracy']:.1f}"
    if "found" not in of:
        return accuracy
    there = f"{100 * of['correct_where_found'] / of['found']:.0f}" if of["found"] else "–"
    return f"{accuracy}\n{there}/{100 * of['found'] / of['count']:.0f}"
