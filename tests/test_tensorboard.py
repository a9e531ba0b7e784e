"""TensorBoard, started as a user starts it on a tiny run, serves all that a run shows."""

import contextlib
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
from tensorboard.plugins.custom_scalar import layout_pb2

from checkpoints.record import read_metrics
from eval.evaluate import predict_split
from eval.methods.chain_of_thought import ChainOfThought
from eval.trained_model import TrainedModel, load_trained_model
from model.config import ModelConfig
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.common.statements import DocumentConfig
from tasks.reversal import Reversal
from tasks.triples import Triples
from tasks.vocabulary import Vocabulary
from tests.examples import corpus, modules
from tests.running import HOUSE, tiny
from train.attention_maps import attention_maps, attention_of, draw_heads
from train.config import RunConfig, TrainConfig
from train.projector import entity_rows
from train.run import train_run
from train.text_tables import escape_markdown, table

TENSORBOARD = [sys.executable, "-m", "tensorboard.main", "--host", "localhost", "--port", "0"]


@pytest.fixture(scope="module")
def get(tmp_path_factory):
    """Reads from TensorBoard's HTTP interface, which serves one tiny run."""
    root = tmp_path_factory.mktemp("runs")
    world = Reversal(entities=12, relations=2, one_way=4, documents=DocumentConfig(copies=2))
    train = TrainConfig(steps=12, warmup=2, batch=8, log_every=3, evaluate_every=6)
    train_run(RunConfig(world, Masked(), ModelConfig(width=16), train), "shown", root=root)
    with served([*TENSORBOARD, "--logdir", str(root)]) as read:
        yield lambda path, **query: read(f"data/{path}", **query)


@contextlib.contextmanager
def served(command):
    """Starts a server of TensorBoard, and yields what reads from it."""
    server = subprocess.Popen(command, cwd=HOUSE, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if match := re.search(r"at (http://localhost:\d+)", line):
                address = match[1]
                break

        def read(path: str, **query: str) -> bytes:
            with urllib.request.urlopen(f"{address}/{path}?{urllib.parse.urlencode(query)}", timeout=30) as response:
                return response.read()

        yield read
    finally:
        server.terminate()
        server.wait()


RUN = "shown/tensorboard"


def test_there_is_one_run_and_no_sub_run(get):
    assert json.loads(get("runs")) == [RUN]


def test_scalars_are_in_per_cent_and_what_matters_comes_first(get):
    tags = json.loads(get("plugin/scalars/tags"))[RUN]
    groups = list(dict.fromkeys(tag.partition("/")[0] for tag in sorted(tags)))
    assert groups == ["accuracy, %", "every split, %", "final, %", "log-probability, nats", "training"]
    assert [tag for tag in sorted(tags) if tag.startswith("acc")] == ["accuracy, %/as stated", "accuracy, %/held out"]
    training = {tag.removeprefix("training/") for tag in tags if tag.startswith("training/")}
    assert training == {"loss, nats", "learning rate", "gradient norm", "documents a second", "targets a second"}
    for split in ("forward", "backward", "inverse", "wrong_frame"):
        assert {f"every split, %/{split}", f"final, %/{split}", f"log-probability, nats/{split}"} <= tags.keys()


def test_scalars_are_those_of_the_record(tmp_path):
    train_run(tiny(world={"one_way": 8}, steps=8), "run", root=tmp_path)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    record = [entry for entry in read_metrics(tmp_path / "run") if entry["kind"] == "evaluation"]
    for tag, split in (("accuracy, %/as stated", "forward"), ("accuracy, %/held out", "inverse")):
        shown = [(event.step, round(event.value, 3)) for event in events.Scalars(tag)]
        assert shown == [(entry["step"], round(100 * entry["splits"][split]["accuracy"], 3)) for entry in record]


def test_three_charts_a_line_a_run_twice_and_the_gap_between_them(get):
    (category,) = json.loads(get("plugin/custom_scalars/layout"))["category"]
    lines = {chart["title"]: chart["multiline"]["tag"] for chart in category["chart"] if "multiline" in chart}
    assert list(lines) == ["facts as stated, a line a run", "held-out facts, a line a run"]
    gap = category["chart"][2]["margin"]["series"][0]
    assert gap == {"value": gap["upper"], "lower": "accuracy, %/held out", "upper": "accuracy, %/as stated"}
    tags = json.loads(get("plugin/scalars/tags"))[RUN]
    assert {gap["lower"], gap["upper"]} <= tags.keys()
    for title, (pattern,) in lines.items():
        matching = [tag for tag in tags if re.match(pattern, tag)]
        assert matching == [gap["lower"] if "held-out" in title else gap["upper"]]


def test_accuracy_in_context_has_a_chart_where_a_run_trains_for_it(tmp_path):
    train_run(tiny(world=EPISODES), "run", root=tmp_path)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    layout = layout_pb2.Layout()
    layout.ParseFromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    in_context = layout.category[1].chart[0].multiline.tag[0]
    assert [tag for tag in events.Tags()["scalars"] if re.match(in_context, tag)] == [
        "accuracy, %/held out, in context"
    ]


def test_questions_and_predictions_are_a_table(get):
    texts = json.loads(get("plugin/text/text", tag="closed book/text_summary", run=RUN))
    assert "<table>" in texts[0]["text"]
    assert "teacher-of" in html.unescape(texts[0]["text"])
    splits = re.findall(r"<tr>\n<td>(\w+)</td>", html.unescape(texts[0]["text"]))
    assert list(dict.fromkeys(splits)) == ["inverse", "forward", "backward", "wrong_frame"]


def test_attention_maps_are_images(get):
    entries = json.loads(get("plugin/images/images", tag="attention, layer by head/inverse", run=RUN, sample="0"))
    image = get("plugin/images/individualImage", **dict(urllib.parse.parse_qsl(entries[0]["query"])))
    assert image.startswith(b"\x89PNG")


def test_attention_is_shown_only_of_questions_that_can_be_asked():
    world = corpus()
    trained = TrainedModel(world, Causal(), modules(Causal(), world))
    shown = {
        split: attention_maps(trained, questions[:1].cloze, "") is not None
        for split, questions in world.questions.items()
    }
    assert shown == {"forward": True, "backward": False, "inverse": True, "wrong_frame": True}


def test_entities_are_in_the_projector_by_name(get):
    assert json.loads(get("plugin/projector/runs")) == [RUN]
    info = json.loads(get("plugin/projector/info", run=RUN))
    name = info["embeddings"][0]["tensorName"]
    head, *rows = get("plugin/projector/metadata", run=RUN, name=name).decode().splitlines()
    assert head == "name\tkind"
    assert len(rows) == info["embeddings"][0]["tensorShape"][0] == 12


def test_entities_of_own_facts_have_kinds():
    kinds = dict(entity_rows(Triples().build(0)))
    assert kinds["Paris"] == "capital-of"
    assert kinds["France"] == "has-capital, has-code"
    assert kinds["FR"] == "code-of"
    assert {kinds["Fe"], kinds["iron"]} == {"symbol-of", "has-symbol"}


def test_settings_are_shown_beside_final_accuracies(get):
    request = {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
               "colParams": [], "startIndex": 0, "sliceSize": 10}  # fmt: skip
    groups = json.loads(get("plugin/hparams/session_groups", request=json.dumps(request)))["sessionGroups"]
    assert len(groups) == 1
    assert groups[0]["hparams"]["objective.name"] == "masked"
    assert groups[0]["hparams"]["task.documents.copies"] == 2
    assert {"final, %/forward", "final, %/inverse"} <= {value["name"]["tag"] for value in groups[0]["metricValues"]}


def test_settings_that_differ_come_first(tmp_path):
    for name, config in {"a": tiny(), "b": tiny(network={"depth": 2})}.items():
        train_run(config, name, root=tmp_path)
    command = [
        sys.executable,
        "-m",
        "tensorboard.main",
        "--logdir",
        str(tmp_path),
        "--host",
        "localhost",
        "--port",
        "0",
    ]
    with served(command) as read:
        request = json.dumps({"experimentName": "", "hparamsLimit": 5})
        infos = json.loads(read("data/plugin/hparams/experiment", request=request))["hparamInfos"]
    assert [info["name"] for info in infos if info.get("differs")] == ["model.depth"]
    assert infos[0]["name"] == "model.depth"


EPISODES = {"one_way": 8, "episodes.share": 0.5}
CHAINS = {"chain_of_thought.rl_share": 0.5, "chain_of_thought.copies": 1}


def test_prompts_and_chains_of_thought_are_shown_where_a_model_was_trained_for_them(tmp_path):
    plain = text_tables(tiny(world={"one_way": 8}), tmp_path, "plain")
    assert set(plain) == {"closed book"}
    episodes = text_tables(tiny(world=EPISODES), tmp_path, "episodes")
    assert set(episodes) == {"closed book", "in context", "lexical retrieval"}
    chains = text_tables(tiny(world=EPISODES | CHAINS), tmp_path, "chains")
    assert set(chains) == {"closed book", "in context", "lexical retrieval", "chain of thought"}
    questions = {tag: [row.split("|")[2] for row in text.splitlines()[4:]] for tag, text in chains.items()}
    assert not any("<br>" in question for question in questions["closed book"])
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
    assert ["[begin]", *words] == row["question"].split()


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
    for rows, columns in (([row, row | predicted], 5), ([row | predicted, row | predicted | {"rank": 2}], 6)):
        _, _, *lines = table(rows).splitlines()
        assert {line.count("|") for line in lines} == {columns + 1}
        assert ("rank" in lines[0]) == (columns == 6)
        assert all("a <br> b" in line for line in lines[2:])
        assert "separator" in lines[-1].split("|")[4]  # a prediction is data


def test_what_cannot_be_asked_takes_one_line():
    row = {"split": "backward", "query_mode": "as-trained", "question": "_ r b", "answer": "a"}
    assert table([row] * 5).count("cannot be asked") == 1


def test_several_right_answers_are_one_cell():
    row = {"split": "inverse", "query_mode": "as-trained", "question": "a r _", "answer": "b | c"}
    shown = markdown_to_safe_html(
        table([row | {"prediction": "c", "correct": 1, "log_prob": math.log(0.5), "rank": 1}])
    )
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*)</td>", shown)]
    assert cells == ["inverse", "a r _", "b | c", "✓ c", "50.0 %", "1"]


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
    figure = attention_maps(trained, world.questions["inverse"][:1].cloze, "$x^$")
    figure.savefig(image)  # raises where a name is read as a formula
    assert image.getvalue()


def test_the_rows_that_predict_are_framed():
    world = corpus()
    cloze = world.questions["inverse"][:1].cloze
    for objective, offset in ((Causal(), -1), (Masked(), 0)):
        trained = TrainedModel(world, objective, modules(objective, world))
        attention = attention_of(trained, cloze)
        assert attention.asked == cloze.start[0] + offset
        frames = draw_heads(attention, "").axes[0].patches
        heads = len(attention.weights) * len(attention.weights[0])
        rows = [frame.get_y() + 0.5 for frame in frames if frame.get_height() == 1]
        assert len(rows) == heads
        assert attention.asked in rows
