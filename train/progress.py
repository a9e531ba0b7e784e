"""Progress of one run: a live bar in a terminal, plain lines elsewhere."""

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from eval.show import percent
from train.settings import Config


class Progress:
    """Step, loss, accuracy on the splits that the task watches (of what is held out in context, too, where the run is
    trained for that), documents a second, time left."""

    def __init__(self, config: Config):
        self.steps, (told, held_out) = config.train.steps, config.task.WATCHED
        self.watched = {told: (None, told), held_out: (None, held_out), "in context": ("in-context", held_out)}
        self.console = Console(stderr=True, emoji=False)
        self.live = self.console.is_terminal
        self.seen: dict[str, str] = {}
        shown = (
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(20),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        self.bar = Bar(*shown, console=self.console, disable=not self.live)
        self.task = self.bar.add_task("the first steps", total=self.steps)

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def report(self, entry: dict[str, Any]) -> None:
        """Takes an entry of the record."""
        if entry["kind"] == "train":
            self.seen["loss"] = f"{entry['loss']:.3f}"
            self.seen["documents/s"] = f"{entry['documents_per_second']:,.0f}"
        else:
            for name, (asked, split) in self.watched.items():
                found = (entry["splits"] if asked is None else entry.get("asked", {}).get(asked, {})).get(split, {})
                if found.get("count"):
                    self.seen[name] = percent(found["accuracy"])
        order = ("loss", *self.watched, "documents/s")
        line = "  ".join(f"{name} {self.seen[name]}" for name in order if name in self.seen)
        self.bar.update(self.task, completed=entry["step"], description=line)
        if not self.live and entry["kind"] == "evaluation":
            print(f"step {entry['step']}/{self.steps}  {line}", file=sys.stderr, flush=True)

    def warn(self, line: str) -> None:
        self.bar.console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
