"""Whether runs and rows were trained with the settings that a study has for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checkpoints.config import read_config
from config.validation import SettingError
from train.config import RUN_SECTIONS, RunConfig


def settings_fault(folder: Path) -> str | None:
    """What is wrong with config.json of a run folder. None where it is whole or absent."""
    try:
        if (folder / "config.json").exists():
            read_config(folder, RUN_SECTIONS)
    except SettingError as problem:
        named = str(folder) in str(problem)
        return str(problem) if named else f"{folder / 'config.json'}: {problem}"
    return None


def comparable(settings: dict[str, Any], config: RunConfig) -> dict[str, Any]:
    """Settings by dotted name without the run that it starts from, whose name holds the seed.

    Settings that `config` lacks, as they are of another task or objective than the preset's, are left out, too.
    """
    own = set(setting_names(config.json())) - {"train.init_from"}
    return {name: value for name, value in settings.items() if name in own}


def setting_names(values: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted names of all settings, and of all objects that hold some."""
    for key, value in values.items():
        yield path + key
        if isinstance(value, dict):
            yield from setting_names(value, f"{path}{key}.")
