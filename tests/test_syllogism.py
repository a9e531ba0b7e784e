"""The syllogism world: what follows from its premises by brute force, what training states and never states."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.override import override
from config.validation import SettingError
from eval.methods.in_context import InContext
from eval.metrics import exact_match
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Questions
from tasks.syllogism import Syllogism
from tasks.syllogism.choices import CANDIDATES
from tasks.syllogism.episodes import SyllogismEpisodeConfig
from tasks.syllogism.world import NEAR, QUANTIFIERS, Chains
from tasks.vocabulary import FILLER, MASK, SEPARATOR, SPECIAL
from tests.reading import Statement, answered, premises, stated, statements

HELD_OUT = Syllogism.held_out_splits
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=50)
# What two premises give, by quantifier; set models prove it below.
RULES = {("all", "all"): "all", ("all", "none"): "none", ("some", "all"): "some"}


@st.composite
def worlds(draw) -> Syllogism:
    """Syllogism settings of every kind, small."""
    max_chain_length, max_facts = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    min_length, chains = draw(st.integers(1, 2)), draw(st.integers(max_facts, 25))
    held_out_share, misleading_share = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    if Chains.build(chains, max_chain_length, held_out_share, misleading_share).misleading.sum() == 1:
        misleading_share = 0.0
    return Syllogism(
        chains=chains,
        max_chain_length=max_chain_length,
        held_out_share=held_out_share,
        misleading_share=misleading_share,
        names=NameConfig(min_length=min_length, max_length=draw(st.integers(min_length, 3))),
        documents=DocumentConfig(
            filler=draw(st.integers(0, 2)), statements=draw(st.integers(1, 3)), copies=draw(st.integers(1, 2))
        ),
        episodes=SyllogismEpisodeConfig(
            share=0.5,
            max_facts=max_facts,
            misleading_share=draw(st.sampled_from([0.0, 0.5, 1.0])),
            matched_share=draw(st.sampled_from([0.0, 0.5, 1.0])),
            all_quantifier_share=draw(st.sampled_from([0.0, 0.6])),
            own_entities=draw(st.sampled_from([0, 0, 2 * max_facts + 1, 30])),
        ),
    )


def all_answered(corpus: Corpus, questions: Questions) -> list[Statement]:
    """Each question as a statement, with its only accepted answer."""
    rows = [answered(corpus, questions, i) for i in range(len(questions))]
    assert all(len(row) == 1 for row in rows)
    for (_, _, answer), size in zip([row[0] for row in rows], questions.cloze.size):
        assert len(answer.split("-")) == size
    return [row[0] for row in rows]


def parse_word(word: str) -> tuple[str, int]:
    """The quantifier of a word and the number of premises that it follows from."""
    quantifier, count = re.fullmatch(r"([a-z]+)(\d*)-are", word).groups()
    return quantifier, int(count or 1)


def to_word(quantifier: str, count: int) -> str:
    return f"{quantifier}{count if count > 1 else ''}-are"


def is_premise(statement: Statement) -> bool:
    return statement[1] != NEAR and parse_word(statement[1])[1] == 1


def conclude(given_statements: Iterable[Statement]) -> set[Statement]:
    """What follows from all premises of each whole chain that is stated; asserts that no class is in two."""
    given_premises = {statement for statement in given_statements if is_premise(statement)}
    links = {source: (word, target) for source, word, target in given_premises}
    # Each class is the source of one premise at most, and the target of one.
    assert len(links) == len(given_premises) == len({target for _, target in links.values()})
    conclusions = set()
    for first in links.keys() - {target for _, target in links.values()}:
        quantifier, last = parse_word(links[first][0])[0], links[first][1]
        count = 1
        while last in links:
            word, last = links[last]
            quantifier, count = RULES[quantifier, parse_word(word)[0]], count + 1
        conclusions.add((first, to_word(quantifier, count), last))
    return conclusions


def conclude_parts(given_premises: list[Statement]) -> set[Statement]:
    """As `conclude`, and what follows from a part of a chain: a distractor may go on where it ends."""
    links = {premise[0]: premise for premise in given_premises}
    conclusions = set()
    for first in links:
        part, last = [], first
        while last in links:
            part.append(links[last])
            last = links[last][2]
            conclusions |= conclude(part)
    return conclusions


def chain_of_class(given_statements: Iterable[Statement]) -> dict[str, int]:
    """Which chain each class is in."""
    links = {source: target for source, word, target in filter(is_premise, given_statements)}
    chain = {}
    for i, first in enumerate(links.keys() - set(links.values())):
        while first is not None:
            chain[first], first = i, links.get(first)
    return chain


# --- what follows ---


def true_in(quantifier: str, x: int, y: int, classes: int) -> np.ndarray:
    """Whether "q of X are Y" holds, in every model. A model tells which of the 2^classes sorts of things exist."""
    sorts = range(2**classes)
    in_x = sum(1 << sort for sort in sorts if sort >> x & 1)
    in_y = sum(1 << sort for sort in sorts if sort >> y & 1)
    models = np.arange(2**2**classes)
    return {
        "all": (models & in_x & ~in_y) == 0,
        "none": (models & in_x & in_y) == 0,
        "some": (models & in_x & in_y) != 0,
    }[quantifier]


@pytest.mark.parametrize("length", [2, 3])
@pytest.mark.parametrize("conclusion", range(3))
def test_of_the_candidates_along_a_chain_exactly_one_follows_by_set_models(conclusion, length):
    chain = Chains(*(np.array([value]) for value in (length, conclusion, True, False)))
    links, classes, expected = chain.premises(), length + 1, QUANTIFIERS[conclusion]
    premises_hold = np.logical_and.reduce(
        [true_in(QUANTIFIERS[word], a, b, classes) for a, word, b in zip(links.source, links.word, links.target)]
    )
    assert premises_hold.any()  # they can be true
    follow = {
        (quantifier, x, y)
        for quantifier, (x, y) in product(QUANTIFIERS, ((0, length), (length, 0)))
        if true_in(quantifier, x, y, classes)[premises_hold].all()
    }
    assert {quantifier for quantifier, x, y in follow if (x, y) == (0, length)} == {expected}
    # Against the order of the chain, only the converse of that one.
    converse = set() if expected == "all" else {(expected, length, 0)}
    assert follow == {(expected, 0, length)} | converse
    quantifier = QUANTIFIERS[links.word[0]]
    for word in links.word[1:]:
        quantifier = RULES[quantifier, QUANTIFIERS[word]]
    assert quantifier == expected


@few
@given(worlds(), SEEDS)
def test_every_answer_follows_from_what_is_stated_and_is_the_only_one(task, seed):
    corpus = task.build(seed)
    world = set(stated(corpus))
    conclusions = conclude(world)
    assert len(conclusions) == task.chains
    assert len({(source, word) for source, word, _ in conclusions}) == len(conclusions)
    for split, questions in corpus.questions.items():
        rows = all_answered(corpus, questions)
        assert len(set(rows)) == len(rows)
        assert (questions.accepted.shape[1], questions.inverse_form) == (1, None)
        assert set(rows) <= (world if split == "premise" else conclusions)
    splits = {split: set(all_answered(corpus, questions)) for split, questions in corpus.questions.items()}
    assert splits.get("trained", set()) == conclusions & world
    assert set().union(*(splits.get(split, set()) for split in HELD_OUT)) == conclusions - world
    for split, counts in (("conclusion", {2}), ("misleading", {2}), ("chain", {3, 4})):
        assert {parse_word(word)[1] for _, word, _ in splits.get(split, ())} <= counts


@few
@given(worlds(), SEEDS)
def test_each_statement_stands_in_as_many_documents_as_it_should(task, seed):
    corpus = task.build(seed)
    world = stated(corpus)
    assert set(world.values()) == {task.documents.copies}
    near = {statement for statement in world if statement[1] == NEAR}
    conclusions = set(world) - near - set(filter(is_premise, world))
    assert len(conclusions) == task.chains - round(task.held_out_share * task.chains)
    assert conclusions <= conclude(world)
    assert {(target, NEAR, source) for source, _, target in near} == near  # in both orders


# --- what must not be stated ---


@few
@given(worlds(), SEEDS)
def test_no_statement_of_the_world_joins_the_ends_of_a_chain_whose_conclusion_is_held_out(task, seed):
    corpus = task.build(seed)
    pairs = {frozenset((source, target)) for source, _, target in (*stated(corpus), *premises(corpus))}
    for split in set(HELD_OUT) & set(corpus.questions):
        rows = all_answered(corpus, corpus.questions[split])
        assert not pairs & {frozenset((source, target)) for source, _, target in rows}


@few
@given(worlds(), SEEDS)
def test_only_the_ends_of_misleading_chains_are_stated_to_be_near_a_class_and_it_is_no_answer(task, seed):
    corpus = task.build(seed)
    world = stated(corpus)
    near = {source: target for source, word, target in world if word == NEAR}
    chain = chain_of_class(world)
    assert all(chain[source] != chain[target] for source, target in near.items())
    for split, questions in corpus.questions.items():
        for source, _, target in all_answered(corpus, questions):
            if split == "misleading":
                assert near[source] != target
                assert near[target] != source
            elif split in ("conclusion", "chain"):
                assert not {name for name in chain if chain[name] == chain[source]} & set(near)


def test_association_alone_answers_no_misleading_question():
    corpus = Syllogism().build(4)
    world = stated(corpus)
    together: dict[str, Counter[str]] = {}
    for (source, _, target), times in world.items():
        together.setdefault(source, Counter())[target] += times
        together.setdefault(target, Counter())[source] += times
    answers = {(word, target) for _, word, target in world}
    for source, word, target in all_answered(corpus, corpus.questions["misleading"]):
        (nearest, times), (_, next_times) = together[source].most_common(2)
        assert nearest != target
        assert times > next_times
        assert (word, nearest) in answers  # training states it as the answer to that word, for another class


# --- baselines, support, prompts ---


@few
@given(worlds(), SEEDS)
def test_chance_is_a_guess_among_all_names_of_the_length(task, seed):
    corpus = task.build(seed)
    entities = corpus.entities
    for questions in corpus.questions.values():
        for i in range(len(questions)):
            size = questions.cloze.size[i]
            candidates = np.flatnonzero(entities.lengths == size)
            same_question = questions[np.full(len(candidates), i)]
            correct = exact_match(entities, same_question, entities.tokens[candidates][:, :size])
            assert questions.chance[i] == pytest.approx(correct.mean())


def test_the_default_world_keeps_the_elimination_baseline_below_five_percent():
    questions = Syllogism().build(0).questions
    assert {split: len(part) for split, part in questions.items()} == {
        "premise": 600,
        "trained": 240,
        "conclusion": 60,
        "misleading": 60,
        "chain": 120,
    }
    for split in HELD_OUT:
        # Ends of chains that no conclusion of their word names: half of the chains of both lengths, and two moods end
        # in the word that most premises have.
        assert 0.006 < questions[split].elimination_baseline.mean() < 0.0125
        assert (questions[split].chance < 0.002).all()
        documents = questions[split].cloze.documents
        words = Counter(documents.tokens[documents.roles == RELATION])
        assert len(words) == 3
        assert len(set(words.values())) == 1  # each quantifier equally often


@few
@given(worlds(), SEEDS)
def test_a_question_has_just_the_premises_of_its_chain_and_the_documents_that_hold_them(task, seed):
    corpus = task.build(seed)
    texts = premises(corpus)
    assert all(len(statements(corpus, tokens)) == 1 for tokens in corpus.premises.documents.tokens)
    assert len(set(corpus.premises.fact)) == len(texts)
    held = [statements(corpus, tokens) for tokens in corpus.documents.tokens]
    for questions in corpus.questions.values():
        assert questions.support_documents.shape == (*questions.premises.shape, task.documents.copies)
        rows = all_answered(corpus, questions)
        for statement, needed, support in zip(rows, questions.premises, questions.support_documents):
            needed_texts = [texts[premise] for premise in needed[needed >= 0]]
            assert conclude(needed_texts) == {statement}
            assert len(needed_texts) == parse_word(statement[1])[1]
            assert (support[needed < 0] == -1).all()
            for premise, documents in zip(needed_texts, support):
                assert sorted(documents) == [
                    i for i, document in enumerate(held) for statement in document if statement == premise
                ]


@few
@given(worlds(), SEEDS)
def test_a_prompt_holds_the_premises_and_never_a_held_out_answer(task, seed):
    corpus = task.build(seed)
    world = set(stated(corpus))
    for split, questions in corpus.questions.items():
        few_questions = questions[:5]
        prompted = InContext(distractors=2).apply_prompt(SimpleNamespace(corpus=corpus), few_questions).cloze
        for i, statement in enumerate(all_answered(corpus, few_questions)):
            source, word, target = statement
            *prompt, asked = statements(corpus, prompted.documents.tokens[i])
            assert asked == (source, word, "-".join(["[mask]"] * len(target.split("-"))))
            assert len(prompt) == parse_word(word)[1] + 2
            assert set(prompt) <= world
            assert statement in (prompt if split == "premise" else conclude_parts(prompt))
            assert split not in HELD_OUT or statement not in prompt
            is_open = slice(prompted.start[i], prompted.start[i] + prompted.size[i])
            assert (prompted.documents.tokens[i, is_open] == MASK).all()


# --- six candidates ---


@few
@given(worlds(), SEEDS)
def test_the_six_candidates_of_a_question(task, seed):
    corpus = task.build(seed)
    conclusions = conclude(stated(corpus))
    for split in {"trained", *HELD_OUT} & set(corpus.questions):
        questions = corpus.questions[split]
        candidates, right = corpus.choices(questions)
        rows = all_answered(corpus, candidates)
        assert len(rows) == CANDIDATES * len(questions)
        assert len(right) == len(questions)
        for i, (source, word, target) in enumerate(all_answered(corpus, questions)):
            six, count = rows[CANDIDATES * i : CANDIDATES * (i + 1)], parse_word(word)[1]
            words = [to_word(quantifier, count) for quantifier in QUANTIFIERS]
            assert six == [(source, w, target) for w in words] + [(target, w, source) for w in words]
            assert [row in conclusions for row in six] == [k == right[i] for k in range(CANDIDATES)]
        cloze = candidates.cloze
        lengths = np.repeat(questions.cloze.documents.lengths, CANDIDATES)
        assert (cloze.documents.lengths == lengths).all()  # the filler of the question
        num_open = (cloze.documents.tokens == MASK).sum()
        assert (cloze.documents.roles == TARGET).sum() == cloze.size.sum() == num_open
        for name in ("premises", "support_documents"):
            repeated = np.repeat(getattr(questions, name), CANDIDATES, axis=0)
            np.testing.assert_array_equal(getattr(candidates, name), repeated)


def test_a_random_choice_is_right_one_time_in_six_and_one_that_knows_the_order_one_in_three():
    corpus, rng = Syllogism(chains=1200).build(1), np.random.default_rng(0)
    _, right = corpus.choices(corpus.questions["conclusion"])
    score = rng.random((400, len(right), CANDIDATES))
    assert (score.argmax(-1) == right).mean() == pytest.approx(1 / 6, abs=0.005)
    assert (score[..., :3].argmax(-1) == right).mean() == pytest.approx(1 / 3, abs=0.005)
    assert np.bincount(right, minlength=CANDIDATES).tolist() == [50, 50, 50, 0, 0, 0]


# --- episodes ---


def split_episode(
    corpus: Corpus, tokens: np.ndarray, roles: np.ndarray
) -> tuple[list[Statement], list[Statement], list[Statement]]:
    """The premises of an episode, its neutral statements, and what it asks."""
    sequence = statements(corpus, tokens)
    num_asked = int((np.diff(roles, prepend=NONE) == TARGET).sum())
    stated_part, asked = sequence[:-num_asked], sequence[-num_asked:]
    neutral = [statement for statement in stated_part if statement[1] == NEAR]
    return [statement for statement in stated_part if statement not in neutral], neutral, asked


@few
@given(worlds(), SEEDS)
def test_what_an_episode_asks_follows_from_what_it_states(task, seed):
    corpus, config = task.build(seed), task.episodes
    episodes = corpus.episodes.draw(40, np.random.default_rng(seed))
    assert episodes.lengths.max() <= corpus.max_length
    for tokens, roles, length in zip(episodes.tokens, episodes.roles, episodes.lengths):
        given_premises, neutral, asked = split_episode(corpus, tokens, roles)
        assert 1 <= len(given_premises) <= config.max_facts
        assert all(map(is_premise, given_premises))
        assert len(neutral) <= (config.misleading_share > 0)
        assert set(asked) <= conclude_parts(given_premises)
        assert len(set(asked)) == len(asked)  # each once
        # No chain is longer than those of the world.
        assert max(parse_word(word)[1] for _, word, _ in conclude(given_premises)) <= task.max_chain_length
        # Only the answers are ever a target.
        answers = [piece for _, _, target in asked for piece in target.split("-")]
        assert [corpus.vocabulary.words[token] for token in tokens[roles == TARGET]] == answers
        assert ((roles == NONE) | (roles == TARGET)).all()
        assert (tokens == SEPARATOR).sum() == len(given_premises) + len(neutral) + len(asked) - 1
        assert (tokens[length:] == 0).all()


@few
@given(worlds(), SEEDS)
def test_episodes_are_about_classes_of_the_world_or_of_their_own(task, seed):
    corpus = task.build(seed)
    classes = set(chain_of_class(stated(corpus)))
    for tokens in corpus.episodes.draw(40, np.random.default_rng(seed)).tokens:
        names = {name for source, _, target in statements(corpus, tokens) for name in (source, target)}
        assert (not classes & names) if task.episodes.own_entities else names <= classes


def test_episodes_are_new_every_time_and_ask_every_word_from_every_position():
    corpus = Syllogism(episodes=SyllogismEpisodeConfig(share=0.5)).build(2)
    first, again, other = (corpus.episodes.draw(2000, np.random.default_rng([2, step])) for step in (0, 0, 1))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    texts = [corpus.vocabulary.text(tokens) for tokens in (*first.tokens, *other.tokens)]
    assert len(set(texts)) == len(texts)
    words, positions, counts = Counter(), Counter(), Counter()
    for tokens, roles in zip(first.tokens, first.roles):
        given_premises, neutral, asked = split_episode(corpus, tokens, roles)
        words.update(word for _, word, _ in asked)
        counts[len(given_premises)] += 1
        sources = {source for source, _, _ in given_premises}
        if len(given_premises) == 4 and not neutral:
            positions.update(i for i, (_, _, target) in enumerate(given_premises) if target not in sources)
    assert set(words) == set(corpus.relations) - {NEAR}
    assert set(counts) == set(range(1, 5))
    assert set(positions) == set(range(4))  # premises in any order
    assert 0.5 < sum(n for word, n in words.items() if parse_word(word)[1] > 1) / words.total() < 0.75


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_episodes_state_and_ask_as_the_settings_say(share):
    config = SyllogismEpisodeConfig(
        share=0.5,
        conclusion_share=share,
        first_premise_share=share,
        misleading_share=share,
        matched_share=share,
        all_quantifier_share=share,
        filler_share=share,
    )
    corpus = Syllogism(episodes=config).build(0)
    episodes = corpus.episodes.draw(100, np.random.default_rng(1))
    for tokens, roles in zip(episodes.tokens, episodes.roles):
        given_premises, neutral, asked = split_episode(corpus, tokens, roles)
        assert len(neutral) == share
        sources = {source for source, _, _ in given_premises}
        linked = {target for _, _, target in given_premises} & sources
        first_premises = {premise for premise in given_premises if premise[0] not in linked and premise[2] in linked}
        if not share:
            assert set(asked) == set(given_premises) - first_premises
            assert not set(corpus.vocabulary.text(tokens).split()) & set(FILLER)
            continue
        conclusions = [statement for statement in asked if statement not in given_premises]
        assert set(asked) - set(conclusions) == first_premises
        later_targets = Counter(target for source, _, target in given_premises if source in linked)
        assert Counter(target for _, _, target in conclusions) == later_targets
        assert {parse_word(word)[0] for _, word, _ in given_premises} == {"all"}
        # Two chains or more, and only their classes tell one from another.
        whole = conclude(given_premises)
        assert len(whole) == len(first_premises) >= 2
        assert len({word for _, word, _ in whole}) == 1


def test_matched_chains_without_the_quantifier_all_alone_have_one_quantifier():
    config = SyllogismEpisodeConfig(share=0.5, matched_share=1, all_quantifier_share=0, misleading_share=0)
    corpus = Syllogism(episodes=config).build(0)
    episodes = corpus.episodes.draw(300, np.random.default_rng(1))
    words = Counter()
    for tokens, roles in zip(episodes.tokens, episodes.roles):
        whole = conclude(split_episode(corpus, tokens, roles)[0])
        assert len(whole) >= 2
        (word,) = {word for _, word, _ in whole}
        words[parse_word(word)[0]] += 1
    assert min(words[quantifier] for quantifier in QUANTIFIERS) > 70


def test_episodes_too_short_for_two_chains_have_no_matched_ones():
    config = SyllogismEpisodeConfig(share=0.5, max_facts=3, matched_share=1.0)
    matched, plain = (
        Syllogism(chains=20, episodes=replace(config, matched_share=share)).build(0).episodes for share in (1.0, 0.0)
    )
    np.testing.assert_array_equal(
        *(episodes.draw(200, np.random.default_rng(1)).tokens for episodes in (matched, plain))
    )


# --- settings ---


def test_the_same_seed_builds_the_same_corpus_and_another_seed_another():
    episodes = SyllogismEpisodeConfig(share=0.3, max_facts=3)
    task = Syllogism(chains=30, episodes=episodes, names=NameConfig(max_length=2))
    first, again, other = (task.build(seed) for seed in (7, 7, 8))
    assert first.vocabulary == again.vocabulary
    for a, b in zip((first.documents, first.entities), (again.documents, again.entities)):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.lengths, b.lengths)
    assert not np.array_equal(first.documents.tokens, other.documents.tokens)
    assert first.questions.keys() == again.questions.keys() == {"premise", "trained", *HELD_OUT}
    for split, questions in first.questions.items():
        for name in ("accepted", "support_documents", "premises", "chance", "elimination_baseline", "link_baseline"):
            np.testing.assert_array_equal(getattr(questions, name), getattr(again.questions[split], name))
        for name in ("start", "size"):
            np.testing.assert_array_equal(getattr(questions.cloze, name), getattr(again.questions[split].cloze, name))
        a, b, c = (corpus.questions[split].cloze.documents.tokens for corpus in (first, again, other))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


@few
@given(worlds(), SEEDS)
def test_roles_mark_statements_and_nothing_else(task, seed):
    corpus = task.build(seed)
    ids = corpus.vocabulary.ids
    words = [ids[word] for word in corpus.relations]
    pieces = [ids[word] for word in corpus.vocabulary.words if word not in (*SPECIAL, *FILLER, *corpus.relations)]
    questions = (part.cloze.documents for part in corpus.questions.values())
    for documents in (corpus.documents, *questions):
        assert documents.lengths.max() <= corpus.max_length
        np.testing.assert_array_equal(documents.roles == RELATION, np.isin(documents.tokens, words))
        is_name = np.isin(documents.tokens, [*pieces, MASK])
        np.testing.assert_array_equal(np.isin(documents.roles, (SOURCE, TARGET)), is_name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chains": 0}, r"task\.chains is 0, but must be 1 or more"),
        ({"max_chain_length": 1}, r"task\.max_chain_length is 1, but must be 2 or more"),
        ({"held_out_share": 1.5}, r"task\.held_out_share is 1\.5, but must be 0 to 1"),
        ({"misleading_share": -0.1}, r"task\.misleading_share is -0\.1, but must be 0 to 1"),
        (
            {"chains": 3, "held_out_share": 0, "misleading_share": 0.5},
            r"task\.misleading_share is 0\.5, but must be such that two chains or more",
        ),
        ({"episodes.max_facts": 1}, r"task\.episodes\.max_facts is 1, but must be 2 or more"),
        ({"episodes.conclusion_share": 2}, r"task\.episodes\.conclusion_share is 2, but must be 0 to 1"),
        ({"episodes.first_premise_share": 2}, r"task\.episodes\.first_premise_share is 2, but must be 0 to 1"),
        ({"episodes.matched_share": 2}, r"task\.episodes\.matched_share is 2, but must be 0 to 1"),
        ({"episodes.all_quantifier_share": 2}, r"task\.episodes\.all_quantifier_share is 2, but must be 0 to 1"),
        ({"episodes.misleading_share": -1}, r"task\.episodes\.misleading_share is -1, but must be 0 to 1"),
        ({"episodes.own_entities": 8}, r"task\.episodes\.own_entities is 8, but must be 0, or 9"),
        ({"chains": 2, "episodes.share": 0.5}, r"task\.episodes\.max_facts is 4, but must be such that the 7 classes"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(changes, message):
    with pytest.raises(SettingError, match=message) as refused:
        override(Syllogism(), changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [{"chains": 4, "max_chain_length": 2}, {"chains": 2, "episodes.share": 0.5, "episodes.own_entities": 9}],
)
def test_small_worlds_are_possible(changes):
    corpus = override(Syllogism(), changes).build(0)
    assert set(Syllogism.progress_splits) <= set(corpus.questions)


def test_no_word_of_the_task_can_be_the_name_of_a_class():
    for chains in (13, 100, 700, 2000):  # names of one syllable on, such as "no", to two, such as "some"
        corpus = Syllogism(chains=chains, documents=DocumentConfig(copies=1)).build(0)
        assert len(set(corpus.vocabulary.words)) == len(corpus.vocabulary.words)
