"""config.json: settings dataclasses to JSON and back, with every name, type and value checked.

The types are given as arguments, so that this floor knows no settings of the floors below it.
"""

import dataclasses
import json
import os
import types
import typing
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from checkpoints.files import MAX_JSON, parse_json, read_bytes
from config.validation import SettingError, require, require_seed

FORMAT = 3  # 1 had other names of settings, 2 no identity and no digests


def plain(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON values; one that it holds is an object of its own."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def restore(settings_type: type, values: Any, section: str) -> Any:
    """The settings that `plain` made `values` of. `section` stands before their names in messages.

    A missing setting whose default is None was added later, and is None. Raises SettingError by name.
    """
    require(isinstance(values, dict), section, values, "an object of settings")
    hints = typing.get_type_hints(settings_type)
    fields = dataclasses.fields(settings_type)
    names = [field.name for field in fields]
    values = {field.name: None for field in fields if field.default is None} | values
    for name in values:
        require(name in names, f"{section}.{name}", values[name], f"absent: the settings are {', '.join(names)}")
    for name in names:
        require(name in values, f"{section}.{name}", None, "given: it is missing")
    return settings_type(**{name: typed(hints[name], values[name], f"{section}.{name}") for name in names})


def typed(annotation: Any, value: Any, setting: str) -> Any:
    """`value`, if it is of the annotated type; lists become tuples, and objects the dataclasses they are of."""
    generic, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if dataclasses.is_dataclass(annotation):
        return restore(annotation, value, setting)
    if generic is Literal:
        require(value in arguments, setting, value, f"one of {list(arguments)}")
        return value
    if generic in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return typed(next(argument for argument in arguments if argument is not type(None)), value, setting)
    if generic is tuple:
        require(isinstance(value, list | tuple), setting, value, "a list")
        return tuple(typed(arguments[0], item, setting) for item in value)
    if annotation is float and type(value) is int:
        return float(value)
    require(type(value) is annotation, setting, value, f"of type {annotation.__name__}")
    return value


def read_config_json(folder: Path) -> dict[str, Any]:
    """What config.json of a run folder holds. Raises SettingError where it is absent, changed or of another format."""
    path = folder / "config.json"
    if not os.path.lexists(path):
        raise SettingError(f"{folder} is no run folder: it has no config.json")
    data = read_bytes(path, MAX_JSON)
    if is_of_earlier_format(data):
        raise SettingError(f"{folder} was made by an earlier version, whose runs cannot be read: train it again")
    values = parse_json(path, data)
    require(values.get("format") == FORMAT, f"{path} format", values.get("format"), str(FORMAT))
    return values


def is_of_earlier_format(data: bytes) -> bool:
    """Whether this is the config.json of a version that did not seal it."""
    try:
        values = json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(values, dict) and values.get("format") in range(1, FORMAT)


def read_config(folder: Path, sections: dict[str, dict[str, type]]) -> dict[str, Any]:
    """`restore_config` of what config.json of a run folder holds."""
    return restore_config(read_config_json(folder), sections)


def restore_config(values: dict[str, Any], sections: dict[str, dict[str, type]]) -> dict[str, Any]:
    """`seed` and the settings of each of `sections`, which gives the types a section may have, by name.

    `values`: what `config_json` made. Raises SettingError by name.
    """
    config: dict[str, Any] = {"seed": typed(int, values.get("seed"), "seed")}
    require_seed(config["seed"])
    for section, types_by_name in sections.items():
        require(isinstance(values.get(section), dict), section, values.get(section), "a section of config.json")
        name = values[section].get("name")
        is_known = isinstance(name, str) and name in types_by_name
        require(is_known, f"{section}.name", name, f"one of {list(types_by_name)}")
        settings = {key: value for key, value in values[section].items() if key != "name"}
        config[section] = restore(types_by_name[name], settings, section)
    return config


def config_json(seed: int, sections: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """What config.json holds: `sections` gives the name in its registry and the settings of each."""
    named = {section: {"name": name, **plain(settings)} for section, (name, settings) in sections.items()}
    return {"format": FORMAT, "seed": seed, **named}


def changes(before: dict[str, Any], now: dict[str, Any], path: str = "") -> dict[str, tuple[Any, Any]]:
    """The settings in which two configs differ, by dotted name: (before, now)."""
    changed: dict[str, tuple[Any, Any]] = {}
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            changed |= changes(old, new, f"{path}{key}.")
        elif old != new:
            changed[path + key] = (old, new)
    return changed


def differences(before: dict[str, Any], now: dict[str, Any], free: Collection[str] = ()) -> str:
    """`changes` as text: "train.steps was 1000, is 2000"; empty where there are none but of the `free` settings."""
    changed = {name: values for name, values in changes(before, now).items() if name not in free}
    return "; ".join(f"{name} was {old}, is {new}" for name, (old, new) in changed.items())
