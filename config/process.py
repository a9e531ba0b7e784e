"""How every command begins and ends: its streams, Ctrl-C, and what happens once nobody reads its output.

Imports nothing large, so that Ctrl-C is handled from the first moment on.
"""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

INTERRUPTED = 128 + signal.SIGINT  # exit codes
UNREAD = 128 + signal.SIGPIPE


def exit_at_interrupt() -> None:
    """From now on Ctrl-C ends the process at once and without a word: for the time in which modules are imported."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a job that a script starts in the background
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def run_command(main: Callable[[list[str]], None], goes_on_unread: bool = False) -> None:
    """Runs `main` with the arguments of this process.

    Works without standard output or error. Ctrl-C raises KeyboardInterrupt in `main`, and then ends the process without
    a word. So does a pipe that nobody reads any more or, where it `goes_on_unread`, it only takes no more output.
    """
    open_missing_streams()
    if goes_on_unread:
        sys.stdout, sys.stderr = map(without_errors, (sys.stdout, sys.stderr))
    else:
        sys.stdout.reconfigure(errors="backslashreplace")
    with interruptible() as was_interrupted:
        try:
            try:
                main(sys.argv[1:])
            finally:
                sys.stdout.flush()
        except BaseException as error:
            if was_interrupted():  # whatever the interrupt has become on its way
                end(INTERRUPTED)
            if isinstance(error, BrokenPipeError) and not goes_on_unread:
                end(UNREAD)
            raise


def open_missing_streams() -> None:
    """Opens the null device for standard streams that are closed, so that no file of a run gets their number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115, as they stay open
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115


class Unfailing(io.FileIO):
    """A file that takes everything: what cannot be written any more is lost."""

    def write(self, data: bytes) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def without_errors(stream: TextIO) -> TextIO:
    """The stream, but what it cannot write is lost, and characters that it cannot encode are escaped."""
    raw = io.BufferedWriter(Unfailing(stream.fileno(), "w", closefd=False))
    options = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", **options)


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C raises KeyboardInterrupt, a second ends the process at once. Yields whether there was one.

    Nothing changes where Ctrl-C is ignored from the start.
    """
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        exit_at_interrupt()
        sys.unraisablehook = lambda _: None  # where it is raised in a destructor
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield lambda: interrupted
    finally:
        exit_at_interrupt()


def end(code: int) -> None:
    """Ends the process with this exit code, and says nothing more: also where a stream cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    raise SystemExit(code) from None
