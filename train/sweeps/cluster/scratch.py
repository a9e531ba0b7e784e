"""Temporary folders that are deleted at the end, or by the next process where this one is killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOCK = "lock"


@contextlib.contextmanager
def scratch_folder(prefix: str, parent: str | None = None) -> Iterator[Path]:
    """A new folder in `parent`, None: where the system has such folders. Its name begins with `prefix`.

    Folders of that prefix that killed processes of this user left are deleted, too.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    with open(folder / LOCK, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system drops it when the process ends, however it ends
        try:
            for other in set(folder.parent.glob(f"{prefix}*")) - {folder}:
                delete_unused(other)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def delete_unused(folder: Path) -> None:
    """Deletes the folder unless a process holds its lock or is about to take it, or it is another user's."""
    with contextlib.suppress(OSError), open(folder / LOCK, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock.fileno()).st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
