"""`make ablate AXIS=model.position OBJECTIVES=causal,masked`: one setting over its values, for several objectives."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tyro.conf import Positional

from checkpoints.config import typed
from model.objectives import OBJECTIVES
from tasks.settings import SettingError, require
from train.presets import preset_of
from train.settings import Config
from train.study import Several, Study, with_steps
from train.wide import draw, markdown, print_table

VALUES: dict[str, tuple[Any, ...]] = {
    "model.width": (32, 64, 128),
    "model.depth": (1, 2, 4),
    "model.recurrence": (1, 2, 4),
    "model.heads": (1, 2, 4, 8),
    "model.hidden": (64, 128, 256),
    "model.convolution": (1, 3),
    "model.rotary_base": (10.0, 100.0, 10000.0),
    "model.initial_scale": (0.02, 0.0625, 0.125, 0.25),
    "model.dropout": (0.0, 0.1, 0.3),
    "train.weight_decay": (0.0, 0.1, 1.0, 3.0, 6.0),
    "train.batch": (32, 96, 256),
    "train.learning_rate": (1e-3, 3e-3, 6e-3),
    "task.name_length": (1, 2, 4),
    "task.filler": (0, 2, 5),
    "task.wordings": (1, 3, 10),
    "task.told_back": (0.0, 0.5, 1.0),
    "task.renderings": (1, 4, 16),
}


@dataclass(frozen=True)
class Ablate(Several):
    """Train every value of one setting with every objective, as checkpoints/<name>-<objective>-<value>-<seed>."""

    axis: Positional[str]
    """the setting, such as model.position, train.weight_decay or task.name_length (both lengths of names)"""
    objectives: tuple[str, ...] = ("causal", "masked")
    """objectives, each with the settings of its preset"""
    values: tuple[str, ...] = ()
    """values of the setting, parts of one joined by "+"; none given: all it can have, or a list of usual ones"""
    seeds: int = field(default=3, kw_only=True)
    """worlds, each for every combination"""

    def __post_init__(self):
        super().__post_init__()
        for objective in self.objectives:
            require(objective in OBJECTIVES, "objectives", objective, f"one of {', '.join(OBJECTIVES)}")
        require(len(self.objectives) > 0, "objectives", self.objectives, f"one or more of {', '.join(OBJECTIVES)}")
        for name in ("steps", "targets"):
            free = self.axis != f"train.{name}" or getattr(self, name) is None
            require(free, name, getattr(self, name), f"left out where the axis is {self.axis}")
        for name in ("objectives", "values"):
            given = getattr(self, name)
            require(len(set(given)) == len(given), name, given, "each given once")


def ablate(settings: Ablate, check: Callable[[], None]) -> None:
    """Trains what is not trained yet, then writes and prints the table. Raises SettingError for what is no setting."""
    name = settings.name or f"ablate-{settings.axis}"
    runs, variant = {}, {}
    for seed in settings.worlds():
        for objective in settings.objectives:
            base = settings.budgeted(preset_of(OBJECTIVES[objective]))
            for value in values_of(settings, base):
                key = f"{objective}-{'+'.join(value) if isinstance(value, tuple) else value}".replace("+", "-")
                runs[f"{name}-{key}-{seed}"] = replace(with_value(base, settings.axis, value), seed=seed)
                variant[f"{name}-{key}-{seed}"] = key
    present = (partial(one, ranked=False) for one in (markdown, draw, print_table))
    Study(name, runs, variant, set(runs), settings).carry_out(check, *present)


def values_of(settings: Ablate, base: Config) -> tuple[Any, ...]:
    """The axis' values, typed as its setting is."""
    kind = int if settings.axis == "task.name_length" else kind_of(base, settings.axis)
    if settings.values:
        several = get_origin(kind) is tuple
        given = [value.split("+") if several else read(value) for value in settings.values]
        return tuple(typed(kind, value, settings.axis) for value in given)
    if get_origin(kind) is Literal:
        return get_args(kind)
    if kind is bool:
        return (False, True)
    known = settings.axis in VALUES
    require(known, "values", settings.values, f"given for {settings.axis}: it has no list of usual ones")
    return VALUES[settings.axis]


def read(value: str) -> Any:
    """A value of the command line as what it looks like: a number, true, false, None, or a word."""
    words = {"true": True, "false": False, "True": True, "False": False, "None": None}
    if value in words:
        return words[value]
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    return value


def kind_of(base: Config, axis: str) -> Any:
    """The annotated type of the setting `axis`, such as model.position."""
    section, _, setting = axis.partition(".")
    of = getattr(base, section, None) if section in {field.name for field in fields(base)} else None
    if not is_dataclass(of) or setting not in {field.name for field in fields(of)}:
        whom = f" that {type(of).__name__.lower()} has, or one" if section == "objective" else ""
        raise SettingError(
            f"axis is {axis!r}, but must be a setting{whom} such as model.position: all are in --help of a preset"
        )
    return get_type_hints(type(of))[setting]


def with_value(base: Config, axis: str, value: Any) -> Config:
    if axis == "train.steps":
        return with_steps(base, value)
    section, _, setting = axis.partition(".")
    changed = {"shortest_name": value, "longest_name": value} if axis == "task.name_length" else {setting: value}
    return replace(base, **{section: replace(getattr(base, section), **changed)})
