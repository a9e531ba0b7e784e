"""The answers of several models to one question, beside each other, or one below the other in a narrow terminal."""

from collections.abc import Set
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from config.terminal import clean
from eval.report import percent

BEST = 5  # names that are shown of each model
GAP = 3  # cells between models
MIN_NAME, MIN_BAR, MAX_BAR = 14, 5, 24  # cells; longer names are wrapped
PERCENT = len("100.0 %")
BLOCKS = " ▏▎▍▌▋▊▉█"  # eighths of a cell
RIGHT, WRONG = "bold green", "bold red"


@dataclass(frozen=True)
class Column:
    """What one model answers."""

    title: str
    probabilities: dict[str, float] = field(default_factory=dict)
    """of every name, the highest first"""
    refusal: str = ""
    """why it cannot be asked"""
    remarks: dict[str, str] = field(default_factory=dict)
    """a text beside each of the names"""

    def best(self) -> list[str]:
        return list(self.probabilities)[:BEST]

    def shown(self, right: Set[str]) -> list[str]:
        """The best names and, where none of them is right, the best right one."""
        best = self.best()
        return best if right & set(best) else best + [name for name in self.probabilities if name in right][:1]


def print_title(question: str, method: str, console: Console) -> None:
    """Prints the question, and how it is answered, if not closed book."""
    console.print(Text.assemble((clean(question), "bold"), f"  ({method})" if method else ""))


def print_columns(columns: list[Column], right: Set[str], console: Console) -> None:
    """Prints the best names of each model with bars, and marks them by what is `right`. Empty: nothing is marked."""
    longest = max((cell_len(clean(name)) for column in columns for name in column.shown(right)), default=0)
    width = (console.width - GAP * (len(columns) - 1)) // len(columns)
    needed = 2 + min(longest, MIN_NAME) + 1 + PERCENT + 1 + MIN_BAR
    if len(columns) == 1 or width < needed:
        console.print(Group(*(block(column, right, longest, console, console.width) for column in columns)))
        return
    grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    for _ in columns:
        grid.add_column(width=width)
    grid.add_row(*(block(column, right, longest, console, width) for column in columns))
    console.print(grid)


def block(column: Column, right: Set[str], longest: int, console: Console, width: int) -> Group:
    """Title and rows of one model, `width` cells wide, where the longest name of all models takes `longest`."""
    if column.refusal:
        return Group(Text(clean(column.title), "bold"), Text(clean(column.refusal)))
    ascii_only = console.options.ascii_only
    ranks = {name: rank for rank, name in enumerate(column.probabilities, 1)}
    is_right = bool(right) and column.best()[0] in right
    verdict = f"{sign(is_right, ascii_only)} {'right' if is_right else 'wrong'}  " if right else ""
    title = Text.assemble((verdict, RIGHT if is_right else WRONG), (clean(column.title), "bold"))
    name_width = min(longest, max(MIN_NAME, width - 2 - 1 - PERCENT - 1 - MIN_BAR))
    bar_width = min(MAX_BAR, width - 2 - name_width - 1 - PERCENT - 1)
    rows = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    rows.add_column(width=1)
    rows.add_column(width=name_width, overflow="fold")
    rows.add_column(width=PERCENT, justify="right", no_wrap=True)
    rows.add_column(width=bar_width, no_wrap=True)
    if column.remarks:
        rows.add_column(overflow="fold")
    for name in column.shown(right):
        style = RIGHT if name in right else WRONG if right and ranks[name] == 1 else ""
        mark = sign(name in right, ascii_only) if style else ""
        share = column.probabilities[name]
        beside = bar(share, bar_width, ascii_only) if ranks[name] <= BEST else f"rank {ranks[name]}"
        cells = [
            mark,
            clean(name),
            percent(share),
            beside,
            *[clean(column.remarks.get(name, ""))] * bool(column.remarks),
        ]
        rows.add_row(*(Text(cell, style) for cell in cells[:4]), *map(Text, cells[4:]))
    return Group(title, rows)


def sign(is_right: bool, ascii_only: bool) -> str:
    """A mark that is told from the other one without colour."""
    return ("+" if is_right else "x") if ascii_only else ("✓" if is_right else "✗")


def bar(share: float, width: int, ascii_only: bool) -> str:
    """A share as a bar of so many cells at most."""
    if ascii_only:
        return "#" * round(share * width)
    full, eighths = divmod(round(share * width * 8), 8)
    return BLOCKS[-1] * full + BLOCKS[eighths].strip()
