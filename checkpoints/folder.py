"""The run folder `checkpoints/<run>/`: its name, its lock and its files.

config.json          every setting, complete and typed; the run's identity (identity.py)
vocabulary.json      the word of each token
inputs/              the user's files that the world was read from, as they were
environment.json     versions, machine, number of processes, and the run it started from
metrics.jsonl        the record of training, a line an entry (record.py)
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
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from checkpoints.files import open_plain
from config.validation import SettingError, require

ROOT = Path(__file__).parent
LOCK = "lock"
TEMPORARY = re.compile(r"\.[\w.-]+-\w{8}")  # a file that was to replace another one (files.write_bytes)
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


@dataclass(frozen=True)
class RunLock:
    """The lock of a run folder, held by this process."""

    folder: Path
    file: BinaryIO

    def require_held(self) -> None:
        """Raises SettingError where the folder was removed or replaced since, so that it may be another run's."""
        try:
            held, now = os.fstat(self.file.fileno()), os.lstat(self.folder / LOCK)
        except FileNotFoundError:
            now = None
        if now is None or (held.st_dev, held.st_ino) != (now.st_dev, now.st_ino):
            raise SettingError(f"{self.folder} was removed or replaced while this run trained: nothing more is saved")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[RunLock]:
    """Holds the run folder for this process, and removes what a killed one left half written.

    The system drops the lock when the process ends, however it ends. Raises SettingError where another one holds it.
    """
    with open_plain(folder / LOCK, os.O_RDWR | os.O_CREAT) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError(f"{folder} is in use by another process: wait for it or choose another name") from None
        for path in folder.glob(".*"):
            if TEMPORARY.fullmatch(path.name) and not path.is_dir():
                path.unlink()
        yield RunLock(folder, file)


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
    """The rows of a file that holds what `as_csv` made."""
    return parse_csv(path.read_bytes())


def parse_csv(data: bytes) -> list[dict[str, str]]:
    """The rows that `as_csv` made a text of, every cell a text. Raises ValueError where it is no UTF-8."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def escape_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The text that `escape_formula` made this cell of."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell
