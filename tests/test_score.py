"""Scoring by hand-made answers: whole names or nothing, Wilson intervals, both chances, what cannot be asked."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.ask import ask
from eval.score import as_entry, evaluate, from_entry, interval, records, right, summaries, text
from eval.trained import Trained
from eval.ways.closed_book import ClosedBook
from model.assemble import assemble
from model.objectives.bico import Bico
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from tasks import TASKS
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus
from tasks.reversal import Reversal
from tasks.settings import SettingError
from tests.examples import modules
from tests.test_export import SMALL_WORLDS

WORLD = Reversal(entities=12, relations=2, one_way=6, renderings=2, shortest_name=1, longest_name=2)
CORPUS = WORLD.build(0)


def untrained(objective) -> Trained:
    return Trained(CORPUS, objective, assemble(NetworkSettings(width=16), objective, CORPUS, 0).eval())


class Knows(ClosedBook):
    """A way that says the accepted answer of every question, but for the first `wrong` of each split."""

    def __init__(self, wrong: int):
        self.wrong = wrong

    def answer(self, trained, questions, score=None):
        said = trained.corpus.entities.tokens[questions.accepted[:, 0]].copy()
        said[: self.wrong, 0] = 0
        return said

    def log_probability(self, trained, questions, names):
        return np.full(len(questions), -0.5, np.float32)

    def score(self, trained, questions, candidates):
        score = np.full((len(questions), len(candidates)), -2.0, np.float32)
        score[:, 0] = -1.0
        return score


def test_the_interval_is_wilsons():
    # By the formula, z = 1.959964: centre and half-width of (k + z²/2) / (n + z²).
    z, k, n = 1.959963985, 3, 200
    centre, half = (k + z**2 / 2) / (n + z**2), z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    assert interval(k, n) == pytest.approx((centre - half, centre + half))
    assert interval(0, 200)[1] == pytest.approx(0.0188, abs=1e-4)  # 0 of 200 still allows 1.9 %


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(of):
    low, high = interval(*of)
    assert 0 <= low <= of[0] / of[1] <= high <= 1


def test_a_name_is_right_only_whole():
    questions = CORPUS.questions["inverse"]
    said = CORPUS.entities.tokens[questions.accepted[:, 0]].astype(np.int64)
    assert right(CORPUS, questions, said).all()
    for j in range(said.shape[1]):
        other = said.copy()
        other[:, j] += 1
        np.testing.assert_array_equal(right(CORPUS, questions, other), questions.size <= j)


def test_no_accepted_answer_of_another_length_counts():
    questions = CORPUS.questions["inverse"]
    long = CORPUS.entities.lengths == 2
    begins = CORPUS.entities.tokens[long][0]
    said = np.tile(begins, (len(questions), 1)).astype(np.int64)
    assert not right(CORPUS, questions[questions.size == 1], said[questions.size == 1]).any()


@pytest.mark.parametrize("wrong", [0, 2, 6])
def test_evaluation_counts_what_a_way_says(wrong):
    trained = untrained(Masked())
    splits = evaluate(trained, Knows(wrong))
    for split, of in splits.items():
        assert (of["correct"], of["count"], of["accuracy"]) == (6 - wrong, 6, (6 - wrong) / 6)
        assert of["log_probability"] == -0.5
        assert of["chance"] == pytest.approx(1 / 6)  # half of the twelve names have the answer's length
        assert (of["low"], of["high"]) == interval(6 - wrong, 6)
        assert split in CORPUS.questions
    asked = records(trained, Knows(wrong))
    assert summaries(trained, asked) == {"as-trained": splits}
    assert {row["rank"] for row in asked} <= {1, 2}  # entity 0 is thought better than all others
    assert len(evaluate(trained, Knows(wrong), limit=4)) == 4
    assert evaluate(trained, Knows(wrong), limit=4)["inverse"]["count"] == 4


def test_a_model_that_can_be_asked_in_two_ways_is_summed_up_in_both():
    trained = untrained(Bico())
    asked = records(trained)
    found = summaries(trained, asked)
    assert list(found) == ["as-trained", "left-to-right"]
    for name, one in trained.asked().items():
        for split, of in evaluate(one).items():
            assert found[name][split] == pytest.approx(of)
    assert len(asked) == 2 * sum(map(len, CORPUS.questions.values()))
    assert found["as-trained"]["backward"]["count"] == len(CORPUS.questions["backward"])
    assert found["left-to-right"]["backward"]["count"] == 0
    entry = as_entry(found)
    assert entry["splits"] == found["as-trained"]  # the first way is what tables show
    assert from_entry(json.loads(json.dumps(entry))) == found


def test_a_model_that_can_be_asked_in_one_way_only_writes_its_splits_once():
    found = {"as-trained": evaluate(untrained(Causal()))}
    assert list(as_entry(found)) == ["splits"]
    assert from_entry(as_entry(found)) == found


def test_what_cannot_be_asked_is_empty_and_never_zero():
    of = evaluate(untrained(Causal()))["backward"]
    assert of["count"] == 0
    assert (of["accuracy"], of["low"], of["high"], of["log_probability"]) == (None,) * 4
    assert "said" not in next(row for row in records(untrained(Causal())) if row["split"] == "backward")


def test_evaluation_may_be_stopped_between_chunks_and_leaves_training_mode_as_it_was():
    trained = untrained(Causal())
    trained.modules.train()

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(trained, between=stop)
    evaluate(trained)
    assert trained.modules.training


def test_a_question_is_written_as_a_person_types_it():
    questions = CORPUS.questions["inverse"]
    words = text(CORPUS, questions, 0).split()
    at = words.index("_")
    assert words[at - 1] in CORPUS.relations
    assert words[at - 2] in CORPUS.entities.words


@pytest.mark.parametrize("objective", [Causal(), Masked(), Masked(unmask="left-to-right")])
def test_a_typed_question_is_answered_as_the_split_would_score_it(objective):
    a, b = CORPUS.entities.words[:2]
    _, replies = ask(untrained(objective), f"{a} teacher-of _", best=12)
    assert len(replies) == len({reply.entity for reply in replies}) == 12
    shares = [reply.probability for reply in replies]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)
    assert b in {reply.entity for reply in replies}


def told(world: Corpus) -> set[tuple[str, str, str]]:
    """What the documents state, read token by token."""
    found, documents = set(), world.documents
    for i in range(len(documents)):
        parts = {SOURCE: [], RELATION: [], TARGET: []}
        for token, role, follows in zip(documents.tokens[i], documents.roles[i], [*documents.roles[i, 1:], NONE]):
            if role != NONE:
                parts[role].append(world.vocabulary.words[token])
            if role == TARGET != follows:
                found.add(("-".join(parts[SOURCE]), " ".join(parts[RELATION]), "-".join(parts[TARGET])))
                parts = {SOURCE: [], RELATION: [], TARGET: []}
    return found


@pytest.mark.parametrize("task", SMALL_WORLDS)
def test_it_is_said_what_training_states_of_the_two(task):
    world = TASKS[task](**SMALL_WORLDS[task]).build(0)
    trained = Trained(world, Masked(), modules(Masked(), world))
    stated, hows = told(world), set()
    for questions in filter(len, world.questions.values()):
        own = questions.documents
        first, between = (
            [world.vocabulary.words[token] for token in own.tokens[0][own.roles[0] == role]]
            for role in (SOURCE, RELATION)
        )
        if "[mask]" in first:
            continue
        source, words = "-".join(first), " ".join(between)
        _, replies = ask(trained, f"{source} {words} _", best=len(world.entities))
        for reply in replies:
            asked = (source, words, reply.entity)
            others = {one for one in stated if {one[0], one[2]} == {source, reply.entity} and one != asked}
            begins = ("not stated", "not stated, but: ", "stated in these words only", "stated; also: ")
            begins = begins[2 * (asked in stated) + bool(others)]
            assert reply.stated.startswith(begins)
            hows.add(begins)
            if others:
                assert set(reply.stated.removeprefix(begins).split(", ")) == set(map(" ".join, others))
    assert "not stated" in hows
    assert len(hows) > 1


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("teacher-of _", "must be an entity, a relation word and an entity"),
        ("_ teacher-of _", "one entity being _"),
        ("zzz teacher-of _", "is no entity of this world; the nearest are"),
        (f"{CORPUS.entities.words[0]} teecher-of _", "is no relation word of this world; the nearest are teacher-of"),
        (f"_ teacher-of {CORPUS.entities.words[0]}", "must be the last word"),
    ],
)
def test_a_question_that_cannot_be_understood_or_asked_is_refused(question, says):
    with pytest.raises(SettingError, match=says):
        ask(untrained(Causal()), question)
