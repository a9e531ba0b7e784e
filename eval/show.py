"""The table of splits, as a person sees it in a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

MEANING = {
    "forward": "A r _   as it was told, last entity open",
    "backward": "_ r B   as it was told, first entity open",
    "inverse": "B r' _  the other way round, never told: the reversal curse",
    "wrong_frame": "B r _   how often A is said, which is wrong",
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
