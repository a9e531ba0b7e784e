"""A run folder that is filled on another machine: what changes there is written here, file by file, as bytes.

The order of writing is that of a run. So whatever moment a kill comes at, what is here is a run that can continue: no
step is ever seen that is not whole, and result.json stands for files that are all there.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checkpoints import steps
from checkpoints.files import read_bytes, write_bytes
from checkpoints.folder import LOCK, RunLock
from checkpoints.record import RESULT_FILE
from config.validation import SettingError, require

# What is written first. All other files come between the two, saved steps last of them.
FIRST = ("vocabulary.json", "environment.json", "inputs", "config.json")
LAST = ("questions.csv", "tensorboard", RESULT_FILE, "methods.csv", "methods.json")


@dataclass(frozen=True)
class Changes:
    """What has changed in a run folder."""

    files: dict[str, bytes]
    """the new content of files by path. Of a saved step that changed, all files"""
    gone: tuple[str, ...] = ()
    """paths of files that are gone"""


class Watch:
    """Finds what changed in a run folder since the last look. At first, nothing has."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.seen = signatures(folder)

    def changes(self) -> Changes:
        """What changed since the last call. The run must not write meanwhile."""
        before, self.seen = self.seen, signatures(self.folder)
        changed = {path for path, signature in self.seen.items() if before.get(path) != signature}
        whole = {step_of(path) for path in changed} - {None}
        files = [path for path in self.seen if path in changed or step_of(path) in whole]
        contents = {path: read_bytes(self.folder / path) for path in files}
        return Changes(contents, tuple(before.keys() - self.seen.keys()))


def signatures(folder: Path) -> dict[str, tuple[int, int, int]]:
    """For each file of a run folder, by path, what differs once it is written again or appended to."""
    stats = {path: (folder / path).stat() for path in files_of(folder)}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def files_of(folder: Path) -> Iterator[str]:
    """The paths of a run's files, relative to its folder: no lock, nothing half written and no damaged step."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        is_step = entry.name.startswith("step-")
        if entry.name == LOCK or entry.name.startswith(".") or (is_step and step_of(f"{entry.name}/") is None):
            continue
        files = sorted(entry.rglob("*")) if entry.is_dir() and not entry.is_symlink() else [entry]
        yield from (str(path.relative_to(folder)) for path in files if path.is_file() and not path.is_symlink())


def step_of(path: str) -> str | None:
    """The name of the saved step that a file belongs to, by its path in a run folder. None: to none."""
    name, is_inside, _ = path.partition("/")
    number = name.removeprefix("step-")
    return name if is_inside and name.startswith("step-") and len(number) == 8 and number.isdigit() else None


def read_files(folder: Path) -> dict[str, bytes]:
    """The content of each file of a run, by path. One that is deleted meanwhile is left out."""
    contents = {}
    for path in files_of(folder):
        with contextlib.suppress(SettingError):
            contents[path] = read_bytes(folder / path)
    return contents


def write_new_files(folder: Path, files: dict[str, bytes]) -> None:
    """Writes files by path into a folder that nobody else uses."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        require(is_inside(path), "path", path, "one inside the folder")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def write_changes(lock: RunLock, changes: Changes) -> None:
    """Writes into a run folder what changed elsewhere. Raises SettingError where the folder is another run's by now.

    Raises OSError, which names a path, where something cannot be written.
    """
    folder = lock.folder
    lock.require_held()
    for path in (*changes.files, *changes.gone):
        require(is_inside(path), "path", path, "one inside a run folder")
    steps.remove_unfinished(folder)
    if RESULT_FILE in changes.gone:  # first: it never stands for what is gone
        (folder / RESULT_FILE).unlink(missing_ok=True)
    for path in sorted(changes.files, key=rank):
        step = step_of(path)
        if step is None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / path, changes.files[path])
        elif path == f"{step}/{steps.MANIFEST}":
            prefix = f"{step}/"
            contents = {name: data for name, data in changes.files.items() if name.startswith(prefix)}
            steps.write(folder / step, {name.removeprefix(prefix): data for name, data in contents.items()})
    for path in changes.gone:
        step = step_of(path)
        if step is None:
            (folder / path).unlink(missing_ok=True)
        elif (folder / step).exists():
            steps.drop(folder / step)


def rank(path: str) -> tuple[int, int, str]:
    """A key to sort paths by the order in which they are written."""
    name = path.partition("/")[0]
    if name in FIRST:
        return 0, FIRST.index(name), path
    if name in LAST:
        return 3, LAST.index(name), path
    return (1 if step_of(path) is None else 2), 0, path


def is_inside(path: str) -> bool:
    """Whether a path leads to a file inside the folder that it is relative to."""
    return not Path(path).is_absolute() and ".." not in Path(path).parts and path != LOCK
