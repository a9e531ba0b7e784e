"""Tables as people and programs write them: columns by their names, and every refusal with file and line.

The header decides how its columns are separated. A file without one is read where its first line has three cells
separated by tabs, as the files of knowledge graphs are (Ali et al. 2021, PyKEEN). Nothing else is guessed.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.validation import SettingError

MAX_CELL = 60  # characters of a cell in a message
MAX_FIRST_ROW = 100_000  # characters of a file in which its first row ends
SEPARATORS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[;,\t]*(?:\r\n|\r|\n)')  # Excel's first line
UTF_16_HINT = "; if this is UTF-16, add --task.encoding utf-16-le"
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8"}
# What the columns of other programs are called. A first line with two of these names is a header, and no fact.
OTHER_NAMES = (
    {"head", "subject", "source", "from", "h", "s"},
    {"relation", "predicate", "property", "relationship", "edge", "r", "p"},
    {"tail", "object", "target", "to", "t", "o"},
)


@dataclass(frozen=True)
class Table:
    """The cells of a file."""

    lines: list[int]
    """the first line of each row"""
    columns: list[tuple[str, ...]]
    """the cells of each column, clean, in the order in which the columns were named"""
    has_header: bool


@dataclass(frozen=True)
class TableFile:
    """A file that a setting names."""

    setting: str
    name: str
    encoding: str | None = None
    """None: UTF-8; a byte order mark rules over it"""

    def read(self, columns: tuple[str, ...], needs_header: bool = True) -> Table:
        """The cells of these `columns`. Empty rows do not count.

        Raises SettingError with the line that cannot be used.
        """
        text, first_line, separators = self.text(), 1, tuple(SEPARATORS)
        if match := SEPARATOR_LINE.match(text):
            text, first_line, separators = text[match.end() :], 2, (match[1],)
        separator, has_header = self.layout(text, first_line, separators, columns, needs_header)
        rows = list(self.rows(text, separator, first_line))
        header = [cell.casefold() for cell in without_empty_end(rows[0][1])]
        width, named = len(header), "header" if has_header else "first line"
        for line, row in rows:
            if len(row) < width or any(row[width:]):
                raise self.bad_line(line, f"the row has {len(row)} cells", f"of {width}, as the {named} has")
        indices = [header.index(column) for column in columns] if has_header else range(len(columns))
        rows = rows[has_header:]
        cells = [tuple(row[i] for _, row in rows) for i in indices]
        empty = [(part.index(""), column) for part, column in zip(cells, columns) if "" in part]
        for row, column in sorted(empty)[:1]:
            raise self.bad_line(rows[row][0], f"{column} is ''", "a word")
        return Table([line for line, _ in rows], cells, has_header)

    def layout(
        self, text: str, first_line: int, separators: tuple[str, ...], columns: tuple[str, ...], needs_header: bool
    ) -> tuple[str, bool]:
        """How columns are separated, and whether there is a header."""
        first_rows = {separator: self.first_row(text, separator, first_line) for separator in separators}
        headers = {separator: [cell.casefold() for cell in cells] for separator, (_, cells) in first_rows.items()}
        fitting = [s for s, header in headers.items() if all(header.count(column) == 1 for column in columns)]
        if len(fitting) == 1:
            return fitting[0], True
        if not needs_header and not fitting and is_triple(headers.get("\t", [])):
            return "\t", False
        separator = max(fitting or separators, key=lambda separator: len(headers[separator]))
        line, cells = first_rows[separator]
        if not cells:
            list(self.rows(text, separator, first_line))  # says why there is no first row
        given = f"the header is {', '.join(repr(short(cell)) for cell in cells) or 'nothing'}"
        allowed = f"with {', '.join(columns)}, each once"
        if fitting:
            both = " and ".join(map(repr, fitting))
            raise self.bad_line(line, given, f"{allowed}, by one separator: {both} fit")
        missing = next(column for column in columns if headers[separator].count(column) != 1)
        allowed += f": {missing} occurs {headers[separator].count(missing)} times"
        raise self.bad_line(line, given, allowed + hint(text, headers[separator], columns, separator))

    def first_row(self, text: str, separator: str, first_line: int) -> tuple[int, list[str]]:
        """The first row that is not empty, and its line; no cells where there is none, or where it is none."""
        try:
            return next(self.rows(text[:MAX_FIRST_ROW], separator, first_line), (first_line, []))
        except SettingError:
            return first_line, []

    def rows(self, text: str, separator: str, first_line: int) -> Iterator[tuple[int, list[str]]]:
        """The first line of each row that is not empty, and its clean cells."""
        text = io.StringIO(without_outer_blanks(text, separator), newline="")
        reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
        line, cleaned = first_line, cache(clean)  # a cell in quotes may go on over several lines
        try:
            for row in reader:
                cells = [cleaned(cell) for cell in row]
                if any(cells):
                    yield line, cells
                line = first_line + reader.line_num
        except csv.Error as error:
            cells = f"cells separated by {SEPARATORS.get(separator, repr(separator))}"
            allowed = f'{cells}, with every " inside a cell in quotes doubled'
            raise self.bad_line(line, f"it cannot be read ({error})", allowed) from None

    def text(self) -> str:
        """The text of the file, without a byte order mark."""
        data = self.data()
        encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), self.encoding or "utf-8")
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = data[: error.start].decode(encoding, "replace").count("\n") + 1
            given, allowed = f"a byte is {data[error.start]:#04x}", f"{encoding.upper()} text"
            raise self.bad_line(line, given, allowed + self.encoding_hint(data, error.start)) from None

    def encoding_hint(self, data: bytes, position: int) -> str:
        """What a person can do about a byte that is not of the encoding."""
        if self.encoding is not None or data.startswith(tuple(MARKS)):
            return ": save the file as UTF-8"
        start, end = data.rfind(b"\n", 0, position) + 1, data.find(b"\n", position)
        line = data[start : end if end >= 0 else None]
        if b"\0" in line:
            return UTF_16_HINT
        read = short(line.decode("cp1252", "replace").strip())
        return f"; if it should read {read!r}, add --task.encoding cp1252 (Excel's on Windows), or save it as UTF-8"

    def data(self) -> bytes:
        try:
            return Path(self.name).read_bytes()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            allowed = f"a file that can be read: {reason}"
            raise SettingError(f"{self.setting} is {self.name!r}, but must be {allowed}") from None

    def bad_line(self, line: int, given: str, allowed: str) -> SettingError:
        return SettingError(f"{self.setting} {self.name!r}, line {line}: {given}, but must be {allowed}")


def is_triple(cells: list[str]) -> bool:
    """Whether the first row of a file, in lower case, is a fact: three cells, and no column names of other programs."""
    cells = without_empty_end(cells)
    names = sum(cell in names for cell, names in zip(cells, OTHER_NAMES))
    return len(cells) == 3 and all(cells) and names < 2


def hint(text: str, header: list[str], columns: tuple[str, ...], separator: str) -> str:
    """What a person can do about a header that does not fit; nothing where it has some of the columns."""
    if "\0" in text:
        return UTF_16_HINT
    if len(header) == 1:
        return f"; columns are separated by {', '.join(SEPARATORS.values())}"
    if header and not set(header) & set(columns):
        return f"; if this is no header, put {separator.join(columns)!r} above it"
    return ""


def without_outer_blanks(text: str, separator: str) -> str:
    """The text without blanks around cells in quotes, where csv would not know them; other blanks are spaces."""
    if '"' not in text:
        return text
    escaped = re.escape(separator)
    text = re.sub(rf"[^\S\r\n{escaped}]", " ", text)
    cell_in_quotes = rf'(^|[{escaped}\r\n]) *("[^"]*(?:""[^"]*)*") *(?=[{escaped}\r\n]|\Z)'
    return re.sub(cell_in_quotes, r"\1\2", text)


def without_empty_end(cells: list[str]) -> list[str]:
    """The cells up to the last one with text."""
    return cells[: max((i for i, cell in enumerate(cells, 1) if cell), default=0)]


def clean(cell: str) -> str:
    """A cell without space around it, with one space where it has any, and in Unicode's composed form (NFC).

    So it is the same text as what a person types.
    """
    return " ".join(unicodedata.normalize("NFC", cell).split())


def short(text: str) -> str:
    """The text, cut where it would fill a message."""
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…"
