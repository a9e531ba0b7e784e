"""Saving and reading back `step-00001000/`: weights and state in safetensors, counters in JSON.

A step is written under another name. It is renamed once its manifest, the last file, holds the SHA-256 of the others.
So a step is whole or absent, and damage is detected before anything is used.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

FILES = ("weights.safetensors", "state.safetensors", "state.json")
FORMAT = 1


def path_of(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}"


def steps(folder: Path) -> list[Path]:
    """The saved steps of a run, oldest first, whole or damaged."""
    return sorted(path for path in folder.glob("step-" + 8 * "[0-9]") if path.is_dir() and not path.is_symlink())


def save(
    folder: Path, step: int, weights: dict[str, Tensor], state: dict[str, Tensor], counters: Any, keep: int
) -> None:
    """Saves `step`, unless it is saved already and whole. Drops the oldest whole steps beyond the newest `keep`."""
    final = path_of(folder, step)
    temporary = folder / f".{final.name}"
    for unfinished in folder.glob(".step-*"):  # of a process that was killed
        shutil.rmtree(unfinished)
    if damage(final) is None:
        return
    try:
        temporary.mkdir()
        contents = (*(to_bytes(tensors) for tensors in (weights, state)), json.dumps(counters).encode())
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in zip(FILES, contents)}
        manifest = json.dumps({"format": FORMAT, "step": step, "files": digests}, indent=1).encode()
        for name, data in zip((*FILES, "manifest.json"), (*contents, manifest)):
            with open(temporary / name, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync(temporary)
        if final.exists():
            final.rename(free_path(folder / f"{final.name}-damaged"))
        temporary.rename(final)
        sync(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    whole = [path for path in steps(folder) if damage(path) is None]
    for old in whole[:-keep]:
        shutil.rmtree(old.rename(folder / f".{old.name}"))  # by another name: a kill leaves no half of a step


def load(folder: Path, warn: Callable[[str], None]) -> tuple[int, dict[str, Tensor], dict[str, Tensor], Any] | None:
    """(step, weights, state, counters) of the newest whole step; None where there is none.

    Each damaged step is named through `warn`, skipped, and not changed.
    """
    from safetensors.torch import load_file

    for path in reversed(steps(folder)):
        fault = damage(path)
        if fault is None:
            weights, state = (load_file(path / name) for name in FILES[:2])
            return int(path.name.removeprefix("step-")), weights, state, json.loads((path / FILES[2]).read_text())
        warn(f"{path} is damaged ({fault}): skipped")
    return None


def damage(path: Path) -> str | None:
    """What is wrong with a saved step; None if its manifest and every file are whole."""
    try:
        links = [name for name in (*FILES, "manifest.json") if (path / name).is_symlink()]
        if links:
            return f"{links[0]} is a link"
        manifest = json.loads((path / "manifest.json").read_text())
        digests = manifest["files"]
        # Only these names are ever opened, so a manifest cannot lead out of its folder.
        same_files = manifest["format"] == FORMAT and set(digests) == set(FILES)
        if not same_files or path.name != path_of(path.parent, manifest["step"]).name:
            return "the manifest is of another step or format"
        for name in FILES:
            if hashlib.sha256((path / name).read_bytes()).hexdigest() != digests[name]:
                return f"{name} is not what was saved"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


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
