"""Facts from a file: what is stated, every right answer, no held-out answer in training, and what is refused."""

import csv
import io
import itertools
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import eval.__main__
import train.__main__
from checkpoints import folder
from config.override import override
from config.validation import SettingError
from eval.ask import stated_facts
from eval.methods.in_context import InContext
from eval.text import parse_question
from eval.trained_model import TrainedModel, load_trained_model
from model.objectives.causal import Causal
from tasks.common.chain_of_thought import ChainOfThoughtConfig
from tasks.common.statement_reader import StatementReader
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, TARGET, Corpus, Documents, Questions
from tasks.reversal.episodes import ReversalEpisodeConfig
from tasks.triples import Triples
from tasks.triples.world import FileFacts, read_facts
from tasks.vocabulary import FILLER, MASK, SEPARATOR, SPECIAL
from tests.running import Recorder, command, tiny
from train.presets import PRESETS
from train.run import train_run

few = settings(max_examples=25)
SEEDS = st.integers(0, 2**32 - 1)
Fact = tuple[str, str, str]
ONCE = DocumentConfig(copies=1)
WORDS = ("likes", "is liked by", "well", "ill", "[mask]", "東の", "beside", "beside")  # forward, inverse, …
DIFFERENT_WORDS = tuple(dict.fromkeys(WORDS))
# Names that are also words, marks, filler, another form of the same name, or nothing that a terminal should see.
ODD = ("[begin]", "likes", "well", "well'", "just", "_", "New York", "Washington, D.C.", 'a "quoted" one', "=1+1")
ODD += ("\x1b[31mred", "\\x1b[31mred", "日本", "x\u202ey", "two\nlines", "ü", "شب\u200cبو", "[bold]", "a-b")


def as_csv(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def write(folder: Path, facts: list[Fact], words: tuple[str, ...] = WORDS) -> dict[str, str]:
    """The two files, as settings."""
    (folder / "facts.csv").write_bytes(as_csv(("head", "relation", "tail"), facts))
    pairs = list(zip(words[::2], words[1::2]))
    (folder / "relations.csv").write_bytes(as_csv(("relation", "inverse"), pairs))
    return {"file": str(folder / "facts.csv"), "relations": str(folder / "relations.csv")}


@contextmanager
def temporary_files(facts: list[Fact]):
    with tempfile.TemporaryDirectory() as folder:
        yield write(Path(folder), facts)


@st.composite
def file_lines(draw) -> list[Fact]:
    """Lines of a file: any names, relations of every shape, either word, some lines twice."""
    names = draw(st.lists(st.sampled_from(ODD), min_size=6, unique=True)) + [f"e{i}" for i in range(6)]
    index, lines = st.integers(0, len(names) - 1), []
    for relation in draw(st.lists(st.integers(0, len(WORDS) // 2 - 1), min_size=1, max_size=3, unique=True)):
        shape = draw(st.sampled_from(["matched", "many to one", "any"]))
        order = draw(st.permutations(range(len(names))))
        for i in range(draw(st.integers(1, 12))):
            head, tail = order[i % len(names)], order[-1 - i % len(names)]
            if shape == "any":
                head, tail = draw(index), draw(index)
            elif shape == "many to one":
                tail = order[draw(st.integers(0, 2))]
            by_inverse = draw(st.booleans())
            word = WORDS[2 * relation + by_inverse]
            lines.append((names[tail], word, names[head]) if by_inverse else (names[head], word, names[tail]))
    return draw(st.permutations(lines))


@st.composite
def plain_settings(draw) -> dict[str, object]:
    """Settings of a task without chain of thought and episodes."""
    return {
        "one_way_share": draw(st.sampled_from([0.3, 0.5, 1.0])),
        "max_answers": draw(st.sampled_from([1, 3, 100])),
        "documents": DocumentConfig(
            filler=draw(st.integers(0, 2)), statements=draw(st.integers(1, 2)), copies=draw(st.integers(1, 3))
        ),
    }


@st.composite
def any_settings(draw) -> dict[str, object]:
    """Settings of a task, some of them with chain of thought."""
    chain_of_thought = st.sampled_from([ChainOfThoughtConfig(), ChainOfThoughtConfig(rl_share=0.4, copies=2)])
    return draw(plain_settings()) | {"chain_of_thought": draw(chain_of_thought)}


def build(task: Triples, seed: int) -> Corpus:
    """The corpus, where some facts can be held out and there are names enough for episodes."""
    try:
        return task.build(seed)
    except SettingError as refusal:
        possible = ("task.one_way_share", "task.episodes.max_facts", "rl_share")
        assume(not any(name in str(refusal) for name in possible))
        raise


def true_statements(lines: list[Fact]) -> tuple[set[Fact], list[str]]:
    """All true statements, by either word, and the names in the order of the file."""
    true = set(lines)
    for source, word, target in lines:
        true.add((target, inverse(word), source))
    return true, list(dict.fromkeys(name for source, _, target in lines for name in (source, target)))


def inverse(word: str) -> str:
    return WORDS[WORDS.index(word) ^ 1] if WORDS.count(word) == 1 else word


def num_facts(true: set[Fact]) -> int:
    """How many facts these statements are: of two statements that are inverse to each other, one is counted."""
    return len({min((a, word, b), (b, inverse(word), a)) for a, word, b in true})


class Reader:
    """Reads tokens as the words of the file, by the order of the vocabulary: relation words, filler, names."""

    def __init__(self, corpus: Corpus, names: list[str]):
        relations, fillers = len(corpus.relations), len(FILLER)
        further = tuple(f"own-{i}" for i in range(len(corpus.entities) - len(names)))
        self.words = (*SPECIAL, *DIFFERENT_WORDS[:relations], *[None] * fillers, *names, *further)
        assert len(self.words) == len(corpus.vocabulary)

    def statements(self, tokens: np.ndarray) -> list[tuple[str, ...]]:
        """What stands between [separator]s, without special tokens and filler; MASK as None."""
        parts: list[list[str | None]] = [[]]
        for token in tokens.tolist():
            if token == SEPARATOR:
                parts.append([])
            elif token == MASK:
                parts[-1].append(None)
            elif token >= len(SPECIAL) and self.words[token] is not None:
                parts[-1].append(self.words[token])
        return [tuple(part) for part in parts]

    def stated(self, documents: Documents) -> Counter[Fact]:
        """Whole statements. The question that a chain of thought begins with is none."""
        parts = (part for row in documents.tokens for part in self.statements(row))
        return Counter(part for part in parts if len(part) == 3)

    def open_statements(self, questions: Questions) -> list[tuple[str | None, str, str | None]]:
        return [part for row in questions.cloze.documents.tokens for part in self.statements(row)]

    def accepted(self, corpus: Corpus, questions: Questions) -> list[set[str]]:
        first = len(self.words) - len(corpus.entities)
        rows = [[self.words[first + e] for e in row if e >= 0] for row in questions.accepted.tolist()]
        assert all(len(set(row)) == len(row) for row in rows)
        return [set(row) for row in rows]


# --- what is stated ---


@few
@given(file_lines(), plain_settings(), SEEDS)
def test_each_fact_is_stated_by_both_words_or_by_one_and_nothing_else_is(lines, options, seed):
    with temporary_files(lines) as files:
        task = Triples(**files, **options)
        corpus = build(task, seed)
    true, names = true_statements(lines)
    stated = Reader(corpus, names).stated(corpus.documents)
    assert set(stated.values()) == {task.documents.copies}
    assert set(stated) <= true
    for source, word, target in true:
        assert (source, word, target) in stated or (target, inverse(word), source) in stated
    assert 1 <= len(one_way_statements(stated)) <= round(task.one_way_share * num_facts(true))


@few
@given(file_lines(), plain_settings(), SEEDS, st.data())
def test_the_facts_of_named_entities_are_stated_by_the_forward_word_only(lines, options, seed, data):
    names = data.draw(st.lists(st.sampled_from(true_statements(lines)[1]), max_size=3, unique=True))
    with temporary_files(lines) as files:
        task = Triples(**files, **options)
        shown = dict(zip(true_statements(lines)[1], task.read().names))
        corpus = build(override(task, {"one_way_names": tuple(shown[name] for name in names)}), seed)
    true, all_names = true_statements(lines)
    stated = Reader(corpus, all_names).stated(corpus.documents)
    for source, word, target in true:
        is_forward = word in WORDS[::2] and inverse(word) != word
        answers = [fact for fact in true if fact[1:] == (word, target)]
        if is_forward and {source, target} & set(names) and len(answers) <= task.max_answers:
            assert (source, word, target) in stated
            assert (target, inverse(word), source) not in stated
    for _, word, target in one_way_statements(stated):  # and no answer to its question is stated by its word
        assert not [fact for fact in stated if fact[:2] == (target, inverse(word))]


def test_the_first_example_is_asked_about_at_every_seed():
    for seed in range(3):
        stated = stated_facts(Triples().build(seed))
        for pair, statement in (
            (("Paris", "France"), "Paris capital-of France"),
            (("FR", "France"), "FR code-of France"),
        ):
            assert list(map(str, stated[frozenset(pair)])) == [statement]


def test_a_name_that_is_not_in_the_file_is_refused_with_the_nearest():
    task = override(Triples(), {"one_way_names": ("Frace",)})
    with pytest.raises(SettingError, match=r"^task.one_way_names is 'Frace', but must be names in .*; did you mean "):
        task.build(0)


def one_way_statements(stated: Counter[Fact]) -> set[Fact]:
    """Those whose inverse is not stated."""
    return {(a, word, b) for a, word, b in stated if (b, inverse(word), a) not in stated}


@few
@given(file_lines(), any_settings(), SEEDS)
def test_no_answer_to_an_inverse_question_is_stated_by_its_word_anywhere(lines, options, seed):
    with temporary_files(lines) as files:
        corpus = build(Triples(**files, **options), seed)
    reader = Reader(corpus, true_statements(lines)[1])
    stated, premises = reader.stated(corpus.documents), reader.stated(corpus.premises.documents)
    for split in ("inverse", "inverse_rl"):
        if split not in corpus.questions:
            continue
        for source, word, target in reader.open_statements(corpus.questions[split]):
            assert target is None
            assert not [fact for fact in premises if fact[:2] == (source, word)]
            if split == "inverse":  # chain-of-thought documents may state those of the reinforcement part
                assert not [fact for fact in stated if fact[:2] == (source, word)]
            assert [fact for fact in stated if fact[1:] == (inverse(word), source)]


# --- what is asked ---


@few
@given(file_lines(), any_settings(), SEEDS)
def test_every_right_answer_is_accepted_and_no_other(lines, options, seed):
    with temporary_files(lines) as files:
        task = Triples(**files, **options)
        corpus = build(task, seed)
    true, names = true_statements(lines)
    reader = Reader(corpus, names)
    stated = reader.stated(corpus.documents)
    for split, questions in corpus.questions.items():
        asked = zip(reader.open_statements(questions), reader.accepted(corpus, questions))
        for (source, word, target), accepted in asked:
            if split == "backward":
                assert accepted == {name for name in names if (name, word, target) in true}
            elif split == "wrong_frame":
                swapped = {name for name in names if (name, word, source) in true}
                assert accepted == {name for name in swapped if (source, word, name) not in true}
                assert any(fact[:2] == (source, word) for fact in stated)  # the question has an answer of its own
            else:
                assert accepted == {name for name in names if (source, word, name) in true}
            assert 1 <= len(accepted) <= task.max_answers
        cloze = questions.cloze
        assert (cloze.documents.tokens == MASK).sum() == len(questions) == cloze.size.sum()
        assert max(cloze.documents.lengths) <= corpus.max_length


@few
@given(file_lines(), any_settings(), SEEDS)
def test_every_one_way_fact_is_asked_about_once_with_all_that_share_its_answers(lines, options, seed):
    with temporary_files(lines) as files:
        task = Triples(**files, **options)
        corpus = build(task, seed)
    reader = Reader(corpus, true_statements(lines)[1])
    splits = [split for split in ("inverse", "inverse_rl") if split in corpus.questions]
    asked = [question for split in splits for question in reader.open_statements(corpus.questions[split])]
    assert len(set(asked)) == len(asked) >= 1
    if not task.chain_of_thought.copies:  # such documents state some of them after all
        one_way = one_way_statements(reader.stated(corpus.documents))
        assert {(target, inverse(word), None) for _, word, target in one_way} == set(asked)


@few
@given(file_lines(), any_settings(), SEEDS)
def test_the_premises_of_a_question_were_stated_and_its_documents_hold_them(lines, options, seed):
    with temporary_files(lines) as files:
        task = Triples(**files, **options)
        corpus = build(task, seed)
    true, names = true_statements(lines)
    reader, premises = Reader(corpus, names), corpus.premises
    stated = [fact for row in premises.documents.tokens for fact in reader.statements(row)]
    as_fact = {(a, word, b): min((a, word, b), (b, inverse(word), a)) for a, word, b in true}
    numbers = {(as_fact[fact], number) for fact, number in zip(stated, premises.fact.tolist())}
    assert len(numbers) == len({fact for fact, _ in numbers}) == len({number for _, number in numbers})
    assert (premises.documents.roles[:, :3] != NONE).all()
    shown = dict(zip(names, corpus.entities.names))
    for split, questions in (*corpus.questions.items(), ("inferences", corpus.inferences())):
        for i, question in enumerate(reader.open_statements(questions)):
            a, r, b = stated[questions.premises[i, 0]]
            expected = {"forward": (a, r, None), "backward": (None, r, b), "wrong_frame": (b, r, None)}
            assert question == expected.get(split, (b, inverse(r), None))
            answer = corpus.entities.names[questions.accepted[i, 0]]
            if split != "wrong_frame":  # the fact's own answer is the one that tables show
                assert answer == shown[b if split == "forward" else a]
            rows = questions.support_documents[i, 0]
            assert len(rows) == task.documents.copies
            assert all((a, r, b) in reader.statements(corpus.documents.tokens[row]) for row in rows)
            if split != "backward":
                source, word, _ = question
                inverse_form = questions.inverse_form.documents.tokens[i]
                assert reader.statements(inverse_form) == [(None, inverse(word), source)]


@few
@given(file_lines(), plain_settings(), SEEDS)
def test_chance_and_elimination_are_no_less_than_random_answers(lines, options, seed):
    with temporary_files(lines) as files:
        corpus = build(Triples(**files, **options), seed)
    _, names = true_statements(lines)
    reader = Reader(corpus, names)
    stated = reader.stated(corpus.documents)
    for questions in corpus.questions.values():
        guesses = []
        asked = zip(reader.open_statements(questions), reader.accepted(corpus, questions))
        for i, ((source, word, _), accepted) in enumerate(asked):
            slot = 2 if source is not None else 0
            unseen = set(names) - {fact[slot] for fact in stated if fact[1] == word}
            assert questions.chance[i] == pytest.approx(len(accepted) / len(names))
            guesses.append(len(accepted & unseen) / max(len(unseen), 1))
        assert questions.elimination_baseline.mean() >= np.mean(guesses) - 1e-9


def test_a_random_answerer_is_right_as_often_as_chance_says():
    corpus, rng = Triples().build(1), np.random.default_rng(0)
    questions = corpus.questions["inverse"]
    predicted = rng.integers(len(corpus.entities), size=(4000, len(questions), 1))
    is_right = (predicted == questions.accepted).any(-1)
    assert is_right.mean() == pytest.approx(questions.chance.mean(), rel=0.1)


def test_questions_of_the_reinforcement_part_have_chain_of_thought_documents_and_the_others_have_none():
    config = ChainOfThoughtConfig(rl_share=0.4, copies=2)
    whole, divided = Triples().build(0), Triples(chain_of_thought=config).build(0)
    rl_part, test_part = divided.questions["inverse_rl"], divided.questions["inverse"]
    assert len(rl_part) == 100
    assert len(test_part) == len(whole.questions["inverse"]) - len(rl_part)
    assert len(divided.documents) == len(whole.documents) + 2 * len(rl_part)
    assert divided.documents.lengths.max() <= divided.max_length


def held_out(files: dict[str, str], seed: int = 0, **options) -> Counter[str]:
    """How many facts each word states that its inverse does not."""
    corpus = Triples(**files, **options).build(seed)
    stated = {tuple(fact) for fact in corpus.premises.documents.tokens[:, :3].tolist()}
    words = [r - len(SPECIAL) for a, r, b in stated if (b, (r - len(SPECIAL) ^ 1) + len(SPECIAL), a) not in stated]
    return Counter(corpus.relations[word] for word in words)


def test_the_share_in_the_settings_is_held_out_half_of_it_by_either_word(tmp_path):
    pairs = [(f"a{i}", "likes", f"b{i}") for i in range(40)] + [(f"c{i}", "well", f"d{i}") for i in range(21)]
    files = write(tmp_path, pairs)
    assert held_out(files) == {"likes": 10, "is liked by": 10, "well": 5, "ill": 5}
    assert held_out(files, one_way_share=1.0) == {"likes": 20, "is liked by": 20, "well": 10, "ill": 11}
    assert held_out(files, one_way_share=0.02) == {"likes": 1}


def test_where_many_have_one_answer_whole_groups_are_held_out_and_both_words_have_their_share(tmp_path):
    files = write(tmp_path, [(f"a{i}", "likes", f"b{i % 20}") for i in range(200)])
    for seed in range(5):
        assert held_out(files, seed) == {"likes": 50, "is liked by": 50}
    # Groups of more than nine are not asked about, so only the other word remains.
    assert held_out(files, max_answers=9) == {"is liked by": 100}
    inverse = Triples(**files).build(0).questions["inverse"]
    assert Counter((inverse.accepted >= 0).sum(1).tolist()) == {10: 5, 1: 50}


def test_where_any_have_any_as_much_as_possible_is_held_out(tmp_path):
    rng = np.random.default_rng(0)
    files = write(tmp_path, [(f"a{i}", "likes", f"b{j}") for i, j in rng.integers(0, 60, (180, 2))])
    both = held_out(files)
    assert 75 <= both["likes"] + both["is liked by"] <= 90
    assert min(both.values()) >= 20


# --- symmetric relations ---


def married(tmp_path: Path, lines: list[Fact], **options) -> tuple[Corpus, list[Fact]]:
    """The corpus of facts with one relation, which is its own inverse, and its statements."""
    corpus = Triples(**write(tmp_path, lines, ("married-to", "married-to")), **options).build(0)
    words = corpus.vocabulary.words
    rows = corpus.premises.documents.tokens[:, :3].tolist()
    return corpus, [tuple(words[token] for token in row) for row in rows]


def test_a_symmetric_relation_has_one_word_and_its_one_way_facts_are_asked_from_the_other_end(tmp_path):
    pairs = [(f"a{i}", "married-to", f"b{i}") for i in range(40)]
    corpus, stated = married(tmp_path, [*pairs, ("b0", "married-to", "a0")])
    assert corpus.relations == corpus.symmetric_relations == ("married-to",)
    assert corpus.inverse_relations == ()
    assert corpus.all_notes() == ["line 42 states the fact of line 2 again, and is ignored"]
    assert len(stated) == len(set(stated)) == 60  # 20 facts both ways, and 20 one way
    assert set(corpus.questions) == {"forward", "backward", "inverse"}
    questions, names = corpus.questions["inverse"], corpus.entities.names
    for premise, accepted in zip(questions.premises[:, 0], questions.accepted):
        source, word, target = stated[premise]
        assert names[accepted[0]] == source
        assert (target, word, source) not in stated
    assert questions.elimination_baseline.mean() == pytest.approx(1 / 20)


def test_all_facts_of_an_asked_entity_are_stated_towards_it(tmp_path):
    ring = [(f"n{i}", "married-to", f"n{(i + step) % 30}") for i in range(30) for step in (1, 2)]
    corpus, stated = married(tmp_path, [*ring, ("n0", "married-to", "n0")], one_way_share=1.0)
    sources = {source for source, _, _ in stated}
    asked = set(corpus.entities.names) - sources
    assert len(asked) >= 6
    assert "n0" not in asked  # a fact with itself is stated from it
    assert stated.count(("n0", "married-to", "n0")) == 1
    inverse = corpus.questions["inverse"]
    assert (inverse.accepted >= 0).sum(1).tolist() == [4] * len(asked)


def test_a_subset_of_the_facts_holds_both_directions_of_a_symmetric_one(tmp_path):
    corpus, _ = married(tmp_path, [(f"a{i}", "married-to", f"b{i}") for i in range(20)], documents=ONCE)
    reader = StatementReader.build(corpus)
    statements = reader.read(corpus.documents)
    both = np.sort(np.stack([statements.source, statements.target]), axis=0)
    np.testing.assert_array_equal(reader.heads(statements), both[0])


# --- episodes and prompts ---


@few
@given(file_lines(), st.sampled_from([0, 8]), SEEDS)
def test_what_an_episode_asks_follows_from_what_it_states(lines, own_entities, seed):
    episodes = ReversalEpisodeConfig(share=0.5, max_facts=3, own_entities=own_entities)
    with temporary_files(lines) as files:
        corpus = build(Triples(**files, episodes=episodes), seed)
    reader = Reader(corpus, true_statements(lines)[1])
    first, again, later = (corpus.episodes.draw(30, np.random.default_rng([seed, step])) for step in (0, 0, 1))
    np.testing.assert_array_equal(first.tokens, again.tokens)
    assert first.tokens.shape != later.tokens.shape or not np.array_equal(first.tokens, later.tokens)
    assert first.lengths.max() <= corpus.max_length
    for tokens, roles in zip(first.tokens, first.roles):
        statements = reader.statements(tokens)
        stated, asked = statements[: len(statements) // 2], statements[len(statements) // 2 :]
        assert 1 <= len(stated) <= 3
        both_ways = {fact for a, r, b in stated for fact in ((a, r, b), (b, inverse(r), a))}
        assert set(asked) <= both_ways
        for source, word, target in both_ways:  # and no other answer is stated
            assert [fact for fact in both_ways if fact[:2] == (source, word)] == [(source, word, target)]
        assert [reader.words[token] for token in tokens[roles == TARGET]] == [target for _, _, target in asked]
        assert set(roles.tolist()) <= {NONE, TARGET}
        if own_entities:
            assert all(name.startswith("own-") for fact in both_ways for name in fact[::2])


def test_episodes_of_a_file_with_too_few_names_are_refused(tmp_path):
    pairs = itertools.combinations(range(8), 2)
    files = write(tmp_path, [(f"a{i}", "likes", f"a{j}") for i, j in pairs if (i + j) % 3])

    def task(max_facts: int, own_entities: int = 0) -> Triples:
        config = ReversalEpisodeConfig(share=0.5, max_facts=max_facts, own_entities=own_entities)
        return Triples(**files, one_way_share=0.2, episodes=config)

    assert task(max_facts=4).build(0).episodes is not None
    assert task(max_facts=5, own_entities=10).build(0).episodes is not None
    with pytest.raises(SettingError, match=r"task\.episodes\.max_facts is 5, but must be 1 to 4, two entities a fact"):
        task(max_facts=5).build(0)


def test_the_prompt_of_a_question_holds_its_premises_and_no_distractor_states_them_again():
    corpus = Triples().build(3)
    questions, premises = corpus.questions["inverse"][:50], corpus.premises
    method = InContext(3)
    prompted = method.apply_prompt(TrainedModel(corpus, Causal(), None), questions)
    prompt_rows = method.choose_premises(premises, questions)
    for tokens, rows, needed in zip(prompted.cloze.documents.tokens, prompt_rows, questions.premises):
        assert needed[0] in rows
        assert len(set(premises.fact[rows].tolist())) == 4
        parts = " ".join(map(str, tokens)).split(f" {SEPARATOR} ")
        assert len(parts) == 5
        assert any(" ".join(map(str, premises.documents.tokens[needed[0]])) in part for part in parts[:4])


# --- names are data ---


@few
@given(st.lists(st.text(min_size=1, max_size=6), min_size=4, max_size=40))
def test_every_name_is_one_token_of_its_own_and_none_reaches_a_terminal_raw(given_names):
    names = list(dict.fromkeys(" ".join(unicodedata.normalize("NFC", name).split()) for name in (*given_names, *ODD)))
    names = [name for name in names if name and not any("\ud800" <= character <= "\udfff" for character in name)]
    lines = [(names[i], "likes", names[i - 1]) for i in range(len(names))]
    with temporary_files(lines) as files:
        task = Triples(**files, documents=ONCE)
        corpus = task.build(0)
        notes = [*corpus.notes(), *corpus.all_notes()]
    words = corpus.vocabulary.words
    assert len(set(words)) == len(words)
    assert len(corpus.entities) == len(names)
    assert corpus.entities.names == words[-len(names) :]
    assert corpus.relations == words[len(SPECIAL) : len(SPECIAL) + 7]
    true, in_order = true_statements(lines)
    assert set(Reader(corpus, in_order).stated(corpus.documents)) <= true
    for text in (*words, *notes):
        categories = {unicodedata.category(character) for character in text if character not in "\u200c\u200d"}
        assert not categories & {"Cc", "Cf", "Zl", "Zp", "Cs"}, text


def test_names_stay_as_they_are_where_they_can_and_filler_makes_room(tmp_path):
    names = ("just", "[begin]", "well", "_", "\x07", "o k")
    task = Triples(**write(tmp_path, [(a, "well", b) for a, b in itertools.pairwise(names)]), documents=ONCE)
    corpus = task.build(0)
    assert corpus.relations[:4] == ("likes", "is liked by", "well", "ill")
    assert corpus.relations[4] == "[mask]'"
    assert corpus.entities.names == ("just", "[begin]'", "well'", "_'", "\\x07", "o k")
    filler = corpus.vocabulary.words[len(SPECIAL) + 7 : -6]
    assert filler == ("well''", "just'", *FILLER[2:])
    assert "'[begin]' is shown as \"[begin]'\"" in corpus.all_notes()


def test_names_that_differ_only_in_unicode_form_or_spaces_are_one_name(tmp_path):
    lines = [("Zu\u0308rich", "likes", " Bern "), ("Z\u00fcrich", "likes", "Bern"), ("Bern", "likes", "Genf")]
    task = Triples(**write(tmp_path, lines), documents=ONCE)
    assert task.build(0).entities.names == ("Zürich", "Bern", "Genf")
    assert task.build(0).all_notes()[0] == "line 3 states the fact of line 2 again, and is ignored"


# --- files ---


def separated(separator: str, header: str = "head,relation,tail", first: str = "", end: str = "\n"):
    """A writer of tables with such columns, in quotes where a cell needs them."""

    def text(rows: list[Fact]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=separator, lineterminator=end)
        writer.writerows([header.split(","), *rows] if header else rows)
        return first + out.getvalue()

    return text


def with_blanks(rows: list[Fact]) -> str:
    """Every cell in quotes, with blanks before and behind them."""
    cells = [[f'"{cell.replace(chr(34), 2 * chr(34))}"' for cell in row] for row in [HEADER, *rows]]
    return "".join(" , ".join(row[:2]) + f"\t,\u00a0 {row[2]} \r\n" for row in cells)


HEADER = ("head", "relation", "tail")
# How spreadsheets, people and knowledge graphs write the same facts: text, encoding, and the setting that tells it.
DIALECTS = {
    "commas": (separated(","), "utf-8", None),
    "line ends of Windows": (separated(",", end="\r\n"), "utf-8-sig", None),
    "old line ends": (separated(",", end="\r"), "utf-8", None),
    "semicolons": (separated(";", end="\r\n"), "utf-8-sig", None),
    "bars": (separated("|"), "utf-8", None),
    "capitals": (separated(";", "Head,RELATION,Tail"), "utf-8", None),
    "tabs with a header": (separated("\t"), "utf-8", None),
    "Excel's Unicode text": (separated("\t", end="\r\n"), "utf-16", None),
    "UTF-16, big-endian": (lambda rows: "\ufeff" + separated(",")(rows), "utf-16-be", None),
    "UTF-16 without a mark": (separated(","), "utf-16-le", "utf-16-le"),
    "Excel on Windows": (separated(";", end="\r\n"), "cp1252", "cp1252"),
    "a line for the separator": (separated(";", first="sep=;\r\n", end="\r\n"), "utf-8", None),
    "another separator in that line": (separated("~", first='"sep=~"\n'), "utf-8", None),
    "empty rows": (lambda rows: ";;\r\n" + separated(";")(rows).replace("\n", "\n;;\n") + "\n \n", "utf-8", None),
    "empty cells at the end": (lambda rows: separated(",")([(*row, "", "") for row in rows]), "utf-8", None),
    "blanks around quotes": (with_blanks, "utf-8", None),
    "a triple file": (separated("\t", header=""), "utf-8", None),
    "a triple file of Windows": (separated("\t", header="", end="\r\n"), "utf-8-sig", None),
}
CELLS = st.text(st.sampled_from("aé ,;|'\"-_=~/.1+"), min_size=1, max_size=5).filter(str.strip)


@st.composite
def rows_of_cells(draw) -> list[Fact]:
    """Lines whose cells hold separators, quotes and blanks."""
    names = draw(st.lists(CELLS, min_size=2, max_size=6, unique=True))
    relations = draw(st.lists(CELLS, min_size=1, max_size=2, unique=True))
    cells = st.tuples(st.sampled_from(names), st.sampled_from(relations), st.sampled_from(names))
    return draw(st.lists(cells, min_size=1, max_size=8))


@pytest.mark.parametrize("dialect", DIALECTS)
@few
@given(rows=rows_of_cells())
def test_the_same_facts_are_read_from_every_dialect(dialect, rows):
    text, encoding, setting = DIALECTS[dialect]
    with tempfile.TemporaryDirectory() as folder:
        plain, file = Path(folder, "plain.csv"), Path(folder, "facts.csv")
        plain.write_bytes(as_csv(HEADER, rows))
        file.write_bytes(text(rows).encode(encoding))
        expected, facts = read_facts(str(plain)), read_facts(str(file), encoding=setting)
    words = [" ".join(word.split()) for _, word, _ in rows]
    assert facts.relations.words[::2] == expected.relations.words[::2] == tuple(dict.fromkeys(words))
    assert facts.names == expected.names
    assert facts.has_header == ("triple file" not in dialect)
    for name in ("heads", "relation", "tails"):
        np.testing.assert_array_equal(getattr(facts, name), getattr(expected, name))
    assert len(facts.repeated) == len(expected.repeated) == len(rows) - len(facts)
    stated = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    read = zip(facts.heads, facts.relation, facts.tails)
    assert [(facts.names[a], words_of(facts)[r], facts.names[b]) for a, r, b in read] == list(dict.fromkeys(stated))


def words_of(facts: FileFacts) -> tuple[str, ...]:
    return facts.relations.words[::2]


@pytest.mark.parametrize("blanks", [" ", "  ", "\t", "\u00a0", " \u3000"])
def test_blanks_around_a_quote_make_no_second_entity(tmp_path, blanks):
    text = f'head,relation,tail\n"Paris",{blanks}capital-of,{blanks}"France"{blanks}\n"France",in,"Europe"\n'
    (tmp_path / "facts.csv").write_text(text)
    assert read_facts(str(tmp_path / "facts.csv")).names == ("Paris", "France", "Europe")


# What public knowledge graphs look like, with other facts: triples, and one question each.
GRAPHS = {
    "nations": ("{a}land\tcommonbloc{r}\t{b}land\n", "1land commonbloc0 _"),
    "kinships": ("person{a}\tterm{r}\tperson{b}\n", "person1 inverse-of-term0 _"),
    "umls": ("acquired_{a}\tinteracts_with_{r}\tdisease_or_{b}\n", "acquired_1 interacts_with_0 _"),
    "codex": ("Q{a}\tP{r}\tQ{b}\n", "Q1 P0 _"),
    "freebase": ("/m/0{a}_x\t/people/person/{r}./base/nationality\t/m/0{b}_x\n",
                 "/m/01_x /people/person/0./base/nationality _"),
    "numbers": ("{a}\t-{r}\t{b}\n", "1 -0 _"),
    "signs": ("-{a}\t=1+{r}\t--{b}\n", "-1 =1+0 _"),
    "options": ("--{a}\t--context\t=--{b}\n", "--1 --context _"),
}  # fmt: skip


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_knowledge_graph_trains_and_is_asked_with_its_file_alone(graph, tmp_path, capsys):
    line, question = GRAPHS[graph]
    rng = np.random.default_rng(0)
    rows = [line.format(a=a, r=r, b=b) for a, b in rng.integers(0, 12, (60, 2)) for r in range(2)]
    file = tmp_path / "train.txt"
    file.write_text("".join(dict.fromkeys(rows)))
    config = override(tiny(), {"task": Triples(file=str(file), documents=ONCE)})
    log = Recorder()
    assert train_run(config, "run", root=tmp_path, log=log)["finished"]
    assert any(note.startswith("the file has no header: its first line states ") for note in log.warnings)
    assert any(note.startswith("inverse words are made: the inverse of ") for note in log.warnings)
    eval.__main__.main(["ask", str(tmp_path / "run"), question])
    assert question in capsys.readouterr().out


def test_a_run_of_the_bundled_facts_is_read_from_its_folder_alone(tmp_path):
    config = override(tiny(), {"task": Triples(documents=ONCE)})
    train_run(config, "run", root=tmp_path)
    corpus = load_trained_model(tmp_path / "run").trained.corpus
    assert corpus.relations == ("capital-of", "has-capital", "code-of", "has-code", "symbol-of", "has-symbol")


def test_a_word_like_a_made_inverse_is_refused(tmp_path):
    (tmp_path / "facts.txt").write_text("a\tlikes\tb\nb\tinverse-of-likes\ta\n")
    with pytest.raises(SettingError, match=r"line 2: relation is 'inverse-of-likes', but must be another word than"):
        Triples(file=str(tmp_path / "facts.txt")).build(0)


def test_the_bundled_facts_have_their_table_of_relations_and_others_have_none():
    assert Triples().relations_file() == "tasks/examples/relations.csv"
    assert Triples(file="mine.csv").relations_file() is None
    assert Triples(file="mine.csv", relations="words.csv").relations_file() == "words.csv"


def test_columns_in_any_order_quotes_empty_lines_and_a_byte_order_mark(tmp_path):
    files = write(
        tmp_path, [("Washington, D.C.", "likes", 'the "Mall"'), ("b", "is liked by", "c"), ("d", "likes", "e")]
    )
    first = Triples(**files, documents=ONCE).build(4)
    text = (
        'tail,note,head,relation\r\n"the ""Mall""",,"Washington, D.C.",likes\r\n\r\n'
        'c,"two\r\nlines",b,is liked by\r\ne,x,d,likes\r\n'
    )
    (tmp_path / "facts.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    again = Triples(**files, documents=ONCE).build(4)
    assert first.vocabulary == again.vocabulary
    assert first.entities.names == ("Washington, D.C.", 'the "Mall"', "b", "c", "d", "e")
    np.testing.assert_array_equal(first.documents.tokens, again.documents.tokens)


HEAD = b"head,relation,tail\n"
GOOD = b"a,likes,b\nc,likes,d\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "task.file is 'FILE', but must be a file that can be read: No such file or directory"),
        (b"", "task.file 'FILE', line 1: the header is nothing, but must be with head, relation, tail, each once"),
        (HEAD, "task.file is 'FILE', but must be a file with facts: it has none below its header"),
        (
            b"head,relation\na,likes\n",
            "line 1: the header is 'head', 'relation', but must be with head, relation, tail",
        ),
        (b"head:relation:tail\na:likes:b\n", "head occurs 0 times; columns are separated by ',', ';', tabs, '|'"),
        (b"a,likes,b\n", "line 1: the header is 'a', 'likes', 'b', but must be with head, relation, tail, each once: "),
        (b"a;likes;b\n", "if this is no header, put 'head;relation;tail' above it"),
        (b"a\tlikes\tb\tc\n", "if this is no header, put 'head\\trelation\\ttail' above it"),
        (b"subject\tlikes\tobject\n", "line 1: the header is 'subject', 'likes', 'object', but must be with head, "),
        (b"Source\tRelation\tTarget\n", "line 1: the header is 'Source', 'Relation', 'Target', but must be with head"),
        (b"sep=;\nhead,relation,tail\n", "line 2: the header is 'head,relation,tail', but must be with head, relation"),
        (b'head;relation;"tail,head,relation,tail"\n', "the header is"),
        (b'"head,relation,tail\na,likes,b\n', "line 1: it cannot be read (unexpected end of data), but must be cells"),
        (b"a\tlikes\tb\nc\tlikes\n", "line 2: the row has 2 cells, but must be of 3, as the first line has"),
        (HEAD + b'a,likes, "b" x\n', "line 2: it cannot be read (',' expected after '\"'), but must be"),
        ((HEAD + GOOD).decode().encode("utf-16-le"), "if this is UTF-16, add --task.encoding utf-16-le"),
        ((HEAD.decode() + "é,likes,b\n").encode("utf-16-le"), "if this is UTF-16, add --task.encoding utf-16-le"),
        (b"head,relation,tail,head\na,likes,b,c\n", "line 1: the header is 'head', 'relation', 'tail', 'head', but"),
        (HEAD + b"a,likes,b\n\nc,,d\n", "task.file 'FILE', line 4: relation is '', but must be a word"),
        (HEAD + b"a,likes, \t\n", "task.file 'FILE', line 2: tail is '', but must be a word"),
        (HEAD + GOOD + b"a,likes\n", "line 4: the row has 2 cells, but must be of 3, as the header has"),
        (HEAD + b"a,likes,b,c\n", "line 2: the row has 4 cells, but must be of 3"),
        (HEAD + b'"two\nlines",likes,b\nc,hates,d\n', "line 4: relation is 'hates', but must be a word of 'RELATIONS'"),
        (HEAD + b"a,likes,b\n\xff,likes,d\n", "task.file 'FILE', line 3: a byte is 0xff, but must be UTF-8 text"),
        ((HEAD + GOOD).decode().encode("utf-16") + b"\0", "line 4: a byte is 0x00, but must be UTF-16 text: save the"),
        (HEAD + b'a,likes,b\n"c,likes,d\n', "line 3: it cannot be read (unexpected end of data), but must be cells"),
        (HEAD + b'a,likes,"b"x\n', "line 2: it cannot be read (',' expected after '\"'), but must be"),
        (HEAD + b"a,likes," + 200_000 * b"b" + b"\n", "line 2: it cannot be read (field larger than field limit"),
        (HEAD + b"a,\x1b[31m" + 300 * b"x" + b",b\n", "line 2: relation is '\\x1b[31mxxx"),
        (HEAD + b"a,likes,b\n", "task.one_way_share is 0.5, but must be larger, or the files others: every whole set"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_file_of_facts_that_cannot_be_used_is_refused_by_line(tmp_path, data, message):
    files = write(tmp_path, [])
    Path(files["file"]).unlink() if data is None else Path(files["file"]).write_bytes(data)
    refused(files, message)


def refused(files: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError) as refusal:
        Triples(**files).build(0)
    line = str(refusal.value)
    assert message.replace("FILE", files["file"]).replace("RELATIONS", files["relations"]) in line
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 600


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"", "task.relations 'RELATIONS', line 1: the header is nothing"),
        (b"relation,inverse\n", "task.relations is 'RELATIONS', but must be a file with relations"),
        (
            b"relation\nlikes\n",
            "line 1: the header is 'relation', but must be with relation, inverse, each once: inverse",
        ),
        (b"relation,inverse\nlikes,\n", "line 2: inverse is '', but must be a word"),
        (b"relation,inverse\nlikes,loves\nloves,hates\n", "line 2: inverse is 'loves', but must be another word than"),
        (b"relation,inverse\nlikes,likes\nloves,likes\n", "line 3: inverse is 'likes', but must be another word"),
        (b"relation,inverse\nlikes,likes\nlikes,likes\n", "line 3: relation is 'likes', but must be another word"),
        (b"relation,inverse\nlikes,x\nlikes,y\n", "line 3: relation is 'likes', but must be another word"),
        (
            b"relation,inverse\nlikes,x\nloves,x\n",
            "but must be another word than every relation and inverse: line 2 has it, too",
        ),
    ],
    ids=range(9),
)
def test_a_file_of_relations_that_cannot_be_used_is_refused_by_line(tmp_path, rows, message):
    files = write(tmp_path, [("a", "likes", "b"), ("c", "likes", "d")])
    Path(files["relations"]).write_bytes(rows)
    refused(files, message)
    Path(files["relations"]).unlink()
    refused(files, "task.relations is 'RELATIONS', but must be a file that can be read")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("one_way_share", 0.0, "above 0 and at most 1"),
        ("one_way_share", 1.1, "above 0 and at most 1"),
        ("max_answers", 0, "1 or more"),
        ("encoding", "utf-9", "one that Python knows, such as cp1252"),
        ("encoding", "hex", "one that Python knows, such as cp1252"),
        ("documents.filler", -1, "0 or more"),
        ("documents.statements", 0, "1 or more"),
        ("documents.copies", 0, "1 or more"),
        ("episodes.share", 1.0, "0 or more and below 1"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(name, value, allowed):
    with pytest.raises(SettingError) as refusal:
        override(Triples(), {name: value})
    assert str(refusal.value) == f"task.{name} is {value!r}, but must be {allowed}"


def test_notes_say_by_line_what_a_person_should_know(tmp_path):
    lines = [(f"a{i}", "likes", f"b{i}") for i in range(40)]
    lines += [("b0", "is liked by", "a0"), ("a1", "likes", "b2"), ("a1", "likes", "b1"), ("x", "well", "y")]
    lines += [(f"w{i}", "well", "y") for i in range(3)]
    files = write(tmp_path, lines)
    corpus = Triples(**files).build(0)
    assert corpus.all_notes() == [
        "line 42 states the fact of line 2 again, and is ignored",
        "line 44 states the fact of line 3 again, and is ignored",
        "lines 3, 43: 'a1' likes _ has several answers: 'b1', 'b2'",
        "lines 4, 43: 'b2' is liked by _ has several answers: 'a2', 'a1'",
        "lines 45, 46, 47 and 1 more: 'y' ill _ has several answers: 'x', 'w0', 'w1' and 1 more",
        "'y' alone is right for 100 % of the questions with well",
        "[mask]', line 4 of the relations, has no fact",
        "beside, line 5 of the relations, has no fact",
        "'[mask]' is shown as \"[mask]'\"",
    ]
    notes = corpus.notes()[-6:]
    assert notes[0] == "2 repeated facts, such as: line 42 states the fact of line 2 again, and is ignored"
    assert notes[1].startswith("3 questions with several answers, such as: lines 3, 43: 'a1' likes _ has several")
    assert notes[2] == corpus.all_notes()[5]  # one of a sort stands as it is
    assert notes[-1].startswith("all of them: python -m tasks show triples --notes --task.file ")
    assert corpus.premises.fact.max() == len(lines) - 2 - 1  # each fact once


def test_a_summary_says_what_is_stated_and_asked_and_what_is_left_out(tmp_path):
    pairs = [(f"town {i}", "likes", f"land {i // 3}") for i in range(60)]
    corpus = Triples(**write(tmp_path, pairs)).build(0)
    facts, questions, left_out, *_ = corpus.notes()
    two_way, one_way = 30, 30
    assert facts.endswith(
        f"60 facts, 1 relation, 80 entities; two-way (stated by both words) {two_way}, one-way (by one word) {one_way}"
    )
    inverse = corpus.questions["inverse"]
    several = ((inverse.accepted >= 0).sum(1) > 1).sum()
    assert 0 < several < len(inverse)
    assert f"inverse {len(inverse)} ({several} with several right answers)" in questions
    assert questions.endswith("any right answer counts")
    assert left_out.startswith("left out: wrong_frame; ")


def test_a_split_without_questions_is_left_out_and_the_summary_says_why(tmp_path):
    chain = [(f"a{i}", "likes", f"a{i + 1}") for i in range(40)]
    corpus = Triples(**write(tmp_path, chain)).build(0)
    assert "wrong_frame" in corpus.questions
    assert not any("left out" in note for note in corpus.notes())
    fans = [(f"a{i}", "likes", f"b{j}") for i in range(3) for j in range(30)]
    corpus = Triples(**write(tmp_path, fans), one_way_share=0.1, max_answers=3).build(0)
    assert set(corpus.questions) == {"backward", "inverse"}
    reasons = [note for note in corpus.notes() if note.startswith("left out")]
    assert reasons[0] == "left out: forward; each question has more than 3 right answers (task.max_answers)"
    assert len(reasons) == 2


# --- settings, and the command line ---


def arrays(corpus: Corpus) -> list[np.ndarray]:
    """Every array of a corpus that is drawn once."""
    all_questions = corpus.questions.values()
    clozes = [questions.cloze for questions in all_questions]
    documents = [corpus.documents, corpus.premises.documents, *(cloze.documents for cloze in clozes)]
    parts = [getattr(part, field.name) for part in documents for field in fields(part)]
    parts += [part for cloze in clozes for part in (cloze.start, cloze.size)]
    names = ("accepted", "support_documents", "premises", "chance", "elimination_baseline", "link_baseline")
    return parts + [getattr(questions, name) for questions in all_questions for name in names]


def test_same_seed_same_corpus_and_another_seed_another():
    with_episodes = Triples(episodes=ReversalEpisodeConfig(share=0.5))
    first, again, later = Triples().build(7), with_episodes.build(7), Triples().build(8)
    assert first.vocabulary == again.vocabulary == later.vocabulary
    for a, b in zip(arrays(first), arrays(again), strict=True):  # episodes change nothing else
        np.testing.assert_array_equal(a, b)
    assert first.episodes is None
    answers, other_answers = (corpus.questions["inverse"].accepted[:, 0].tolist() for corpus in (first, later))
    assert len(set(answers) & set(other_answers)) < 0.8 * len(set(answers))  # other facts are held out
    tokens, tokens_again = (first.inferences().cloze.documents.tokens for _ in range(2))
    np.testing.assert_array_equal(tokens, tokens_again)


def sort_and_look_up() -> None:
    """What a machine's speed is measured by: 0.6 s where a hundred thousand facts may take five."""
    rng = np.random.default_rng(0)
    for _ in range(3):
        np.sort(rng.integers(0, 1 << 40, 2_000_000))
        number = {f"name {i}": i for i in range(200_000)}
        assert sum(number[name] for name in number) == sum(range(200_000))


def cpu_seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def test_a_hundred_thousand_facts_load_and_build_in_five_seconds(tmp_path):
    rng = np.random.default_rng(0)
    words = tuple(f"{prefix}{i}" for i in range(20) for prefix in ("rel", "inv"))
    rows = zip(*rng.integers(0, 60_000, (2, 100_000)).tolist(), rng.integers(0, 20, 100_000).tolist())
    task = Triples(**write(tmp_path, [(f"Käse {a}", f"rel{r}", f"名 {b}") for a, b, r in rows], words))
    seconds, references = [], []
    for _ in range(2):  # other tests run beside it, and slow both: the faster ones count
        references.append(cpu_seconds(sort_and_look_up))
        seconds.append(cpu_seconds(lambda: task.build(0)))
    # Five seconds, or as many more as the machine is slower. With AVX-512, numpy sorts so fast that it would be fewer.
    assert min(seconds) < max(5, 8.3 * min(references))
    corpus = task.build(0)
    assert len(corpus.documents) > 2_000_000
    assert len(corpus.questions["inverse"]) > 45_000


def test_the_example_has_facts_in_many_scripts_and_its_notes_say_what_is_special():
    corpus = Triples().build(0)
    assert [note.partition(": ")[2] for note in corpus.all_notes()] == [
        "'Bolivia' has-capital _ has several answers: 'Sucre', 'La Paz'",
        "'Eswatini' has-capital _ has several answers: 'Mbabane', 'Lobamba'",
        "'South Africa' has-capital _ has several answers: 'Pretoria', 'Cape Town', 'Bloemfontein'",
    ]
    assert set(corpus.questions) == {"forward", "backward", "inverse"}  # no capital is a country


@pytest.fixture
def started(monkeypatch):
    """What a command line would train: settings and name of each run."""
    runs = []
    monkeypatch.setattr("train.run.train_run", lambda config, name, **_: runs.append((config, name)) or {})
    monkeypatch.setattr("train.finish.print_finish", lambda *_: None)
    return runs


@pytest.mark.parametrize("flag", [["--task", "triples"], ["--task=triples"]])
def test_every_preset_takes_another_task_by_its_name_with_settings_of_its_own(started, flag, capsys):
    arguments = [*flag, "--task.file", "mine.csv", "--task.one-way-share", "0.25", "--seed", "3"]
    assert command(train.__main__.main, ["bidirectional", *arguments], capsys) == (0, "")
    assert command(train.__main__.main, ["triples", "--task.file", "mine.csv"], capsys) == (0, "")
    assert command(train.__main__.main, ["causal"], capsys) == (0, "")
    (first, name), (second, second_name), (_, plain) = started
    assert (name, second_name, plain) == ("bidirectional-triples-3", "triples-0", "causal-0")
    assert first.task == Triples(file="mine.csv", one_way_share=0.25)
    assert second.task == Triples(file="mine.csv")
    assert first.objective == PRESETS["bidirectional"][1].objective
    assert first.json()["task"]["name"] == "triples"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--task chess", "--task is 'chess', but must be one of "),
        ("--task triples --task.entities 4", "--task.entities"),
        ("--task triples --task.file nowhere.csv", "error: task.file is 'nowhere.csv', but must be a file that can be"),
    ],
)
def test_impossible_task_settings_are_refused_in_one_line(arguments, message, capsys):
    code, error = command(train.__main__.main, ["causal", *arguments.split()], capsys)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "a", "1"])
def test_names_are_data_to_spreadsheets(name):
    (row,) = csv.DictReader(io.StringIO(folder.as_csv([{"name": name, "number": -1.0}])))
    assert row["name"].removeprefix("'") == name
    assert (row["name"] != name) == (name not in ("a", "1"))
    assert float(row["number"]) == -1


def test_a_name_is_found_however_its_spaces_and_accents_were_typed(tmp_path):
    lines = [
        ("Mary  Lee", "likes", "\u6771\u4eac\u3000\u90fd"),
        ("\u6771\u4eac\u3000\u90fd", "likes", "caf\u00e9 :smile:"),
    ]
    corpus = Triples(**write(tmp_path, lines), documents=ONCE).build(0)
    assert {"Mary Lee", "\u6771\u4eac \u90fd", "caf\u00e9 :smile:"} == set(corpus.entities.names)
    for typed in ("Mary Lee likes _", " Mary   Lee  likes  _", "cafe\u0301 :smile: is liked by _"):
        assert parse_question(corpus, typed).words
