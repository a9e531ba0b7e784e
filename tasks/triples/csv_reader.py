"""Comma-separated files that a person wrote: columns by their names, and every refusal with file and line."""

import csv
import io
import unicodedata
from pathlib import Path

from config.validation import SettingError

MAX_CELL = 60  # characters of a cell in a message


def read_columns(setting: str, file: str, columns: tuple[str, ...]) -> tuple[list[int], list[tuple[str, ...]]]:
    """The first line of each row, and the cells of each of `columns`, clean. Empty lines do not count.

    Raises SettingError with the line that cannot be used.
    """
    lines, rows = read_rows(setting, file)
    header = rows[0] if rows else []
    for column in columns:
        count = header.count(column)
        given = ", ".join(repr(short(name)) for name in header) or "nothing"
        allowed = f"with {', '.join(columns)}, each once: {column} occurs {count} times"
        if count != 1:
            raise bad_line(setting, file, lines[0] if lines else 1, f"the header is {given}", allowed)
    for line, row in zip(lines, rows):
        if len(row) != len(header):
            given, allowed = f"the row has {len(row)} cells", f"of {len(header)}, as the header has"
            raise bad_line(setting, file, line, given, allowed)
    indices = [header.index(column) for column in columns]
    for line, row in zip(lines, rows):
        for column, i in zip(columns, indices):
            if not row[i]:
                raise bad_line(setting, file, line, f"{column} is ''", "a word")
    return lines[1:], [tuple(row[i] for row in rows[1:]) for i in indices]


def read_rows(setting: str, file: str) -> tuple[list[int], list[list[str]]]:
    """The first line of each row, the header included, and its clean cells."""
    reader = csv.reader(io.StringIO(read_text(setting, file), newline=""), strict=True)
    lines: list[int] = []
    rows: list[list[str]] = []
    first_line = 1  # a cell in quotes may go on over several lines
    try:
        for row in reader:
            if row:
                lines.append(first_line)
                rows.append([clean(cell) for cell in row])
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise bad_line(setting, file, first_line, f"it cannot be read ({error})", "comma-separated cells") from None
    return lines, rows


def read_text(setting: str, file: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    data = read_bytes(setting, file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise bad_line(setting, file, line, f"a byte is {data[error.start]:#04x}", "UTF-8 text") from None


def read_bytes(setting: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingError(f"{setting} is {file!r}, but must be a file that can be read: {reason}") from None


def bad_line(setting: str, file: str, line: int, given: str, allowed: str) -> SettingError:
    return SettingError(f"{setting} {file!r}, line {line}: {given}, but must be {allowed}")


def clean(cell: str) -> str:
    """A cell without space around it, with one space where it has any, and in Unicode's composed form (NFC).

    So it is the same text as what a person types.
    """
    return " ".join(unicodedata.normalize("NFC", cell).split())


def short(text: str) -> str:
    """The text, cut where it would fill a message."""
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…"
