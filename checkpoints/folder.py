"""The run folder `checkpoints/<run>/`: its name, its lock and its files.

config.json          every setting, complete and typed
environment.json     versions, machine, and the run it started from
metrics.jsonl        the record of training, a line an entry
tensorboard/         a view of it, which can be rebuilt
step-00001000/       weights and the rest of the state (steps.py)
inferred.*           statements that augmentation added to the documents (train/augment.py)
questions.csv        every question, with the prediction at the end
result.json          written last, once the run is finished
methods.json, .csv   other methods of answering, once they were run (eval/run_methods.py)
"""

import contextlib
import csv
import fcntl
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.validation import SettingError, require

ROOT = Path(__file__).parent
FORMULA = re.compile(r"[=+@\t\r-]")


def run_folder(name: str, root: Path = ROOT) -> Path:
    """The folder of the run `name`: one plain path component, no module's name, no link.

    Raises SettingError for any other name.
    """
    is_plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) is not None
    require(is_plain, "name", name, "letters, digits, '.', '_' and '-', 100 at most, the first a letter or digit")
    modules = {stem for path in ROOT.glob("*.py") for stem in (path.name, path.stem)}
    require(name not in modules, "name", name, f"other than the modules of checkpoints/ ({', '.join(sorted(modules))})")
    folder = root / name
    require(not folder.is_symlink(), "name", name, f"no link, but {folder} is one")
    return folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the run folder for this process.

    The system drops the lock when the process ends, however it ends. Raises SettingError where another one holds it.
    """
    with open(folder / "lock", "w", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o644)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError(f"{folder} is in use by another process: wait for it or choose another name") from None
        yield


def write_json(path: Path, values: Any) -> None:
    write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replaces the file whole or, if anything fails, not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV text. The columns are those of the fullest row, then all others; a cell that a row lacks is empty.

    A text that a spreadsheet would take for a formula gets a ' in front.
    """
    text = io.StringIO()
    columns = dict.fromkeys(column for row in (max(rows, key=len), *rows) for column in row)
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({column: escape_formula(cell) for column, cell in row.items()})
    return text.getvalue()


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows that `as_csv` wrote, every cell a text."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def escape_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


class Metrics:
    """metrics.jsonl, open for appending after its first `length` bytes. What a killed process wrote later is cut."""

    def __init__(self, folder: Path, length: int):
        self.path, self.length = folder / "metrics.jsonl", length

    def append(self, entry: dict[str, Any]) -> int:
        """Adds a line and returns the length in bytes."""
        self.file.write(json.dumps(entry).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())  # a saved step counts on every entry before it
        return self.file.tell()

    def __enter__(self) -> "Metrics":
        self.file = open(self.path, "ab")
        size = self.file.tell()
        allowed = f"at least the {self.length} bytes it had when saved"
        require(size >= self.length, str(self.path), f"{size} bytes", allowed)
        self.file.truncate(self.length)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The entries of metrics.jsonl; a last line that a killed process left unfinished is not one."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]]
    except ValueError as error:
        raise SettingError(f"{path} is damaged: {error}") from None
