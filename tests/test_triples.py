"""Facts from a file: what is told, every right answer, nothing answered in training, and what a file may not be."""

import csv
import io
import itertools
import tempfile
import time
import unicodedata
from collections import Counter
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import train.__main__
from checkpoints import folder
from eval.trained import Trained, read_trained
from eval.typed import understand
from eval.ways.in_context import InContext
from model.objectives.causal import Causal
from tasks.corpus import NONE, TARGET, Corpus, Documents, Questions
from tasks.settings import SettingError
from tasks.triples import Triples
from tasks.vocabulary import FILLER, MASK, SEPARATOR, SPECIAL
from tests.running import command, stop_after, tiny
from tests.test_reversal import SEEDS
from train.loop import Stopped
from train.presets import PRESETS
from train.run import train_run

few = settings(max_examples=25)
Fact = tuple[str, str, str]
WORDS = ("likes", "is liked by", "well", "ill", "[mask]", "東の")  # forward, inverse, …
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
def written(facts: list[Fact]):
    with tempfile.TemporaryDirectory() as folder:
        yield write(Path(folder), facts)


@st.composite
def listed(draw) -> list[Fact]:
    """Lines of a file: any names, any relation of each shape, either word, some twice."""
    names = draw(st.lists(st.sampled_from(ODD), min_size=6, unique=True)) + [f"e{i}" for i in range(6)]
    ends, lines = st.integers(0, len(names) - 1), []
    for relation in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(["matched", "many to one", "any"]))
        order = draw(st.permutations(range(len(names))))
        for i in range(draw(st.integers(1, 12))):
            head, tail = order[i % len(names)], order[-1 - i % len(names)]
            if shape == "any":
                head, tail = draw(ends), draw(ends)
            elif shape == "many to one":
                tail = order[draw(st.integers(0, 2))]
            turned = draw(st.booleans())
            word = WORDS[2 * relation + turned]
            lines.append((names[tail], word, names[head]) if turned else (names[head], word, names[tail]))
    return draw(st.permutations(lines))


@st.composite
def options(draw) -> dict[str, object]:
    reward = draw(st.sampled_from([0.0, 0.4]))
    return {
        "one_way": draw(st.sampled_from([0.3, 0.5, 1.0])),
        "most_answers": draw(st.sampled_from([1, 3, 100])),
        "filler": draw(st.integers(0, 2)),
        "statements": draw(st.integers(1, 2)),
        "renderings": draw(st.integers(1, 3)),
        "reward": reward,
        "thoughts": 2 if reward else 0,
    }


def built(given: Triples, seed: int) -> Corpus:
    """The corpus, where any fact can be held out and there are others to make up."""
    try:
        return given.build(seed)
    except SettingError as refusal:
        assume(
            not any(
                name in str(refusal)
                for name in ("task.one_way", "task.context_facts", "task.context_own", "task.reward")
            )
        )
        raise


def true_of(lines: list[Fact]) -> tuple[set[Fact], list[str]]:
    """All true statements, in either word, and the names in the order of the file."""
    true = set(lines)
    for source, word, target in lines:
        true.add((target, WORDS[WORDS.index(word) ^ 1], source))
    return true, list(dict.fromkeys(name for source, _, target in lines for name in (source, target)))


class Reader:
    """Reads tokens as the words of the file, by the kind of each token: words first, then filler, then names."""

    def __init__(self, corpus: Corpus, names: list[str]):
        relations, fillers = len(corpus.relations), len(FILLER)
        own = tuple(f"own-{i}" for i in range(len(corpus.entities) - len(names)))
        self.said = (*SPECIAL, *WORDS[:relations], *[None] * fillers, *names, *own)
        assert len(self.said) == len(corpus.vocabulary)

    def statements(self, tokens: np.ndarray) -> list[tuple[str, ...]]:
        """What stands between [separator]s, without special tokens and filler; MASK as None."""
        parts: list[list[str | None]] = [[]]
        for token in tokens.tolist():
            if token == SEPARATOR:
                parts.append([])
            elif token == MASK:
                parts[-1].append(None)
            elif token >= len(SPECIAL) and self.said[token] is not None:
                parts[-1].append(self.said[token])
        return [tuple(part) for part in parts]

    def told(self, documents: Documents) -> Counter[Fact]:
        """Whole statements; what a document asks before it thinks is none."""
        return Counter(one for row in documents.tokens for one in self.statements(row) if len(one) == 3)

    def asked(self, questions: Questions) -> list[tuple[str | None, str, str | None]]:
        return [one for row in questions.documents.tokens for one in self.statements(row)]

    def accepted(self, corpus: Corpus, questions: Questions) -> list[set[str]]:
        first = len(self.said) - len(corpus.entities)
        rows = [[self.said[first + e] for e in row if e >= 0] for row in questions.accepted.tolist()]
        assert all(len(set(row)) == len(row) for row in rows)
        return [set(row) for row in rows]


def other(word: str) -> str:
    return WORDS[WORDS.index(word) ^ 1]


# --- what is told ---


@few
@given(listed(), options(), SEEDS)
def test_each_fact_is_told_in_both_words_or_in_one_and_nothing_else_is(lines, given, seed):
    given |= {"reward": 0.0, "thoughts": 0}
    with written(lines) as files:
        of = Triples(**files, **given)
        corpus = built(of, seed)
    true, names = true_of(lines)
    told = Reader(corpus, names).told(corpus.documents)
    assert set(told.values()) == {of.renderings}
    assert set(told) <= true
    for source, word, target in true:
        assert (source, word, target) in told or (target, other(word), source) in told
    one_way = [one for one in told if (one[2], other(one[1]), one[0]) not in told]
    assert 1 <= len(one_way) <= round(of.one_way * len(true) / 2)


@few
@given(listed(), options(), SEEDS)
def test_no_answer_to_an_inverse_question_is_told_in_its_words_anywhere(lines, given, seed):
    with written(lines) as files:
        corpus = built(Triples(**files, **given, in_context=0.5, context_facts=2), seed)
    true, names = true_of(lines)
    reader = Reader(corpus, names)
    told, premises = reader.told(corpus.documents), reader.told(corpus.premises.documents)
    thrown = reader.told(corpus.drawn.draw(50, np.random.default_rng(seed)))
    assert not set(thrown) & true
    for split in ("inverse", "inverse_reward"):
        if split not in corpus.questions:
            continue
        for source, word, opened in reader.asked(corpus.questions[split]):
            assert opened is None
            assert not [one for one in premises if one[:2] == (source, word)]
            if split == "inverse":  # those set apart may be told by documents that think
                assert not [one for one in told if one[:2] == (source, word)]
            assert [one for one in told if one[1:] == (other(word), source)]


# --- what is asked ---


@few
@given(listed(), options(), SEEDS)
def test_every_right_answer_is_accepted_and_no_other(lines, given, seed):
    with written(lines) as files:
        of = Triples(**files, **given)
        corpus = built(of, seed)
    true, names = true_of(lines)
    reader = Reader(corpus, names)
    told = reader.told(corpus.documents)
    every = {}
    for split, questions in corpus.questions.items():
        asked, accepted = reader.asked(questions), reader.accepted(corpus, questions)
        every[split] = asked
        for (source, word, target), right in zip(asked, accepted):
            if split == "backward":
                assert right == {name for name in names if (name, word, target) in true}
            elif split == "wrong_frame":
                ends_swapped = {name for name in names if (name, word, source) in true}
                assert right == {name for name in ends_swapped if (source, word, name) not in true}
            else:
                assert right == {name for name in names if (source, word, name) in true}
            assert 1 <= len(right) <= of.most_answers
        assert (questions.documents.tokens == MASK).sum() == len(questions) == questions.size.sum()
        assert max(questions.documents.lengths) <= corpus.longest
    inverse = every.get("inverse", []) + every.get("inverse_reward", [])
    assert len(set(inverse)) == len(inverse) >= 1
    # Every one-way fact is asked about, with all that share its answer set.
    one_way = {one for one in told if (one[2], other(one[1]), one[0]) not in told}
    if not of.reward:
        assert {(target, other(word), None) for _, word, target in one_way} == set(inverse)


@few
@given(listed(), options(), SEEDS)
def test_what_a_question_needs_was_told_and_its_documents_hold_it(lines, given, seed):
    with written(lines) as files:
        of = Triples(**files, **given)
        corpus = built(of, seed)
    true, names = true_of(lines)
    reader, premises = Reader(corpus, names), corpus.premises
    said = [one for row in premises.documents.tokens for one in reader.statements(row)]
    as_fact = {one: min(one, (one[2], other(one[1]), one[0])) for one in true}
    ids = {(as_fact[one], fact) for one, fact in zip(said, premises.fact.tolist())}
    assert len(ids) == len({fact for fact, _ in ids}) == len({number for _, number in ids})
    assert (premises.documents.roles[:, :3] != NONE).all()
    for split, questions in (*corpus.questions.items(), ("inferences", corpus.inferences())):
        for i, (source, word, target) in enumerate(reader.asked(questions)):
            a, r, b = said[questions.needs[i, 0]]
            answer = corpus.entities.words[questions.accepted[i, 0]]
            place = {name: word for name, word in zip(names, corpus.entities.words)}
            expected = {"forward": (a, r, None), "backward": (None, r, b), "wrong_frame": (b, r, None)}
            assert (source, word, target) == expected.get(split, (b, other(r), None))
            if split != "wrong_frame":  # the fact's own answer is the one that tables show
                assert answer == place[b if split == "forward" else a]
            rows = questions.support[i, 0]
            assert len(rows) == of.renderings
            assert all((a, r, b) in reader.statements(corpus.documents.tokens[row]) for row in rows)
            if split != "backward":
                assert reader.statements(questions.turned.tokens[i]) == [(None, other(word), source)]


@few
@given(listed(), options(), SEEDS)
def test_both_chances_are_those_of_a_random_answer(lines, given, seed):
    given |= {"reward": 0.0, "thoughts": 0}
    with written(lines) as files:
        corpus = built(Triples(**files, **given), seed)
    true, names = true_of(lines)
    reader = Reader(corpus, names)
    told = reader.told(corpus.documents)
    for questions in corpus.questions.values():
        accepted = reader.accepted(corpus, questions)
        for i, ((source, word, _), right) in enumerate(zip(reader.asked(questions), accepted)):
            slot = 2 if source is not None else 0
            seen = {one[slot] for one in told if one[1] == word}
            unseen = {one[slot] for one in true if one[1] == word} - seen
            assert questions.chance[i] == pytest.approx(len(right) / len(names))
            expected = len(right & unseen) / len(unseen) if unseen else 0
            assert questions.chance_by_elimination[i] == pytest.approx(expected)


def test_a_random_answerer_is_right_as_often_as_chance_says():
    corpus, rng = Triples().build(1), np.random.default_rng(0)
    questions = corpus.questions["inverse"]
    said = rng.integers(len(corpus.entities), size=(4000, len(questions), 1))
    right = (said == questions.accepted[:, 0]) | (said == questions.accepted[:, 1:]).any(-1, keepdims=True)
    assert right[..., 0].mean() == pytest.approx(questions.chance.mean(), rel=0.1)


def test_questions_set_apart_are_thought_about_and_the_others_are_not():
    whole, divided = Triples().build(0), Triples(reward=0.4, thoughts=2).build(0)
    apart, test = divided.questions["inverse_reward"], divided.questions["inverse"]
    assert len(apart) == 100
    assert len(test) == len(whole.questions["inverse"]) - len(apart)
    assert len(divided.documents) == len(whole.documents) + 2 * len(apart)
    assert divided.documents.lengths.max() <= divided.longest


def held(files: dict[str, str], seed: int = 0, **given) -> Counter[str]:
    """How many facts of each relation are told by one of its words only."""
    corpus = Triples(**files, **given).build(seed)
    told = {tuple(one) for one in corpus.premises.documents.tokens[:, :3].tolist()}
    words = [r - len(SPECIAL) for a, r, b in told if (b, (r - len(SPECIAL) ^ 1) + len(SPECIAL), a) not in told]
    return Counter(corpus.relations[word] for word in words)


def test_the_share_that_is_asked_for_is_held_out_half_by_either_word(tmp_path):
    pairs = [(f"a{i}", "likes", f"b{i}") for i in range(40)] + [(f"c{i}", "well", f"d{i}") for i in range(21)]
    files = write(tmp_path, pairs)
    assert held(files) == {"likes": 10, "is liked by": 10, "well": 5, "ill": 5}
    assert held(files, one_way=1.0) == {"likes": 20, "is liked by": 20, "well": 10, "ill": 11}
    assert held(files, one_way=0.02) == {"likes": 1}


def test_where_many_have_one_answer_whole_groups_are_held_out_and_both_words_have_their_share(tmp_path):
    files = write(tmp_path, [(f"a{i}", "likes", f"b{i % 20}") for i in range(200)])
    for seed in range(5):
        assert held(files, seed) == {"likes": 50, "is liked by": 50}
    # Groups of more than ten are not asked about: only the other word is left.
    assert held(files, most_answers=9) == {"is liked by": 100}
    inverse = Triples(**files).build(0).questions["inverse"]
    assert Counter((inverse.accepted >= 0).sum(1).tolist()) == {10: 5, 1: 50}


def test_where_any_have_any_as_much_as_can_be_is_held_out(tmp_path):
    rng = np.random.default_rng(0)
    files = write(tmp_path, [(f"a{i}", "likes", f"b{j}") for i, j in rng.integers(0, 60, (180, 2))])
    both = held(files)
    assert 75 <= both["likes"] + both["is liked by"] <= 90
    assert min(both.values()) >= 20


# --- documents of throwaway facts, and prompts ---


@few
@given(listed(), st.sampled_from([0, 8]), SEEDS)
def test_what_a_drawn_document_asks_follows_from_what_it_states_and_is_not_in_the_file(lines, own, seed):
    with written(lines) as files:
        of = Triples(**files, in_context=0.5, context_facts=3, context_own=own)
        corpus = built(of, seed)
    true, names = true_of(lines)
    reader = Reader(corpus, names)
    drawn, again, later = (corpus.drawn.draw(30, np.random.default_rng([seed, step])) for step in (0, 0, 1))
    np.testing.assert_array_equal(drawn.tokens, again.tokens)
    assert drawn.tokens.shape != later.tokens.shape or not np.array_equal(drawn.tokens, later.tokens)
    assert drawn.lengths.max() <= corpus.longest
    for tokens, roles in zip(drawn.tokens, drawn.roles):
        said = reader.statements(tokens)
        stated, asked = said[: len(said) // 2], said[len(said) // 2 :]
        assert 1 <= len(stated) <= 3
        here = {one for a, r, b in stated for one in ((a, r, b), (b, other(r), a))}
        assert set(asked) <= here
        assert not here & true
        for source, word, target in here:  # and no other answer stands there
            assert [one for one in here if one[:2] == (source, word)] == [(source, word, target)]
        assert [reader.said[token] for token in tokens[roles == TARGET]] == [target for _, _, target in asked]
        assert set(roles.tolist()) <= {NONE, TARGET}
        if own:
            assert all(name.startswith("own-") for one in here for name in one[::2])


def test_a_head_with_several_tails_is_known_by_all_of_them(tmp_path):
    files = write(
        tmp_path, [(f"a{i}", "likes", f"a{j}") for i, j in itertools.combinations(range(8), 2) if (i + j) % 3]
    )
    corpus = Triples(**files, one_way=0.2, in_context=0.5, context_facts=2, context_own=4).build(0)
    assert corpus.drawn is not None
    with pytest.raises(SettingError, match=r"task\.context_own is 0, but must be given: 30 % of what one relation"):
        Triples(**files, one_way=0.2, in_context=0.5, context_facts=2).build(0)
    with pytest.raises(SettingError, match=r"task\.context_facts is 5, but must be 1 to 4, two entities a fact"):
        Triples(**files, one_way=0.2, in_context=0.5, context_facts=5).build(0)


def test_the_prompt_of_a_question_holds_what_it_needs_and_no_distractor_says_it_again():
    corpus = Triples().build(3)
    questions, said = corpus.questions["inverse"][:50], corpus.premises.documents.tokens
    way = InContext(3)
    prompted = way.prompt(Trained(corpus, Causal(), None), questions)
    for row, rows, needs in zip(prompted.documents.tokens, way.rows(corpus.premises, questions), questions.needs):
        assert needs[0] in rows
        assert len(set(corpus.premises.fact[rows].tolist())) == 4
        parts = " ".join(map(str, row)).split(f" {SEPARATOR} ")
        assert len(parts) == 5
        assert any(" ".join(map(str, said[needs[0]])) in part for part in parts[:4])


# --- names are data ---


@few
@given(st.lists(st.text(min_size=1, max_size=6), min_size=4, max_size=40))
def test_every_name_is_one_token_of_its_own_and_none_reaches_a_terminal_raw(given_names):
    names = list(dict.fromkeys(" ".join(unicodedata.normalize("NFC", name).split()) for name in (*given_names, *ODD)))
    names = [name for name in names if name and not any("\ud800" <= one <= "\udfff" for one in name)]
    lines = [(names[i], "likes", names[i - 1]) for i in range(len(names))]
    with written(lines) as files:
        of = Triples(**files, renderings=1)
        corpus, notes = of.build(0), of.notes()
    words = corpus.vocabulary.words
    assert len(set(words)) == len(words)
    assert len(corpus.entities) == len(names)
    assert corpus.entities.words == words[-len(names) :]
    assert corpus.relations == words[len(SPECIAL) : len(SPECIAL) + 6]
    seen = Reader(corpus, list(dict.fromkeys(name for a, _, b in lines for name in (a, b)))).told(corpus.documents)
    assert set(seen) <= true_of(lines)[0]
    for text in (*words, *notes):
        kinds = {unicodedata.category(one) for one in text if one not in "\u200c\u200d"}
        assert not kinds & {"Cc", "Cf", "Zl", "Zp", "Cs"}, text


def test_names_stay_as_they_are_where_they_can_and_filler_makes_room(tmp_path):
    lines = [
        (one, "well", another) for one, another in itertools.pairwise(("just", "[begin]", "well", "_", "\x07", "o k"))
    ]
    corpus = Triples(**write(tmp_path, lines), renderings=1).build(0)
    assert corpus.relations[:4] == ("likes", "is liked by", "well", "ill")
    assert corpus.relations[4] == "[mask]'"
    assert corpus.entities.words == ("just", "[begin]'", "well'", "_'", "\\x07", "o k")
    filler = corpus.vocabulary.words[len(SPECIAL) + 6 : -6]
    assert filler == ("well''", "just'", *FILLER[2:])
    assert "'[begin]' is shown as \"[begin]'\"" in Triples(**write(tmp_path, lines)).notes()


def test_what_is_written_otherwise_and_looks_the_same_is_one_name(tmp_path):
    lines = [("Zu\u0308rich", "likes", " Bern "), ("Z\u00fcrich", "likes", "Bern"), ("Bern", "likes", "Genf")]
    of = Triples(**write(tmp_path, lines), renderings=1)
    assert of.build(0).entities.words == ("Zürich", "Bern", "Genf")
    assert of.notes()[0] == "line 3 tells what line 2 tells, and is left out"


# --- files ---


def test_columns_in_any_order_quotes_empty_lines_and_a_byte_order_mark(tmp_path):
    files = write(
        tmp_path, [("Washington, D.C.", "likes", 'the "Mall"'), ("b", "is liked by", "c"), ("d", "likes", "e")]
    )
    first = Triples(**files, renderings=1).build(4)
    text = (
        'tail,note,head,relation\r\n"the ""Mall""",,"Washington, D.C.",likes\r\n\r\n'
        'c,"two\r\nlines",b,is liked by\r\ne,x,d,likes\r\n'
    )
    (tmp_path / "facts.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    again = Triples(**files, renderings=1).build(4)
    assert first.vocabulary == again.vocabulary
    assert first.entities.words == ("Washington, D.C.", 'the "Mall"', "b", "c", "d", "e")
    np.testing.assert_array_equal(first.documents.tokens, again.documents.tokens)


HEAD = b"head,relation,tail\n"
GOOD = b"a,likes,b\nc,likes,d\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "task.file is 'FILE', but must be a file that can be read: No such file or directory"),
        (b"", "task.file 'FILE', line 1: the header is nothing, but must be with head, relation, tail, each once"),
        (HEAD, "task.file is 'FILE', but must be a file with facts: it has none below its header"),
        (
            b"head,relation\na,likes\n",
            "line 1: the header is 'head', 'relation', but must be with head, relation, tail",
        ),
        (b"head;relation;tail\na;likes;b\n", "line 1: the header is 'head;relation;tail', but must be with"),
        (b"head,relation,tail,head\na,likes,b,c\n", "line 1: the header is 'head', 'relation', 'tail', 'head', but"),
        (HEAD + b"a,likes,b\n\nc,,d\n", "task.file 'FILE', line 4: relation is '', but must be a word"),
        (HEAD + b"a,likes, \t\n", "task.file 'FILE', line 2: tail is '', but must be a word"),
        (HEAD + GOOD + b"a,likes\n", "line 4: the row has 2 cells, but must be of 3, as the header has"),
        (HEAD + b"a,likes,b,c\n", "line 2: the row has 4 cells, but must be of 3"),
        (HEAD + b'"two\nlines",likes,b\nc,hates,d\n', "line 4: relation is 'hates', but must be a word of 'RELATIONS'"),
        (HEAD + b"a,likes,b\n\xff,likes,d\n", "task.file 'FILE', line 3: a byte is 0xff, but must be UTF-8 text"),
        ((HEAD + GOOD).decode().encode("utf-16"), "task.file 'FILE', line 1: a byte is 0xff, but must be UTF-8 text"),
        (HEAD + b'a,likes,b\n"c,likes,d\n', "line 3: it cannot be read (unexpected end of data), but must be comma-"),
        (HEAD + b'a,likes,"b"x\n', "line 2: it cannot be read (',' expected after '\"'), but must be"),
        (HEAD + b"a,likes," + 200_000 * b"b" + b"\n", "line 2: it cannot be read (field larger than field limit"),
        (HEAD + b"a,\x1b[31m" + 300 * b"x" + b",b\n", "line 2: relation is '\\x1b[31mxxx"),
        (HEAD + b"a,likes,b\n", "task.one_way is 0.5, but must be larger, or the files others: no whole set of right"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_file_of_facts_that_cannot_be_used_is_refused_by_line(tmp_path, data, says):
    files = write(tmp_path, [])
    Path(files["file"]).unlink() if data is None else Path(files["file"]).write_bytes(data)
    refused(files, says)


def refused(files: dict[str, str], says: str) -> None:
    with pytest.raises(SettingError) as refusal:
        Triples(**files).build(0)
    line = str(refusal.value)
    assert says.replace("FILE", files["file"]).replace("RELATIONS", files["relations"]) in line
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 600


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (b"", "task.relations 'RELATIONS', line 1: the header is nothing"),
        (b"relation,inverse\n", "task.relations is 'RELATIONS', but must be a file with relations"),
        (
            b"relation\nlikes\n",
            "line 1: the header is 'relation', but must be with relation, inverse, each once: inverse",
        ),
        (b"relation,inverse\nlikes,\n", "line 2: inverse is '', but must be a word"),
        (b"relation,inverse\nlikes,loves\nloves,hates\n", "line 2: inverse is 'loves', but must be another word than"),
        (b"relation,inverse\nlikes,likes\n", "line 2: inverse is 'likes', but must be another word"),
        (b"relation,inverse\nlikes,x\nlikes,y\n", "line 3: relation is 'likes', but must be another word"),
        (b"relation,inverse\nlikes,x\nloves,x\n", "it stands in line 2, too"),
    ],
    ids=range(8),
)
def test_a_file_of_relations_that_cannot_be_used_is_refused_by_line(tmp_path, rows, says):
    files = write(tmp_path, [("a", "likes", "b"), ("c", "likes", "d")])
    Path(files["relations"]).write_bytes(rows)
    refused(files, says)
    Path(files["relations"]).unlink()
    refused(files, "task.relations is 'RELATIONS', but must be a file that can be read")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("one_way", 0.0, "above 0 and at most 1"),
        ("one_way", 1.1, "above 0 and at most 1"),
        ("most_answers", 0, "1 or more"),
        ("filler", -1, "0 or more"),
        ("statements", 0, "1 or more"),
        ("renderings", 0, "1 or more"),
        ("in_context", 1.0, "0 or more and below 1"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(name, value, allowed):
    with pytest.raises(SettingError, match=rf"^task\.{name} is {value}, but must be {allowed}$"):
        Triples(**{name: value})


def test_what_a_person_should_know_is_said_by_line(tmp_path):
    lines = [(f"a{i}", "likes", f"b{i}") for i in range(40)]
    lines += [("b0", "is liked by", "a0"), ("a1", "likes", "b2"), ("a1", "likes", "b1"), ("x", "well", "y")]
    lines += [(f"w{i}", "well", "y") for i in range(3)]
    of = Triples(**write(tmp_path, lines))
    assert of.notes() == [
        "line 42 tells what line 2 tells, and is left out",
        "line 44 tells what line 3 tells, and is left out",
        "lines 3, 43: 'a1' likes _ has several answers: 'b1', 'b2'",
        "lines 4, 43: 'b2' is liked by _ has several answers: 'a2', 'a1'",
        "lines 45, 46, 47 and 1 more: 'y' ill _ has several answers: 'x', 'w0', 'w1' and 1 more",
        "'y' alone is right for 100 % of the questions with well",
        "[mask]', line 4 of the relations, has no fact",
        "'[mask]' is shown as \"[mask]'\"",
    ]
    assert of.notes(1)[:2] == [
        "line 42 tells what line 2 tells, and is left out",
        "… and 1 more facts that stand there twice",
    ]
    assert of.build(0).premises.fact.max() == len(lines) - 2 - 1  # each fact once


# --- settings, and the command line ---


def arrays(corpus: Corpus) -> list[np.ndarray]:
    parts = [corpus.documents, corpus.premises.documents, *(of.documents for of in corpus.questions.values())]
    found = [getattr(part, field.name) for part in parts for field in fields(part)]
    names = ("start", "size", "accepted", "support", "needs", "chance", "chance_by_elimination")
    return found + [getattr(of, name) for of in corpus.questions.values() for name in names]


def test_same_seed_same_corpus_and_another_seed_another():
    first, again, later = (Triples(in_context=share).build(seed) for share, seed in ((0, 7), (0.5, 7), (0, 8)))
    assert first.vocabulary == again.vocabulary == later.vocabulary
    for a, b in zip(arrays(first), arrays(again), strict=True):  # drawn documents change nothing else
        np.testing.assert_array_equal(a, b)
    assert first.drawn is None
    one, other_one = (corpus.questions["inverse"].accepted[:, 0].tolist() for corpus in (first, later))
    assert len(set(one) & set(other_one)) < 0.8 * len(set(one))  # other facts are held out
    asked, asked_again = first.inferences(), first.inferences()
    np.testing.assert_array_equal(asked.documents.tokens, asked_again.documents.tokens)


def test_a_run_whose_files_changed_is_neither_gone_on_with_nor_asked(tmp_path):
    files = write(tmp_path, [("a", "likes", "b"), ("c", "likes", "d"), ("e", "likes", "f")])
    config = replace(tiny(), task=Triples(**files))
    with pytest.raises(Stopped):
        train_run(config, "run", root=tmp_path, check=stop_after(7))
    was = Path(files["file"]).read_text()
    Path(files["file"]).write_text(was.replace("f", "g"))
    with pytest.raises(SettingError, match="was trained on another world"):
        train_run(config, "run", root=tmp_path, resume=True)
    with pytest.raises(SettingError, match="was trained on another world"):
        read_trained(tmp_path / "run")
    Path(files["file"]).write_text(was)
    assert train_run(config, "run", root=tmp_path, resume=True)["finished"]


def test_a_hundred_thousand_facts_load_and_build_in_five_seconds(tmp_path):
    rng = np.random.default_rng(0)
    words = tuple(f"{kind}{i}" for i in range(20) for kind in ("rel", "inv"))
    rows = zip(*rng.integers(0, 60_000, (2, 100_000)).tolist(), rng.integers(0, 20, 100_000).tolist())
    of = Triples(**write(tmp_path, [(f"Käse {a}", f"rel{r}", f"名 {b}") for a, b, r in rows], words))
    began = time.process_time()
    corpus = of.build(0)
    assert time.process_time() - began < 5
    assert len(corpus.documents) > 2_000_000
    assert len(corpus.questions["inverse"]) > 45_000


def test_the_example_has_facts_in_many_scripts_and_says_what_is_special():
    of = Triples()
    assert [note.partition(": ")[2] for note in of.notes()] == [
        "'Bolivia' has-capital _ has several answers: 'Sucre', 'La Paz'",
        "'Eswatini' has-capital _ has several answers: 'Mbabane', 'Lobamba'",
        "'South Africa' has-capital _ has several answers: 'Pretoria', 'Cape Town', 'Bloemfontein'",
    ]
    assert set(of.build(0).questions) == {"forward", "backward", "inverse", "wrong_frame"}


@pytest.fixture
def started(monkeypatch):
    """What a command line would train: settings and name of each run."""
    runs = []
    monkeypatch.setattr("train.__main__.train_run", lambda config, name, **_: runs.append((config, name)) or {})
    monkeypatch.setattr("train.__main__.from_entry", lambda result: result)
    return runs


@pytest.mark.parametrize("form", [["--task", "triples"], ["--task=triples"]])
def test_every_preset_takes_another_task_by_its_name_with_settings_of_its_own(started, form, capsys):
    arguments = [*form, "--task.file", "mine.csv", "--task.one-way", "0.25", "--seed", "3"]
    assert command(train.__main__.main, ["bidirectional", *arguments], capsys) == (0, "")
    assert command(train.__main__.main, ["triples", "--task.file", "mine.csv"], capsys) == (0, "")
    assert command(train.__main__.main, ["causal"], capsys) == (0, "")
    (first, name), (second, second_name), (_, plain) = started
    assert (name, second_name, plain) == ("bidirectional-triples-3", "triples-0", "causal-0")
    assert first.task == Triples(file="mine.csv", one_way=0.25)
    assert second.task == Triples(file="mine.csv")
    assert first.objective == PRESETS["bidirectional"][1].objective
    assert first.json()["task"]["name"] == "triples"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--task chess", "invalid choice 'chess' for argument '--task'"),
        ("--task triples --task.entities 4", "--task.entities"),
        ("--task triples --task.file nowhere.csv", "error: task.file is 'nowhere.csv', but must be a file that can be"),
    ],
)
def test_what_a_task_cannot_be_is_one_line(arguments, says, capsys):
    code, error = command(train.__main__.main, ["causal", *arguments.split()], capsys)
    assert code == 2
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "a", "1"])
def test_names_are_data_to_spreadsheets(name):
    (row,) = csv.DictReader(io.StringIO(folder.as_csv([{"name": name, "number": -1.0}])))
    assert row["name"].removeprefix("'") == name
    assert (row["name"] != name) == (name not in ("a", "1"))
    assert float(row["number"]) == -1


def test_a_name_is_found_however_its_spaces_and_accents_were_typed(tmp_path, capsys):
    lines = [
        ("Mary  Lee", "likes", "\u6771\u4eac\u3000\u90fd"),
        ("\u6771\u4eac\u3000\u90fd", "likes", "caf\u00e9 :smile:"),
    ]
    corpus = Triples(**write(tmp_path, lines), renderings=1).build(0)
    assert {"Mary Lee", "\u6771\u4eac \u90fd", "caf\u00e9 :smile:"} == set(corpus.entities.words)
    for typed in ("Mary Lee likes _", " Mary   Lee  likes  _", "cafe\u0301 :smile: is liked by _"):
        assert understand(corpus, typed).words
