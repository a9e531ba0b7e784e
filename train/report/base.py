"""What a report is: the rows of results.csv as tables for a file and for a terminal, and as a figure."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from eval.metrics import wilson_interval

Row = dict[str, Any]
Rows = list[Row]
ELIMINATION = "elimination_baseline"  # the column of the elimination baseline


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


def markdown_table(head: list[str], body: list[list[str]], text_columns: int = 1) -> str:
    """A table in Markdown. The first `text_columns` are aligned left, numbers right."""
    alignment = ["---"] * text_columns + ["---:"] * (len(head) - text_columns)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, alignment, *body))


def save_figure(figure: Figure, folder: Path) -> None:
    """Writes figure.svg and figure.png, without the date, which would differ each time."""
    figure.savefig(folder / "figure.svg", metadata={"Date": None})
    figure.savefig(folder / "figure.png", dpi=160)


def pooled(rows: Rows) -> tuple[float | None, float, float]:
    """Accuracy over all questions of the rows and its 95 % interval. None where nothing can be asked."""
    correct, count = (sum(row[column] for row in rows) for column in ("correct", "count"))
    return (correct / count, *wilson_interval(correct, count)) if count else (None, 0.0, 0.0)
