"""Text on its way to a terminal: nothing in it can move the cursor, change colours or reorder what is read."""

import contextlib
import sys
import unicodedata

CONTROLS = {"Cc", "Cs", "Zl", "Zp"}  # Unicode categories: control characters, surrogates, line and paragraph breaks
# They let a terminal show characters in another order than they stand in.
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: object) -> str:
    r"""The text on one line, with each control character as an escape such as \x1b.

    For all text that comes from files or arguments: names of runs, splits and settings, and whole messages.
    """
    return "".join(escape(sign) if is_control(sign) else sign for sign in str(text))


def is_clean(text: str) -> bool:
    """Whether `clean` would leave the text as it is."""
    return not any(map(is_control, text))


def is_control(sign: str) -> bool:
    return unicodedata.category(sign) in CONTROLS or sign in DIRECTIONS


def escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


def list_first(listed: list[str], size: int) -> str:
    """The first of `size` things, and how many more there are."""
    return ", ".join(listed) + (f" and {size - len(listed)} more" if size > len(listed) else "")


def say(line: str) -> None:
    """Prints a line for the user on stderr, cleaned. Where stderr takes no more, the line is lost and nothing else."""
    with contextlib.suppress(OSError):
        print(clean(line), file=sys.stderr, flush=True)
