"""Ctrl-C and SIGTERM as a flag that a run reads between steps, so that it can save before it ends."""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass


class StopRequested(Exception):
    """The run was asked to stop, by the signal whose number is the argument."""


@dataclass(eq=False)
class StopFlag:
    """Whether a run was asked to stop."""

    signal_number: int | None = None
    """the signal that asked, None where none did"""

    def check(self) -> None:
        """Raises StopRequested once a signal came."""
        if self.signal_number is not None:
            raise StopRequested(self.signal_number)


NEVER = StopFlag()  # nobody sets it


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopFlag]:
    """Yields a flag that the first SIGINT or SIGTERM sets. A second signal ends the process at once."""
    flag = StopFlag()

    def remember(number: int, _frame: object) -> None:
        flag.signal_number = number
        signal.signal(number, signal.SIG_DFL)

    handlers = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
