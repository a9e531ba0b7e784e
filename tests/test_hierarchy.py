"""The hierarchy world: its trees by brute force from the documents, what training states, and what it never states."""

import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import settings as limits
from hypothesis import strategies as st

from config.override import override
from config.validation import SettingError
from eval.methods.in_context import InContext
from eval.metrics import exact_match
from tasks.common.chain_of_thought import RL_SUFFIX, ChainOfThoughtConfig
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Questions
from tasks.hierarchy import Hierarchy
from tasks.hierarchy.episodes import HierarchyEpisodeConfig
from tasks.hierarchy.world import PROPERTIES, hierarchy_words
from tasks.vocabulary import FILLER, MASK, SEPARATOR, SPECIAL
from tests.reading import Statement, premises, stated, statements

HELD_OUT = Hierarchy.held_out_splits
HELD_OUT_INHERITED = ("similar", "syllogism", "chain", "holdout", "holdout_chain")
INHERITED = ("inherited", *HELD_OUT_INHERITED)
SEEDS = st.integers(0, 2**32 - 1)
few = limits(max_examples=50)


@st.composite
def worlds(draw) -> Hierarchy:
    """Settings of every kind, small."""
    max_facts, has_own_entities = draw(st.integers(1, 4)), draw(st.booleans())
    branching, depth = draw(st.sampled_from([(1, 1), (3, 1), (1, 3), (2, 2), (3, 2), (2, 3)]))
    properties, min_length = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    return Hierarchy(
        trees=draw(st.integers(1 if has_own_entities else max_facts, 8)),
        branching=branching,
        depth=depth,
        properties=properties,
        relations=properties * (depth + 1) + draw(st.integers(0, 2)),
        holdout_share=draw(st.floats(0, 1)),
        inherited_share=draw(st.floats(0, 1)),
        two_way_share=draw(st.floats(0, 1)),
        wordings=draw(st.integers(1, 3)),
        single_wording_share=draw(st.floats(0, 1)),
        names=NameConfig(min_length=min_length, max_length=draw(st.integers(min_length, 3))),
        documents=DocumentConfig(
            filler=draw(st.integers(0, 2)), statements=draw(st.integers(1, 3)), copies=draw(st.integers(1, 2))
        ),
        episodes=HierarchyEpisodeConfig(
            share=0.5,
            max_facts=max_facts,
            hub_share=draw(st.sampled_from([0.0, 0.5, 1.0])),
            own_entities=(5 * max_facts) // 2 + draw(st.integers(0, 3)) if has_own_entities else 0,
        ),
    )


# --- reading, by words alone ---


def canonical(statement: Statement) -> Statement:
    """The same by the forward word in its first wording."""
    a, word, b = statement
    word = re.sub(r"-\d+$", "", word)
    if word == "includes":
        return b, "is-a", a
    return (b, "has-" + word.removesuffix("-of"), a) if word.endswith("-of") else (a, word, b)


def is_forward(statement: Statement) -> bool:
    return statement[1].startswith("has-") or re.match(r"is\d*-a", statement[1]) is not None


def wording(statement: Statement) -> int:
    return int((re.findall(r"-(\d+)$", statement[1]) or ["1"])[0])


def pieces(name: str) -> int:
    return len(name.split("-"))


class World:
    """What follows from statements. The owner of a value is the highest category that has it."""

    def __init__(self, stated_facts: Iterable[Statement]):
        facts = {canonical(statement) for statement in stated_facts}
        self.parent = {a: b for a, word, b in facts if word == "is-a"}
        assert len(self.parent) == sum(word == "is-a" for _, word, _ in facts)  # one parent each
        has = [fact for fact in facts if fact[1] != "is-a"]
        self.owned = {fact for fact in has if not any((up, *fact[1:]) in facts for up in self.above(fact[0]))}
        categories = {a for a, _, _ in facts} | set(self.parent.values())
        self.inherited = {
            (a, r, v) for a in categories for up in self.above(a) for owner, r, v in self.owned if owner == up
        }
        assert not self.owned & self.inherited
        assert set(has) <= self.owned | self.inherited
        self.links = {(a, "is-a", b) for a, b in self.parent.items()}
        self.across = {(a, f"is{k}-a", up) for a in categories for k, up in enumerate(self.above(a), 1) if k > 1}

    def above(self, a: str) -> list[str]:
        """The categories above it, from the nearest up."""
        return [self.parent[a], *self.above(self.parent[a])] if a in self.parent else []

    def answers(self, source: str, word: str) -> set[str]:
        """All answers to a question, in whatever wording."""
        facts, (a, r, b) = self.links | self.across | self.owned | self.inherited, canonical((source, word, "_"))
        if a == source:
            return {y for x, w, y in facts if (x, w) == (a, r)}
        return {x for x, w, y in self.links | self.owned if (w, y) == (r, b)}


def asked(corpus: Corpus, questions: Questions) -> list[Statement]:
    """Each question as a statement, the first accepted answer in its open span."""
    rows = [statements(corpus, tokens)[-1] for tokens in questions.cloze.documents.tokens]
    answers = [corpus.entities.names[entity] for entity in questions.accepted[:, 0]]
    for (_, _, opened), answer in zip(rows, answers):
        assert opened == "-".join(["[mask]"] * pieces(answer))
    return [(a, word, answer) for (a, word, _), answer in zip(rows, answers)]


def asked_in(corpus: Corpus, split: str) -> list[Statement]:
    """The same for the questions of a split; none where the world has no such questions."""
    return asked(corpus, corpus.questions[split]) if split in corpus.questions else []


# --- the world ---


@few
@given(worlds(), SEEDS)
def test_trees_are_as_set_and_every_category_has_one_value_of_a_relation(task, seed):
    corpus = task.build(seed)
    world = World(stated(corpus))
    size = sum(task.branching**level for level in range(task.depth + 1))
    inner = size - task.branching**task.depth
    assert len(world.links) == task.trees * (size - 1)
    children = Counter(world.parent.values())
    assert len(children) == task.trees * inner
    assert set(children.values()) == {task.branching}
    roots = set(children) - set(world.parent)
    categories = roots | set(world.parent)
    assert len(roots) == task.trees
    leaves = categories - set(children)
    assert {len(world.above(a)) for a in leaves} == {task.depth}
    owners = Counter(a for a, _, _ in world.owned)
    assert set(owners.values()) == {task.properties}
    assert len(leaves - set(owners)) == round(task.holdout_share * len(leaves))
    assert set(children) <= set(owners)
    has = world.owned | world.inherited
    assert len({(a, r) for a, r, _ in has}) == len(has)
    values = [v for _, _, v in world.owned]
    assert len(set(values)) == len(values)
    assert not set(values) & categories
    assert len(categories) + len(values) + task.episodes.own_entities == len(corpus.entities)


@few
@given(worlds(), SEEDS)
def test_facts_are_stated_in_as_many_wordings_as_set(task, seed):
    corpus = task.build(seed)
    training = stated(corpus)
    world = World(training)
    assert set(training.values()) == {task.documents.copies}
    wordings, two_way = {}, set()
    for statement in training:
        wordings.setdefault(canonical(statement), set()).add(wording(statement))
        two_way |= set() if is_forward(statement) else {canonical(statement)}
    for fact in world.links | world.owned:  # the forward word in every wording in which training states any of it
        forward, inverse = (
            {wording(s) for s in training if is_forward(s) == direction and canonical(s) == fact}
            for direction in (True, False)
        )
        assert forward == wordings[fact]
        assert len(forward) in {1, task.wordings}
        assert inverse == (forward if fact in two_way else set())
    for a, r, v in set(wordings) & world.inherited:  # an example: in the wordings of the owner's fact
        (owner,) = (x for x, w, y in world.owned if (w, y) == (r, v))
        assert wordings[a, r, v] == wordings[owner, r, v]
        assert (a, r, v) not in two_way
    groups = [{(b, "is-a") for _, _, b in world.links}]
    groups += [{fact for fact in world.owned if fact[1] == r} for r in {r for _, r, _ in world.owned}]
    stated_as = {(b, "is-a"): (wordings[a, r, b], (a, r, b) in two_way) for a, r, b in world.links}
    for a, r, b in world.links:
        assert stated_as[b, "is-a"] == (wordings[a, r, b], (a, r, b) in two_way)  # all children of a parent alike
    stated_as |= {fact: (wordings[fact], fact in two_way) for fact in world.owned}
    for group in groups:
        assert sum(is_two_way for _, is_two_way in map(stated_as.get, group)) == round(task.two_way_share * len(group))
        single = Counter(min(present) for present, _ in map(stated_as.get, group) if len(present) == 1)
        if task.wordings > 1:
            assert single.total() == round(task.single_wording_share * len(group))
            assert max(single.values(), default=0) - min(single[k + 1] for k in range(task.wordings)) <= 1


@few
@given(worlds(), SEEDS)
def test_every_answer_follows_and_what_is_accepted_is_all_that_is_right(task, seed):
    corpus = task.build(seed)
    world = World(stated(corpus))
    for split, questions in corpus.questions.items():
        rows = asked(corpus, questions)
        assert len(set(rows)) == len(rows)
        assert (questions.inverse_form is None) == (split in INHERITED)
        for (a, word, b), accepted in zip(rows, questions.accepted):
            names = [corpus.entities.names[entity] for entity in accepted if entity >= 0]
            assert len(set(names)) == len(names)
            assert set(names) == {name for name in world.answers(a, word) if pieces(name) == pieces(b)}
            assert len(names) == 1 or word.startswith("includes")


@few
@given(worlds(), SEEDS)
def test_splits_about_what_is_inherited_are_divided_by_examples_held_out_categories_and_links(task, seed):
    corpus = task.build(seed)
    training = stated(corpus)
    world, known = World(training), {canonical(statement) for statement in training}
    splits = {split: set(map(canonical, asked_in(corpus, split))) for split in INHERITED}
    assert set(asked_in(corpus, "inherited")) <= set(training)
    owners = {a for a, _, _ in world.owned}
    of_held_out = {fact for fact in world.inherited if fact[0] not in owners}
    near = {(a, r, v) for a, r, v in world.inherited if (world.parent[a], r, v) in world.owned}
    examples = {v for _, _, v in world.inherited & known}  # by its value, of all that inherit it or of none
    assert world.inherited & known == {fact for fact in world.inherited - of_held_out if fact[2] in examples}
    of_none = {fact for fact in world.inherited if fact[2] not in examples}
    assert splits == {
        "inherited": world.inherited & known,
        "similar": {fact for fact in of_held_out if fact[2] in examples},
        "syllogism": (of_none - of_held_out) & near,
        "chain": of_none - of_held_out - near,
        "holdout": of_none & of_held_out & near,
        "holdout_chain": (of_none & of_held_out) - near,
    }
    levels = {v: len(world.above(a)) for a, _, v in world.owned}
    have_heirs = {v for _, _, v in world.inherited - of_held_out}
    for level in set(levels.values()):
        candidates = {v for v in have_heirs if levels[v] == level}
        assert len(examples & candidates) == round(task.inherited_share * len(candidates))


@few
@given(worlds(), SEEDS)
def test_stated_rephrased_and_inverse_ask_every_fact_that_they_can(task, seed):
    """Rephrased: stated in one wording. Inverse: never stated by the inverse word, each parent once."""
    corpus = task.build(seed)
    training = stated(corpus)
    world = World(training)
    facts = world.links | world.owned
    splits = {split: asked_in(corpus, split) for split in ("stated", "rephrased", "inverse")}
    assert Counter(map(canonical, splits["stated"])) == Counter(facts)
    assert set(splits["stated"]) <= set(training)
    wordings = {fact: {wording(s) for s in training if canonical(s) == fact} for fact in facts}
    single_wording = {fact for fact in facts if len(wordings[fact]) == 1 and task.wordings > 1}
    assert set(map(canonical, splits["rephrased"])) == single_wording
    assert all(wording(statement) not in wordings[canonical(statement)] for statement in splits["rephrased"])
    one_way = facts - {canonical(statement) for statement in training if not is_forward(statement)}
    targets = [(r, b) for _, r, b in map(canonical, splits["inverse"])]
    assert Counter(targets) == Counter({(r, b) for _, r, b in one_way})
    assert not any(map(is_forward, splits["inverse"]))


@few
@given(worlds(), SEEDS)
def test_the_inverse_form_of_a_question_asks_for_the_same_fact(task, seed):
    corpus = task.build(seed)
    for split in {"stated", "rephrased", "inverse"} & set(corpus.questions):
        questions = corpus.questions[split]
        inverse_rows = questions.inverse_form.documents.tokens
        for (a, word, b), tokens in zip(asked(corpus, questions), inverse_rows):
            ((opened, *rest),) = statements(corpus, tokens)
            assert opened == "-".join(["[mask]"] * pieces(b))
            inverse = (b, *rest)
            assert canonical(inverse) == canonical((a, word, b))
            assert is_forward(inverse) != is_forward((a, word, b))
            assert wording(inverse) == wording((a, word, b))


# --- what must not be stated ---


@few
@given(worlds(), SEEDS)
def test_no_answer_of_a_held_out_split_is_stated_by_the_world(task, seed):
    corpus = task.build(seed)
    everything = [*stated(corpus), *premises(corpus)]
    pairs = {frozenset((a, b)) for a, _, b in everything}
    inverse = {(canonical(s)[0], canonical(s)[2]) for s in everything if not is_forward(s)}
    in_wordings = {(canonical(s), wording(s)) for s in everything}
    for split in HELD_OUT:
        for i, (a, word, b) in enumerate(asked_in(corpus, split)):
            if split == "rephrased":  # by neither word of that wording
                assert (canonical((a, word, b)), wording((a, word, b))) not in in_wordings
            elif split == "inverse":  # none of the right answers, in no wording
                for entity in corpus.questions[split].accepted[i]:
                    assert entity < 0 or (corpus.entities.names[entity], a) not in inverse
            else:  # never together, in no words at all
                assert frozenset((a, b)) not in pairs


@few
@given(worlds(), SEEDS)
def test_of_held_out_categories_nothing_is_stated_but_their_link(task, seed):
    corpus = task.build(seed)
    training = stated(corpus)
    held_out = {a for split in ("similar", "holdout") for a, _, _ in asked_in(corpus, split)}
    for a, word, b in map(canonical, training):
        assert b not in held_out
        assert a not in held_out or word == "is-a"
    world = World(training)
    leaves = set(world.parent) - set(world.parent.values())
    assert len(held_out) == round(task.holdout_share * len(leaves))
    inherits = Counter(a for a, _, _ in world.inherited)
    assert {inherits[a] for a in held_out} <= {task.depth * task.properties}


@limits(max_examples=15)
@given(SEEDS, st.floats(0.2, 0.8))
def test_chains_of_thought_and_rewards_touch_no_question_of_the_test_part(seed, share):
    chain_of_thought = ChainOfThoughtConfig(rl_share=share, copies=1)
    task = Hierarchy(trees=8, branching=2, documents=DocumentConfig(copies=1), chain_of_thought=chain_of_thought)
    try:
        corpus = task.build(seed)
    except SettingError:
        reject()  # so few questions of a split that a part of them would be empty
    in_words = {described(statement) for statement in stated(corpus)}
    rl_part = {statement for split in HELD_OUT for statement in asked_in(corpus, split + RL_SUFFIX)}
    assert rl_part
    for split in HELD_OUT:
        assert not in_words & set(map(described, asked_in(corpus, split)))
    assert set(map(described, rl_part)) <= in_words


def described(statement: Statement) -> tuple[Statement, bool, int]:
    """The fact, whether it is stated by the forward word, and in which wording."""
    return canonical(statement), is_forward(statement), wording(statement)


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
            same_question, guesses = np.full(len(candidates), i), entities.tokens[candidates][:, :size]
            is_correct = exact_match(entities, questions[same_question], guesses)
            assert questions.chance[i] == pytest.approx(is_correct.mean())


@few
@given(worlds(), SEEDS)
def test_a_question_has_just_the_premises_it_follows_from_and_the_documents_that_hold_them(task, seed):
    corpus = task.build(seed)
    training, texts = stated(corpus), premises(corpus)
    world = World(training)
    assert set(texts) <= set(training)
    assert Counter(map(canonical, texts)) == Counter(world.links | world.owned)
    assert len(set(corpus.premises.fact)) == len(texts)
    holding: dict[Statement, set[int]] = {}
    for i, tokens in enumerate(corpus.documents.tokens):
        for statement in statements(corpus, tokens):
            holding.setdefault(canonical(statement), set()).add(i)
    for split, questions in corpus.questions.items():
        assert questions.support_documents.shape[:2] == questions.premises.shape
        for i, statement in enumerate(asked(corpus, questions)):
            rows, support = questions.premises[i], questions.support_documents[i]
            needed = [texts[row] for row in rows[rows >= 0]]
            assert needed == [texts[row] for row in rows[: len(needed)]]
            a, r, b = canonical(statement)
            if split in INHERITED:
                path = [a, *world.above(a)]
                path = path[: next(i for i, up in enumerate(path) if (up, r, b) in world.owned) + 1]
                assert list(map(canonical, needed)) == [*((x, "is-a", y) for x, y in pairwise(path)), (path[-1], r, b)]
                assert needed[-1][1] == statement[1]  # in the wording in which the owner's fact is stated
            else:
                assert list(map(canonical, needed)) == [(a, r, b)]
                assert (wording(needed[0]) == wording(statement)) == (split != "rephrased")
            assert (support[len(needed) :] == -1).all()
            for premise, documents in zip(needed, support):
                assert set(documents[documents >= 0].tolist()) == holding[canonical(premise)]


@few
@given(worlds(), SEEDS)
def test_a_prompt_holds_the_premises_and_never_the_answer(task, seed):
    corpus = task.build(seed)
    training = set(stated(corpus))
    for split, questions in corpus.questions.items():
        count = min(2, InContext.max_distractors(corpus.premises, questions))
        prompted = InContext(distractors=count).apply_prompt(SimpleNamespace(corpus=corpus), questions[:5])
        for i, statement in enumerate(asked(corpus, prompted)):
            prompt = statements(corpus, prompted.cloze.documents.tokens[i])[:-1]
            assert len(prompt) == (prompted.premises[i] >= 0).sum() + count
            assert set(prompt) <= training
            assert statement[2] in World(prompt).answers(*statement[:2])
            assert (statement in prompt) == (split == "stated")
            span = slice(prompted.cloze.start[i], prompted.cloze.start[i] + prompted.cloze.size[i])
            assert (prompted.cloze.documents.tokens[i, span] == MASK).all()


def test_a_distractor_holds_the_target_relation_to_something_else():
    corpus = Hierarchy().build(0)
    texts = premises(corpus)
    for split in HELD_OUT_INHERITED:
        questions = corpus.questions[split]
        for (_, word, b), needed in zip(asked(corpus, questions), questions.premises):
            others = {v for row, (_, w, v) in enumerate(texts) if w == word and row not in needed}
            assert len(others) > 20
            assert b not in others
        prompted = InContext().apply_prompt(SimpleNamespace(corpus=corpus), questions)
        for tokens, (_, word, b) in zip(prompted.cloze.documents.tokens, asked(corpus, prompted)):
            values = {v for _, w, v in statements(corpus, tokens)[:-1] if w == word}
            assert b in values
            assert len(values) > 1  # the word alone does not tell which


def test_the_default_world_asks_enough_and_keeps_the_elimination_baseline_low():
    for seed in range(10):
        corpus = Hierarchy().build(seed)
        questions = corpus.questions
        assert seed or 1000 < len(set(stated(corpus))) < 2500  # reading takes a while
        assert list(questions) == ["stated", "rephrased", "inverse", *INHERITED]
        for split in HELD_OUT:
            assert len(questions[split]) >= 60
            highest = 0.05 if split in ("rephrased", "inverse") else 0.15
            assert 0 < questions[split].elimination_baseline.mean() <= highest
            assert questions[split].chance.max() < 0.004


def test_every_wording_of_every_word_is_exemplified():
    corpus = Hierarchy().build(3)
    words_of: dict[Statement, set[str]] = {}
    for statement in set(stated(corpus)):
        words_of.setdefault(canonical(statement), set()).add(statement[1])
    together = Counter(frozenset(words) for words in words_of.values())

    def count(*words: str) -> int:
        return sum(n for present, n in together.items() if set(words) <= present)

    for forward in ("is-a", *(f"has-{name}" for name in PROPERTIES[:4])):
        inverse = "includes" if forward == "is-a" else f"{forward.removeprefix('has-')}-of"
        assert count(forward, f"{forward}-2") > 20
        assert count(inverse, f"{inverse}-2") > 10
        for suffix in ("", "-2"):
            assert count(forward + suffix, inverse + suffix) > 10


@few
@given(worlds(), SEEDS)
def test_all_inferences_are_right_and_there_are_no_others(task, seed):
    corpus = task.build(seed)
    world, inferences, texts = World(stated(corpus)), corpus.inferences(), premises(corpus)
    rows = asked(corpus, inferences)
    assert len(set(rows)) == len(rows)
    facts = world.links | world.owned
    for (a, word, b), accepted, needed in zip(rows, inferences.accepted, inferences.premises):
        names = {corpus.entities.names[entity] for entity in accepted if entity >= 0}
        assert names == {name for name in world.answers(a, word) if pieces(name) == pieces(b)}
        prompt = [texts[row] for row in needed if row >= 0]
        assert b in World(prompt).answers(a, word)
        assert (a, word, b) not in prompt
    assert {canonical(row) for row in rows if canonical(row) in world.inherited} == world.inherited
    inverse = {canonical(row)[1:] for row in rows if not is_forward(row)}
    assert inverse == {fact[1:] for fact in facts}
    assert len(rows) == len(world.inherited) + len(inverse) + len(facts) * (task.wordings - 1)
    again = corpus.inferences()
    np.testing.assert_array_equal(inferences.cloze.documents.tokens, again.cloze.documents.tokens)


# --- episodes ---


def fact_asked_for(world: World, statement: Statement) -> Statement:
    """The stated fact that a question asks for, itself or of a category further down."""
    a, r, b = canonical(statement)
    if r.startswith("has-"):
        (owner,) = (x for x, w, y in world.owned if (w, y) == (r, b))
        return owner, r, b
    if r == "is-a":
        return a, r, b
    line = [a, *world.above(a)]
    return line[line.index(b) - 1], "is-a", b


def stated_and_asked(corpus: Corpus, tokens: np.ndarray, roles: np.ndarray) -> tuple[list[Statement], list[Statement]]:
    """What an episode states and what it asks."""
    sequence, count = statements(corpus, tokens), int((np.diff(roles, prepend=NONE) == TARGET).sum())
    return sequence[:-count], sequence[-count:]


def draw_episodes(corpus: Corpus, n: int, seed: int) -> list[tuple[list[Statement], list[Statement]]]:
    """What each of `n` episodes states and asks."""
    episodes = corpus.episodes.draw(n, np.random.default_rng(seed))
    return [stated_and_asked(corpus, tokens, roles) for tokens, roles in zip(episodes.tokens, episodes.roles)]


@few
@given(worlds(), SEEDS)
def test_what_an_episode_asks_follows_from_what_it_states(task, seed):
    corpus = task.build(seed)
    for in_episode, questions in draw_episodes(corpus, 40, seed):
        assert 1 <= len(in_episode) == len(questions) <= task.episodes.max_facts
        world = World(in_episode)
        facts = set(map(canonical, in_episode))
        assert len(facts) == len(in_episode) == len(world.links | world.owned)
        for a in {a for a, _, _ in facts}:  # a line of links alone is as long as one with a property
            line = world.above(a)
            has_property = bool({a, *line} & {owner for owner, _, _ in world.owned})
            assert len(line) <= task.depth + (not has_property)
        entailed = world.owned | world.inherited | world.links | world.across
        assert len({(a, r) for a, r, _ in entailed}) == len(entailed)  # one value each
        for statement in questions:
            assert world.answers(*statement[:2]) == {statement[2]}
            assert canonical(statement) in entailed
            assert is_forward(statement) or canonical(statement) not in world.inherited
        # Each stated fact is asked for once, itself or of a category further down.
        assert Counter(fact_asked_for(world, statement) for statement in questions) == Counter(facts)


@few
@given(worlds(), SEEDS)
def test_only_the_answers_of_an_episode_are_targets(task, seed):
    corpus = task.build(seed)
    episodes = corpus.episodes.draw(40, np.random.default_rng(seed))
    assert episodes.lengths.max() <= corpus.max_length
    for tokens, roles, length in zip(episodes.tokens, episodes.roles, episodes.lengths):
        in_episode, questions = stated_and_asked(corpus, tokens, roles)
        answers = [piece for _, _, b in questions for piece in b.split("-")]
        assert [corpus.vocabulary.words[token] for token in tokens[roles == TARGET]] == answers
        assert ((roles == NONE) | (roles == TARGET)).all()
        assert (tokens == SEPARATOR).sum() == len(in_episode) + len(questions) - 1
        assert (tokens[length:] == 0).all()


@few
@given(worlds(), SEEDS)
def test_episodes_link_categories_and_lead_to_values_of_the_world_or_of_their_own(task, seed):
    corpus = task.build(seed)
    world = World(stated(corpus))
    categories, values = {*world.parent, *world.parent.values()}, {v for _, _, v in world.owned}
    drawn_categories, drawn_values = set(), set()
    for in_episode, _ in draw_episodes(corpus, 40, seed):
        for a, r, b in map(canonical, in_episode):
            drawn_categories |= {a, b} if r == "is-a" else {a}
            drawn_values |= set() if r == "is-a" else {b}
    assert not drawn_categories & drawn_values
    if task.episodes.own_entities:
        assert not (drawn_categories | drawn_values) & (categories | values)
    else:
        assert drawn_categories <= categories
        assert drawn_values <= values


def test_episodes_are_new_every_time():
    corpus = Hierarchy(episodes=HierarchyEpisodeConfig(share=0.5)).build(2)
    first, again, other = (corpus.episodes.draw(600, np.random.default_rng([2, step])) for step in (0, 0, 1))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    texts = [corpus.vocabulary.text(tokens) for tokens in (*first.tokens, *other.tokens)]
    assert len(set(texts)) == len(texts)


def test_episodes_ask_with_every_word_and_over_every_number_of_levels():
    corpus = Hierarchy(episodes=HierarchyEpisodeConfig(share=0.5)).build(2)
    across, (asked_words, stated_words, levels, sizes, hubs, shares) = {"is2-a", "is3-a"}, [Counter() for _ in range(6)]
    for in_episode, questions in draw_episodes(corpus, 1000, 2):
        world = World(in_episode)
        sizes[len(in_episode)] += 1
        asked_words.update(word for _, word, _ in questions)
        stated_words.update(word for _, word, _ in in_episode)
        for statement in questions:
            a, r, _ = canonical(statement)
            (source,) = (s for s in in_episode if canonical(s) == fact_asked_for(world, statement))
            level = (a, *world.above(a)).index(canonical(source)[0])
            levels[level] += 1
            shares["inverse", not is_forward(statement)] += not level
            if r not in across:
                shares["rephrased", wording(statement) != wording(source)] += 1
            shares["stated inverse", not is_forward(source)] += 1
        owners = Counter(a for a, _, _ in world.owned)
        hubs[max(owners.values(), default=0) > 1] += len(in_episode) == 4
    assert set(asked_words) == set(corpus.relations) - {"is3-a"}  # which needs six facts
    assert set(stated_words) == set(corpus.relations) - across
    assert set(sizes) == set(range(1, 5))
    assert set(levels) == {0, 1, 2}
    assert 0.3 < (levels[1] + levels[2]) / levels.total() < 0.6
    for name, share in (("inverse", 0.5), ("rephrased", 0.25), ("stated inverse", 0.1)):
        assert shares[name, True] / (shares[name, True] + shares[name, False]) == pytest.approx(share, abs=0.05)
    assert min(hubs.values()) > 10


def test_matched_episodes_have_two_lines_and_no_word_that_tells_which():
    task = Hierarchy(episodes=HierarchyEpisodeConfig(share=0.5, max_facts=6, matched_share=1, hub_share=0))
    lengths = Counter()
    for in_episode, questions in draw_episodes(task.build(0), 400, 1):
        world = World(in_episode)
        tops = {owner for owner, _, _ in world.owned} or set(world.parent.values()) - set(world.parent)
        assert len(tops) >= 2
        words = [(canonical(s)[1], wording(s)) for s in in_episode if canonical(s)[1] != "is-a"]
        assert len(set(words)) == (len(words) > 0)
        # As many facts lead to one top as to the other.
        (length,) = {sum(top in world.above(a) for a in world.parent) + (len(words) > 0) for top in tops}
        lengths[length, len(words) > 0] += 1
        assert not (words and any(word.startswith(("is2", "is3")) for _, word, _ in questions))
    assert set(lengths) == {(2, True), (3, True), (2, False), (3, False)}
    links_only_share = (lengths[2, False] + lengths[3, False]) / lengths.total()
    assert links_only_share == pytest.approx(task.episodes.links_only_share, abs=0.08)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_episodes_ask_and_state_is_as_set(share):
    names = ("inherited", "rephrased", "inverse", "stated_inverse", "hub", "filler")
    config = HierarchyEpisodeConfig(share=0.5, links_only_share=0, **{f"{name}_share": share for name in names})
    corpus = Hierarchy(episodes=config).build(0)
    episodes = corpus.episodes.draw(200, np.random.default_rng(1))
    with_filler = sum(bool(set(corpus.vocabulary.text(tokens).split()) & set(FILLER)) for tokens in episodes.tokens)
    assert (with_filler > 190) if share else with_filler == 0
    for in_episode, questions in draw_episodes(corpus, 200, 1):
        world = World(in_episode)
        assert all(is_forward(statement) == (not share) for statement in in_episode)
        inherited = {b for _, _, b in world.inherited}
        for statement in questions:
            a, r, b = fact = canonical(statement)
            assert (fact in world.inherited) == (share == 1 and b in inherited and r != "is-a")
            assert is_forward(statement) == (not share or fact in world.inherited)
            same_end = [s for s in in_episode if canonical(s)[1:] == (r, b)]
            (source,) = (s for s in same_end if r != "is-a" or canonical(s)[0] == a)
            assert (wording(source) == wording(statement)) == (not share)
        roots = {(world.above(a) or [a])[-1] for a, _, _ in world.owned if world.above(a) or a in world.parent.values()}
        assert len(roots) <= 1 or not share  # a hub has one line of links
        if not share:
            assert len({a for a, _, _ in world.owned}) == len(world.owned)
        else:
            line = set(world.parent) | set(world.parent.values())
            of_line = [fact for fact in world.owned if fact[0] in line]
            assert len({r for _, r, _ in of_line}) == len(of_line)


# --- settings ---


def test_same_seed_same_corpus_and_another_seed_another():
    config = HierarchyEpisodeConfig(share=0.3, max_facts=3)
    task = Hierarchy(trees=8, branching=2, episodes=config, names=NameConfig(max_length=2))
    first, again, other = (task.build(seed) for seed in (7, 7, 8))
    assert first.vocabulary == again.vocabulary
    for a, b in zip((first.documents, first.entities), (again.documents, again.entities)):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.lengths, b.lengths)
    assert not np.array_equal(first.documents.tokens, other.documents.tokens)
    assert first.questions.keys() == again.questions.keys() == {"stated", "rephrased", "inverse", *INHERITED}
    for split in first.questions:
        for name in ("accepted", "support_documents", "premises", "chance", "elimination_baseline", "link_baseline"):
            a, b = (getattr(corpus.questions[split], name) for corpus in (first, again))
            np.testing.assert_array_equal(a, b)
        a, b, c = (corpus.questions[split].cloze for corpus in (first, again, other))
        np.testing.assert_array_equal(a.start, b.start)
        np.testing.assert_array_equal(a.size, b.size)
        np.testing.assert_array_equal(a.documents.tokens, b.documents.tokens)
        assert not np.array_equal(a.documents.tokens, c.documents.tokens)


@few
@given(worlds(), SEEDS)
def test_roles_mark_statements_and_nothing_else(task, seed):
    corpus = task.build(seed)
    ids = corpus.vocabulary.ids
    for documents in (corpus.documents, *(questions.cloze.documents for questions in corpus.questions.values())):
        assert documents.lengths.max() <= corpus.max_length
        is_relation = np.isin(documents.tokens, [ids[word] for word in corpus.relations])
        assert ((documents.roles == RELATION) == is_relation).all()
        others = [word for word in corpus.vocabulary.words if word not in (*FILLER, *corpus.relations)]
        is_name = np.isin(documents.tokens, [*(ids[word] for word in others[len(SPECIAL) :]), MASK])
        assert (np.isin(documents.roles, (SOURCE, TARGET)) == is_name).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trees": 0}, r"task\.trees is 0, but must be 1 or more"),
        ({"branching": 0}, r"task\.branching is 0, but must be 1 or more"),
        ({"depth": 0}, r"task\.depth is 0, but must be 1 or more"),
        ({"properties": 0}, r"task\.properties is 0, but must be 1 or more"),
        ({"properties": 2}, r"task\.relations is 4, but must be 6 \(task\.properties a level\) or more"),
        ({"relations": 2}, r"task\.relations is 2, but must be 3"),
        ({"wordings": 0}, r"task\.wordings is 0, but must be 1 or more"),
        ({"holdout_share": 1.5}, r"task\.holdout_share is 1\.5, but must be 0 to 1"),
        ({"inherited_share": -0.1}, r"task\.inherited_share is -0\.1, but must be 0 to 1"),
        ({"two_way_share": 2}, r"task\.two_way_share is 2, but must be 0 to 1"),
        ({"single_wording_share": -1}, r"task\.single_wording_share is -1, but must be 0 to 1"),
        ({"episodes.max_facts": 0}, r"task\.episodes\.max_facts is 0, but must be 1 or more"),
        (
            {"episodes.min_facts": 5},
            r"task\.episodes\.min_facts is 5, but must be 1 to task\.episodes\.max_facts \(4\)",
        ),
        ({"episodes.inherited_share": 2}, r"task\.episodes\.inherited_share is 2, but must be 0 to 1"),
        ({"episodes.rephrased_share": 2}, r"task\.episodes\.rephrased_share is 2, but must be 0 to 1"),
        ({"episodes.inverse_share": -1}, r"task\.episodes\.inverse_share is -1, but must be 0 to 1"),
        ({"episodes.stated_inverse_share": -1}, r"task\.episodes\.stated_inverse_share is -1, but must be 0 to 1"),
        ({"episodes.hub_share": -1}, r"task\.episodes\.hub_share is -1, but must be 0 to 1"),
        ({"episodes.matched_share": 2}, r"task\.episodes\.matched_share is 2, but must be 0 to 1"),
        ({"episodes.links_only_share": 2}, r"task\.episodes\.links_only_share is 2, but must be 0 to 1"),
        (
            {"episodes.own_entities": 9},
            r"task\.episodes\.own_entities is 9, but must be 0, or 10 \(five for two facts\)",
        ),
        (
            {"trees": 1, "branching": 1, "episodes.share": 0.5},
            r"task\.trees is 1, but must be such that an episode has 6 categories and 4 values to take",
        ),
        (
            {"trees": 3, "depth": 1, "holdout_share": 1, "episodes.share": 0.5},
            r"task\.trees is 3, but must be such that",
        ),
    ],
)
def test_settings_that_fit_no_world_are_refused_in_one_line(wrong, message):
    with pytest.raises(SettingError, match=message) as refused:
        override(Hierarchy(), wrong)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "few_trees",
    [
        {"trees": 1, "branching": 1},
        {"trees": 1, "episodes.share": 0.5},
        {"trees": 1, "branching": 1, "episodes.share": 0.5, "episodes.own_entities": 10},
    ],
)
def test_few_trees_are_enough_where_episodes_do_not_need_them(few_trees):
    assert override(Hierarchy(), few_trees).build(0).questions


def test_no_word_of_the_task_can_be_the_name_of_an_entity():
    for trees in (1, 13, 36, 200):  # from one syllable a name on
        corpus = replace(Hierarchy(), trees=trees, documents=DocumentConfig(copies=1)).build(0)
        assert len(set(corpus.vocabulary.words)) == len(corpus.vocabulary.words)
    assert len(set(hierarchy_words(20, 3, 4))) == 2 * 21 * 3 + 4


def test_a_hundred_thousand_documents_build_in_seconds():
    began = time.process_time()
    corpus = Hierarchy(trees=1000, documents=DocumentConfig(copies=2)).build(0)
    assert len(corpus.documents) > 100_000
    assert time.process_time() - began < 10
