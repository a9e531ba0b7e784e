"""The codebook world: what its books encode by brute force, what documents state of them, and what none states."""

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

from config.override import override
from config.validation import SettingError
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext
from eval.metrics import exact_match, token_accuracy
from tasks.codebook import Codebook
from tasks.codebook.episodes import CodebookEpisodeConfig
from tasks.codebook.world import VERBS
from tasks.common.chain_of_thought import RL_SUFFIX, ChainOfThoughtConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Questions
from tasks.vocabulary import FILLER, MASK, SEPARATOR

MEANS, ENCODES, DECODES = VERBS
HELD_OUT = Codebook.held_out_splits
SEEDS = st.integers(0, 2**32 - 1)
few = limits(max_examples=25)
Statement = tuple[tuple[str, ...], str, str, tuple[str, ...]]  # source, book, verb, target
Entries = dict[str, dict[str, str]]  # the code of each plain symbol, by book


@st.composite
def worlds(draw) -> Codebook:
    """Small worlds with all sorts of settings."""
    length, used = draw(st.integers(2, 3)), draw(st.integers(3, 4))
    min_latent = draw(st.integers(1, length))
    latent = draw(st.one_of(st.just(0), st.integers(min_latent, 4)))
    books, symbols = draw(st.integers(1, 4)), used + latent
    max_encodings = {(3, 2): 5, (3, 3): 5, (4, 2): 11, (4, 3): 23}[used, length]
    return Codebook(
        books=books,
        symbols=symbols,
        length=length,
        latent_share=latent / symbols,
        min_latent=min_latent,
        one_way=draw(st.integers(0, books)),
        encodings=draw(st.integers(used, max_encodings)),
        questions_per_split=draw(st.integers(1, 40)),
        documents=DocumentConfig(
            filler=draw(st.integers(0, 2)), statements=draw(st.integers(1, 3)), copies=draw(st.integers(1, 2))
        ),
        episodes=CodebookEpisodeConfig(
            share=0.5,
            max_facts=draw(st.integers(1, symbols)),
            max_books=draw(st.integers(1, 5)),
            max_questions=draw(st.integers(1, 6)),
            own_entities=draw(st.sampled_from([0, 0, 1, 3])),
        ),
    )


def with_episodes(**settings) -> Codebook:
    return Codebook(episodes=CodebookEpisodeConfig(share=0.5, **settings))


def draw_episodes(corpus: Corpus, count: int, *seed: int) -> Documents:
    return corpus.episodes.draw(count, np.random.default_rng(seed))


def parse(corpus: Corpus, tokens: np.ndarray) -> list[Statement]:
    """The statements of a document, by its words alone."""
    statements = []
    for part in corpus.vocabulary.text(tokens).split("[separator]"):
        words = [word for word in part.split() if word not in (*FILLER, "[begin]")]
        (position,) = (i for i, word in enumerate(words) if word in VERBS)
        source, target = tuple(words[: position - 1]), tuple(words[position + 1 :])
        statements.append((source, words[position - 1], words[position], target))
    return statements


def stated_by(corpus: Corpus) -> Counter[Statement]:
    """What training documents state, and how often."""
    return Counter(statement for tokens in corpus.documents.tokens for statement in parse(corpus, tokens))


def answered(corpus: Corpus, questions: Questions) -> list[Statement]:
    """Each question as a statement, the accepted answer in its open span."""
    rows = [parse(corpus, tokens)[-1] for tokens in questions.cloze.documents.tokens]
    answers = [tuple(corpus.entities.names[entity].split("-")) for entity in questions.accepted[:, 0]]
    assert all(row[3] == ("[mask]",) * len(answer) for row, answer in zip(rows, answers))
    return [(*row[:3], answer) for row, answer in zip(rows, answers)]


def entries_of(statements) -> Entries:
    """The entries that definitions among the statements define."""
    entries: Entries = {}
    for source, book, verb, target in statements:
        if verb == MEANS:
            (plain,), (code,) = source, target
            assert entries.setdefault(book, {}).setdefault(plain, code) == code
    return entries


def follows(entries: Entries, statement: Statement) -> bool:
    """Whether a statement follows from the entries."""
    source, book, verb, target = statement
    plain, code = (target, source) if verb == DECODES else (source, target)
    return tuple(entries.get(book, {}).get(symbol) for symbol in plain) == code


def pairs_by_book(statements, *verbs: str) -> dict[str, set[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """The plain sequences and their codes that statements with these verbs hold, by book."""
    pairs: dict[str, set] = {}
    for source, book, verb, target in statements:
        if verb in verbs:
            pairs.setdefault(book, set()).add((target, source) if verb == DECODES else (source, target))
    return pairs


def latent_symbols(statements) -> dict[str, set[str]]:
    """The plain symbols of each book that no encoding or decoding holds."""
    used = pairs_by_book(statements, ENCODES, DECODES)
    return {
        book: set(codes) - {symbol for plain, _ in used.get(book, ()) for symbol in plain}
        for book, codes in entries_of(statements).items()
    }


# --- what documents state ---


@few
@given(worlds(), SEEDS)
def test_each_book_is_a_bijection_between_two_alphabets_and_all_of_it_is_defined(settings, seed):
    entries = entries_of(stated_by(settings.build(seed)))
    plain = {symbol for codes in entries.values() for symbol in codes}
    code = {symbol for codes in entries.values() for symbol in codes.values()}
    assert len(entries) == settings.books
    assert not plain & code
    for codes in entries.values():
        assert codes.keys() == plain
        assert set(codes.values()) == code
        assert len(codes) == len(code) == settings.symbols


@few
@given(worlds(), SEEDS)
def test_each_statement_stands_in_as_many_copies_as_set_and_is_true(settings, seed):
    stated = stated_by(settings.build(seed))
    entries = entries_of(stated)
    assert set(stated.values()) == {settings.documents.copies}
    assert all(follows(entries, statement) for statement in stated)
    encoded, decoded = pairs_by_book(stated, ENCODES), pairs_by_book(stated, DECODES)
    assert len(decoded) == settings.books - settings.one_way
    for book, pairs in encoded.items():
        assert len(pairs) == settings.encodings
        assert decoded.get(book, pairs) == pairs  # the same sequences, decoded
        assert all(len(set(plain)) == len(plain) == settings.length for plain, _ in pairs)


@few
@given(worlds(), SEEDS)
def test_as_many_entries_as_set_are_latent_and_the_others_are_used_in_every_position(settings, seed):
    stated = stated_by(settings.build(seed))
    latent, encoded = latent_symbols(stated), pairs_by_book(stated, ENCODES)
    for book, codes in entries_of(stated).items():
        num_latent = settings.symbols - settings.used
        assert len(latent[book]) == num_latent == round(settings.latent_share * settings.symbols)
        for position in range(settings.length):
            assert {plain[position] for plain, _ in encoded[book]} == codes.keys() - latent[book]


# --- questions ---


@few
@given(worlds(), SEEDS)
def test_every_answer_follows_from_the_definitions_and_is_the_only_one(settings, seed):
    corpus = settings.build(seed)
    stated = stated_by(corpus)
    entries, latent = entries_of(stated), latent_symbols(stated)
    encoded, decoded = pairs_by_book(stated, ENCODES), pairs_by_book(stated, DECODES)
    for split, questions in corpus.questions.items():
        statements = answered(corpus, questions)
        assert len(set(statements)) == len(statements) <= settings.questions_per_split
        assert questions.accepted.shape[1] == 1
        for statement in statements:
            source, book, verb, target = statement
            assert follows(entries, statement)  # books are bijections, so nothing else does
            latent_in_question = set(target if verb == DECODES else source) & latent[book]
            if split == "define":
                assert (verb, statement in stated) == (MEANS, True)
            elif split == "latent":
                assert verb == ENCODES
                assert len(latent_in_question) >= settings.min_latent
            else:
                assert not latent_in_question
                assert verb == (ENCODES if split == "encode" else DECODES)
            if split in ("encode", "decode_stated"):
                assert (source, target) not in encoded[book] | {pair[::-1] for pair in encoded[book]}
                assert split == "encode" or book in decoded
            if split == "decode":
                assert (target, source) in encoded[book]
                assert book not in decoded


@few
@given(worlds(), SEEDS)
def test_there_is_a_split_wherever_there_is_something_to_ask(settings, seed):
    splits = settings.build(seed).questions.keys()
    expected = {"define": True, "encode": True, "latent": settings.used < settings.symbols}
    expected |= {"decode": settings.one_way > 0, "decode_stated": settings.one_way < settings.books}
    assert splits == {split for split, is_expected in expected.items() if is_expected}


@few
@given(worlds(), SEEDS)
def test_the_inverse_form_is_the_same_fact_by_the_other_verb(settings, seed):
    corpus = settings.build(seed)
    other = {ENCODES: DECODES, DECODES: ENCODES}
    for split, questions in corpus.questions.items():
        inverse = questions.inverse_form
        if split == "define":
            assert inverse is None
            continue
        for i, (source, book, verb, target) in enumerate(answered(corpus, questions)):
            ((open_span, *rest),) = parse(corpus, inverse.documents.tokens[i])
            assert open_span == ("[mask]",) * len(target)
            assert rest == [book, other[verb], source]
        is_target = inverse.documents.roles == TARGET
        assert (is_target.sum(1) == questions.cloze.size).all()
        assert ((inverse.documents.tokens == MASK) == (inverse.documents.roles == SOURCE)).all()


def test_the_default_world_has_enough_questions_and_elimination_baselines_below_five_percent():
    questions = Codebook().build(0).questions
    assert {split: len(part) for split, part in questions.items()} == dict.fromkeys(
        ("define", "encode", "decode_stated", "latent", "decode"), 240
    )
    for split in HELD_OUT:
        assert (questions[split].elimination_baseline <= 0.05).all()
        assert (questions[split].chance < 0.001).all()
    # Six codes are never used. A question holds two of them or, where none of its entries is used, three.
    assert np.unique(questions["latent"].elimination_baseline) == pytest.approx([1 / (6 * 5 * 4), 1 / (6 * 5)])
    assert questions["decode"].elimination_baseline == pytest.approx(1 / 60)


def test_a_hundred_thousand_documents_in_a_few_seconds():
    start = time.process_time()
    corpus = Codebook(books=62, one_way=31).build(0)
    assert len(corpus.documents) > 100_000
    assert time.process_time() - start < 5


# --- what no document may state ---


@few
@given(worlds(), SEEDS)
def test_no_held_out_statement_stands_in_the_world_or_in_a_premise(settings, seed):
    corpus = settings.build(seed)
    sources = (corpus.documents, corpus.premises.documents)
    statements = {s for documents in sources for tokens in documents.tokens for s in parse(corpus, tokens)}
    for split in HELD_OUT:
        if split in corpus.questions:
            assert not statements & set(answered(corpus, corpus.questions[split]))


@few
@given(worlds(), SEEDS)
def test_a_latent_entry_and_its_code_stand_together_in_its_definition_only(settings, seed):
    corpus = settings.build(seed)
    stated = stated_by(corpus)
    entries, latent = entries_of(stated), latent_symbols(stated)
    for source, book, verb, target in stated:
        if verb == MEANS:
            continue
        for plain in latent.get(book, ()):
            pair = (plain, entries[book][plain])
            assert pair not in zip(source, target)
            assert pair not in zip(target, source)


@few
@given(worlds(), SEEDS)
def test_episodes_are_about_books_of_the_world_or_of_their_own(settings, seed):
    corpus = settings.build(seed)
    books = {book for _, book, _, _ in stated_by(corpus)}
    for tokens in draw_episodes(corpus, 60, seed).tokens:
        for _, book, _, _ in parse(corpus, tokens):
            assert (book in books) == (not settings.episodes.own_entities)


# --- baselines, premises, prompts ---


@few
@given(worlds(), SEEDS)
def test_chance_is_that_of_a_random_answer_in_the_same_alphabet(settings, seed):
    corpus = settings.build(seed)
    entities = corpus.entities
    alphabets = [set(side) for side in zip(*entries_of(stated_by(corpus)).popitem()[1].items())]
    for questions in corpus.questions.values():
        for i in range(min(3, len(questions))):
            size = questions.cloze.size[i]
            answer = entities.names[questions.accepted[i, 0]].split("-")
            (alphabet,) = (symbols for symbols in alphabets if answer[0] in symbols)
            candidates = [
                e for e in np.flatnonzero(entities.lengths == size) if set(entities.names[e].split("-")) <= alphabet
            ]
            predictions = entities.tokens[candidates][:, :size]
            hits = exact_match(entities, questions[np.full(len(candidates), i)], predictions)
            assert questions.chance[i] == pytest.approx(hits.mean())
            assert hits.sum() == 1


@few
@given(worlds(), SEEDS)
def test_the_elimination_baseline_is_no_less_than_a_guess_among_the_sequences_left(settings, seed):
    corpus = settings.build(seed)
    stated = stated_by(corpus)
    entries, latent, encoded = entries_of(stated), latent_symbols(stated), pairs_by_book(stated, ENCODES)
    for split, questions in corpus.questions.items():
        guesses = []
        for source, book, _, target in answered(corpus, questions):
            codes, used = entries[book], entries[book].keys() - latent[book]
            if split == "define":
                candidates = set()
            elif split == "decode":
                candidates = {plain for plain, _ in encoded[book]}
            elif split == "latent":  # codes of used entries are known, and which codes encodings never show
                unseen = {codes[symbol] for symbol in latent[book]}
                allowed = [unseen if symbol in latent[book] else {codes[symbol]} for symbol in source]
                sequences = permutations(codes.values(), settings.length)
                candidates = {row for row in sequences if all(code in options for code, options in zip(row, allowed))}
            else:
                stated_answers = {pair[split == "encode"] for pair in encoded[book]}
                symbols = [codes[symbol] for symbol in used] if split == "encode" else used
                candidates = set(permutations(symbols, settings.length)) - stated_answers
            assert (target in candidates) == (split != "define")
            guesses.append(1 / len(candidates) if candidates else 0.0)
        assert questions.elimination_baseline.mean() >= np.mean(guesses) - 1e-9


@few
@given(worlds(), SEEDS)
def test_a_question_needs_the_definitions_of_its_symbols_and_knows_the_documents_that_hold_them(settings, seed):
    corpus = settings.build(seed)
    premises = [parse(corpus, tokens) for tokens in corpus.premises.documents.tokens]
    assert {s for (s,) in premises} == {s for s in stated_by(corpus) if s[2] == MEANS}
    assert len(set(corpus.premises.fact)) == len(premises)
    documents_of: dict[Statement, list[int]] = {}
    for i, tokens in enumerate(corpus.documents.tokens):
        for statement in parse(corpus, tokens):
            documents_of.setdefault(statement, []).append(i)
    for questions in corpus.questions.values():
        support = questions.support_documents
        assert support.shape == (*questions.premises.shape, settings.documents.copies)
        for statement, rows, documents in zip(answered(corpus, questions), questions.premises, support.tolist()):
            needed = [premises[row][0] for row in rows]
            assert follows(entries_of(needed), statement)
            assert {book for _, book, _, _ in needed} == {statement[1]}
            assert len(set(needed)) == len(needed) == len(statement[3])
            assert [sorted(part) for part in documents] == [documents_of[premise] for premise in needed]


@few
@given(worlds(), SEEDS)
def test_a_prompt_holds_all_premises_and_never_the_answer(settings, seed):
    corpus = settings.build(seed)
    stated, method = set(stated_by(corpus)), InContext.fitting(corpus, 2)
    for split, questions in corpus.questions.items():
        prompted = method.apply_prompt(SimpleNamespace(corpus=corpus), questions[:5])
        cloze = prompted.cloze
        for i, statement in enumerate(answered(corpus, prompted)):
            prompt = parse(corpus, cloze.documents.tokens[i])[:-1]
            assert len(prompt) == questions.premises.shape[1] + method.distractors
            assert set(prompt) <= stated
            assert follows(entries_of(prompt), statement)
            assert (statement in prompt) == (split == "define")
            span = slice(cloze.start[i], cloze.start[i] + cloze.size[i])
            assert (cloze.documents.tokens[i, span] == MASK).all()


@pytest.mark.parametrize("statements", [1, 2])
def test_the_reinforcement_part_shares_no_definition_with_the_test_part(statements):
    plain = Codebook(questions_per_split=60, documents=DocumentConfig(copies=2, statements=statements))
    corpus = override(plain, {"chain_of_thought": ChainOfThoughtConfig(rl_share=0.5, copies=1)}).build(1)
    premises = {part: set() for part in ("", RL_SUFFIX)}
    for split in HELD_OUT:
        for part, rows in premises.items():
            assert 20 <= len(corpus.questions[split + part]) <= 40
            rows |= set(corpus.questions[split + part].premises.ravel().tolist())
    assert not premises[""] & premises[RL_SUFFIX]
    chains = corpus.documents[len(plain.build(1).documents) :]
    assert len(chains) == sum(len(corpus.questions[split + RL_SUFFIX]) for split in HELD_OUT)
    assert chains.lengths.max() <= corpus.max_length
    stated = {s for tokens in corpus.documents.tokens for s in parse_chain_of_thought(corpus, tokens)}
    assert set(answered(corpus, corpus.questions["latent" + RL_SUFFIX])) <= stated
    assert not stated & {s for split in HELD_OUT for s in answered(corpus, corpus.questions[split])}


def parse_chain_of_thought(corpus: Corpus, tokens: np.ndarray) -> list[Statement]:
    """The statements of a document that may begin with an open question and stop at [end]."""
    kept = tokens[tokens != corpus.vocabulary.ids["[end]"]]
    return [statement for statement in parse(corpus, kept) if statement[3]]


# --- episodes ---


def split_episode(settings: Codebook, statements: list[Statement]) -> tuple[list[Statement], list[Statement]]:
    """What an episode states, as definitions, and what it asks: one question a definition, up to `max_questions`."""
    max_questions, total = settings.episodes.max_questions, len(statements)
    (facts,) = (k for k in range(1, total) if k + min(k, max_questions) == total)
    return [as_definition(statement) for statement in statements[:facts]], statements[facts:]


def as_definition(statement: Statement) -> Statement:
    """A definition, if it was stated as a decoding."""
    source, book, verb, target = statement
    return (target, book, MEANS, source) if verb == DECODES else statement


@few
@given(worlds(), SEEDS)
def test_what_an_episode_asks_follows_from_what_it_states(settings, seed):
    corpus = settings.build(seed)
    episodes = draw_episodes(corpus, 60, seed)
    assert episodes.lengths.max() <= corpus.max_length
    for tokens, roles, length in zip(episodes.tokens, episodes.roles, episodes.lengths):
        statements = parse(corpus, tokens)
        stated, asked = split_episode(settings, statements)
        assert len(stated) <= settings.episodes.max_facts
        assert {verb for _, _, verb, _ in stated} == {MEANS}
        assert len(set(stated)) == len(stated)
        entries = entries_of(stated)
        assert len(entries) <= settings.episodes.max_books
        assert all(len(set(codes.values())) == len(codes) for codes in entries.values())  # each a bijection
        for statement in asked:
            source, book, verb, target = statement
            assert follows(entries, statement)
            assert len(source) == len(target)
            assert len(source) in {MEANS: (1,), ENCODES: (settings.length,), DECODES: (1, settings.length)}[verb]
            # Symbols are different where the book defines as many, and otherwise start again from the first.
            different = min(len(source), len(entries[book]))
            assert len(set(source)) == different
            assert source == (source[:different] * settings.length)[: len(source)]
        first = [(book, (target if verb == DECODES else source)[0]) for source, book, verb, target in asked]
        assert len(set(first)) == len(first)
        # Only the answers are ever a target.
        answers = [symbol for *_, target in asked for symbol in target]
        assert [corpus.vocabulary.words[t] for t in tokens[roles == TARGET]] == answers
        assert ((roles == NONE) | (roles == TARGET)).all()
        assert (tokens == SEPARATOR).sum() == len(statements) - 1
        assert (tokens[length:] == 0).all()


def test_episodes_are_new_every_time_and_of_every_sort():
    settings = with_episodes()
    corpus = settings.build(2)
    first, same, other = (draw_episodes(corpus, 400, 2, step) for step in (0, 0, 1))
    for field in fields(Documents):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(same, field.name))
    texts = [corpus.vocabulary.text(tokens) for tokens in (*first.tokens, *other.tokens)]
    assert len(set(texts)) > 0.99 * len(texts)  # episodes of a single definition can repeat
    verbs, lengths, num_books, books = Counter(), Counter(), Counter(), Counter()
    positions, single = Counter(), 0
    for tokens in first.tokens:
        stated, asked = split_episode(settings, parse(corpus, tokens))
        verbs.update(verb for _, _, verb, _ in asked)
        single += sum(len(source) == 1 for source, *_ in asked)
        lengths[len(stated)] += 1
        books.update({book for _, book, _, _ in stated})
        if len(stated) == 8:
            num_books[len({book for _, book, _, _ in stated})] += 1
            defined = [(book, source[0]) for source, book, _, _ in stated]
            positions.update(
                defined.index((book, symbol))
                for source, book, verb, target in asked
                for symbol in (target if verb == DECODES else source)
            )
    total = sum(verbs.values())
    assert verbs[MEANS] / total == pytest.approx(0.125, abs=0.03)
    assert verbs[DECODES] / total == pytest.approx(0.5, abs=0.05)
    assert single / total == pytest.approx(0.25, abs=0.05)
    assert set(lengths) == set(range(1, 9))
    assert set(num_books) == {1, 2, 3, 4}
    assert set(positions) == set(range(8))
    assert len(books) == 20


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_episodes_state_and_ask_is_as_set(share):
    names = ("single_symbol_share", "decode_share", "stated_decode_share", "filler_share", "hub_share")
    settings = with_episodes(**dict.fromkeys(names, share))
    corpus = settings.build(0)
    for tokens in draw_episodes(corpus, 100, 1).tokens:
        statements = parse(corpus, tokens)
        stated, asked = split_episode(settings, statements)
        assert {verb for _, _, verb, _ in statements[: len(stated)]} == {DECODES if share else MEANS}
        assert {(verb, len(source)) for source, _, verb, _ in asked} == {(DECODES, 1) if share else (ENCODES, 3)}
        if not share:
            assert not set(corpus.vocabulary.text(tokens).split()) & set(FILLER)
        else:
            defined = sorted((set(codes) for codes in entries_of(stated).values()), key=len)
            assert all(fewer <= more for fewer, more in pairwise(defined))
    sequences = with_episodes(single_symbol_share=0, decode_share=share)
    corpus = sequences.build(0)
    for tokens in draw_episodes(corpus, 50, 1).tokens:
        _, asked = split_episode(sequences, parse(corpus, tokens))
        assert {verb for _, _, verb, _ in asked} == {DECODES if share else ENCODES}


def test_where_books_share_symbols_the_book_decides():
    settings = with_episodes(hub_share=1)
    corpus, ambiguous = settings.build(0), 0
    for tokens in draw_episodes(corpus, 100, 3).tokens:
        stated, _ = split_episode(settings, parse(corpus, tokens))
        codes: dict[str, set[str]] = {}
        for (plain,), _, _, (code,) in stated:
            codes.setdefault(plain, set()).add(code)
        ambiguous += any(len(symbols) > 1 for symbols in codes.values())
    assert ambiguous > 40


# --- token accuracy ---


def test_token_accuracy_counts_symbols_in_their_position():
    corpus = Codebook(questions_per_split=20, documents=DocumentConfig(copies=1)).build(0)
    entities = corpus.entities
    for split, questions in corpus.questions.items():
        k = 1 if split == "define" else 3
        predictions = entities.tokens[questions.accepted[:, 0]][:, :k].astype(np.int64)
        assert token_accuracy(entities, questions, predictions).mean() == 1
        assert token_accuracy(entities, questions, np.zeros_like(predictions)).mean() == 0
        if k == 3:
            shifted = np.roll(predictions, 1, axis=1)  # the right symbols, none in its position
            assert token_accuracy(entities, questions, shifted).mean() == 0
            predictions[:, 1] = 0
            assert token_accuracy(entities, questions, predictions).mean() == pytest.approx(2 / 3)
            assert not exact_match(entities, questions, predictions).any()
            wider = np.pad(predictions, ((0, 0), (0, 2)))  # padding beyond the span does not count
            assert token_accuracy(entities, questions, wider).mean() == pytest.approx(2 / 3)


# --- settings ---


def test_same_seed_same_corpus_and_another_seed_another():
    settings = Codebook(
        books=4,
        one_way=2,
        questions_per_split=30,
        documents=DocumentConfig(copies=2),
        episodes=CodebookEpisodeConfig(share=0.3),
    )
    first, same, other = (settings.build(seed) for seed in (7, 7, 8))
    assert first.vocabulary == same.vocabulary
    np.testing.assert_array_equal(first.documents.tokens, same.documents.tokens)
    assert not np.array_equal(first.documents.tokens, other.documents.tokens)
    assert first.questions.keys() == same.questions.keys()
    for split in first.questions:
        for name in ("accepted", "support_documents", "premises", "chance", "elimination_baseline", "link_baseline"):
            a, b = (getattr(corpus.questions[split], name) for corpus in (first, same))
            np.testing.assert_array_equal(a, b)
        a, b, c = (corpus.questions[split].cloze for corpus in (first, same, other))
        np.testing.assert_array_equal(a.start, b.start)
        np.testing.assert_array_equal(a.size, b.size)
        np.testing.assert_array_equal(a.documents.tokens, b.documents.tokens)
        assert not np.array_equal(a.documents.tokens, c.documents.tokens)


def test_episodes_change_nothing_else():
    settings = Codebook(documents=DocumentConfig(copies=1))
    plain, drawing = (override(settings, {"episodes.share": share}).build(3) for share in (0.0, 0.5))
    assert plain.episodes is None
    np.testing.assert_array_equal(plain.documents.tokens, drawing.documents.tokens)


@few
@given(worlds(), SEEDS)
def test_roles_mark_statements_and_nothing_else(settings, seed):
    corpus = settings.build(seed)
    ids = corpus.vocabulary.ids
    clozes = (questions.cloze.documents for questions in corpus.questions.values())
    for documents in (corpus.documents, *clozes):
        assert documents.lengths.max() <= corpus.max_length
        is_relation = np.isin(documents.tokens, [ids[word] for word in corpus.relations])
        assert ((documents.roles == RELATION) == is_relation).all()
        symbols = [ids[word] for word in corpus.vocabulary.words if word not in (*FILLER, *corpus.relations)][12:]
        is_symbol = np.isin(documents.tokens, [*symbols, MASK])
        assert (np.isin(documents.roles, (SOURCE, TARGET)) == is_symbol).all()


@few
@given(worlds(), SEEDS)
def test_names_are_different_and_no_two_of_one_length_begin_alike_throughout(settings, seed):
    entities = settings.build(seed).entities
    names = [tuple(row[:k]) for row, k in zip(entities.tokens.tolist(), entities.lengths)]
    assert len(set(names)) == len(names) == len(set(entities.names))
    assert set(entities.lengths) == {1, settings.length}
    assert sum(entities.lengths == 1) == 2 * settings.symbols
    assert all(name.isupper() == is_code for name, is_code in zip(entities.names, entities.alphabet))


def test_only_names_of_the_answers_alphabet_are_candidates():
    settings = Codebook(symbols=4, books=3, one_way=1, latent_share=0, encodings=5, documents=DocumentConfig(copies=1))
    corpus = settings.build(0)
    trained = SimpleNamespace(
        corpus=corpus,
        modules=None,
        objective=SimpleNamespace(answer_log_prob=lambda _, cloze, *__: np.zeros(len(cloze))),
    )
    names = np.array(corpus.entities.names)
    for split in ("encode", "decode"):
        questions = corpus.questions[split]
        scores = GenerateAndVerify().candidate_log_probs(trained, questions, corpus.entities)
        for i, is_candidate in enumerate(np.isfinite(scores)):
            assert len(set(names[is_candidate])) == 24
            assert {name.isupper() for name in names[is_candidate]} == {split == "encode"}
            assert is_candidate[questions.accepted[i, 0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"books": 0}, r"task\.books is 0, but must be 1 or more"),
        ({"length": 1}, r"task\.length is 1, but must be 2 or more"),
        ({"symbols": 2}, r"task\.symbols is 2, but must be task\.length \(3\) or more"),
        ({"symbols": 60}, r"task\.symbols is 60, but must be such that there are at most 100,000 sequences"),
        ({"latent_share": 1.5}, r"task\.latent_share is 1\.5, but must be 0 to 1"),
        ({"latent_share": 0.8}, r"task\.latent_share is 0\.8, but must be such that 3 or more of 12 entries are used"),
        (
            {"latent_share": 0.1},
            r"task\.latent_share is 0\.1, but must be such that 2 \(task\.min_latent\) or more of 12",
        ),
        ({"min_latent": 4}, r"task\.min_latent is 4, but must be 1 to 3"),
        ({"min_latent": 0}, r"task\.min_latent is 0"),
        ({"one_way": 21}, r"task\.one_way is 21, but must be 0 to 20, the books there are"),
        ({"one_way": -1}, r"task\.one_way is -1"),
        ({"encodings": 5}, r"task\.encodings is 5, but must be 6 to 119"),
        ({"encodings": 120}, r"task\.encodings is 120, but must be 6 to 119"),
        ({"questions_per_split": 0}, r"task\.questions_per_split is 0"),
        ({"episodes.max_facts": 0}, r"task\.episodes\.max_facts is 0"),
        (
            {"episodes.max_facts": 13, "episodes.share": 0.5},
            r"task\.episodes\.max_facts is 13, but must be 1 to 12, the entries of a book",
        ),
        ({"episodes.max_books": 0}, r"task\.episodes\.max_books is 0"),
        ({"episodes.max_questions": 0}, r"task\.episodes\.max_questions is 0"),
        ({"episodes.single_symbol_share": 2}, r"task\.episodes\.single_symbol_share is 2, but must be 0 to 1"),
        ({"episodes.decode_share": -1}, r"task\.episodes\.decode_share is -1, but must be 0 to 1"),
        ({"episodes.stated_decode_share": 2}, r"task\.episodes\.stated_decode_share is 2, but must be 0 to 1"),
        ({"episodes.hub_share": 2}, r"task\.episodes\.hub_share is 2, but must be 0 to 1"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(changes, message):
    with pytest.raises(SettingError, match=message) as refused:
        override(Codebook(), changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("one_way", [0, 20])
def test_without_one_way_or_two_way_books_there_is_still_everything_else(one_way):
    settings = Codebook(one_way=one_way, documents=DocumentConfig(copies=1), episodes=CodebookEpisodeConfig(share=0.5))
    corpus = settings.build(0)
    assert ("decode" in corpus.questions) == (one_way > 0)
    assert ("decode_stated" in corpus.questions) == (one_way < 20)
    assert all(len(questions) == 240 for questions in corpus.questions.values())
    assert len(corpus.inferences()) > 0
