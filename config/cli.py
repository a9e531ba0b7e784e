"""Settings dataclasses as typed command lines (tyro), and every refusal as one line."""

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import tyro

from config.rules import SettingRules
from config.terminal import say
from config.validation import SettingError, did_you_mean

Settings = TypeVar("Settings")
BAD_INPUT = 2  # exit code
HELP = {"-h", "--help", "--help-all"}
COLOUR = re.compile(r"\x1b\[[\d;]*m")  # with which tyro writes where standard output is a terminal


def parse_arguments(kind: type[Settings], arguments: list[str], program: str, **options: Any) -> Settings:
    """The settings that `arguments` make of `kind`. A refusal is one line on stderr and exit code 2."""
    if HELP & set(arguments):
        print_help(kind, program, "--help-all" in arguments, **options)
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr):
            return tyro.cli(kind, args=arguments, prog=program, registry=SettingRules(), **options)
    except SystemExit as end:
        if not end.code:
            raise
        refuse(first_message(COLOUR.sub("", stderr.getvalue()), program))
    except MemoryError as error:  # settings that check themselves by building something
        refuse_too_large(error)


def print_help(kind: type, program: str, show_all: bool, **options: Any) -> NoReturn:
    """Prints the main settings and how to see all or, to `show_all`, every setting. Ends the program."""
    rules = SettingRules(main_only=not show_all)
    with contextlib.suppress(SystemExit):
        tyro.cli(kind, args=["--help"], prog=program, registry=rules, **options)
    if rules.has_hidden:
        print(f"All settings: {program} --help-all")
    raise SystemExit(0)


def first_message(box: str, program: str) -> str:
    """tyro's message in a box, as one line, with the nearest settings where it names some."""
    rows = " ".join(line.strip("│╰╯ ") for line in box.splitlines()[1:])  # the first line is a title
    parts = [part.strip() for part in re.split(r"[─-]{5,}", rows) if part.strip()]  # "-" where it cannot draw
    message = re.sub(r"^Error parsing (?:[^\W-][\w.-]*: )?", "", parts[0])
    message = re.sub(r"^(--[\w.-]+): (?=is )", r"\1 ", message).rstrip(".")
    nearest = re.findall(r"--[\w.-]+", parts[1]) if parts[1].startswith("Perhaps") else []
    hint = f"did you mean {' or '.join(dict.fromkeys(nearest))}? " if nearest else ""
    message = with_choices(message)
    return f"{message}{'.' * (message[-1] != '?')} {hint}All settings: {program} --help-all"


def with_choices(message: str) -> str:
    """The message, but in our words where it refuses a choice, and with the nearest one."""
    refused = re.fullmatch(r"invalid choice '(.*)' for argument '(.*)'\. Expected one of \((.*?),?\)", message)
    if refused is not None:
        given, setting, choices = refused.groups()
        listed = ", ".join(sorted(choices.replace("'", "").split(", ")))  # tyro's order is that of a set
        message = f"{setting} is {given!r}, but must be one of {listed}"
    refused = re.fullmatch(r".* is '(.*)', but must be one of (.*)", message)
    return message if refused is None or "?" in message else message + did_you_mean(refused[1], refused[2].split(", "))


def refuse(line: str) -> NoReturn:
    """Ends the program with one line on stderr, and the exit code of bad input."""
    say(f"error: {line}")
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
