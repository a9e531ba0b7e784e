"""TensorBoard: a view of the record and of the trained model, written anew whenever a run starts or goes on."""

import contextlib
import math
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from eval.score import asking, records_of, text
from eval.show import percent
from eval.trained import Trained
from eval.ways.closed_book import ClosedBook
from eval.ways.in_context import InContext
from eval.ways.recall import Recall
from eval.ways.retrieval import LexicalRetrieval
from model.objectives.batch import to_tensors
from tasks.corpus import Questions
from tasks.settings import SettingError
from tasks.vocabulary import PAD, SEPARATOR, SPECIAL
from train.settings import Config

SHOWN = 8  # questions a split in the text table
SCALARS = ("loss", "learning_rate", "gradient_norm", "documents_per_second", "targets_per_second")


def charts(told: str, held_out: str) -> dict[str, dict[str, list]]:
    """Curves that belong together, for the splits that a task watches."""
    return {
        "told and held out": {
            f"{told} and {held_out}": ["Multiline", [f"accuracy/{told}", f"accuracy/{held_out}"]],
            f"{held_out}, closed book and in context": [
                "Multiline",
                [f"accuracy/{held_out}", f"in_context/{held_out}"],
            ],
            "every split": ["Multiline", ["accuracy/.*"]],
        }
    }


class View:
    """The folder `tensorboard/` of a run, written entry by entry."""

    def __init__(self, folder: Path, watched: tuple[str, str]):
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        self.folder, self.watched = folder, watched

    def __enter__(self) -> "View":
        self.writer = SummaryWriter(str(self.folder / "tensorboard"), flush_secs=10)
        self.writer.add_custom_scalars(charts(*self.watched))
        # Its thread reports an error to whoever writes next, and needs no traceback of its own.
        self.hook, threading.excepthook = threading.excepthook, lambda _: None
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.writer.close()
        finally:
            threading.excepthook = self.hook

    def write(self, entry: dict[str, Any]) -> None:
        """An entry of the record as scalars."""
        if entry["kind"] == "train":
            values = {name: entry[name] for name in SCALARS}
        else:
            asked = {split: summary for split, summary in entry["splits"].items() if summary["count"]}
            values = {f"accuracy/{split}": summary["accuracy"] for split, summary in asked.items()}
            values |= {f"log_probability/{split}": summary["log_probability"] for split, summary in asked.items()}
            for split, summary in entry.get("asked", {}).get("in-context", {}).items():
                values |= {f"in_context/{split}": summary["accuracy"]} if summary["count"] else {}
        for name, value in values.items():
            self.writer.add_scalar(name, value, entry["step"], entry["time"])

    def finish(self, trained: Trained, config: Config, asked: list[dict[str, Any]], result: dict[str, Any]) -> None:
        """What a trained model shows: questions and answers, attention, embeddings, settings with accuracies."""
        self.writer.add_text("questions", table(asked), result["steps"])
        asked_first = next(iter(trained.asked().values()))
        for name, way in shown_ways(trained, config).items():
            with contextlib.suppress(SettingError):  # a prompt can be longer than learned positions know
                self.writer.add_text(name.replace("-", " "), table(prompted(asked_first, way)), result["steps"])
        for split, questions in trained.corpus.questions.items():
            maps = attention_maps(asked_first, questions[:1]) if len(questions) else None
            if maps is not None:
                self.writer.add_figure(f"attention/{split}", maps, result["steps"])
        entities = trained.corpus.entities
        with asking(trained):
            tokens = torch.from_numpy(entities.tokens).long().to(next(trained.modules.parameters()).device)
            inside = (tokens != PAD)[..., None]
            vectors = (trained.modules["network"].embedding(tokens) * inside).sum(1) / inside.sum(1)
        self.writer.add_embedding(vectors.clone(), list(entities.words), global_step=result["steps"], tag="entities")
        final = {f"final/{k}": v["accuracy"] for k, v in result["splits"].items() if v["count"]}
        for name, value in final.items():
            self.writer.add_scalar(name, value, result["steps"])
        # Not add_hparams, which opens a run of its own for them.
        settings = {name: value for name, value in flat(config.json()).items() if name != "format"}
        for part in hparams(settings, final):
            self.writer._get_file_writer().add_summary(part)


def flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Settings by dotted name, as TensorBoard takes them."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            out |= flat(value, f"{path}{name}.")
        else:
            out[path + name] = value if isinstance(value, bool | int | float | str) else str(value)
    return out


def table(asked: list[dict[str, Any]]) -> str:
    """The first questions of each split as a Markdown table."""
    ranked = any("rank" in row for row in asked)
    columns = ["split", "question", "answer", "said", "right", "p(answer)", *["rank"] * ranked]
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    shown: dict[str, int] = {}
    for row in asked:
        split = row["split"] if row["asked"] == "as-trained" else f"{row['split']}, {row['asked']}"
        shown[split] = shown.get(split, 0) + 1
        if shown[split] > SHOWN:
            continue
        cells = [split, row["question"], row["answer"], "cannot be asked", "", ""]
        if "said" in row:
            cells[3:] = [row["said"], "yes" if row["correct"] else "no", percent(math.exp(row["log_probability"]))]
        cells += [str(row.get("rank", ""))] * ranked
        cells = [escaped(cell) for cell in cells]
        cells[1] = cells[1].replace(BREAK, "<br>")  # a prompt on one line leaves the other columns no room
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown_ways(trained: Trained, config: Config) -> dict[str, ClosedBook]:
    """The ways with something in front of the question that a model was trained for."""
    ways: dict[str, ClosedBook] = {}
    if trained.corpus.drawn:
        ways |= {"in-context": InContext.fitting(trained.corpus), "lexical-retrieval": LexicalRetrieval()}
    return ways | ({"recall": Recall()} if config.task.thoughts else {})


def prompted(trained: Trained, way: ClosedBook) -> list[dict[str, Any]]:
    """The first questions of each split with what stands in front of them (facts they need, documents looked up, a
    thought of the model's own), and what is said then."""
    return [
        {"split": split, "asked": "as-trained"} | row
        for split, questions in trained.corpus.questions.items()
        for row in records_of(trained, way, questions[:SHOWN], lambda: None)
    ]


def escaped(text: str) -> str:
    """Text that Markdown shows as it is; names are data."""
    return re.sub(r"[^\w\s]|_", lambda sign: f"&#{ord(sign[0])};", text)


BREAK = escaped(SPECIAL[SEPARATOR])  # between the statements of a document, each on a line of its own


def attention_maps(trained: Trained, question: Questions) -> Figure | None:
    """Who looks at whom when the question is asked, a panel for each layer and head, tokens as labels."""
    asked = trained.objective.ask(question, np.zeros((1, 0), np.int32))
    if asked is None:
        return None
    weights: list[torch.Tensor] = []
    with asking(trained):
        batch = to_tensors(asked, next(trained.modules.parameters()).device)
        order = batch.get("positions"), batch.get("predict")
        trained.modules["network"](batch["tokens"], trained.objective.visibility(batch), *order, weights=weights)
    labels = [plain(trained.corpus.vocabulary.words[i]) for i in asked["tokens"][0]]
    depth, heads = len(weights), weights[0].shape[1]
    figure = Figure(figsize=(2.3 * heads + 1, 2.3 * depth + 0.6), layout="constrained")
    panels = figure.subplots(depth, heads, squeeze=False)
    for layer, row in enumerate(panels):
        for head, panel in enumerate(row):
            panel.imshow(weights[layer][0, head].cpu().numpy(), cmap="Blues", vmin=0, vmax=1)
            panel.set_xticks(range(len(labels)), labels if layer == depth - 1 else [], rotation=90, fontsize=8)
            panel.set_yticks(range(len(labels)), labels if head == 0 else [], fontsize=8)
            panel.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=9)
    figure.suptitle(f"{plain(text(trained.corpus, question, 0))}     (row looks at column)", fontsize=9)
    return figure


def plain(text: str) -> str:
    """Text in which matplotlib reads no formula; names are data."""
    return text.replace("$", r"\$")
