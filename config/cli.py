"""Settings dataclasses as typed command lines (tyro), and every refusal as one line."""

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import tyro

from config.validation import SettingError

Settings = TypeVar("Settings")
BAD_INPUT = 2  # exit code


def parse_arguments(kind: type[Settings], arguments: list[str], program: str, **options: Any) -> Settings:
    """The settings that `arguments` make of `kind`. A refusal is one line on stderr and exit code 2."""
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr):
            return tyro.cli(kind, args=arguments, prog=program, **options)
    except SystemExit as end:
        if not end.code:
            raise
        refuse(first_message(stderr.getvalue(), program))
    except MemoryError as error:  # settings that check themselves by building something
        refuse_too_large(error)


def first_message(box: str, program: str) -> str:
    """tyro's message in a box, as one line, with the nearest settings where it names some."""
    rows = " ".join(line.strip("│╰╯ ") for line in box.splitlines()[1:])  # the first line is a title
    parts = [part.strip() for part in re.split(r"[─-]{5,}", rows) if part.strip()]  # "-" where it cannot draw
    message = re.sub(r"^Error parsing (?:[^\W-][\w.-]*: )?", "", parts[0])
    nearest = re.findall(r"--[\w.-]+", parts[1]) if parts[1].startswith("Perhaps") else []
    hint = f"did you mean {' or '.join(dict.fromkeys(nearest))}? " if nearest else ""
    return f"{message.rstrip('.')}. {hint}All settings: {program} --help"


def refuse(line: str) -> NoReturn:
    """Ends the program with one line on stderr, and the exit code of bad input."""
    print(f"error: {line}", file=sys.stderr)
    raise SystemExit(BAD_INPUT)


def refuse_too_large(error: Exception) -> NoReturn:
    """Ends the program because memory ran out."""
    amount = re.search(r"allocate [\d.]+ ?\w+", str(error), re.IGNORECASE)
    refuse("these settings need more memory than there is" + (f": cannot {amount[0]}" if amount else ""))


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Bad input, a disk that cannot be written, and a lack of memory, as one line and exit code 2."""
    try:
        yield
    except SettingError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or 'a file'}: {error.strerror or error}")
    except MemoryError as error:
        refuse_too_large(error)
    except RuntimeError as error:  # torch reports a lack of memory as one
        if "allocate" not in str(error):
            raise
        refuse_too_large(error)


def escape_unprintable() -> None:
    """From now on, characters that the terminal cannot encode are escaped on stdout, as on stderr."""
    sys.stdout.reconfigure(errors="backslashreplace")
