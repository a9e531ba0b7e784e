"""The codebook world: what its books write by brute force, what is told of them, and what never is."""

import time
from collections import Counter
from dataclasses import fields
from itertools import pairwise, permutations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from eval.score import right, tokens_right
from eval.ways.generate_and_verify import GenerateAndVerify
from eval.ways.in_context import InContext
from tasks.codebook import Codebook
from tasks.codebook_context import VERBS
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Questions
from tasks.settings import SettingError
from tasks.thoughts import REWARD
from tasks.vocabulary import FILLER, MASK, SEPARATOR

MEANS, ENCODES, DECODES = VERBS
HELD = Codebook.HELD_OUT
SEEDS = st.integers(0, 2**32 - 1)
few = limits(max_examples=25)
Told = tuple[tuple[str, ...], str, str, tuple[str, ...]]  # source, book, verb, target


@st.composite
def worlds(draw, **given_settings) -> Codebook:
    """Settings of every kind, small."""
    length, used = draw(st.integers(2, 3)), draw(st.integers(3, 4))
    least = draw(st.integers(1, length))
    latent = draw(st.one_of(st.just(0), st.integers(least, 4)))
    books, symbols = draw(st.integers(1, 4)), used + latent
    most = {(3, 2): 5, (3, 3): 5, (4, 2): 11, (4, 3): 23}[used, length]
    return Codebook(
        books=books,
        symbols=symbols,
        length=length,
        latent=latent / symbols,
        latent_asked=least,
        one_way=draw(st.integers(0, books)),
        encodings=draw(st.integers(used, most)),
        asked=draw(st.integers(1, 40)),
        filler=draw(st.integers(0, 2)),
        statements=draw(st.integers(1, 3)),
        renderings=draw(st.integers(1, 2)),
        in_context=0.5,
        context_facts=draw(st.integers(1, symbols)),
        context_books=draw(st.integers(1, 5)),
        restated=draw(st.integers(1, 6)),
        context_own=draw(st.sampled_from([0, 0, 1, 3])),
        **given_settings,
    )


def read(corpus: Corpus, tokens: np.ndarray) -> list[Told]:
    """The statements of a document, by its words alone."""
    found = []
    for part in corpus.vocabulary.text(tokens).split("[separator]"):
        words = [word for word in part.split() if word not in (*FILLER, "[begin]")]
        (at,) = (i for i, word in enumerate(words) if word in VERBS)
        found.append((tuple(words[: at - 1]), words[at - 1], words[at], tuple(words[at + 1 :])))
    return found


def told(corpus: Corpus) -> Counter[Told]:
    return Counter(one for tokens in corpus.documents.tokens for one in read(corpus, tokens))


def asked(corpus: Corpus, questions: Questions) -> list[Told]:
    """Each question as a statement, the accepted answer in its open span."""
    rows = [read(corpus, tokens)[-1] for tokens in questions.documents.tokens]
    answers = [tuple(corpus.entities.words[e].split("-")) for e in questions.accepted[:, 0]]
    assert all(row[3] == ("[mask]",) * len(answer) for row, answer in zip(rows, answers))
    return [(*row[:3], answer) for row, answer in zip(rows, answers)]


def defined(stated) -> dict[str, dict[str, str]]:
    """What each book writes for each symbol, by the definitions that are stated."""
    books: dict[str, dict[str, str]] = {}
    for source, book, verb, target in stated:
        if verb == MEANS:
            (plain,), (code,) = source, target
            assert books.setdefault(book, {}).setdefault(plain, code) == code
    return books


def holds(books: dict[str, dict[str, str]], one: Told) -> bool:
    """Whether a statement follows from the definitions."""
    source, book, verb, target = one
    plain, code = (target, source) if verb == DECODES else (source, target)
    return tuple(books.get(book, {}).get(symbol) for symbol in plain) == code


def uses(stated, *verbs: str) -> dict[str, set[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """The plain sequences, and their codes, that statements with these verbs tell of each book."""
    found: dict[str, set] = {}
    for source, book, verb, target in stated:
        if verb in verbs:
            found.setdefault(book, set()).add((target, source) if verb == DECODES else (source, target))
    return found


def latent_of(stated) -> dict[str, set[str]]:
    """The plain symbols of each book that no encoding or decoding holds."""
    used = uses(stated, ENCODES, DECODES)
    return {
        book: set(of) - {p for plain, _ in used.get(book, ()) for p in plain} for book, of in defined(stated).items()
    }


# --- what is told ---


@few
@given(worlds(), SEEDS)
def test_each_book_is_a_bijection_between_two_alphabets_and_all_of_it_is_defined(settings, seed):
    books = defined(told(settings.build(seed)))
    plain, code = ({symbol for of in books.values() for symbol in side(of)} for side in (dict.keys, dict.values))
    assert len(books) == settings.books
    assert not plain & code
    for of in books.values():
        assert of.keys() == plain
        assert set(of.values()) == code
        assert len(of) == len(code) == settings.symbols


@few
@given(worlds(), SEEDS)
def test_each_statement_stands_as_often_as_it_should_and_is_true(settings, seed):
    stated = told(settings.build(seed))
    books = defined(stated)
    assert set(stated.values()) == {settings.renderings}
    assert all(holds(books, one) for one in stated)
    encoded, decoded = uses(stated, ENCODES), uses(stated, DECODES)
    assert len(decoded) == settings.books - settings.one_way
    for book, pairs in encoded.items():
        assert len(pairs) == settings.encodings
        assert decoded.get(book, pairs) == pairs  # the same, the other way round
        assert all(len(set(plain)) == len(plain) == settings.length for plain, _ in pairs)


@few
@given(worlds(), SEEDS)
def test_as_many_entries_as_should_be_are_latent_and_the_others_are_used_in_every_place(settings, seed):
    stated = told(settings.build(seed))
    latent, encoded = latent_of(stated), uses(stated, ENCODES)
    for book, of in defined(stated).items():
        assert len(latent[book]) == settings.symbols - settings.used == round(settings.latent * settings.symbols)
        for place in range(settings.length):
            assert {plain[place] for plain, _ in encoded[book]} == of.keys() - latent[book]


# --- what is asked ---


@few
@given(worlds(), SEEDS)
def test_every_answer_follows_from_the_definitions_and_is_the_only_one(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    books, latent = defined(stated), latent_of(stated)
    encoded, decoded = uses(stated, ENCODES), uses(stated, DECODES)
    for split, questions in corpus.questions.items():
        rows = asked(corpus, questions)
        assert len(set(rows)) == len(rows) <= settings.asked
        assert questions.accepted.shape[1] == 1
        for one in rows:
            source, book, verb, target = one
            assert holds(books, one)  # books are bijections, so nothing else does
            hidden = set(target if verb == DECODES else source) & latent[book]
            if split == "define":
                assert (verb, one in stated) == (MEANS, True)
            elif split == "latent":
                assert verb == ENCODES
                assert len(hidden) >= settings.latent_asked
            else:
                assert not hidden
                assert verb == (ENCODES if split == "encode" else DECODES)
            assert one in stated or split != "define"
            if split in ("encode", "decode_told"):
                assert (source, target) not in encoded[book] | {pair[::-1] for pair in encoded[book]}
                assert split == "encode" or book in decoded
            if split == "decode":
                assert (target, source) in encoded[book]
                assert book not in decoded


@few
@given(worlds(), SEEDS)
def test_there_is_a_split_wherever_there_is_something_to_ask(settings, seed):
    splits = settings.build(seed).questions.keys()
    there = {"define": True, "encode": True, "latent": settings.used < settings.symbols}
    there |= {"decode": settings.one_way > 0, "decode_told": settings.one_way < settings.books}
    assert splits == {split for split, is_there in there.items() if is_there}


@few
@given(worlds(), SEEDS)
def test_turned_is_the_same_told_by_the_other_verb(settings, seed):
    corpus = settings.build(seed)
    other = {ENCODES: DECODES, DECODES: ENCODES}
    for split, questions in corpus.questions.items():
        if split == "define":
            assert questions.turned is None
            continue
        for i, (source, book, verb, target) in enumerate(asked(corpus, questions)):
            ((open_span, *rest),) = read(corpus, questions.turned.tokens[i])
            assert open_span == ("[mask]",) * len(target)
            assert rest == [book, other[verb], source]
        known = questions.turned.roles == TARGET
        assert (known.sum(1) == questions.size).all()
        assert ((questions.turned.tokens == MASK) == (questions.turned.roles == SOURCE)).all()


def test_the_default_world_asks_enough_and_leaves_chance_by_elimination_below_five_percent():
    questions = Codebook().build(0).questions
    assert {split: len(of) for split, of in questions.items()} == dict.fromkeys(
        ("define", "encode", "decode_told", "latent", "decode"), 240
    )
    for split in HELD:
        assert (questions[split].chance_by_elimination <= 0.05).all()
        assert (questions[split].chance < 0.001).all()
    # Six codes are never used: two of them in their places or, where no entry of a question is used, three.
    assert np.unique(questions["latent"].chance_by_elimination) == pytest.approx([1 / (6 * 5 * 4), 1 / (6 * 5)])
    assert questions["decode"].chance_by_elimination == pytest.approx(1 / 60)


def test_a_hundred_thousand_documents_in_a_few_seconds():
    began = time.process_time()
    corpus = Codebook(books=62, one_way=31).build(0)
    assert len(corpus.documents) > 100_000
    assert time.process_time() - began < 5


# --- what must not be told ---


@few
@given(worlds(), SEEDS)
def test_no_held_out_statement_stands_anywhere(settings, seed):
    corpus = settings.build(seed)
    drawn = corpus.drawn.draw(60, np.random.default_rng(seed))
    everywhere = (corpus.documents, drawn, corpus.premises.documents)
    everything = {one for documents in everywhere for tokens in documents.tokens for one in read(corpus, tokens)}
    for split in HELD:
        if split in corpus.questions:
            assert not everything & set(asked(corpus, corpus.questions[split]))


@few
@given(worlds(), SEEDS)
def test_a_latent_entry_and_its_code_stand_together_in_its_definition_only(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    books, latent = defined(stated), latent_of(stated)
    drawn = corpus.drawn.draw(60, np.random.default_rng(seed))
    drawn_statements = [one for tokens in drawn.tokens for one in read(corpus, tokens)]
    for source, book, verb, target in (*stated, *drawn_statements):
        if verb == MEANS and (source, book, verb, target) in stated:
            continue
        for plain in latent.get(book, ()):
            pair = (plain, books[book][plain])
            assert pair not in zip(source, target)
            assert pair not in zip(target, source)


@few
@given(worlds(), SEEDS)
def test_nothing_that_a_drawn_document_says_of_a_book_of_the_world_is_true(settings, seed):
    corpus = settings.build(seed)
    books = defined(told(corpus))
    for tokens in corpus.drawn.draw(60, np.random.default_rng(seed)).tokens:
        for source, book, _, target in read(corpus, tokens):
            of = books.get(book, {})
            assert all(of.get(a) != b and of.get(b) != a for a, b in zip(source, target))
            assert (book in books) == (not settings.context_own)


# --- chances, support, prompts ---


@few
@given(worlds(), SEEDS)
def test_chance_is_that_of_a_random_answer_in_the_same_alphabet(settings, seed):
    corpus = settings.build(seed)
    names = corpus.entities
    alphabets = [set(side) for side in zip(*defined(told(corpus)).popitem()[1].items())]
    for questions in corpus.questions.values():
        for i in range(min(3, len(questions))):
            fits = np.flatnonzero(names.lengths == questions.size[i])
            answer = names.words[questions.accepted[i, 0]].split("-")
            (alphabet,) = (symbols for symbols in alphabets if answer[0] in symbols)
            fits = np.array([e for e in fits if set(names.words[e].split("-")) <= alphabet])
            hits = right(corpus, questions[np.full(len(fits), i)], names.tokens[fits][:, : questions.size[i]])
            assert questions.chance[i] == pytest.approx(hits.mean())
            assert hits.sum() == 1


@few
@given(worlds(), SEEDS)
def test_chance_by_elimination_is_that_of_a_guess_among_what_was_never_seen_there(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    books, latent, encoded = defined(stated), latent_of(stated), uses(stated, ENCODES)
    for split, questions in corpus.questions.items():
        for i, (source, book, _, target) in enumerate(asked(corpus, questions)[:4]):
            used = books[book].keys() - latent[book]
            if split == "define":
                left = set()
            elif split == "decode":
                left = {plain for plain, _ in encoded[book]}
            elif split == "latent":  # who knows what used entries mean, and which codes the book never writes
                unseen = {books[book][symbol] for symbol in latent[book]}
                may = [unseen if symbol in latent[book] else {books[book][symbol]} for symbol in source]
                every = permutations(books[book].values(), settings.length)
                left = {codes for codes in every if all(c in of for c, of in zip(codes, may))}
            else:
                told_here = {pair[split == "encode"] for pair in encoded[book]}
                symbols = [books[book][symbol] for symbol in used] if split == "encode" else used
                left = set(permutations(symbols, settings.length)) - told_here
            assert (target in left) == (split != "define")
            assert questions.chance_by_elimination[i] == pytest.approx(1 / len(left) if left else 0.0)


@few
@given(worlds(), SEEDS)
def test_a_question_needs_the_definitions_of_its_symbols_and_knows_the_documents_that_hold_them(settings, seed):
    corpus = settings.build(seed)
    premises = [read(corpus, tokens) for tokens in corpus.premises.documents.tokens]
    assert {one for (one,) in premises} == {one for one in told(corpus) if one[2] == MEANS}
    assert len(set(corpus.premises.fact)) == len(premises)
    where: dict[Told, list[int]] = {}
    for i, tokens in enumerate(corpus.documents.tokens):
        for one in read(corpus, tokens):
            where.setdefault(one, []).append(i)
    for questions in corpus.questions.values():
        assert questions.support.shape == (*questions.needs.shape, settings.renderings)
        for one, needs, support in zip(asked(corpus, questions), questions.needs, questions.support):
            needed = [premises[row][0] for row in needs]
            assert holds(defined(needed), one)
            assert {book for _, book, _, _ in needed} == {one[1]}
            assert len(set(needed)) == len(needed) == len(one[3])
            assert [sorted(rows) for rows in support.tolist()] == [where[premise] for premise in needed]


@few
@given(worlds(), SEEDS)
def test_a_prompt_holds_what_is_needed_and_never_the_answer(settings, seed):
    corpus = settings.build(seed)
    stated, way = set(told(corpus)), InContext.fitting(corpus, 2)
    for split, questions in corpus.questions.items():
        prompted = way.prompt(SimpleNamespace(corpus=corpus), questions[:5])
        for i, one in enumerate(asked(corpus, prompted)):
            given_premises = read(corpus, prompted.documents.tokens[i])[:-1]
            assert len(given_premises) == questions.needs.shape[1] + way.distractors
            assert set(given_premises) <= stated
            assert holds(defined(given_premises), one)
            assert (one in given_premises) == (split == "define")
            span = slice(prompted.start[i], prompted.start[i] + prompted.size[i])
            assert (prompted.documents.tokens[i, span] == MASK).all()


@pytest.mark.parametrize("statements", [1, 2])
def test_what_is_set_apart_for_thoughts_shares_no_definition_with_what_is_left(statements):
    settings = Codebook(asked=60, renderings=2, statements=statements, reward=0.5, thoughts=1)
    corpus = settings.build(1)
    needs = {part: set() for part in ("", REWARD)}
    for split in HELD:
        for part, found in needs.items():
            assert 20 <= len(corpus.questions[split + part]) <= 40
            found |= set(corpus.questions[split + part].needs.ravel().tolist())
    assert not needs[""] & needs[REWARD]
    thinking = corpus.documents[len(Codebook(asked=60, renderings=2, statements=statements).build(1).documents) :]
    assert len(thinking) == sum(len(corpus.questions[split + REWARD]) for split in HELD)
    assert thinking.lengths.max() <= corpus.longest
    statements = {one for tokens in corpus.documents.tokens for one in read_thought(corpus, tokens)}
    assert set(asked(corpus, corpus.questions["latent" + REWARD])) <= statements
    assert not statements & {one for split in HELD for one in asked(corpus, corpus.questions[split])}


def read_thought(corpus: Corpus, tokens: np.ndarray) -> list[Told]:
    """As `read`, of a document that may begin with what it asks and stop at [end]."""
    words = corpus.vocabulary.text(tokens).split()
    whole = " ".join(word for word in words if word != "[end]")
    ids = np.array([corpus.vocabulary.ids[word] for word in whole.split()])
    return [one for one in read(corpus, ids) if one[3]]


# --- documents with throwaway definitions ---


def parts(settings: Codebook, statements: list[Told]) -> tuple[list[Told], list[Told]]:
    """What a drawn document states, as definitions, and what it asks: so many questions, up to `restated`."""
    (facts,) = (k for k in range(1, len(statements)) if k + min(k, settings.restated) == len(statements))
    return [straight(one) for one in statements[:facts]], statements[facts:]


def straight(one: Told) -> Told:
    """A definition, if it was told from the other end."""
    source, book, verb, target = one
    return (target, book, MEANS, source) if verb == DECODES else one


@few
@given(worlds(), SEEDS)
def test_what_a_drawn_document_asks_follows_from_what_it_states(settings, seed):
    corpus = settings.build(seed)
    drawn = corpus.drawn.draw(60, np.random.default_rng(seed))
    assert drawn.lengths.max() <= corpus.longest
    for tokens, roles, length in zip(drawn.tokens, drawn.roles, drawn.lengths):
        statements = read(corpus, tokens)
        stated, asks = parts(settings, statements)
        assert len(stated) <= settings.context_facts
        assert {verb for _, _, verb, _ in stated} == {MEANS}
        assert len(set(stated)) == len(stated)
        books = defined(stated)
        assert len(books) <= settings.context_books
        assert all(len(set(of.values())) == len(of) for of in books.values())  # each a bijection, as far as it goes
        for one in asks:
            source, book, verb, target = one
            assert holds(books, one)
            assert len(source) == len(target)
            assert len(source) in {MEANS: (1,), ENCODES: (settings.length,), DECODES: (1, settings.length)}[verb]
            assert len(set(source)) == min(len(source), len(books[book]))  # different ones where there are so many
        begun = [(book, (target if verb == DECODES else source)[0]) for source, book, verb, target in asks]
        assert len(set(begun)) == len(begun)
        # Only the answers are ever a target.
        answers = [symbol for *_, target in asks for symbol in target]
        assert [corpus.vocabulary.words[t] for t in tokens[roles == TARGET]] == answers
        assert ((roles == NONE) | (roles == TARGET)).all()
        assert (tokens == SEPARATOR).sum() == len(statements) - 1
        assert (tokens[length:] == 0).all()


def test_drawn_documents_are_new_every_time_and_of_every_kind():
    settings = Codebook(in_context=0.5)
    corpus = settings.build(2)
    first, again, other = (corpus.drawn.draw(400, np.random.default_rng([2, step])) for step in (0, 0, 1))
    for field in fields(Documents):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    texts = [corpus.vocabulary.text(tokens) for tokens in (*first.tokens, *other.tokens)]
    assert len(set(texts)) > 0.99 * len(texts)  # of one definition there are not so many
    verbs, lengths, books, named = Counter(), Counter(), Counter(), Counter()
    places, single = Counter(), 0
    for tokens in first.tokens:
        stated, asks = parts(settings, read(corpus, tokens))
        verbs.update(verb for _, _, verb, _ in asks)
        single += sum(len(source) == 1 for source, *_ in asks)
        lengths[len(stated)] += 1
        named.update({book for _, book, _, _ in stated})
        if len(stated) == 8:
            books[len({book for _, book, _, _ in stated})] += 1
            of = [(book, source[0]) for source, book, _, _ in stated]
            places.update(
                of.index((book, p))
                for source, book, verb, target in asks
                for p in (target if verb == DECODES else source)
            )
    total = sum(verbs.values())
    assert verbs[MEANS] / total == pytest.approx(0.125, abs=0.03)
    assert verbs[DECODES] / total == pytest.approx(0.5, abs=0.05)
    assert single / total == pytest.approx(0.25, abs=0.05)
    assert set(lengths) == set(range(1, 9))
    assert set(books) == {1, 2, 3, 4}
    assert set(places) == set(range(8))
    assert len(named) == 20


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_drawn_documents_tell_and_ask_is_as_set(share):
    names = ("context_again", "context_turned", "context_told_turned", "context_filler", "context_hubs")
    settings = Codebook(in_context=0.5, **dict.fromkeys(names, share))
    corpus = settings.build(0)
    for tokens in corpus.drawn.draw(100, np.random.default_rng(1)).tokens:
        statements = read(corpus, tokens)
        stated, asks = parts(settings, statements)
        assert {verb for _, _, verb, _ in statements[: len(stated)]} == {DECODES if share else MEANS}
        assert {(verb, len(source)) for source, _, verb, _ in asks} == {(DECODES, 1) if share else (ENCODES, 3)}
        if not share:
            assert not set(corpus.vocabulary.text(tokens).split()) & set(FILLER)
        else:
            of = sorted((set(book) for book in defined(stated).values()), key=len)
            assert all(fewer <= more for fewer, more in pairwise(of))
    turned = Codebook(in_context=0.5, context_again=0, context_turned=share).build(0)
    for tokens in turned.drawn.draw(50, np.random.default_rng(1)).tokens:
        _, asks = parts(settings, read(turned, tokens))
        assert {verb for _, _, verb, _ in asks} == {DECODES if share else ENCODES}


def test_where_books_share_symbols_the_book_decides():
    settings = Codebook(in_context=0.5, context_hubs=1)
    corpus, differ = settings.build(0), 0
    for tokens in corpus.drawn.draw(100, np.random.default_rng(3)).tokens:
        stated, _ = parts(settings, read(corpus, tokens))
        meanings: dict[str, set[str]] = {}
        for (plain,), _, _, (code,) in stated:
            meanings.setdefault(plain, set()).add(code)
        differ += any(len(of) > 1 for of in meanings.values())
    assert differ > 40


# --- per symbol ---


def test_per_symbol_counts_symbols_in_their_place():
    corpus = Codebook(asked=20, renderings=1).build(0)
    for split, questions in corpus.questions.items():
        k = 1 if split == "define" else 3
        said = corpus.entities.tokens[questions.accepted[:, 0]][:, :k].astype(np.int64)
        assert tokens_right(corpus, questions, said).mean() == 1
        assert tokens_right(corpus, questions, np.zeros_like(said)).mean() == 0
        if k == 3:
            shifted = np.roll(said, 1, axis=1)  # the right symbols, none in its place
            assert tokens_right(corpus, questions, shifted).mean() == 0
            said[:, 1] = 0
            assert tokens_right(corpus, questions, said).mean() == pytest.approx(2 / 3)
            assert not right(corpus, questions, said).any()
            wider = np.pad(said, ((0, 0), (0, 2)))  # padding beyond the span does not count
            assert tokens_right(corpus, questions, wider).mean() == pytest.approx(2 / 3)


# --- settings ---


def test_same_seed_same_corpus_and_another_seed_another():
    settings = Codebook(books=4, one_way=2, asked=30, renderings=2, in_context=0.3)
    first, again, other = (settings.build(seed) for seed in (7, 7, 8))
    assert first.vocabulary == again.vocabulary
    np.testing.assert_array_equal(first.documents.tokens, again.documents.tokens)
    assert not np.array_equal(first.documents.tokens, other.documents.tokens)
    assert first.questions.keys() == again.questions.keys()
    for split in first.questions:
        for name in ("start", "size", "accepted", "support", "needs", "chance", "chance_by_elimination"):
            a, b = (getattr(corpus.questions[split], name) for corpus in (first, again))
            np.testing.assert_array_equal(a, b)
        a, b, c = (corpus.questions[split].documents.tokens for corpus in (first, again, other))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_in_context_documents_change_nothing_else():
    plain, drawing = (Codebook(in_context=share, renderings=1).build(3) for share in (0.0, 0.5))
    assert plain.drawn is None
    np.testing.assert_array_equal(plain.documents.tokens, drawing.documents.tokens)


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


@few
@given(worlds(), SEEDS)
def test_names_are_different_and_no_two_of_one_length_begin_alike_throughout(settings, seed):
    entities = settings.build(seed).entities
    names = [tuple(row[:k]) for row, k in zip(entities.tokens.tolist(), entities.lengths)]
    assert len(set(names)) == len(names) == len(set(entities.words))
    assert set(entities.lengths) == {1, settings.length}
    assert sum(entities.lengths == 1) == 2 * settings.symbols
    assert all(word.isupper() == code for word, code in zip(entities.words, entities.alphabet))


def test_only_what_is_of_the_answers_alphabet_is_tried():
    corpus = Codebook(symbols=4, books=3, one_way=1, latent=0, encodings=5, renderings=1).build(0)
    trained = SimpleNamespace(
        corpus=corpus,
        modules=None,
        objective=SimpleNamespace(log_probability=lambda _, questions, *__: np.zeros(len(questions))),
    )
    for split in ("encode", "decode"):
        questions = corpus.questions[split]
        score = GenerateAndVerify().score(trained, questions, corpus.entities)
        words = np.array(corpus.entities.words)
        for i, tried in enumerate(np.isfinite(score)):
            assert len(set(words[tried])) == 24
            assert {word.isupper() for word in words[tried]} == {split == "encode"}
            assert tried[questions.accepted[i, 0]]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"books": 0}, r"task\.books is 0, but must be 1 or more"),
        ({"length": 1}, r"task\.length is 1, but must be 2 or more"),
        ({"symbols": 2}, r"task\.symbols is 2, but must be task\.length \(3\) or more"),
        ({"symbols": 60}, r"task\.symbols is 60, but must be such that there are at most 100,000 sequences"),
        ({"latent": 1.5}, r"task\.latent is 1\.5, but must be 0 to 1"),
        ({"latent": 0.8}, r"task\.latent is 0\.8, but must be such that 3 or more of 12 entries are used"),
        ({"latent": 0.1}, r"task\.latent is 0\.1, but must be such that 2 \(task\.latent_asked\) or more of 12"),
        ({"latent_asked": 4}, r"task\.latent_asked is 4, but must be 1 to 3"),
        ({"latent_asked": 0}, r"task\.latent_asked is 0"),
        ({"one_way": 21}, r"task\.one_way is 21, but must be 0 to 20, the books there are"),
        ({"one_way": -1}, r"task\.one_way is -1"),
        ({"encodings": 5}, r"task\.encodings is 5, but must be 6 to 119"),
        ({"encodings": 120}, r"task\.encodings is 120, but must be 6 to 119"),
        ({"asked": 0}, r"task\.asked is 0"),
        ({"filler": -1}, r"task\.filler is -1"),
        ({"statements": 0}, r"task\.statements is 0"),
        ({"renderings": 0}, r"task\.renderings is 0"),
        ({"in_context": 1.0}, r"task\.in_context is 1\.0, but must be 0 or more and below 1"),
        ({"context_facts": 0}, r"task\.context_facts is 0"),
        ({"context_facts": 13, "in_context": 0.5}, r"task\.context_facts is 13, but must be 1 to 12"),
        ({"context_books": 0}, r"task\.context_books is 0"),
        ({"restated": 0}, r"task\.restated is 0"),
        ({"context_again": 2}, r"task\.context_again is 2, but must be 0 to 1"),
        ({"context_turned": -1}, r"task\.context_turned is -1, but must be 0 to 1"),
        ({"context_told_turned": 2}, r"task\.context_told_turned is 2, but must be 0 to 1"),
        ({"context_hubs": 2}, r"task\.context_hubs is 2, but must be 0 to 1"),
        ({"context_filler": 2}, r"task\.context_filler is 2, but must be 0 to 1"),
        ({"context_own": -1}, r"task\.context_own is -1, but must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(bad, says):
    with pytest.raises(SettingError, match=says) as refused:
        Codebook(**bad)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("one_way", [0, 20])
def test_without_one_kind_of_book_there_is_still_everything_else(one_way):
    corpus = Codebook(one_way=one_way, renderings=1, in_context=0.5).build(0)
    assert ("decode" in corpus.questions) == (one_way > 0)
    assert ("decode_told" in corpus.questions) == (one_way < 20)
    assert all(len(of) == 240 for of in corpus.questions.values())
    assert len(corpus.inferences()) > 0
