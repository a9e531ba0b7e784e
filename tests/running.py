"""Runs so small that they train in well under a second, what is in their folders, and command lines."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from checkpoints.config import changes
from checkpoints.record import read_metrics
from config.override import override
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.causal import Causal
from tasks.common.statements import DocumentConfig
from tasks.reversal import Reversal
from train.config import RunConfig, TrainConfig
from train.presets import PRESETS
from train.progress import Log
from train.signals import StopFlag, StopRequested
from train.sweeps.from_file import Sweep, sweep

HOUSE = Path(__file__).parent.parent
# The functions of `os` that change what is on the disk; of them, those that a full one lets fail.
WRITES = ("mkdir", "rename", "replace", "fsync")
CHANGES = (*WRITES, "unlink", "rmdir")
CLOCKS = ("time", "seconds", "documents_per_second", "targets_per_second")

CAUSAL = Causal()
WORLD = Reversal(entities=12, relations=2, one_way=4, documents=DocumentConfig(copies=2))


def tiny(
    objective: Objective = CAUSAL,
    seed: int = 0,
    network: dict[str, Any] | None = None,
    world: dict[str, Any] | None = None,
    **train: Any,
) -> RunConfig:
    """12 steps; an entry of loss every 2, an evaluation every 4, a save every 5 and at the end.

    `world` changes settings of the task by dotted name, such as `documents.copies`.
    """
    often = {"steps": 12, "batch": 8, "warmup": 2, "log_every": 2, "evaluate_every": 4, "evaluate_questions": 2}
    return RunConfig(
        override(WORLD, world or {}),
        objective,
        ModelConfig(**{"width": 16, "depth": 1, "heads": 2, "norm": "layer"} | (network or {})),
        TrainConfig(**often | {"save_every": 5, "device": "cpu"} | train),
        seed,
    )


def flags(config: RunConfig) -> list[str]:
    """What follows `python -m train` for `config`: the preset of its objective, and all settings that differ."""
    objective = type(config.objective)
    preset, default = next((name, run) for name, (_, run) in PRESETS.items() if type(run.objective) is objective)
    changed = changes(default.json(), config.json())
    values = {name.replace("_", "-").replace("train.device", "device"): now for name, (_, now) in changed.items()}
    return [preset, *(f"--{name}={value}" for name, value in values.items())]


class CountingFlag(StopFlag):
    """A flag that counts its checks, and stops the run once it was checked so often."""

    def __init__(self, limit: float = math.inf):
        super().__init__()
        self.limit, self.checks = limit, 0

    def check(self) -> None:
        self.checks += 1
        if self.checks > self.limit:
            raise StopRequested(15)


def stop_after(checks: int) -> StopFlag:
    """A flag that lets `checks` checks pass and stops the run at the next."""
    return CountingFlag(checks)


class Recorder(Log):
    """Keeps what a run reports."""

    def __init__(self):
        self.entries: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    def record(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)

    def warn(self, line: str) -> None:
        self.warnings.append(line)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path, but for the lock, which is empty."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def record(folder: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without the clock."""
    return [{key: value for key, value in entry.items() if key not in CLOCKS} for entry in read_metrics(folder)]


def command(main: Callable[[list[str]], None], arguments: list[str], capsys) -> tuple[int, str]:
    """Exit code and stderr of a command line, run in this process."""
    capsys.readouterr()
    try:
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    return code, capsys.readouterr().err


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess:
    """`python arguments` from the house, as a user starts it."""
    options = {"cwd": HOUSE, "capture_output": True, "text": True, "timeout": 120} | options
    return subprocess.run([sys.executable, *arguments], **options)


def in_child(act: Callable[[], object]) -> int:
    """Runs `act` in a copy of this process, and returns its exit status: 0, 1 if it raised, -signal if killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)  # nothing of pytest may continue in the copy
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def before_each(names: tuple[str, ...], moment: int, interrupt: Callable[[], None]) -> dict[str, Callable]:
    """Replacements for functions of `os` by name: `interrupt` comes before the `moment`-th of all their calls."""
    calls = count()

    def replacement(function: Callable) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) == moment:
                interrupt()
            return function(*arguments, **options)

        return call

    return {name: replacement(getattr(os, name)) for name in names}


def exit_code(settings: Sweep) -> int:
    """The exit code of `python -m train sweep`: 1 where a run failed."""
    try:
        sweep(settings, StopFlag())
    except SystemExit as end:
        return end.code
    return 0
