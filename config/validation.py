"""How a setting is refused: one line with its name, what was given and what is allowed.

Settings are frozen dataclasses that check themselves in `__post_init__` with the functions below.
"""

import difflib
from collections.abc import Iterable
from math import prod
from typing import Any

TYPE_WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}
"""what a setting of each type must be, as messages say it"""
MAX_FACTS = 10_000_000  # of a world: some ten GB of memory


class SettingError(ValueError):
    """A setting, or an input that a setting names, which cannot be used. Its text is one line for the user."""


def require(allowed: bool, setting: str, given: object, what: str) -> None:
    """Raises SettingError unless `allowed`. `what`: the allowed values, in words."""
    if not allowed:
        raise SettingError(f"{setting} is {given!r}, but must be {what}")


def require_choice(setting: str, given: str, choices: Iterable[str]) -> None:
    """Raises SettingError unless `given` is one of the choices, and names the nearest of them."""
    choices = list(choices)
    if given not in choices:
        raise SettingError(
            f"{setting} is {given!r}, but must be one of {', '.join(choices)}{did_you_mean(given, choices)}"
        )


def nearest_choice(given: str, choices: Iterable[str]) -> str | None:
    """The choice that `given` is most like; None where none is like it."""
    return next(iter(difflib.get_close_matches(given, list(choices), 1)), None)


def did_you_mean(given: str, choices: Iterable[str]) -> str:
    """The end of a message: the choice that `given` is most like. Empty where none is like it."""
    nearest = nearest_choice(given, choices)
    return f"; did you mean {nearest}?" if nearest else ""


def require_share(settings: Any, section: str, *names: str) -> None:
    """Raises SettingError unless each of these settings is a share, 0 to 1. `section` stands before their names."""
    for name in names:
        value = getattr(settings, name)
        require(0 <= value <= 1, setting_name(section, name), value, "0 to 1")


def require_at_least(settings: Any, section: str, minimum: int, *names: str) -> None:
    """Raises SettingError unless each of these settings is `minimum` or more, or None where it may be None."""
    for name in names:
        value = getattr(settings, name)
        require(value is None or value >= minimum, setting_name(section, name), value, f"{minimum} or more")


def require_at_most(settings: Any, section: str, maximum: int, *names: str) -> None:
    """Raises SettingError where the product of these settings is above `maximum`: it bounds memory and time."""
    product = prod(getattr(settings, name) for name in names)
    text = " x ".join(setting_name(section, name) for name in names)
    require(product <= maximum, text, product, f"{maximum:,} at most")


def require_seed(seed: int) -> None:
    """Raises SettingError unless numpy and torch both take `seed`."""
    require(0 <= seed < 2**32, "seed", seed, "0 to 4294967295")


def setting_name(section: str, name: str) -> str:
    """A setting's name as a user types it, such as task.episodes.share."""
    return f"{section}.{name}" if section else name
