"""A corpus as files that any other code can train on: `python -m tasks export TASK --out DIR`.

With its README.md, a dataset card, the folder is a dataset of Hugging Face: `load_dataset(DIR, "documents")`.
"""

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
    """Write documents.jsonl, questions.jsonl and vocabulary.json, and README.md for `datasets` of Hugging Face."""

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
        write_files(corpus, self.out, self.overwrite, f"{type(self.task).__name__}, seed {self.seed}")
        for note in corpus.notes():
            say(note)
        questions = sum(map(len, corpus.questions.values()))
        print(f"{len(corpus.documents)} documents, {questions} questions: {self.out}/")


def write_files(corpus: Corpus, out: Path, overwrite: bool, title: str = "A world of facts") -> None:
    """Writes the four files into `out`. Raises SettingError where one exists and may not be replaced."""
    vocabulary = {"words": corpus.vocabulary.words, "relations": corpus.relations}
    files = {
        "documents.jsonl": json_lines(document_rows(corpus)),
        "questions.jsonl": json_lines(question_rows(corpus)),
        "vocabulary.json": [json.dumps(vocabulary, indent=1)],
        "README.md": [dataset_card(corpus, title, out)],
    }
    existing = [name for name in files if (out / name).exists()]
    require(overwrite or not existing, "out", str(out), f"without {', '.join(existing)} (--overwrite replaces)")
    out.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        with open(out / name, "w", encoding="utf-8") as file:
            file.writelines(lines)


def dataset_card(corpus: Corpus, title: str, out: Path) -> str:
    """README.md: which file `datasets` reads by which name, and what a row holds."""
    questions = {split: len(questions) for split, questions in corpus.questions.items()}
    counts = ", ".join(f"{split} {count:,}" for split, count in questions.items())
    return f"""---
configs:
- config_name: documents
  default: true
  data_files:
  - split: train
    path: documents.jsonl
- config_name: questions
  data_files:
  - split: test
    path: questions.jsonl
---

# {title}

A world of facts: {len(corpus.documents):,} documents to train on, and {sum(questions.values()):,} questions.
Both files have a line of JSON each row, and vocabulary.json has the words by token id.

```python
from datasets import load_dataset
documents, questions = (load_dataset({str(out)!r}, name) for name in ("documents", "questions"))
```

| column | of | what it holds |
|---|---|---|
| symbols | both | the words |
| tokens | both | their ids |
| roles | both | source, relation or target of a fact; null: none of them |
| split | questions | what is asked ({counts}) |
| answer_start, answer_size | questions | the open span, which holds [mask] |
| answers | questions | the right names, each with its tokens |
| support_documents | questions | for each premise, the rows of documents that state it, counted from 0 |
"""


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
