"""The syllogism world: what follows from its premises by brute force, what is told of it, and what never is."""

import re
from collections import Counter
from dataclasses import fields, replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from eval.score import right
from eval.ways.in_context import InContext
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Questions
from tasks.settings import SettingError
from tasks.syllogism import Syllogism
from tasks.syllogism_chains import NEAR, QUANTIFIERS, Chains
from tasks.syllogism_choices import CANDIDATES
from tasks.vocabulary import FILLER, MASK, SEPARATOR

HELD = ("conclusion", "misleading", "chain")
SEEDS = st.integers(0, 2**32 - 1)
few = limits(max_examples=50)
Told = tuple[str, str, str]
# What two premises give, by quantifier; set models prove it below.
RULES = {("all", "all"): "all", ("all", "none"): "none", ("some", "all"): "some"}


@st.composite
def worlds(draw) -> Syllogism:
    """Settings of every kind, small."""
    longest, facts = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    shortest, chains = draw(st.integers(1, 2)), draw(st.integers(2 * facts + 1, 25))
    held_out, misled = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    if Chains.of(chains, longest, held_out, misled).misled.sum() == 1:
        misled = 0.0
    return Syllogism(
        chains=chains,
        longest_chain=longest,
        held_out=held_out,
        misled=misled,
        shortest_name=shortest,
        longest_name=draw(st.integers(shortest, 3)),
        filler=draw(st.integers(0, 2)),
        statements=draw(st.integers(1, 3)),
        renderings=draw(st.integers(1, 2)),
        in_context=0.5,
        context_facts=facts,
        context_misled=draw(st.sampled_from([0.0, 0.5, 1.0])),
        context_alike=draw(st.sampled_from([0.0, 0.5, 1.0])),
        context_all=draw(st.sampled_from([0.0, 0.6])),
        context_own=draw(st.sampled_from([0, 0, 2 * facts + 1, 30])),
    )


def read(corpus: Corpus, tokens: np.ndarray) -> list[Told]:
    """The statements of a document, by its words alone."""
    found = []
    for part in corpus.vocabulary.text(tokens).split("[separator]"):
        words = [word for word in part.split() if word not in (*FILLER, "[begin]")]
        (at,) = (i for i, word in enumerate(words) if word in corpus.relations)
        found.append(("-".join(words[:at]), words[at], "-".join(words[at + 1 :])))
    return found


def told(corpus: Corpus) -> Counter[Told]:
    return Counter(one for tokens in corpus.documents.tokens for one in read(corpus, tokens))


def asked(corpus: Corpus, questions: Questions) -> list[Told]:
    """Each question as a statement, the first accepted answer in its open span."""
    rows = [read(corpus, tokens)[-1] for tokens in questions.documents.tokens]
    answers = [corpus.entities.words[b] for b in questions.accepted[:, 0]]
    for (_, _, opened), b in zip(rows, answers):
        assert opened == "-".join(["[mask]"] * len(b.split("-")))
    return [(a, word, b) for (a, word, _), b in zip(rows, answers)]


def parsed(word: str) -> tuple[str, int]:
    """The quantifier of a word and the number of premises it rests on."""
    quantifier, count = re.fullmatch(r"([a-z]+)(\d*)-are", word).groups()
    return quantifier, int(count or 1)


def joined(quantifier: str, premises: int) -> str:
    return f"{quantifier}{premises if premises > 1 else ''}-are"


def conclude(stated) -> set[Told]:
    """What follows from all premises of each whole chain that is stated; asserts that no class is in two."""
    links = {a: (word, b) for a, word, b in stated if word != NEAR and parsed(word)[1] == 1}
    premises = [one for one in stated if one[1] != NEAR and parsed(one[1])[1] == 1]
    assert len(links) == len(set(premises)) == len({b for _, b in links.values()})  # each class once on either side
    found = set()
    for first in links.keys() - {b for _, b in links.values()}:
        quantifier, last = parsed(links[first][0])[0], links[first][1]
        count = 1
        while last in links:
            word, last = links[last]
            quantifier, count = RULES[quantifier, parsed(word)[0]], count + 1
        found.add((first, joined(quantifier, count), last))
    return found


def chain_of(stated) -> dict[str, int]:
    """Which chain each class is in."""
    links = {a: b for a, word, b in stated if word != NEAR and parsed(word)[1] == 1}
    found = {}
    for i, first in enumerate(links.keys() - set(links.values())):
        while first is not None:
            found[first], first = i, links.get(first)
    return found


# --- what follows ---


def true_in(quantifier: str, x: int, y: int, classes: int) -> np.ndarray:
    """Whether "q of X are Y" holds, in every model: in which of the 2^classes kinds of thing there are any."""
    kinds = range(2**classes)
    some_x = sum(1 << kind for kind in kinds if kind >> x & 1)
    in_y = sum(1 << kind for kind in kinds if kind >> y & 1)
    models = np.arange(2**2**classes)
    return {
        "all": (models & some_x & ~in_y) == 0,
        "none": (models & some_x & in_y) == 0,
        "some": (models & some_x & in_y) != 0,
    }[quantifier]


@pytest.mark.parametrize("length", [2, 3])
@pytest.mark.parametrize("kind", range(3))
def test_of_the_candidates_along_a_chain_exactly_one_follows_by_set_models(kind, length):
    chains = Chains(*(np.array([value]) for value in (length, kind, True, False)))
    premises, classes = chains.told_premises(), length + 1
    given_premises = np.logical_and.reduce(
        [
            true_in(QUANTIFIERS[word], a, b, classes)
            for a, word, b in zip(premises.source, premises.word, premises.target)
        ]
    )
    assert given_premises.any()  # they can be true
    follow = {
        (q, x, y)
        for q, (x, y) in product(QUANTIFIERS, ((0, length), (length, 0)))
        if true_in(q, x, y, classes)[given_premises].all()
    }
    assert {q for q, x, y in follow if (x, y) == (0, length)} == {QUANTIFIERS[kind]}
    # Against the order of the chain, only the converse of that one.
    converse = set() if QUANTIFIERS[kind] == "all" else {(QUANTIFIERS[kind], length, 0)}
    assert follow == {(QUANTIFIERS[kind], 0, length)} | converse
    quantifier = QUANTIFIERS[premises.word[0]]
    for word in premises.word[1:]:
        quantifier = RULES[quantifier, QUANTIFIERS[word]]
    assert quantifier == QUANTIFIERS[kind]


@few
@given(worlds(), SEEDS)
def test_every_answer_follows_from_what_is_told_and_is_the_only_one(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    true = conclude(stated)
    assert len(true) == settings.chains
    assert len({(a, word) for a, word, _ in true}) == len(true)
    for split, questions in corpus.questions.items():
        rows = asked(corpus, questions)
        assert len(set(rows)) == len(rows)
        assert (questions.accepted.shape[1], questions.turned) == (1, None)
        assert set(rows) <= (set(stated) if split == "premise" else true)
    splits = {split: set(asked(corpus, questions)) for split, questions in corpus.questions.items()}
    assert splits.get("trained", set()) == true & set(stated)
    assert set().union(*(splits.get(split, set()) for split in HELD)) == true - set(stated)
    for split, premises in (("conclusion", {2}), ("misleading", {2}), ("chain", {3, 4})):
        assert {parsed(word)[1] for _, word, _ in splits.get(split, ())} <= premises


@few
@given(worlds(), SEEDS)
def test_each_statement_stands_as_often_as_it_should(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    assert set(stated.values()) == {settings.renderings}
    premises = {one for one in stated if one[1] != NEAR and parsed(one[1])[1] == 1}
    conclusions = {one for one in stated if one[1] != NEAR} - premises
    assert len(conclusions) == settings.chains - round(settings.held_out * settings.chains)
    assert conclusions <= conclude(stated)
    near = {one for one in stated if one[1] == NEAR}
    assert {(b, NEAR, a) for a, _, b in near} == near  # both ways round


# --- what must not be told ---


@few
@given(worlds(), SEEDS)
def test_no_statement_anywhere_joins_the_ends_of_a_chain_whose_conclusion_is_held_out(settings, seed):
    corpus = settings.build(seed)
    drawn = corpus.drawn.draw(50, np.random.default_rng(seed))
    everything = [one for tokens in drawn.tokens for one in read(corpus, tokens)] + list(told(corpus))
    everything += [one for tokens in corpus.premises.documents.tokens for one in read(corpus, tokens)]
    pairs = {frozenset((a, b)) for a, _, b in everything}
    for split in HELD:
        if split in corpus.questions:
            assert not pairs & {frozenset((a, b)) for a, _, b in asked(corpus, corpus.questions[split])}


@few
@given(worlds(), SEEDS)
def test_only_the_ends_of_misled_chains_are_told_to_be_near_a_class_and_it_is_no_answer(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    near = {a: b for a, word, b in stated if word == NEAR}
    chain = chain_of(stated)
    assert all(chain[a] != chain[b] for a, b in near.items())
    for split, questions in corpus.questions.items():
        for a, _, b in asked(corpus, questions):
            if split == "misleading":
                assert near[a] != b
                assert near[b] != a
            elif split in ("conclusion", "chain"):
                assert not {name for name in chain if chain[name] == chain[a]} & set(near)


def test_association_alone_answers_nothing_that_is_misleading():
    corpus = Syllogism().build(4)
    stated = told(corpus)
    beside: dict[str, Counter[str]] = {}
    for (a, _, b), times in stated.items():
        beside.setdefault(a, Counter())[b] += times
        beside.setdefault(b, Counter())[a] += times
    answers = {(word, b) for _, word, b in stated}
    for a, word, b in asked(corpus, corpus.questions["misleading"]):
        (nearest, times), (_, next_times) = beside[a].most_common(2)
        assert nearest != b
        assert times > next_times
        assert (word, nearest) in answers  # and it is what that word leads to, for another


# --- chances, support, prompts ---


@few
@given(worlds(), SEEDS)
def test_chances_are_those_of_a_random_answer_and_of_what_was_never_seen_there(settings, seed):
    corpus = settings.build(seed)
    stated, names = told(corpus), corpus.entities
    seen = {(word, b) for _, word, b in stated}
    left = {(word, b) for _, word, b in conclude(stated)} - seen
    for questions in corpus.questions.values():
        for i, (_, word, b) in enumerate(asked(corpus, questions)):
            fits = np.flatnonzero(names.lengths == questions.size[i])
            same = np.full(len(fits), i)
            said = names.tokens[fits][:, : questions.size[i]]
            assert questions.chance[i] == pytest.approx(right(corpus, questions[same], said).mean())
            others = [name for w, name in left if w == word and len(name.split("-")) == questions.size[i]]
            guess = 1 / len(others) if b in others else 0.0
            assert questions.chance_by_elimination[i] == pytest.approx(guess)


def test_the_default_world_leaves_chance_by_elimination_below_five_percent():
    questions = Syllogism().build(0).questions
    assert {split: len(of) for split, of in questions.items()} == {
        "premise": 600,
        "trained": 240,
        "conclusion": 60,
        "misleading": 60,
        "chain": 120,
    }
    for split in HELD:
        assert questions[split].chance_by_elimination == pytest.approx(0.025)
        assert (questions[split].chance < 0.002).all()
        words = Counter(questions[split].documents.tokens[questions[split].documents.roles == RELATION])
        assert len(words) == 3
        assert len(set(words.values())) == 1  # each quantifier equally often


@few
@given(worlds(), SEEDS)
def test_a_question_needs_just_the_premises_of_its_chain_and_knows_the_documents_that_hold_them(settings, seed):
    corpus = settings.build(seed)
    premises = [read(corpus, tokens) for tokens in corpus.premises.documents.tokens]
    assert all(len(one) == 1 for one in premises)
    assert len(set(corpus.premises.fact)) == len(premises)
    holds = [read(corpus, tokens) for tokens in corpus.documents.tokens]
    for questions in corpus.questions.values():
        assert questions.support.shape == (*questions.needs.shape, settings.renderings)
        for one, needs, support in zip(asked(corpus, questions), questions.needs, questions.support):
            needed = [premises[row][0] for row in needs[needs >= 0]]
            assert conclude(needed) == {one}
            assert len(needed) == parsed(one[1])[1]
            assert (support[needs < 0] == -1).all()
            for premise, rows in zip(needed, support):
                there = [i for i, statements in enumerate(holds) for other in statements if other == premise]
                assert sorted(rows) == there


@few
@given(worlds(), SEEDS)
def test_a_prompt_holds_what_is_needed_and_never_the_answer(settings, seed):
    corpus = settings.build(seed)
    stated = set(told(corpus))
    for split, questions in corpus.questions.items():
        prompted = InContext(distractors=2).prompt(SimpleNamespace(corpus=corpus), questions[:5])
        for i, one in enumerate(asked(corpus, prompted)):
            given_premises = read(corpus, prompted.documents.tokens[i])[:-1]
            assert len(given_premises) == parsed(one[1])[1] + 2
            assert set(given_premises) <= stated
            assert one in (given_premises if split == "premise" else conclude_parts(given_premises))
            if split in HELD:
                assert one not in given_premises
            span = slice(prompted.start[i], prompted.start[i] + prompted.size[i])
            assert (prompted.documents.tokens[i, span] == MASK).all()


def conclude_parts(stated: list[Told]) -> set[Told]:
    """As `conclude`, and what follows from a part of a chain: a distractor may go on where it ends."""
    found = set()
    for first in {a for a, _, _ in stated}:
        for k in range(1, len(stated) + 1):
            links, here, part = {one[0]: one for one in stated}, first, []
            while here in links and len(part) < k:
                part.append(links[here])
                here = links[here][2]
            if len(part) == k:
                found |= conclude(part)
    return found


# --- six candidates ---


@few
@given(worlds(), SEEDS)
def test_the_six_candidates_of_a_question(settings, seed):
    corpus = settings.build(seed)
    true = conclude(told(corpus))
    for split in ("trained", *HELD):
        if split not in corpus.questions:
            continue
        questions = corpus.questions[split]
        six, one_right = corpus.choices(questions)
        rows = asked(corpus, six)
        assert len(rows) == CANDIDATES * len(questions)
        assert len(one_right) == len(questions)
        for i, (a, word, c) in enumerate(asked(corpus, questions)):
            mine, count = rows[CANDIDATES * i : CANDIDATES * (i + 1)], parsed(word)[1]
            words = [joined(quantifier, count) for quantifier in QUANTIFIERS]
            assert mine == [(a, w, c) for w in words] + [(c, w, a) for w in words]
            assert [one in true for one in mine] == [k == one_right[i] for k in range(CANDIDATES)]
        size = np.repeat(questions.documents.lengths, CANDIDATES)
        assert (six.documents.lengths == size).all()  # the filler of the question
        assert (six.documents.roles[:, :] == TARGET).sum() == six.size.sum() == (six.documents.tokens == MASK).sum()
        np.testing.assert_array_equal(six.needs, np.repeat(questions.needs, CANDIDATES, axis=0))
        np.testing.assert_array_equal(six.support, np.repeat(questions.support, CANDIDATES, axis=0))


def test_a_random_choice_is_right_one_time_in_six_and_who_knows_the_order_one_in_three():
    corpus, rng = Syllogism(chains=1200).build(1), np.random.default_rng(0)
    _, one_right = corpus.choices(corpus.questions["conclusion"])
    score = rng.random((400, len(one_right), CANDIDATES))
    assert (score.argmax(-1) == one_right).mean() == pytest.approx(1 / 6, abs=0.005)
    assert (score[..., :3].argmax(-1) == one_right).mean() == pytest.approx(1 / 3, abs=0.005)
    assert np.bincount(one_right, minlength=CANDIDATES).tolist() == [50, 50, 50, 0, 0, 0]


# --- documents with throwaway chains ---


@few
@given(worlds(), SEEDS)
def test_what_a_drawn_document_asks_follows_from_what_it_states(settings, seed):
    corpus = settings.build(seed)
    drawn = corpus.drawn.draw(40, np.random.default_rng(seed))
    chain = chain_of(told(corpus))
    assert drawn.lengths.max() <= corpus.longest
    for tokens, roles, length in zip(drawn.tokens, drawn.roles, drawn.lengths):
        statements = read(corpus, tokens)
        asked = int((np.diff(roles, prepend=NONE) == TARGET).sum())
        stated = statements[:-asked]
        near = [one for one in stated if one[1] == NEAR]
        assert 1 <= len(stated) - len(near) <= settings.context_facts
        assert len(near) <= (settings.context_misled > 0)
        assert all(word == NEAR or parsed(word)[1] == 1 for _, word, _ in stated)
        premises = [one for one in stated if one not in near]
        assert set(statements[-asked:]) <= conclude_parts(premises)
        assert len(set(statements[-asked:])) == asked  # each once
        # No chain is longer than the world has.
        assert max(parsed(word)[1] for _, word, _ in conclude(stated)) <= settings.longest_chain
        # Only the answers are ever a target.
        answers = [name for _, _, b in statements[-asked:] for name in b.split("-")]
        assert [corpus.vocabulary.words[t] for t in tokens[roles == TARGET]] == answers
        assert ((roles == NONE) | (roles == TARGET)).all()
        assert (tokens == SEPARATOR).sum() == len(statements) - 1
        assert (tokens[length:] == 0).all()
        # Nothing in it can be true in the world: no two classes are of one chain, nor near each other there.
        names = {name for a, _, b in statements for name in (a, b)}
        places = [chain.get(name, name) for name in names]
        assert len(set(places)) == len(names)
        assert (not set(chain) & names) if settings.context_own else names <= set(chain)
        assert not set(statements) & set(told_once(corpus))


def told_once(corpus: Corpus) -> Counter[Told]:
    """As `told`, kept with the corpus that was asked about last."""
    if told_once.__dict__.get("of") is not corpus:
        told_once.of, told_once.found = corpus, told(corpus)
    return told_once.found


def test_a_throwaway_class_is_never_told_to_be_near_one_that_it_is_near_in_the_world():
    settings = Syllogism(chains=8, longest_chain=2, misled=1, context_facts=2, context_misled=1, in_context=0.5)
    corpus = settings.build(0)
    near = {one for one in told(corpus) if one[1] == NEAR}
    drawn = corpus.drawn.draw(2000, np.random.default_rng(0))
    stated = [one for tokens in drawn.tokens for one in read(corpus, tokens)]
    assert len(near) == 16
    assert not near & set(stated)
    assert len({one for one in stated if one[1] == NEAR}) > 100


def test_drawn_documents_are_new_every_time_and_ask_every_word_from_every_place():
    corpus = Syllogism(in_context=0.5).build(2)
    first, again, other = (corpus.drawn.draw(2000, np.random.default_rng([2, step])) for step in (0, 0, 1))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    texts = [corpus.vocabulary.text(tokens) for tokens in (*first.tokens, *other.tokens)]
    assert len(set(texts)) == len(texts)
    words, places, lengths = Counter(), Counter(), Counter()
    for tokens, roles in zip(first.tokens, first.roles):
        statements, asked = read(corpus, tokens), int((roles == TARGET).sum())  # names of one token
        stated, asks = statements[:-asked], statements[-asked:]
        words.update(word for _, word, _ in asks)
        lengths[len([one for one in stated if one[1] != NEAR])] += 1
        ends = {a for a, _, _ in stated}
        places.update(i for i, (a, word, b) in enumerate(stated) if len(stated) == 4 and b not in ends)
    assert set(words) == set(corpus.relations) - {NEAR}
    assert set(lengths) == set(range(1, 5))
    assert set(places) == set(range(4))  # premises in any order
    assert 0.5 < sum(n for word, n in words.items() if parsed(word)[1] > 1) / words.total() < 0.75


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (1.0, 1, 1)])
def test_what_drawn_documents_ask_and_tell_is_as_set(share, least, most):
    settings = Syllogism(
        in_context=0.5,
        context_concluded=share,
        context_first=share,
        context_misled=share,
        context_alike=share,
        context_all=share,
        context_filler=share,
    )
    corpus = settings.build(0)
    drawn = corpus.drawn.draw(100, np.random.default_rng(1))
    for tokens, roles in zip(drawn.tokens, drawn.roles):
        statements, asked = read(corpus, tokens), int((roles == TARGET).sum())
        stated, asks = statements[:-asked], statements[-asked:]
        assert least <= sum(word == NEAR for _, word, _ in stated) <= most
        premises = [one for one in stated if one[1] != NEAR]
        linked = {b for _, _, b in premises} & {a for a, _, _ in premises}
        opening = {one for one in premises if one[0] not in linked and one[2] in linked}
        if not share:
            assert set(asks) == set(premises) - opening
            assert not set(corpus.vocabulary.text(tokens).split()) & set(FILLER)
        else:
            concluded = [one for one in asks if one not in premises]
            assert set(asks) - set(concluded) == opening
            assert Counter(b for _, _, b in concluded) == Counter(b for a, _, b in premises if a in linked)
            assert {parsed(word)[0] for _, word, _ in premises} == {"all"}
            # Two chains or more, and nothing but who is in them tells one from another.
            whole = conclude(stated)
            assert len(whole) == len(opening) >= 2
            assert len({word for _, word, _ in whole}) == 1


def test_documents_too_short_for_two_chains_have_none_alike():
    settings = Syllogism(chains=20, in_context=0.5, context_facts=3, context_alike=1.0)
    corpus = settings.build(0)
    drawn = corpus.drawn.draw(200, np.random.default_rng(1))
    plain = replace(settings, context_alike=0.0).build(0).drawn.draw(200, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn.tokens, plain.tokens)


# --- settings ---


def test_same_seed_same_corpus_and_another_seed_another():
    settings = Syllogism(chains=30, in_context=0.3, context_facts=3, longest_name=2)
    first, again, other = (settings.build(seed) for seed in (7, 7, 8))
    assert first.vocabulary == again.vocabulary
    for a, b in zip((first.documents, first.entities), (again.documents, again.entities)):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.lengths, b.lengths)
    assert not np.array_equal(first.documents.tokens, other.documents.tokens)
    assert first.questions.keys() == again.questions.keys() == {"premise", "trained", *HELD}
    for split in first.questions:
        for name in ("start", "size", "accepted", "support", "needs", "chance", "chance_by_elimination"):
            a, b = (getattr(corpus.questions[split], name) for corpus in (first, again))
            np.testing.assert_array_equal(a, b)
        a, b, c = (corpus.questions[split].documents.tokens for corpus in (first, again, other))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_in_context_documents_change_nothing_else():
    plain, drawing = (Syllogism(chains=30, in_context=share).build(3) for share in (0.0, 0.5))
    assert plain.drawn is None
    np.testing.assert_array_equal(plain.documents.tokens, drawing.documents.tokens)
    assert max(plain.documents.lengths) <= plain.longest


@few
@given(worlds(), SEEDS)
def test_roles_mark_statements_and_nothing_else(settings, seed):
    corpus = settings.build(seed)
    ids = corpus.vocabulary.ids
    for documents in (corpus.documents, *(of.documents for of in corpus.questions.values())):
        assert documents.lengths.max() <= corpus.longest
        relation = np.isin(documents.tokens, [ids[word] for word in corpus.relations])
        assert ((documents.roles == RELATION) == relation).all()
        known = [ids[word] for word in corpus.vocabulary.words if word not in (*FILLER, *corpus.relations)][12:]
        named = np.isin(documents.tokens, [*known, MASK])
        assert (np.isin(documents.roles, (SOURCE, TARGET)) == named).all()


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"chains": 0}, r"task\.chains is 0, but must be 1 or more"),
        ({"longest_chain": 1}, r"task\.longest_chain is 1, but must be 2 or more"),
        ({"held_out": 1.5}, r"task\.held_out is 1\.5, but must be 0 to 1"),
        ({"misled": -0.1}, r"task\.misled is -0\.1, but must be 0 to 1"),
        ({"chains": 4, "longest_chain": 2}, None),
        (
            {"chains": 3, "held_out": 0, "misled": 0.5},
            r"task\.misled is 0\.5, but must be such that two chains or more",
        ),
        ({"shortest_name": 0}, r"task\.shortest_name is 0"),
        ({"shortest_name": 3, "longest_name": 2}, r"task\.longest_name is 2, but must be task\.shortest_name \(3\)"),
        ({"filler": -1}, r"task\.filler is -1"),
        ({"renderings": 0}, r"task\.renderings is 0"),
        ({"statements": 0}, r"task\.statements is 0"),
        ({"in_context": 1.0}, r"task\.in_context is 1\.0, but must be 0 or more and below 1"),
        ({"context_facts": 1}, r"task\.context_facts is 1, but must be 2 or more"),
        ({"context_concluded": 2}, r"task\.context_concluded is 2, but must be 0 to 1"),
        ({"context_first": 2}, r"task\.context_first is 2, but must be 0 to 1"),
        ({"context_alike": 2}, r"task\.context_alike is 2, but must be 0 to 1"),
        ({"context_all": 2}, r"task\.context_all is 2, but must be 0 to 1"),
        ({"context_misled": -1}, r"task\.context_misled is -1, but must be 0 to 1"),
        ({"context_filler": 2}, r"task\.context_filler is 2, but must be 0 to 1"),
        ({"context_own": 8}, r"task\.context_own is 8, but must be 0, or 9"),
        ({"chains": 8, "in_context": 0.5}, r"task\.context_facts is 4, but must be 2 to 3"),
        ({"chains": 8, "in_context": 0.5, "context_own": 9}, None),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(bad, says):
    if says is None:
        Syllogism(**bad).build(0)
        return
    with pytest.raises(SettingError, match=says) as refused:
        Syllogism(**bad)
    assert "\n" not in str(refused.value)


def test_no_word_of_the_task_can_be_the_name_of_a_class():
    for chains in (13, 100, 700, 2000):  # from one syllable a name on, of which "no" is one, to two, as "some" has
        corpus = replace(Syllogism(), chains=chains, renderings=1).build(0)
        assert len(set(corpus.vocabulary.words)) == len(corpus.vocabulary.words)
