"""The runs that are disturbed, the same ones undisturbed, and what they differ in."""

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from checkpoints.record import read_result
from checkpoints.steps import FILES, steps
from checkpoints.view import VIEW
from eval.methods.closed_book import ClosedBook
from eval.run_methods import run_methods
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tests.running import Recorder, record, tiny
from train.config import RunConfig
from train.run import train_run

METHODS = {"closed-book": ClosedBook()}
CLOCKS = ("run", "train_seconds", "load")


@dataclass(frozen=True)
class Chaos:
    """Disturb tiny runs in every way, and compare them with runs that nothing disturbed."""

    parts: Positional[tuple[Literal["kills", "damages", "disks"], ...]] = ("kills", "damages", "disks")
    """what to do"""
    kills: int = 200
    """SIGKILLs"""
    damages: int = 300
    """damaged files"""
    disks: int = 10
    """writes from which the disk is full"""
    seed: int = 0
    """draws objectives, files and moments"""


def chaos_config(rng: random.Random) -> RunConfig:
    """A run of half a second that saves and evaluates often."""
    often = {"steps": 40, "save_every": 4, "evaluate_every": 8, "log_every": 2}
    return tiny(rng.choice((Causal(), Masked())), seed=rng.randrange(3), **often)


@dataclass
class Undisturbed:
    """Runs that nothing disturbed, by their settings."""

    root: Path

    def of(self, config: RunConfig) -> Path:
        name = f"whole-{type(config.objective).__name__}-{config.seed}"
        if not (self.root / name / "result.json").exists():
            train_run(config, name, root=self.root, log=Recorder())
            run_methods(self.root / name, METHODS)
        return self.root / name


def final_state(folder: Path) -> dict[str, Any]:
    """All that a finished run is, but for clock, name and identity."""
    newest = steps(folder)[-1]
    result = {
        name: value for name, value in read_result(folder).items() if name not in ("run", "train_seconds", "load")
    }
    result["files"] = result["files"]["questions.csv"]
    return {
        "step": newest.name,
        **{name: (newest / name).read_bytes() for name in FILES[:2] if (newest / name).exists()},
        "record": record(folder),
        "questions": (folder / "questions.csv").read_bytes(),
        "result": result,
        "view": shown(folder),
    }


def shown(folder: Path) -> dict[str, Any]:
    """What TensorBoard shows: every scalar, and the tags of all else."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / VIEW), {"scalars": 0})
    events.Reload()
    tags = events.Tags()
    clocks = ("training/documents a second", "training/targets a second")
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"] if tag not in clocks}
    return {"scalars": scalars, "images": tags["images"], "tensors": tags["tensors"]}


def differences(folder: Path, whole: Path) -> list[str]:
    """What of a finished run is not as in the undisturbed one."""
    state, expected = final_state(folder), final_state(whole)
    return [name for name in expected if state.get(name) != expected[name]]


def resume(config: RunConfig, name: str, root: Path) -> None:
    train_run(config, name, root=root, resume=True, log=Recorder())


def progress(text: str) -> None:
    print(f"\r{text}", end="", file=sys.stderr, flush=True)
