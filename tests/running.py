"""Runs so tiny that they train in well under a second, what is in their folders, and command lines."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from checkpoints.config import changes
from checkpoints.folder import read_metrics
from model.objectives.causal import Causal
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from tasks.reversal import Reversal
from train.loop import Stopped
from train.presets import PRESETS
from train.settings import Config, TrainSettings

HOUSE = Path(__file__).parent.parent
# The functions of `os` that change what is on the disk; of them, those that a full one lets fail.
WRITES = ("mkdir", "rename", "replace", "fsync")
CHANGES = (*WRITES, "unlink", "rmdir")
CLOCKS = ("time", "seconds", "documents_per_second", "targets_per_second")

CAUSAL = Causal()


def tiny(
    objective: Objective = CAUSAL,
    seed: int = 0,
    network: dict[str, Any] | None = None,
    world: dict[str, Any] | None = None,
    **train: Any,
) -> Config:
    """12 steps; an entry of loss every 2, an evaluation every 4, a save every 5 and at the end."""
    often = {"steps": 12, "batch": 8, "warmup": 2, "log_every": 2, "evaluate_every": 4, "evaluate_questions": 2}
    return Config(
        Reversal(**{"entities": 12, "relations": 2, "one_way": 4, "renderings": 2} | (world or {})),
        objective,
        NetworkSettings(**{"width": 16, "depth": 1, "heads": 2, "norm": "layer"} | (network or {})),
        TrainSettings(**often | {"save_every": 5, "device": "cpu"} | train),
        seed,
    )


def flags(config: Config) -> list[str]:
    """What stands after `python -m train` for `config`: the preset of its objective, and all that differs from it."""
    preset, default = next((k, c) for k, (_, c) in PRESETS.items() if type(c.objective) is type(config.objective))
    differs = changes(default.json(), config.json())
    named = {name.replace("_", "-").replace("train.device", "device"): now for name, (_, now) in differs.items()}
    return [preset, *(f"--{name}={now}" for name, now in named.items())]


def stop_after(checks: int) -> Callable[[], None]:
    """A `check` that lets `checks` calls pass and stops the run at the next."""
    calls = count()

    def check() -> None:
        if next(calls) >= checks:
            raise Stopped(15)

    return check


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


def python(*arguments: str, **given: Any) -> subprocess.CompletedProcess:
    """`python arguments` from the house, as a user starts it."""
    given = {"cwd": HOUSE, "capture_output": True, "text": True, "timeout": 120} | given
    return subprocess.run([sys.executable, *arguments], **given)


def in_child(act: Callable[[], object]) -> int:
    """Runs `act` in a copy of this process, and returns its exit status: 0, 1 if it raised, -signal if killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)  # nothing of pytest may go on in the copy
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def before_each(calls: tuple[str, ...], moment: int, interrupt: Callable[[], None]) -> dict[str, Callable]:
    """Stand-ins for the functions of `os` that `calls` names: `interrupt` comes before the `moment`-th of all calls."""
    made = count()

    def stand_in(real: Callable) -> Callable:
        def call(*arguments: Any, **given: Any) -> Any:
            if next(made) == moment:
                interrupt()
            return real(*arguments, **given)

        return call

    return {name: stand_in(getattr(os, name)) for name in calls}
