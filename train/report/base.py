"""What a report is: the rows of results.csv as tables for a file and for a terminal, and as a figure."""

import html
import re
from abc import ABC, abstractmethod
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from config.terminal import clean
from eval.metrics import t_interval, wilson_interval

Row = dict[str, Any]
Rows = list[Row]
ELIMINATION, LINK = "elimination_baseline", "link_baseline"
BASELINES = {"chance": "chance", "elimination baseline": ELIMINATION, "link baseline": LINK}
"""the column of each baseline"""
INTERVALS = (
    "95 % intervals: of the mean, by Student's t over seeds. W: all seeds agree, so Wilson's over all questions. "
    "One seed: Wilson's over its questions."
)


class Report(ABC):
    """Base of all reports. Rows are those of results.csv, and curves those of curves.csv (results.py)."""

    @abstractmethod
    def markdown(self, rows: Rows) -> str:
        """The tables of table.md."""

    @abstractmethod
    def print(self, rows: Rows) -> None:
        """Prints tables that a terminal of 80 columns has room for."""

    @abstractmethod
    def draw(self, rows: Rows, curves: Rows, folder: Path) -> None:
        """Writes figure.svg and figure.png into `folder`."""


class OverSeeds(NamedTuple):
    """The mean accuracy over seeds and its 95 % interval, as shares."""

    mean: float
    low: float
    high: float
    mark: str
    """empty for an interval by Student's t; else " W" or ", one seed", as INTERVALS explains"""

    def interval(self) -> str:
        """The interval in per cent, with its mark."""
        return f"{number(self.low)}–{number(self.high)}{self.mark}"


def over_seeds(rows: Rows) -> OverSeeds | None:
    """Mean and interval of rows that differ in their seed alone. None where nothing can be asked."""
    asked = [row for row in rows if row["count"]]
    if not asked:
        return None
    accuracies = [row["accuracy"] for row in asked]
    mean = fmean(accuracies)
    if len(set(accuracies)) > 1:
        return OverSeeds(mean, *t_interval(accuracies), "")
    low, high = wilson_interval(*(sum(row[column] for row in asked) for column in ("correct", "count")))
    return OverSeeds(mean, low, high, " W" if len(asked) > 1 else ", one seed")


def known_baselines(rows: Rows) -> dict[str, str]:
    """Those of BASELINES that some of the rows have; older rows lack the link baseline."""
    return {name: column for name, column in BASELINES.items() if baseline(rows, column) is not None}


def baseline(rows: Rows, column: str) -> float | None:
    """The mean of a baseline over seeds, as a share. None where no row has it."""
    values = [row[column] for row in rows if row.get(column) is not None]
    return fmean(values) if values else None


def number(share: float | None, digits: int = 1) -> str:
    """A share in per cent, without the sign. Empty for None."""
    return "" if share is None else f"{100 * share:.{digits}f}"


def markdown_table(head: list[str], body: list[list[str]], text_columns: int = 1) -> str:
    """A table in Markdown. The first `text_columns` are aligned left and shown as they are, numbers right."""
    alignment = ["---"] * text_columns + ["---:"] * (len(head) - text_columns)
    body = [[*map(literal, cells[:text_columns]), *cells[text_columns:]] for cells in body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (list(map(literal, head)), alignment, *body))


def literal(text: str) -> str:
    """Text that Markdown, and HTML in it, show as it is: names of variants and splits, titles."""
    escaped = re.sub(r"[\\`*~|$\[\]]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", html.escape(clean(text), quote=False))
    return escaped.replace("://", ":&#47;/").replace("www.", "www&#46;")  # neither is made a link
