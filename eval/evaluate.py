"""Evaluation: a method answers questions with a trained model, and its predictions are scored and summarised.

There is one route. `apply_prompt` makes the questions that the model is given, `predict` its predictions,
`predict_split` a row for each question, and `summarize_split` the summary of a split. `predict_all` and `summarize` do
so for all splits and query modes, `evaluate` for a sample of the questions.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from eval.methods.base import AnswerMethod, Baselines
from eval.methods.closed_book import ClosedBook
from eval.methods.prompting import require_positions
from eval.metrics import best_rank, exact_match, token_accuracy, wilson_interval
from eval.text import render_accepted, render_name, render_question
from eval.trained_model import TrainedModel
from model.objectives.base import AS_TRAINED
from tasks.corpus import Corpus, Questions

CLOSED_BOOK = ClosedBook()
CHUNK = 1024  # questions a pass; bounds memory, changes no prediction

Row = dict[str, Any]  # a question and its prediction: a row of questions.csv
Summary = dict[str, Any]  # a split: an entry of `splits` in result.json


def no_check() -> None:
    """Stops nothing."""


def evaluate(
    trained: TrainedModel,
    method: AnswerMethod = CLOSED_BOOK,
    limit: int | None = None,
    check: Callable[[], None] = no_check,
) -> dict[str, Summary]:
    """The summary of each split, in one query mode. A split with more questions than `limit` is sampled.

    The sample is always the same. `check` is called before each chunk and may raise to stop. Draws no random number.
    """
    summaries = {}
    for split, questions in trained.corpus.questions.items():
        if limit is not None and limit < len(questions):
            questions = questions[np.random.default_rng(0).permutation(len(questions))[:limit]]
        rows = []
        if method.applies_to(split):
            rows = predict_split(trained, method, questions, check, detailed=False)
        summaries[split] = summarize_split(rows, method.baselines(trained, questions))
    return summaries


def apply_prompt(trained: TrainedModel, method: AnswerMethod, questions: Questions) -> Questions:
    """The questions as the model is given them. Raises SettingError where its network has too few positions."""
    with inference_mode(trained):
        prompted = method.apply_prompt(trained, questions)
    if prompted is not questions:
        require_positions(trained, prompted.cloze.documents.tokens.shape[1])
    return prompted


def predict(
    trained: TrainedModel, method: AnswerMethod, prompted: Questions, scores: np.ndarray | None = None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Predictions [q, k] for questions that `apply_prompt` made, and log p[q] of an accepted name, in nats.

    Both are None where the objective cannot be asked. `scores`: see AnswerMethod.predict.
    """
    with inference_mode(trained):
        predictions = method.predict(trained, prompted, scores)
        if predictions is None:
            return None, None
        return predictions, method.accepted_log_prob(trained, prompted, scores)


def predict_all(
    trained: TrainedModel, method: AnswerMethod = CLOSED_BOOK, check: Callable[[], None] = no_check
) -> list[Row]:
    """The rows of all questions in all query modes, as questions.csv holds them."""
    return [
        {"split": split, "query_mode": query_mode} | row
        for query_mode, model in trained.query_modes().items()
        for split, questions in model.corpus.questions.items()
        if method.applies_to(split)
        for row in predict_split(model, method, questions, check)
    ]


def predict_split(
    trained: TrainedModel,
    method: AnswerMethod,
    questions: Questions,
    check: Callable[[], None] = no_check,
    detailed: bool = True,
) -> list[Row]:
    """A row for each question of a split, in one query mode. Not `detailed`: without question, answer, rank, retrieved.

    question        as the model is given it
    answer          the accepted names, joined by " | "
    prediction      the predicted name or other tokens; it and all below are missing where the model cannot be asked
    correct         1 where the prediction is exactly an accepted name, 0 elsewhere
    log_prob        of an accepted name, in nats: their probabilities are summed
    rank            of the best accepted name among all entities of its length, from 1 (metrics.best_rank); where a
                    method scores candidates
    retrieved       1 where all premises were retrieved, 0 elsewhere; where a method retrieves
    token_accuracy  share of the tokens of the best accepted name that are predicted; where names have several
    """
    corpus, rows = trained.corpus, []
    for chunk in in_chunks(questions):
        check()
        prompted = apply_prompt(trained, method, chunk)
        scores = retrieved = None
        if detailed:
            with inference_mode(trained):
                scores = method.candidate_log_probs(trained, prompted, corpus.entities)
                retrieved = method.all_retrieved(trained, chunk)
        predictions, log_probs = predict(trained, method, prompted, scores)
        columns = question_columns(corpus, prompted) if detailed else {}
        if predictions is not None:
            columns |= prediction_columns(corpus, chunk, predictions, log_probs, scores, retrieved)
        rows += [dict(zip(columns, values)) for values in zip(*columns.values())]
    return rows


def question_columns(corpus: Corpus, prompted: Questions) -> dict[str, list[Any]]:
    """The columns of `predict_split` that show the question and its answer."""
    return {
        "question": [render_question(corpus, prompted.cloze, i) for i in range(len(prompted))],
        "answer": [render_accepted(corpus, accepted) for accepted in prompted.accepted],
    }


def prediction_columns(
    corpus: Corpus,
    questions: Questions,
    predictions: np.ndarray,
    log_probs: np.ndarray,
    scores: np.ndarray | None,
    retrieved: np.ndarray | None,
) -> dict[str, list[Any]]:
    """The columns of `predict_split` that score predictions [q, k], with `scores`[q, e] of all entities if known."""
    entities = corpus.entities
    columns = {
        "prediction": [render_name(corpus, tokens) for tokens in predictions],
        "correct": exact_match(entities, questions, predictions).astype(int).tolist(),
        "log_prob": log_probs.tolist(),
    }
    if scores is not None:
        columns["rank"] = best_rank(scores, questions.accepted).tolist()
    if retrieved is not None:
        columns["retrieved"] = retrieved.astype(int).tolist()
    if (entities.lengths > 1).any():
        columns["token_accuracy"] = token_accuracy(entities, questions, predictions).tolist()
    return columns


def summarize(
    trained: TrainedModel, rows: list[Row], method: AnswerMethod = CLOSED_BOOK
) -> dict[str, dict[str, Summary]]:
    """The summary of each split in each query mode, from the rows that `predict_all` made."""
    summaries: dict[str, dict[str, Summary]] = {row["query_mode"]: {} for row in rows}
    for query_mode, splits in summaries.items():
        for split, questions in trained.corpus.questions.items():
            part = [row for row in rows if (row["query_mode"], row["split"]) == (query_mode, split)]
            splits[split] = summarize_split(part, method.baselines(trained, questions))
    return summaries


def summarize_split(rows: list[Row], baselines: Baselines) -> Summary:
    """Accuracy with its 95 % interval and three baselines, and means of the other columns, from the rows of one split.

    A split that cannot be asked has count 0 and no accuracy. `retrieved` and `correct_where_retrieved` are numbers of
    questions. `reciprocal_rank` is the mean of 1 / rank; it is missing where the rows have no rank.
    """
    answered = [row for row in rows if "prediction" in row]
    correct, count = sum(row["correct"] for row in answered), len(answered)
    low, high = wilson_interval(correct, count) if count else (None, None)
    summary: Summary = {}
    if count and "retrieved" in answered[0]:
        with_premises = [row for row in answered if row["retrieved"]]
        summary["retrieved"] = len(with_premises)
        summary["correct_where_retrieved"] = sum(row["correct"] for row in with_premises)
    if count and "rank" in answered[0]:
        summary["reciprocal_rank"] = float(np.mean([1 / row["rank"] for row in answered]))
    if count and "token_accuracy" in answered[0]:
        summary["token_accuracy"] = float(np.mean([row["token_accuracy"] for row in answered]))
    return summary | {
        "correct": correct,
        "count": count,
        "accuracy": correct / count if count else None,
        "low": low,
        "high": high,
        **baselines._asdict(),
        "log_prob": float(np.mean([row["log_prob"] for row in answered])) if count else None,
    }


def to_entry(summaries: dict[str, dict[str, Summary]]) -> dict[str, Any]:
    """Summaries by query mode as result.json and metrics.jsonl hold them.

    `splits` are those in the first query mode. Only where there are several, `query_modes` holds all.
    """
    splits = next(iter(summaries.values()))
    return {"splits": splits} | ({"query_modes": summaries} if len(summaries) > 1 else {})


def from_entry(entry: dict[str, Any]) -> dict[str, dict[str, Summary]]:
    """Summaries by query mode, from what `to_entry` made."""
    return entry.get("query_modes") or {AS_TRAINED: entry["splits"]}


def in_chunks(questions: Questions) -> list[Questions]:
    """The questions, CHUNK at a time."""
    return [questions[start : start + CHUNK] for start in range(0, len(questions), CHUNK)]


def chunk_sizes(trained: TrainedModel, method: AnswerMethod) -> list[int]:
    """The numbers of questions in all chunks that a method is asked, in one query mode and in their order."""
    asked = [questions for split, questions in trained.corpus.questions.items() if method.applies_to(split)]
    return [len(chunk) for questions in asked for chunk in in_chunks(questions)]


@contextlib.contextmanager
def inference_mode(trained: TrainedModel) -> Iterator[None]:
    """Evaluation mode without gradients. Afterwards the modules are as they were."""
    import torch

    was_training = trained.modules.training
    trained.modules.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        trained.modules.train(was_training)
