"""docs/python.md: every line of its Python runs, and shows what stands beside it; the fields of an export are all."""

import ast
import json
import re
import shlex

import pytest

from checkpoints.folder import run_folder
from config.validation import SettingError
from eval.interface import METHODS
from tasks.__main__ import main
from tests.test_house import MAX_WORDS, ROOT, count_words, sentences
from train import preset
from train.run import train_run

TEXT = (ROOT / "docs/python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
RESULT = re.compile(r"  # (torch\.Size\(.*|True)$")  # what an expression gives, beside it


@pytest.fixture(scope="module")
def namespace(tmp_path_factory):
    """The names that the page defines once all its lines ran, in a folder with its run and its export.

    The run has the world and the network of its name, and is trained for a few small steps.
    """
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("eval.runs.ROOT", folder / "checkpoints")
        patch.setattr(run_folder, "__defaults__", (folder / "checkpoints",))
        train_run(preset("causal", {"train.steps": 4, "train.batch": 8}), "causal-0")
        (command,) = re.findall(r"^```sh\npython -m tasks (.*)\n```", TEXT, re.MULTILINE)
        main(shlex.split(command))
        yield run_all(BLOCKS)


def run_all(blocks: list[str]) -> dict[str, object]:
    """Runs all statements, and asserts that an expression gives the result that stands beside it."""
    names: dict[str, object] = {"compared": 0}
    for block in blocks:
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            source = ast.unparse(statement)
            expected = RESULT.search(lines[statement.end_lineno - 1])
            if isinstance(statement, ast.Expr):
                value = eval(source, names)
                assert repr(value)
                assert expected is None or repr(value) == expected[1], source
                names["compared"] += expected is not None
            else:
                assert expected is None, "only an expression has a result"
                exec(source, names)
    return names


def test_every_line_runs_and_shows_what_stands_beside_it(namespace):
    assert namespace["compared"] >= 10
    assert namespace["mine"].folder.parent == namespace["run"].folder.parent
    assert namespace["run"].folder.parent.name == "checkpoints"
    assert namespace["mine"].step == 50


def test_a_wrong_result_beside_a_line_is_found():
    with pytest.raises(AssertionError):
        run_all(["x = 1\nx == 2  # True\n"])
    assert run_all(["x = 1\nx == 1  # True\n"])["compared"] == 1


def test_an_export_is_read_in_five_lines_of_plain_python(namespace):
    block = next(block for block in BLOCKS if "exported/" in block)
    lines = list(filter(None, block.splitlines()))
    assert len(lines) == 5
    assert [line for line in lines if line.startswith(("import", "from"))] == ["import json"]
    corpus = namespace["run"].trained.corpus
    assert namespace["words"] == list(corpus.vocabulary.words)
    assert len(namespace["documents"]) == len(corpus.documents)
    assert len(namespace["questions"]) == sum(map(len, corpus.questions.values()))
    for row in (namespace["documents"][7], namespace["questions"][7]):
        assert [namespace["words"][token] for token in row["tokens"]] == row["symbols"]


def test_every_field_of_an_export_is_in_its_table(namespace):
    vocabulary = json.loads((namespace["run"].folder.parent.parent / "exported/vocabulary.json").read_text())
    rows = {"documents.jsonl": namespace["documents"], "questions.jsonl": namespace["questions"]}
    for file, objects in (rows | {"vocabulary.json": [vocabulary]}).items():
        (table,) = re.findall(rf"^`{file}` (?:has|is).*?\n\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
        described = re.findall(r"^\| `(\w+)` ", table, re.MULTILINE)
        assert all(list(row) == described for row in objects)


def test_the_error_is_the_one_that_the_page_shows(namespace):
    with pytest.raises(SettingError) as refused:
        namespace["run"].ask("nobody teacher-of _")
    assert f"```text\n{refused.value}\n```" in TEXT


def test_every_method_is_in_its_table():
    table = TEXT.partition("| method |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE) == list(METHODS)


def test_a_question_has_the_fields_of_its_table(namespace):
    described = re.findall(r"^\| `(\w+)` \| ", TEXT.partition("| field of a question")[2].partition("\n\n")[0], re.M)
    assert list(vars(namespace["inverse"][0])) == described


def test_no_sentence_is_long():
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^[|#].*$", "", prose, flags=re.MULTILINE)
    assert not [sentence for sentence in sentences(prose) if count_words(sentence) > MAX_WORDS]
