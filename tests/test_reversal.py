"""The reversal world: what is stated, what is asked, and that no one-way fact's other statement stands anywhere."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.ask import statements
from tasks import TASKS
from tasks.corpus import NONE, Corpus
from tasks.reversal import Reversal
from tasks.settings import SettingError
from tasks.vocabulary import FILLER, MASK, SPECIAL
from tasks.world import MATCHINGS, syllables


@st.composite
def worlds(draw) -> Reversal:
    """Reversal settings of every kind, small."""
    entities = 2 * draw(st.integers(2, 15))
    relations = draw(st.integers(1, 5))
    matching = draw(st.sampled_from(sorted(MATCHINGS)))
    facts = relations * (entities if matching == "chain" else entities // 2)
    one_way = draw(st.integers(1, facts))
    shortest = draw(st.integers(1, 2))
    return Reversal(
        entities=entities,
        relations=relations,
        one_way=one_way,
        two_way=draw(st.none() | st.integers(0, facts - one_way)),
        matching=matching,
        shortest_name=shortest,
        longest_name=draw(st.integers(shortest, 3)),
        shared_pieces=draw(st.booleans()),
        pieces=3 * entities,
        filler=draw(st.integers(0, 3)),
        statements=draw(st.integers(1, 3)),
        renderings=draw(st.integers(1, 3)),
    )


SEEDS = st.integers(0, 2**32 - 1)


def told(corpus: Corpus) -> dict[tuple[str, str, str], int]:
    """What the training documents state, and how often."""
    return {said: times for counts in statements(corpus).values() for said, times in counts.items()}


def asked(corpus: Corpus, split: str) -> list[tuple[list[str], str]]:
    """Each question of a split as its three words, "_" where open, and its answer."""
    questions = corpus.questions[split]
    rows = []
    for i in range(len(questions)):
        words: list[str] = []
        before = NONE
        for place, (token, role) in enumerate(zip(questions.documents.tokens[i], questions.documents.roles[i])):
            inside = questions.start[i] <= place < questions.start[i] + questions.size[i]
            word = "_" if inside else corpus.vocabulary.words[token]
            if role != NONE and role != before:
                words.append(word)
            elif role != NONE and not inside:
                words[-1] += f"-{word}"
            before = role
        rows.append((words, corpus.entities.words[questions.accepted[i, 0]]))
    return rows


def other(corpus: Corpus, word: str) -> str:
    return corpus.relations[corpus.relations.index(word) ^ 1]


@given(worlds(), SEEDS)
def test_no_one_way_facts_other_statement_stands_anywhere_in_the_documents(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    for (source, word, opened), answer in asked(corpus, "inverse"):
        assert opened == "_"
        assert (source, word, answer) not in stated  # the question's own statement
        assert (answer, other(corpus, word), source) in stated  # what it follows from


@given(worlds(), SEEDS)
def test_each_fact_is_stated_as_often_as_it_should_be(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    assert set(stated.values()) == {settings.renderings}
    both = [key for key in stated if (key[2], other(corpus, key[1]), key[0]) in stated]
    two_way = settings.facts - settings.one_way if settings.two_way is None else settings.two_way
    assert len(both) == 2 * two_way
    assert len(stated) - len(both) == settings.one_way
    by_forward = sum(corpus.relations.index(key[1]) % 2 == 0 for key in set(stated) - set(both))
    assert abs(2 * by_forward - settings.one_way) <= settings.relations  # half, an odd one of each relation apart


@given(worlds(), SEEDS)
def test_the_four_questions_of_a_fact(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    splits = (asked(corpus, split) for split in ("forward", "backward", "inverse", "wrong_frame"))
    for forward, backward, inverse, wrong in zip(*splits):
        ((a, r, _), b) = forward
        assert (a, r, b) in stated
        assert backward == (["_", r, b], a)
        assert inverse == ([b, other(corpus, r), "_"], a)
        assert wrong == ([b, r, "_"], a)
        assert (b, r, a) not in stated  # what wrong_frame counts is wrong


@given(worlds(), SEEDS)
def test_questions_are_blank_and_supported_by_every_document_that_states_the_fact(settings, seed):
    corpus = settings.build(seed)
    one_way = asked(corpus, "forward")
    for questions in corpus.questions.values():
        assert (questions.documents.tokens == MASK).sum() == questions.size.sum()
        for i, row in enumerate(questions.support[:, 0]):
            (a, r, _), b = one_way[i]
            texts = [corpus.vocabulary.text(corpus.documents.tokens[j]) for j in row]
            needle = " ".join((*a.split("-"), r, *b.split("-")))
            assert len(set(row.tolist())) == len(row) == settings.renderings or settings.statements > 1
            assert all(needle in text for text in texts)


@pytest.mark.parametrize("matching", MATCHINGS)
def test_relations_are_bijections_and_chains_have_no_swap(matching):
    for seed in range(50):
        heads, tails = MATCHINGS[matching](6, np.random.default_rng(seed))
        assert len(set(heads)) == len(set(tails)) == len(heads)
        pairs = set(zip(heads.tolist(), tails.tolist()))
        assert not pairs & {(b, a) for a, b in pairs}  # no two-cycle, and so no fixed point


@given(worlds(), SEEDS)
def test_names_are_different_and_none_begins_another(settings, seed):
    corpus = settings.build(seed)
    names = [tuple(row[:k]) for row, k in zip(corpus.entities.tokens.tolist(), corpus.entities.lengths)]
    assert len(set(names)) == settings.entities
    beginnings = {name[:k] for name in names for k in range(1, len(name))}
    assert not beginnings & set(names)
    assert {len(name) for name in names} == set(range(settings.shortest_name, settings.longest_name + 1))


@given(st.integers(1, 8000))
def test_pieces_are_different(count):
    assert len(set(syllables(count))) == count


def test_chance_by_elimination_is_that_of_a_guess_among_entities_never_seen_there():
    corpus = Reversal(entities=10, relations=2, one_way=8).build(3)
    stated = told(corpus)
    questions = asked(corpus, "inverse")
    for i, ((_, word, _), _answer) in enumerate(questions):
        seen = {target for _, w, target in stated if w == word}
        assert corpus.questions["inverse"].chance_by_elimination[i] == 1 / (10 - len(seen))
    assert (corpus.questions["forward"].chance_by_elimination == 0).all()  # memory needs no guess
    assert (corpus.questions["inverse"].chance == 0.1).all()


@pytest.mark.parametrize("task", TASKS)
def test_default_worlds_keep_chance_by_elimination_at_five_percent_and_ask_enough(task):
    questions = TASKS[task]().build(0).questions
    held_out = [questions[split] for split in TASKS[task].HELD_OUT]
    assert max(of.chance_by_elimination.max() for of in held_out) <= 0.05
    assert sum(map(len, held_out)) >= 200


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_same_corpus_and_another_seed_another(task):
    first, again, other_seed = (TASKS[task]().build(seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.documents.tokens, again.documents.tokens)
    for split in first.questions:
        np.testing.assert_array_equal(first.questions[split].accepted, again.questions[split].accepted)
        np.testing.assert_array_equal(first.questions[split].documents.tokens, again.questions[split].documents.tokens)
    assert not np.array_equal(first.documents.tokens, other_seed.documents.tokens)


def test_special_tokens_are_the_same_for_every_corpus_and_filler_has_no_role():
    corpus = Reversal(entities=20, one_way=10, filler=3).build(0)
    assert corpus.vocabulary.words[: len(SPECIAL)] == SPECIAL
    filler = np.isin(corpus.documents.tokens, [corpus.vocabulary.ids[word] for word in FILLER])
    assert filler.any()
    assert (corpus.documents.roles[filler] == NONE).all()


def test_a_million_facts_in_ten_seconds_and_a_gibibyte():
    code = (
        "import time, resource; from tasks.reversal import Reversal; began = time.process_time();"
        "corpus = Reversal(entities=250_000, relations=4, one_way=1000, renderings=1).build(0);"
        "assert len(corpus.documents) == 2 * 1_000_000 - 1000;"
        "print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    )
    seconds, gibibytes = map(float, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert seconds < 10
    assert gibibytes < 1


def test_more_names_than_pieces_allow_is_refused_by_name():
    with pytest.raises(SettingError, match=r"task\.pieces is 3, but 10 names of 2 tokens need more"):
        Reversal(entities=10, relations=1, one_way=2, shortest_name=2, longest_name=2, pieces=3).build(0)
