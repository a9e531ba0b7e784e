"""How many questions are answered and how long the rest takes: a bar in a terminal, and some lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import MofNCompleteColumn
from rich.progress import Progress as Bar
from rich.progress_bar import ProgressBar
from rich.table import Table

from config.terminal import say
from eval.run_methods import Chunk

STEP, BAR, LEFT, GAP = "step", "bar", "time left", "  "
STYLES = {STEP: "progress.download", LEFT: "progress.remaining"}
MIN_BAR_WIDTH, BAR_WIDTH = 6, 20
FIRST_LINE = 10  # seconds of questions without a line, where there is no bar


class QuestionPace:
    """How fast questions are answered, from now on."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.next_line, self.total = self.start + FIRST_LINE, None

    def update(self, share: float) -> None:
        """Takes the share of all work that is done, above 0."""
        self.total = (time.monotonic() - self.start) / share

    def seconds_left(self) -> float | None:
        """The seconds until the last answer. None before the first update."""
        return None if self.total is None else max(self.total - (time.monotonic() - self.start), 0)

    def is_line_due(self) -> bool:
        """True once after 10, 20, 40, ... seconds, and so never where the questions take less."""
        now = time.monotonic()
        is_due = now >= self.next_line
        if is_due:
            self.next_line = now + (now - self.start)
        return is_due


class QuestionProgress:
    """Shows how many of the questions to a run are answered, and the time left. Ctrl-C ends it with one line.

    `kept`: what that line says of the results so far.
    """

    def __init__(self, run: str, kept: str, console: Console | None = None):
        self.run, self.kept, self.calls = run, kept, 0
        self.console = console or Console(stderr=True, emoji=False)
        self.bar = StepBar(self.time_left, console=self.console, disable=not self.console.is_terminal, transient=True)

    def __enter__(self) -> "QuestionProgress":
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.bar.stop()
        if kind is KeyboardInterrupt:
            say(f"stopped: {self.kept}")

    def expect(self, chunks: list[Chunk]) -> None:
        """Takes all questions that will be asked, before the first is."""
        self.answered = [0, *accumulate(chunk.questions for chunk in chunks)]
        self.work = [0, *accumulate(chunk.questions * chunk.passes for chunk in chunks)]
        self.pace = QuestionPace()
        self.bar_id = self.bar.add_task("question", total=self.answered[-1], parts={"": f"of {self.run}"})

    def check(self) -> None:
        """To be called before each chunk."""
        if self.calls:
            self.pace.update(self.work[self.calls] / self.work[-1])
            self.bar.update(self.bar_id, completed=self.answered[self.calls])
        if not self.console.is_terminal and self.pace.is_line_due():
            say(f"question {self.answered[self.calls]:,}/{self.answered[-1]:,} of {self.run}  {self.time_left()}")
        self.calls += 1

    def time_left(self) -> str:
        return time_left(self.pace.seconds_left())


class StepBar(Bar):
    """One line of the terminal's width: step, a bar, the `parts` of a task (name and value) and `time_left`.

    Where there is no room, first the documents a second are left out, then the bar, the loss, the word "step", and the
    other parts from left to right. The number of steps and the time left always stay.
    """

    def __init__(self, time_left: Callable[[], str], **options: Any):
        self.time_left = time_left
        super().__init__(**options)

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:
            steps, parts = MofNCompleteColumn().render(task).plain, task.fields["parts"]
            cells = {STEP: f"{task.description} {steps}", BAR: " " * MIN_BAR_WIDTH}
            cells |= {name: joined({name: value}) for name, value in parts.items()} | {LEFT: self.time_left()}
            for name in ("documents/s", BAR, "loss", STEP, *parts):
                if len(GAP.join(cells.values())) <= self.console.width:
                    break
                cells.pop(name, None)
                cells = {STEP: steps, **cells} if name == STEP else cells
            bar_width = MIN_BAR_WIDTH + self.console.width - len(GAP.join(cells.values()))
            bar = ProgressBar(task.total, task.completed, min(bar_width, BAR_WIDTH))
            grid = Table.grid(padding=(0, len(GAP)))
            for name in cells:
                grid.add_column(no_wrap=True, style=STYLES.get(name))
            grid.add_row(*(bar if name == BAR else text for name, text in cells.items()))
            yield grid


def joined(parts: dict[str, str]) -> str:
    return GAP.join(f"{name} {value}".strip() for name, value in parts.items())


def time_left(seconds: float | None) -> str:
    """The seconds that are left as text; None where they are not known yet."""
    return "time left: soon" if seconds is None else f"about {duration(max(seconds, 1))} left"


def duration(seconds: float) -> str:
    """Seconds as text, such as 45 s, 3 min 20 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
