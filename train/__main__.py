"""`python -m train PRESET [settings]` trains a run, `compare`, `sweep` and `ablate` several; alone it lists all."""

import sys
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Annotated, Generic, Literal, TypeVar

from tyro.conf import arg

from eval.score import from_entry
from eval.show import print_asked
from tasks import TASKS
from tasks.anew import DrawnAnew
from tasks.cli import parse, refusals, refuse, show_what_the_terminal_can
from tasks.settings import require
from train.ablate import Ablate, ablate
from train.compare import Compare, compare
from train.loop import NotFinite, Stopped
from train.presets import PRESETS
from train.progress import Progress
from train.run import train_run
from train.settings import Config
from train.stop import stop_on_signals
from train.sweep import Sweep, sweep

Settings = TypeVar("Settings")
SEVERAL = {
    "compare": ("causal and bidirectional, five seeds each: table and figure", Compare, compare),
    "sweep": ("every variant that a Python file lists: table and figure", Sweep, sweep),
    "ablate": ("every value of one setting, for several objectives: table and figure", Ablate, ablate),
}
NOT_FINITE = 3  # exit code; bad input ends with 2, a signal with 128 + its number


@dataclass(frozen=True)
class Arguments(Generic[Settings]):
    """Train one run into checkpoints/<name>/."""

    config: Annotated[Settings, arg(name="")]
    task: Literal[tuple(TASKS)] | None = None
    """another task than the preset's, which keeps of it what all tasks have; its own settings are then to be given"""
    name: str | None = None
    """folder in checkpoints/; None: the preset, the task if another is given, and the seed, such as causal-0"""
    resume: bool = False
    """go on from the last saved step, under the same settings"""
    overwrite: bool = False
    """replace the run of this name, finished or not"""

    def __post_init__(self):
        require(not (self.resume and self.overwrite), "resume", True, "given without overwrite, or the other way round")


def main(arguments: list[str]) -> None:
    match arguments:
        case [] | ["--help" | "-h"]:
            print("python -m train NAME [settings]      (NAME --help lists every setting)\n")
            for name, (line, *_) in (PRESETS | SEVERAL).items():
                print(f"  {name:20} {line}")
        case [name, *rest] if name in SEVERAL:
            _, kind, act = SEVERAL[name]
            given = parse(kind, rest, f"python -m train {name}")
            try:
                with refusals(), stop_on_signals() as check:
                    act(given, check)
            except Stopped as stop:
                print("stopped and saved: the same command goes on", file=sys.stderr)
                raise SystemExit(128 + stop.args[0]) from None
        case [name, *rest] if name in PRESETS:
            with refusals():
                train(name, rest)
        case [name, *_]:
            refuse(f"preset is {name!r}, but must be one of {', '.join((*PRESETS, *SEVERAL))}")


def train(preset: str, rest: list[str]) -> None:
    config = PRESETS[preset][1]
    if TASKS.get(other_task(rest), type(config.task)) is not type(config.task):
        kept = {shared.name: getattr(config.task, shared.name) for shared in fields(DrawnAnew)}
        config = replace(config, task=TASKS[other_task(rest)](**kept))
    kind = Arguments[Config[type(config.task), type(config.objective)]]
    given = parse(kind, rest, f"python -m train {preset}", default=Arguments(config))
    parts = [preset, given.task, str(given.config.seed)]
    name = "-".join(filter(None, parts)) if given.name is None else given.name
    try:
        with stop_on_signals() as check, Progress(given.config) as progress:
            result = train_run(
                given.config,
                name,
                resume=given.resume,
                overwrite=given.overwrite,
                report=progress.report,
                check=check,
                warn=progress.warn,
            )
    except Stopped as stop:
        print(f"stopped and saved: --resume continues checkpoints/{name}", file=sys.stderr)
        raise SystemExit(128 + stop.args[0]) from None
    except NotFinite as problem:
        print(f"error: {problem}; what came before is saved in checkpoints/{name}", file=sys.stderr)
        raise SystemExit(NOT_FINITE) from None
    print_asked(f"checkpoints/{name}", from_entry(result), given.config.task.MEANING)


def other_task(arguments: list[str]) -> str | None:
    """What follows --task, looked up before the rest is read: which settings there are depends on it."""
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--task=") else [word])]
    named = [after for before, after in pairwise(words) if before == "--task"]
    return named[-1] if named else None


if __name__ == "__main__":
    show_what_the_terminal_can()
    main(sys.argv[1:])
