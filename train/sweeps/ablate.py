"""`make ablate AXIS=model.position OBJECTIVES=causal,masked`: one setting over its values, for several objectives."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tyro.conf import Positional

from checkpoints.config import typed
from config.override import override
from config.validation import SettingError, did_you_mean, require, require_choice
from model.objectives import OBJECTIVES
from train.config import RunConfig
from train.presets import preset_of
from train.signals import StopFlag
from train.sweeps.settings import MultiRunConfig, with_steps
from train.sweeps.study import Study

NAME_LENGTH = "task.name_length"  # both lengths of names
VALUES: dict[str, tuple[Any, ...]] = {
    "model.width": (32, 64, 128),
    "model.depth": (1, 2, 4),
    "model.recurrence": (1, 2, 4),
    "model.heads": (1, 2, 4, 8),
    "model.feed_forward_width": (64, 128, 256),
    "model.convolution": (1, 3),
    "model.rotary_base": (10.0, 100.0, 10000.0),
    "model.initial_scale": (0.02, 0.0625, 0.125, 0.25),
    "model.dropout": (0.0, 0.1, 0.3),
    "train.weight_decay": (0.0, 0.1, 1.0, 3.0, 6.0),
    "train.batch": (64, 192, 384),
    "train.subset": (0.05, 0.16, 0.5, 1.0),
    "train.muon_rate": (0.01, 0.02, 0.03),
    "train.learning_rate": (3e-3, 7e-3, 1.5e-2),
    NAME_LENGTH: (1, 2, 4),
    "task.documents.filler": (0, 2, 5),
    "task.documents.copies": (1, 4, 16),
    "task.wordings": (1, 3, 10),
    "task.inverse_share": (0.0, 0.5, 1.0),
}
WORDS = {"true": True, "false": False, "True": True, "False": False, "None": None}


@dataclass(frozen=True)
class Ablate(MultiRunConfig):
    """Train every value of one setting with every objective, as checkpoints/<name>-<objective>-<value>-<seed>."""

    axis: Positional[str]
    """the setting, such as model.position, task.documents.filler or task.name_length (both lengths of names)"""
    objectives: tuple[str, ...] = ("causal", "masked")
    """objectives, each with the settings of its preset"""
    values: tuple[str, ...] = ()
    """values of the setting, parts of one joined by "+"; none given: all it can have, or a list of usual ones"""
    seeds: int = field(default=3, kw_only=True)
    """worlds, each for every combination"""

    def __post_init__(self):
        super().__post_init__()
        for objective in self.objectives:
            require_choice("objectives", objective, OBJECTIVES)
        require(len(self.objectives) > 0, "objectives", self.objectives, f"one or more of {', '.join(OBJECTIVES)}")
        for name in ("steps", "targets"):
            unset = self.axis != f"train.{name}" or getattr(self, name) is None
            require(unset, name, getattr(self, name), f"left out where the axis is {self.axis}")
        for name in ("objectives", "values"):
            given = getattr(self, name)
            require(len(set(given)) == len(given), name, given, "each given once")

    def study(self) -> Study:
        """Every value with every objective and seed. Raises SettingError where the axis is no setting."""
        study_name = self.name or f"ablate-{self.axis}"
        runs, variants = {}, {}
        for seed in self.all_seeds():
            for objective in self.objectives:
                base = self.with_budget(preset_of(OBJECTIVES[objective]))
                for value in self.values_of(base):
                    variant = f"{objective}-{value_name(value)}"
                    run = f"{study_name}-{variant}-{seed}"
                    runs[run] = replace(with_value(base, self.axis, value), seed=seed)
                    variants[run] = variant
        return Study(study_name, runs, variants, set(runs), self)

    def values_of(self, base: RunConfig) -> tuple[Any, ...]:
        """The values of the axis, of its setting's type."""
        annotation = int if self.axis == NAME_LENGTH else type_of(base, self.axis)
        if self.values:
            is_tuple = get_origin(annotation) is tuple
            given = [value.split("+") if is_tuple else parse_value(value) for value in self.values]
            return tuple(typed(annotation, value, self.axis) for value in given)
        if get_origin(annotation) is Literal:
            return get_args(annotation)
        if annotation is bool:
            return (False, True)
        known = self.axis in VALUES
        require(known, "values", self.values, f"given for {self.axis}: it has no list of usual ones")
        return VALUES[self.axis]


def ablate(settings: Ablate, stop: StopFlag) -> None:
    """Trains what is not trained yet, then writes and prints the report. Raises SettingError where it cannot."""
    study = settings.study()
    from train.report.by_variant import ByVariant  # only now, as it imports matplotlib

    title = f"What is varied: {settings.axis}"
    study.run(stop, ByVariant(False, title, dict.fromkeys(settings.objectives, settings.axis)))


def parse_value(text: str) -> Any:
    """A value of the command line by what it looks like: a number, true, false, None, or a word."""
    if text in WORDS:
        return WORDS[text]
    for number_type in (int, float):
        try:
            return number_type(text)
        except ValueError:
            pass
    return text


def value_name(value: Any) -> str:
    """A value as the names of variants hold it."""
    return ("+".join(value) if isinstance(value, tuple) else str(value)).replace("+", "-")


def type_of(base: RunConfig, axis: str) -> Any:
    """The annotated type of a setting, such as model.position or task.documents.filler. Raises SettingError."""
    settings, annotation = base, None
    *parents, _ = names = axis.split(".")
    for name in names:
        if not is_dataclass(settings) or name not in {field.name for field in fields(settings)}:
            raise no_setting(base, axis)
        annotation = get_type_hints(type(settings))[name]
        settings = getattr(settings, name)
    if not parents or is_dataclass(settings):
        raise no_setting(base, axis)
    return annotation


def no_setting(base: RunConfig, axis: str) -> SettingError:
    owner = f" that {type(base.objective).__name__.lower()} has, or one" if axis.startswith("objective.") else ""
    hint = did_you_mean(axis, [NAME_LENGTH, *(name for name in setting_names(base) if "." in name)])
    allowed = f"a setting{owner} such as model.position: all are in --help-all of a preset{hint}"
    return SettingError(f"axis is {axis!r}, but must be {allowed}")


def setting_names(settings: Any, section: str = "") -> Iterator[str]:
    """The dotted names of all settings."""
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        if is_dataclass(value):
            yield from setting_names(value, f"{section}{setting.name}.")
        else:
            yield section + setting.name


def with_value(base: RunConfig, axis: str, value: Any) -> RunConfig:
    """The run with another value of the axis."""
    if axis == "train.steps":
        return with_steps(base, value)
    names = ("task.names.min_length", "task.names.max_length") if axis == NAME_LENGTH else (axis,)
    return override(base, dict.fromkeys(names, value))
