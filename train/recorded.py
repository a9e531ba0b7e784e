"""The settings of a run as its folder has them: for `--resume`, which needs none of them again."""

from itertools import pairwise

from checkpoints.config import read_config
from checkpoints.folder import run_folder
from config.validation import require
from train.config import RUN_SECTIONS, RunConfig


def recorded_config(preset: str, base: RunConfig, arguments: list[str]) -> RunConfig:
    """The settings to start from: those of the run that `--resume` continues, or else those of the preset, `base`.

    Raises SettingError where that run does not exist, or has another objective than the preset.
    """
    if "--resume" not in arguments:
        return base
    name = argument(arguments, "--name") or default_name(
        preset, argument(arguments, "--task"), argument(arguments, "--seed") or str(base.seed)
    )
    folder = run_folder(name)
    exists = (folder / "config.json").exists()
    require(exists, "resume", True, f"given for a run that was started: there is no {folder.name} in {folder.parent}")
    config = RunConfig(**read_config(folder, RUN_SECTIONS))
    objective = config.json()["objective"]["name"]
    same = type(config.objective) is type(base.objective)
    require(same, "preset", preset, f"one with the objective of {folder}, {objective}")
    return config


def default_name(preset: str, task: str | None, seed: str) -> str:
    """The name of a run without --name, such as causal-0."""
    return "-".join(filter(None, [preset, task, seed]))


def argument(arguments: list[str], flag: str) -> str | None:
    """What follows `flag` on a command line, the last time; None where it is not given.

    It is looked up before the arguments are parsed: which settings exist depends on it.
    """
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith(f"{flag}=") else [word])]
    values = [value for name, value in pairwise(words) if name == flag]
    return values[-1] if values else None
