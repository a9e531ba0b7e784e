"""The reversal world: what is stated, what is asked, and that the inverse of a one-way fact is never stated."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.validation import SettingError
from model.objectives.masked import Masked
from tasks.common.baselines import Counted, count_strategies
from tasks.common.names import NameConfig, syllables
from tasks.common.statement_reader import StatementReader
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Corpus
from tasks.reversal import Reversal
from tasks.reversal.episodes import ReversalEpisodeConfig
from tasks.reversal.world import MATCHINGS
from tasks.vocabulary import FILLER, MASK, SPECIAL
from tests.reading import Statement, answers, inverse_word, premises, question, stated, statements

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=25)


@st.composite
def worlds(draw) -> Reversal:
    """Reversal settings of every kind, small."""
    entities = 2 * draw(st.integers(2, 15))
    relations = draw(st.integers(1, 5))
    matching = draw(st.sampled_from(sorted(MATCHINGS)))
    facts = relations * (entities if matching == "chain" else entities // 2)
    one_way = draw(st.integers(1, facts))
    min_length = draw(st.integers(1, 2))
    return Reversal(
        entities=entities,
        relations=relations,
        one_way=one_way,
        two_way=draw(st.none() | st.integers(0, facts - one_way)),
        matching=matching,
        names=NameConfig(
            min_length=min_length,
            max_length=draw(st.integers(min_length, 3)),
            shared_pieces=draw(st.booleans()),
            pieces=3 * entities,
        ),
        documents=DocumentConfig(
            filler=draw(st.integers(0, 3)), statements=draw(st.integers(1, 3)), copies=draw(st.integers(1, 3))
        ),
    )


@st.composite
def worlds_with_unseen_facts(draw) -> Reversal:
    """Small worlds with facts that no document states, and with several wordings."""
    max_length = draw(st.integers(1, 2))
    return Reversal(
        entities=draw(st.integers(8, 14)),
        relations=draw(st.integers(1, 3)),
        one_way=4,
        unseen=draw(st.integers(1, 4)),
        names=NameConfig(max_length=max_length, pieces=40 if max_length > 1 else None),
        documents=DocumentConfig(copies=2),
        wordings=draw(st.integers(1, 2)),
        episodes=ReversalEpisodeConfig(share=0.5),
    )


def facts(corpus: Corpus, task: Reversal, stated_facts: list[Statement]) -> set[Statement]:
    """The facts that are stated: head, forward word in the first wording, tail."""
    as_facts = set()
    for source, word, target in stated_facts:
        i = corpus.relations.index(word) % (2 * task.relations)
        word, inverse = corpus.relations[i - i % 2], i % 2
        as_facts.add((target, word, source) if inverse else (source, word, target))
    return as_facts


def asked(corpus: Corpus, split: str) -> list[tuple[Statement, str]]:
    """Each question of a split, and its answer."""
    questions = corpus.questions[split]
    return [(question(corpus, questions, i), answers(corpus, questions, i)[0]) for i in range(len(questions))]


@given(worlds(), SEEDS)
def test_the_inverse_of_a_one_way_fact_is_stated_nowhere(task, seed):
    corpus = task.build(seed)
    stated_facts = stated(corpus)
    for (source, word, opened), answer in asked(corpus, "inverse"):
        assert opened == "_"
        assert (source, word, answer) not in stated_facts  # the question's statement
        assert (answer, inverse_word(corpus, word), source) in stated_facts  # what it follows from


@given(worlds(), SEEDS)
def test_each_fact_is_stated_as_often_as_the_settings_say(task, seed):
    corpus = task.build(seed)
    stated_facts = stated(corpus)
    assert set(stated_facts.values()) == {task.documents.copies}
    both = [(a, r, b) for a, r, b in stated_facts if (b, inverse_word(corpus, r), a) in stated_facts]
    two_way = task.facts - task.one_way if task.two_way is None else task.two_way
    assert len(both) == 2 * two_way
    assert len(stated_facts) - len(both) == task.one_way
    by_forward = sum(corpus.relations.index(word) % 2 == 0 for _, word, _ in set(stated_facts) - set(both))
    assert abs(2 * by_forward - task.one_way) <= task.relations  # half, but for an odd fact of each relation


@given(worlds(), SEEDS)
def test_the_four_questions_of_a_fact(task, seed):
    corpus = task.build(seed)
    stated_facts = stated(corpus)
    splits = (asked(corpus, split) for split in ("forward", "backward", "inverse", "wrong_frame"))
    for forward, backward, inverse, wrong in zip(*splits, strict=True):
        ((a, r, _), b) = forward
        assert (a, r, b) in stated_facts
        assert backward == (("_", r, b), a)
        assert inverse == ((b, inverse_word(corpus, r), "_"), a)
        assert wrong == ((b, r, "_"), a)
        assert (b, r, a) not in stated_facts  # what wrong_frame counts is wrong


@given(worlds(), SEEDS)
def test_questions_are_open_and_supported_by_every_document_that_states_the_fact(task, seed):
    corpus = task.build(seed)
    one_way = asked(corpus, "forward")
    for questions in corpus.questions.values():
        cloze = questions.cloze
        assert (cloze.documents.tokens == MASK).sum() == cloze.size.sum()
        for i, rows in enumerate(questions.support_documents[:, 0]):
            (a, r, _), b = one_way[i]
            assert len(set(rows.tolist())) == len(rows) == task.documents.copies or task.documents.statements > 1
            assert all((a, r, b) in statements(corpus, corpus.documents.tokens[row]) for row in rows)


@pytest.mark.parametrize("matching", MATCHINGS)
def test_relations_are_bijections_and_chains_have_no_swap(matching):
    for seed in range(50):
        heads, tails = MATCHINGS[matching](6, np.random.default_rng(seed))
        assert len(set(heads)) == len(set(tails)) == len(heads)
        pairs = set(zip(heads.tolist(), tails.tolist()))
        assert not pairs & {(b, a) for a, b in pairs}  # no two-cycle, and so no fixed point


@given(worlds(), SEEDS)
def test_names_are_different_and_none_begins_another(task, seed):
    corpus = task.build(seed)
    names = [tuple(row[:length]) for row, length in zip(corpus.entities.tokens.tolist(), corpus.entities.lengths)]
    assert len(set(names)) == task.entities
    beginnings = {name[:length] for name in names for length in range(1, len(name))}
    assert not beginnings & set(names)
    assert {len(name) for name in names} == set(range(task.names.min_length, task.names.max_length + 1))


@given(st.integers(1, 8000))
def test_pieces_are_different(count):
    assert len(set(syllables(count))) == count


def test_the_elimination_baseline_is_no_less_than_a_guess_among_entities_never_seen_in_that_position():
    corpus = Reversal(entities=10, relations=2, one_way=8).build(3)
    counted = Counted.by_wording(corpus, StatementReader.build(corpus).read(corpus.documents))
    eliminated = count_strategies(corpus, counted)["inverse"]["least often in that slot"]
    stated_facts = stated(corpus)
    for i, ((_, word, _), _answer) in enumerate(asked(corpus, "inverse")):
        seen = {target for _, stated_word, target in stated_facts if stated_word == word}
        assert eliminated[i] == pytest.approx(1 / (10 - len(seen)))
    assert corpus.questions["inverse"].elimination_baseline.mean() >= eliminated.mean()
    # In a larger world, counting does not get more than that.
    assert Reversal().build(3).questions["inverse"].elimination_baseline.mean() == pytest.approx(0.05, rel=0.05)
    assert (corpus.questions["inverse"].chance == 0.1).all()


def test_special_tokens_are_the_same_for_every_corpus_and_filler_has_no_role():
    corpus = Reversal(entities=20, one_way=10, documents=DocumentConfig(filler=3)).build(0)
    assert corpus.vocabulary.words[: len(SPECIAL)] == SPECIAL
    filler = np.isin(corpus.documents.tokens, [corpus.vocabulary.ids[word] for word in FILLER])
    assert filler.any()
    assert (corpus.documents.roles[filler] == NONE).all()


@few
@given(worlds_with_unseen_facts(), SEEDS)
def test_premises_are_what_is_stated_and_questions_know_theirs(task, seed):
    corpus = task.build(seed)
    stated_facts = facts(corpus, task, list(stated(corpus)))
    documents, numbers = corpus.documents, corpus.premises.fact.tolist()
    premise_facts = [next(iter(facts(corpus, task, [premise]))) for premise in premises(corpus)]
    assert len(set(zip(premise_facts, numbers))) == len(set(premise_facts)) == len(set(numbers))
    for split, questions in corpus.questions.items():
        is_unseen = split.startswith("unseen")
        for i in range(len(questions)):
            fact = premise_facts[questions.premises[i, 0]]
            assert (fact in stated_facts) == (not is_unseen)
            rows = questions.support_documents[i, 0]
            assert len(rows) == (0 if is_unseen else task.documents.copies)
            texts = (statements(corpus, documents.tokens[row]) for row in rows)
            assert all(facts(corpus, task, text) == {fact} for text in texts)


@few
@given(worlds_with_unseen_facts(), SEEDS)
def test_the_inverse_form_states_the_same_fact_by_the_inverse_word(task, seed):
    corpus = task.build(seed)
    for split in ("forward", "inverse", "unseen_forward", "unseen_inverse"):
        questions = corpus.questions[split]
        inverse = replace(questions, cloze=questions.inverse_form)
        assert (inverse.cloze.documents.roles[:, 1] == SOURCE).all()
        assert (inverse.cloze.start == 1).all()
        np.testing.assert_array_equal(inverse.cloze.size, questions.cloze.size)
        for i in range(len(questions)):
            (source, word, _), (opened, other_word, target) = (
                question(corpus, form, i) for form in (questions, inverse)
            )
            assert (opened, target) == ("_", source)
            answer = answers(corpus, questions, i)[0]
            both = [(source, word, answer), (answer, other_word, source)]
            assert len(facts(corpus, task, both)) == 1


@few
@given(worlds_with_unseen_facts(), SEEDS)
def test_a_second_training_states_the_unseen_facts_one_way_and_nothing_else(task, seed):
    first, second = task.build(seed), replace(task, train_on="unseen").build(seed)
    assert first.vocabulary.words == second.vocabulary.words  # so that one can start from the other
    assert first.questions.keys() == second.questions.keys()
    stated_facts = set(stated(second))
    unseen_premises = first.questions["unseen_forward"].premises[:, 0]
    in_first_wording = {(a, word.removesuffix("-2"), b) for a, word, b in stated_facts}
    assert in_first_wording == {premises(first)[row] for row in unseen_premises}
    assert len(in_first_wording) == task.unseen == len(facts(second, task, list(stated_facts)))
    for split, questions in second.questions.items():
        copies = task.documents.copies if split.startswith("unseen") else 0
        assert questions.support_documents.shape[2] == copies
        np.testing.assert_array_equal(questions.accepted, first.questions[split].accepted)
    # The inverse of what is asked is stated in neither training.
    inverse = {(b, inverse_word(first, word), a) for a, word, b in stated_facts}
    assert not inverse & (set(stated(first)) | stated_facts)


@st.composite
def second_trainings(draw) -> Reversal:
    """Worlds whose documents state the unseen facts and, again, some of the others."""
    documents = DocumentConfig(copies=draw(st.integers(1, 3)), statements=draw(st.integers(1, 3)))
    inverse_share, replay = draw(st.sampled_from([0.0, 0.5])), draw(st.floats(0, 0.9))
    task = replace(draw(worlds_with_unseen_facts()), documents=documents, inverse_share=inverse_share)
    return replace(task, train_on="unseen", replay=replay)


def in_first_wording(counts: Counter) -> Counter:
    """The same counts, synonyms as one word."""
    merged = Counter()
    for (source, word, target), count in counts.items():
        merged[source, word.removesuffix("-2"), target] += count
    return merged


@few
@given(second_trainings(), SEEDS)
def test_replay_adds_its_share_of_documents_and_changes_nothing_else(task, seed):
    corpus, without = task.build(seed), replace(task, replay=0.0).build(seed)
    count = len(without.documents)
    assert abs((len(corpus.documents) - count) - count * task.replay / (1 - task.replay)) <= 0.5
    for name in ("tokens", "roles", "lengths"):
        same = getattr(corpus.documents[np.arange(count)], name)
        np.testing.assert_array_equal(same, getattr(without.documents, name))
    for split, questions in without.questions.items():
        np.testing.assert_array_equal(corpus.questions[split].accepted, questions.accepted)
        np.testing.assert_array_equal(corpus.questions[split].cloze.documents.tokens, questions.cloze.documents.tokens)


@few
@given(second_trainings(), SEEDS)
def test_replay_states_what_the_first_training_does_and_no_held_out_inverse(task, seed):
    corpus, first = task.build(seed), replace(task, train_on="stated", replay=0.0).build(seed)
    new = in_first_wording(stated(replace(task, replay=0.0).build(seed)))
    replayed, old = in_first_wording(stated(corpus)) - new, in_first_wording(stated(first))
    assert replayed.keys() <= old.keys()
    times = [replayed[statement] for statement in old]
    assert max(times) - min(times) <= 1  # all are drawn before any is drawn again
    for split in ("inverse", "unseen_inverse"):
        for (source, word, _), answer in asked(corpus, split) if split in corpus.questions else ():
            assert (source, word.removesuffix("-2"), answer) not in replayed + new


@few
@given(second_trainings(), SEEDS)
def test_support_is_every_document_that_states_the_fact_again_and_baselines_count_it(task, seed):
    corpus = task.build(seed)
    texts = [in_first_wording(Counter(statements(corpus, row))) for row in corpus.documents.tokens]
    for split in ("forward", "backward", "unseen_forward"):
        questions = corpus.questions[split]
        for i, ((source, word, target), answer) in enumerate(asked(corpus, split)):
            source, target = (source, answer) if target == "_" else (answer, target)
            rows = questions.support_documents[i, 0]
            holding = [row for row, text in enumerate(texts) if (source, word.removesuffix("-2"), target) in text]
            assert sorted(set(rows[rows >= 0].tolist())) == holding
            assert (questions.link_baseline[i] > 0) >= bool(holding)


@given(st.integers(1, 3), SEEDS)
def test_one_span_of_every_statement_is_masked(per_document, seed):
    config = DocumentConfig(statements=per_document)
    names = NameConfig(max_length=2, pieces=30)
    corpus = Reversal(entities=10, relations=2, one_way=4, documents=config, names=names).build(seed)
    roles = corpus.documents.roles[:20]
    for maskable in (("source", "target"), tuple(ROLES)):
        is_masked = Masked(maskable=maskable).is_masked(roles, np.random.default_rng(seed))
        assert not is_masked[~np.isin(roles, [ROLES[name] for name in maskable])].any()
        for masked, row in zip(is_masked, roles):
            starts = np.flatnonzero((row == SOURCE) & (np.roll(row, 1) != SOURCE))
            for start, end in zip(starts, [*starts[1:], len(row)]):
                statement, mask = row[start:end], masked[start:end]
                masked_roles = [role for role in (SOURCE, RELATION, TARGET) if mask[statement == role].any()]
                assert len(masked_roles) == 1
                assert mask[statement == masked_roles[0]].all()


def test_a_million_facts_in_ten_seconds_and_a_gibibyte():
    code = (
        "import time, resource; from tasks.reversal import Reversal; began = time.process_time();"
        "from tasks.common.statements import DocumentConfig;"
        "task = Reversal(entities=250_000, relations=4, one_way=1000, documents=DocumentConfig(copies=1));"
        "assert len(task.build(0).documents) == 2 * 1_000_000 - 1000;"
        "print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    )
    seconds, gibibytes = map(float, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert seconds < 10
    assert gibibytes < 1


def test_more_names_than_pieces_allow_is_refused_by_name():
    names = NameConfig(min_length=2, max_length=2, pieces=3)
    with pytest.raises(SettingError, match=r"task\.names\.pieces is 3, but 10 names of 2 tokens need more"):
        Reversal(entities=10, relations=1, one_way=2, names=names).build(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Reversal(unseen=1801), "task.unseen is 1801, but must be 0 to 1800, the facts that are not stated"),
        (
            lambda: Reversal(train_on="unseen"),
            "task.unseen is 0, but must be 1 or more where task.train_on is 'unseen'",
        ),
        (
            lambda: Reversal(unseen=5, two_way=1797),
            "task.unseen is 5, but must be 0 to 3, the facts that are not stated",
        ),
        (
            lambda: Reversal(replay=0.5),
            "task.replay is 0.5, but must be 0 where task.train_on is 'stated'",
        ),
        (
            lambda: Reversal(unseen=5, train_on="unseen", replay=1.0),
            "task.replay is 1.0, but must be 0 or more and below 1",
        ),
        (
            lambda: Reversal(unseen=5, train_on="unseen", replay=float("nan")),
            "task.replay is nan, but must be 0 or more and below 1",
        ),
        (lambda: Reversal(one_way=2001), "task.one_way is 2001, but must be 1 to 2000, all facts of the world"),
        (
            lambda: Reversal(entities=7, one_way=4, episodes=ReversalEpisodeConfig(share=0.5)),
            "task.episodes.max_facts is 4, but must be 1 to 3, two entities a fact",
        ),
    ],
)
def test_impossible_settings_are_refused_by_name(make, message):
    with pytest.raises(SettingError, match=message):
        make()


def test_wordings_of_a_relation_have_one_meaning_and_the_naming_word_its_own():
    corpus = Reversal(entities=12, relations=2, one_way=4, wordings=2, bridge="naive").build(0)
    word_of = [corpus.relations[meaning] for meaning in corpus.meanings]
    plain = ["teacher-of", "student-of", "parent-of", "child-of"]
    assert word_of == [*plain, *plain, "is-named"]
