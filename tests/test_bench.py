"""The benchmark: it runs, it counts correctly, and both sides have the same task."""

import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from config.validation import SettingError
from model.build import build_modules
from model.objectives.masked import Masked
from train.bench import (
    IGNORED,
    Bench,
    TheirObjective,
    comparisons,
    count_operations,
    main,
    make_corpus,
    make_step,
    their_network,
)

TINY = Bench(width=16, depth=1, heads=2, positions=8, batch=4, vocab_size=20, rate=0.5, rounds=2, steps=1)
every_comparison = pytest.mark.parametrize("comparison", comparisons(TINY), ids=lambda comparison: comparison.name)


def test_the_table_holds_every_comparison(capsys):
    main([f"--{name}={getattr(TINY, name)}" for name in TINY.__match_args__])
    out = capsys.readouterr().out
    assert all(comparison.name in out for comparison in comparisons(TINY))
    assert "GFLOP/s" in out
    assert max(map(len, out.splitlines())) <= 80


def test_operations_are_those_counted_by_hand():
    settings = Bench(width=8, depth=1, heads=2, positions=4, batch=2, vocab_size=16)
    all_masked = Masked(scheme="fixed", maskable=("source", "relation", "target"), rate=1.0)
    corpus = make_corpus(settings, comparisons(settings)[0].roles)
    modules = build_modules(settings.network, all_masked, corpus, seed=0)
    # 8 positions; maps of 8 x (8 + 16 + 8) for attention, 8 x 32 and 32 x 8 after it, 8 x 16 for words. Each has one
    # product forward and two backward. Attention: 2 rows, 2 heads, 4 x 4 x 4, two forward and five backward.
    maps = 2 * 8 * (8 * 32 + 2 * 8 * 32 + 8 * 16) * 3
    attention = 2 * 2 * 2 * 4 * 4 * 4 * (2 + 5)
    assert count_operations(make_step(corpus, all_masked, modules, batch=2)) == maps + attention


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
    step = make_step(corpus, TheirObjective(comparison.objective), modules, TINY.batch)
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
    ("name", "value"), [("rounds", 0), ("heads", 3), ("rate", 2.0), ("vocab_size", 12), ("positions", 2)]
)
def test_an_impossible_setting_is_refused_by_name(name, value):
    with pytest.raises(SettingError, match=name):
        Bench(**{name: value})
