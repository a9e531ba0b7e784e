"""Batches, optimiser, the one loop, logging, many runs at once, the command line.

From Python: `from train import preset, train`. docs/python.md shows how.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.interface import Run
    from train.config import RunConfig


def preset(name: str, changes: "dict[str, Any] | None" = None) -> "RunConfig":
    """The settings of `python -m train NAME`, with `changes` by dotted name, such as `{"train.steps": 50}`.

    `python -m train NAME --help` lists them all. Where there are fewer steps than the warm-up has, it
    is as long as they are. Raises SettingError for an unknown name, and for a value that is not allowed.
    """
    from train.interface import preset  # only now, as it imports all settings

    return preset(name, changes)


def train(config: "RunConfig", name: str, overwrite: bool = False) -> "Run":
    """Trains the run checkpoints/<name>/ with these settings, and loads it.

    What was interrupted goes on where it was saved, and what is finished is only loaded. So the same call always gives
    the same run. Raises SettingError where a run of this name has other settings; `overwrite` replaces it. An
    interrupt saves the run before it raises KeyboardInterrupt.
    """
    from train.interface import train  # only now, as it imports torch

    return train(config, name, overwrite)
