"""`python -m tasks export TASK --out DIR`: a corpus as files that any other code can train on."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tasks import TASKS
from tasks.cli import parse, refusals, refuse, show_what_the_terminal_can
from tasks.corpus import ROLES, Corpus, Documents
from tasks.settings import require, require_seed

Settings = TypeVar("Settings")
ROLE_NAMES = {number: name for name, number in ROLES.items()}


@dataclass(frozen=True)
class Export(Generic[Settings]):
    """Write documents.jsonl, questions.jsonl and vocabulary.json."""

    task: Settings
    out: Path
    """folder to write to; it is made where it is missing"""
    seed: int = 0
    """draws the world"""
    overwrite: bool = False
    """replace files of these names"""

    def __post_init__(self):
        require_seed(self.seed)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["export", name, *rest] if name in TASKS:
            program = f"python -m tasks export {name}"
            given = parse(Export[TASKS[name]], rest, program)
            with refusals():
                export(given.task.build(given.seed), given.out, given.overwrite)
        case ["export", name, *_]:
            refuse(f"task is {name!r}, but must be one of {', '.join(TASKS)}")
        case [] | ["--help" | "-h"]:
            print(f"python -m tasks export TASK --out DIR [settings]      (TASK: {', '.join(TASKS)})")
        case _:
            refuse(f"command is {' '.join(arguments)!r}, but must be: export TASK --out DIR (TASK: {', '.join(TASKS)})")


def export(corpus: Corpus, out: Path, overwrite: bool) -> None:
    """Writes the three files into `out`. Raises SettingError where one is there and may not be replaced."""
    files = {
        "documents.jsonl": lines(documents(corpus)),
        "questions.jsonl": lines(questions(corpus)),
        "vocabulary.json": [json.dumps({"words": corpus.vocabulary.words, "relations": corpus.relations}, indent=1)],
    }
    taken = [name for name in files if (out / name).exists()]
    require(overwrite or not taken, "out", str(out), f"without {', '.join(taken)} (--overwrite replaces)")
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with open(out / name, "w", encoding="utf-8") as file:
            file.writelines(text)
    for note in corpus.notes():
        print(note, file=sys.stderr)
    print(f"{len(corpus.documents)} documents, {sum(map(len, corpus.questions.values()))} questions: {out}/")


def lines(rows: Iterable[dict[str, Any]]) -> Iterable[str]:
    return (json.dumps(row) + "\n" for row in rows)


def documents(corpus: Corpus) -> Iterable[dict[str, Any]]:
    return (document(corpus, corpus.documents, i) for i in range(len(corpus.documents)))


def document(corpus: Corpus, documents: Documents, i: int) -> dict[str, Any]:
    """Tokens of document i as symbols and ids, and the role of each: source, relation, target or null."""
    n = documents.lengths[i]
    tokens, roles = documents.tokens[i, :n].tolist(), documents.roles[i, :n].tolist()
    return {
        "symbols": [corpus.vocabulary.words[token] for token in tokens],
        "tokens": tokens,
        "roles": [ROLE_NAMES.get(role) for role in roles],
    }


def questions(corpus: Corpus) -> Iterable[dict[str, Any]]:
    """The open span holds [mask]; `answers` are whole names, `support` the documents, from 0, that hold each of the
    facts it follows from."""
    for split, of in corpus.questions.items():
        for i in range(len(of)):
            right = [entity for entity in of.accepted[i] if entity >= 0]
            names = [corpus.entities.tokens[e, : corpus.entities.lengths[e]].tolist() for e in right]
            yield {
                "split": split,
                **document(corpus, of.documents, i),
                "answer_start": int(of.start[i]),
                "answer_size": int(of.size[i]),
                "answers": [{"entity": corpus.entities.words[e], "tokens": n} for e, n in zip(right, names)],
                "support": [[int(row) for row in rows if row >= 0] for rows in of.support[i][of.needs[i] >= 0]],
            }


if __name__ == "__main__":
    show_what_the_terminal_can()
    main(sys.argv[1:])
