"""Where a run reports to: nowhere, several logs, or a live bar in a terminal and plain lines elsewhere."""

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from eval.methods.in_context import InContext
from eval.report import percent
from train.config import RunConfig


class Log:
    """What a run reports to. This one prints warnings, and does nothing else."""

    def record(self, entry: dict[str, Any]) -> None:
        """Takes an entry of the record, metrics.jsonl."""

    def warn(self, line: str) -> None:
        """Takes a line for the user."""
        print(line, file=sys.stderr)


WARNINGS = Log()


class Tee(Log):
    """Passes everything on to several logs, in order."""

    def __init__(self, *logs: Log):
        self.logs = logs

    def record(self, entry: dict[str, Any]) -> None:
        for log in self.logs:
            log.record(entry)

    def warn(self, line: str) -> None:
        for log in self.logs:
            log.warn(line)


class Progress(Log):
    """Shows step, loss, accuracies, documents a second and time left.

    The accuracies are those of the task's progress splits. For a run that is trained on episodes, the accuracy of the
    held-out split in context is shown, too.
    """

    def __init__(self, config: RunConfig):
        self.steps, (stated, held_out) = config.train.steps, config.task.progress_splits
        self.accuracies = {stated: (None, stated), held_out: (None, held_out), "in context": (InContext.name, held_out)}
        self.console = Console(stderr=True, emoji=False)
        self.live = self.console.is_terminal
        self.latest: dict[str, str] = {}
        columns = (
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(20),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        self.bar = Bar(*columns, console=self.console, disable=not self.live)
        self.bar_id = self.bar.add_task("the first steps", total=self.steps)

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
        line = "  ".join(f"{name} {self.latest[name]}" for name in order if name in self.latest)
        self.bar.update(self.bar_id, completed=entry["step"], description=line)
        if not self.live and entry["kind"] == "evaluation":
            print(f"step {entry['step']}/{self.steps}  {line}", file=sys.stderr, flush=True)

    def warn(self, line: str) -> None:
        self.bar.console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
