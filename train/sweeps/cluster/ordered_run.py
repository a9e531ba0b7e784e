"""A run that trains elsewhere, seen from here: its folder and lock, what its process needs, and what comes back."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkpoints.folder import LOCK, RunLock
from checkpoints.transfer import Changes, read_files, write_changes
from config.validation import SettingError
from eval.runs import find_run
from train.claim import empty_folder
from train.config import RunConfig
from train.sweeps.cluster.order import Order
from train.sweeps.engine import MethodSet


@dataclass(eq=False)
class OrderedRun:
    """A run that trains elsewhere, and its folder here."""

    name: str
    """the run"""
    config: RunConfig
    """its settings"""
    methods: MethodSet
    """methods to apply"""
    lock: RunLock
    """held on its folder here until it has ended"""
    resumes: bool
    """whether what its folder holds is of this run; else it is replaced by the first files that come"""
    kept: ExitStack
    """closed at its end: the lock"""
    trainer: Any = None
    """the process that trains it, as Ray's handle of an actor"""
    has_begun: bool = False
    """whether that process took the order"""
    awaited: dict[Any, str] = field(default_factory=dict)
    """results that are to come, and of which method of the process"""
    losses: int = 0
    """how often its node was lost"""

    @property
    def folder(self) -> Path:
        return self.lock.folder

    def order(self) -> Order:
        """What the process needs. Raises OSError or SettingError where something cannot be read."""
        inputs = {setting: Path(path) for setting, path in self.config.task.inputs().items()}
        return Order(
            self.name,
            self.config,
            self.methods,
            read_files(self.folder) if self.resumes else {},
            {setting: path.read_bytes() for setting, path in inputs.items() if path.is_file()},
            self.base_files(),
            str(self.folder.parent),
        )

    def base_files(self) -> dict[str, bytes]:
        """The files of the run that it starts from, without its view; none where the run itself will say why."""
        base_run = self.config.train.init_from
        if base_run is None:
            return {}
        with contextlib.suppress(SettingError):
            files = read_files(find_run(base_run))
            return {path: data for path, data in files.items() if not path.startswith("tensorboard/")}
        return {}

    def write(self, changes: Changes) -> None:
        """Writes what its process saved. Raises OSError or SettingError where it cannot."""
        self.lock.require_held()
        if not self.resumes:
            empty_folder(self.folder)
            self.resumes = True
        write_changes(self.lock, changes)

    def close(self) -> None:
        """Gives the folder free, and leaves none where nothing came."""
        with contextlib.suppress(OSError):
            if [path.name for path in self.folder.iterdir()] == [LOCK]:
                (self.folder / LOCK).unlink()
                self.folder.rmdir()
        self.kept.close()
