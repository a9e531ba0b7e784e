"""What a run predicts right and what wrong, in words: one question each, without filler."""

from dataclasses import dataclass

import numpy as np

from eval.questions import Question, SplitQuestions
from eval.text import render_question
from tasks.corpus import Cloze, Corpus
from tasks.task import Task

RIGHT, WRONG = "Right", "Wrong"
MAX_ANSWERS = 3  # of a question that are named


@dataclass(frozen=True)
class Example:
    """A question with what a run predicts, and where the answer follows from."""

    split: str
    question: Question
    premises: tuple[str, ...]
    """what the answer follows from, as training states it"""
    score: str
    """of the whole split, such as `3 of 200`"""


def choose_examples(corpus: Corpus, task: Task, rows: list[dict[str, str]]) -> dict[str, Example]:
    """A right and a wrong question, by RIGHT and WRONG, from the rows of questions.csv in the first query mode.

    The wrong one is held out and the right one stated, about the same fact where possible. Where most of the held-out
    questions are right, the right one is held out, too. What does not exist is left out.
    """
    stated, held_out = task.progress_splits
    asked = {
        split: [row for row in rows if (row["split"], row["query_mode"]) == (split, rows[0]["query_mode"])]
        for split in (stated, held_out)
    }

    def places(splits: tuple[str, ...], correct: str) -> list[tuple[str, int]]:
        """Split and row of each such question, those first that make the best example."""
        found = [(split, i) for split in splits for i, row in enumerate(asked[split]) if row["correct"] == correct]
        return sorted(found, key=lambda place: (splits.index(place[0]), example_rank(task, asked[place[0]][place[1]])))

    def premises(place: tuple[str, int]) -> list[int]:
        return corpus.questions[place[0]].premises[place[1]].tolist()

    mostly_right = 2 * len(places((held_out,), "1")) > len(asked[held_out])
    wrong = places((held_out, stated), "0")[:1]
    right = places((held_out,) if mostly_right else (stated, held_out), "1")
    right = [place for place in right if wrong and premises(place) == premises(wrong[0])][:1] or right[:1]
    found = {RIGHT: right, WRONG: wrong}
    return {name: make_example(corpus, asked, *place) for name, chosen in found.items() for place in chosen}


def make_example(corpus: Corpus, asked: dict[str, list[dict[str, str]]], split: str, i: int) -> Example:
    """Question i of a split. `asked`: the rows of each split."""
    questions, rows = corpus.questions[split], asked[split]
    premises = questions.premises[i]
    stated = corpus.premises.documents[premises[premises >= 0]]
    no_span = np.zeros(len(stated), np.int32)
    return Example(
        split=split,
        question=SplitQuestions(split, corpus, questions, rows)[i],
        premises=tuple(render_question(corpus, Cloze(stated, no_span, no_span), j) for j in range(len(stated))),
        score=f"{sum(row['correct'] == '1' for row in rows)} of {len(rows)}",
    )


def example_rank(task: Task, row: dict[str, str]) -> tuple[bool, bool]:
    """Sorts questions about the task's examples first, then those with letters that every keyboard has."""
    words = f" {row['question']} {row['answer']} "
    return not any(f" {name} " in words for name in task.example_names()), not words.isascii()


def describe(examples: dict[str, Example], method: str = "") -> dict[str, str]:
    """What `choose_examples` chose as sentences, by the same names. `method`: how they were asked, if that is shown."""
    texts: dict[str, str] = {}
    stated: tuple[str, ...] = ()
    for name, example in examples.items():
        sentence = f"asked {example.question.text!r}, the model predicts {example.question.prediction}"
        if name == WRONG:
            sentence += f", not {list_answers(example.question.accepted)}"
        if example.premises not in (stated, ()):
            stated = example.premises
            sentence = f"training stated {' and '.join(map(repr, stated))}. A{sentence[1:]}"
        texts[name] = f"{sentence} ({', '.join(filter(None, (method, example.split)))}: {example.score} right)."
    return texts


def list_answers(names: tuple[str, ...]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MAX_ANSWERS
    return " or ".join(names[:MAX_ANSWERS]) + (f" or {more} more" if more > 0 else "")
