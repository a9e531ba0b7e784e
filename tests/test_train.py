"""Batches, learning rate and optimiser: pure functions of their arguments, right at the edges."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from config.validation import SettingError
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.objectives import OBJECTIVES
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import RELATION, SOURCE, TARGET
from tasks.reversal import Reversal
from tests.running import record, tiny
from train.batches import last_head, make_batches, step_documents, step_rows, subset_rows, world_rows
from train.config import TrainConfig
from train.counters import Counters
from train.device import choose_device
from train.loop import Loop
from train.optimiser import Optimiser, rate_factor
from train.presets import PRESETS
from train.progress import WARNINGS, Progress
from train.run import train_run
from train.signals import NEVER
from train.tensorboard import TensorBoardWriter


def test_the_learning_rate_rises_linearly_then_falls_as_a_cosine_to_its_last_value():
    settings = TrainConfig(steps=111, warmup=10, final_rate=0.1)
    rates = [rate_factor(step, 0, settings) for step in range(111)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert rates[10] == max(rates) == 1.0
    assert rates[60] == pytest.approx(0.55)  # half way down
    assert rates[110] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (5, 5), (2, 1)])
def test_the_learning_rate_is_defined_for_the_shortest_runs(steps, warmup):
    settings = TrainConfig(steps=steps, warmup=warmup, final_rate=0.1)
    assert all(0 < rate_factor(step, 0, settings) <= 1 for step in range(steps))


def test_the_learning_rate_follows_the_share_of_targets_where_a_number_of_them_is_set():
    settings = TrainConfig(steps=10_000, targets=1000, warmup=10, final_rate=0.1)
    rates = [rate_factor(10 + i, 10 * i, settings) for i in range(120)]
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.55)  # half of the targets, whatever the steps
    assert rates[100] == rates[119] == pytest.approx(0.1)  # never below, however far the last batch goes
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[:100]))
    few = replace(settings, steps=111)  # the steps are over first
    assert rate_factor(110, 3, few) == pytest.approx(0.1)
    assert rate_factor(4, 900, settings) == 0.5  # warm-up is by steps


@pytest.mark.parametrize("targets", [1, 8, 50, 100])
def test_objectives_with_the_same_number_of_targets_end_within_a_batch_of_it(tmp_path, monkeypatch, targets):
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)
    ended = {}
    for name in ("causal", "masked"):
        config = tiny(OBJECTIVES[name](), steps=100, targets=targets, evaluate_every=100, save_every=100, log_every=1)
        result = train_run(config, name, root=tmp_path)
        entries = [entry for entry in record(tmp_path / name) if entry["kind"] == "train"]
        before = entries[-2]["target_tokens"] if len(entries) > 1 else 0
        assert before < targets <= result["target_tokens"] == entries[-1]["target_tokens"]
        assert result["steps"] == entries[-1]["step"] < 100
        evaluated = [entry["step"] for entry in record(tmp_path / name) if entry["kind"] == "evaluation"]
        assert evaluated == [0, result["steps"]]
        ended[name] = result
    if targets == 100:
        assert ended["causal"]["steps"] < ended["masked"]["steps"]  # it has more targets a batch
        rate = record(tmp_path / "masked")[-2]["learning_rate"]
        assert 0 < rate < 0.3 * config.train.adamw_rate


def test_steps_end_a_run_before_its_targets_do(tmp_path, monkeypatch):
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)
    assert train_run(tiny(targets=10**9), "run", root=tmp_path)["steps"] == 12
    with pytest.raises(SettingError, match=r"train\.targets is 0, but must be 1 or more"):
        TrainConfig(targets=0)


def test_every_epoch_is_every_document_once_in_its_own_order():
    rows = np.concatenate([step_rows(10, 4, 7, step) for step in range(5)])  # 20 documents, two epochs
    first, second = rows[:10], rows[10:]
    assert set(first) == set(second) == set(range(10))
    assert not np.array_equal(first, second)


def test_a_batch_larger_than_the_corpus_goes_through_it_more_than_once():
    assert sorted(step_rows(3, 7, 0, 0)) == sorted([0, 1, 2] * 2 + [step_rows(3, 7, 0, 0)[6]])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_subset_is_all_documents_about_some_of_the_entities(share):
    corpus = Reversal(entities=30, relations=2, one_way=12, names=NameConfig(max_length=3)).build(0)
    documents = corpus.documents
    about = [head_of(corpus, tokens, roles) for tokens, roles in zip(documents.tokens, documents.roles)]
    rows = subset_rows(corpus, share, 0)
    chosen = {about[row] for row in rows}
    assert share <= len(rows) / len(about) < share + 0.1
    assert len(chosen) < 30
    assert {row for row, head in enumerate(about) if head in chosen} == set(rows.tolist())
    assert not np.array_equal(rows, subset_rows(corpus, share, 1))


def head_of(corpus, tokens, roles) -> str:
    """The head of the fact that a document states, read token by token."""
    words = {}
    for token, role in zip(tokens, roles):
        words.setdefault(role, []).append(corpus.vocabulary.words[token])
    is_inverse = corpus.relations.index(words[RELATION][0]) % 2 == 1
    return "-".join(words[TARGET if is_inverse else SOURCE])


def test_a_run_starts_with_a_subset_and_goes_on_with_all_documents():
    config = TrainConfig(steps=20, warmup=2, batch=8, subset=0.3, subset_steps=5)
    corpus = tiny().task.build(0)
    rows = subset_rows(corpus, 0.3, 0)
    stored = {
        row[:length].tobytes()
        for row, length in zip(*(p[rows] for p in (corpus.documents.tokens, corpus.documents.lengths)))
    }
    for step in range(20):
        (documents,) = step_documents(corpus, config, 0, step)
        drawn = [row[:length].tobytes() for row, length in zip(documents.tokens, documents.lengths)]
        assert all(row in stored for row in drawn) == (step < 5)
    without = TrainConfig(steps=20, warmup=2, batch=8, subset=1)
    for step in range(15):
        (later,), (plain,) = step_documents(corpus, config, 0, step + 5), step_documents(corpus, without, 0, step)
        np.testing.assert_array_equal(later.tokens, plain.tokens)


def test_a_run_that_targets_end_starts_with_a_subset_only_where_its_steps_are_given():
    assert TrainConfig(steps=1000).first_steps == 300
    assert TrainConfig(steps=1000, targets=10).first_steps == 0
    assert TrainConfig(steps=1000, targets=10, subset_steps=7).first_steps == 7
    assert TrainConfig(steps=1000, subset=1, subset_steps=7).first_steps == 0
    assert TrainConfig(steps=1000, init_from="checkpoints/causal-0").first_steps == 0


def test_documents_are_drawn_by_a_power_law_of_the_entity_that_they_are_about():
    corpus, config = tiny().task.build(0), TrainConfig(batch=20_000, subset=1, power_law=1.5)
    drawn = np.bincount(world_rows(corpus, 20_000, config, 0, 3), minlength=len(corpus.documents))
    rank = last_head(corpus, 0)
    weight = (1.0 + rank) ** -1.5
    expected = 20_000 * weight / weight.sum()
    assert np.abs(drawn - expected).max() < 5 * np.sqrt(expected.max())
    assert drawn[rank == rank.min()].mean() > 5 * drawn[rank == rank.max()].mean()
    again = world_rows(corpus, 50, config, 0, 3)
    np.testing.assert_array_equal(again, world_rows(corpus, 50, config, 0, 3))
    assert not np.array_equal(again, world_rows(corpus, 50, config, 0, 4))
    with pytest.raises(SettingError, match=r"train\.subset is 0\.25, but must be 1 where train\.power_law is not 0"):
        TrainConfig(power_law=1.0)


def test_a_document_with_a_name_of_no_entity_is_about_the_rarest_of_all():
    corpus = Reversal(entities=30, relations=2, one_way=12, names=NameConfig(min_length=2, max_length=2)).build(0)
    documents, names = corpus.documents, {tuple(name) for name in corpus.entities.tokens.tolist()}
    of_no_entity = next(pair for pair in itertools.product({piece for name in names for piece in name}, repeat=2)
                        if pair not in names)  # fmt: skip
    tokens = documents.tokens.copy()
    tokens[:3][np.isin(documents.roles[:3], (SOURCE, TARGET))] = 6 * of_no_entity
    inferred = replace(corpus, documents=replace(documents, tokens=tokens))
    np.testing.assert_array_equal(last_head(inferred, 0)[:3], len(corpus.entities))
    np.testing.assert_array_equal(last_head(inferred, 0)[3:], last_head(corpus, 0)[3:])
    assert not {0, 1, 2} & set(subset_rows(inferred, 0.5, 0).tolist())


def test_a_tiny_world_has_a_subset_of_one_document_at_least():
    corpus = Reversal(entities=4, relations=1, one_way=1, documents=DocumentConfig(copies=1)).build(0)
    assert len(subset_rows(corpus, 1e-9, 0)) >= 1
    assert len(subset_rows(corpus, 1.0, 0)) == len(corpus.documents)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_batch_is_a_function_of_seed_and_step_whatever_was_drawn_before(name):
    corpus, objective = tiny().task.build(0), OBJECTIVES[name]()
    settings = TrainConfig(batch=8)
    (first,) = make_batches(corpus, objective, settings, 3, 5)
    make_batches(corpus, objective, settings, 3, 6)
    (again,), (later,), (other,) = (
        make_batches(corpus, objective, settings, seed, step) for seed, step in ((3, 5), (3, 6), (4, 5))
    )
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not np.array_equal(first["targets"], later["targets"])
    assert not np.array_equal(first["targets"], other["targets"])


def test_all_objectives_are_given_the_same_documents_in_the_same_order(monkeypatch):
    documents = {}
    for name, objective in OBJECTIVES.items():
        monkeypatch.setattr(objective, "make_batch", lambda self, documents, rng: {"tokens": documents.tokens})
        documents[name] = make_batches(tiny().task.build(0), objective(), TrainConfig(batch=8), 0, 3)[0]["tokens"]
    first, *others = documents.values()
    assert all(np.array_equal(first, tokens) for tokens in others)


def test_a_gradient_longer_than_the_clip_is_shortened_to_it(tmp_path):
    config = tiny(clip=0.01)
    corpus = config.task.build(0)
    modules = build_modules(config.model, config.objective, corpus, 0)
    trained = TrainedModel(corpus, config.objective, modules)
    loop = Loop(config, trained, None, "", torch.device("cpu"), WARNINGS, NEVER)
    counters = Counters()
    loop.step(Optimiser(modules, config.train), counters)
    norm = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in modules.parameters()]))
    assert counters.gradient_norm > 0.1
    assert norm == pytest.approx(0.01, rel=1e-3)


def test_a_device_that_the_machine_lacks_is_refused_by_name():
    assert choose_device("cpu").type == "cpu"
    if not torch.backends.mps.is_available():
        with pytest.raises(SettingError, match=r"device is 'mps', but must be one this machine has: .*cpu"):
            choose_device("mps")


@pytest.mark.parametrize(("preset", "splits"), [("causal", ("forward", "inverse")), ("codebook", ("encode", "latent"))])
def test_progress_shows_the_progress_splits_of_the_task(preset, splits, capsys):
    stated, held_out = ({"count": 4, "accuracy": share} for share in (0.75, 0.25))
    shown = dict(zip(splits, (stated, held_out)))
    entry = {"kind": "evaluation", "step": 7, "time": 0.0, "splits": shown | {"other": stated}}
    with Progress(PRESETS[preset][1]) as progress:
        progress.record(entry)
        progress.record(entry | {"methods": {"in-context": {splits[1]: {"count": 2, "accuracy": 0.5}}}})
        progress.record(entry | {"methods": {"in-context": {splits[1]: {"count": 0, "accuracy": None}}}})
    steps = PRESETS[preset][1].train.steps
    line = f"step 7/{steps}  {splits[0]} 75.0 %  {splits[1]} 25.0 %"
    assert capsys.readouterr().err.splitlines() == [line] + [f"{line}  in context 50.0 %"] * 2
