"""What every objective asks is what its drawing says; its predictions and probabilities are those of its network."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eval.metrics import exact_match
from model.objectives.base import Objective
from model.objectives.batch import Batch
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.visibility import Visibility
from tasks.corpus import Cloze, Corpus
from tasks.vocabulary import END, MASK, PAD, Entities
from tests.examples import corpus, modules
from tests.objects import LONG, MIXED, QUERY_MODES, SPLITS, can_be_asked, document, draw, plain, right_names

DECODINGS = ["confidence", "left-to-right", "at-once"]
FIRST_AND_LAST = ["backward", "inverse"]
CAN_BE_ASKED = [(name, split) for name in QUERY_MODES for split in FIRST_AND_LAST if can_be_asked(name, split)]
CANNOT = [(name, split) for name in QUERY_MODES for split in SPLITS if not can_be_asked(name, split)]
GENERATIVE = [(name, split) for name, split in CAN_BE_ASKED if name != "joint-embedding"]
GREEDY = [(name, split) for name, split in GENERATIVE if type(QUERY_MODES[name][1]).predict is Objective.predict]
CHAINED = ["causal", "masked", "masked, causal visibility", "masked, left-to-right", "masked, at-once"]
CAUSAL_OR_FULL = [name for name in CHAINED if "visibility" not in name]

every_question = pytest.mark.parametrize(("name", "split"), CAN_BE_ASKED)


def in_every_split(names: list[str]) -> pytest.MarkDecorator:
    cases = [(name, split) for name in names for split in SPLITS if can_be_asked(name, split)]
    return pytest.mark.parametrize(("name", "split"), cases)


def no_prefix(cloze: Cloze) -> np.ndarray:
    return np.zeros((len(cloze), 0), int)


# Queries, drawn, with the first token of the answer filled in


LAST, FIRST = ("[begin] f A r b1 b2 g", 4), ("[begin] f a1 a2 r B g", 2)
FROM_LEFT = """
    [begin] f A r b1 [mask] g
       .    . . . ^    .    .
"""
DRAWINGS = {
    "causal": (FROM_LEFT, None),
    "prefix": ("""
        [begin] f A r | b1 [mask] g
           .    . . .   ^    .    .
    """, None),
    "infill, left-to-right": (FROM_LEFT, None),
    "bico, left-to-right": (FROM_LEFT, None),
    "masked": ("""
        [begin] f A r b1 [mask] g
           .    . . . .    ^    .
    """, """
        [begin] f a1 [mask] r B g
           .    . .    ^    . . .
    """),
    "masked, at-once": ("""
        [begin] f A r [mask] [mask] g
           .    . . .   .      ^    .
    """, """
        [begin] f [mask] [mask] r B g
           .    .   .      ^    . . .
    """),
    "diffusion": ("""
        [begin] f A r b1 [mask] g
           .    . . . .    ^    .
    """, """
        [begin] f a1 [mask] r B g
           .    . .    ^    . . .
    """),
    "permuted": ("""
        [begin] f A r g b1 [mask]
           0    1 2 3 6 4    5
           1    2 3 6 4 5    .
           .    . . . . ^    .
    """, """
        [begin] f r B g a1 [mask]
           0    1 4 5 6 2    3
           1    4 5 6 2 3    .
           .    . . . . ^    .
    """),
    "reversed, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "reversed, reversed-order": (None, """
        [begin] [reversed] g B r a1 [mask] f
           .        .      . . . ^    .    .
    """),
    "reversed by token, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "reversed by token, reversed-order": (None, """
        [begin] [reversed] g B r a2 [mask] f
           .        .      . . . ^    .    .
    """),
    "reversed by segment, left-to-right": (FROM_LEFT, None),
    "reversed by segment, reversed-order": (None, """
        [begin] g B r a1 [mask] f
           .    . . . ^    .    .
    """),
    "reversed, delimited, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "reversed, delimited, reversed-order": (None, """
        [begin] [reversed] g B [delimiter] r a1 [mask] [delimiter] f
           .        .      . .      .      . ^    .         .      .
    """),
    "semantic-permutation, left-to-right": (FROM_LEFT, None),
    "semantic-permutation, reversed-order": (None, """
        [begin] f B r a1 [mask] g
           .    . . . ^    .    .
    """),
    "semantic-permutation, directed, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "semantic-permutation, directed, reversed-order": (None, """
        [begin] [reversed] f B r a1 [mask] g
           .        .      . . . ^    .    .
    """),
    "both-directions": ("""
        [begin] f A r b1 [mask] g
           <    < < < <    <    <
           .    . . . ^    .    .
    """, """
        [begin] f [mask] a2 r B g
           >    >    >   >  > > >
           .    .    .   ^  . . .
    """),
    "infill, as-trained": ("""
        [begin] [sentinel-0] f A r [sentinel-1] g [sentinel-2] b1 [mask]
           .         .       . . .       .      .       .      ^    .
    """, """
        [begin] [sentinel-0] f [sentinel-1] r B g [sentinel-2] a1 [mask]
           .         .       .       .      . . .       .      ^    .
    """),
    "masked-copy": ("""
        [begin] f A r [mask] [mask] g [end] f A r b1 [mask] g
           .    . . .    .     .    .      .      . . . ^    .    .
    """, """
        [begin] f [mask] [mask] r B g [end] f a1 [mask] r B g
           .    .    .     .    . . .      .      . ^    .    . . .
    """),
    "bico, as-trained": ("""
        [begin] f A r b1 [mask] g
           .    . . . ^    .    .
    """, """
        [begin] f a1 [mask] r B g
           .    . ^    .    . . .
    """),
    "span-denoising": ("""
        [begin] f A r [sentinel-0] g
        [sentinel-0] b1
              .      ^
    """, """
        [begin] f [sentinel-0] r B g
        [sentinel-0] a1
              .      ^
    """),
    "belief-state": ("""
        [begin] f A r b1 [mask] g [end]
        [begin] f A r b1  …  g [end]  next  ^
    """, """
        [begin] f a1 [mask] r B g [end]
        [begin] f a1  …  r B g [end]  next  ^
    """),
    "joint-embedding": ("""
        [begin] f A r [mask] [mask] g
           .    . . ^    .     .    .
    """, None),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_query_is_what_is_drawn(name):
    for (text, start), drawing in zip((LAST, FIRST), DRAWINGS[name]):
        whole, start, size = document(text), np.array([start], np.int32), np.array([2], np.int32)
        cloze, queried = Cloze.open(whole, start, size), QUERY_MODES[name][1]
        prefix = queried.to_decoding_order(cloze, whole.tokens[:, start[0] : start[0] + 2], size)[:, :1]
        query = queried.make_query(cloze, prefix)
        if drawing is None:
            assert query is None
        else:
            assert draw(query | {"targets": np.zeros(1, int)}, 0).replace("[pad]", "^") == plain(drawing)


def test_every_query_mode_is_drawn():
    defaults = {name for name, (trained, _) in QUERY_MODES.items() if trained == type(trained)()}
    assert defaults - {"reinforced"} <= DRAWINGS.keys()  # reinforced asks as causal does


# Queries and predictions


@pytest.mark.parametrize(("name", "split"), CANNOT)
@torch.no_grad()
def test_what_cannot_be_asked_has_no_prediction_and_no_log_probability(name, split):
    (trained, queried), questions = QUERY_MODES[name], MIXED.questions[split]
    model, cloze = modules(trained, MIXED), questions.cloze
    assert queried.make_query(cloze, no_prefix(cloze)) is None
    assert queried.predict(model, cloze, MIXED.entities) is None
    assert queried.answer_log_prob(model, cloze, right_names(MIXED, questions), MIXED.entities) is None
    assert queried.candidate_log_probs(model, cloze, MIXED.entities) is None


@every_question
@torch.no_grad()
def test_what_can_be_asked_has_a_prediction_of_the_length_of_its_span(name, split):
    (trained, queried), cloze = QUERY_MODES[name], MIXED.questions[split].cloze
    assert set(cloze.size) == {1, 2}
    predictions = queried.predict(modules(trained, MIXED), cloze, MIXED.entities)
    assert predictions.shape == (len(cloze), 2)
    assert (predictions[cloze.size == 1, 1] == PAD).all()


@every_question
@torch.no_grad()
def test_questions_asked_together_are_answered_as_alone(name, split):
    (trained, queried), questions = QUERY_MODES[name], MIXED.questions[split]
    model, cloze, names = modules(trained, MIXED), questions.cloze, right_names(MIXED, questions)
    together = queried.predict(model, cloze, MIXED.entities)
    log_probs = queried.answer_log_prob(model, cloze, names, MIXED.entities)
    for i in range(0, len(cloze), 2):
        alone = queried.predict(model, cloze[[i]], MIXED.entities)[0]
        assert together[i].tolist() == np.pad(alone, (0, 2 - len(alone))).tolist()
        log_prob = queried.answer_log_prob(model, cloze[[i]], names[[i]], MIXED.entities)
        assert log_prob == pytest.approx(log_probs[i], rel=1e-4)


@every_question
@torch.no_grad()
def test_tokens_beyond_the_span_do_not_count(name, split):
    (trained, queried), questions = QUERY_MODES[name], MIXED.questions[split]
    model, cloze, names = modules(trained, MIXED), questions.cloze, right_names(MIXED, questions)
    longer = np.where(np.arange(2) < cloze.size[:, None], names, END)
    assert not np.array_equal(names, longer)
    log_probs = [queried.answer_log_prob(model, cloze, either, MIXED.entities) for either in (names, longer)]
    np.testing.assert_array_equal(*log_probs)


@every_question
def test_decoding_order_reverses_names_where_decoding_is_right_to_left_and_is_its_own_inverse(name, split):
    queried, questions = QUERY_MODES[name][1], MIXED.questions[split]
    cloze, names = questions.cloze, right_names(MIXED, questions)
    in_order = queried.to_decoding_order(cloze, names, cloze.size)
    assert np.array_equal(queried.to_decoding_order(cloze, in_order, cloze.size), names)
    by_token = "by token" in name and "reversed-order" in name
    right_to_left = split == "backward" and (name == "both-directions" or by_token)
    has_two = (cloze.size == 2)[:, None]
    assert np.array_equal(in_order != names, (names[:, ::-1] != names) & has_two & right_to_left)


# Log-probabilities


@torch.no_grad()
def chained_by_hand(name: str, model: nn.ModuleDict, cloze: Cloze, i: int, answer: list[int]) -> float:
    """log p of `answer` to question i, one token after another, from the document alone and no code of objectives."""
    network, tokens = model["network"], cloze.documents.tokens[i, : cloze.documents.lengths[i]].tolist()
    start, total = cloze.start[i], 0.0
    for j, token in enumerate(answer):
        if j and "at-once" not in name:
            tokens[start + j - 1] = answer[j - 1]
        hidden = network(torch.tensor([tokens]), Visibility("causal" if "causal" in name else "full"))
        position = start + j - 1 if name == "causal" else start + j
        total += float(network.logits(hidden)[0, position].log_softmax(-1)[token])
    return total


@in_every_split(CHAINED)
@torch.no_grad()
def test_log_probability_is_chained_over_the_whole_name(name, split):
    (trained, queried), questions = QUERY_MODES[name], MIXED.questions[split]
    model, cloze, names = modules(trained, MIXED), questions.cloze, right_names(MIXED, questions)
    log_probs = queried.answer_log_prob(model, cloze, names, MIXED.entities)
    by_hand = [chained_by_hand(name, model, cloze, i, names[i, : cloze.size[i]]) for i in range(len(cloze))]
    np.testing.assert_allclose(log_probs, by_hand, rtol=1e-5)


@every_question
@torch.no_grad()
def test_candidates_have_the_log_probability_of_their_names_where_those_fill_the_span(name, split):
    (trained, queried), cloze, entities = QUERY_MODES[name], MIXED.questions[split].cloze, MIXED.entities
    model = modules(trained, MIXED)
    scores = queried.candidate_log_probs(model, cloze, entities)
    tiled = [np.tile(tokens, (len(cloze), 1)) for tokens in entities.tokens]
    by_name = np.stack([queried.answer_log_prob(model, cloze, names, entities) for names in tiled], axis=1)
    fills_span = entities.lengths == cloze.size[:, None]
    np.testing.assert_allclose(scores[fills_span], by_name[fills_span], rtol=1e-4)
    assert fills_span.any(0).all()
    assert (scores[~fills_span] == -np.inf).all()


@pytest.mark.parametrize(("name", "split"), GENERATIVE)
@torch.no_grad()
def test_probabilities_of_names_sum_to_less_than_one(name, split):
    (trained, queried), cloze = QUERY_MODES[name], MIXED.questions[split].cloze
    total = np.exp(queried.candidate_log_probs(modules(trained, MIXED), cloze, MIXED.entities)).sum(1)
    assert ((total > 0) & (total < 1)).all()


def all_pairs(world: Corpus) -> Entities:
    """All sequences of two tokens, as names."""
    vocab_size = len(world.vocabulary)
    pairs = np.indices((vocab_size, vocab_size)).reshape(2, -1).T
    return Entities(pairs, np.full(len(pairs), 2), tuple(map(str, pairs)))


@pytest.mark.parametrize(("name", "split"), GENERATIVE)
@torch.no_grad()
def test_probabilities_of_all_sequences_sum_to_one(name, split):
    (trained, queried), cloze = QUERY_MODES[name], LONG.questions[split].cloze
    total = np.exp(queried.candidate_log_probs(modules(trained, LONG), cloze, all_pairs(LONG))).sum(1)
    np.testing.assert_allclose(total, 1, rtol=1e-4)


@pytest.mark.parametrize("world", [MIXED, LONG], ids=["mixed", "long"])
@torch.no_grad()
def test_probabilities_of_joint_embedding_sum_to_one_over_names_that_fill_the_span(world):
    model = modules(JointEmbedding(), world)
    for split in ("forward", "inverse", "wrong_frame"):
        scores = JointEmbedding().candidate_log_probs(model, world.questions[split].cloze, world.entities)
        np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-5)


@every_question
@torch.no_grad()
def test_a_prediction_of_one_token_is_the_likeliest_of_all(name, split):
    (trained, queried), world = QUERY_MODES[name], corpus()
    model, cloze, vocab_size = modules(trained, world), world.questions[split].cloze, len(world.vocabulary)
    all_tokens = Entities(np.arange(vocab_size)[:, None], np.ones(vocab_size, int), world.vocabulary.words)
    candidates = world.entities if name == "joint-embedding" else all_tokens
    predictions = queried.predict(model, cloze, candidates)
    scores = queried.candidate_log_probs(model, cloze, candidates)
    assert predictions[:, 0].tolist() == candidates.tokens[scores.argmax(1), 0].tolist()


@torch.no_grad()
def test_joint_embedding_predicts_the_likeliest_name():
    model, cloze = modules(JointEmbedding(), MIXED), MIXED.questions["inverse"].cloze
    predictions = JointEmbedding().predict(model, cloze, MIXED.entities)
    best = JointEmbedding().candidate_log_probs(model, cloze, MIXED.entities).argmax(1)
    assert predictions.tolist() == MIXED.entities.tokens[best].tolist()
    assert len(set(best.tolist())) > 1
    unknown = np.full((len(cloze), 2), END)
    assert (JointEmbedding().answer_log_prob(model, cloze, unknown, MIXED.entities) == -np.inf).all()


# Predictions of networks made by hand


class ByHand(nn.Module):
    """A network with the logits logits_of(tokens[b, t]) -> [b, t, v], whatever is visible."""

    def __init__(self, logits_of: Callable[[Tensor], Tensor]):
        super().__init__()
        self.logits_of, self.parameter = logits_of, nn.Parameter(torch.zeros(1))

    def forward(self, tokens: Tensor, visibility: Visibility, *order: None, logit_positions: Tensor) -> Tensor:
        return self.logits_of(tokens).flatten(0, 1)[logit_positions]

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden


def by_hand(logits_of: Callable[[Tensor], Tensor]) -> nn.ModuleDict:
    return nn.ModuleDict({"network": ByHand(logits_of)})


def filled_in(cloze: Cloze, names: np.ndarray) -> Tensor:
    """The tokens [q, t] of the questions with names[q, k] in their open spans."""
    tokens = cloze.documents.tokens.copy()
    for i, (start, size) in enumerate(zip(cloze.start, cloze.size)):
        tokens[i, start : start + size] = names[i, :size]
    return torch.from_numpy(tokens).long()


def logits_for(tokens: Tensor, confidence: float | Tensor) -> Tensor:
    """Logits [b, t, v] for one token at each position, with more or less confidence."""
    return F.one_hot(tokens, 100) * torch.as_tensor(confidence, dtype=torch.float32)[..., None]


@in_every_split(CAUSAL_OR_FULL)
def test_the_prediction_of_a_network_that_knows_is_the_whole_name(name, split):
    questions = MIXED.questions[split]
    names = right_names(MIXED, questions)
    known = filled_in(questions.cloze, names)
    # A causal network predicts the next token at each position, a masked one the token at that position.
    known = known.roll(-1, dims=1) if name == "causal" else known
    model = by_hand(lambda tokens: logits_for(known, 9.0))
    predictions = QUERY_MODES[name][1].predict(model, questions.cloze, MIXED.entities)
    assert predictions.tolist() == names.tolist()
    assert exact_match(MIXED.entities, questions, predictions).all()
    predictions[:, 0] = END
    assert not exact_match(MIXED.entities, questions, predictions).any()


@pytest.mark.parametrize(("name", "split"), GREEDY)
def test_the_prediction_of_a_model_that_knows_is_the_whole_name_in_any_decoding_order(name, split, monkeypatch):
    queried, questions = QUERY_MODES[name][1], MIXED.questions[split]
    cloze, names = questions.cloze, right_names(MIXED, questions)
    in_order, queries = queried.to_decoding_order(cloze, names, cloze.size), []

    def knows(self: Objective, model: nn.ModuleDict, query: Batch) -> Tensor:
        queries.append(query)
        return logits_for(torch.from_numpy(in_order[:, len(queries) - 1]).long(), 9.0)

    monkeypatch.setattr(type(queried), "token_log_probs", knows)
    assert queried.predict(modules(queried, MIXED), cloze, MIXED.entities).tolist() == names.tolist()
    assert len(queries) == 2
    for query, prefix in zip(queries, (in_order[:, :0], in_order[:, :1])):
        expected = queried.make_query(cloze, prefix)
        assert all(np.array_equal(query[key], expected[key]) for key in expected)


@in_every_split(CAUSAL_OR_FULL)
def test_a_network_is_given_the_question_and_its_own_prediction_but_never_the_answer(name, split):
    cloze, inputs = LONG.questions[split].cloze, []
    positions, rows = cloze.start[:, None] + np.arange(2), np.arange(len(cloze))[:, None]
    assert (cloze.documents.tokens[rows, positions] == MASK).all()

    def record(tokens: Tensor) -> Tensor:
        inputs.append(tokens.numpy())
        return logits_for(torch.full_like(tokens, END), 9.0)

    assert (QUERY_MODES[name][1].predict(by_hand(record), cloze, LONG.entities) == END).all()
    assert len(inputs) >= 2
    for tokens in inputs:
        assert np.isin(tokens[rows, positions], [MASK, END]).all()
        reopened = tokens.copy()
        reopened[rows, positions] = MASK
        assert np.array_equal(reopened, cloze.documents.tokens)
    assert (inputs[0][rows, positions] == MASK).all()


@torch.no_grad()
def test_a_causal_prediction_does_not_depend_on_what_stands_in_the_open_span():
    model, questions = modules(Causal(), LONG), LONG.questions["inverse"]
    cloze = questions.cloze
    answers = filled_in(cloze, right_names(LONG, questions)).numpy()
    with_answers = replace(cloze, documents=replace(cloze.documents, tokens=answers))
    predictions = [Causal().predict(model, either, LONG.entities) for either in (with_answers, cloze)]
    scores = [Causal().candidate_log_probs(model, either, LONG.entities) for either in (with_answers, cloze)]
    assert np.array_equal(*predictions)
    assert np.array_equal(*scores)


def knows_after(cloze: Cloze, names: np.ndarray, sure: int) -> Callable[[Tensor], Tensor]:
    """Logits for the name's token `sure`; for the other one only once that is filled in, and for END before."""
    known, rows = filled_in(cloze, names), torch.arange(len(cloze))
    sure_position, other_position = (torch.from_numpy(cloze.start + j).long() for j in (sure, 1 - sure))

    def logits_of(tokens: Tensor) -> Tensor:
        is_filled = tokens[rows, sure_position] == known[rows, sure_position]
        predicted, confidence = known.clone(), torch.full(known.shape, 9.0)
        predicted[rows, other_position] = torch.where(is_filled, known[rows, other_position], END)
        confidence[rows, other_position] = 5.0
        return logits_for(predicted, confidence)

    return logits_of


@pytest.mark.parametrize(
    ("decoding", "sure", "correct"),
    [
        ("confidence", 0, [True, True]),
        ("confidence", 1, [True, True]),
        ("left-to-right", 0, [True, True]),
        ("left-to-right", 1, [False, True]),
        ("at-once", 0, [True, False]),
        ("at-once", 1, [False, True]),
    ],
)
@pytest.mark.parametrize("split", SPLITS)
def test_masked_decodes_a_span_in_the_order_of_its_setting(split, decoding, sure, correct):
    cloze, names = LONG.questions[split].cloze, right_names(LONG, LONG.questions[split])
    model = by_hand(knows_after(cloze, names, sure))
    predictions = Masked(decoding=decoding).predict(model, cloze, LONG.entities)
    assert ((predictions == names) == correct).all()
    assert np.where(correct, END, predictions).tolist() == np.full_like(predictions, END).tolist()


def test_the_surest_token_is_the_surest_of_each_question_not_of_all():
    cloze, names = LONG.questions["inverse"].cloze, right_names(LONG, LONG.questions["inverse"])
    half = len(cloze) // 2
    first, second = (knows_after(cloze, names, sure) for sure in (0, 1))
    model = by_hand(lambda tokens: torch.cat([first(tokens)[:half], second(tokens)[half:]]))
    assert Masked().predict(model, cloze, LONG.entities).tolist() == names.tolist()


def test_a_predicted_mask_counts_as_decoded():
    cloze, names = LONG.questions["inverse"].cloze, right_names(LONG, LONG.questions["inverse"])
    names = np.stack([np.full(len(names), MASK), names[:, 1]], axis=1)
    model = by_hand(knows_after(cloze, names, 0))
    assert Masked().predict(model, cloze, LONG.entities).tolist() == names.tolist()


@torch.no_grad()
def test_how_a_span_is_decoded_makes_no_difference_to_one_token():
    world = corpus()
    model, cloze = modules(Masked(), world), world.questions["inverse"].cloze
    by_decoding = [Masked(decoding=decoding).predict(model, cloze, world.entities).tolist() for decoding in DECODINGS]
    assert by_decoding[0] == by_decoding[1] == by_decoding[2]


@pytest.mark.parametrize(
    ("passes", "size", "open_before"),
    [(8, 3, [3, 2, 1]), (3, 3, [3, 2, 1]), (2, 3, [3, 1]), (1, 3, [3]), (3, 4, [4, 2, 1]), (2, 5, [5, 2])],
)
def test_diffusion_decodes_an_equal_share_a_pass_the_surest_first(passes, size, open_before):
    world = corpus({"names.min_length": size, "names.max_length": size})
    questions, is_open = world.questions["inverse"], []
    cloze, names = questions.cloze, right_names(world, questions)
    positions, rows = cloze.start[:, None] + np.arange(size), np.arange(len(cloze))[:, None]
    known, confidence = filled_in(cloze, names), torch.full(cloze.documents.tokens.shape, 9.0)
    confidence[rows, positions] = torch.arange(size, dtype=torch.float32) + 1  # the last token is the surest

    def record(tokens: Tensor) -> Tensor:
        is_open.append((tokens.numpy()[rows, positions] == MASK).tolist())
        return logits_for(known, confidence)

    predictions = Diffusion(max_unmask_steps=passes).predict(by_hand(record), cloze, world.entities)
    assert predictions.tolist() == names.tolist()
    assert is_open == [[[j < num_open for j in range(size)]] * len(cloze) for num_open in open_before]
