"""Changing settings by dotted name, such as `documents.copies`, in frozen dataclasses that hold others."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from config.validation import SettingError

Settings = TypeVar("Settings")


def override(settings: Settings, changes: dict[str, Any]) -> Settings:
    """The settings with `changes` by dotted name, all of one dataclass made at once. Raises SettingError by name."""
    direct: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        first, _, rest = name.partition(".")
        require_field(settings, first)
        if rest:
            nested.setdefault(first, {})[rest] = value
        else:
            direct[first] = value
    for name, inner in nested.items():
        direct[name] = override(direct.get(name, getattr(settings, name)), inner)
    return replace(settings, **direct)


def require_field(settings: Any, name: str) -> None:
    names = [field.name for field in fields(settings)] if is_dataclass(settings) else []
    if name not in names:
        owner = type(settings).__name__
        raise SettingError(f"{owner} has no setting {name!r}; it has: {', '.join(names) or 'none'}")
