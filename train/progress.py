"""Where a run reports to: nowhere, several logs, or a live bar in a terminal and plain lines elsewhere."""

import time
from typing import Any

from rich.console import Console

from config.terminal import clean, say
from eval.methods.in_context import InContext
from eval.progress import QuestionPace, StepBar, joined, time_left
from eval.report import percent
from train.config import RunConfig


class Log:
    """What a run reports to. This one prints warnings, and does nothing else."""

    def record(self, entry: dict[str, Any]) -> None:
        """Takes an entry of the record, metrics.jsonl."""

    def asked(self, answered: int, total: int) -> None:
        """Takes how many of the questions after the last step are answered; 0 at their start."""

    def saved(self, step: int) -> None:
        """Takes a step whose state was saved just now."""

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

    def saved(self, step: int) -> None:
        for log in self.logs:
            log.saved(step)

    def warn(self, line: str) -> None:
        for log in self.logs:
            log.warn(line)


class Progress(Log):
    """Shows step, loss, accuracies, documents a second and time left.

    The accuracies are those of the task's progress splits. For a run that is trained on episodes, the accuracy of the
    held-out split in context is shown, too.
    """

    def __init__(self, config: RunConfig, console: Console | None = None):
        self.config, self.pace, (stated, held_out) = config, Pace(config), config.task.progress_splits
        self.accuracies = {stated: (None, stated), held_out: (None, held_out), "in context": (InContext.name, held_out)}
        self.console = console or Console(stderr=True, emoji=False)
        self.live = self.console.is_terminal
        self.latest: dict[str, str] = {}
        self.questions: QuestionPace | None = None  # after the last step
        self.bar = StepBar(self.time_left, console=self.console, disable=not self.live, transient=True)
        self.bar_id = self.bar.add_task("step", total=config.train.steps, parts={"": "the first steps"})

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def record(self, entry: dict[str, Any]) -> None:
        self.pace.update(entry)
        if entry["kind"] == "train":
            self.latest["loss"] = f"{entry['loss']:.3f}"
            self.latest["documents/s"] = f"{entry['documents_per_second']:,.0f}"
        else:
            for name, (method, split) in self.accuracies.items():
                splits = entry["splits"] if method is None else entry.get("methods", {}).get(method, {})
                if splits.get(split, {}).get("count"):
                    self.latest[name] = percent(splits[split]["accuracy"], digits=0 if self.live else 1)
        order = ("loss", *self.accuracies, "documents/s")
        parts = {name: self.latest[name] for name in order if name in self.latest}
        self.bar.update(self.bar_id, completed=entry["step"], parts=parts)
        if not self.live and entry["kind"] == "evaluation":
            is_known = self.pace.share_done < 1 and self.pace.seconds_left() is not None
            parts = {"step": f"{entry['step']}/{self.config.train.steps}"} | parts
            say(joined(parts | {"": self.time_left()} if is_known else parts))

    def time_left(self) -> str:
        """The time until the last step and, after it, until the last question."""
        if self.questions is None and self.pace.share_done == 1:
            return "asking all questions"
        return time_left((self.questions or self.pace).seconds_left())

    def asked(self, answered: int, total: int) -> None:
        """In the bar; elsewhere in some lines."""
        if self.questions is None or not answered:
            self.questions = QuestionPace()
            self.bar.reset(self.bar_id, description="question", total=total, parts={"": "after the last step"})
        else:
            self.questions.update(answered / total)
        self.bar.update(self.bar_id, completed=answered)
        if not self.live and answered < total and self.questions.is_line_due():
            say(f"question {answered:,}/{total:,} after the last step  {self.time_left()}")

    def warn(self, line: str) -> None:
        if self.live:
            self.bar.console.print(clean(line), style="yellow", markup=False, highlight=False)
        else:
            say(line)


class Pace:
    """How fast a run takes its steps, from the entries of its record since now, not from before a resume."""

    def __init__(self, config: RunConfig):
        self.config, self.start_time = config, time.time()
        self.entries: list[dict[str, Any]] = []  # the first and the last one

    def update(self, entry: dict[str, Any]) -> None:
        """Takes an entry of the record."""
        if entry["time"] >= self.start_time:
            self.entries = [*self.entries[:1], entry]

    @property
    def share_done(self) -> float:
        """The share of all steps that the last entry is behind."""
        return share_done(self.config, self.entries[-1]) if self.entries else 0.0

    def total_seconds(self) -> float | None:
        """The seconds that all steps take. None before there are entries of two steps."""
        if not self.entries:
            return None
        first, last = self.entries[0], self.entries[-1]
        share = self.share_done - share_done(self.config, first)
        return (last["time"] - first["time"]) / share if share else None

    def seconds_left(self) -> float | None:
        """The seconds from now to the last step. None before there are entries of two steps."""
        total = self.total_seconds()
        if total is None:
            return None
        since = max(time.time() - self.entries[-1]["time"], 0)
        return max(total * (1 - self.share_done) - since, 0)


def share_done(config: RunConfig, entry: dict[str, Any]) -> float:
    """The share of its steps, or of its targets if that is more, that a run had done at an entry of its record."""
    share = entry.get("step", 0) / config.train.steps
    if config.train.targets is not None:
        share = max(share, entry.get("target_tokens", 0) / config.train.targets)
    return min(share, 1.0)
