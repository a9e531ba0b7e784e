"""Ctrl-C and SIGTERM as a question the loop asks between steps, so that it can save before it ends."""

import contextlib
import signal
from collections.abc import Callable, Iterator

from train.loop import Stopped


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Callable[[], None]]:
    """Yields `check`, which raises Stopped(signal number) once a signal came. A second one ends the process at once."""
    came: list[int] = []

    def remember(number: int, _frame: object) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)

    def check() -> None:
        if came:
            raise Stopped(came[0])

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
