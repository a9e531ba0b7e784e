"""config.json: settings dataclasses to JSON and back, with every name, type and value checked.

The types are given as arguments, so that this floor knows no settings of the floors below it.
"""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, Literal

from tasks.settings import SettingError, require, require_seed

FORMAT = 1


def plain(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def restore(kind: type, values: Any, section: str) -> Any:
    """The settings of dataclass `kind` that `plain` made `values` of; one that is missing and None by default is newer
    than they are, and None. Raises SettingError by name."""
    require(isinstance(values, dict), section, values, "an object of settings")
    known = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]
    values = {field.name: None for field in dataclasses.fields(kind) if field.default is None} | values
    for name in values:
        require(name in fields, f"{section}.{name}", values[name], f"absent: the settings are {', '.join(fields)}")
    for name in fields:
        require(name in values, f"{section}.{name}", None, "given: it is missing")
    return kind(**{name: typed(known[name], values[name], f"{section}.{name}") for name in fields})


def typed(kind: Any, value: Any, setting: str) -> Any:
    """`value`, if it is of the annotated type `kind`; lists become tuples."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        require(value in inner, setting, value, f"one of {list(inner)}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return typed(next(one for one in inner if one is not type(None)), value, setting)
    if origin is tuple:
        require(isinstance(value, list), setting, value, "a list")
        return tuple(typed(inner[0], one, setting) for one in value)
    if kind is float and type(value) is int:
        return float(value)
    require(type(value) is kind, setting, value, f"of type {kind.__name__}")
    return value


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises SettingError where it cannot be read as one."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingError(f"{path} cannot be read: {error}") from None
    require(isinstance(values, dict), str(path), type(values).__name__, "a JSON object")
    return values


def read_config(folder: Path, sections: dict[str, dict[str, type]]) -> dict[str, Any]:
    """`seed` and the settings of each of `sections`, which gives the types a section may have, by name."""
    if not (folder / "config.json").is_file():
        raise SettingError(f"{folder} is no run folder: it has no config.json")
    values = read_json(folder / "config.json")
    require(values.get("format") == FORMAT, f"{folder}/config.json format", values.get("format"), str(FORMAT))
    read: dict[str, Any] = {"seed": typed(int, values.get("seed"), "seed")}
    require_seed(read["seed"])
    for section, kinds in sections.items():
        require(isinstance(values.get(section), dict), section, values.get(section), "a section of config.json")
        name = values[section].get("name")
        require(isinstance(name, str) and name in kinds, f"{section}.name", name, f"one of {list(kinds)}")
        read[section] = restore(kinds[name], {k: v for k, v in values[section].items() if k != "name"}, section)
    return read


def config_json(seed: int, sections: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """What config.json holds: `sections` gives the name in its registry and the settings of each."""
    named = {section: {"name": name, **plain(settings)} for section, (name, settings) in sections.items()}
    return {"format": FORMAT, "seed": seed, **named}


def changes(before: dict[str, Any], now: dict[str, Any], path: str = "") -> dict[str, tuple[Any, Any]]:
    """The settings in which two configs differ, by dotted name: (before, now)."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found |= changes(old, new, f"{path}{key}.")
        elif old != new:
            found[path + key] = (old, new)
    return found


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """`changes` as text: "train.steps was 1000, is 2000"; empty where there are none."""
    return "; ".join(f"{name} was {old}, is {new}" for name, (old, new) in changes(before, now).items())
