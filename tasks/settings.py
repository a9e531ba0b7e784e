"""How every setting is refused: one line with its name, what was given and what is allowed.

Settings are frozen dataclasses that check themselves in `__post_init__` with `require`.
"""


class SettingError(ValueError):
    """A setting, or an input named by one, that cannot be used. Its text is one line for the user."""


def require(allowed: bool, setting: str, given: object, what: str) -> None:
    """Raises SettingError unless `allowed`; `what` says which values are."""
    if not allowed:
        raise SettingError(f"{setting} is {given!r}, but must be {what}")


def require_seed(seed: int) -> None:
    """Raises SettingError unless numpy and torch both take `seed`."""
    require(0 <= seed < 2**32, "seed", seed, "0 to 4294967295")
