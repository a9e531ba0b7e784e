"""How every command begins and ends: its streams, Ctrl-C, and what happens once nobody reads its output.

Imports nothing large, so that Ctrl-C is handled from the first moment on.
"""

import contextlib
import errno
import io
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from config.terminal import say

BAD_OUTPUT, INTERRUPTED, HUNG_UP = 2, 128 + signal.SIGINT, 128 + signal.SIGHUP  # exit codes


def exit_at_interrupt() -> None:
    """From now on Ctrl-C ends the process at once and without a word: for the time in which modules are imported."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a job that a script starts in the background
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def run_command(main: Callable[[list[str]], None], goes_on_unread: bool = False) -> None:
    """Runs `main` with the arguments of this process.

    Works without standard output or error. Ctrl-C raises KeyboardInterrupt in `main`, and then ends the process without
    a word. A pipe that nobody reads any more, or a terminal that was closed, ends it as it ends other tools. A command
    that `goes_on_unread` goes on to its end instead, and so it does with a log on a full disk.
    """
    open_missing_streams()
    if not goes_on_unread:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    guard_streams(lose if goes_on_unread else end_unwritable)
    with interruptible() as was_interrupted:
        try:
            try:
                main(sys.argv[1:])
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
        except BaseException:
            if was_interrupted():  # whatever the interrupt has become on its way
                end(INTERRUPTED)
            raise


def open_missing_streams() -> None:
    """Opens the null device for standard streams that are closed, so that no file of a run gets their number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115, as they stay open
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


class GuardedFile(io.FileIO):
    """The file of a stream, which calls `on_error` where something cannot be written, and takes it as if it were."""

    def __init__(self, stream: TextIO, on_error: Callable[[OSError], None]):
        super().__init__(stream.fileno(), "w", closefd=False)
        self.stream, self.on_error = stream, on_error  # a stream that nobody holds closes its file

    def write(self, data: bytes) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.on_error(error)
            return len(data)


def guarded(stream: TextIO, on_error: Callable[[OSError], None]) -> TextIO:
    """The stream with a GuardedFile, and with escapes for characters that it cannot encode."""
    file = io.BufferedWriter(GuardedFile(stream, on_error))
    options = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
    return io.TextIOWrapper(file, stream.encoding, "backslashreplace", **options)


def lose(error: OSError) -> None:
    """What nobody can read is lost."""


def guard_streams(on_error: Callable[[OSError], None] = lose) -> None:
    """Puts guarded streams in place of standard output, with `on_error`, and of standard error, which loses."""
    sys.stdout, sys.stderr = guarded(sys.stdout, on_error), guarded(sys.stderr, lose)


def end_unwritable(error: OSError) -> None:
    """Ends the process: with one line, for a result that is lost, but as SIGHUP does where its terminal was closed."""
    if error.errno == errno.EIO and stat.S_ISCHR(os.fstat(sys.stdout.fileno()).st_mode):
        end(HUNG_UP)
    say(f"error: standard output cannot be written: {error.strerror}")
    end(BAD_OUTPUT)


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


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end(code: int) -> None:
    """Ends the process with this exit code, and says nothing more: also where a stream cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    raise SystemExit(code) from None
