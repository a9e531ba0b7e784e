"""What makes a run the one that it is: an identity, the words of its tokens, and the user's files that it comes from.

All stand in the run folder. So a run can be read whatever happens to the user's files, and no step, world or word of
another run is taken for its own.
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkpoints.config import read_config_json
from checkpoints.files import (
    parse_json,
    read_bytes,
    require_digest,
    require_plain_folder,
    sha256,
    write_bytes,
    write_json,
)
from config.validation import SettingError, require

KEY = "identity"  # in config.json
VOCABULARY, INPUTS = "vocabulary.json", "inputs"
MAX_VOCABULARY = 1 << 28  # bytes


@dataclass(frozen=True)
class Identity:
    """What config.json says of a run beside its settings."""

    run: str
    """drawn at random for each run; every saved step has it, too"""
    world: str
    """the digest of its corpus"""
    files: dict[str, str]
    """SHA-256 of vocabulary.json and of the files in inputs/, by path"""


def write_identity(folder: Path, world: str, words: tuple[str, ...], inputs: dict[str, bytes]) -> dict[str, Any]:
    """Writes vocabulary.json and inputs/. Returns what config.json holds of them. `inputs`: files by setting."""
    write_json(folder / VOCABULARY, {"words": list(words)})
    files = {VOCABULARY: sha256((folder / VOCABULARY).read_bytes())}
    for setting, data in inputs.items():
        (folder / INPUTS).mkdir(exist_ok=True)
        write_bytes(folder / INPUTS / setting, data)
        files[f"{INPUTS}/{setting}"] = sha256(data)
    return {KEY: {"run": uuid.uuid4().hex, "world": world, "files": files}}


def read_identity(folder: Path) -> Identity:
    """The identity of the run in `folder`. Raises SettingError where config.json has none."""
    values = read_config_json(folder).get(KEY)
    try:
        identity = Identity(**values)
        is_whole = all(isinstance(text, str) for text in (identity.run, identity.world, *identity.files.values()))
    except (TypeError, AttributeError):
        is_whole = False
    require(is_whole, f"{folder / 'config.json'} {KEY}", values, "the run, the digest of its world, and files")
    return identity


def read_words(folder: Path) -> tuple[str, ...]:
    """The word of each token of the run in `folder`. Raises SettingError where the file is not what was written."""
    path, digest = folder / VOCABULARY, read_identity(folder).files.get(VOCABULARY)
    data = read_bytes(path, MAX_VOCABULARY)
    require_digest(path, data, digest)
    words = parse_json(path, data).get("words")
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    require(is_list, str(path), type(words).__name__, "a list of words")
    return tuple(words)


def kept_inputs(folder: Path, settings: tuple[str, ...]) -> dict[str, str]:
    """The path of the copy of each file in `inputs/`, by setting. Raises SettingError for one that was changed."""
    files, paths = read_identity(folder).files, {}
    for setting in settings:
        path = folder / INPUTS / setting
        if f"{INPUTS}/{setting}" in files:
            require_plain_folder(path.parent)
            require_digest(path, read_bytes(path), files[f"{INPUTS}/{setting}"])
            paths[setting] = str(path)
    return paths


def changed_inputs(folder: Path, inputs: dict[str, str]) -> list[str]:
    """Those of the user's files `inputs`, by setting, that are there and differ from the copies in `folder`."""
    files = read_identity(folder).files
    return [
        path
        for setting, path in inputs.items()
        if os.path.isfile(path) and sha256(Path(path).read_bytes()) != files.get(f"{INPUTS}/{setting}")
    ]


def require_same_inputs(folder: Path, inputs: dict[str, str]) -> None:
    """Raises SettingError where a file of the user differs from what the run in `folder` was read from."""
    changed = changed_inputs(folder, inputs)
    if changed:
        raise SettingError(
            f"{folder} was trained on another {changed[0]}: the file has changed since (--overwrite trains again, "
            "--name trains another run)"
        )
