"""TensorBoard: a view of the record and of the trained model, made again whenever a run starts or is resumed."""

from __future__ import annotations

import contextlib
import math
import os
import re
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkpoints.steps import remove
from checkpoints.view import VIEW
from config.validation import SettingError
from eval.evaluate import predict_split
from eval.internals import entity_embeddings
from eval.methods.base import AnswerMethod
from eval.methods.in_context import InContext
from eval.methods.retrieval import LexicalRetrieval
from eval.report import CANNOT_BE_ASKED, percent
from eval.trained_methods import trained_methods
from eval.trained_model import TrainedModel
from model.objectives.base import AS_TRAINED
from tasks.vocabulary import SEPARATOR, SPECIAL
from train.config import RunConfig
from train.progress import Log

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EXAMPLES = 8  # questions a split in the text tables
SCALARS = ("loss", "learning_rate", "gradient_norm", "documents_per_second", "targets_per_second")


def charts(stated: str, held_out: str) -> dict[str, dict[str, list]]:
    """Curves that are shown in one chart, for the progress splits of a task."""
    closed_book, in_context = f"accuracy/{held_out}", f"in_context/{held_out}"
    return {
        "stated and held out": {
            f"{stated} and {held_out}": ["Multiline", [f"accuracy/{stated}", closed_book]],
            f"{held_out}, closed book and in context": ["Multiline", [closed_book, in_context]],
            "every split": ["Multiline", ["accuracy/.*"]],
        }
    }


class TensorBoardWriter(Log):
    """The folder `tensorboard/` of a run, written entry by entry.

    The entries from before the first step wait until it is taken: TensorBoard takes a third of a second to import.
    """

    def __init__(self, folder: Path, progress_splits: tuple[str, str]):
        if os.path.lexists(folder / VIEW):
            remove(folder / VIEW)
        self.folder, self.progress_splits = folder, progress_splits
        self.waiting: list[dict[str, Any]] = []

    @cached_property
    def writer(self) -> SummaryWriter:
        """Opens the files."""
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(self.folder / VIEW), flush_secs=10)
        writer.add_custom_scalars(charts(*self.progress_splits))
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
        if entry["kind"] == "train":
            values = {name: entry[name] for name in SCALARS}
        else:
            in_context = entry.get("methods", {}).get(InContext.name, {})
            values = scalars("accuracy", "accuracy", entry["splits"])
            values |= scalars("log_prob", "log_prob", entry["splits"])
            values |= scalars("in_context", "accuracy", in_context)
        for name, value in values.items():
            self.writer.add_scalar(name, value, entry["step"], entry["time"])

    def finish(
        self, trained: TrainedModel, config: RunConfig, rows: list[dict[str, Any]], result: dict[str, Any]
    ) -> None:
        """Writes what a trained model shows: predictions, attention, embeddings, and settings with accuracies.

        `rows` are those of questions.csv, `result` is what result.json holds.
        """
        from train.attention_maps import attention_maps  # only now, as it imports matplotlib

        step, model = result["steps"], next(iter(trained.query_modes().values()))
        self.writer.add_text("questions", table(rows), step)
        for name, method in shown_methods(trained, config).items():
            with contextlib.suppress(SettingError):  # learned positions can be fewer than a prompt's tokens
                self.writer.add_text(name.replace("-", " "), table(example_rows(model, method)), step)
        for split, questions in trained.corpus.questions.items():
            figure = attention_maps(model, questions[:1].cloze) if len(questions) else None
            if figure is not None:
                self.writer.add_figure(f"attention/{split}", figure, step)
        names = list(trained.corpus.entities.names)
        self.writer.add_embedding(entity_embeddings(trained), names, global_step=step, tag="entities")
        final = scalars("final", "accuracy", result["splits"])
        for name, value in final.items():
            self.writer.add_scalar(name, value, step)
        self.add_settings(config, final)

    def add_settings(self, config: RunConfig, final: dict[str, float]) -> None:
        """Writes the settings of the run beside its final accuracies."""
        settings = {name: value for name, value in flat(config.json()).items() if name != "format"}
        from torch.utils.tensorboard.summary import hparams  # not add_hparams, which makes a second run for them

        for summary in hparams(settings, final):
            self.writer._get_file_writer().add_summary(summary)


def scalars(prefix: str, key: str, splits: dict[str, dict[str, Any]]) -> dict[str, float]:
    """`key` of the summary of each split that was asked, by tag."""
    return {f"{prefix}/{split}": summary[key] for split, summary in splits.items() if summary["count"]}


def flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Settings by dotted name, as TensorBoard takes them."""
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            settings |= flat(value, f"{path}{name}.")
        else:
            # A path can hold bytes that are no text in this locale.
            text = str(value).encode(errors="backslashreplace").decode()
            settings[path + name] = value if isinstance(value, bool | int | float) else text
    return settings


def table(rows: list[dict[str, Any]]) -> str:
    """The first questions of each split as a Markdown table. `rows` are those of questions.csv."""
    with_rank = any("rank" in row for row in rows)
    columns = ["split", "question", "answer", "prediction", "correct", "p(answer)", *["rank"] * with_rank]
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    count: dict[str, int] = {}
    for row in rows:
        mode = row["query_mode"]
        split = row["split"] if mode == AS_TRAINED else f"{row['split']}, {mode}"
        count[split] = count.get(split, 0) + 1
        if count[split] <= EXAMPLES:
            lines.append("| " + " | ".join(cells(split, row, with_rank)) + " |")
    return "\n".join(lines)


def cells(split: str, row: dict[str, Any], with_rank: bool) -> list[str]:
    """The cells of one row of the table."""
    texts = [split, row["question"], row["answer"], CANNOT_BE_ASKED, "", ""]
    if "prediction" in row:
        texts[3:] = [row["prediction"], "yes" if row["correct"] else "no", percent(math.exp(row["log_prob"]))]
    texts += [str(row.get("rank", ""))] * with_rank
    texts = [escape_markdown(text) for text in texts]
    texts[1] = texts[1].replace(BREAK, "<br>")  # on one line, a prompt leaves the other columns no room
    return texts


def shown_methods(trained: TrainedModel, config: RunConfig) -> dict[str, AnswerMethod]:
    """The methods beside closed book whose predictions are shown: those that the model was trained for."""
    retrieval = {LexicalRetrieval.name: LexicalRetrieval()} if trained.corpus.episodes else {}
    return trained_methods(trained, config.task) | retrieval


def example_rows(trained: TrainedModel, method: AnswerMethod) -> list[dict[str, Any]]:
    """The first questions of each split, with their prompts and the predictions by this method."""
    return [
        {"split": split, "query_mode": AS_TRAINED} | row
        for split, questions in trained.corpus.questions.items()
        for row in predict_split(trained, method, questions[:EXAMPLES])
    ]


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is; names are data."""
    return re.sub(r"[^\w\s]|_", lambda sign: f"&#{ord(sign[0])};", text)


BREAK = escape_markdown(SPECIAL[SEPARATOR])  # between the statements of a document, each on a line of its own
