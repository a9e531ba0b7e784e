"""Where a run reports to: nowhere, several logs, or a live bar in a terminal and plain lines elsewhere."""

import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import MofNCompleteColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.progress_bar import ProgressBar
from rich.table import Table

from config.terminal import clean, say
from eval.methods.in_context import InContext
from eval.report import percent
from train.config import RunConfig

BAR, BAR_WIDTH = "bar", 20
FIRST_LINE = 10  # seconds of questions without a line, where there is no bar


class Log:
    """What a run reports to. This one prints warnings, and does nothing else."""

    def record(self, entry: dict[str, Any]) -> None:
        """Takes an entry of the record, metrics.jsonl."""

    def asked(self, answered: int, total: int) -> None:
        """Takes how many of the questions after the last step are answered; 0 at their start."""

    def warn(self, line: str) -> None:
        """Takes a line for the user."""
        say(line)


WARNINGS = Log()


class Tee(Log):
    """Passes everything on to several logs, in order."""

    def __init__(self, *logs: Log):
        self.logs = logs

    def record(self, entry: dict[str, Any]) -> None:
        for log in self.logs:
            log.record(entry)

    def asked(self, answered: int, total: int) -> None:
        for log in self.logs:
            log.asked(answered, total)

    def warn(self, line: str) -> None:
        for log in self.logs:
            log.warn(line)


class Progress(Log):
    """Shows step, loss, accuracies, documents a second and time left.

    The accuracies are those of the task's progress splits. For a run that is trained on episodes, the accuracy of the
    held-out split in context is shown, too.
    """

    def __init__(self, config: RunConfig, console: Console | None = None):
        self.steps, (stated, held_out) = config.train.steps, config.task.progress_splits
        self.accuracies = {stated: (None, stated), held_out: (None, held_out), "in context": (InContext.name, held_out)}
        self.console = console or Console(stderr=True, emoji=False)
        self.live = self.console.is_terminal
        self.latest: dict[str, str] = {}
        self.bar = StepBar(console=self.console, disable=not self.live)
        self.bar_id = self.bar.add_task("step", total=self.steps, parts={"": "the first steps"})

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def record(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "train":
            self.latest["loss"] = f"{entry['loss']:.3f}"
            self.latest["documents/s"] = f"{entry['documents_per_second']:,.0f}"
        else:
            for name, (method, split) in self.accuracies.items():
                splits = entry["splits"] if method is None else entry.get("methods", {}).get(method, {})
                if splits.get(split, {}).get("count"):
                    self.latest[name] = percent(splits[split]["accuracy"])
        order = ("loss", *self.accuracies, "documents/s")
        parts = {name: self.latest[name] for name in order if name in self.latest}
        self.bar.update(self.bar_id, completed=entry["step"], parts=parts)
        if not self.live and entry["kind"] == "evaluation":
            say(f"step {entry['step']}/{self.steps}  {joined(parts)}")

    def asked(self, answered: int, total: int) -> None:
        """In the bar; elsewhere a line after 10, 20, 40, ... seconds, and so none where the questions take less."""
        now = time.monotonic()
        if not answered:
            self.asked_since, self.next_line = now, now + FIRST_LINE
            self.bar.reset(self.bar_id, description="question", total=total, parts={"": "after the last step"})
        self.bar.update(self.bar_id, completed=answered)
        if not self.live and now >= self.next_line and answered < total:
            seconds = now - self.asked_since
            say(f"question {answered:,}/{total:,} after the last step, {seconds * (total / answered - 1):.0f} s left")
            self.next_line = now + seconds

    def warn(self, line: str) -> None:
        if self.live:
            self.bar.console.print(clean(line), style="yellow", markup=False, highlight=False, soft_wrap=True)
        else:
            say(line)


class StepBar(Bar):
    """One line of the terminal's width: step or question, a bar, the `parts` of a task (name and value) and time left.

    Where there is no room, first the documents a second are left out, then the bar, the loss, and the other parts from
    left to right. Step and time left always stay.
    """

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:
            step, left = MofNCompleteColumn().render(task), TimeRemainingColumn().render(task)
            used = len(f"{task.description} {step}  {left} left")
            parts, with_bar = fitting(task.fields["parts"], self.console.width - used)
            row = [task.description, step, *[ProgressBar(task.total, task.completed, BAR_WIDTH)] * with_bar]
            row += [joined(parts)] * bool(parts) + [left, "left"]
            grid = Table.grid(padding=(0, 1))
            for _ in row:
                grid.add_column(no_wrap=True)
            grid.add_row(*row)
            yield grid


def fitting(parts: dict[str, str], width: int) -> tuple[dict[str, str], bool]:
    """The parts for which the width has room, and whether it has room for the bar, too."""
    with_bar = True

    def needed() -> int:
        return (BAR_WIDTH + 1) * with_bar + len(joined(parts)) + bool(parts)

    for name in ("documents/s", BAR, "loss", *parts):
        if needed() <= width:
            break
        with_bar = with_bar and name != BAR
        parts = {other: value for other, value in parts.items() if other != name}
    return parts, with_bar


def joined(parts: dict[str, str]) -> str:
    return "  ".join(f"{name} {value}".strip() for name, value in parts.items())
