"""Questions with their answers and predictions, as tables in TensorBoard's Text."""

import math
import re
from collections import Counter
from typing import Any

from eval.evaluate import predict_split
from eval.methods.base import AnswerMethod
from eval.methods.retrieval import LexicalRetrieval
from eval.report import CANNOT_BE_ASKED, percent
from eval.trained_methods import trained_methods
from eval.trained_model import TrainedModel
from model.objectives.base import AS_TRAINED
from tasks.vocabulary import BEGIN, SEPARATOR, SPECIAL
from train.config import RunConfig

EXAMPLES = 8  # questions a split
HELP = "Held-out facts first. ✓: right, ✗: wrong; p: probability of the answer; rank: its rank among all names."


def table(rows: list[dict[str, Any]]) -> str:
    """The first questions of each split as a Markdown table. `rows` are those of questions.csv."""
    with_rank = any("rank" in row for row in rows)
    columns = ["split", "question", "answer", "predicted", "p", *["rank"] * with_rank]
    lines, count = [], Counter()
    for row in rows:
        mode = row["query_mode"]
        split = row["split"] if mode == AS_TRAINED else f"{row['split']}, {mode}"
        count[split] += 1
        if count[split] <= (EXAMPLES if "prediction" in row else 1):
            lines.append(cells(split, row, with_rank))
    return f"{HELP}\n\n{markdown_table(columns, lines)}"


def cells(split: str, row: dict[str, Any], with_rank: bool) -> list[str]:
    """The cells of one row of the table."""
    p = percent(math.exp(row["log_prob"])) if "prediction" in row else ""
    return [split, shown_question(row), row["answer"], with_mark(row), p, *[str(row.get("rank", ""))] * with_rank]


def markdown_table(columns: list[str], lines: list[list[str]]) -> str:
    """A table of texts. Of a question, each statement is on a line of its own."""

    def cell(column: str, text: str) -> str:
        escaped = escape_markdown(text)
        return escaped.replace(BREAK, "<br>") if column == "question" else escaped  # on one line, it leaves no room

    rows = [map(escape_markdown, columns), ["---"] * len(columns), *(map(cell, columns, line) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def shown_question(row: dict[str, Any]) -> str:
    """The question of a row of questions.csv without the token that begins every document."""
    return row["question"].removeprefix(f"{SPECIAL[BEGIN]} ")


def with_mark(row: dict[str, Any]) -> str:
    """The prediction of a row of questions.csv, and whether it is right."""
    return f"{'✓' if row['correct'] else '✗'} {row['prediction']}" if "prediction" in row else CANNOT_BE_ASKED


def describe(row: dict[str, Any]) -> str:
    """A row of questions.csv in words: the question, what is predicted, and what is right."""
    return f"{shown_question(row)}   (answer: {row['answer']})     predicted: {with_mark(row)}"


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
