"""Comma-separated files that a person wrote: columns by their names, and every refusal with file and line."""

import csv
import io
import unicodedata
from pathlib import Path

from tasks.settings import SettingError

SHOWN = 60  # characters of a cell in a message


def read_columns(setting: str, file: str, columns: tuple[str, ...]) -> tuple[list[int], list[tuple[str, ...]]]:
    """The line where each row begins, and the cells of each of `columns`, clean. Empty lines do not count."""
    reader = csv.reader(io.StringIO(text_of(setting, file), newline=""), strict=True)
    lines: list[int] = []
    rows: list[list[str]] = []
    begins = 1
    try:
        for row in reader:
            if row:
                lines.append(begins)
                rows.append([clean(cell) for cell in row])
            begins = reader.line_num + 1
    except csv.Error as error:
        raise bad(setting, file, begins, f"it cannot be read ({error})", "comma-separated cells") from None
    header = rows[0] if rows else []
    for column in columns:
        found = ", ".join(repr(short(name)) for name in header) or "nothing"
        if header.count(column) != 1:
            allowed = f"with {', '.join(columns)}, each once: {column} stands there {header.count(column)} times"
            raise bad(setting, file, lines[0] if lines else 1, f"the header is {found}", allowed)
    for line, row in zip(lines, rows):
        if len(row) != len(header):
            raise bad(setting, file, line, f"the row has {len(row)} cells", f"of {len(header)}, as the header has")
    taken = [header.index(column) for column in columns]
    for line, row in zip(lines, rows):
        if not all(row[i] for i in taken):
            column = next(column for column, i in zip(columns, taken) if not row[i])
            raise bad(setting, file, line, f"{column} is ''", "a word")
    return lines[1:], [tuple(row[i] for row in rows[1:]) for i in taken]


def text_of(setting: str, file: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    data = bytes_of(setting, file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise bad(setting, file, line, f"a byte is {data[error.start]:#04x}", "UTF-8 text") from None


def bytes_of(setting: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingError(f"{setting} is {file!r}, but must be a file that can be read: {why}") from None


def bad(setting: str, file: str, line: int, given: str, allowed: str) -> SettingError:
    return SettingError(f"{setting} {file!r}, line {line}: {given}, but must be {allowed}")


def clean(cell: str) -> str:
    """A cell with one space where it has any, none around it, in the one form in which Unicode writes what looks the
    same (NFC): as it is read again where a person types it."""
    return " ".join(unicodedata.normalize("NFC", cell).split())


def short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
