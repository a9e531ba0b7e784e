"""metrics.jsonl, the record of training, a line an entry, which a saved step counts on; and result.json, its end."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from checkpoints.files import naming, open_plain, read_bytes, read_json, require_digest
from config.validation import SettingError, require

FILE, RESULT_FILE = "metrics.jsonl", "result.json"


class Metrics:
    """The record, open for appending after its first `length` bytes. What a killed process wrote later is cut.

    Raises SettingError where these bytes are not those with the SHA-256 `digest`.
    """

    def __init__(self, folder: Path, length: int, digest: str):
        self.path, self.length, self.saved_digest = folder / FILE, length, digest

    def append(self, entry: dict[str, Any]) -> tuple[int, str]:
        """Adds a line. Returns the length in bytes and the SHA-256 of all lines."""
        line = json.dumps(entry).encode() + b"\n"
        with naming(self.path):
            self.file.write(line)
            self.file.flush()
            os.fsync(self.file.fileno())  # a saved step counts on every entry before it
        self.sha256.update(line)
        self.length += len(line)
        return self.length, self.sha256.hexdigest()

    def entries(self) -> list[dict[str, Any]]:
        """The entries that were there when the file was opened."""
        return parse(self.path, self.before)

    def __enter__(self) -> "Metrics":
        self.file = open_plain(self.path, os.O_RDWR | os.O_CREAT)
        self.before = before = self.file.read(self.length)
        allowed = f"at least the {self.length} bytes it had when saved"
        require(len(before) == self.length, str(self.path), f"{len(before)} bytes", allowed)
        if self.length:
            require_digest(self.path, before, self.saved_digest)
        self.file.truncate(self.length)
        self.sha256 = hashlib.sha256(before)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


RESULT = {"run": str, "steps": int, "target_tokens": int, "train_seconds": (int, float), "parameters": int}
RESULT |= {"weights": str, "files": dict, "splits": dict}


def read_result(folder: Path) -> dict[str, Any]:
    """What result.json of a finished run holds. Raises SettingError where it is damaged, or lacks something."""
    path = folder / RESULT_FILE
    result = read_json(path)
    for name, of_type in RESULT.items():
        require(isinstance(result.get(name), of_type), f"{path} {name}", result.get(name), f"a result's {name}")
    return result


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The entries of metrics.jsonl; a last line that a killed process left unfinished is not one.

    Raises SettingError where it cannot be read, or is not as it was when the run finished.
    """
    path = folder / FILE
    is_finished = (folder / RESULT_FILE).exists()
    if not is_finished and not os.path.lexists(path):
        return []
    data = read_bytes(path)
    if is_finished:
        require_digest(path, data, read_result(folder)["files"].get(FILE))
    return parse(path, data)


def parse(path: Path, data: bytes) -> list[dict[str, Any]]:
    """The entries that the file in `path` holds as `data`. Raises SettingError where it cannot be read."""
    try:
        return [json.loads(line) for line in data.decode().split("\n")[:-1]]
    except ValueError as error:
        raise SettingError(f"{path} is damaged: {error}") from None
