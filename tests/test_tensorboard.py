"""TensorBoard, started as a user starts it on a tiny run, serves all that a run shows."""

import html
import io
import json
import math
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugin_util import markdown_to_safe_html

from eval.evaluate import predict_split
from eval.methods.chain_of_thought import ChainOfThought
from eval.trained_model import TrainedModel, load_trained_model
from model.config import ModelConfig
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.common.statements import DocumentConfig
from tasks.reversal import Reversal
from tasks.vocabulary import Vocabulary
from tests.examples import corpus, modules
from tests.running import tiny
from train.attention_maps import attention_maps
from train.config import RunConfig, TrainConfig
from train.run import train_run
from train.tensorboard import escape_markdown, table


@pytest.fixture(scope="module")
def get(tmp_path_factory):
    """Reads from TensorBoard's HTTP interface, which serves one tiny run."""
    root = tmp_path_factory.mktemp("runs")
    world = Reversal(entities=12, relations=2, one_way=4, documents=DocumentConfig(copies=2))
    train = TrainConfig(steps=12, warmup=2, batch=8, log_every=3, evaluate_every=6)
    train_run(RunConfig(world, Masked(), ModelConfig(width=16), train), "shown", root=root)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(root), "--host", "localhost", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if match := re.search(r"at (http://localhost:\d+)", line):
                address = match[1]
                break

        def read(path: str, **query: str) -> bytes:
            with urllib.request.urlopen(
                f"{address}/data/{path}?{urllib.parse.urlencode(query)}", timeout=30
            ) as response:
                return response.read()

        yield read
    finally:
        server.kill()
        server.wait()


RUN = "shown/tensorboard"


def test_there_is_one_run_and_no_sub_run(get):
    assert json.loads(get("runs")) == [RUN]


def test_scalars(get):
    tags = json.loads(get("plugin/scalars/tags"))[RUN]
    for tag in ("loss", "learning_rate", "gradient_norm", "documents_per_second", "targets_per_second"):
        assert tag in tags
    for split in ("forward", "backward", "inverse", "wrong_frame"):
        assert f"accuracy/{split}" in tags
    points = json.loads(get("plugin/scalars/scalars", tag="accuracy/forward", run=RUN))
    assert [step for _, step, _ in points] == [0, 6, 12]


def test_forward_and_inverse_are_in_one_chart(get):
    layout = json.loads(get("plugin/custom_scalars/layout"))
    assert layout["category"][0]["title"] == "stated and held out"
    chart = layout["category"][0]["chart"][0]
    assert chart["multiline"]["tag"] == ["accuracy/forward", "accuracy/inverse"]


def test_questions_and_predictions_are_a_table(get):
    texts = json.loads(get("plugin/text/text", tag="questions/text_summary", run=RUN))
    assert "<table>" in texts[0]["text"]
    assert "teacher-of" in html.unescape(texts[0]["text"])


def test_attention_maps_are_images(get):
    entries = json.loads(get("plugin/images/images", tag="attention/inverse", run=RUN, sample="0"))
    image = get("plugin/images/individualImage", **dict(urllib.parse.parse_qsl(entries[0]["query"])))
    assert image.startswith(b"\x89PNG")


def test_attention_is_shown_only_of_questions_that_can_be_asked():
    world = corpus()
    trained = TrainedModel(world, Causal(), modules(Causal(), world))
    shown = {
        split: attention_maps(trained, questions[:1].cloze) is not None for split, questions in world.questions.items()
    }
    assert shown == {"forward": True, "backward": False, "inverse": True, "wrong_frame": True}


def test_entities_are_in_the_projector_by_name(get):
    assert json.loads(get("plugin/projector/runs")) == [RUN]
    info = json.loads(get("plugin/projector/info", run=RUN))
    name = info["embeddings"][0]["tensorName"]
    names = get("plugin/projector/metadata", run=RUN, name=name).decode().split()
    assert len(names) == info["embeddings"][0]["tensorShape"][0] == 12


def test_settings_are_shown_beside_final_accuracies(get):
    request = {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
               "colParams": [], "startIndex": 0, "sliceSize": 10}  # fmt: skip
    groups = json.loads(get("plugin/hparams/session_groups", request=json.dumps(request)))["sessionGroups"]
    assert len(groups) == 1
    assert groups[0]["hparams"]["objective.name"] == "masked"
    assert groups[0]["hparams"]["task.documents.copies"] == 2
    assert {"final/forward", "final/inverse"} <= {value["name"]["tag"] for value in groups[0]["metricValues"]}


EPISODES = {"one_way": 8, "episodes.share": 0.5}
CHAINS = {"chain_of_thought.rl_share": 0.5, "chain_of_thought.copies": 1}


def test_prompts_and_chains_of_thought_are_shown_where_a_model_was_trained_for_them(tmp_path):
    plain = text_tables(tiny(world={"one_way": 8}), tmp_path, "plain")
    assert set(plain) == {"questions"}
    episodes = text_tables(tiny(world=EPISODES), tmp_path, "episodes")
    assert set(episodes) == {"questions", "in context", "lexical retrieval"}
    chains = text_tables(tiny(world=EPISODES | CHAINS), tmp_path, "chains")
    assert set(chains) == {"questions", "in context", "lexical retrieval", "chain of thought"}
    questions = {tag: [row.split("|")[2] for row in text.splitlines()[2:]] for tag, text in chains.items()}
    assert not any("<br>" in question for question in questions["questions"])
    assert all("<br>" in question for tag in ("in context", "lexical retrieval") for question in questions[tag])
    # Each statement is on a line of its own.
    assert not any("separator" in question for question in questions["in context"])
    assert "<br>" in markdown_to_safe_html(chains["in context"])


def test_a_chain_of_thought_is_shown_between_its_question_and_the_question_again(tmp_path):
    shown = text_tables(tiny(world=EPISODES | CHAINS), tmp_path, "run")["chain of thought"]
    trained = load_trained_model(tmp_path / "run").trained
    (row,) = predict_split(trained, ChainOfThought(), trained.corpus.questions["inverse"][:1], lambda: None)
    first = next(line for line in shown.splitlines() if line.startswith("| inverse |"))
    words = html.unescape(first.split("|")[2].replace("<br>", " [separator] ")).split()
    assert words == row["question"].split()


def text_tables(config, root, name) -> dict[str, str]:
    """The tables of a run's TensorBoard folder, by name."""
    train_run(config, name, root=root)
    events = EventAccumulator(str(root / name / "tensorboard")).Reload()
    suffix = "/text_summary"
    tags = [tag for tag in events.Tags()["tensors"] if tag.endswith(suffix)]
    values = {tag.removesuffix(suffix): events.Tensors(tag)[0].tensor_proto.string_val[0] for tag in tags}
    return {tag: text.decode() for tag, text in values.items()}


def test_a_table_has_a_column_for_ranks_only_where_there_are_any():
    predicted = {"prediction": "[separator]", "correct": False, "log_prob": -1.0}
    row = {"split": "inverse", "query_mode": "as-trained", "question": "[begin] a [separator] b _", "answer": "c"}
    for rows, columns in (([row, row | predicted], 6), ([row, row | predicted | {"rank": 2}, row | predicted], 7)):
        lines = table(rows).splitlines()
        assert {line.count("|") for line in lines} == {columns + 1}
        assert ("rank" in lines[0]) == (columns == 7)
        assert all("a <br> b" in line for line in lines[2:])
        assert "separator" in lines[-1].split("|")[4]  # a prediction is data


def test_several_right_answers_are_one_cell():
    row = {"split": "inverse", "query_mode": "as-trained", "question": "a r _", "answer": "b | c"}
    shown = markdown_to_safe_html(
        table([row | {"prediction": "c", "correct": 1, "log_prob": math.log(0.5), "rank": 1}])
    )
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*)</td>", shown)]
    assert cells == ["inverse", "a r _", "b | c", "c", "yes", "50.0 %", "1"]


@pytest.mark.parametrize(
    "name",
    ["a|b", "<script>", "*bold*", "_x_", "[a](b)", "back\\slash", "`code`", "&lt;", "~a~", "http://a.b", "# 東京"],
)
def test_names_are_data_to_markdown(name):
    shown = markdown_to_safe_html(f"| name |\n| --- |\n| {escape_markdown(name)} |")
    (cell,) = re.findall(r"<td>(.*)</td>", shown)
    assert html.unescape(cell) == name


def test_names_are_data_to_figures():
    world = corpus()
    words = tuple(f"${word}^$" if word in world.entities.names else word for word in world.vocabulary.words)
    trained = TrainedModel(replace(world, vocabulary=Vocabulary(words)), Causal(), modules(Causal(), world))
    image = io.BytesIO()
    figure = attention_maps(trained, world.questions["inverse"][:1].cloze)
    figure.savefig(image)  # raises where a name is read as a formula
    assert image.getvalue()
