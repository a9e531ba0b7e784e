"""What every objective prepares is what it says, and what it answers is what its network says, whole names and all."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from eval.score import right
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.visibility import Visibility
from tasks.corpus import NONE, RELATION, ROLES, Corpus, Documents, Entities, Questions
from tasks.settings import SettingError
from tasks.vocabulary import END, MASK, PAD
from tests.examples import batch, corpus, modules, some_documents

MODES = ["confidence", "left-to-right", "at-once"]
OBJECTS = {name: objective() for name, objective in OBJECTIVES.items()} | {
    "masked, uniform": Masked(hide="uniform"),
    "masked, fixed": Masked(hide="fixed", rate=0.5),
    "masked, all spans": Masked(spans=tuple(ROLES)),
    "masked, see causal": Masked(see="causal"),
}
ASKED = {"causal": Causal(), "masked, see causal": Masked(see="causal")} | {
    f"masked, {m}": Masked(unmask=m) for m in MODES
}
SPLITS = ["forward", "backward", "inverse", "wrong_frame"]
CAN_BE_ASKED = [(name, split) for name in ASKED for split in SPLITS if (name, split) != ("causal", "backward")]
MIXED = corpus(longest_name=2, one_way=12)  # names of one and of two tokens
LONG = corpus(shortest_name=2, longest_name=2)

every_objective = pytest.mark.parametrize("objective", OBJECTS.values(), ids=OBJECTS)
every_question = pytest.mark.parametrize(("name", "split"), CAN_BE_ASKED)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def names_of(of: Corpus, questions: Questions) -> np.ndarray:
    """The right names[q, k], PAD after the answer span."""
    return of.entities.tokens[questions.accepted[:, 0]][:, : questions.size.max()]


# What is prepared


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_a_batch_follows_from_documents_and_seed_and_leaves_both_as_they_were(objective, statements):
    documents = corpus(longest_name=2, statements=statements).documents
    for array in (documents.tokens, documents.lengths, documents.roles):
        array.setflags(write=False)
    once, again = objective.prepare(documents, rng()), objective.prepare(documents, rng())
    assert once.keys() == again.keys() >= {"tokens", "lengths"}
    assert all(np.array_equal(once[key], again[key]) for key in once)


@pytest.mark.parametrize("hide", ["span", "uniform", "fixed"])
def test_another_seed_hides_other_tokens(hide):
    masked, documents = Masked(hide=hide), MIXED.documents
    assert not np.array_equal(masked.prepare(documents, rng(0))["tokens"], masked.prepare(documents, rng(1))["tokens"])


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_places_that_predict_rise_within_the_batch_and_have_a_target_each(objective, statements):
    made = objective.prepare(corpus(statements=statements).documents, rng())
    assert made["at"].shape == made["targets"].shape
    assert made["at"].size
    assert (np.diff(made["at"]) > 0).all()
    assert made["at"][0] >= 0
    assert made["at"][-1] < made["tokens"].size


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_targets_are_tokens_of_statements_never_special_and_never_filler(objective, statements):
    documents = corpus(longest_name=2, statements=statements).documents
    stated = set(documents.tokens[documents.roles != NONE].tolist())
    elsewhere = set(documents.tokens[documents.roles == NONE].tolist())
    assert not stated & elsewhere
    assert set(objective.prepare(documents, rng())["targets"].tolist()) <= stated


@every_objective
def test_a_document_without_a_statement_has_no_target(objective):
    stated = some_documents(MIXED)
    documents = Documents(stated.tokens, stated.lengths, np.zeros_like(stated.roles))
    made = objective.prepare(documents, rng())
    assert made["at"].size == made["targets"].size == 0


@pytest.mark.parametrize("statements", [1, 2])
def test_causal_predicts_every_token_of_a_statement_from_the_place_before_it(statements):
    documents = corpus(longest_name=2, statements=statements).documents
    made = Causal().prepare(documents, rng())
    assert np.array_equal(made["tokens"], documents.tokens)
    assert np.array_equal(made["at"] + 1, np.flatnonzero(documents.roles != NONE))
    assert np.array_equal(made["targets"], documents.tokens[documents.roles != NONE])


@pytest.mark.parametrize("hide", ["span", "uniform", "fixed"])
@pytest.mark.parametrize(
    "spans", [("source",), ("relation",), ("target",), ("source", "target"), tuple(ROLES)], ids="+".join
)
@pytest.mark.parametrize("statements", [1, 2])
def test_masked_hides_its_targets_under_mask_and_changes_nothing_else(statements, spans, hide):
    documents = corpus(longest_name=2, statements=statements, renderings=8).documents
    made = Masked(hide=hide, spans=spans, rate=0.3).prepare(documents, rng())
    hidden = np.zeros(documents.tokens.size, bool)
    hidden[made["at"]] = True
    assert np.array_equal(made["targets"], documents.tokens.ravel()[hidden])
    assert np.array_equal(made["tokens"].ravel(), np.where(hidden, MASK, documents.tokens.ravel()))
    assert set(documents.roles.ravel()[hidden].tolist()) == {ROLES[name] for name in spans}


@pytest.mark.parametrize(
    ("spans", "statements"), [(("source", "target"), 1), (tuple(ROLES), 1), (("target",), 2), (("source", "target"), 2)]
)
def test_masked_span_hides_one_whole_span_of_each_document_all_equally_often(spans, statements):
    documents = corpus(longest_name=2, statements=statements, renderings=40).documents
    documents = documents[np.flatnonzero((documents.roles == RELATION).sum(1) == statements)]
    hidden = Masked(spans=spans).prepare(documents, rng())["tokens"] == MASK
    may, times = np.isin(documents.roles, [ROLES[name] for name in spans]), np.zeros(len(spans) * statements)
    for roles, here, taken in zip(documents.roles, may, hidden):
        ends = np.flatnonzero(np.diff(roles)) + 1
        runs = [run for run in np.split(np.arange(len(roles)), ends) if here[run[0]]]
        (whole,) = (i for i, run in enumerate(runs) if taken[run].all())
        assert taken.sum() == len(runs[whole])
        times[whole] += 1
    share = 1 / len(times)
    assert np.abs(times / len(documents) - share).max() < 4 * (share * (1 - share) / len(documents)) ** 0.5


@pytest.mark.parametrize(
    ("masked", "mean", "spread"),
    [
        (Masked(hide="uniform"), 0.5, (1 / 12 + 1 / 6 / 20) ** 0.5),
        (Masked(hide="fixed"), 0.15, (0.15 * 0.85 / 20) ** 0.5),
        (Masked(hide="fixed", rate=0.6), 0.6, (0.6 * 0.4 / 20) ** 0.5),
    ],
    ids=["uniform", "fixed", "fixed at 0.6"],
)
def test_masked_hides_tokens_at_its_rate(masked, mean, spread):
    documents = corpus(shortest_name=10, longest_name=10, renderings=20).documents
    share = (masked.prepare(documents, rng())["tokens"] == MASK).sum(1) / 20
    assert share.mean() == pytest.approx(mean, abs=4 * spread / len(documents) ** 0.5)
    assert share.std() == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"rate": 0.0}, "objective.rate"), ({"rate": 1.1}, "objective.rate"), ({"spans": ()}, "objective.spans")],
)
def test_masked_refuses_what_hides_nothing_or_more_than_all(settings, named):
    with pytest.raises(SettingError, match=named):
        Masked(**settings)


# What is lost


@every_objective
def test_loss_is_the_sum_over_targets_and_over_documents_asked_alone(objective):
    documents = some_documents(MIXED)
    made, network = batch(objective, documents), modules(objective, MIXED)["network"]
    t, total, count = made["tokens"].shape[1], 0.0, 0
    for b, length in enumerate(made["lengths"].tolist()):
        here = made["at"] // t == b
        alone = {"tokens": made["tokens"][b : b + 1, :length], "lengths": made["lengths"][b : b + 1]}
        logits = network.logits(network(alone["tokens"], objective.visibility(alone)))[0, made["at"][here] % t]
        total += F.cross_entropy(logits, made["targets"][here], reduction="sum").item()
        count += int(here.sum())
    loss, denominator = objective.loss({"network": network}, made)
    assert loss.item() == pytest.approx(total, rel=1e-5)
    assert denominator == count > 0


@every_objective
def test_loss_of_no_target_is_nothing_and_moves_nothing(objective):
    made, of = batch(objective, some_documents(MIXED)), modules(objective, MIXED)
    loss, denominator = objective.loss(of, made | {"at": made["at"][:0], "targets": made["targets"][:0]})
    loss.backward()
    assert (loss.item(), denominator) == (0, 0)
    assert not any(p.grad is not None and p.grad.count_nonzero() for p in of.parameters())


# What is asked


@torch.no_grad()
def test_causal_cannot_be_asked_for_what_stands_first():
    of, questions = modules(Causal(), MIXED), MIXED.questions["backward"]
    assert Causal().answer(of, questions) is None
    assert Causal().log_probability(of, questions, names_of(MIXED, questions)) is None
    assert Causal().score(of, questions, MIXED.entities) is None


@every_question
@torch.no_grad()
def test_whatever_can_be_asked_gets_an_answer_of_the_length_of_its_span(name, split):
    questions = MIXED.questions[split]
    assert set(questions.size) == {1, 2}
    said = ASKED[name].answer(modules(ASKED[name], MIXED), questions)
    assert said.shape == (len(questions), 2)
    assert (said[questions.size == 1, 1] == PAD).all()


@every_question
@torch.no_grad()
def test_questions_asked_together_are_answered_as_alone(name, split):
    of, questions = modules(ASKED[name], MIXED), MIXED.questions[split]
    together = ASKED[name].answer(of, questions)
    for i in range(len(questions)):
        alone = ASKED[name].answer(of, questions[[i]])[0]
        assert together[i].tolist() == np.pad(alone, (0, 2 - len(alone))).tolist()


@torch.no_grad()
def chained_by_hand(name: str, of: dict, questions: Questions, i: int, answer: list[int]) -> float:
    """log p of `answer` to question i, one token after another, from the document alone and no code of objectives."""
    network, document = of["network"], questions.documents.tokens[i, : questions.documents.lengths[i]].tolist()
    start, total = questions.start[i], 0.0
    for j, token in enumerate(answer):
        if j and "at-once" not in name:
            document[start + j - 1] = answer[j - 1]
        hidden = network(torch.tensor([document]), Visibility("causal" if "causal" in name else "full"))
        place = start + j - 1 if name == "causal" else start + j
        total += float(network.logits(hidden)[0, place].log_softmax(-1)[token])
    return total


@every_question
@torch.no_grad()
def test_log_probability_is_chained_over_the_whole_name(name, split):
    of, questions = modules(ASKED[name], MIXED), MIXED.questions[split]
    names = names_of(MIXED, questions)
    said = ASKED[name].log_probability(of, questions, names)
    by_hand = [chained_by_hand(name, of, questions, i, names[i, : questions.size[i]]) for i in range(len(questions))]
    np.testing.assert_allclose(said, by_hand, rtol=1e-5)


@every_question
@torch.no_grad()
def test_score_is_the_log_probability_of_every_name_that_fits_the_span(name, split):
    of, questions, entities = modules(ASKED[name], MIXED), MIXED.questions[split], MIXED.entities
    score = ASKED[name].score(of, questions, entities)
    tiled = [np.tile(entity, (len(questions), 1)) for entity in entities.tokens]
    each = np.stack([ASKED[name].log_probability(of, questions, names) for names in tiled], axis=1)
    fits = entities.lengths == questions.size[:, None]
    np.testing.assert_allclose(score[fits], each[fits], rtol=1e-5)
    assert fits.any(0).all()
    assert (score[~fits] == -np.inf).all()


@every_question
@torch.no_grad()
def test_names_share_at_most_all_there_is(name, split):
    of, questions = modules(ASKED[name], MIXED), MIXED.questions[split]
    share = np.exp(ASKED[name].score(of, questions, MIXED.entities)).sum(1)
    assert ((share > 0) & (share < 1)).all()


@every_question
@torch.no_grad()
def test_all_that_could_be_said_shares_exactly_all_there_is(name, split):
    of, questions, words = modules(ASKED[name], LONG), LONG.questions[split], len(LONG.vocabulary)
    pairs = np.indices((words, words)).reshape(2, -1).T
    everything = Entities(pairs, np.full(len(pairs), 2), tuple(map(str, pairs)))
    share = np.exp(ASKED[name].score(of, questions, everything)).sum(1)
    np.testing.assert_allclose(share, 1, rtol=1e-4)


# What is answered, by networks made by hand


def saying(say: Callable[[Tensor], Tensor]) -> dict:
    """Modules whose network gives the logits say(tokens[b, t]) -> [b, t, v], whatever is visible."""

    def network(tokens: Tensor, visibility: Visibility, at: Tensor) -> Tensor:
        return say(tokens).flatten(0, 1)[at]

    network.head = SimpleNamespace(weight=torch.zeros(1))
    network.logits = lambda hidden: hidden
    return {"network": network}


def answered(questions: Questions, names: np.ndarray) -> Tensor:
    """The documents[q, t] with their answers names[q, k] in."""
    tokens = questions.documents.tokens.copy()
    for i, (start, size) in enumerate(zip(questions.start, questions.size)):
        tokens[i, start : start + size] = names[i, :size]
    return torch.from_numpy(tokens).long()


def sure_of(tokens: Tensor, sureness: float | Tensor) -> Tensor:
    """Logits [b, t, v] for one token at each place, the surer the larger."""
    return F.one_hot(tokens, 100) * torch.as_tensor(sureness, dtype=torch.float32)[..., None]


@every_question
def test_a_network_that_knows_is_heard_whole(name, split):
    questions = MIXED.questions[split]
    known = answered(questions, names_of(MIXED, questions))
    # A causal network says at each place what comes next, a masked one what stands there.
    known = known.roll(-1, dims=1) if name == "causal" else known
    said = ASKED[name].answer(saying(lambda tokens: sure_of(known, 9.0)), questions)
    assert said.tolist() == names_of(MIXED, questions).tolist()
    assert right(MIXED, questions, said).all()
    said[:, 0] = END
    assert not right(MIXED, questions, said).any()


@every_question
def test_a_network_is_shown_the_question_and_what_it_has_said_but_never_the_answer(name, split):
    questions, shown = LONG.questions[split], []
    places = questions.start[:, None] + np.arange(2)
    rows = np.arange(len(questions))[:, None]
    assert (questions.documents.tokens[rows, places] == MASK).all()

    def listen(tokens: Tensor) -> Tensor:
        shown.append(tokens.numpy())
        return sure_of(torch.full_like(tokens, END), 9.0)

    assert (ASKED[name].answer(saying(listen), questions) == END).all()
    assert len(shown) >= 2
    for tokens in shown:
        assert np.isin(tokens[rows, places], [MASK, END]).all()
        open_again = tokens.copy()
        open_again[rows, places] = MASK
        assert np.array_equal(open_again, questions.documents.tokens)
    assert (shown[0][rows, places] == MASK).all()


@torch.no_grad()
def test_what_stands_in_the_blank_tells_a_causal_network_nothing():
    of, questions = modules(Causal(), LONG), LONG.questions["inverse"]
    cheating = answered(questions, names_of(LONG, questions)).numpy()
    documents = Documents(cheating, questions.documents.lengths, questions.documents.roles)
    told = Questions(documents, *(getattr(questions, name) for name in Questions.__match_args__[1:]))
    assert np.array_equal(Causal().answer(of, told), Causal().answer(of, questions))
    scores = [Causal().score(of, asked, LONG.entities) for asked in (told, questions)]
    assert np.array_equal(*scores)


def leaning(questions: Questions, names: np.ndarray, on: int) -> Callable[[Tensor], Tensor]:
    """Sure of the name's token `on`; of the other one only once that stands there, else it would say END."""
    known, rows = answered(questions, names), torch.arange(len(questions))
    sure, other = (torch.from_numpy(questions.start + j).long() for j in (on, 1 - on))

    def say(tokens: Tensor) -> Tensor:
        seen = tokens[rows, sure] == known[rows, sure]
        would, sureness = known.clone(), torch.full(known.shape, 9.0)
        would[rows, other] = torch.where(seen, known[rows, other], END)
        sureness[rows, other] = 5.0
        return sure_of(would, sureness)

    return say


@pytest.mark.parametrize(
    ("mode", "on", "heard"),
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
def test_masked_fills_a_span_in_the_order_it_names(split, mode, on, heard):
    questions, names = LONG.questions[split], names_of(LONG, LONG.questions[split])
    said = Masked(unmask=mode).answer(saying(leaning(questions, names, on)), questions)
    assert ((said == names) == heard).all()
    assert np.where(heard, END, said).tolist() == np.full_like(said, END).tolist()


def test_surest_first_is_surest_in_each_question_not_in_all():
    questions, names = LONG.questions["inverse"], names_of(LONG, LONG.questions["inverse"])
    half = len(questions) // 2
    by = [leaning(questions, names, on) for on in (0, 1)]
    said = Masked().answer(saying(lambda tokens: torch.cat([by[0](tokens)[:half], by[1](tokens)[half:]])), questions)
    assert said.tolist() == names.tolist()


def test_surest_first_hears_the_rest_of_a_span_where_mask_itself_is_said():
    questions, names = LONG.questions["inverse"], names_of(LONG, LONG.questions["inverse"])
    names = np.stack([np.full(len(names), MASK), names[:, 1]], axis=1)
    assert Masked().answer(saying(leaning(questions, names, 0)), questions).tolist() == names.tolist()


@torch.no_grad()
def test_how_a_span_is_filled_makes_no_difference_to_one_token():
    of = corpus()
    said = [Masked(unmask=mode).answer(modules(Masked(), of), of.questions["inverse"]).tolist() for mode in MODES]
    assert said[0] == said[1] == said[2]
