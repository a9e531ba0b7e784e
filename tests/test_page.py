"""The page: its forward pass equals torch's, its answers those of `ask`, and names are never markup or script."""

import itertools
import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import page
from config.override import override
from config.validation import SettingError
from eval import load
from eval.methods.generate_and_verify import GenerateAndVerify
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.permuted import Permuted
from model.visibility import Visibility
from page.build import build, in_script
from page.charts import SHOWN, chart_of, published_of, specification
from page.contents import inverses, pack_run
from page.packing import FULL, SMALL, pack_weights, unpack_matrix
from tasks.triples import Triples
from tests import examples
from tests.running import tiny
from train.report.reading import read_results
from train.run import train_run

mini_racer = pytest.importorskip("py_mini_racer", reason="needs mini-racer (requirements-dev.txt)")
FOLDER = Path(page.__file__).parent
DOCS = FOLDER.parent / "docs"
TOKENS = [1, 20, 15, 13, 25, 14]
NETWORKS = list(
    itertools.product(
        ["rotary", "learned", "alibi", "relative", "none"],
        ["rms", "layer"],
        ["swiglu", "gelu"],
        [{"convolution": 1}, {"convolution": 5}, {"convolution": 4, "recurrence": 2}, {"tied": True, "bias": True}],
    )
)


class JavaScript:
    """The page's scripts in V8, without a browser."""

    def __init__(self, *files: str):
        self.context = mini_racer.MiniRacer()
        self.context.eval("\n".join((FOLDER / file).read_text() for file in files))

    def run(self, code: str) -> Any:
        return json.loads(self.context.eval(f"JSON.stringify({code})"))


@pytest.fixture(scope="module")
def javascript() -> JavaScript:
    return JavaScript("unpacking.js", "transformer.js", "asking.js")


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_the_forward_pass_is_that_of_torch(javascript, network):
    position, norm, feed_forward, further = network
    world = examples.corpus()
    settings = {"position": position, "norm": norm, "feed_forward": feed_forward, **further}
    torch_network = examples.modules(Causal(), world, **settings)["network"]
    with torch.no_grad():  # drawn biases are 0, and norms 1: they would hide a mistake
        for parameter in torch_network.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.linspace(-0.3, 0.3, len(parameter)))
    entries = pack_weights(dict(torch_network.named_parameters()), FULL)
    with torch.no_grad():  # the weights as float16 keeps them
        for name, parameter in torch_network.named_parameters():
            entry = next(entry for entry in entries if entry["name"] == name)
            parameter.copy_(torch.from_numpy(unpack_matrix(entry)).view(parameter.shape))
    config = json.dumps(asdict(torch_network.config))
    javascript.context.eval(f"network = new Transformer({config}, unpackWeights({json.dumps(entries)}))")
    for visibility in ("causal", "full"):
        weights: list[torch.Tensor] = []
        with torch.no_grad():
            hidden = torch_network(torch.tensor([TOKENS]), Visibility(visibility), attention_weights=weights)
            expected = torch_network.logits(hidden).log_softmax(-1)[0].numpy()
        javascript.context.eval(f"result = network.run({TOKENS}, '{visibility}')")
        log_probs = javascript.run("[0,1,2,3,4,5].map((i) => Array.from(network.logProbs(result.hidden, i)))")
        assert np.abs(np.array(log_probs) - expected).max() < 1e-4
        attention = javascript.run("result.attention.map((layer) => layer.map((head) => Array.from(head.data)))")
        assert np.abs(np.array(attention) - torch.cat(weights).flatten(2).numpy()).max() < 1e-4


@pytest.mark.parametrize("form", [FULL, SMALL])
def test_weights_come_out_as_python_unpacks_them(javascript, form):
    tensors = {
        "a": torch.randn(7, 5),
        "vector": torch.randn(6),
        "zero": torch.zeros(2, 3),
        "tiny": torch.full((1, 4), 1e-7),
    }
    entries = pack_weights(tensors, form)
    matrices = javascript.run(
        f"Object.values(unpackWeights({json.dumps(entries)})).map((m) => [m.shape, Array.from(m.data)])"
    )
    for entry, tensor, (shape, data) in zip(entries, tensors.values(), matrices):
        values = unpack_matrix(entry)
        assert shape == list(values.shape)
        assert np.allclose(np.reshape(data, shape), values, rtol=1e-6, atol=0)
        tolerance = {FULL: 1e-3, SMALL: 0.5 / 127 + 1e-3}[form] * float(tensor.abs().max()) + 1e-7
        assert np.abs(values - tensor.numpy().reshape(shape)).max() <= tolerance


# --- asking ---


RUNS = {
    "causal": tiny(Causal()),
    "masked": tiny(Masked()),
    "masked, causal visibility": tiny(Masked(visibility="causal")),
    "causal, two tokens": override(tiny(Causal()), {"task.names.min_length": 2, "task.names.max_length": 2}),
    "masked, one or two tokens": override(tiny(Masked()), {"task.names.max_length": 2}),
    "triples": replace(tiny(Masked()), task=Triples()),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


def trained(name: str, root: Path) -> Path:
    """The folder of one of RUNS."""
    folder = root / re.sub(r"\W+", "-", name)
    if not folder.exists():
        train_run(RUNS[name], folder.name, root=root)
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_answers_are_those_of_ask(javascript, root, name):
    folder = trained(name, root)
    packed, world = pack_run(folder)
    javascript.context.eval(f"world = {json.dumps(world)}; model = new Model({json.dumps(packed)}, world)")
    run, names = load(folder), [entity["name"] for entity in world["entities"]]
    questions = world["questions"]["inverse"][:3]
    context = [world["statements"][:3], world["statements"][3:6]]
    typed = [" ".join((names[a], world["relations"][r]["word"], names[b])) for a, r, b in context]
    for i, question in enumerate(questions):
        for facts, texts in (([], []), (context, typed)):
            if facts and RUNS[name].model.position == "learned":
                continue
            answers = javascript.run(f"model.ask({json.dumps(question['asked'])}, {json.dumps(facts)})")
            expected = run.ask(run.questions["inverse"][i].text, context=texts)
            for answer, wanted in zip(answers, expected, strict=True):
                assert answer["probability"] == pytest.approx(wanted.probability, rel=2e-2, abs=1e-5)
            assert [names[answer["entity"]] for answer in answers][:1] == [expected[0].entity]


@pytest.mark.parametrize("name", ["causal", "masked", "triples"])
def test_trying_all_names_is_generate_and_verify(javascript, root, name):
    folder = trained(name, root)
    packed, world = pack_run(folder)
    javascript.context.eval(f"model = new Model({json.dumps(packed)}, {json.dumps(world)})")
    run = load(folder)
    questions = run.trained.corpus.questions["inverse"][:4]
    with torch.no_grad():
        expected = GenerateAndVerify().candidate_log_probs(run.trained, questions, run.trained.corpus.entities)
    for question, scores in zip(world["questions"]["inverse"][:4], expected):
        assert np.abs(np.array(javascript.run(f"model.verify({json.dumps(question['asked'])})")) - scores).max() < 2e-2


def test_a_causal_model_is_not_asked_what_stands_first(javascript, root):
    packed, world = pack_run(trained("causal", root))
    javascript.context.eval(f"model = new Model({json.dumps(packed)}, {json.dumps(world)})")
    assert javascript.run("[model.canAsk([0, 0, null]), model.canAsk([null, 0, 0])]") == [True, False]


def test_a_run_that_the_page_cannot_compute_is_named(root):
    train_run(tiny(Permuted()), "permuted", root=root)
    with pytest.raises(
        SettingError, match=r"permuted is 'permuted', but must be a run trained with .* causal or masked"
    ):
        pack_run(root / "permuted")


# --- the file ---


def write_table(folder: Path) -> dict[str, str]:
    """A table whose names would be markup, script, or the end of either, if they were not text."""
    names = [
        "<script>alert(1)</script>",
        "</script><b>",
        'a "quoted" & <img src=x onerror=y>',
        "שלום",
        "<!-- a",
        "x",
        "y",
        "z",
    ]
    rows = [f"{quoted(a)},r,{quoted(b)}" for a, b in zip(names, names[1:] + names[:1])]
    (folder / "facts.csv").write_text("\n".join(["head,relation,tail", *rows]) + "\n")
    (folder / "relations.csv").write_text("relation,inverse\nr,<i>s\n")
    return {"file": str(folder / "facts.csv"), "relations": str(folder / "relations.csv")}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_names_of_a_table_are_data_and_never_markup(tmp_path):
    config = replace(tiny(Causal()), task=Triples(**write_table(tmp_path)))
    train_run(config, "table", root=tmp_path)
    made = build({"ask": [tmp_path / "table"]}, {}, (), title="<script>x</script> & y")
    assert "alert(1)" not in made  # all names are in the packed data
    assert made.count("<script") == made.count("</script>") == 3
    assert "<title>&lt;script&gt;x&lt;/script&gt; &amp; y</title>" in made


def test_the_page_asks_for_nothing_from_a_network(root):
    made = build({"ask": [trained("causal", root), trained("masked", root)]}, {}, (), "page")
    assert "connect-src 'none'" in made
    own = made.partition("<script>/* scripts")[0]
    assert not re.findall(r'(?:src|href)="(?!data:)', own)
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|import)\(",
        "".join((FOLDER / f).read_text() for f in ("view.js", "tabs.js", "start.js", "charts.js")),
    )


def test_code_cannot_end_its_script_element():
    assert in_script("a</script>b<!--c") == "a<\\/script>b<\\!--c"


def test_every_seed_is_a_point_of_a_chart():
    rows = read_results(DOCS / "compare.csv")
    values = specification(rows, [])["data"]["values"]
    asked = [row for row in rows if row["count"]]
    assert sorted((v["variant"], v["split"], v["seed"], v["accuracy"]) for v in values) == sorted(
        (row["variant"], row["split"], row["seed"], round(100 * row["accuracy"], 1)) for row in asked
    )


def diamonds(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers of published numbers."""
    return [layer for layer in chart["spec"]["spec"]["layer"] if layer["mark"].get("shape") == "diamond"]


@pytest.mark.parametrize("study", [study for study in SHOWN if published_of(study)])
def test_published_numbers_stand_in_the_row_of_ours_with_their_source(study):
    chart = chart_of(DOCS / f"{study}.csv")
    values, published = chart["spec"]["data"]["values"], published_of(study)
    ours = {(value["variant"], value["split"]) for value in values if "accuracy" in value}
    theirs = [value for value in values if "published" in value]
    assert len(theirs) == len(published)  # none is of a split that the chart leaves out
    assert {(value["variant"], value["split"]) for value in theirs} <= ours
    hovers = {tip["field"] for layer in diamonds(chart) for tip in layer["encoding"]["tooltip"]}
    assert {"published", "source", "setting"} <= hovers
    results = "".join(page.read_text() for page in (DOCS / "results").glob("*.md"))
    for row in published:
        (number,) = re.findall(r"arXiv (\d{4}\.\d{5})$", row["source"])
        assert number in results
        assert any(line.startswith(row["source"]) and row["setting"] in line for line in chart["published"])


def test_published_numbers_leave_the_bars_of_ours_as_they_are():
    vl_convert = pytest.importorskip("vl_convert", reason="needs vl-convert-python (requirements-page.txt)")
    rows = read_results(DOCS / "compare.csv")
    with_published, without = (
        re.findall(
            r'aria-roledescription="bar"[^>]*? d="([^"]+)"', vl_convert.vegalite_to_svg(specification(rows, found))
        )
        for found in (published_of("compare"), [])
    )
    assert len(without) == len({(row["variant"], row["split"]) for row in rows if row["count"]})
    assert sorted(with_published) == sorted(without)


def test_a_study_without_published_numbers_has_no_diamonds():
    chart = chart_of(DOCS / "position.csv")
    assert chart["published"] == []
    assert diamonds(chart) == []


def test_rows_of_ones_own_study_have_its_name(tmp_path):
    (tmp_path / "compare").mkdir()
    own = tmp_path / "compare" / "results.csv"
    own.write_text((DOCS / "compare.csv").read_text())
    assert chart_of(own) == chart_of(DOCS / "compare.csv")


def test_inverse_words_are_each_others_inverse():
    for task in (examples.WORLD, Triples()):
        inverse = inverses(task.build(0))
        assert all(inverse[inverse[word]] == word for word in inverse)
    assert inverses(Triples().build(0))["capital-of"] == "has-capital"
