"""Augmentation: what a trained model infers in context from its training documents becomes training documents.

Each statement turned round, each conclusion of statements that belong together: the model is asked with them in its
prompt, and what it says is told, right or wrong (Lampinen et al. 2025a, 2505.00661). What is given: which statements
belong together, which stand in a prompt with nothing else, and, for a conclusion, in which words it is asked. No
answer is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from checkpoints.config import read_json
from checkpoints.folder import as_csv, write_json, write_text
from eval.score import chunks, entity_text, given, reply, right, text
from eval.trained import INFERRED, read_trained, with_inferred
from eval.ways.in_context import InContext
from model.objectives.batch import fill
from tasks.corpus import Corpus, Documents
from tasks.settings import SettingError


def augmented(corpus: Corpus, origin: Path, times: int, folder: Path, check: Callable[[], None]) -> Corpus:
    """The corpus with what the run `origin` infers, each statement `times` times. It is drawn once: inferred.npz in
    `folder` holds it for when the run is resumed, inferred.csv shows it, inferred.json counts what was right."""
    if not (folder / INFERRED).exists():
        documents, rows = infer(corpus, origin, check)
        write_text(folder / "inferred.csv", as_csv(rows))
        write_json(folder / "inferred.json", {"count": len(rows), "right": sum(row["correct"] for row in rows)})
        beside = folder / ".inferred.npz"
        np.savez(beside, tokens=documents.tokens, lengths=documents.lengths, roles=documents.roles)
        beside.replace(folder / INFERRED)
    return with_inferred(corpus, folder, times)


def infer(corpus: Corpus, origin: Path, check: Callable[[], None]) -> tuple[Documents, list[dict[str, Any]]]:
    """What the model of a run says when it is asked all that its training documents bear on: documents, and a row for
    each of them."""
    trained, _ = read_trained(origin)
    if read_json(origin / "environment.json").get("world") != corpus.digest():
        raise SettingError(f"train.augment: {origin} was trained on other documents, which tell what this run may not")
    if trained.corpus.inferences is None:
        raise SettingError(f"train.augment: nothing can be inferred from the documents of {origin}")
    questions = trained.corpus.inferences()
    way, k, names, rows = InContext(0), int(questions.size.max()), [], []
    for chunk in chunks(questions):
        check()
        said, _ = reply(trained, way, given(trained, way, chunk))
        if said is None:
            raise SettingError(f"train.augment: the model of {origin} cannot be asked what its documents bear on")
        names.append(np.pad(said, ((0, 0), (0, k - said.shape[1]))))
        rows += [
            {
                "question": text(trained.corpus, chunk, i),
                "answer": trained.corpus.entities.words[chunk.accepted[i, 0]],
                "said": entity_text(trained.corpus, said[i]),
                "correct": int(hit),
            }
            for i, hit in enumerate(right(trained.corpus, chunk, said))
        ]
    documents, _ = fill(questions, np.concatenate(names))
    return documents, rows


def counted(folder: Path) -> dict[str, Any]:
    """For result.json: how many statements were inferred, and how many of them are right."""
    return {"inferred": read_json(folder / "inferred.json")}
