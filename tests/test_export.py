"""An exported corpus is the corpus: other code can read it back, token by token."""

import json
import shlex

import numpy as np
import pytest

from tasks import TASKS
from tasks.__main__ import main
from tasks.corpus import ROLES
from tasks.vocabulary import MASK

SMALL = shlex.split("--task.entities 12 --task.relations 2 --task.one-way 4 --task.longest-name 2 --task.renderings 2")


@pytest.mark.parametrize("task", TASKS)
def test_what_is_exported_is_what_is_built(task, tmp_path):
    main(["export", task, "--out", str(tmp_path / "out"), "--seed", "3", *SMALL])
    corpus = TASKS[task](entities=12, relations=2, one_way=4, longest_name=2, renderings=2).build(3)
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
            assert row["support"] == of.support[i].tolist()


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
