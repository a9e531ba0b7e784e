"""TensorBoard: a view of the record and of the trained model, made again whenever a run starts or is resumed."""

from __future__ import annotations

import contextlib
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkpoints.steps import remove
from checkpoints.view import VIEW
from config.validation import SettingError
from eval.internals import entity_embeddings
from eval.methods.in_context import InContext
from eval.trained_model import TrainedModel
from tasks.task import Task
from train.config import RunConfig
from train.progress import Log
from train.projector import COLUMNS, entity_rows
from train.text_tables import describe, example_rows, shown_methods, table

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FLUSH_SECONDS = 2  # so that a run of 20 seconds can be watched
# What is shown first has a tag that is first in the alphabet. All accuracies are in per cent.
STATED, HELD_OUT, IN_CONTEXT = (f"accuracy, %/{name}" for name in ("as stated", "held out", "held out, in context"))
TRAINING = {
    "loss": "loss, nats",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "documents_per_second": "documents a second",
    "targets_per_second": "targets a second",
}

# Custom Scalars. The last of three charts is an area for each run, from its held-out curve up to the stated one.
CHARTS = {
    "exact matches in %": {
        "facts as stated, a line a run": ["Multiline", [f"{STATED}$"]],
        "held-out facts, a line a run": ["Multiline", [f"{HELD_OUT}$"]],
        "the gap between the two, an area a run": ["Margin", [STATED, HELD_OUT, STATED]],
    }
}
IN_CONTEXT_CHARTS = {
    "exact matches in %, held-out facts whose premises are in the prompt": {
        "in context, a line a run": ["Multiline", [f"{IN_CONTEXT}$"]],
    }
}


class TensorBoardWriter(Log):
    """The folder `tensorboard/` of a run, written entry by entry.

    The entries from before the first step wait until it is taken: TensorBoard takes a third of a second to import.
    """

    def __init__(self, folder: Path, task: Task):
        if os.path.lexists(folder / VIEW):
            remove(folder / VIEW)
        self.folder, self.task = folder, task
        self.waiting: list[dict[str, Any]] = []

    @cached_property
    def writer(self) -> SummaryWriter:
        """Opens the files."""
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(self.folder / VIEW), flush_secs=FLUSH_SECONDS)
        writer.add_custom_scalars(CHARTS | (IN_CONTEXT_CHARTS if self.task.episodes.share else {}))
        return writer

    def __enter__(self) -> TensorBoardWriter:
        # The writer's thread reports an error to whoever writes next, and needs no traceback of its own.
        self.hook, threading.excepthook = threading.excepthook, lambda _: None
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        try:
            with (
                contextlib.suppress(OSError) if error else contextlib.nullcontext()
            ):  # the first error is the one to see
                self.write_waiting()
                self.writer.close()
        finally:
            threading.excepthook = self.hook

    def warn(self, line: str) -> None:
        """Warnings are not part of the record."""

    def record(self, entry: dict[str, Any]) -> None:
        """Takes an entry of the record, and writes it once a step is taken."""
        self.waiting.append(entry)
        if entry["step"] > 0:
            self.write_waiting()

    def write_waiting(self) -> None:
        """Writes all entries that wait."""
        waiting, self.waiting = self.waiting, []
        for entry in waiting:
            self.write(entry)

    def write(self, entry: dict[str, Any]) -> None:
        """Writes an entry as scalars."""
        for tag, value in self.values(entry).items():
            self.writer.add_scalar(tag, value, entry["step"], entry["time"])

    def values(self, entry: dict[str, Any]) -> dict[str, float]:
        """What is shown of an entry, by tag."""
        if entry["kind"] == "train":
            return {f"training/{shown}": entry[name] for name, shown in TRAINING.items()}
        (stated, held_out), in_context = self.task.progress_splits, entry.get("methods", {}).get(InContext.name, {})
        by_split = {split: 100 * value for split, value in of_splits("accuracy", entry["splits"]).items()}
        by_prompt = {split: 100 * value for split, value in of_splits("accuracy", in_context).items()}
        shown = {STATED: by_split.get(stated), HELD_OUT: by_split.get(held_out), IN_CONTEXT: by_prompt.get(held_out)}
        return (
            {tag: value for tag, value in shown.items() if value is not None}
            | grouped("every split, %", by_split)
            | grouped("in context, %", by_prompt)
            | grouped("log-probability, nats", of_splits("log_prob", entry["splits"]))
        )

    def finish(
        self, trained: TrainedModel, config: RunConfig, rows: list[dict[str, Any]], result: dict[str, Any]
    ) -> None:
        """Writes what a trained model shows: predictions, attention, embeddings, and settings with accuracies.

        `rows` are those of questions.csv, `result` is what result.json holds.
        """
        from train.attention_maps import attention_maps  # only now, as it imports matplotlib

        step, model = result["steps"], next(iter(trained.query_modes().values()))
        self.writer.add_text("closed book", table(self.held_out_first(rows)), step)
        for name, method in shown_methods(trained, config).items():
            with contextlib.suppress(SettingError):  # learned positions can be fewer than a prompt's tokens
                shown = table(self.held_out_first(example_rows(model, method)))
                self.writer.add_text(name.replace("-", " "), shown, step)
        first_rows = {row["split"]: row for row in reversed(rows) if row["query_mode"] == rows[0]["query_mode"]}
        for split, questions in trained.corpus.questions.items():
            if len(questions):
                figure = attention_maps(model, questions[:1].cloze, describe(first_rows[split]))
                if figure is not None:
                    self.writer.add_figure(f"attention, layer by head/{split}", figure, step)
        vectors, entities = entity_embeddings(trained), entity_rows(trained.corpus)
        self.writer.add_embedding(vectors, entities, global_step=step, tag="entities", metadata_header=COLUMNS)
        final = {split: 100 * value for split, value in of_splits("accuracy", result["splits"]).items()}
        for tag, value in grouped("final, %", final).items():
            self.writer.add_scalar(tag, value, step)
        self.add_settings(config)

    def held_out_first(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows with those of the held-out progress split first, then the stated one, then all others."""
        first = self.task.progress_splits[::-1]
        return sorted(rows, key=lambda row: first.index(row["split"]) if row["split"] in first else len(first))

    def add_settings(self, config: RunConfig) -> None:
        """Writes the settings of the run.

        Without the summary that lists them, TensorBoard shows first those in which the runs differ.
        """
        settings = {name: value for name, value in flat(config.json()).items() if name != "format"}
        from torch.utils.tensorboard.summary import hparams  # not add_hparams, which makes a second run for them

        _, start, end = hparams(settings, {})
        for summary in (start, end):
            self.writer._get_file_writer().add_summary(summary)


def of_splits(key: str, splits: dict[str, dict[str, Any]]) -> dict[str, float]:
    """`key` of the summary of each split that was asked."""
    return {split: summary[key] for split, summary in splits.items() if summary["count"]}


def grouped(group: str, values: dict[str, float]) -> dict[str, float]:
    """The values with the name of their group in front of their own."""
    return {f"{group}/{name}": value for name, value in values.items()}


def flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Settings by dotted name, as TensorBoard takes them."""
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            settings |= flat(value, f"{path}{name}.")
        else:
            # A path can hold bytes that are no text in this locale; a bool would be shown as a number.
            text = str(value).encode(errors="backslashreplace").decode()
            settings[path + name] = value if isinstance(value, int | float) and not isinstance(value, bool) else text
    return settings
