"""What is exported for Hugging Face computes the same there: logits, tokens and answers, by transformers alone."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers  # its models are imported where they are used: collecting tests then takes seconds less
import yaml
from torch import nn

import eval.__main__
import tasks.__main__
from checkpoints.files import write_json
from config.override import override
from config.validation import SettingError
from eval.export_hf import FILES, OBJECTIVES, make_files
from eval.hf_layouts import choose_layout
from eval.model_card import first_example
from eval.text import render_question
from eval.trained_model import TrainedModel, load_trained_model
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import to_tensors
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks import TASKS
from tasks.corpus import Corpus
from tasks.triples import Triples
from tasks.vocabulary import BEGIN, END, MASK, PAD
from tests import examples
from tests.objects import LONG, MIXED, OBJECTS
from tests.running import command, contents, tiny
from tests.test_export import SMALL_WORLDS, flags
from tests.test_parity import with_random_weights
from train.run import train_run

LLAMA = {"position": "rotary", "norm": "rms", "feed_forward": "swiglu"}
GPT2 = {"position": "learned", "norm": "layer", "feed_forward": "gelu"}
SIZES = {
    "small": {"width": 16, "heads": 2, "depth": 1},
    "tied, bias": {"width": 16, "heads": 4, "depth": 3, "tied": True, "bias": True},
    "other maps": {
        "width": 24,
        "heads": 1,
        "depth": 2,
        "feed_forward_width": 20,
        "rotary_base": 10_000.0,
        "dropout": 0.1,
    },
}
TEN_FACTS = "\n".join(
    [
        "New York,capital of,New York State",
        "Guinea-Bissau,capital of,Bissau",
        "Guinea,capital of,Conakry",
        "Papua New Guinea,borders,Guinea",
        "O'Brien (Sr.),borders,Århus-Süd",
    ]
)


def untrained(objective: Objective, world: Corpus = MIXED, **network: Any) -> TrainedModel:
    """A model with random weights, biases and norms, so that any that is swapped makes a difference."""
    modules = examples.modules(objective, world, **network)
    return TrainedModel(world, objective, with_random_weights(modules))


def write(trained: TrainedModel, out: Path) -> Path:
    """The folder of its export."""
    config = tiny(trained.objective).json()
    out.mkdir()
    for name, data in make_files(trained, config, "run", 12, out).items():
        (out / name).write_bytes(data)
    return out


def loaded(out: Path) -> tuple[nn.Module, Any]:
    """Model and tokenizer, by transformers alone."""
    model = transformers.AutoModelForCausalLM.from_pretrained(out)
    assert transformers.AutoConfig.from_pretrained(out).model_type in ("llama", "gpt2")
    return model.eval(), transformers.AutoTokenizer.from_pretrained(out)


@torch.inference_mode()
def assert_same_logits(trained: TrainedModel, model: nn.Module) -> None:
    """At every position of documents of several lengths, padded and not."""
    network, documents = trained.modules["network"], examples.some_documents(trained.corpus)
    batch = to_tensors({"tokens": documents.tokens, "lengths": documents.lengths}, "cpu")
    ours = network.logits(network(batch["tokens"], trained.objective.visibility_of(batch)))
    is_token = torch.from_numpy(documents.is_token())
    theirs = model(input_ids=batch["tokens"], attention_mask=is_token.long()).logits
    assert ours[is_token].std() > 0.3, "the weights should make a difference"
    torch.testing.assert_close(theirs[is_token], ours[is_token], atol=1e-4, rtol=1e-4)
    longest = int(documents.lengths.argmax())
    alone = model(input_ids=batch["tokens"][longest : longest + 1]).logits[0]
    torch.testing.assert_close(alone[is_token[longest]], ours[longest][is_token[longest]], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [LLAMA, GPT2], ids=["llama", "gpt2"])
@pytest.mark.parametrize("objective", [Causal(), Masked()], ids=["causal", "masked"])
def test_transformers_computes_the_same_logits(objective, layout, size, tmp_path):
    trained = untrained(objective, **layout | SIZES[size])
    model, _ = loaded(write(trained, tmp_path / "out"))
    assert_same_logits(trained, model)
    ours = sum(parameter.numel() for parameter in trained.modules.parameters())
    theirs = sum(parameter.numel() for parameter in model.parameters() if parameter.any())
    assert theirs == ours, "all weights are there, and what GPT-2 has besides is 0"


@pytest.mark.parametrize("name", OBJECTS)
def test_every_objective_is_exported_with_its_visibility_or_refused(name, tmp_path):
    objective = OBJECTS[name]
    registered = tiny(objective).json()["objective"]["name"]
    if registered not in OBJECTIVES:
        write_json(tmp_path / "config.json", tiny(objective, network=LLAMA).json())
        with pytest.raises(SettingError, match=f"^objective is '{registered}', but must be one of causal, masked, .*"):
            eval.export_hf.export(tmp_path, tmp_path / "out")
        return
    trained = untrained(objective, **LLAMA)
    model, _ = loaded(write(trained, tmp_path / "out"))
    assert_same_logits(trained, model)
    queried = next(iter(trained.query_modes().values()))
    split = first_example(trained).split
    cloze = trained.corpus.questions[split].cloze[:1]
    query = queried.objective.make_query(cloze, np.zeros((1, 0), np.int32))
    with torch.inference_mode():
        expected = queried.objective.token_log_probs(trained.modules, query).argmax(-1)
    printed = run_card(tmp_path / "out")
    assert printed.split()[0] == trained.corpus.vocabulary.words[expected[0]]
    assert len(printed.split()) == cloze.size[0]


def run_card(out: Path) -> str:
    """What the code of a model card prints."""
    code = re.search(r"```python\n(.*?)```", (out / "README.md").read_text(), re.DOTALL)[1]
    printed: list[str] = []
    exec(code, {"print": printed.append})
    return printed[0]


def test_a_card_says_what_the_model_is(tmp_path):
    out = write(untrained(Masked()), tmp_path / "out")
    text = (out / "README.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    assert head == {"library_name": "transformers", "tags": ["both-ways", "reversal", "masked"]}
    assert "# run\n" in text
    assert "task `reversal` with seed 0: 12 entities, 4 relation words" in text
    assert "12 steps, seed 0" in text
    assert "transformers 5.2 or later" in text
    row = r"^\| ([\w ]+) \| .* \| ([\d.]+) % \| ([\d.]+)–([\d.]+) \| [\d.]+ % \| (\d+) \|$"
    rows = re.findall(row, text, re.MULTILINE)
    asked = {split.replace("_", " "): len(questions) for split, questions in MIXED.questions.items()}
    assert {row[0]: int(row[4]) for row in rows} == asked
    assert all(float(low) <= float(accuracy) <= float(high) for _, accuracy, low, high, _ in rows)
    settings = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    assert settings["objective"]["rate"] == Masked().rate


# --- answers ---

STEPS = {"steps": 200, "batch": 32, "learning_rate": 0.01, "evaluate_every": 200, "save_every": 200, "log_every": 200}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder with a causal and a masked run, trained until they know most of what is stated."""
    root = tmp_path_factory.mktemp("runs")
    network, world = LLAMA | {"width": 32, "heads": 4}, {"names.max_length": 2, "documents.filler": 0}
    for objective in (Causal(), Masked()):
        train_run(tiny(objective, network=network, world=world, **STEPS), type(objective).__name__.lower(), root=root)
    return root


def ask_causal(model: nn.Module, tokenizer: Any, question: str, size: int) -> list[str] | None:
    known, _, rest = question.partition("_")
    if any("-of" in word for word in rest.split()):  # the open entity is not the last of the statement
        return None
    prompt = tokenizer(known, return_tensors="pt")
    answer = model.generate(**prompt, max_new_tokens=size)[0, prompt.input_ids.shape[1] :]
    return tokenizer.decode(answer).split()


@torch.inference_mode()
def ask_masked(model: nn.Module, tokenizer: Any, question: str, size: int) -> list[str]:
    """The surest token first."""
    tokens = tokenizer(question.replace("_", " ".join([tokenizer.mask_token] * size)), return_tensors="pt").input_ids
    is_open = tokens[0] == tokenizer.mask_token_id
    span = is_open.nonzero()[:, 0]
    for _ in range(size):
        best = model(tokens).logits[0].log_softmax(-1).max(-1)
        surest = best.values.where(tokens[0] == tokenizer.mask_token_id, -math.inf).argmax()
        tokens[0, surest] = best.indices[surest]
    return tokenizer.decode(tokens[0, span]).split()


@pytest.mark.parametrize(("name", "ask"), [("causal", ask_causal), ("masked", ask_masked)])
def test_all_questions_are_answered_as_here(name, ask: Callable, runs, tmp_path, capsys):
    code, error = command(eval.__main__.main, ["export", str(runs / name), "--to", "hf", str(tmp_path / "out")], capsys)
    assert (code, error) == (0, "")
    model, tokenizer = loaded(tmp_path / "out")
    trained = load_trained_model(runs / name).trained
    corpus, right = trained.corpus, 0
    for questions in corpus.questions.values():
        predictions = trained.objective.predict(trained.modules, questions.cloze, corpus.entities)
        for i in range(len(questions)):
            size = int(questions.cloze.size[i])
            question = render_question(corpus, questions.cloze, i).removeprefix("[begin] ")
            answer = ask(model, tokenizer, question, size)
            if predictions is None:
                assert answer is None
                continue
            assert answer == [corpus.vocabulary.words[token] for token in predictions[i, :size]]
            right += "-".join(answer) == corpus.entities.names[questions.accepted[i, 0]]
    assert right >= len(corpus.questions["forward"]) - 1, "the model knows most of what is stated"


# --- tokenizer ---


def assert_same_tokens(world: Corpus, out: Path) -> None:
    """Of every question, its names joined, and of some documents, word by word; and back from tokens to words."""
    _, tokenizer = loaded(out)
    words = world.vocabulary.words
    assert (len(tokenizer), tokenizer.vocab_size) == (len(words), len(words))
    ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.mask_token_id)
    assert ids == (BEGIN, END, PAD, MASK)
    for questions in world.questions.values():
        cloze = questions.cloze
        for i in range(0, len(cloze), 1 + len(cloze) // 20):
            tokens = cloze.documents.tokens[i, : cloze.documents.lengths[i]].tolist()
            text = render_question(world, cloze, i).removeprefix("[begin] ")
            text = re.sub(r"(?<!\S)_(?!\S)", " ".join(["[mask]"] * int(cloze.size[i])), text)
            assert tokenizer(text)["input_ids"] == tokens
    documents = world.documents
    for i in range(0, len(documents), 1 + len(documents) // 50):
        tokens = documents.tokens[i, : documents.lengths[i]].tolist()
        text = world.vocabulary.text(np.array(tokens))
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == tokens
        assert tokenizer.decode(tokens) == text
    assert tokenizer("", add_special_tokens=False)["input_ids"] == []
    with pytest.raises(Exception, match="WordLevel error"):
        tokenizer("Zaphod")


@pytest.mark.parametrize("task", TASKS)
def test_the_tokenizer_reads_every_world_as_it_is(task, tmp_path):
    world = override(TASKS[task](), SMALL_WORLDS[task]).build(3)
    assert_same_tokens(world, write(untrained(Causal(), world), tmp_path / "out"))


def test_the_tokenizer_reads_names_with_blanks_hyphens_and_of_several_tokens(tmp_path):
    (tmp_path / "facts.csv").write_text(f"head,relation,tail\n{TEN_FACTS}\n", encoding="utf-8")
    world = Triples(file=str(tmp_path / "facts.csv")).build(0)
    assert {"New York", "Guinea-Bissau", "inverse-of-capital of"} <= set(world.vocabulary.words)
    assert_same_tokens(world, write(untrained(Causal(), world), tmp_path / "out"))
    assert_same_tokens(LONG, write(untrained(Causal(), LONG), tmp_path / "long"))


# --- what is refused ---


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            {"position": "alibi"},
            "model.position is 'alibi', but must be 'rotary' (Llama's layout) or 'learned' (GPT-2's",
        ),
        ({"position": "relative"}, "model.position is 'relative', but must be 'rotary'"),
        ({"position": "none"}, "model.position is 'none', but must be 'rotary'"),
        (
            {"norm": "layer"},
            "model.norm is 'layer', but must be 'rms' in Llama's layout, that of model.position 'rotary'",
        ),
        ({"feed_forward": "gelu"}, "model.feed_forward is 'gelu', but must be 'swiglu' in Llama's layout"),
        (GPT2 | {"norm": "rms"}, "model.norm is 'rms', but must be 'layer' in GPT-2's layout"),
        (GPT2 | {"feed_forward": "swiglu"}, "model.feed_forward is 'swiglu', but must be 'gelu' in GPT-2's layout"),
        ({"convolution": 3}, "model.convolution is 3, but must be 1 in Llama's layout"),
        (GPT2 | {"recurrence": 2}, "model.recurrence is 2, but must be 1 in GPT-2's layout"),
    ],
)
def test_a_network_without_a_layout_is_refused_in_one_line(network, message, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    write_json(tmp_path / "run/config.json", tiny(network=LLAMA | network).json())
    code, error = command(eval.__main__.main, ["export", str(tmp_path / "run"), str(tmp_path / "out")], capsys)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_every_other_setting_of_a_network_has_a_layout():
    refused = {"position", "norm", "feed_forward", "convolution", "recurrence"}
    changed = {"width": 32, "depth": 3, "heads": 2, "rotary_base": 50.0, "feed_forward_width": 8, "bias": True}
    changed |= {"tied": True, "initial_scale": 0.1, "dropout": 0.2}
    assert refused | changed.keys() == asdict(ModelConfig()).keys()
    assert choose_layout(replace(ModelConfig(), **changed)).name == "Llama's"


def test_a_folder_in_use_is_refused_and_keeps_its_files(runs, tmp_path, capsys):
    out, export = tmp_path / "out", ["export", str(runs / "causal"), str(tmp_path / "out")]
    assert command(eval.__main__.main, export, capsys)[0] == 0
    first = contents(out)
    assert set(first) == set(FILES)
    code, error = command(eval.__main__.main, export, capsys)
    assert code == 2
    assert "--overwrite replaces an earlier export" in error
    (out / "config.json").write_text("{}")
    assert command(eval.__main__.main, [*export, "--overwrite"], capsys)[0] == 0
    assert contents(out) == first


@pytest.mark.parametrize("kind", ["file", "other files", "the run itself"])
def test_overwrite_replaces_nothing_but_an_export(kind, runs, tmp_path, capsys):
    out = runs / "causal" if kind == "the run itself" else tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    elif kind == "other files":
        out.mkdir()
        (out / "README.md").write_text("mine")
    before = contents(out)
    code, error = command(eval.__main__.main, ["export", str(runs / "causal"), str(out), "--overwrite"], capsys)
    assert code == 2
    assert f"dir is {str(out)!r}, but must be a folder" in error
    assert error.count("\n") == 1
    assert contents(out) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "out"], "nowhere is no run folder: it does not exist"),
        (["causal", "out", "--to", "onnx"], "to is 'onnx', but must be one of hf"),
        (["causal"], "missing from python -m eval export: path folder to write to"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message, capsys):
    code, error = command(eval.__main__.main, ["export", *arguments], capsys)
    assert code == 2
    assert message in error.lower()
    assert error.count("\n") == 1


# --- the corpus ---


def test_an_exported_corpus_is_a_dataset_folder(tmp_path):
    out = tmp_path / "out"
    tasks.__main__.main(["export", "reversal", "--out", str(out), *flags(SMALL_WORLDS["reversal"])])
    card = (out / "README.md").read_text()
    configs = yaml.safe_load(card.split("---\n")[1])["configs"]
    named = {config["config_name"]: config["data_files"] for config in configs}
    assert named == {
        "documents": [{"split": "train", "path": "documents.jsonl"}],
        "questions": [{"split": "test", "path": "questions.jsonl"}],
    }
    for config in configs:
        rows = [json.loads(line) for line in (out / config["data_files"][0]["path"]).read_text().splitlines()]
        assert rows
        assert len({tuple(row) for row in rows}) == 1, "every row has the same columns"
        columns = re.findall(r"^\| ([\w, ]+) \| (?:both|questions) \|", card, re.MULTILINE)
        listed = set(", ".join(columns).split(", "))
        assert set(rows[0]) <= listed
    assert f"load_dataset({str(out)!r}, name)" in card
    assert [config["config_name"] for config in configs if config.get("default")] == ["documents"]
