"""Saving and reading back `step-00001000/`: weights and state in safetensors, counters in JSON.

A step is written under another name. It is renamed once its manifest, the last file, holds the SHA-256 of the others.
So a step is whole or absent, and damage is detected before anything is used.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checkpoints.files import digest_of, naming, parse_json, read_bytes, read_json, require_digest, sha256
from config.validation import SettingError

if TYPE_CHECKING:
    from torch import Tensor

FILES = ("weights.safetensors", "state.safetensors", "state.json")
MANIFEST = "manifest.json"
FORMAT = 2
MAX_MANIFEST = 1 << 20  # bytes
ATTEMPTS = 5  # to list the steps of a run that saves meanwhile


class SavedStep(NamedTuple):
    """What a saved step holds."""

    step: int
    weights: dict[str, Tensor]
    """by name of the parameter"""
    state: dict[str, Tensor]
    """of the optimiser, by name"""
    counters: Any
    """the rest, as JSON values"""
    weights_sha256: str
    """the digest that results of these weights are known by"""


def path_of(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}"


def steps(folder: Path) -> list[Path]:
    """The saved steps of a run, oldest first, whole or damaged."""
    return sorted(folder.glob("step-" + 8 * "[0-9]"))


def save(
    folder: Path,
    step: int,
    weights: dict[str, Tensor],
    state: dict[str, Tensor],
    counters: Any,
    keep: int,
    run: str = "",
) -> None:
    """Saves `step`, unless it is saved already and whole. Drops the oldest whole steps beyond the newest `keep`.

    `run`: the identity of the run that it belongs to (identity.py).
    """
    final = path_of(folder, step)
    remove_unfinished(folder)
    if damage(final, run) is None:
        return
    contents = (*(to_bytes(tensors) for tensors in (weights, state)), json.dumps(counters).encode())
    digests = {name: sha256(data) for name, data in zip(FILES, contents)}
    manifest = {"format": FORMAT, "run": run, "step": step, "files": digests}
    manifest |= {"sha256": digest_of(manifest)}
    write(final, dict(zip((*FILES, MANIFEST), (*contents, json.dumps(manifest, indent=1).encode()))))
    whole = [path for path in steps(folder) if damage(path, run) is None]
    for old in whole[:-keep]:
        drop(old)


def write(final: Path, contents: dict[str, bytes]) -> None:
    """Writes a saved step from its files by name. One that is there already is kept, as damaged."""
    folder, temporary = final.parent, final.parent / f".{final.name}"
    try:
        with naming(final):
            temporary.mkdir()
        for name, data in contents.items():
            with naming(final / name), open(temporary / name, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync(temporary)
        if os.path.lexists(final):
            final.rename(free_path(folder / f"{final.name}-damaged"))
        temporary.rename(final)
        sync(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Deletes what a process that was killed has left of saving or dropping steps."""
    for unfinished in folder.glob(".step-*"):
        remove(unfinished)


def drop(path: Path) -> None:
    """Deletes a saved step, under another name: a kill leaves no half of it."""
    shutil.rmtree(path.rename(path.parent / f".{path.name}"))


def remove(path: Path) -> None:
    """Deletes a folder with all that is in it, or a link or file itself."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def load(
    folder: Path, warn: Callable[[str], None], run: str | None = None, max_bytes: int | None = None
) -> SavedStep | None:
    """The newest whole step, None where there is none.

    Each damaged step is named through `warn`, skipped, and not changed. `run`, `max_bytes`: as `read_contents` has
    them. Raises SettingError for a step that is a link.
    """
    listed: list[Path] = []
    for _ in range(ATTEMPTS):
        before, listed = listed, steps(folder)
        for path in reversed(listed):
            try:
                return parse(path, read_contents(path, run, max_bytes))
            except SettingError as fault:
                if path.is_symlink():
                    raise
                if path.exists() and path not in before:  # else a newer one took its place meanwhile
                    warn(f"{path} is damaged ({fault}): skipped")
        if steps(folder) == listed:
            return None
    return None


def parse(path: Path, contents: dict[str, bytes]) -> SavedStep:
    """The step in `path` from the contents of its files. Raises SettingError where they are of another kind."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        weights, state = (load(contents[name]) for name in FILES[:2])
        counters = json.loads(contents[FILES[2]])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise SettingError(f"{type(error).__name__}: {error}") from None
    return SavedStep(int(path.name.removeprefix("step-")), weights, state, counters, sha256(contents[FILES[0]]))


def weights_sha256(path: Path) -> str:
    """The digest of a saved step's weights, as its manifest has it."""
    return read_json(path / MANIFEST)["files"][FILES[0]]


def damage(path: Path, run: str | None = None) -> str | None:
    """What is wrong with a saved step; None if its manifest and every file are whole."""
    try:
        read_contents(path, run)
    except SettingError as fault:
        return str(fault)
    return None


def read_contents(path: Path, run: str | None = None, max_bytes: int | None = None) -> dict[str, bytes]:
    """The files of a saved step by name. Raises SettingError unless its manifest and every file are whole.

    `run`: the identity of the run that it must belong to; None: of any. `max_bytes`: of a file; None: any number.
    """
    if path.is_symlink():
        raise SettingError(f"{path} is a link, and links in a run folder are not followed")
    manifest = parse_json(path / MANIFEST, read_bytes(path / MANIFEST, MAX_MANIFEST))
    digests, step = manifest.get("files"), manifest.get("step")
    # Only these names are ever opened, so a manifest cannot lead out of its folder.
    same_files = manifest.get("format") == FORMAT and isinstance(digests, dict) and set(digests) == set(FILES)
    if not same_files or not isinstance(step, int) or path.name != path_of(path.parent, step).name:
        raise SettingError("the manifest is of another step or format")
    if run is not None and manifest.get("run") != run:
        raise SettingError("it is of another run")
    contents = {name: read_bytes(path / name, max_bytes) for name in FILES}
    for name, data in contents.items():
        require_digest(path / name, data, digests[name])
    return contents


def to_bytes(tensors: dict[str, Tensor]) -> bytes:
    from safetensors.torch import save

    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def free_path(path: Path) -> Path:
    """`path`, or with the first number that makes a name not in use."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(1))
    return next(candidate for candidate in itertools.chain([path], numbered) if not candidate.exists())


def sync(folder: Path) -> None:
    """Puts the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
