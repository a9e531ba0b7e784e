"""The benchmark: it runs, it counts correctly, and both sides have the same task and size."""

import importlib.util
import json
import math
import re
from argparse import Namespace
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn
from transformers import LlamaConfig

import train.bench.__main__ as bench_command
from checkpoints.folder import ROOT, read_csv
from config.override import override
from config.validation import SettingError
from model.build import build_modules
from model.objectives.masked import Masked
from model.transformer import Transformer
from tasks.corpus import ROLES
from tasks.export import write_files
from tasks.reversal import Reversal
from tests.running import WORLD, flags, tiny
from train.__main__ import main as train_main
from train.bench import compiled, llama, time_to_result
from train.bench.__main__ import main
from train.bench.config import Bench, comparisons
from train.bench.time_to_result import (
    GOALS,
    PROGRAMS,
    Failed,
    Goal,
    Timing,
    first_at,
    llama_size,
    print_goal,
    run_program,
)
from train.bench.training_step import (
    IGNORED,
    TheirObjective,
    count_operations,
    make_corpus,
    make_step,
    their_network,
)
from train.config import RunConfig, TrainConfig

TINY = Bench(width=16, depth=1, heads=2, positions=8, batch=4, vocab_size=20, rate=0.5, rounds=2, steps=1)
every_comparison = pytest.mark.parametrize("comparison", comparisons(TINY), ids=lambda comparison: comparison.name)


def test_the_table_holds_every_comparison(capsys):
    sizes = [field.name for field in fields(TINY) if field.type in (int, float)]
    main(["--rows=step", *(f"--{name}={getattr(TINY, name)}" for name in sizes)])
    out = capsys.readouterr().out
    names = [*(comparison.name for comparison in comparisons(TINY)), "preset causal", "preset bidirectional, batch 4"]
    assert all(name in out for name in names)
    assert "GFLOP/s" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_plain_step_stands_beside_a_compiled_one(monkeypatch, capsys):
    networks = []

    def compile_nothing(network, **_):
        networks.append(network)
        network.compiled = network.encode

    monkeypatch.setattr(Transformer, "compile", compile_nothing)
    monkeypatch.setattr(compiled, "PRESETS", {name: ("", tiny()) for name in compiled.DEFAULTS})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # nothing of transformers is compared
    main(["--rows=compile", "--rounds=2", "--steps=1"])
    assert len(networks) == len(compiled.DEFAULTS)
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.startswith(name) for line in lines) for name in compiled.DEFAULTS)
    assert max(map(len, lines)) <= 80


def test_compiling_pays_once_the_steps_have_made_up_for_it():
    seconds = np.array([[0.02, 0.01], [0.04, 0.01], [0.02, 0.012]])
    assert compiled.cells(10.0, seconds) == ["10.0", "20.0", "10.0", "0.50 [0.25-0.60]", "1,000 steps"]
    assert compiled.cells(10.0, seconds[:, ::-1])[-1] == "never"


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_operations_are_those_counted_by_hand(optimiser):
    settings = Bench(width=8, depth=1, heads=2, positions=4, batch=2, vocab_size=16)
    all_masked = Masked(scheme="fixed", maskable=("source", "relation", "target"), rate=1.0)
    corpus = make_corpus(settings, comparisons(settings)[0].roles)
    modules = build_modules(settings.network, all_masked, corpus, seed=0)
    # 8 positions; maps of 8 x (8 + 16 + 8) for attention, 8 x 32 and 32 x 8 after it, 8 x 16 for words. Each has one
    # product forward and two backward. Attention: 2 rows, 2 heads, 4 x 4 x 4, two forward and four backward.
    maps = 2 * 8 * (8 * 32 + 2 * 8 * 32 + 8 * 16) * 3
    attention = 2 * 2 * 2 * 4 * 4 * 4 * (2 + 4)
    # Muon, of a matrix r x c with r <= c: five times r x c x r, r x r x r and r x r x c.
    matrices = [(8, 8), (8, 16), (8, 8), (8, 32), (8, 32)] if optimiser == "muon" else []
    updates = sum(5 * 2 * (r * c * r + r * r * r + r * r * c) for r, c in matrices)
    config = RunConfig(Reversal(), all_masked, train=TrainConfig(batch=2, optimiser=optimiser))
    assert count_operations(make_step(config, corpus, modules)) == maps + attention + updates


@every_comparison
def test_theirs_has_our_tokens_and_our_targets(comparison):
    documents = make_corpus(TINY, comparison.roles).documents
    ours = comparison.objective.make_batch(documents, np.random.default_rng(0))
    theirs = TheirObjective(comparison.objective).make_batch(documents, np.random.default_rng(0))
    assert (theirs["tokens"] == ours["tokens"]).all()
    is_target = theirs["labels"] != IGNORED
    assert is_target.sum() == len(ours["targets"]) > 0
    assert (theirs["labels"] == documents.tokens)[is_target].all()


@every_comparison
def test_theirs_is_our_size_at_its_fastest(comparison):
    theirs = their_network(TINY, comparison.their_model)
    assert theirs.config._attn_implementation == "sdpa"
    assert not any(part.p for part in theirs.modules() if isinstance(part, nn.Dropout))
    assert any("GELUTanh" in type(part).__name__ for part in theirs.modules())
    corpus = make_corpus(TINY, comparison.roles)
    ours = build_modules(TINY.network, comparison.objective, corpus, seed=0)
    count = [sum(p.numel() for p in network.parameters()) for network in (ours, theirs)]
    if comparison.their_model == "GPT2LMHeadModel":
        assert count[0] == count[1]
    else:
        d, v = TINY.width, TINY.vocab_size
        # A map and its norm before the output matrix, a bias a word, two segment embeddings, a norm of the embedding.
        assert count[1] - count[0] == (d * d + d + 2 * d) + v + 2 * d


@every_comparison
def test_theirs_learns_in_our_loop(comparison):
    network = their_network(TINY, comparison.their_model)
    corpus, modules = make_corpus(TINY, comparison.roles), nn.ModuleDict({"network": network})
    config = RunConfig(Reversal(), TheirObjective(comparison.objective), train=TrainConfig(batch=TINY.batch))
    step = make_step(config, corpus, modules)
    before = [p.clone() for p in network.parameters()]
    step()
    assert not any(torch.equal(old, new) for old, new in zip(before, network.parameters()))


def test_a_missing_transformers_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("rounds", 0), ("heads", 3), ("rate", 2.0), ("vocab_size", 12), ("positions", 2), ("seeds", 0), ("rows", ())],
)
def test_an_impossible_setting_is_refused_by_name(name, value):
    with pytest.raises(SettingError, match=name):
        Bench(**{name: value})


# --- the time to a result ---

PLAIN = {"documents.filler": 0, "documents.copies": 1}  # each statement is one document, which a question completes
SMALL_WORLD = override(WORLD, PLAIN)
LEARNABLE = tiny(world=PLAIN, steps=200, evaluate_every=20, save_every=200, batch=32, learning_rate=2e-2)
TWO_TOKENS = override(WORLD, {"names.min_length": 2, "names.max_length": 2})


def goal_of(config: RunConfig, level: float = 0.99) -> Goal:
    return Goal(tuple(flags(config)), config, "forward", level, "causal")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """The small world as files."""
    folder = tmp_path_factory.mktemp("exported")
    write_files(SMALL_WORLD.build(0), folder, overwrite=False)
    return folder


def train_llama(capsys, exported: Path, *arguments: str) -> list[dict]:
    """The evaluations that llama.py prints."""
    size = "--width=16", "--depth=1", "--heads=2", "--inner=44", "--initial-scale=0.25", "--batch=32"
    llama.main([str(exported), *size, "--learning-rate=0.01", "--warmup=10", *arguments])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("visibility", ["causal", "full"])
def test_llama_learns_and_stops_at_the_level(capsys, exported, visibility):
    entries = train_llama(capsys, exported, f"--visibility={visibility}", "--level=1", "--max-steps=1000")
    *before, last = [entry["accuracy"] for entry in entries]
    assert last == 1 > max(before, default=0)
    assert [entry["step"] for entry in entries] == list(range(50, 50 * len(entries) + 1, 50))


def test_llama_gives_up_after_its_steps(capsys, exported):
    entries = train_llama(capsys, exported, "--max-steps=5", "--evaluate-every=2")
    assert [entry["step"] for entry in entries] == [2, 4, 5]
    assert max(entry["accuracy"] for entry in entries) < 0.99


@pytest.mark.parametrize("visibility", ["causal", "full"])
def test_llama_sees_what_its_visibility_says(visibility):
    network = llama.make_network(llama.options(["", "--width=16", "--initial-scale=1"]), vocab_size=20, max_length=6)
    tokens = torch.tensor([[1, 14, 15, 16]])
    other_end = torch.tensor([[1, 14, 15, 17]])
    padding = torch.tensor([[1, 14, 15, 16, llama.PAD, llama.PAD]])
    seen = llama.logits(network, tokens, visibility)
    assert torch.equal(seen[0, 1], llama.logits(network, other_end, visibility)[0, 1]) == (visibility == "causal")
    torch.testing.assert_close(seen, llama.logits(network, padding, visibility)[:, :4])


def test_llama_predicts_what_our_objectives_predict():
    roles = torch.tensor([[0, 0, 1, 1, 2, 3, 3, 0]]).expand(1000, -1)
    tokens = torch.tensor([[1, 12, 13, 14, 15, 16, 17, 18]]).expand(1000, -1)
    inputs, labels = llama.corrupt(tokens, roles, "causal", mask=3)
    assert torch.equal(inputs, tokens)
    assert labels.tolist() == [[IGNORED, 13, 14, 15, 16, 17, IGNORED, IGNORED]] * 1000
    inputs, labels = llama.corrupt(tokens, roles, "full", mask=3)
    is_masked = inputs == 3
    assert torch.equal(labels, torch.where(is_masked, tokens, IGNORED))
    assert torch.equal(inputs, torch.where(is_masked, 3, tokens))
    first, last = (is_masked[:, columns].all(1) for columns in ([2, 3], [5, 6]))
    assert (first ^ last).all()
    assert is_masked.sum() == 2 * 1000
    assert 400 < first.sum() < 600
    assert llama.ROLES == {None: 0} | ROLES  # ours, too


@pytest.mark.parametrize("visibility", ["causal", "full"])
def test_llama_counts_whole_answers(tmp_path, visibility):
    corpus = TWO_TOKENS.build(0)
    write_files(corpus, tmp_path, overwrite=False)
    questions = [row for row in llama.read_rows(tmp_path / "questions.jsonl") if row["split"] == "forward"]
    truth = llama.padded([row["tokens"] for row in questions])
    for tokens, row in zip(truth, questions):
        tokens[row["answer_start"] : row["answer_start"] + 2] = torch.tensor(row["answers"][0]["tokens"])

    def network(input_ids, attention_mask):
        """Predicts the truth; a causal one only where all tokens so far are those of the truth."""
        target = truth.roll(-1, 1) if visibility == "causal" else truth
        if visibility == "causal":
            target = target.masked_fill((input_ids != truth).cumsum(1) > 0, 0)
        return Namespace(logits=nn.functional.one_hot(target, len(corpus.vocabulary)).float())

    args = Namespace(visibility=visibility, device="cpu")
    assert llama.accuracy(network, questions, args) == 1
    second = questions[0]["answers"][0]["tokens"]
    questions[0]["answers"][0]["tokens"] = [second[0], second[1] + 1]
    assert llama.accuracy(network, questions, args) == 1 - 1 / len(questions)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_llama_has_our_size(goal):
    corpus = goal.config.task.build(0)
    size = llama_size(goal.config, corpus)
    options = llama.options(["", *time_to_result.flags(size)])
    theirs = llama.make_network(options, len(corpus.vocabulary), corpus.max_length)
    ours = build_modules(goal.config.model, goal.config.objective, corpus, seed=0)
    matrices = [sum(p.numel() for p in modules.parameters() if p.ndim > 1) for modules in (ours, theirs)]
    assert matrices[0] == matrices[1]
    assert options.batch == goal.config.train.batch
    assert theirs.config._attn_implementation == "sdpa"
    for name in ("embed_tokens.weight", "q_proj.weight", "up_proj.weight"):
        weights = [weight for key, weight in theirs.named_parameters() if key.endswith(name)]
        assert torch.stack(weights).std().item() == pytest.approx(size["initial-scale"], rel=0.1)


@pytest.fixture
def quiet_console() -> Console:
    return Console(markup=False, highlight=False, width=80)


def test_both_are_timed_as_programs_of_their_own(capsys, quiet_console):
    """Ours reaches the level. Llama is given too few steps to."""
    settings = Bench(seeds=1, max_steps=3)
    rows = time_to_result.time_to_result((goal_of(LEARNABLE),), settings, quiet_console)
    last_steps = [(row["program"], row["seed"], row["last_step"]) for row in rows]
    assert last_steps == [("ours", 0, 200), ("llama", 0, 3), ("llama-own-scale", 0, 3)]
    out, err = capsys.readouterr()
    assert out.count("not in 3") == 2
    assert out.count("/ ours, of medians: level not reached") == 2
    assert [line.partition(":")[0] for line in err.splitlines()] == [
        f"causal, 99% forward, seed 0, {name}" for name in PROGRAMS.values()
    ]
    assert not list(ROOT.glob("bench-*"))


def test_rows_of_the_times_are_written_with_the_machine(monkeypatch, tmp_path):
    row = {"goal": "causal, 99% forward", "seed": 0, "program": "ours", "seconds": 1.5, "step": 500}
    monkeypatch.setattr(bench_command, "time_to_result", lambda *_: [row])
    main(["--rows=time-to-result", f"--csv={tmp_path / 'times.csv'}"])
    (written,) = read_csv(tmp_path / "times.csv")
    assert {name: written[name] for name in row} == {name: str(value) for name, value in row.items()}
    assert written["torch"] == torch.__version__
    assert all(written[column] for column in ("machine", "commit", "load"))


def test_ours_and_theirs_alternate_on_the_same_world(monkeypatch, tmp_path):
    calls = []

    def record(whose):
        def train(goal, corpus, seed, folder, settings, initial_scale=None):
            assert len(llama.read_rows(folder / "documents.jsonl")) == len(corpus.documents)
            assert corpus.digest() == SMALL_WORLD.build(seed).digest()
            calls.append((whose, seed, initial_scale))
            return Timing(step=1, seconds=1.0, last_step=2, cpu_seconds=1.0)

        return train

    monkeypatch.setattr(time_to_result, "train_ours", record("ours"))
    monkeypatch.setattr(time_to_result, "train_llama", record("llama"))
    assert len(time_to_result.alternate(goal_of(LEARNABLE), Bench(seeds=2), tmp_path)) == 2
    of_seeds = [[("ours", seed, None), ("llama", seed, None), ("llama", seed, 0.02)] for seed in (0, 1)]
    assert calls == of_seeds[0] + of_seeds[1]


def test_llama_has_its_own_scale_where_it_is_asked_for(monkeypatch, tmp_path):
    scales = []

    def run(arguments, output):
        scales.append(llama.options(arguments[1:]).initial_scale)
        Path(f"{output}.stdout").write_text('{"step": 50, "time": 12.0, "accuracy": 1.0}\n')
        return 10.0, 1.0

    monkeypatch.setattr(time_to_result, "run_program", run)
    goal, corpus = goal_of(LEARNABLE), SMALL_WORLD.build(0)
    for scale in (None, time_to_result.OWN_SCALE):
        timing = time_to_result.train_llama(goal, corpus, 0, tmp_path, Bench(), scale)
        assert (timing.step, timing.seconds) == (50, 2.0)
    assert scales == [LEARNABLE.model.width**-0.5, LlamaConfig().initializer_range]


def test_a_run_on_another_world_is_no_time(monkeypatch, tmp_path):
    monkeypatch.setattr(time_to_result, "run_program", lambda arguments, _: (train_main(arguments[2:]), 0.0))
    with pytest.raises(Failed, match="another world"):
        time_to_result.train_ours(goal_of(tiny(steps=2)), WORLD.build(1), 0, tmp_path, Bench())
    assert not list(ROOT.glob("bench-*"))


def test_the_first_evaluation_at_the_level_counts():
    points = [(0, 11.0, 0.0), (50, 14.0, 0.99), (100, 17.0, 0.5), (150, 20.0, 1.0)]
    assert first_at(points, 0.99, start=10.0) == (50, 4.0)
    assert first_at(points, 0.995, start=10.0) == (150, 10.0)
    assert first_at(points[:1], 0.99, start=10.0) == (None, math.inf)


def test_the_table_of_a_goal_has_every_seed_and_ratios_of_medians(capsys, quiet_console):
    ours = [Timing(500, seconds, 600, 2 * seconds) for seconds in (9.0, 10.0, 30.0)]
    theirs = [Timing(2000, seconds, 6000, seconds) for seconds in (41.0, 45.0, 50.0)]
    missed = [replace(timing, step=None, seconds=math.inf) for timing in theirs]
    print_goal(GOALS[0], list(zip(ours, theirs, missed)), quiet_console)
    out = capsys.readouterr().out
    assert "Llama, our scale / ours, of medians: 4.5 in seconds, 2.2 in CPU seconds" in out
    assert "Llama, own scale / ours, of medians: level not reached, 2.2 in CPU seconds" in out
    assert re.findall(r"^ *(\w+) +[\d.]+ .*", out, re.MULTILINE) == ["0", "1", "2", "median"]
    assert out.count(" 500 ") == 3
    assert out.count("not in 6000") == 3
    assert max(map(len, out.splitlines())) <= 80


def test_a_program_that_fails_is_named_with_its_last_line(tmp_path):
    with pytest.raises(Failed, match=r"ended with 1: ValueError: too wide"):
        run_program(["-c", "print(1); raise ValueError('too wide')"], tmp_path / "output")
