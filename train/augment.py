"""Augmentation: inferences of a trained model, in context, become training documents.

The model is asked for the inverse of each statement, and for the conclusion of statements that belong together. Its
prompt holds these statements (Lampinen et al. 2025a, 2505.00661). Its predictions are added, right or wrong. It is
given the statements that belong together and the words of each question, but no answer.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np

from checkpoints.files import read_json, sha256, write_bytes, write_json, write_text
from checkpoints.folder import as_csv
from checkpoints.identity import read_identity
from config.validation import SettingError
from eval.evaluate import apply_prompt, in_chunks, predict
from eval.methods.in_context import InContext
from eval.metrics import exact_match
from eval.runs import find_run
from eval.text import render_accepted, render_name, render_question
from eval.trained_model import INFERRED_FILE, TrainedModel, load_trained_model, with_inferred_documents
from model.objectives.batch import fill_in
from tasks.corpus import Corpus, Documents, Questions
from train.config import TrainConfig
from train.signals import StopFlag


def augmented(corpus: Corpus, config: TrainConfig, folder: Path, stop: StopFlag) -> Corpus:
    """The corpus with what the run `config.init_from` infers, each statement `config.augment` times.

    It is inferred once. In `folder`, inferred.npz holds it for when the run is resumed, inferred.csv shows it and
    inferred.json counts what is correct.
    """
    if not (folder / "inferred.json").exists():
        documents, rows = infer(corpus, find_run(config.init_from), stop)
        arrays = io.BytesIO()
        np.savez(arrays, tokens=documents.tokens, lengths=documents.lengths, roles=documents.roles)
        counts = {"count": len(rows), "correct": sum(row["correct"] for row in rows)}
        write_text(folder / "inferred.csv", as_csv(rows))
        write_bytes(folder / INFERRED_FILE, arrays.getvalue())
        write_json(folder / "inferred.json", counts | {INFERRED_FILE: sha256(arrays.getvalue())})  # last
    return with_inferred_documents(corpus, folder, config.augment)


def infer(corpus: Corpus, base_run: Path, stop: StopFlag) -> tuple[Documents, list[dict[str, Any]]]:
    """What the model of the run `base_run` predicts for all that its training documents imply.

    Documents, and a row of inferred.csv for each. Raises SettingError where that run cannot be asked, or was trained
    on other documents than those of `corpus`.
    """
    trained = load_trained_model(base_run).trained
    if read_identity(base_run).world != corpus.digest():
        raise SettingError(f"train.augment: {base_run} was trained on other documents, which this run must not see")
    if trained.corpus.inferences is None:
        raise SettingError(f"train.augment: nothing can be inferred from the documents of {base_run}")
    questions = trained.corpus.inferences()
    method, k = InContext(0), int(questions.cloze.size.max())
    names, rows = [], []
    for chunk in in_chunks(questions):
        stop.check()
        predictions, _ = predict(trained, method, apply_prompt(trained, method, chunk))
        if predictions is None:
            raise SettingError(f"train.augment: the model of {base_run} cannot be asked what its documents imply")
        names.append(np.pad(predictions, ((0, 0), (0, k - predictions.shape[1]))))  # [q, k]
        rows += inferred_rows(trained, chunk, predictions)
    documents, _ = fill_in(questions.cloze, np.concatenate(names))
    return documents, rows


def inferred_rows(trained: TrainedModel, questions: Questions, predictions: np.ndarray) -> list[dict[str, Any]]:
    """The rows of inferred.csv: each question, its answer and the prediction."""
    corpus = trained.corpus
    is_correct = exact_match(corpus.entities, questions, predictions)
    return [
        {
            "question": render_question(corpus, questions.cloze, i),
            "answer": render_accepted(corpus, questions.accepted[i]),
            "prediction": render_name(corpus, predictions[i]),
            "correct": int(is_correct[i]),
        }
        for i in range(len(questions))
    ]


def inferred_counts(folder: Path) -> dict[str, int]:
    """How many statements were inferred (`count`), and how many of them are `correct`."""
    counts = read_json(folder / "inferred.json")
    return {name: counts[name] for name in ("count", "correct")}
