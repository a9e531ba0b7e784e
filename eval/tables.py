"""Tables in a terminal of any width: no number is cut, and no text in them can change how they look."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.terminal import clean

Rows = list[list[str]]
MIN_TEXT_WIDTH = 12  # of the first column, whose words are folded where they are longer


def make_console() -> Console:
    """A console on stdout that takes all text as it stands."""
    return Console(markup=False, emoji=False, highlight=False)


def print_line(line: str, console: Console | None = None, wrap: bool = True) -> None:
    """Prints a line, cleaned. Where it is longer than the terminal is wide, `wrap` breaks it between words."""
    (console or make_console()).print(clean(line), soft_wrap=not wrap)


def print_table(
    head: list[str],
    body: Rows,
    *,
    foot: Rows = (),
    title: str = "",
    text_columns: tuple[int, ...] = (0,),
    row_styles: Sequence[str] = (),
    console: Console | None = None,
) -> None:
    """Prints a table, its `title` above it and the rows of `foot` below a line.

    Columns that the terminal has no room for follow in further tables, each with the first column again. Numbers are
    aligned right, and the `text_columns` left. A line break in a heading or a cell is one. `row_styles` are those of
    `body`, as rich names them; none given: plain.
    """
    console = console or make_console()
    if title:
        print_line(title, console)
    cells = [[Text("\n").join(map(Text, map(clean, cell.split("\n")))) for cell in row] for row in (head, *body, *foot)]
    for columns in parts(cells, text_columns, console.width):
        console.print(part_of_table(cells, columns, text_columns, len(foot), row_styles))


def parts(cells: list[list[Text]], text_columns: tuple[int, ...], width: int) -> Iterator[list[int]]:
    """The columns of each table: as many as fit, but the first one and one more at least."""
    columns, used = [0], min_width(cells, 0, text_columns)
    for j in range(1, len(cells[0])):
        needed = 1 + min_width(cells, j, text_columns)
        if len(columns) > 1 and used + needed > width:
            yield columns
            columns, used = [0], min_width(cells, 0, text_columns)
        columns, used = [*columns, j], used + needed
    yield columns


def min_width(cells: list[list[Text]], j: int, text_columns: tuple[int, ...]) -> int:
    """The width that column j needs: that of its longest line, but text can be wrapped."""
    longest = max(Text(line).cell_len for row in cells for line in row[j].plain.split("\n"))
    return min(longest, MIN_TEXT_WIDTH) if j in text_columns else longest


def part_of_table(
    cells: list[list[Text]], columns: list[int], text_columns: tuple[int, ...], num_foot: int, row_styles: Sequence[str]
) -> Table:
    """The table of these columns."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    head, *body = cells
    for j in columns:
        if j in text_columns:
            table.add_column(head[j], overflow="fold")
        else:
            table.add_column(head[j], justify="right", width=min_width(cells, j, text_columns), no_wrap=True)
    for i, row in enumerate(body):
        if num_foot and i == len(body) - num_foot:
            table.add_section()
        table.add_row(*(row[j] for j in columns), style=row_styles[i] if i < len(row_styles) else None)
    return table
