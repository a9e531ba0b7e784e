"""The runs of the default page, trained where they are missing: with more saved steps than usual, for the slider."""

import math
from dataclasses import replace

from checkpoints.folder import run_folder
from config.terminal import say
from train.config import RunConfig
from train.presets import PRESETS, TRIPLES
from train.sweeps.compare import Compare

SAVED_STEPS = 8
NAMES = {
    "ask": ("page-causal-0", "page-bidirectional-0"),
    "prompt": ("in-context-0",),
    "facts": ("capitals-causal-0", "capitals-bidirectional-0"),
}
"""by tab"""


def train_missing() -> dict[str, tuple[str, ...]]:
    """Trains the runs of NAMES that are not finished, and returns NAMES. Each takes less than two minutes."""
    for name in (name for names in NAMES.values() for name in names):
        if not (run_folder(name) / "result.json").exists():
            train(name)
    return NAMES


def train(name: str) -> None:
    """Trains one of the runs, or continues it. Raises StopRequested where a signal ends it, once it is saved."""
    from train.progress import Progress  # imports torch, like the others
    from train.run import train_run
    from train.signals import stop_on_signals

    config = settings_of(name)
    say(f"training {name}")
    with stop_on_signals() as stop, Progress(config) as progress:
        train_run(config, name, resume=True, log=progress, stop=stop)


def settings_of(name: str) -> RunConfig:
    """The settings of a run of NAMES."""
    kind, _, _ = name.removeprefix("page-").rpartition("-")
    if kind.startswith("capitals-"):
        return Compare(task=TRIPLES.task).run_config(kind.removeprefix("capitals-"), seed=0)  # as `make capitals`
    config = PRESETS[kind][1]
    if not name.startswith("page-"):
        return config
    every = math.ceil(config.train.steps / SAVED_STEPS)
    return replace(config, train=replace(config.train, save_every=every, keep=SAVED_STEPS))
