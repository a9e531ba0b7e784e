"""TensorBoard, started as a user starts it on a tiny run, serves what there is to look at."""

import html
import io
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugin_util import markdown_to_safe_html

from eval.score import records_of
from eval.trained import Trained, read_trained
from eval.ways.recall import Recall
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from tasks.reversal import Reversal
from tasks.vocabulary import Vocabulary
from tests.examples import corpus, modules
from tests.running import tiny
from train.run import train_run
from train.settings import Config, TrainSettings
from train.tensorboard import attention_maps, escaped, table


@pytest.fixture(scope="module")
def get(tmp_path_factory):
    """Reads from TensorBoard's HTTP interface, which serves one tiny run."""
    root = tmp_path_factory.mktemp("runs")
    world = Reversal(entities=12, relations=2, one_way=4, renderings=2)
    train = TrainSettings(steps=12, warmup=2, batch=8, log_every=3, evaluate_every=6)
    train_run(Config(world, Masked(), NetworkSettings(width=16), train), "shown", root=root)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(root), "--host", "localhost", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if found := re.search(r"at (http://localhost:\d+)", line):
                address = found[1]
                break

        def read(path: str, **query: str) -> bytes:
            with urllib.request.urlopen(f"{address}/data/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
                return answer.read()

        yield read
    finally:
        server.kill()
        server.wait()


RUN = "shown/tensorboard"


def test_there_is_one_run_and_no_stray_sub_run(get):
    assert json.loads(get("runs")) == [RUN]


def test_scalars(get):
    tags = json.loads(get("plugin/scalars/tags"))[RUN]
    for tag in ("loss", "learning_rate", "gradient_norm", "documents_per_second", "targets_per_second"):
        assert tag in tags
    for split in ("forward", "backward", "inverse", "wrong_frame"):
        assert f"accuracy/{split}" in tags
    points = json.loads(get("plugin/scalars/scalars", tag="accuracy/forward", run=RUN))
    assert [step for _, step, _ in points] == [0, 6, 12]


def test_forward_and_inverse_stand_in_one_chart(get):
    layout = json.loads(get("plugin/custom_scalars/layout"))
    chart = layout["category"][0]["chart"][0]
    assert chart["multiline"]["tag"] == ["accuracy/forward", "accuracy/inverse"]


def test_questions_and_answers_as_a_table(get):
    texts = json.loads(get("plugin/text/text", tag="questions/text_summary", run=RUN))
    assert "<table>" in texts[0]["text"]
    assert "teacher-of" in html.unescape(texts[0]["text"])


def test_attention_maps_are_pictures(get):
    entries = json.loads(get("plugin/images/images", tag="attention/inverse", run=RUN, sample="0"))
    picture = get("plugin/images/individualImage", **dict(urllib.parse.parse_qsl(entries[0]["query"])))
    assert picture.startswith(b"\x89PNG")


def test_attention_is_shown_of_what_can_be_asked_only():
    world = corpus()
    trained = Trained(world, Causal(), modules(Causal(), world))
    shown = {split: attention_maps(trained, of[:1]) is not None for split, of in world.questions.items()}
    assert shown == {"forward": True, "backward": False, "inverse": True, "wrong_frame": True}


def test_entities_stand_in_the_projector_by_name(get):
    assert json.loads(get("plugin/projector/runs")) == [RUN]
    info = json.loads(get("plugin/projector/info", run=RUN))
    name = info["embeddings"][0]["tensorName"]
    names = get("plugin/projector/metadata", run=RUN, name=name).decode().split()
    assert len(names) == info["embeddings"][0]["tensorShape"][0] == 12


def test_settings_stand_beside_final_accuracies(get):
    request = {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
               "colParams": [], "startIndex": 0, "sliceSize": 10}  # fmt: skip
    groups = json.loads(get("plugin/hparams/session_groups", request=json.dumps(request)))["sessionGroups"]
    assert len(groups) == 1
    assert groups[0]["hparams"]["objective.name"] == "masked"
    assert {"final/forward", "final/inverse"} <= {value["name"]["tag"] for value in groups[0]["metricValues"]}


def test_prompts_what_was_looked_up_and_thoughts_are_shown_where_a_model_was_trained_for_them(tmp_path):
    worlds = {"plain": {}, "prompted": {"in_context": 0.5}, "thinks": {"in_context": 0.5, "reward": 0.5, "thoughts": 1}}
    shown = {}
    for name, world in worlds.items():
        train_run(tiny(world=world | {"one_way": 8}), name, root=tmp_path)
        events = EventAccumulator(str(tmp_path / name / "tensorboard")).Reload()
        ends = "/text_summary"
        tags = [tag.removesuffix(ends) for tag in events.Tags()["tensors"] if tag.endswith(ends)]
        texts = {tag: events.Tensors(tag + ends)[0] for tag in tags}
        shown[name] = {tag: value.tensor_proto.string_val[0].decode() for tag, value in texts.items()}
    tables = [set(found) & {"questions", "in context", "lexical retrieval", "recall"} for found in shown.values()]
    assert tables[0] == {"questions"}
    assert tables[1] == {"questions", "in context", "lexical retrieval"}
    assert tables[2] == {"questions", "in context", "lexical retrieval", "recall"}
    asked = {tag: [row.split("|")[2] for row in shown["thinks"][tag].splitlines()[2:]] for tag in tables[2]}
    assert not any("<br>" in one for one in asked["questions"])
    assert all("<br>" in one for tag in ("in context", "lexical retrieval") for one in asked[tag])
    assert not any("separator" in one for one in asked["in context"])  # each statement on a line of its own
    assert "<br>" in markdown_to_safe_html(shown["thinks"]["in context"])
    # A thought stands behind the question that it is about, and before that question again.
    folder = tmp_path / "thinks"
    trained, _ = read_trained(folder)
    (thought,) = records_of(trained, Recall(), trained.corpus.questions["inverse"][:1], lambda: None)
    first = next(row for row in shown["thinks"]["recall"].splitlines() if row.startswith("| inverse |"))
    words = html.unescape(first.split("|")[2].replace("<br>", " [separator] ")).split()
    assert words == thought["question"].split()


def test_a_table_has_a_column_for_ranks_only_where_there_are_any():
    said = {"said": "[separator]", "correct": False, "log_probability": -1.0}
    row = {"split": "inverse", "asked": "as-trained", "question": "[begin] a [separator] b _", "answer": "c"}
    for rows, columns in (([row, row | said], 6), ([row, row | said | {"rank": 2}, row | said], 7)):
        lines = table(rows).splitlines()
        assert {line.count("|") for line in lines} == {columns + 1}
        assert ("rank" in lines[0]) == (columns == 7)
        assert all("a <br> b" in line for line in lines[2:])
        assert "separator" in lines[-1].split("|")[4]  # what was said is data


@pytest.mark.parametrize(
    "name",
    ["a|b", "<script>", "*bold*", "_x_", "[a](b)", "back\\slash", "`code`", "&lt;", "~a~", "http://a.b", "# 東京"],
)
def test_names_are_data_to_markdown(name):
    shown = markdown_to_safe_html(f"| name |\n| --- |\n| {escaped(name)} |")
    (cell,) = re.findall(r"<td>(.*)</td>", shown)
    assert html.unescape(cell) == name


def test_names_are_data_to_figures():
    world = corpus()
    words = tuple(f"${word}^$" if word in world.entities.words else word for word in world.vocabulary.words)
    trained = Trained(replace(world, vocabulary=Vocabulary(words)), Causal(), modules(Causal(), world))
    drawn = io.BytesIO()
    attention_maps(trained, world.questions["inverse"][:1]).savefig(drawn)  # raises where a name is read as a formula
    assert drawn.getvalue()
