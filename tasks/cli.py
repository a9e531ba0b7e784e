"""Settings dataclasses as typed command lines (tyro), with every refusal as one line."""

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import tyro

from tasks.settings import SettingError

Settings = TypeVar("Settings")
BAD_INPUT = 2  # exit code


def parse(kind: type[Settings], arguments: list[str], program: str, **given: Any) -> Settings:
    """The settings that `arguments` make of `kind`. A refusal is one line on stderr and exit code 2."""
    boxed = io.StringIO()
    try:
        with contextlib.redirect_stderr(boxed):
            return tyro.cli(kind, args=arguments, prog=program, **given)
    except SystemExit as end:
        if not end.code:
            raise
        refuse(one_line(boxed.getvalue(), program))
    except MemoryError as error:  # settings that check themselves by building something
        refuse_too_large(error)


def one_line(box: str, program: str) -> str:
    """What tyro says in a box, as one line: the message, and the nearest settings where it names some."""
    rows = " ".join(line.strip("│╰╯ ") for line in box.splitlines()[1:])  # the first is a title
    parts = [part.strip() for part in re.split(r"[─-]{5,}", rows) if part.strip()]  # "-" where it cannot draw
    message = re.sub(r"^Error parsing (?:[^\W-][\w.-]*: )?", "", parts[0])
    nearest = re.findall(r"--[\w.-]+", parts[1]) if parts[1].startswith("Perhaps") else []
    hint = f"did you mean {' or '.join(dict.fromkeys(nearest))}? " if nearest else ""
    return f"{message.rstrip('.')}. {hint}All settings: {program} --help"


def refuse(line: str) -> NoReturn:
    print(f"error: {line}", file=sys.stderr)
    raise SystemExit(BAD_INPUT)


def refuse_too_large(error: Exception) -> NoReturn:
    how_much = re.search(r"allocate [\d.]+ ?\w+", str(error), re.IGNORECASE)
    refuse("these settings need more memory than there is" + (f": cannot {how_much[0]}" if how_much else ""))


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Bad input, a disk that cannot be written, and what does not fit the memory, as one line and exit code 2."""
    try:
        yield
    except SettingError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or 'a file'}: {error.strerror or error}")
    except MemoryError as error:
        refuse_too_large(error)
    except RuntimeError as error:  # torch says it so
        if "allocate" not in str(error):
            raise
        refuse_too_large(error)


def show_what_the_terminal_can() -> None:
    """From here on, what the terminal has no sign for is escaped instead of ending the program."""
    sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does by itself
