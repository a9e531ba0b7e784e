"""The hierarchy world: its trees by brute force from the documents, what is told of it, and what never is."""

import re
import time
from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import settings as limits
from hypothesis import strategies as st

from eval.score import right
from eval.ways.in_context import InContext
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Questions
from tasks.hierarchy import Hierarchy
from tasks.hierarchy_forest import PROPERTIES, words
from tasks.settings import SettingError
from tasks.thoughts import REWARD
from tasks.vocabulary import FILLER, MASK, SEPARATOR

HELD = Hierarchy.HELD_OUT
UNTOLD = ("similar", "syllogism", "chain", "holdout", "holdout_chain")
HEIRS = ("inherited", *UNTOLD)
SEEDS = st.integers(0, 2**32 - 1)
few = limits(max_examples=50)
Told = tuple[str, str, str]


@st.composite
def worlds(draw) -> Hierarchy:
    """Settings of every kind, small."""
    facts, own = draw(st.integers(1, 4)), draw(st.booleans())
    branching, depth = draw(st.sampled_from([(1, 1), (3, 1), (1, 3), (2, 2), (3, 2), (2, 3)]))
    properties, shortest = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    return Hierarchy(
        trees=draw(st.integers(1 if own else 2 * facts, 8)),
        branching=branching,
        depth=depth,
        properties=properties,
        relations=properties * (depth + 1) + draw(st.integers(0, 2)),
        holdout=draw(st.floats(0, 1)),
        inherited=draw(st.floats(0, 1)),
        two_way=draw(st.floats(0, 1)),
        wordings=draw(st.integers(1, 3)),
        once=draw(st.floats(0, 1)),
        shortest_name=shortest,
        longest_name=draw(st.integers(shortest, 3)),
        filler=draw(st.integers(0, 2)),
        statements=draw(st.integers(1, 3)),
        renderings=draw(st.integers(1, 2)),
        in_context=0.5,
        context_facts=facts,
        context_hubs=draw(st.sampled_from([0.0, 0.5, 1.0])),
        context_own=2 * facts + draw(st.integers(0, 3)) if own else 0,
    )


# --- reading, by words alone ---


def read(corpus: Corpus, tokens: np.ndarray) -> list[Told]:
    """The statements of a document."""
    found = []
    for part in corpus.vocabulary.text(tokens).split("[separator]"):
        spoken = [word for word in part.split() if word not in (*FILLER, "[begin]", "[end]")]
        (at,) = (i for i, word in enumerate(spoken) if word in corpus.relations)
        found.append(("-".join(spoken[:at]), spoken[at], "-".join(spoken[at + 1 :])))
    return found


def told(corpus: Corpus) -> Counter[Told]:
    return Counter(one for tokens in corpus.documents.tokens for one in read(corpus, tokens))


def plain(one: Told) -> Told:
    """The same by the forward word in its first wording."""
    a, word, b = one
    word = re.sub(r"-\d+$", "", word)
    if word == "includes":
        return b, "is-a", a
    return (b, "has-" + word.removesuffix("-of"), a) if word.endswith("-of") else (a, word, b)


def forward(one: Told) -> bool:
    return one[1].startswith("has-") or re.match(r"is\d*-a", one[1]) is not None


def wording(word: str) -> int:
    return int((re.findall(r"-(\d+)$", word) or ["1"])[0])


class World:
    """What follows from statements. Of a value the owner is the highest category that has it."""

    def __init__(self, stated):
        facts = {plain(one) for one in stated}
        self.parent = {a: b for a, word, b in facts if word == "is-a"}
        assert len(self.parent) == sum(word == "is-a" for _, word, _ in facts)  # one each
        has = [one for one in facts if one[1] != "is-a"]
        self.owned = {one for one in has if not any((up, *one[1:]) in facts for up in self.above(one[0]))}
        categories = {a for a, _, _ in facts} | set(self.parent.values())
        self.inherited = {
            (a, r, v) for a in categories for up in self.above(a) for owner, r, v in self.owned if owner == up
        }
        assert not self.owned & self.inherited
        assert set(has) <= self.owned | self.inherited
        self.links = {(a, "is-a", b) for a, b in self.parent.items()}
        self.across = {(a, f"is{k}-a", up) for a in categories for k, up in enumerate(self.above(a), 1) if k > 1}

    def above(self, a: str) -> list[str]:
        """Those above it, from the nearest up."""
        return [self.parent[a], *self.above(self.parent[a])] if a in self.parent else []

    def answers(self, source: str, word: str) -> set[str]:
        """To a question, in whatever wording."""
        facts, (a, r, _) = self.links | self.across | self.owned | self.inherited, plain((source, word, "_"))
        if a == source:
            return {b for x, w, b in facts if (x, w) == (a, r)}
        (_, r, b) = plain((source, word, "_"))
        return {x for x, w, y in self.links | self.owned if (w, y) == (r, b)}


def asked(corpus: Corpus, questions: Questions) -> list[Told]:
    """Each question as a statement, the first accepted answer in its open span."""
    rows = [read(corpus, tokens)[-1] for tokens in questions.documents.tokens]
    answers = [corpus.entities.words[b] for b in questions.accepted[:, 0]]
    for (_, _, opened), b in zip(rows, answers):
        assert opened == "-".join(["[mask]"] * len(b.split("-")))
    return [(a, word, b) for (a, word, _), b in zip(rows, answers)]


def pieces(name: str) -> int:
    return len(name.split("-"))


# --- the world ---


@few
@given(worlds(), SEEDS)
def test_trees_are_as_set_and_every_category_has_one_value_of_a_relation(settings, seed):
    corpus = settings.build(seed)
    world = World(told(corpus))
    size = sum(settings.branching**level for level in range(settings.depth + 1))
    inner = size - settings.branching**settings.depth
    assert len(world.links) == settings.trees * (size - 1)
    children = Counter(world.parent.values())
    assert len(children) == settings.trees * inner
    assert set(children.values()) == {settings.branching}
    roots = set(children) - set(world.parent)
    categories = roots | set(world.parent)
    assert len(roots) == settings.trees
    leaves = categories - set(children)
    assert {len(world.above(a)) for a in leaves} == {settings.depth}
    owners = Counter(a for a, _, _ in world.owned)
    assert set(owners.values()) == {settings.properties}
    assert len(leaves - set(owners)) == round(settings.holdout * len(leaves))
    assert set(children) <= set(owners)
    has = world.owned | world.inherited
    assert len({(a, r) for a, r, _ in has}) == len(has)
    values = [v for _, _, v in world.owned]
    assert len(set(values)) == len(values)
    assert not set(values) & categories
    assert len(categories) + len(values) + settings.context_own == len(corpus.entities)


@few
@given(worlds(), SEEDS)
def test_facts_are_told_in_as_many_words_as_set(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    world = World(stated)
    assert set(stated.values()) == {settings.renderings}
    wordings, both = {}, set()
    for one in stated:
        wordings.setdefault(plain(one), set()).add(wording(one[1]))
        both |= set() if forward(one) else {plain(one)}
    for fact in world.links | world.owned:  # the forward word in every wording in which anything of it is told
        said = {wording(w) for a, w, b in stated if forward((a, w, b)) and plain((a, w, b)) == fact}
        assert said == wordings[fact]
        assert len(said) in {1, settings.wordings}
        if fact in both:
            assert said == {wording(w) for a, w, b in stated if not forward((a, w, b)) and plain((a, w, b)) == fact}
    for a, r, v in set(wordings) & world.inherited:  # told in no words in which the owner's fact is not told
        (owner,) = (x for x, w, y in world.owned if (w, y) == (r, v))
        assert wordings[a, r, v] == wordings[owner, r, v]
        assert (a, r, v) not in both
    groups = [{(b, "is-a") for _, _, b in world.links}]
    groups += [{one for one in world.owned if one[1] == r} for r in {r for _, r, _ in world.owned}]
    told_as = {(b, "is-a"): (wordings[a, r, b], (a, r, b) in both) for a, r, b in world.links}
    for a, r, b in world.links:
        assert told_as[b, "is-a"] == (wordings[a, r, b], (a, r, b) in both)  # all children of one parent alike
    told_as |= {one: (wordings[one], one in both) for one in world.owned}
    for group in groups:
        assert sum(two_way for _, two_way in map(told_as.get, group)) == round(settings.two_way * len(group))
        alone = Counter(min(said) for said, _ in map(told_as.get, group) if len(said) == 1)
        if settings.wordings > 1:
            assert alone.total() == round(settings.once * len(group))
            assert max(alone.values(), default=0) - min(alone[k + 1] for k in range(settings.wordings)) <= 1


@few
@given(worlds(), SEEDS)
def test_every_answer_follows_and_what_is_accepted_is_all_that_is_right(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    world = World(stated)
    splits = {}
    for split, questions in corpus.questions.items():
        rows = splits[split] = asked(corpus, questions)
        assert len(set(rows)) == len(rows)
        assert (questions.turned is None) == (split in HEIRS)
        for (a, word, b), accepted in zip(rows, questions.accepted):
            names = [corpus.entities.words[e] for e in accepted if e >= 0]
            assert len(set(names)) == len(names)
            assert set(names) == {name for name in world.answers(a, word) if pieces(name) == pieces(b)}
            assert len(names) == 1 or word.startswith("includes")
    facts, known = world.links | world.owned, {plain(one) for one in stated}
    assert Counter(map(plain, splits["stated"])) == Counter(facts)
    assert set(splits["stated"]) <= set(stated)
    owners = {a for a, _, _ in world.owned}
    assert set(map(plain, splits.get("inherited", ()))) == world.inherited & known
    assert set(splits.get("inherited", ())) <= set(stated)
    apart = {one for one in world.inherited if one[0] not in owners}
    near = {(a, r, v) for a, r, v in world.inherited if (world.parent[a], r, v) in world.owned}
    shown = {v for _, _, v in world.inherited & known}  # by its value, of all that inherit it or of none
    assert world.inherited & known == {one for one in world.inherited - apart if one[2] in shown}
    of_none = {one for one in world.inherited if one[2] not in shown}
    expected = {"similar": {one for one in apart if one[2] in shown}}
    expected |= {"syllogism": (of_none - apart) & near, "chain": of_none - apart - near}
    expected |= {"holdout": of_none & apart & near, "holdout_chain": (of_none & apart) - near}
    assert {split: set(map(plain, splits.get(split, ()))) for split in UNTOLD} == expected
    levels = {v: len(world.above(a)) for a, _, v in world.owned}
    have_heirs = {v for _, _, v in world.inherited - apart}
    for level in set(levels.values()):
        may = {v for v in have_heirs if levels[v] == level}
        assert len(shown & may) == round(settings.inherited * len(may))
    # Rephrased: what was told in one wording. Reversed: what was never told by the inverse word, parents once each.
    said = {one: {wording(w) for a, w, b in stated if plain((a, w, b)) == one} for one in facts}
    once = {one for one in facts if len(said[one]) == 1 and settings.wordings > 1}
    assert set(map(plain, splits.get("rephrased", ()))) == once
    assert all(wording(one[1]) not in said[plain(one)] for one in splits.get("rephrased", ()))
    one_way = facts - {plain(one) for one in stated if not forward(one)}
    ends = [(r, b) for _, r, b in map(plain, splits.get("reversed", ()))]
    assert Counter(ends) == Counter({(r, b) for _, r, b in one_way})
    assert not any(forward(one) for one in splits.get("reversed", ()))


@few
@given(worlds(), SEEDS)
def test_turned_questions_ask_the_same_the_other_way_round(settings, seed):
    corpus = settings.build(seed)
    for split in ("stated", "rephrased", "reversed"):
        if split in corpus.questions:
            questions = corpus.questions[split]
            for (a, word, b), tokens in zip(asked(corpus, questions), questions.turned.tokens):
                (turned,) = read(corpus, tokens)
                assert turned[0] == "-".join(["[mask]"] * pieces(b))
                assert plain((b, *turned[1:])) == plain((a, word, b))
                assert forward(turned) != forward((a, word, b))
                assert wording(turned[1]) == wording(word)


# --- what must not be told ---


@few
@given(worlds(), SEEDS)
def test_no_answer_of_a_held_out_split_is_told_anywhere(settings, seed):
    corpus = settings.build(seed)
    drawn = corpus.drawn.draw(50, np.random.default_rng(seed))
    everything = [one for tokens in drawn.tokens for one in read(corpus, tokens)] + list(told(corpus))
    everything += [one for tokens in corpus.premises.documents.tokens for one in read(corpus, tokens)]
    pairs = {frozenset((a, b)) for a, _, b in everything}
    inverse = {(plain(one)[0], plain(one)[2]) for one in everything if not forward(one)}
    reworded = {(plain(one), wording(one[1])) for one in everything}
    for split in HELD:
        questions = corpus.questions.get(split, ())
        for i, (a, word, b) in enumerate(asked(corpus, questions) if len(questions) else ()):
            if split == "rephrased":  # neither way round, in that wording
                assert (plain((a, word, b)), wording(word)) not in reworded
            elif split == "reversed":  # none of the right answers, in no wording
                for e in questions.accepted[i]:
                    assert e < 0 or (corpus.entities.words[e], a) not in inverse
            else:  # never together, in no words at all
                assert frozenset((a, b)) not in pairs


@few
@given(worlds(), SEEDS)
def test_of_categories_that_are_set_apart_nothing_is_told_but_their_link(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    splits = [corpus.questions[split] for split in ("similar", "holdout") if split in corpus.questions]
    apart = {a for questions in splits for a, _, _ in asked(corpus, questions)}
    for one in stated:
        a, word, b = plain(one)
        assert b not in apart
        assert a not in apart or word == "is-a"
    world = World(stated)
    leaves = set(world.parent) - set(world.parent.values())
    assert len(apart) == round(settings.holdout * len(leaves))
    inherit = Counter(a for a, _, _ in world.inherited)
    assert {inherit[a] for a in apart} <= {settings.depth * settings.properties}


@limits(max_examples=15)
@given(SEEDS, st.floats(0.2, 0.8))
def test_thoughts_and_rewards_touch_no_question_of_the_test_part(seed, share):
    settings = Hierarchy(trees=8, branching=2, renderings=1, reward=share, thoughts=1)
    try:
        corpus = settings.build(seed)
    except SettingError:
        reject()  # so few questions of a split that a part of them would be empty
    stated = {(plain(one), forward(one), wording(one[1])) for one in told(corpus)}
    apart = [set(asked(corpus, corpus.questions[s + REWARD])) for s in HELD if s + REWARD in corpus.questions]
    assert apart
    for split in HELD:
        for one in asked(corpus, corpus.questions[split]) if split in corpus.questions else ():
            assert (plain(one), forward(one), wording(one[1])) not in stated
    for one in set().union(*apart):
        assert (plain(one), forward(one), wording(one[1])) in stated


# --- chances, support, prompts ---


@few
@given(worlds(), SEEDS)
def test_chances_are_those_of_a_random_answer_and_of_what_was_never_seen_there(settings, seed):
    corpus = settings.build(seed)
    stated, names = told(corpus), corpus.entities
    world = World(stated)
    seen = {(word, b) for _, word, b in stated}
    facts = world.links | world.owned
    for split, questions in corpus.questions.items():
        for i, (_, word, _) in enumerate(asked(corpus, questions)):
            fits = np.flatnonzero(names.lengths == questions.size[i])
            same, said = np.full(len(fits), i), names.tokens[fits][:, : questions.size[i]]
            assert questions.chance[i] == pytest.approx(right(corpus, questions[same], said).mean())
            way, relation = forward((0, word, 0)), plain(("", word, ""))[1]
            belongs = {(b if way else a) for a, r, b in facts if r == relation}
            if split not in UNTOLD:
                belongs = {name for name in belongs if (word, name) not in seen}
            left = [name for name in belongs if pieces(name) == questions.size[i]]
            hits = [names.words[e] for e in questions.accepted[i] if e >= 0 and names.words[e] in left]
            guess = len(hits) / len(left) if left else 0.0
            assert questions.chance_by_elimination[i] == pytest.approx(guess)
            assert (guess > 0) == (split in HELD)


@few
@given(worlds(), SEEDS)
def test_a_question_needs_just_what_it_follows_from_and_knows_the_documents_that_hold_it(settings, seed):
    corpus = settings.build(seed)
    stated = told(corpus)
    world = World(stated)
    premises = [read(corpus, tokens) for tokens in corpus.premises.documents.tokens]
    assert {one for (one,) in premises} <= set(stated)
    assert Counter(plain(one) for (one,) in premises) == Counter(world.links | world.owned)
    assert len(set(corpus.premises.fact)) == len(premises)
    holds: dict[Told, set[int]] = {}
    for i, tokens in enumerate(corpus.documents.tokens):
        for one in read(corpus, tokens):
            holds.setdefault(plain(one), set()).add(i)
    for split, questions in corpus.questions.items():
        assert questions.support.shape[:2] == questions.needs.shape
        for one, needs, support in zip(asked(corpus, questions), questions.needs, questions.support):
            needed = [premises[row][0] for row in needs[needs >= 0]]
            assert needed == [premises[row][0] for row in needs[: len(needed)]]
            a, r, b = plain(one)
            if split in HEIRS:
                path = [a, *world.above(a)]
                path = path[: next(i for i, up in enumerate(path) if (up, r, b) in world.owned) + 1]
                assert list(map(plain, needed)) == [*((x, "is-a", y) for x, y in pairwise(path)), (path[-1], r, b)]
                assert needed[-1][1] == one[1]  # in the words in which that is told
            else:
                assert list(map(plain, needed)) == [(a, r, b)]
                assert (wording(needed[0][1]) == wording(one[1])) == (split != "rephrased")
            assert (support[len(needed) :] == -1).all()
            for premise, rows in zip(needed, support):
                assert set(rows[rows >= 0].tolist()) == holds[plain(premise)]


@few
@given(worlds(), SEEDS)
def test_a_prompt_holds_what_is_needed_and_never_the_answer(settings, seed):
    corpus = settings.build(seed)
    stated = set(told(corpus))
    for split, questions in corpus.questions.items():
        count = min(2, InContext.most(corpus.premises, questions))
        prompted = InContext(distractors=count).prompt(SimpleNamespace(corpus=corpus), questions[:5])
        for i, one in enumerate(asked(corpus, prompted)):
            given_premises = read(corpus, prompted.documents.tokens[i])[:-1]
            assert len(given_premises) == (prompted.needs[i] >= 0).sum() + count
            assert set(given_premises) <= stated
            world = World(given_premises)
            assert one[2] in world.answers(*one[:2])
            assert (one in given_premises) == (split == "stated")
            span = slice(prompted.start[i], prompted.start[i] + prompted.size[i])
            assert (prompted.documents.tokens[i, span] == MASK).all()


def test_a_distractor_holds_the_target_relation_to_something_else():
    corpus = Hierarchy().build(0)
    premises = [read(corpus, tokens)[0] for tokens in corpus.premises.documents.tokens]
    for split in UNTOLD:
        questions = corpus.questions[split]
        for (_, word, b), needs in zip(asked(corpus, questions), questions.needs):
            others = {v for row, (_, w, v) in enumerate(premises) if w == word and row not in needs}
            assert len(others) > 20
            assert b not in others
        prompted = InContext().prompt(SimpleNamespace(corpus=corpus), questions)
        for tokens, (_, word, b) in zip(prompted.documents.tokens, asked(corpus, prompted)):
            values = {v for _, w, v in read(corpus, tokens)[:-1] if w == word}
            assert b in values
            assert len(values) > 1  # the word alone does not tell which


def test_the_default_world_asks_enough_and_leaves_chance_by_elimination_below_five_percent():
    for seed in range(10):
        corpus = Hierarchy().build(seed)
        questions = corpus.questions
        assert seed or 1000 < len(set(told(corpus))) < 2500  # reading takes a while
        assert list(questions) == ["stated", "rephrased", "reversed", *HEIRS]
        for split in HELD:
            assert len(questions[split]) >= 60
            assert 0 < questions[split].chance_by_elimination.max() <= 0.05
            assert questions[split].chance.max() < 0.004


def test_every_wording_of_every_word_is_exemplified():
    corpus = Hierarchy().build(3)
    said: dict[Told, set[str]] = {}
    for one in set(told(corpus)):
        said.setdefault(plain(one), set()).add(one[1])
    together = Counter(frozenset(words) for words in said.values())
    for first in ("is-a", *(f"has-{name}" for name in PROPERTIES[:4])):
        back = "includes" if first == "is-a" else f"{first.removeprefix('has-')}-of"
        two = {first, f"{first}-2"}
        assert sum(n for words, n in together.items() if two <= words) > 20
        assert sum(n for words, n in together.items() if {back, f"{back}-2"} <= words) > 10
        for k in ("", "-2"):
            assert sum(n for words, n in together.items() if {first + k, back + k} <= words) > 10


@few
@given(worlds(), SEEDS)
def test_all_inferences_are_right_and_there_are_no_others(settings, seed):
    corpus = settings.build(seed)
    world, found = World(told(corpus)), corpus.inferences()
    rows = asked(corpus, found)
    assert len(set(rows)) == len(rows)
    facts = world.links | world.owned
    for (a, word, b), accepted, needs in zip(rows, found.accepted, found.needs):
        names = {corpus.entities.words[e] for e in accepted if e >= 0}
        assert names == {name for name in world.answers(a, word) if pieces(name) == pieces(b)}
        needed = [read(corpus, corpus.premises.documents.tokens[row])[0] for row in needs if row >= 0]
        assert b in World(needed).answers(a, word)
        assert (a, word, b) not in needed
    assert {plain(one) for one in rows if plain(one) in world.inherited} == world.inherited
    back = {plain(one)[1:] for one in rows if not forward(one)}
    assert back == {one[1:] for one in facts}
    assert len(rows) == len(world.inherited) + len(back) + len(facts) * (settings.wordings - 1)
    again = corpus.inferences()
    np.testing.assert_array_equal(found.documents.tokens, again.documents.tokens)


# --- documents with throwaway facts ---


def stated_of(here: World, one: Told) -> Told:
    """The fact that a question asks for, itself or through one below."""
    a, r, b = plain(one)
    if r.startswith("has-"):
        (owner,) = (x for x, w, y in here.owned if (w, y) == (r, b))
        return owner, r, b
    if r == "is-a":
        return a, r, b
    line = [a, *here.above(a)]
    return line[line.index(b) - 1], "is-a", b


def halves(corpus: Corpus, tokens: np.ndarray, roles: np.ndarray) -> tuple[list[Told], list[Told]]:
    """What a drawn document states and what it asks."""
    statements, count = read(corpus, tokens), int((np.diff(roles, prepend=NONE) == TARGET).sum())
    return statements[:-count], statements[-count:]


@few
@given(worlds(), SEEDS)
def test_what_a_drawn_document_asks_follows_from_what_it_states_and_nothing_is_true_in_the_world(settings, seed):
    corpus = settings.build(seed)
    world = World(told(corpus))
    tree = {a: (world.above(a) or [a])[-1] for a in {*world.parent, *world.parent.values()}}
    tree |= {v: tree[a] for a, _, v in world.owned}
    values = {v for _, _, v in world.owned}
    drawn = corpus.drawn.draw(40, np.random.default_rng(seed))
    assert drawn.lengths.max() <= corpus.longest
    for tokens, roles, length in zip(drawn.tokens, drawn.roles, drawn.lengths):
        stated, asks = halves(corpus, tokens, roles)
        assert 1 <= len(stated) == len(asks) <= settings.context_facts
        here = World(stated)
        assert len({plain(one) for one in stated}) == len(stated) == len(here.links | here.owned)
        for a in {plain(one)[0] for one in stated}:  # a line of links alone is as long as one with a property
            line = here.above(a)
            assert len(line) <= settings.depth + (not {a, *line} & {owner for owner, _, _ in here.owned})
        facts = here.owned | here.inherited | here.links | here.across
        assert len({(a, r) for a, r, _ in facts}) == len(facts)  # one value each
        for one in asks:
            assert here.answers(*one[:2]) == {one[2]}
            assert plain(one) in facts
            assert forward(one) or plain(one) not in here.inherited
        # Each stated fact is asked once, itself or through one below.
        assert Counter(stated_of(here, one) for one in asks) == Counter(map(plain, stated))
        answers = [name for _, _, b in asks for name in b.split("-")]
        assert [corpus.vocabulary.words[t] for t in tokens[roles == TARGET]] == answers
        assert ((roles == NONE) | (roles == TARGET)).all()
        assert (tokens == SEPARATOR).sum() == len(stated) + len(asks) - 1
        assert (tokens[length:] == 0).all()
        # Nothing in it can be true in the world: no two of its entities are of one tree there.
        names = {name for a, _, b in stated for name in (a, b)}
        assert len({tree.get(name, name) for name in names}) == len(names)
        if settings.context_own:
            assert not names & set(tree)
        else:
            assert {b for _, r, b in map(plain, stated) if r != "is-a"} <= values
            assert names <= set(tree)
            assert not values & {a for a, _, _ in map(plain, stated)}


def test_drawn_documents_are_new_every_time_and_ask_every_word_in_every_way():
    settings = Hierarchy(in_context=0.5)
    corpus = settings.build(2)
    first, again, other = (corpus.drawn.draw(600, np.random.default_rng([2, step])) for step in (0, 0, 1))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    texts = [corpus.vocabulary.text(tokens) for tokens in (*first.tokens, *other.tokens)]
    assert len(set(texts)) == len(texts)
    crossing, (asked_words, stated_words, ups, lengths, hubs, facts) = {"is2-a", "is3-a"}, [Counter() for _ in range(6)]
    for tokens, roles in zip(first.tokens, first.roles):
        stated, asks = halves(corpus, tokens, roles)
        here = World(stated)
        lengths[len(stated)] += 1
        asked_words.update(word for _, word, _ in asks)
        stated_words.update(word for _, word, _ in stated)
        for one in asks:
            a, r, _ = plain(one)
            (source,) = (x for x in stated if plain(x) == stated_of(here, one))
            up = (a, *here.above(a)).index(plain(source)[0])
            ups[up] += 1
            facts["turned", forward(one)] += not up
            if r not in crossing:
                facts["reworded", wording(one[1]) != wording(source[1])] += 1
            facts["told turned", forward(source)] += 1
        owners = Counter(a for a, _, _ in here.owned)
        hubs[max(owners.values(), default=0) > 1] += len(stated) == 4
    assert set(asked_words) == set(corpus.relations) - {"is3-a"}  # for which six facts are needed
    assert set(stated_words) == set(corpus.relations) - crossing
    assert set(lengths) == set(range(1, 5))
    assert set(ups) == {0, 1, 2}
    assert 0.3 < (ups[1] + ups[2]) / ups.total() < 0.6
    for name, which, share in (("turned", False, 0.5), ("reworded", True, 0.25), ("told turned", False, 0.1)):
        assert facts[name, which] / (facts[name, True] + facts[name, False]) == pytest.approx(share, abs=0.05)
    assert min(hubs.values()) > 10


def test_documents_alike_have_two_lines_and_no_word_that_tells_which():
    settings = Hierarchy(in_context=0.5, context_facts=6, context_alike=1, context_hubs=0)
    corpus = settings.build(0)
    lengths, drawn = Counter(), corpus.drawn.draw(400, np.random.default_rng(1))
    for tokens, roles in zip(drawn.tokens, drawn.roles):
        stated, asks = halves(corpus, tokens, roles)
        here = World(stated)
        tops = {owner for owner, _, _ in here.owned} or set(here.parent.values()) - set(here.parent)
        assert len(tops) >= 2
        told = [(plain(one)[1], wording(one[1])) for one in stated if plain(one)[1] != "is-a"]
        assert len(set(told)) == (len(told) > 0)
        # As many facts lead to one end as to the other.
        (steps,) = {sum(top in here.above(a) for a in here.parent) + (len(told) > 0) for top in tops}
        lengths[steps, len(told) > 0] += 1
        across = {word for _, word, _ in asks if word.startswith(("is2", "is3"))}
        assert not (told and across)
    assert set(lengths) == {(2, True), (3, True), (2, False), (3, False)}
    assert (lengths[2, False] + lengths[3, False]) / lengths.total() == pytest.approx(settings.context_links, abs=0.08)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_drawn_documents_ask_and_tell_is_as_set(share):
    names = ("inherited", "rephrased", "turned", "told_turned", "hubs", "filler")
    corpus = Hierarchy(in_context=0.5, context_links=0, **{f"context_{name}": share for name in names}).build(0)
    drawn = corpus.drawn.draw(200, np.random.default_rng(1))
    filler = 0
    for tokens, roles in zip(drawn.tokens, drawn.roles):
        stated, asks = halves(corpus, tokens, roles)
        here = World(stated)
        filler += bool(set(corpus.vocabulary.text(tokens).split()) & set(FILLER))
        assert all(forward(one) == (not share) for one in stated)
        inherited = {b for _, _, b in here.inherited}
        for one in asks:
            a, r, b = plain(one)
            assert (plain(one) in here.inherited) == (share == 1 and b in inherited and r != "is-a")
            assert forward(one) == (not share or plain(one) in here.inherited)
            (source,) = (x for x in stated if plain(x)[1:] == (r, b) and (r != "is-a" or plain(x)[0] == a))
            assert (wording(source[1]) == wording(one[1])) == (not share)
        roots = {(here.above(a) or [a])[-1] for a, _, _ in here.owned if here.above(a) or a in here.parent.values()}
        assert len(roots) <= 1 or not share  # a hub has one line of links
        if not share:
            assert len({a for a, _, _ in here.owned}) == len(here.owned)
        else:
            line = {a for a in here.parent} | set(here.parent.values())
            beside = [one for one in here.owned if one[0] in line]
            assert len({r for _, r, _ in beside}) == len(beside)
    assert (filler > 190) if share else filler == 0


# --- settings ---


def test_same_seed_same_corpus_and_another_seed_another():
    settings = Hierarchy(trees=8, branching=2, in_context=0.3, context_facts=3, longest_name=2)
    first, again, other = (settings.build(seed) for seed in (7, 7, 8))
    assert first.vocabulary == again.vocabulary
    for a, b in zip((first.documents, first.entities), (again.documents, again.entities)):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.lengths, b.lengths)
    assert not np.array_equal(first.documents.tokens, other.documents.tokens)
    assert first.questions.keys() == again.questions.keys() == {"stated", "rephrased", "reversed", *HEIRS}
    for split in first.questions:
        for name in ("start", "size", "accepted", "support", "needs", "chance", "chance_by_elimination"):
            a, b = (getattr(corpus.questions[split], name) for corpus in (first, again))
            np.testing.assert_array_equal(a, b)
        a, b, c = (corpus.questions[split].documents.tokens for corpus in (first, again, other))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_in_context_documents_change_nothing_else():
    plain_world, drawing = (Hierarchy(in_context=share).build(3) for share in (0.0, 0.5))
    assert plain_world.drawn is None
    np.testing.assert_array_equal(plain_world.documents.tokens, drawing.documents.tokens)
    assert max(plain_world.documents.lengths) <= plain_world.longest


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
        ({"trees": 0}, r"task\.trees is 0, but must be 1 or more"),
        ({"branching": 0}, r"task\.branching is 0, but must be 1 or more"),
        ({"depth": 0}, r"task\.depth is 0, but must be 1 or more"),
        ({"properties": 0}, r"task\.properties is 0, but must be 1 or more"),
        ({"properties": 2}, r"task\.relations is 4, but must be 6 \(task\.properties a level\) or more"),
        ({"relations": 2}, r"task\.relations is 2, but must be 3"),
        ({"wordings": 0}, r"task\.wordings is 0, but must be 1 or more"),
        ({"holdout": 1.5}, r"task\.holdout is 1\.5, but must be 0 to 1"),
        ({"inherited": -0.1}, r"task\.inherited is -0\.1, but must be 0 to 1"),
        ({"two_way": 2}, r"task\.two_way is 2, but must be 0 to 1"),
        ({"once": -1}, r"task\.once is -1, but must be 0 to 1"),
        ({"shortest_name": 0}, r"task\.shortest_name is 0"),
        ({"shortest_name": 3, "longest_name": 2}, r"task\.longest_name is 2, but must be task\.shortest_name \(3\)"),
        ({"filler": -1}, r"task\.filler is -1"),
        ({"renderings": 0}, r"task\.renderings is 0"),
        ({"statements": 0}, r"task\.statements is 0"),
        ({"in_context": 1.0}, r"task\.in_context is 1\.0, but must be 0 or more and below 1"),
        ({"context_facts": 0}, r"task\.context_facts is 0, but must be 1 or more"),
        ({"context_inherited": 2}, r"task\.context_inherited is 2, but must be 0 to 1"),
        ({"context_rephrased": 2}, r"task\.context_rephrased is 2, but must be 0 to 1"),
        ({"context_turned": -1}, r"task\.context_turned is -1, but must be 0 to 1"),
        ({"context_told_turned": -1}, r"task\.context_told_turned is -1, but must be 0 to 1"),
        ({"context_hubs": -1}, r"task\.context_hubs is -1, but must be 0 to 1"),
        ({"context_alike": 2}, r"task\.context_alike is 2, but must be 0 to 1"),
        ({"context_own": 7}, r"task\.context_own is 7, but must be 0, or 8"),
        ({"trees": 7, "in_context": 0.5}, r"task\.trees is 7, but must be 8 or more, two a fact in context"),
        ({"trees": 7}, None),
        ({"trees": 1, "in_context": 0.5, "context_own": 8}, None),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(bad, says):
    if says is None:
        Hierarchy(**bad).build(0)
        return
    with pytest.raises(SettingError, match=says) as refused:
        Hierarchy(**bad)
    assert "\n" not in str(refused.value)


def test_no_word_of_the_task_can_be_the_name_of_an_entity():
    for trees in (1, 13, 36, 200):  # from one syllable a name on
        corpus = replace(Hierarchy(), trees=trees, renderings=1).build(0)
        assert len(set(corpus.vocabulary.words)) == len(corpus.vocabulary.words)
    assert len(set(words(20, 3, 4))) == 2 * 21 * 3 + 4


def test_a_hundred_thousand_documents_build_in_seconds():
    began = time.process_time()
    corpus = Hierarchy(trees=1000, renderings=2).build(0)
    assert len(corpus.documents) > 100_000
    assert time.process_time() - began < 10
