"""What several runs are about to cost, said before they train: how many there are, how long they take, whether to."""

from statistics import median
from typing import Any

from config.terminal import say
from train.config import RunConfig
from train.presets import preset_of

PRESET_STEP = 0.02  # seconds of a step of the causal preset on one core, evaluations included
START = 6.0  # seconds of a run outside its steps: imports, its world, figures
EPISODE_LENGTH = 3.0  # of an episode, in plain documents
OVERHEAD = 0.4  # of a step of the presets, whatever its batch and network


def announce(
    runs: dict[str, RunConfig],
    to_train: dict[str, RunConfig],
    variants: dict[str, str],
    finished: dict[str, dict[str, Any]],
    jobs: int,
) -> None:
    """Prints the plan on stderr. See `plan`."""
    for line in plan(runs, to_train, variants, finished, jobs):
        say(line)


def plan(
    runs: dict[str, RunConfig],
    to_train: dict[str, RunConfig],
    variants: dict[str, str],
    finished: dict[str, dict[str, Any]],
    jobs: int,
) -> list[str]:
    """The lines of the plan: how many of a study's `runs` are trained now, about how long it takes, and whether to.

    `jobs` of them train at once. `variants` holds the variant of each run, and `finished` the result of each that is
    finished.
    """
    num_variants, num_seeds = len({variants[name] for name in runs}), len({config.seed for config in runs.values()})
    counted = f"{number(num_variants, 'variant')} x {number(num_seeds, 'seed')}, {number(len(runs), 'run')}"
    kept, jobs = len(finished.keys() - to_train.keys()), min(jobs, len(to_train))
    speed = measured_speed(runs, finished)
    seconds = [START + speed * training_seconds(config) for config in to_train.values()]
    total = duration(max(max(seconds), sum(seconds) / jobs))
    source = "" if speed == 1 else ", as the finished ones took"
    line = f"{counted}: {kept} finished, {len(to_train)} to train, {jobs} at once; about {total} on CPU cores{source}"
    return [line, *too_short(to_train)]


def training_seconds(config: RunConfig) -> float:
    """Roughly the seconds of a training on one core: measured for the presets, and scaled by size."""
    model, train, task = config.model, config.train, config.task
    length = task.documents.statements * (1 + (EPISODE_LENGTH - 1) * task.episodes.share)
    size = (train.batch / 192) * (model.depth * model.recurrence / 2) * (model.width / 64) ** 1.5 * length
    return train.steps * PRESET_STEP * (OVERHEAD + (1 - OVERHEAD) * size)


def measured_speed(runs: dict[str, RunConfig], finished: dict[str, dict[str, Any]]) -> float:
    """How many times as long as `training_seconds` the finished runs took, at the median. 1 where there is none."""
    known = {name: seconds for name, result in finished.items() if (seconds := result.get("train_seconds"))}
    return median(seconds / training_seconds(runs[name]) for name, seconds in known.items()) if known else 1


def too_short(runs: dict[str, RunConfig]) -> list[str]:
    """A line for each objective that gets less than half of the steps of its preset, and starts anew."""
    short: dict[str, tuple[int, int]] = {}
    for config in runs.values():
        steps, preset = config.train.steps, preset_of(type(config.objective)).train.steps
        if config.train.init_from is None and config.train.targets is None and steps < preset / 2:
            short.setdefault(config.json()["objective"]["name"], (steps, preset))
    return [
        f"{objective}: {steps:,} steps, where its preset has {preset:,}: too short to conclude"
        for objective, (steps, preset) in short.items()
    ]


def number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """A time in words, at two digits at most."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
