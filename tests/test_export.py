"""An exported corpus is the corpus: other code can read it back, token by token."""

import json

import numpy as np
import pytest

from config.override import override
from tasks import TASKS
from tasks.__main__ import main
from tasks.corpus import ROLES
from tasks.vocabulary import MASK

SMALL_WORLDS = {
    "reversal": {"entities": 12, "relations": 2, "one_way": 4, "names.max_length": 2, "documents.copies": 2},
    "syllogism": {"chains": 12, "names.max_length": 2, "documents.copies": 2},
    "codebook": {
        "books": 4,
        "symbols": 6,
        "length": 2,
        "one_way": 2,
        "encodings": 4,
        "questions_per_split": 20,
        "documents.copies": 2,
    },
    "hierarchy": {"trees": 4, "branching": 2, "names.max_length": 2, "documents.copies": 2},
    "triples": {"one_way_share": 0.1, "documents.copies": 2},
}


def flags(settings: dict[str, object]) -> list[str]:
    """Settings of a task on the command line."""
    return [f"--task.{name.replace('_', '-')}={value}" for name, value in settings.items()]


SMALL = flags(SMALL_WORLDS["reversal"])


@pytest.mark.parametrize("task", TASKS)
def test_what_is_exported_is_what_is_built(task, tmp_path):
    main(["export", task, "--out", str(tmp_path / "out"), "--seed", "3", *flags(SMALL_WORLDS[task])])
    corpus = override(TASKS[task](), SMALL_WORLDS[task]).build(3)
    words = json.loads((tmp_path / "out/vocabulary.json").read_text())["words"]
    assert words == list(corpus.vocabulary.words)

    documents = [json.loads(line) for line in (tmp_path / "out/documents.jsonl").read_text().splitlines()]
    assert len(documents) == len(corpus.documents)
    for row, tokens, roles, n in zip(
        documents, corpus.documents.tokens, corpus.documents.roles, corpus.documents.lengths
    ):
        assert row["tokens"] == tokens[:n].tolist()
        assert row["symbols"] == [words[token] for token in row["tokens"]]
        assert [ROLES.get(role, 0) for role in row["roles"]] == roles[:n].tolist()

    exported = [json.loads(line) for line in (tmp_path / "out/questions.jsonl").read_text().splitlines()]
    for split, questions in corpus.questions.items():
        rows = [row for row in exported if row["split"] == split]
        assert len(rows) == len(questions)
        for i, row in enumerate(rows):
            span = slice(row["answer_start"], row["answer_start"] + row["answer_size"])
            assert row["tokens"][span] == [MASK] * row["answer_size"]  # no question holds its answer
            assert MASK not in np.delete(row["tokens"], range(span.start, span.stop))
            answer = row["answers"][0]
            assert answer["entity"] == corpus.entities.names[questions.accepted[i, 0]]
            assert "-".join(words[token] for token in answer["tokens"]) == answer["entity"]
            by_premise = questions.support_documents[i][questions.premises[i] >= 0].tolist()
            assert row["support_documents"] == [[document for document in rows if document >= 0] for rows in by_premise]


def test_files_that_exist_are_replaced_only_with_overwrite(tmp_path, capsys):
    main(["export", "reversal", "--out", str(tmp_path), *SMALL])
    before = (tmp_path / "documents.jsonl").read_text()
    with pytest.raises(SystemExit) as refusal:
        main(["export", "reversal", "--out", str(tmp_path), "--seed", "1", *SMALL])
    assert refusal.value.code == 2
    assert "--overwrite replaces" in capsys.readouterr().err
    assert (tmp_path / "documents.jsonl").read_text() == before
    main(["export", "reversal", "--out", str(tmp_path), "--seed", "1", "--overwrite", *SMALL])
    assert (tmp_path / "documents.jsonl").read_text() != before


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["export", "-h"], ["show", "--help"]])
def test_both_commands_and_all_tasks_are_listed(arguments, capsys):
    main(arguments)
    listed = capsys.readouterr().out
    assert "python -m tasks show TASK" in listed
    assert "python -m tasks export TASK --out DIR" in listed
    assert all(task in listed for task in TASKS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "chess"], f"task is 'chess', but must be one of {', '.join(TASKS)}\n"),
        (["show", "chess"], f"task is 'chess', but must be one of {', '.join(TASKS)}\n"),
        (["show"], f"task is missing, but must be one of {', '.join(TASKS)}\n"),
        (["show", "reversl"], "hierarchy, triples; did you mean reversal?\n"),
        (["shwo", "reversal"], "command is 'shwo', but must be one of show, export; did you mean show?\n"),
        (["show", "reversal", "--task.entitis", "3"], "did you mean --task.entities?"),
        (["show", "reversal", "--task.entities", "2"], "task.entities is 2, but must be 3 or more"),
        (["show", "reversal", "--seed", "-1"], "seed is -1, but must be 0 to 4294967295"),
        (["show", "triples", "--task.file", "nowhere.csv"], "task.file is 'nowhere.csv', but must be a file that can"),
        (["export", "reversal"], "--out"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as refusal:
        main(arguments)
    assert refusal.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
