"""A corpus as files that any other code can train on: `python -m tasks export TASK --out DIR`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from config.terminal import say
from config.validation import require, require_seed
from tasks.corpus import ROLE_NAMES, Corpus, Documents, Questions

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Export(Generic[Settings]):
    """Write documents.jsonl, questions.jsonl and vocabulary.json."""

    task: Settings
    """settings of the task"""
    out: Path
    """folder to write to; it is made where it is missing"""
    seed: int = 0
    """draws the world"""
    overwrite: bool = False
    """replace files of these names"""

    def __post_init__(self):
        require_seed(self.seed)

    def run(self) -> None:
        """Writes the files, and prints what a person should know. Raises SettingError where one may not be replaced."""
        corpus = self.task.build(self.seed)
        write_files(corpus, self.out, self.overwrite)
        for note in corpus.notes():
            say(note)
        questions = sum(map(len, corpus.questions.values()))
        print(f"{len(corpus.documents)} documents, {questions} questions: {self.out}/")


def write_files(corpus: Corpus, out: Path, overwrite: bool) -> None:
    """Writes the three files into `out`. Raises SettingError where one exists and may not be replaced."""
    vocabulary = {"words": corpus.vocabulary.words, "relations": corpus.relations}
    files = {
        "documents.jsonl": json_lines(document_rows(corpus)),
        "questions.jsonl": json_lines(question_rows(corpus)),
        "vocabulary.json": [json.dumps(vocabulary, indent=1)],
    }
    existing = [name for name in files if (out / name).exists()]
    require(overwrite or not existing, "out", str(out), f"without {', '.join(existing)} (--overwrite replaces)")
    out.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        with open(out / name, "w", encoding="utf-8") as file:
            file.writelines(lines)


def json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    return (json.dumps(row) + "\n" for row in rows)


def document_rows(corpus: Corpus) -> Iterator[dict[str, Any]]:
    """One row a training document."""
    return (document_row(corpus, corpus.documents, i) for i in range(len(corpus.documents)))


def document_row(corpus: Corpus, documents: Documents, i: int) -> dict[str, Any]:
    """Tokens of document i as symbols and ids, and the role of each: source, relation, target or null."""
    n = documents.lengths[i]
    tokens, roles = documents.tokens[i, :n].tolist(), documents.roles[i, :n].tolist()
    return {
        "symbols": [corpus.vocabulary.words[token] for token in tokens],
        "tokens": tokens,
        "roles": [ROLE_NAMES.get(role) for role in roles],
    }


def question_rows(corpus: Corpus) -> Iterator[dict[str, Any]]:
    """One row a question."""
    for split, questions in corpus.questions.items():
        for i in range(len(questions)):
            yield {"split": split, **question_row(corpus, questions, i)}


def question_row(corpus: Corpus, questions: Questions, i: int) -> dict[str, Any]:
    """Question i, with [mask] in its open span.

    `answers`: whole names. `support_documents`: for each premise, the documents, counted from 0, that state it.
    """
    cloze, has_premise = questions.cloze, questions.premises[i] >= 0
    accepted = [int(entity) for entity in questions.accepted[i] if entity >= 0]
    return {
        **document_row(corpus, cloze.documents, i),
        "answer_start": int(cloze.start[i]),
        "answer_size": int(cloze.size[i]),
        "answers": [answer_row(corpus, entity) for entity in accepted],
        "support_documents": [
            [int(row) for row in rows if row >= 0] for rows in questions.support_documents[i][has_premise]
        ],
    }


def answer_row(corpus: Corpus, entity: int) -> dict[str, Any]:
    tokens = corpus.entities.tokens[entity, : corpus.entities.lengths[entity]].tolist()
    return {"entity": corpus.entities.names[entity], "tokens": tokens}
