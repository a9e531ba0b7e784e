"""tensorboard/ in a run folder: a view of its record and model, complete once the last file of all is written."""

from pathlib import Path

from checkpoints.files import read_bytes, read_json, require_digest, require_plain_folder, sha256, write_json
from config.validation import require

VIEW, COMPLETE = "tensorboard", "complete.json"


def mark_complete(folder: Path, weights: str) -> None:
    """Notes that nothing is missing, once all files are closed. `weights`: the digest of those that are shown."""
    files = {path.name: sha256(path.read_bytes()) for path in (folder / VIEW).iterdir() if path.is_file()}
    write_json(folder / VIEW / COMPLETE, {"weights": weights, "files": files})


def require_complete(folder: Path, weights: str) -> None:
    """Raises SettingError unless the view of these weights was written to its end, and is as it was."""
    require_plain_folder(folder / VIEW)
    noted = read_json(folder / VIEW / COMPLETE)
    same = noted.get("weights") == weights
    require(same, str(folder / VIEW), "of other weights", "of those that result.json is about")
    for name, digest in noted["files"].items():
        require_digest(folder / VIEW / name, read_bytes(folder / VIEW / name), digest)
