"""An exported corpus is the corpus: other code can read it back, token by token."""

import json

import numpy as np
import pytest

from tasks import TASKS
from tasks.__main__ import main
from tasks.corpus import ROLES
from tasks.vocabulary import MASK

SMALL_WORLDS = {
    "reversal": {"entities": 12, "relations": 2, "one_way": 4, "longest_name": 2, "renderings": 2},
    "syllogism": {"chains": 12, "longest_name": 2, "renderings": 2},
    "codebook": {"books": 4, "symbols": 6, "length": 2, "one_way": 2, "encodings": 4, "asked": 20, "renderings": 2},
    "hierarchy": {"trees": 4, "branching": 2, "longest_name": 2, "renderings": 2},
    "triples": {"one_way": 0.1, "renderings": 2},
}


def small(task: str) -> list[str]:
    """The small world's settings on the command line."""
    return [f"--task.{name.replace('_', '-')}={value}" for name, value in SMALL_WORLDS[task].items()]


SMALL = small("reversal")


@pytest.mark.parametrize("task", TASKS)
def test_what_is_exported_is_what_is_built(task, tmp_path):
    main(["export", task, "--out", str(tmp_path / "out"), "--seed", "3", *small(task)])
    corpus = TASKS[task](**SMALL_WORLDS[task]).build(3)
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

    questions = [json.loads(line) for line in (tmp_path / "out/questions.jsonl").read_text().splitlines()]
    for split, of in corpus.questions.items():
        own = [row for row in questions if row["split"] == split]
        assert len(own) == len(of)
        for i, row in enumerate(own):
            span = slice(row["answer_start"], row["answer_start"] + row["answer_size"])
            assert row["tokens"][span] == [MASK] * row["answer_size"]  # no question holds its answer
            assert MASK not in np.delete(row["tokens"], range(span.start, span.stop))
            answer = row["answers"][0]
            assert answer["entity"] == corpus.entities.words[of.accepted[i, 0]]
            assert "-".join(words[token] for token in answer["tokens"]) == answer["entity"]
            needed = of.needs[i] >= 0  # a list of documents for each fact
            assert row["support"] == [[d for d in rows if d >= 0] for rows in of.support[i][needed].tolist()]


def test_files_that_are_there_are_replaced_only_when_told(tmp_path, capsys):
    main(["export", "reversal", "--out", str(tmp_path), *SMALL])
    before = (tmp_path / "documents.jsonl").read_text()
    with pytest.raises(SystemExit) as ended:
        main(["export", "reversal", "--out", str(tmp_path), "--seed", "1", *SMALL])
    assert ended.value.code == 2
    assert "--overwrite replaces" in capsys.readouterr().err
    assert (tmp_path / "documents.jsonl").read_text() == before
    main(["export", "reversal", "--out", str(tmp_path), "--seed", "1", "--overwrite", *SMALL])
    assert (tmp_path / "documents.jsonl").read_text() != before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["export", "chess"], "task is 'chess', but must be one of"), ([], "python -m tasks export")],
)
def test_what_is_not_understood_says_what_is_allowed(arguments, says, capsys):
    if arguments:
        with pytest.raises(SystemExit):
            main(arguments)
    else:
        main(arguments)
    shown = capsys.readouterr()
    assert says in shown.out + shown.err
