"""The table of splits, as a person sees it in a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

MEANING = {
    "forward": "as trained, last entity open",
    "backward": "as trained, first entity open",
    "inverse": "by the other word: the reversal curse",
    "wrong_frame": "says the wrong entity (lower is better)",
}


def percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"


def print_splits(title: str, splits: dict[str, dict[str, Any]], console: Console | None = None) -> None:
    """One row a split: accuracy, its 95 % interval, both chances, questions asked."""
    table = Table(title=title, title_justify="left")
    table.add_column("split")
    table.add_column("question")
    for name in ("accuracy", "95 % interval", "chance", "by elimination", "questions"):
        table.add_column(name, justify="right")
    for split, of in splits.items():
        asked = of["count"] > 0
        table.add_row(
            split,
            MEANING.get(split, ""),
            percent(of["accuracy"]) if asked else "cannot be asked",
            f"{100 * of['low']:.1f} – {100 * of['high']:.1f} %" if asked else "",
            percent(of["chance"]),
            percent(of["chance_by_elimination"]),
            str(of["count"]),
        )
    (console or Console()).print(table)
