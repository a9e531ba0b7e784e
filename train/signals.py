"""Ctrl-C, SIGTERM and SIGHUP as a flag that a run reads between steps, so that it can save before it ends."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, kill, and the end of the terminal


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
    """Yields a flag that the first of SIGNALS sets.

    After it, Ctrl-C ends the process at once. The others change nothing more: a closed terminal and a job scheduler
    send several. A signal that is ignored already stays ignored, as nohup and the background jobs of a shell want it.
    """
    flag = StopFlag()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in handlers.items() if handler is not signal.SIG_IGN]

    def remember(number: int, _frame: object) -> None:
        if flag.signal_number is None:
            flag.signal_number = number
        if signal.SIGINT in handled:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    for number in handled:
        signal.signal(number, remember)
    try:
        yield flag
    finally:
        if flag.signal_number is None:  # else the process is about to end, and further signals shall not cut that short
            for number in handled:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as processes.ignore_termination lets it be
                    signal.signal(number, handlers[number])


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[StopFlag]:
    """Yields a flag that the first Ctrl-C sets, or the stop button of a notebook; a second one interrupts at once.

    Afterwards Ctrl-C does what it did before: the process goes on. Only the main thread can be interrupted so.
    """
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def remember(number: int, _frame: object) -> None:
        if flag.signal_number is not None:
            raise KeyboardInterrupt
        flag.signal_number = number

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Keeps SIGNALS back until the end. Processes that start meanwhile never receive them, unless they unblock them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
