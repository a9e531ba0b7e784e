"""tensorboard/ in a run folder: a view of its record and model, complete once the last file of all is written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from checkpoints.files import read_bytes, read_json, require_plain_folder, sha256, write_json
from config.validation import require

VIEW, COMPLETE = "tensorboard", "complete.json"


def mark_complete(folder: Path, weights: str) -> None:
    """Notes that nothing is missing, once all files are closed. `weights`: the digest of those that are shown."""
    write_json(folder / VIEW / COMPLETE, {"weights": weights, "files": digests(folder)})


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of the view but the last, by path. Raises SettingError for what is no plain file."""
    paths = [path for path in sorted((folder / VIEW).rglob("*")) if path.is_symlink() or not path.is_dir()]
    return {str(path.relative_to(folder / VIEW)): sha256(read_bytes(path)) for path in paths if path.name != COMPLETE}


def require_complete(folder: Path, weights: str) -> None:
    """Raises SettingError unless the view of these weights was written to its end, and is as it was."""
    require_plain_folder(folder / VIEW)
    noted = read_json(folder / VIEW / COMPLETE)
    same = noted.get("weights") == weights
    require(same, str(folder / VIEW), "of other weights", "of those that result.json is about")
    files, now = noted.get("files"), digests(folder)
    require(isinstance(files, dict), str(folder / VIEW / COMPLETE), files, "the digests of all files")
    changed = sorted(name for name in now.keys() | files.keys() if files.get(name) != now.get(name))
    require(not changed, str(folder / VIEW), f"changed ({', '.join(changed)})", "as it was written")


@contextlib.contextmanager
def naming_view(folder: Path) -> Iterator[None]:
    """Gives an error of the system that names no path, as those of TensorBoard's writer do, the path of the view."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(folder / VIEW)) from None
