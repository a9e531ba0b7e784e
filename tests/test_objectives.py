"""What every objective makes of documents is what its drawing says; its loss is that of its targets, and no prediction
depends on the token that it predicts."""

from dataclasses import fields, replace
from typing import get_type_hints

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from config.validation import SettingError
from model.objectives import OBJECTIVES
from model.objectives.base import BATCH_KEYS, Objective
from model.objectives.batch import Tensors, to_tensors
from model.objectives.belief_state import BeliefState
from model.objectives.bico import Bico
from model.objectives.both_directions import BothDirections
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.infill import Infill
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from model.objectives.permuted import Permuted
from model.objectives.prefix import Prefix
from model.objectives.reversed import Reversed
from model.objectives.semantic_permutation import SemanticPermutation
from model.objectives.span_denoising import SpanDenoising, cut_out
from model.visibility import Visibility
from studies.objective_variants import VARIANTS
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Cloze, Corpus, Documents, Questions
from tasks.vocabulary import BEGIN, MASK, PAD
from tests.examples import batch, corpus, modules, some_documents
from tests.objects import (
    ALL_ROLES,
    MANY,
    MIXED,
    OBJECTS,
    QUERY_MODES,
    SPLITS,
    TRAINED,
    WORDS,
    can_be_asked,
    document,
    draw,
    line,
    many,
    plain,
    right_names,
    rng,
)

every_objective = pytest.mark.parametrize("objective", TRAINED.values(), ids=TRAINED)


def of_statements(statements: int) -> Corpus:
    """The world with names of one and two tokens, and with so many statements a document."""
    return corpus({"names.max_length": 2, "documents.statements": statements})


# The contract


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_a_summary_of_its_own(name):
    summaries = [objective.summary for objective in OBJECTIVES.values()]
    assert OBJECTIVES[name].summary
    assert summaries.count(OBJECTIVES[name].summary) == 1


def test_every_key_of_a_batch_stands_in_the_table_and_every_one_of_the_table_is_used():
    made = [objective.make_batch(MIXED.documents, rng()) for objective in TRAINED.values()]
    made += [objective.encode_batch(MIXED.documents) for objective in TRAINED.values()]
    for name, (_, queried) in QUERY_MODES.items():
        clozes = [MIXED.questions[split].cloze for split in SPLITS if can_be_asked(name, split)]
        made += [queried.make_query(cloze, np.zeros((len(cloze), 0), int)) for cloze in clozes]
    assert set().union(*made) == BATCH_KEYS.keys()


@pytest.mark.parametrize("objective", [Objective, *dict.fromkeys(type(queried) for _, queried in QUERY_MODES.values())])
def test_an_objective_is_given_a_cloze_which_does_not_hold_the_answer(objective):
    assert {field.name for field in fields(Cloze)} == {"documents", "start", "size"}
    for questions in MIXED.questions.values():
        cloze, j = questions.cloze, np.arange(2)
        in_span = j < cloze.size[:, None]
        open_tokens = cloze.documents.tokens[np.arange(len(cloze))[:, None], cloze.start[:, None] + j]
        assert (open_tokens[in_span] == MASK).all()
    for name in dir(objective):
        method = getattr(objective, name)
        if callable(method) and not name.startswith("_"):
            assert Questions not in get_type_hints(method).values(), name


# What is made of documents, drawn


DOCUMENT, NAMES = "[begin] f A r B f", "[begin] f a1 a2 r B f"
UNCHANGED = """
    [begin]  f  A  r  B  f
       .     A  r  B  .  .
"""
# What each makes of a document: all of it or, with an ellipsis, some of it.
DRAWINGS = {
    "causal": (Causal(), DOCUMENT, [UNCHANGED]),
    "masked": (Masked(), DOCUMENT, ["""
        [begin]  f  A  r  [mask]  f
           .     .  .  .    B     .
    """, """
        [begin]  f  [mask]  r  B  f
           .     .    A     .  .  .
    """]),
    "masked, a name of two tokens": (Masked(maskable=("source",)), NAMES, ["""
        [begin]  f  [mask]  [mask]  r  B  f
           .     .    a1      a2    .  .  .
    """]),
    "diffusion": (Diffusion(), DOCUMENT, ["""
        [begin]  f  [mask]  r  [mask]  f
           .     .    A     .    B     .
    """, """
        [begin]  f  [mask]  [mask]  [mask]  f
           .     .    A       r       B     .
    """, """
        [begin]  f  A  r  B  f
           .     .  .  .  .  .
    """, ...]),
    "permuted": (Permuted(), DOCUMENT, ["""
        [begin]  B  f  r  A  f
           0     4  1  3  2  5
           4     1  3  2  5  .
           B     .  r  A  .  .
    """, ...]),
    "permuted, a short one": (Permuted(), "[begin] r B", ["""
        [begin]  r  B
           0     1  2
           1     2  .
           r     B  .
    """, """
        [begin]  B  r
           0     2  1
           2     1  .
           B     r  .
    """]),
    "reversed by entity": (Reversed(), NAMES, ["""
        [begin]  [forward]  f  a1  a2  r  B  f
           .         .      a1 a2  r   B  .  .
    """, """
        [begin]  [reversed]  f  B  r  a1  a2  f
           .         .       B  r  a1 a2  .   .
    """]),
    "reversed by token": (Reversed(unit="token", direction=False), NAMES, ["""
        [begin]  f  a1  a2  r  B  f
           .     a1 a2  r   B  .  .
    """, """
        [begin]  f  B  r  a2  a1  f
           .     B  r  a2 a1  .   .
    """]),
    "reversed by segment": (Reversed(unit="segment", max_segment_length=2), "[begin] A r B", ["""
        [begin]  [forward]  A  r  B
           .         A      r  B  .
    """, """
        [begin]  [reversed]  B  r  A
           .         B       r  A  .
    """, """
        [begin]  [reversed]  r  B  A
           .         r       B  A  .
    """, """
        [begin]  [reversed]  B  A  r
           .         B       A  r  .
    """]),
    "reversed, delimited": (Reversed(delimiter=True), NAMES, ["""
        [begin]  [forward]  f  a1  a2  r  B  f
           .         .      a1 a2  r   B  .  .
    """, """
        [begin]  [reversed]  f  B  [delimiter]  r  a1  a2  [delimiter]  f
           .         .       B  .       r       a1 a2  .        .       .
    """]),
    "reversed by token, delimited, undirected": (Reversed("token", direction=False, delimiter=True), NAMES, ["""
        [begin]  f  a1  a2  r  B  f
           .     a1 a2  r   B  .  .
    """, """
        [begin]  f  B  [delimiter]  r  a2  a1  [delimiter]  f
           .     B  .       r       a2 a1  .        .       .
    """]),
    "semantic-permutation": (SemanticPermutation(), NAMES, ["""
        [begin]  f  a1 a2 r B  f
           .     a1 a2 r B  .  .
    """, """
        [begin]  f  a1 a2 B r  f
           .     a1 a2 B r  .  .
    """, """
        [begin]  f  r a1 a2 B  f
           .     r a1 a2 B  .  .
    """, """
        [begin]  f  r B a1 a2  f
           .     r B a1 a2  .  .
    """, """
        [begin]  f  B a1 a2 r  f
           .     B a1 a2 r  .  .
    """, """
        [begin]  f  B r a1 a2  f
           .     B r a1 a2  .  .
    """]),
    "semantic-permutation, directed": (SemanticPermutation(direction=True), "[begin] A r B", ["""
        [begin]  [forward]  A  r  B
           .         A      r  B  .
    """, """
        [begin]  [reversed]  B  r  A
           .         B       r  A  .
    """, """
        [begin]  A  r  B
           A     r  B  .
    """, """
        [begin]  A  B  r
           A     B  r  .
    """, """
        [begin]  r  A  B
           r     A  B  .
    """, """
        [begin]  r  B  A
           r     B  A  .
    """, """
        [begin]  B  A  r
           B     A  r  .
    """, """
        [begin]  B  r  A
           B     r  A  .
    """]),
    "both-directions": (BothDirections(), DOCUMENT, ["""
        [begin]  f  A  r  B  f
           <     <  <  <  <  <
           .     A  r  B  .  .
    """, """
        [begin]  f  A  r  B  f
           >     >  >  >  >  >
           .     .  .  A  r  B
    """]),
    "both-directions, nothing after": (BothDirections(), "[begin] A r B", ["""
        [begin]  A  r  B
           <     <  <  <
           A     r  B  .
    """, """
        [begin]  A  r  B
           >     >  >  >
           .     .  A  r
    """]),
    "prefix": (Prefix(), DOCUMENT, ["""
        [begin] | f  A  r  B  f
           .      A  r  B  .  .
    """, """
        [begin]  f | A  r  B  f
           .     A   r  B  .  .
    """, """
        [begin]  f  A | r  B  f
           .     .  r   B  .  .
    """, """
        [begin]  f  A  r | B  f
           .     .  .  B   .  .
    """, """
        [begin]  f  A  r  B | f
           .     .  .  .  .   .
    """]),
    "infill": (Infill(), DOCUMENT, [UNCHANGED, """
        [begin]  [sentinel-0]  f  [sentinel-1]  r  B  f  [sentinel-2]  A
           .          .        .        r       B  .  .        A       .
    """, """
        [begin]  [sentinel-0]  f  A  [sentinel-1]  f  [sentinel-2]  r  B
           .          .        A  .        .       .        r       B  .
    """, """
        [begin]  [sentinel-0]  [sentinel-1]  f  A  r  B  f  [sentinel-2]
           .          .              .       A  r  B  .  .        .
    """, """
        [begin]  [sentinel-0]  [sentinel-1]  [sentinel-2]  f  A  r  B  f
           .          .              .             .       A  r  B  .  .
    """, ...]),
    "masked-copy": (MaskedCopy(), DOCUMENT, ["""
        [begin]  f  [mask]  r  B  f  [end]  f  A  r  B  f
           .     .    .     .  .  .    .    A  .  .  .  .
    """, """
        [begin]  f  A  r  [mask]  f  [end]  f  A  r  B  f
           .     .  .  .    .     .    .    .  .  B  .  .
    """]),
    "masked-copy, all": (MaskedCopy(targets="all"), DOCUMENT, ["""
        [begin]  f  [mask]  r  B  f  [end]  f  A  r  B  f
           .     .    .     .  .  .    .    A  r  B  .  .
    """, """
        [begin]  f  A  r  [mask]  f  [end]  f  A  r  B  f
           .     .  .  .    .     .    .    A  r  B  .  .
    """]),
    "bico": (Bico(), DOCUMENT, ["""
        [begin]  f  [mask]  r  B  f
           .     A    .     .  .  .
    """, """
        [begin]  f  A  r  [mask]  f
           .     .  .  B    .     .
    """]),
    "span-denoising": (SpanDenoising(), "[begin] f A r b1 b2 f", ["""
        [begin]  f  A  r  [sentinel-0]  f
        [sentinel-0]  b1  b2
             b1       b2   .
    """, """
        [begin]  f  [sentinel-0]  r  b1  b2  f
        [sentinel-0]  A
             A        .
    """]),
    "span-denoising, tokens": (SpanDenoising(scheme="uniform", maskable=ALL_ROLES), DOCUMENT, ["""
        [begin]  f  [sentinel-0]  r  [sentinel-1]  f
        [sentinel-0]  A  [sentinel-1]  B
             A        .       B        .
    """, """
        [begin]  f  A  [sentinel-0]  f
        [sentinel-0]  r  B
             r        B  .
    """, ...]),
    "belief-state": (BeliefState(), "[begin] A r B", ["""
        [begin]  A  r  B  [end]
        [begin]      …  r  B [end]  next      A
        [begin]      …     B [end]  next      A
        [begin]      …       [end]  next      A
        [begin] A    …     B [end]  next      r
        [begin] A    …       [end]  next      r
        [begin] A r  …       [end]  next      B
        [begin]      …  r  B [end]  previous  A
        [begin]      …     B [end]  previous  r
        [begin] A    …     B [end]  previous  r
        [begin]      …       [end]  previous  B
        [begin] A    …       [end]  previous  B
        [begin] A r  …       [end]  previous  B
    """]),
    "joint-embedding": (JointEmbedding(), "[begin] f A r b1 b2 [separator] C q D", ["""
        [begin]  f  A    r    b1  b2  [separator]  C  q  D
           .     .  .  b1-b2  .   .        .       .  D  .
    """]),
}  # fmt: skip


DRAWN_CLASSES = {type(objective) for objective, _, _ in DRAWINGS.values()}


@pytest.mark.parametrize(("objective", "text", "drawings"), DRAWINGS.values(), ids=DRAWINGS)
def test_a_batch_is_what_is_drawn(objective, text, drawings):
    made = objective.make_batch(many(text), rng())
    made_drawings = {draw(made, b) for b in range(2 if isinstance(objective, BeliefState) else MANY)}
    expected = {plain(drawing) for drawing in drawings if drawing is not ...}
    assert expected <= made_drawings
    assert ... in drawings or expected == made_drawings


def test_what_is_drawn_is_registered():
    assert set(OBJECTIVES.values()) >= DRAWN_CLASSES


# What is made of documents


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_a_batch_follows_from_documents_and_seed_and_leaves_both_as_they_were(objective, statements):
    documents = of_statements(statements).documents
    for array in (documents.tokens, documents.lengths, documents.roles):
        array.setflags(write=False)
    once, again = objective.make_batch(documents, rng()), objective.make_batch(documents, rng())
    assert once.keys() == again.keys() >= {"tokens", "lengths"}
    assert all(np.array_equal(once[key], again[key]) for key in once)


@pytest.mark.parametrize("scheme", ["span", "uniform", "fixed"])
def test_another_seed_masks_other_tokens(scheme):
    masked, documents = Masked(scheme=scheme), MIXED.documents
    first, second = (masked.make_batch(documents, rng(seed))["tokens"] for seed in (0, 1))
    assert not np.array_equal(first, second)


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_logit_positions_rise_within_the_batch_and_have_a_target_each(objective, statements):
    made = objective.make_batch(corpus({"documents.statements": statements}).documents, rng())
    assert len(made["targets"])
    if isinstance(objective, BeliefState):  # its pairs are made by hand below
        return
    assert made["logit_positions"].shape == made["targets"].shape
    assert (np.diff(made["logit_positions"]) > 0).all()
    assert made["logit_positions"][0] >= 0
    assert made["logit_positions"][-1] < made.get("decoder_tokens", made["tokens"]).size


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_targets_are_tokens_of_statements_never_special_and_never_filler(objective, statements):
    documents = of_statements(statements).documents
    stated = set(documents.tokens[documents.roles != NONE].tolist())
    others = set(documents.tokens[documents.roles == NONE].tolist())
    assert not stated & others
    assert set(objective.make_batch(documents, rng())["targets"].tolist()) <= stated


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_no_batch_is_longer_than_the_network_is_made_for(objective, statements):
    world = of_statements(statements)
    max_length = objective.max_length(world.max_length)
    for seed in range(5):
        made = objective.make_batch(world.documents, rng(seed))
        assert all(made[key].shape[1] <= max_length for key in ("tokens", "decoder_tokens") if key in made)
        assert made["lengths"].max() <= made["tokens"].shape[1]


def without_statements() -> Documents:
    documents = some_documents(MIXED)
    return replace(documents, roles=np.zeros_like(documents.roles))


@every_objective
def test_a_document_without_a_statement_has_no_target(objective):
    made = objective.make_batch(without_statements(), rng())
    assert made.get("logit_positions", made.get("prefix_ends")).size == made["targets"].size == 0


@every_objective
def test_documents_are_treated_alike_whatever_their_tokens_are(objective):
    documents = MIXED.documents
    once = objective.make_batch(documents, rng())
    changed = replace(documents, tokens=np.where(documents.roles != NONE, 39, documents.tokens))
    again = objective.make_batch(changed, rng())
    equal = once.keys() - {"tokens", "decoder_tokens", "targets", "names", "name_ends", "labels"}
    assert all(np.array_equal(once[key], again[key]) for key in equal)
    assert len(once["targets"]) == len(again["targets"])


@pytest.mark.parametrize("statements", [1, 2])
def test_causal_predicts_every_token_of_a_statement_from_the_position_before_it(statements):
    documents = of_statements(statements).documents
    made = Causal().make_batch(documents, rng())
    assert np.array_equal(made["tokens"], documents.tokens)
    assert np.array_equal(made["logit_positions"] + 1, np.flatnonzero(documents.roles != NONE))
    assert np.array_equal(made["targets"], documents.tokens[documents.roles != NONE])


@pytest.mark.parametrize("scheme", ["span", "uniform", "fixed"])
@pytest.mark.parametrize(
    "maskable", [("source",), ("relation",), ("target",), ("source", "target"), ALL_ROLES], ids="+".join
)
@pytest.mark.parametrize("statements", [1, 2])
def test_masked_puts_mask_on_its_targets_and_changes_nothing_else(statements, maskable, scheme):
    documents = corpus({"names.max_length": 2, "documents.statements": statements, "documents.copies": 8}).documents
    rate = 0.3 if scheme == "fixed" else Masked.rate
    made = Masked(scheme=scheme, maskable=maskable, rate=rate).make_batch(documents, rng())
    is_masked = np.zeros(documents.tokens.size, bool)
    is_masked[made["logit_positions"]] = True
    assert np.array_equal(made["targets"], documents.tokens.ravel()[is_masked])
    assert np.array_equal(made["tokens"].ravel(), np.where(is_masked, MASK, documents.tokens.ravel()))
    assert set(documents.roles.ravel()[is_masked].tolist()) == {ROLES[name] for name in maskable}


@pytest.mark.parametrize(
    ("maskable", "statements"),
    [(("source", "target"), 1), (ALL_ROLES, 1), (("target",), 2), (("source", "target"), 2)],
)
def test_masked_span_masks_one_whole_span_of_each_statement_all_equally_often(maskable, statements):
    documents = corpus({"names.max_length": 2, "documents.statements": statements, "documents.copies": 40}).documents
    documents = documents[np.flatnonzero((documents.roles == RELATION).sum(1) == statements)]
    is_masked = Masked(maskable=maskable).make_batch(documents, rng())["tokens"] == MASK
    is_maskable, num_spans = np.isin(documents.roles, [ROLES[name] for name in maskable]), len(maskable)
    times = np.zeros((statements, num_spans))
    for row, roles in enumerate(documents.roles):
        run_ends = np.flatnonzero(np.diff(roles)) + 1
        spans = [run for run in np.split(np.arange(len(roles)), run_ends) if is_maskable[row, run[0]]]
        whole = [i for i, span in enumerate(spans) if is_masked[row, span].all()]
        assert is_masked[row].sum() == sum(len(spans[i]) for i in whole)
        assert [i // num_spans for i in whole] == list(range(statements))
        times[range(statements), np.array(whole) % num_spans] += 1
    share = 1 / num_spans
    assert np.abs(times / len(documents) - share).max() <= 4 * (share * (1 - share) / len(documents)) ** 0.5


@pytest.mark.parametrize(
    ("masked", "mean", "deviation"),
    [
        (Masked(scheme="uniform"), 0.5, (1 / 12 + 1 / 6 / 20) ** 0.5),
        (Masked(scheme="fixed"), 0.15, (0.15 * 0.85 / 20) ** 0.5),
        (Masked(scheme="fixed", rate=0.6), 0.6, (0.6 * 0.4 / 20) ** 0.5),
    ],
    ids=["uniform", "fixed", "fixed at 0.6"],
)
def test_masked_masks_tokens_at_its_rate(masked, mean, deviation):
    documents = corpus({"names.min_length": 10, "names.max_length": 10, "documents.copies": 20}).documents
    share = (masked.make_batch(documents, rng())["tokens"] == MASK).sum(1) / 20
    assert share.mean() == pytest.approx(mean, abs=4 * deviation / len(documents) ** 0.5)
    assert share.std() == pytest.approx(deviation, rel=0.15)


def test_the_counts_of_targets_that_see_the_rest_are_those_of_the_docs():
    """docs/results/masking-rate.md: of a statement of three tokens, by variant of studies/objective_variants.py."""
    roles = np.tile([SOURCE, RELATION, TARGET], (100_000, 1))
    counts = {}
    for name in ("masked-fixed-15", "masked-fixed-40", "masked-fixed-85", "masked-uniform-long"):
        is_masked = VARIANTS[name].objective.is_masked(roles, np.random.default_rng(0))
        counts[name] = (is_masked.sum(1) == 1).mean()
    documented = {"masked-fixed-15": 0.325, "masked-fixed-40": 0.432, "masked-fixed-85": 0.057}
    assert counts == pytest.approx(documented | {"masked-uniform-long": 0.25}, abs=0.006)
    steps = {name: VARIANTS[name].train.steps for name in counts}
    as_many = 0.25 * steps["masked-uniform-long"], 0.432 * steps["masked-fixed-40"]
    assert as_many[0] == pytest.approx(as_many[1], rel=0.01)


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"rate": 0.0}, "objective.rate"), ({"rate": 1.1}, "objective.rate"), ({"maskable": ()}, "objective.maskable")],
)
def test_masked_refuses_to_mask_nothing_or_more_than_all(settings, named):
    with pytest.raises(SettingError, match=named):
        Masked(**settings)


@pytest.mark.parametrize("statements", [1, 2])
def test_permuted_is_in_some_order_and_predicts_the_position_of_the_next_token(statements):
    documents = of_statements(statements).documents
    made = Permuted().make_batch(documents, rng())
    t, order = documents.tokens.shape[1], made["positions"]
    unchanged = np.tile(np.arange(t), (len(order), 1))
    assert np.array_equal(np.sort(order, axis=1), unchanged)
    assert (order[:, 0] == 0).all()
    is_padding = ~documents.is_token()
    assert np.array_equal(order[is_padding], unchanged[is_padding])
    assert np.array_equal(made["tokens"], np.take_along_axis(documents.tokens, order, 1))
    assert np.array_equal(made["target_positions"][:, :-1], order[:, 1:])
    predicted = (
        np.unravel_index(made["logit_positions"], order.shape)[0],
        made["target_positions"].ravel()[made["logit_positions"]],
    )
    assert np.array_equal(made["targets"], documents.tokens[predicted])
    assert len(predicted[0]) == (documents.roles != NONE).sum()
    assert len(np.unique(order, axis=0)) > len(order) / 3


def test_permuted_draws_every_order_equally_often():
    made = Permuted().make_batch(document("[begin] A r B")[np.zeros(6000, int)], rng())
    _, times = np.unique(made["positions"], axis=0, return_counts=True)
    assert len(times) == 6
    assert np.abs(times / 6000 - 1 / 6).max() < 4 * (1 / 6 * 5 / 6 / 6000) ** 0.5


@pytest.mark.parametrize("split", SPLITS)
def test_permuted_asks_for_the_open_span_last(split):
    questions = MIXED.questions[split]
    cloze = questions.cloze
    for j, prefix in enumerate((np.zeros((len(cloze), 0), int), right_names(MIXED, questions)[:, :1])):
        query = Permuted().make_query(cloze, prefix)
        t = query["tokens"].shape[1]
        for q, (flat, length) in enumerate(zip(query["logit_positions"], cloze.documents.lengths)):
            start, size = cloze.start[q], cloze.size[q]
            span = list(range(start, start + size))
            others = [i for i in range(length) if i not in span]
            assert query["positions"][q, :length].tolist() == others + span
            assert query["target_positions"][q, flat - q * t] == start + min(j, size - 1)


@pytest.mark.parametrize("objective", [Reversed(), BothDirections()], ids=["reversed", "both-directions"])
@pytest.mark.parametrize("count", [1, 2, 47, 48])
def test_half_of_the_documents_are_read_right_to_left(objective, count):
    made = objective.make_batch(MIXED.documents[np.arange(count)], rng())
    is_reversed = made.get("right_to_left", (made["tokens"] == WORDS.ids["[reversed]"]).any(1))
    assert is_reversed.sum() == count // 2


def test_semantic_permutation_gives_each_order_to_a_third_of_the_documents_and_draws_random_ones_equally_often():
    documents = document("[begin] A r B")[np.zeros(9000, int)]
    made = SemanticPermutation(direction=True).make_batch(documents, rng())
    kinds, times = np.unique(made["tokens"][:, 1], return_counts=True)
    marked = dict(zip(kinds.tolist(), times.tolist()))
    assert (marked[WORDS.ids["[forward]"]], marked[WORDS.ids["[reversed]"]]) == (3000, 3000)
    _, times = np.unique(made["tokens"][made["lengths"] == 4], axis=0, return_counts=True)
    assert len(times) == 6
    assert np.abs(times / 3000 - 1 / 6).max() < 4 * (1 / 6 * 5 / 6 / 3000) ** 0.5


def test_semantic_permutation_permutes_the_statements_of_a_document_apart_from_each_other():
    text = "[begin] f A r B [separator] C q q D [end] g"
    documents = document(text)[np.zeros(MANY, int)]
    words = text.split()
    ends = np.isin(words, ["[separator]", "[end]"])
    documents.roles[:, ends] = RELATION  # as documents with a chain of thought have it
    made = SemanticPermutation().make_batch(documents, rng())
    lines = [line(row).split() for row in made["tokens"]]
    outside = [0, 1, *np.flatnonzero(ends), len(words) - 1]
    assert all([row[i] for i in outside] == [words[i] for i in outside] for row in lines)
    orders = {(" ".join(row[2:5]), " ".join(row[6:10])) for row in lines}
    assert {first for first, _ in orders} == {"A r B", "A B r", "r A B", "r B A", "B A r", "B r A"}
    assert {second for _, second in orders} == {"C q q D", "C D q q", "q q C D", "q q D C", "D C q q", "D q q C"}
    assert len(orders) == 36


def test_infill_cuts_its_share_of_the_documents():
    documents = corpus({"documents.copies": 40}).documents
    for share in (0.2, 0.5, 1.0):
        is_cut = (Infill(share=share).make_batch(documents, rng())["tokens"] == WORDS.ids["[sentinel-2]"]).any(1)
        assert is_cut.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / len(documents)) ** 0.5)


def test_span_denoising_leaves_runs_beyond_the_fourth():
    documents = document("[begin] f A r B [separator] C q D [separator] E s F")
    source, cut = cut_out(documents, np.isin(documents.roles, (SOURCE, TARGET)))
    assert line(source.tokens[0]) == (
        "[begin] f [sentinel-0] r [sentinel-1] [separator] [sentinel-2] q [sentinel-3] [separator] E s F"
    )
    assert line(cut.tokens[0]) == "[sentinel-0] A [sentinel-1] B [sentinel-2] C [sentinel-3] D"
    assert np.array_equal(source.lengths, [13])
    assert cut.lengths == [8]


@pytest.mark.parametrize("statements", [1, 2])
def test_belief_state_pairs_every_prefix_with_every_suffix(statements):
    documents = of_statements(statements).documents
    made, expected = BeliefState().make_batch(documents, rng()), set()
    for b, (tokens, length, roles) in enumerate(zip(documents.tokens, documents.lengths, documents.roles)):
        for prefix_end in range(length):
            for suffix_start in range(prefix_end + 2, length + 1):  # [end] is at position `length`
                ends = [(prefix_end + 1, True), (suffix_start - 1, False)]
                expected |= {
                    (b, prefix_end, suffix_start, is_next, tokens[p]) for p, is_next in ends if roles[p] != NONE
                }
    t = made["tokens"].shape[1]
    row, prefix_end = np.divmod(made["prefix_ends"], t)
    suffix_row, suffix_start = np.divmod(made["suffix_starts"], t)
    assert (row == suffix_row).all()
    pairs = list(zip(row, prefix_end, suffix_start, made["is_next"], made["targets"]))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected


@pytest.mark.parametrize("statements", [1, 2])
def test_joint_embedding_chooses_the_name_that_follows_from_all_names_of_the_batch(statements):
    world = of_statements(statements)
    documents, made = world.documents, JointEmbedding().make_batch(world.documents, rng())
    all_names = {tuple(name[name != PAD].tolist()) for name in world.entities.tokens}
    expected = []
    for b, (tokens, roles) in enumerate(zip(documents.tokens, documents.roles)):
        for i in np.flatnonzero((roles[1:] == TARGET) & (roles[:-1] != TARGET)):
            size = next(k for k in range(1, 9) if i + 1 + k == len(roles) or roles[i + 1 + k] != TARGET)
            expected.append((b * len(tokens) + i, tuple(tokens[i + 1 : i + 1 + size].tolist())))
    names = [tuple(name[name != PAD].tolist()) for name in made["names"]]
    assert {name[0] for name in names} == {BEGIN}
    assert len(set(names)) == len(names)
    assert {name[1:] for name in names} == {name for _, name in expected} <= all_names
    assert [(flat, names[i][1:]) for flat, i in zip(made["logit_positions"].tolist(), made["labels"])] == expected
    width = made["names"].shape[1]
    assert made["name_ends"].tolist() == [m * width + len(name) - 1 for m, name in enumerate(names)]


# What is refused


REFUSED = {
    ("permuted", "position"),
    *((name, "convolution") for name in ("permuted", "both-directions", "belief-state")),
}


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("settings", [{"position": "none"}, {"convolution": 3}, {"recurrence": 2}], ids=str)
def test_a_network_that_makes_no_sense_is_refused_and_every_other_trains(name, settings):
    (setting,) = settings
    if (name, setting) in REFUSED:
        with pytest.raises(SettingError, match=f"model.{setting}"):
            modules(OBJECTS[name], MIXED, **settings)
        return
    model = modules(OBJECTS[name], MIXED, **settings)
    loss, count = OBJECTS[name].loss(model, batch(OBJECTS[name], some_documents(MIXED)))
    loss.backward()
    assert 0 < loss.item() / count < 20
    used = [parameter for parameter in model.parameters() if is_used(OBJECTS[name], model, parameter)]
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in used)


def is_used(objective: Objective, model: nn.ModuleDict, parameter: Tensor) -> bool:
    """Whether the objective trains it."""
    return not (isinstance(objective, JointEmbedding) and parameter is model["network"].head.weight)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Reversed(max_segment_length=0), "objective.max_segment_length"),
        (lambda: Reversed(max_segment_length=2), "objective.max_segment_length"),  # which only segments have
        (lambda: Masked(rate=0.5), "objective.rate"),  # which only a fixed rate uses
        (lambda: Masked(scheme="uniform", rate=0.5), "objective.rate"),
        (lambda: Infill(share=0.0), "objective.share"),
        (lambda: Infill(share=1.1), "objective.share"),
        (lambda: Diffusion(min_time=0.0), "objective.min_time"),
        (lambda: Diffusion(min_time=1.0), "objective.min_time"),
        (lambda: Diffusion(max_unmask_steps=0), "objective.max_unmask_steps"),
        (lambda: JointEmbedding(temperature=0.0), "objective.temperature"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_make_no_sense_are_refused(make, named):
    with pytest.raises(SettingError, match=named):
        make()


# A prediction never depends on the token that it predicts


FIRST_UNIQUE, ANOTHER = 60, 50  # token ids
LARGE = corpus(
    {
        "entities": 120,
        "documents.statements": 2,
        "names.min_length": 2,
        "names.max_length": 2,
        "names.pieces": 120,
    }
)


def with_unique_tokens(documents: Documents) -> Documents:
    """The documents with every token of a statement another one."""
    tokens = documents.tokens.copy()
    is_stated = documents.roles != NONE
    tokens[is_stated] = FIRST_UNIQUE + np.arange(is_stated.sum())
    return replace(documents, tokens=tokens)


def predicted_tokens(made: Tensors) -> Tensor:
    """The tokens [n, k] that each of the n predictions of a batch is about."""
    return made["names"][made["labels"]][:, 1:] if "labels" in made else made["targets"][:, None]


def is_hidden(objective: Objective, made: Tensors, token: int) -> bool:
    """Whether a batch does not show the token, as a masked copy does where it is not masked."""
    return not isinstance(objective, MaskedCopy) or (made["tokens"] == token).sum() == 1


@every_objective
@pytest.mark.parametrize("seed", [0, 1])
@torch.no_grad()
def test_no_prediction_depends_on_the_token_it_predicts(objective, seed):
    documents, model = with_unique_tokens(some_documents(LARGE)), modules(objective, LARGE)
    made = batch(objective, documents, seed)
    before, predicted = objective.target_hidden(model, made), predicted_tokens(made)
    num_hidden, num_changed = 0, 0
    for b, p in np.argwhere(documents.roles != NONE):
        token, tokens = int(documents.tokens[b, p]), documents.tokens.copy()
        tokens[b, p] = ANOTHER
        changed = batch(objective, replace(documents, tokens=tokens), seed)
        after, is_about = objective.target_hidden(model, changed), (predicted == token).any(1)
        assert torch.equal(predicted_tokens(changed)[is_about] == ANOTHER, predicted[is_about] == token)
        if is_hidden(objective, made, token):
            num_hidden += int(is_about.sum())
            assert torch.equal(after[is_about], before[is_about])
        num_changed += int((after != before).any(-1).sum())
    assert num_hidden
    assert num_changed  # a visible token does make a difference


# Losses


FLAT_KEYS = ("logit_positions", "prefix_ends", "suffix_starts")
KEYS_PER_TARGET = (*FLAT_KEYS, "is_next", "targets", "weights")


def alone(made: Tensors, b: int) -> Tensors:
    """Document b of a batch, without the others and without padding."""
    t, length = made.get("decoder_tokens", made["tokens"]).shape[1], int(made["lengths"][b])
    in_document, part = made.get("prefix_ends", made.get("logit_positions")) // t == b, {}
    for key, values in made.items():
        part[key] = values[in_document] if key in KEYS_PER_TARGET else values[b : b + 1]
        if key in FLAT_KEYS:
            part[key] = part[key] % t
            assert (part[key] < (t if "decoder_tokens" in made else length)).all()
        elif key in ("tokens", "positions", "target_positions"):
            part[key] = part[key][:, :length]
    return part


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "joint-embedding"])
@torch.no_grad()
def test_loss_is_the_sum_over_documents_alone(name):
    objective, documents = TRAINED[name], some_documents(MIXED)
    made, model = batch(objective, documents), modules(objective, MIXED)
    losses = [objective.loss(model, alone(made, b)) for b in range(len(documents))]
    loss, denominator = objective.loss(model, made)
    assert loss.item() == pytest.approx(sum(loss.item() for loss, _ in losses), rel=1e-5)
    assert denominator == sum(count for _, count in losses) > 0


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "joint-embedding"])
@torch.no_grad()
def test_loss_is_the_negative_log_probability_of_the_targets(name):
    objective = TRAINED[name]
    made, model = batch(objective, some_documents(MIXED)), modules(objective, MIXED)
    log_probs = model["network"].logits(objective.target_hidden(model, made)).log_softmax(-1)
    losses = -log_probs[torch.arange(len(log_probs)), made["targets"]] * made.get("weights", torch.ones(1))
    loss, denominator = objective.loss(model, made)
    assert loss.item() == pytest.approx(losses.sum().item(), rel=1e-5)
    assert denominator == int(made.get("num_maskable", torch.tensor(len(log_probs))).sum())


@torch.no_grad()
def test_the_loss_of_joint_embedding_follows_from_its_similarity_with_the_names_of_the_batch():
    model, documents = modules(JointEmbedding(), MIXED), some_documents(MIXED)
    made, total = batch(JointEmbedding(), documents), 0.0
    vectors = []
    for name in made["names"]:
        name = name[name != PAD][None]
        vectors.append(model["network"](name, Visibility("causal"))[0, -1])
    for flat, label in zip(made["logit_positions"].tolist(), made["labels"].tolist()):
        b, position = divmod(flat, made["tokens"].shape[1])
        tokens = made["tokens"][b : b + 1, : position + 1]
        predicted = model["predictor"](model["network"](tokens, Visibility("causal"))[0, -1])
        similarity = torch.stack([F.cosine_similarity(predicted, vector, dim=0) for vector in vectors]) / 0.1
        total -= similarity.log_softmax(0)[label].item()
    loss, denominator = JointEmbedding().loss(model, made)
    assert loss.item() == pytest.approx(total, rel=1e-4)
    assert denominator == len(made["logit_positions"]) == 4


@every_objective
def test_loss_without_a_target_is_nothing_and_changes_nothing(objective):
    made, model = batch(objective, without_statements()), modules(objective, MIXED)
    loss, denominator = objective.loss(model, made)
    loss.backward()
    assert (loss.item(), denominator) == (0, 0)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert not any(gradient.count_nonzero() for gradient in gradients)


def test_diffusion_weighs_a_target_by_how_rarely_it_is_masked():
    documents = many("[begin] f A r B f")
    made = Diffusion(min_time=0.2).make_batch(documents, rng())
    row, num_maskable = made["logit_positions"] // made["tokens"].shape[1], (documents.roles != NONE).sum(1)
    assert np.array_equal(made["num_maskable"], num_maskable)
    assert ((made["weights"] >= 1) & (made["weights"] <= 5)).all()
    for b in range(len(documents)):
        assert len(set(made["weights"][row == b].tolist())) <= 1
    assert made["weights"].sum() == pytest.approx(num_maskable.sum(), rel=0.1)


class ByNumberMasked(nn.Module):
    """A network of two tokens that loses more on a target, the more tokens are masked with it."""

    losses = torch.tensor([0.0, 0.2, 1.0, 3.0])

    def forward(self, tokens: Tensor, visibility: Visibility, *order: None, logit_positions: Tensor) -> Tensor:
        right = (-self.losses)[(tokens == MASK).sum(1)].exp()[:, None, None]
        logits = torch.cat([right, 1 - right], dim=-1).log().expand(-1, tokens.shape[1], -1)
        return logits.flatten(0, 1)[logit_positions]

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden


@torch.no_grad()
def test_diffusion_loses_in_expectation_what_any_order_loses():
    count = 40_000
    made = Diffusion(min_time=1e-4).make_batch(document("[begin] A r B")[np.zeros(count, int)], rng())
    made["targets"] = made["targets"] * 0  # the network treats all targets alike: as the first of its two tokens
    model = nn.ModuleDict({"network": ByNumberMasked()})
    loss, denominator = Diffusion().loss(model, to_tensors(made, torch.device("cpu")))
    assert denominator == 3 * count
    assert loss.item() / count == pytest.approx(ByNumberMasked.losses.sum().item(), rel=0.03)
