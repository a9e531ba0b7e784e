"""What the process that trains a run reports to the one that asked for it: events, each with a value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.validation import SettingError
from train.progress import Log
from train.signals import StopRequested

Send = Callable[[str, Any], None]
"""takes an event and its value, as `LiveTable.update` has them"""


class MessageLog(Log):
    """Sends the entries of a run's record, and warnings."""

    def __init__(self, send: Send):
        self.send = send

    def record(self, entry: dict[str, Any]) -> None:
        self.send("entry", entry)

    def warn(self, line: str) -> None:
        self.send("warning", line)


def report_end(train: Callable[[], dict[str, Any]], send: Send, folder: Path) -> None:
    """Sends the result of the run in `folder`, which `train` returns, or in one line why it failed."""
    from train.loop import NonFiniteStep

    try:
        send("done", train())
    except StopRequested:
        send("failed", "stopped and saved")
    except (SettingError, NonFiniteStep) as problem:
        send("failed", str(problem))
    except OSError as problem:
        send("failed", f"{problem.filename or folder}: {problem.strerror or problem}")
    except Exception as problem:
        send("failed", f"{type(problem).__name__}: {problem}")
