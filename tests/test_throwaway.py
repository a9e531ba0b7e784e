"""Documents of throwaway facts: what they ask follows from what they state, and none of it is true in the world."""

import functools
import itertools
import operator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Corpus, Documents
from tasks.reversal import Reversal
from tasks.settings import SettingError
from tasks.vocabulary import FILLER, SEPARATOR
from tests.test_reversal import SEEDS
from train.batches import documents_of, make_batches

few = settings(max_examples=25)
Said = tuple[str, str, str]


@st.composite
def worlds(draw) -> Reversal:
    """Small worlds with such documents; facts that are never told among them."""
    facts, own = draw(st.integers(1, 4)), draw(st.sampled_from([0, 10]))
    longest, least = draw(st.integers(1, 2)), draw(st.integers(1, facts))
    return Reversal(
        entities=draw(st.integers(8, 14)),
        relations=draw(st.integers(1, 3)),
        one_way=4,
        new=draw(st.integers(0, 4)),
        longest_name=longest,
        pieces=40 if longest > 1 else None,
        wordings=draw(st.integers(1, 2)),
        renderings=2,
        in_context=0.5,
        context_facts=facts,
        context_least=least,
        context_rising=draw(st.sampled_from([None, 5])) if least < facts else None,
        context_asked=draw(st.sampled_from([None, 2])),
        context_hubs=draw(st.sampled_from([0.0, 0.5, 1.0])),
        context_filler=draw(st.sampled_from([0.0, 0.5, 1.0])),
        context_own=own,
    )


def said(corpus: Corpus, tokens: np.ndarray) -> list[Said]:
    """The statements of a row, read word by word: entities and one relation word between [separator]s."""
    words = [corpus.vocabulary.words[t] for t in tokens if t >= 2]
    found = []
    for part in " ".join(words).split("[separator]"):
        spoken = [word for word in part.split() if word not in FILLER]
        (at,) = (i for i, word in enumerate(spoken) if word in corpus.relations)
        found.append(("-".join(spoken[:at]), spoken[at], "-".join(spoken[at + 1 :])))
    return found


def facts(corpus: Corpus, of: Reversal, stated: list[Said]) -> set[Said]:
    """As (head, forward word in the first wording, tail)."""
    found = set()
    for source, word, target in stated:
        i = corpus.relations.index(word) % (2 * of.relations)
        found.add((source, corpus.relations[i], target) if i % 2 == 0 else (target, corpus.relations[i - 1], source))
    return found


def all_of_the_world(corpus: Corpus, of: Reversal) -> set[Said]:
    documents = corpus.documents
    told = [one for row, n in zip(documents.tokens, documents.lengths) for one in said(corpus, row[1:n])]
    premises = corpus.premises.documents
    return facts(corpus, of, told + [said(corpus, row[:n])[0] for row, n in zip(premises.tokens, premises.lengths)])


def drawn(corpus: Corpus, n: int = 12, step: int = 0) -> Documents:
    return corpus.drawn.draw(n, np.random.default_rng([3, step]))


@few
@given(worlds(), SEEDS)
def test_what_is_asked_follows_and_nothing_is_true_in_the_world(of, seed):
    corpus = of.build(seed)
    world, documents = all_of_the_world(corpus, of), drawn(corpus)
    assert len(world) <= of.facts
    for tokens, roles, n in zip(documents.tokens, documents.roles, documents.lengths):
        every = said(corpus, tokens[1:n])
        size = len(every) // (1 + (of.context_asked or 1))
        stated, asked = every[:size], every[size:]
        here = facts(corpus, of, stated)
        assert of.context_least <= len(stated) == len(here) <= of.context_facts
        assert not here & world
        for first in range(0, len(asked), size):
            assert facts(corpus, of, asked[first : first + size]) == here  # each fact is asked, every time
        for head, word, tail in here:  # and no other answers the same question, by either word
            assert [one for one in here if one[:2] == (head, word)] == [(head, word, tail)]
            assert [one for one in here if one[1:] == (word, tail)] == [(head, word, tail)]
        # Only what is asked has a role.
        questions = (tokens == SEPARATOR).cumsum() >= len(stated)
        assert set(roles[:n].tolist()) <= {NONE, TARGET}
        assert (roles[~questions] == NONE).all()
        answers = "-".join(corpus.vocabulary.words[t] for t in tokens[roles == TARGET])
        assert answers == "-".join(target for _, _, target in asked)


def test_the_most_facts_rise_from_the_fewest_over_so_many_steps():
    of = Reversal(entities=20, one_way=4, in_context=0.5, context_facts=4, context_least=2, context_rising=30)
    corpus = of.build(0)
    counts = {
        step: {
            len(said(corpus, tokens[1:n])) // 2
            for part in documents_of(corpus, 80, 0, step)[1:]
            for tokens, n in zip(part.tokens, part.lengths)
        }
        for step in (0, 9, 10, 19, 20, 29, 30, 1000)
    }
    assert counts[0] == counts[9] == {2}
    assert counts[10] == counts[19] == {2, 3}
    assert counts[20] == counts[29] == counts[30] == counts[1000] == {2, 3, 4}


@few
@given(worlds(), SEEDS)
def test_it_is_about_whom_the_settings_say(of, seed):
    corpus = of.build(seed)
    documents = drawn(corpus)
    own, hub_fits = corpus.entities.words[of.entities :], 2 * of.relations >= of.context_facts
    for tokens, n in zip(documents.tokens, documents.lengths):
        here = facts(corpus, of, said(corpus, tokens[1:n]))
        named = [name for head, _, tail in here for name in (head, tail)]
        assert not own or set(named) <= set(own)
        common = set.intersection(*({head, tail} for head, _, tail in here))
        if hub_fits and of.context_hubs == 1:
            assert common
        if of.context_hubs == 0 and len(here) > 1:
            assert len(set(named)) == len(named)
        filler = np.isin(tokens[:n], [corpus.vocabulary.ids[word] for word in FILLER])
        assert not filler.any() or of.context_filler > 0


@few
@given(worlds(), SEEDS)
def test_every_batch_has_its_share_of_new_ones_and_the_longest_is_known(of, seed):
    corpus = of.build(seed)
    (plain, *parts), (_, *same), (_, *others) = (documents_of(corpus, 10, seed, step) for step in (0, 0, 1))
    assert all(one.lengths.max() <= two.lengths.min() for one, two in itertools.pairwise(parts))  # short ones first
    first, again, later = (functools.reduce(operator.add, some) for some in (parts, same, others))
    assert (len(plain), len(first)) == (5, 5)
    np.testing.assert_array_equal(first.tokens, again.tokens)
    assert first.tokens.shape != later.tokens.shape or not np.array_equal(first.tokens, later.tokens)
    stored = {row[:n].tobytes() for row, n in zip(corpus.documents.tokens, corpus.documents.lengths)}
    assert all(row[:n].tobytes() in stored for row, n in zip(plain.tokens, plain.lengths))
    assert first.lengths.max() <= corpus.longest
    assert max(int(of.documents.lengths.max()) for of in corpus.questions.values()) <= corpus.longest


def test_at_the_start_a_batch_can_hold_nothing_but_new_ones():
    of = Reversal(entities=12, relations=2, one_way=4, in_context=0.5, context_alone=2)
    corpus = of.build(0)
    stored = {row[:n].tobytes() for row, n in zip(corpus.documents.tokens, corpus.documents.lengths)}
    for step, kept in enumerate((0, 0, 5, 5)):
        batch = [
            row[:n].tobytes() for one in documents_of(corpus, 10, 0, step) for row, n in zip(one.tokens, one.lengths)
        ]
        assert len(batch) == 10
        assert sum(row in stored for row in batch) == kept
    without = replace(of, context_alone=0).build(0)
    np.testing.assert_array_equal(corpus.documents.tokens, without.documents.tokens)
    # From there on they are those of a run that never was without the world's.
    for one, two in zip(documents_of(corpus, 10, 0, 2), documents_of(without, 10, 0, 2), strict=True):
        np.testing.assert_array_equal(one.tokens, two.tokens)


def test_no_world_without_the_setting_draws_any():
    of = Reversal(entities=12, relations=2, one_way=4)
    assert of.build(0).drawn is None
    assert [len(documents) for documents in documents_of(of.build(0), 10, 0, 0)] == [10]


def test_both_objectives_are_given_the_same_documents():
    corpus = Reversal(entities=12, relations=2, one_way=4, in_context=0.5).build(0)
    for causal, masked in zip(*(make_batches(corpus, objective, 8, 0, 3) for objective in (Causal(), Masked()))):
        shown = np.array(masked["tokens"])
        shown.ravel()[masked["at"]] = masked["targets"]
        np.testing.assert_array_equal(causal["tokens"], shown)


@few
@given(worlds(), SEEDS)
def test_premises_are_what_was_told_and_questions_know_theirs(of, seed):
    corpus = of.build(seed)
    premises, documents = corpus.premises, corpus.documents
    told = {one for row, n in zip(documents.tokens, documents.lengths) for one in said(corpus, row[1:n])}
    told_facts = facts(corpus, of, list(told))
    stated = [said(corpus, row[:n])[0] for row, n in zip(premises.documents.tokens, premises.documents.lengths)]
    same: dict[Said, set[int]] = {}
    for one, fact in zip(stated, premises.fact.tolist()):
        same.setdefault(next(iter(facts(corpus, of, [one]))), set()).add(fact)
    assert all(len(ids) == 1 for ids in same.values())
    assert len({next(iter(ids)) for ids in same.values()}) == len(same)
    for split, questions in corpus.questions.items():
        for i in range(len(questions)):
            one = stated[questions.needs[i, 0]]
            (fact,) = facts(corpus, of, [one])
            assert (fact in told_facts) == (not split.startswith("new"))
            rows = questions.support[i, 0]
            assert len(rows) == (0 if split.startswith("new") else of.renderings)
            assert all(
                facts(corpus, of, said(corpus, documents.tokens[d, 1 : documents.lengths[d]])) == {fact} for d in rows
            )
            if split in ("forward", "inverse", "new_forward", "new_inverse"):
                answer = corpus.entities.words[questions.accepted[i, 0]]
                assert answer in (fact[0], fact[2])
                # Turned: the same fact by the other word, the answer's place open.
                turned, n = questions.turned.tokens[i].copy(), questions.turned.lengths[i]
                assert (turned[:n] == 3).sum() == questions.size[i]
                entity = questions.accepted[i, 0]
                turned[turned == 3] = corpus.entities.tokens[entity, : corpus.entities.lengths[entity]]
                assert facts(corpus, of, said(corpus, turned[1:n])) == {fact}
                assert questions.turned.roles[i, 1] == SOURCE
                assert (questions.turned.tokens[i, 1]) == 3


@given(st.integers(1, 3), SEEDS)
def test_one_span_of_every_statement_is_hidden(statements, seed):
    corpus = Reversal(entities=10, relations=2, one_way=4, statements=statements, longest_name=2, pieces=30).build(seed)
    roles = corpus.documents.roles[:20]
    for spans in (("source", "target"), tuple(ROLES)):
        hidden = Masked(spans=spans).hidden_tokens(roles, np.random.default_rng(seed))
        assert not hidden[~np.isin(roles, [ROLES[span] for span in spans])].any()
        for row, of in zip(hidden, roles):
            starts = np.flatnonzero((of == SOURCE) & (np.roll(of, 1) != SOURCE))
            for start, end in zip(starts, [*starts[1:], len(of)]):
                inside = [role for role in (SOURCE, RELATION, TARGET) if row[start:end][of[start:end] == role].any()]
                assert len(inside) == 1
                assert row[start:end][of[start:end] == inside[0]].all()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"in_context": 1.0}, "task.in_context is 1.0, but must be 0 or more and below 1"),
        ({"context_alone": -1}, "task.context_alone is -1, but must be 0 or more"),
        ({"context_facts": 0}, "task.context_facts is 0, but must be 1 or more"),
        ({"context_least": 5}, r"task.context_least is 5, but must be 1 to task.context_facts \(4\)"),
        ({"context_hubs": 1.5}, "task.context_hubs is 1.5, but must be 0 to 1"),
        ({"context_filler": -0.5}, "task.context_filler is -0.5, but must be 0 to 1"),
        ({"context_own": 3}, r"task.context_own is 3, but must be 0, or 8 \(two a fact\) or more"),
        (
            {"in_context": 0.5, "entities": 7, "one_way": 4},
            "task.context_facts is 4, but must be 1 to 3, two entities a",
        ),
        ({"new": 1801}, "task.new is 1801, but must be 0 to 1800, the facts that are not told"),
        ({"tell": "new"}, "task.new is 0, but must be 1 or more where task.tell is 'new'"),
        ({"new": 5, "two_way": 1797}, "task.new is 5, but must be 0 to 3, the facts that are not told"),
    ],
)
def test_impossible_settings_are_refused_by_name(given, says):
    with pytest.raises(SettingError, match=says):
        Reversal(**given)


@few
@given(worlds(), SEEDS)
def test_a_second_training_tells_what_was_kept_back_one_way_and_nothing_else(of, seed):
    if not of.new:
        return
    first, second = of.build(seed), replace(of, tell="new").build(seed)
    assert first.vocabulary.words == second.vocabulary.words  # so that one can go on from the other
    assert first.questions.keys() == second.questions.keys()
    documents, kept = second.documents, first.questions["new_forward"]
    told = {one for row, n in zip(documents.tokens, documents.lengths) for one in said(second, row[1:n])}
    plain = {(s, word.removesuffix("-2"), t) for s, word, t in told}
    premises = first.premises.documents
    rows = kept.needs[:, 0]
    assert plain == {said(first, premises.tokens[row, : premises.lengths[row]])[0] for row in rows}
    assert len(plain) == of.new == len(facts(second, of, list(told)))
    for split, questions in second.questions.items():
        assert questions.support.shape[2] == (of.renderings if split.startswith("new") else 0)
        np.testing.assert_array_equal(questions.accepted, first.questions[split].accepted)
    # What is asked by the other word was told neither now nor before.
    before = {one for row, n in zip(first.documents.tokens, first.documents.lengths) for one in said(first, row[1:n])}
    for s, word, t in told:
        other = first.relations[first.relations.index(word) ^ 1]
        assert (t, other, s) not in told | before
        assert (s, word, t) not in before
