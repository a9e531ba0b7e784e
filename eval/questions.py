"""The questions of a run as text, with what is accepted and what the run predicted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkpoints.folder import unescape_formula
from config.terminal import clean
from config.validation import require_choice
from eval.text import render_question
from tasks.common.segments import pack
from tasks.corpus import NONE, Cloze, Corpus, Questions

SHOWN = 5  # questions


@dataclass(frozen=True)
class Question:
    """A question of a split."""

    text: str
    """as a person types it, such as `wuve student-of _`"""
    accepted: tuple[str, ...]
    """the names that are right"""
    document: str
    """as the model is given it, with filler and special tokens"""
    prediction: str | None = None
    """the name that was predicted; None, like all below, where the run is not finished or cannot be asked"""
    correct: bool | None = None
    """whether it is accepted, as an exact match"""
    probability: float | None = None
    """of the accepted names together"""


class SplitQuestions(Sequence[Question]):
    """The questions of one split: a sequence."""

    def __init__(self, title: str, corpus: Corpus, questions: Questions, rows: list[dict[str, str]]):
        """`rows` are those of questions.csv, one for each question; none where there are no predictions."""
        self.title, self.corpus, self.encoded, self.rows = title, corpus, questions, rows

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, i: int | slice) -> Question | list[Question]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        i = range(len(self))[i]  # counts from the end where it is negative, and raises IndexError
        question = self.encoded[i : i + 1]
        return Question(
            render_question(self.corpus, without_filler(question.cloze), 0),
            tuple(self.corpus.entities.names[entity] for entity in question.accepted[0] if entity >= 0),
            render_question(self.corpus, question.cloze, 0),
            **(prediction_of(self.rows[i]) if self.rows else {}),
        )

    def __repr__(self) -> str:
        lines = [f"{self.title}: {len(self)} questions"]
        for question in self[:SHOWN]:
            predicted = "" if question.prediction is None else f"  predicted: {question.prediction}"
            lines.append(f"  {question.text}  accepted: {' | '.join(question.accepted)}{predicted}")
        more = [f"  … {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return "\n".join(map(clean, lines + more))


class Splits(dict[str, SplitQuestions]):
    """The questions of each split by its name. Raises SettingError for another name."""

    def __missing__(self, split: str) -> SplitQuestions:
        require_choice("split", str(split), self)
        raise KeyError(split)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values()))


def prediction_of(row: dict[str, str]) -> dict[str, object]:
    """The fields of a Question that a row of questions.csv holds; none where it could not be asked."""
    if not row.get("correct"):
        return {}
    return {
        "prediction": unescape_formula(row["prediction"]),
        "correct": row["correct"] == "1",
        "probability": math.exp(float(row["log_prob"])),
    }


def without_filler(cloze: Cloze) -> Cloze:
    """The statements of the questions alone: without filler and special tokens."""
    documents = cloze.documents
    is_stated = documents.roles != NONE
    is_before = np.arange(documents.tokens.shape[1]) < cloze.start[:, None]
    start = (is_stated & is_before).sum(1, dtype=np.int32)
    return Cloze(pack(documents.tokens, documents.roles, is_stated), start, cloze.size)
