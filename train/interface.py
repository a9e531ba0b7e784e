"""Training from Python: the settings of a preset, changed by name, and a run trained with them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from checkpoints.config import restore_config
from checkpoints.folder import run_folder
from config.terminal import say
from config.validation import SettingError, did_you_mean, require_choice
from train.compiler import require_compiler
from train.config import RUN_SECTIONS, RunConfig
from train.presets import PRESETS
from train.signals import StopRequested, stop_on_interrupt

if TYPE_CHECKING:
    from eval.interface import Run


def preset(name: str, changes: dict[str, Any] | None = None) -> RunConfig:
    """The settings of `python -m train NAME`, with `changes` by dotted name. A shorter run has a shorter warm-up."""
    require_choice("preset", str(name), PRESETS)
    values = PRESETS[name][1].json()
    names = list(setting_names(values))
    for setting, value in (changes or {}).items():
        if setting not in names:
            raise SettingError(f"{name} has no setting {setting!r}{did_you_mean(str(setting), names)}")
        *sections, last = setting.split(".")
        settings = values
        for section in sections:
            settings = settings[section]
        settings[last] = value
    steps = values["train"]["steps"]
    if "train.warmup" not in (changes or {}) and isinstance(steps, int):
        values["train"]["warmup"] = min(values["train"]["warmup"], steps)
    return RunConfig(**restore_config(values, RUN_SECTIONS))


def setting_names(values: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted names of all settings in what config.json holds."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from setting_names(value, f"{path}{name}.")
        elif name not in ("name", "format"):  # of a section, and of the file
            yield path + name


def train(config: RunConfig, name: str, overwrite: bool = False) -> "Run":
    """Trains the run checkpoints/<name>/, unless it is trained already, and loads it."""
    from eval.interface import load
    from train.progress import Progress
    from train.run import train_run

    require_compiler(config.train)
    try:
        with stop_on_interrupt() as stop, Progress(config) as progress:
            train_run(config, name, resume=not overwrite, overwrite=overwrite, log=progress, stop=stop)
    except StopRequested:
        say("stopped and saved: the same call continues")
        raise KeyboardInterrupt from None
    return load(run_folder(name))
