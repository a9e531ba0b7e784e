"""Settings of the reversal task's documents: stated inverses, bridges and wordings. Each adds what it says, no more."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.validation import SettingError
from eval.metrics import exact_match
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents
from tasks.reversal import Reversal
from tasks.reversal.task import NAMING_WORD
from tests.reading import inverse_word
from tests.test_reversal import SEEDS, worlds

Statement = tuple[str, tuple[str, ...], str]  # source, its words, target
Question = tuple[str, str, str]  # as a statement, its word in the first wording, an open entity as "_"
BRIDGES = st.sampled_from(["composed", "naive"])


@st.composite
def any_data(draw) -> Reversal:
    """Worlds with all of these settings at once."""
    task = replace(
        draw(worlds()),
        inverse_share=draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        wordings=draw(st.integers(1, 4)),
        bridge=draw(st.sampled_from(["none", "composed", "naive"])),
    )
    return replace(task, wordings=1) if task.bridge == "naive" else task


def read(corpus: Corpus, documents: Documents) -> list[list[Statement]]:
    """The statements of each document, read from roles alone; open spans are "_"."""
    rows = zip(documents.tokens.tolist(), documents.roles.tolist(), documents.lengths)
    return [read_row(corpus, tokens[:length], roles[:length]) for tokens, roles, length in rows]


def read_row(corpus: Corpus, tokens: list[int], roles: list[int]) -> list[Statement]:
    statements: list[Statement] = []
    parts: dict[int, list[str]] = {}
    for token, role in zip(tokens, roles):
        if role == NONE:
            if parts:
                statements.append(joined(parts))
            parts = {}
        else:
            parts.setdefault(role, []).append(corpus.vocabulary.words[token])
    return statements + ([joined(parts)] if parts else [])


def joined(parts: dict[int, list[str]]) -> Statement:
    assert [role for role in parts if role != RELATION] == [SOURCE, TARGET]
    name = {role: "_" if parts[role][0] == "[mask]" else "-".join(parts[role]) for role in (SOURCE, TARGET)}
    return name[SOURCE], tuple(parts[RELATION]), name[TARGET]


def first_wording(corpus: Corpus, task: Reversal, word: str) -> str:
    """A relation word in the first wording."""
    return corpus.relations[corpus.relations.index(word) % (2 * task.relations)]


def stated(corpus: Corpus, task: Reversal) -> Counter:
    """How often each (source, word in the first wording, target) is stated; without bridges."""
    documents = read(corpus, corpus.documents)
    return Counter(statement for document in documents for statement in plain_statements(corpus, task, document))


def is_bridge(statement: Statement) -> bool:
    _, words, _ = statement
    return len(words) > 1 or words == (NAMING_WORD,)


def bridges(corpus: Corpus) -> list[Statement]:
    return [statement for document in read(corpus, corpus.documents) for statement in document if is_bridge(statement)]


def questions(corpus: Corpus, task: Reversal, split: str) -> list[tuple[Question, str]]:
    """Each question in the first wording, and its answer."""
    if split not in corpus.questions:
        return []
    part = corpus.questions[split]
    names = [corpus.entities.names[entity] for entity in part.accepted[:, 0]]
    rows = [statement for (statement,) in read(corpus, part.cloze.documents)]
    return [((a, first_wording(corpus, task, word), b), name) for (a, (word,), b), name in zip(rows, names)]


def one_way_facts(corpus: Corpus, task: Reversal) -> list[Question]:
    """The one-way facts as they are stated."""
    return [(a, word, answer) for (a, word, _), answer in questions(corpus, task, "forward")]


# --- stated inverses ---


@given(any_data(), SEEDS)
def test_an_inverse_that_is_not_to_be_stated_is_in_no_document_in_any_wording(task, seed):
    corpus = task.build(seed)
    count = stated(corpus, task)
    for (b, word, _), a in questions(corpus, task, "inverse"):
        assert (b, word, a) not in count
        assert (a, inverse_word(corpus, word), b) in count
    for (b, word, _), a in questions(corpus, task, "inverse_stated"):
        assert count[b, word, a] == count[a, inverse_word(corpus, word), b] == task.documents.copies


@given(any_data(), SEEDS)
def test_these_settings_change_no_fact_no_name_and_no_question(task, seed):
    without = replace(task, inverse_share=0.0, wordings=1, bridge="none")
    corpus, before = task.build(seed), without.build(seed)
    assert corpus.entities.names == before.entities.names
    assert corpus.relations[: len(before.relations)] == before.relations
    inverses = {(b, word, a) for (b, word, _), a in questions(corpus, task, "inverse_stated")}
    added = Counter(dict.fromkeys(inverses, task.documents.copies))
    assert stated(corpus, task) == stated(before, without) + added
    for split in ("forward", "backward", "wrong_frame"):
        assert questions(corpus, task, split) == questions(before, without, split)
    divided = questions(corpus, task, "inverse") + questions(corpus, task, "inverse_stated")
    assert sorted(divided) == sorted(questions(before, without, "inverse"))


@given(worlds(), st.floats(0, 1), SEEDS)
def test_the_share_of_stated_inverses_is_exact(task, share, seed):
    task = replace(task, inverse_share=share)
    corpus = task.build(seed)
    expected = round(share * task.one_way)
    assert len(questions(corpus, task, "inverse_stated")) == expected
    assert len(questions(corpus, task, "inverse")) == task.one_way - expected
    assert all(len(part) for part in corpus.questions.values())
    if share:
        without = stated(replace(task, inverse_share=0.0).build(seed), task)
        assert len(set(stated(corpus, task)) - set(without)) == expected


def test_a_larger_share_of_stated_inverses_holds_those_of_a_smaller_one():
    def inverses(share: float) -> set:
        task = Reversal(entities=20, relations=2, one_way=20, documents=DocumentConfig(copies=1), inverse_share=share)
        return set(questions(task.build(3), task, "inverse_stated"))

    assert inverses(0.2) < inverses(0.5) < inverses(1.0)
    assert "inverse" not in Reversal(entities=20, relations=2, one_way=20, inverse_share=1.0).build(3).questions


# --- bridges ---


@given(worlds(), BRIDGES, st.sampled_from([0.0, 0.5]), SEEDS)
def test_a_bridge_leads_back_to_its_source_and_never_names_its_target(task, bridge, inverse_share, seed):
    task = replace(task, bridge=bridge, inverse_share=inverse_share)
    corpus = task.build(seed)
    for source, words, target in bridges(corpus):
        assert source == target
        assert words == (NAMING_WORD,) if bridge == "naive" else inverse_word(corpus, words[0]) == words[1]
    # There are as many as statements.
    naive = bridge == "naive"
    expected = Counter((a, NAMING_WORD if naive else word) for a, word, _ in stated(corpus, task).elements())
    assert Counter((source, words[-1]) for source, words, _ in bridges(corpus)) == expected
    # A document with nothing but a bridge holds the name of one entity.
    if task.documents.statements == 1:
        for tokens, document in zip(corpus.documents.tokens, read(corpus, corpus.documents)):
            if is_bridge(document[0]):
                entity = corpus.entities.names.index(document[0][0])
                names = tokens[np.isin(tokens, corpus.entities.tokens[corpus.entities.tokens > 0])]
                assert np.isin(names, corpus.entities.tokens[entity]).all()


@given(worlds(), st.integers(2, 4), SEEDS)
def test_a_composed_bridge_has_both_words_in_one_wording(task, wordings, seed):
    corpus = replace(task, bridge="composed", wordings=wordings).build(seed)
    assert all(inverse_word(corpus, first) == second for _, (first, second), _ in bridges(corpus))


def test_a_composed_bridge_begins_as_no_statement_does():
    """Otherwise what follows the beginning of a question could not be known."""
    documents = DocumentConfig(filler=0)
    corpus = Reversal(entities=12, relations=2, one_way=8, bridge="composed", documents=documents).build(0)
    rows = [row[1:length].tolist() for row, length in zip(corpus.documents.tokens, corpus.documents.lengths)]
    beginnings = [
        row[1:start].tolist()
        for part in corpus.questions.values()
        for row, start in zip(part.cloze.documents.tokens, part.cloze.start)
    ]
    assert any(len(row) == 4 for row in rows)
    for beginning in beginnings:
        assert all(len(row) == 3 for row in rows if beginning and row[: len(beginning)] == beginning)


def test_a_naive_bridge_has_one_word_in_every_wording():
    task = Reversal(entities=6, relations=1, one_way=2, bridge="naive", wordings=3)
    corpus = task.build(0)
    words = {words for document in read(corpus, corpus.documents) for _, words, _ in document}
    assert words <= {(NAMING_WORD,), *((word,) for word in corpus.relations)}


@given(worlds(), BRIDGES, SEEDS)
def test_echo_counts_the_source_as_the_answer_to_the_inverse(task, bridge, seed):
    task = replace(task, bridge=bridge)
    corpus = task.build(seed)
    echo, inverse = (questions(corpus, task, split) for split in ("echo", "inverse"))
    assert [question for question, _ in echo] == [question for question, _ in inverse]
    assert all(answer == source for (source, _, _), answer in echo)
    inverses = [(a, inverse_word(corpus, word), b) for (b, word, _), a in inverse]
    assert inverses == one_way_facts(corpus, task)


def test_repeating_the_source_is_correct_in_echo_only():
    corpus = Reversal(entities=12, relations=2, one_way=8, bridge="composed").build(0)
    echo, inverse, entities = corpus.questions["echo"], corpus.questions["inverse"], corpus.entities
    source, answer = (entities.tokens[split.accepted[:, 0]] for split in (echo, inverse))
    assert exact_match(entities, echo, source).all()
    assert exact_match(entities, inverse, answer).all()
    assert not exact_match(entities, inverse, source).any()
    assert not exact_match(entities, echo, answer).any()


# --- questions ---


@given(any_data(), SEEDS)
def test_chance_and_elimination_are_no_less_than_guesses_among_all_and_among_those_never_stated(task, seed):
    """By brute force over the documents, all wordings as one."""
    task = replace(task, matching="chain", two_way=None)  # every entity belongs in every slot
    corpus = task.build(seed)
    count = stated(corpus, task)
    size = dict(zip(corpus.entities.names, corpus.entities.lengths.tolist()))
    for split, part in corpus.questions.items():
        guesses = []
        for i, ((a, word, b), answer) in enumerate(questions(corpus, task, split)):
            slot = 0 if a == "_" else 2
            assert (a, b)[slot // 2] == "_"
            possible = [name for name in size if size[name] == part.cloze.size[i]]
            never_stated = set(possible) - {statement[slot] for statement in count if statement[1] == word}
            assert part.chance[i] == pytest.approx(1 / len(possible))
            guesses.append((answer in never_stated) / max(len(never_stated), 1))
        assert part.elimination_baseline.mean() >= np.mean(guesses) - 1e-9


@given(any_data(), SEEDS)
def test_support_is_the_documents_that_state_the_fact(task, seed):
    """As it is stated first or, in the split inverse_stated, either way."""
    corpus = task.build(seed)
    documents = read(corpus, corpus.documents)
    for split in set(corpus.questions) - {"wrong_frame", "echo"}:
        for i, ((a, word, b), answer) in enumerate(questions(corpus, task, split)):
            asked = (answer if a == "_" else a, word, b if a == "_" else answer)
            fact = (answer, inverse_word(corpus, word), a) if split.startswith("inverse") else asked
            either_way = {fact, asked} if split == "inverse_stated" else {fact}
            rows = corpus.questions[split].support_documents[i].ravel()
            support = [set(plain_statements(corpus, task, documents[row])) for row in rows]
            assert all(either_way & statements for statements in support)
            assert either_way <= set().union(*support)


def plain_statements(corpus: Corpus, task: Reversal, document: list[Statement]) -> list[Question]:
    """The statements of a document in the first wording, without bridges."""
    return [(a, first_wording(corpus, task, words[0]), b) for a, words, b in document if not is_bridge((a, words, b))]


def test_all_wordings_are_used_and_a_word_and_its_inverse_are_of_one_wording():
    task = Reversal(entities=30, relations=2, one_way=20, wordings=4, documents=DocumentConfig(copies=8))
    corpus = task.build(0)
    used = {words[0] for document in read(corpus, corpus.documents) for _, words, _ in document}
    assert used == set(corpus.relations)
    assert len(corpus.relations) == 2 * 2 * 4
    ends = [word.rpartition("-of")[2] for word in corpus.relations]
    assert ends == [end for end in ("", "-2", "-3", "-4") for _ in range(4)]
    for word in corpus.relations:
        assert inverse_word(corpus, word).rpartition("-of")[2] == word.rpartition("-of")[2]
        assert first_wording(corpus, task, word) == word.removesuffix(word.rpartition("-of")[2])
    asked = {words[0] for part in corpus.questions.values() for ((_, words, _),) in read(corpus, part.cloze.documents)}
    assert asked == set(corpus.relations)


# --- lengths and numbers ---


@given(any_data(), SEEDS)
def test_nothing_exceeds_the_maximum_length(task, seed):
    corpus = task.build(seed)
    assert corpus.documents.lengths.max() <= corpus.max_length
    assert max(part.cloze.documents.lengths.max() for part in corpus.questions.values()) <= corpus.max_length


@pytest.mark.parametrize("bridge", ["none", "composed", "naive"])
def test_the_maximum_length_is_reached(bridge):
    names, documents = NameConfig(shared_pieces=False), DocumentConfig(filler=1)
    task = Reversal(entities=40, relations=1, one_way=20, bridge=bridge, names=names, documents=documents)
    corpus = task.build(0)
    assert corpus.documents.lengths.max() == corpus.max_length


@given(any_data(), SEEDS)
def test_as_many_facts_are_stated_both_ways_as_is_set(task, seed):
    corpus = task.build(seed)
    count = stated(corpus, task)
    both_ways = {(a, word, b) for a, word, b in count if (b, inverse_word(corpus, word), a) in count}
    two_way = task.facts - task.one_way if task.two_way is None else task.two_way
    assert len(both_ways) == 2 * (two_way + len(questions(corpus, task, "inverse_stated")))
    assert set(count.values()) == {task.documents.copies}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"inverse_share": 1.1}, r"task\.inverse_share is 1\.1, but must be 0 to 1"),
        ({"inverse_share": -0.1}, r"task\.inverse_share is -0\.1"),
        ({"inverse_share": float("nan")}, r"task\.inverse_share is nan"),
        ({"wordings": 0}, r"task\.wordings is 0, but must be 1 or more"),
    ],
)
def test_impossible_settings_are_refused_by_name(wrong, message):
    with pytest.raises(SettingError, match=message):
        Reversal(**wrong)
