"""What the data settings add: inverses told back, bridges and wordings; each says what it says, and leaks nothing."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.validation import SettingError
from eval.evaluate import exact_match
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents
from tasks.reversal.task import NAMED, Reversal
from tests.test_reversal import SEEDS, worlds

Said = tuple[str, tuple[str, ...], str]  # source, its words, target
BRIDGES = st.sampled_from(["composed", "naive"])


@st.composite
def any_data(draw) -> Reversal:
    """Worlds with all data settings at once."""
    settings = replace(
        draw(worlds()),
        inverse_share=draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        wordings=draw(st.integers(1, 4)),
        bridge=draw(st.sampled_from(["none", "composed", "naive"])),
    )
    return replace(settings, wordings=1) if settings.bridge == "naive" else settings


def said(corpus: Corpus, documents: Documents) -> list[list[Said]]:
    """Each document as what it says, read from roles alone; open spans are "_"."""
    return [one_said(corpus, tokens[:n], roles[:n]) for tokens, roles, n in
            zip(documents.tokens.tolist(), documents.roles.tolist(), documents.lengths)]  # fmt: skip


def one_said(corpus: Corpus, tokens: list[int], roles: list[int]) -> list[Said]:
    found: list[Said] = []
    parts: dict[int, list[str]] = {}
    for token, role in zip(tokens, roles):
        if role == NONE:
            if parts:
                found.append(joined(parts))
            parts = {}
        else:
            parts.setdefault(role, []).append(corpus.vocabulary.words[token])
    return found + ([joined(parts)] if parts else [])


def joined(parts: dict[int, list[str]]) -> Said:
    assert [role for role in parts if role != RELATION] == [SOURCE, TARGET]
    name = {role: "_" if parts[role][0] == "[mask]" else "-".join(parts[role]) for role in (SOURCE, TARGET)}
    return name[SOURCE], tuple(parts[RELATION]), name[TARGET]


def plain(corpus: Corpus, settings: Reversal, word: str) -> str:
    """A relation's word in the first wording."""
    return corpus.relations[corpus.relations.index(word) % (2 * settings.relations)]


def turned(corpus: Corpus, word: str) -> str:
    return corpus.relations[corpus.relations.index(word) ^ 1]


def stated(corpus: Corpus, settings: Reversal) -> Counter:
    """How often each (source, word in the first wording, target) is stated; bridges left out."""
    every = (one for document in said(corpus, corpus.documents) for one in document if not is_bridge(one))
    return Counter((a, plain(corpus, settings, word), b) for a, (word,), b in every)


def is_bridge(one: Said) -> bool:
    return len(one[1]) > 1 or one[1] == (NAMED,)


def bridges(corpus: Corpus) -> list[Said]:
    return [one for document in said(corpus, corpus.documents) for one in document if is_bridge(one)]


def questions(corpus: Corpus, settings: Reversal, split: str) -> list[tuple[Said, str]]:
    """Each question in the first wording, and its answer."""
    if split not in corpus.questions:
        return []
    of = corpus.questions[split]
    answers = [corpus.entities.words[e] for e in of.accepted[:, 0]]
    rows = [one for (one,) in said(corpus, of.documents)]
    return [((a, plain(corpus, settings, word), b), answer) for (a, (word,), b), answer in zip(rows, answers)]


def forward(corpus: Corpus, settings: Reversal) -> list[Said]:
    """The one-way facts as they are told."""
    return [(a, word, answer) for (a, word, _), answer in questions(corpus, settings, "forward")]


@given(any_data(), SEEDS)
def test_what_is_not_told_back_has_its_inverse_in_no_document_in_any_wording(settings, seed):
    corpus = settings.build(seed)
    found = stated(corpus, settings)
    for (b, word, _), a in questions(corpus, settings, "inverse"):
        assert (b, word, a) not in found
        assert (a, turned(corpus, word), b) in found
    for (b, word, _), a in questions(corpus, settings, "inverse_told"):
        assert found[b, word, a] == found[a, turned(corpus, word), b] == settings.copies


@given(any_data(), SEEDS)
def test_a_data_setting_changes_no_fact_no_name_and_no_question(settings, seed):
    without = replace(settings, inverse_share=0.0, wordings=1, bridge="none")
    corpus, before = settings.build(seed), without.build(seed)
    assert corpus.entities.words == before.entities.words
    assert corpus.relations[: len(before.relations)] == before.relations
    facts = stated(before, without)
    inverse_share = {(b, word, a) for (b, word, _), a in questions(corpus, settings, "inverse_told")}
    assert stated(corpus, settings) == facts + Counter(dict.fromkeys(inverse_share, settings.copies))
    for split in ("forward", "backward", "wrong_frame"):
        assert questions(corpus, settings, split) == questions(before, without, split)
    divided = questions(corpus, settings, "inverse") + questions(corpus, settings, "inverse_told")
    assert sorted(divided) == sorted(questions(before, without, "inverse"))


@given(worlds(), st.floats(0, 1), SEEDS)
def test_the_share_told_back_is_exact(settings, share, seed):
    settings = replace(settings, inverse_share=share)
    corpus = settings.build(seed)
    told = round(share * settings.one_way)
    assert len(questions(corpus, settings, "inverse_told")) == told
    assert len(questions(corpus, settings, "inverse")) == settings.one_way - told
    assert all(len(of) for of in corpus.questions.values())
    if share:
        more = set(stated(corpus, settings)) - set(stated(replace(settings, inverse_share=0.0).build(seed), settings))
        assert len(more) == told


def test_more_told_back_tells_the_same_facts_back_and_others():
    def told(share: float) -> set:
        settings = Reversal(entities=20, relations=2, one_way=20, copies=1, inverse_share=share)
        return set(questions(settings.build(3), settings, "inverse_told"))

    assert told(0.2) < told(0.5) < told(1.0)
    assert "inverse" not in Reversal(entities=20, relations=2, one_way=20, inverse_share=1.0).build(3).questions


@given(worlds(), BRIDGES, st.sampled_from([0.0, 0.5]), SEEDS)
def test_a_bridge_leads_back_to_its_source_and_never_names_the_partner(settings, bridge, inverse_share, seed):
    settings = replace(settings, bridge=bridge, inverse_share=inverse_share)
    corpus = settings.build(seed)
    found = bridges(corpus)
    for source, words, target in found:
        assert source == target
        assert words == (NAMED,) if bridge == "naive" else turned(corpus, words[0]) == words[1]
    each = Counter((a, NAMED if bridge == "naive" else word) for a, word, _ in stated(corpus, settings).elements())
    assert Counter((source, words[-1]) for source, words, _ in found) == each  # as many as statements
    # The only names of a bridge's document are its own, where it stands alone.
    if settings.statements == 1:
        for tokens, document in zip(corpus.documents.tokens, said(corpus, corpus.documents)):
            if is_bridge(document[0]):
                own = corpus.entities.words.index(document[0][0])
                names = tokens[np.isin(tokens, corpus.entities.tokens[corpus.entities.tokens > 0])]
                assert np.isin(names, corpus.entities.tokens[own]).all()


@given(worlds(), st.integers(2, 4), SEEDS)
def test_a_composed_bridge_keeps_to_one_wording(settings, wordings, seed):
    corpus = replace(settings, bridge="composed", wordings=wordings).build(seed)
    assert all(turned(corpus, first) == second for _, (first, second), _ in bridges(corpus))


def test_a_composed_bridge_begins_as_no_statement_does():
    """Else what follows the beginning of a question could not be known."""
    corpus = Reversal(entities=12, relations=2, one_way=8, bridge="composed", filler=0).build(0)
    documents = [row[1:n].tolist() for row, n in zip(corpus.documents.tokens, corpus.documents.lengths)]
    beginnings = [
        row[1:start].tolist() for of in corpus.questions.values() for row, start in zip(of.documents.tokens, of.start)
    ]
    assert any(len(document) == 4 for document in documents)
    for asked in beginnings:
        assert all(len(document) == 3 for document in documents if asked and document[: len(asked)] == asked)


def test_a_naive_bridge_has_one_word_in_every_wording():
    settings = Reversal(entities=6, relations=1, one_way=2, bridge="naive", wordings=3)
    corpus = settings.build(0)
    words = {one[1] for document in said(corpus, corpus.documents) for one in document}
    assert words <= {(NAMED,), *((word,) for word in corpus.relations)}


@given(worlds(), BRIDGES, SEEDS)
def test_echo_counts_the_source_said_where_the_inverse_is_asked(settings, bridge, seed):
    settings = replace(settings, bridge=bridge)
    corpus = settings.build(seed)
    echo, inverse = (questions(corpus, settings, split) for split in ("echo", "inverse"))
    assert [question for question, _ in echo] == [question for question, _ in inverse]
    assert all(answer == source for (source, _, _), answer in echo)
    assert [(a, turned(corpus, word), b) for (b, word, _), a in inverse] == forward(corpus, settings)


def test_who_repeats_the_source_is_right_in_echo_only():
    settings = Reversal(entities=12, relations=2, one_way=8, bridge="composed")
    corpus = settings.build(0)
    source = corpus.entities.tokens[corpus.questions["echo"].accepted[:, 0]]
    answer = corpus.entities.tokens[corpus.questions["inverse"].accepted[:, 0]]
    assert exact_match(corpus, corpus.questions["echo"], source).all()
    assert exact_match(corpus, corpus.questions["inverse"], answer).all()
    assert not exact_match(corpus, corpus.questions["inverse"], source).any()
    assert not exact_match(corpus, corpus.questions["echo"], answer).any()


@given(any_data(), SEEDS)
def test_chances_are_those_of_guesses_among_all_and_among_who_was_never_stated_there(settings, seed):
    """By brute force over the documents; which entities belong in a slot follows from the facts, told or not."""
    settings = replace(settings, matching="chain", two_way=None)  # every entity belongs in every slot
    corpus = settings.build(seed)
    found = stated(corpus, settings)
    size = dict(zip(corpus.entities.words, corpus.entities.lengths.tolist()))
    for split, of in corpus.questions.items():
        for i, ((a, word, b), answer) in enumerate(questions(corpus, settings, split)):
            slot = 0 if a == "_" else 2
            assert (a, b)[slot // 2] == "_"
            fits = [name for name in size if size[name] == of.size[i]]
            left = set(fits) - {one[slot] for one in found if one[1] == word}
            assert of.chance[i] == pytest.approx(1 / len(fits))
            assert of.elimination_baseline[i] == pytest.approx((answer in left) / max(len(left), 1))
            if split in ("forward", "backward", "inverse_told"):
                assert of.elimination_baseline[i] == 0  # memory needs no guess


@given(any_data(), SEEDS)
def test_support_is_the_documents_that_state_the_fact_as_it_was_told_first(settings, seed):
    corpus = settings.build(seed)
    documents = said(corpus, corpus.documents)
    for split, of in corpus.questions.items():
        for i, ((a, word, b), answer) in enumerate(questions(corpus, settings, split)):
            told = (answer if a == "_" else a, word, b if a == "_" else answer)
            if split in ("inverse", "inverse_told"):
                told = (answer, turned(corpus, word), a)
            elif split in ("wrong_frame", "echo"):
                continue
            every = [[(s, plain(corpus, settings, words[0]), t) for s, words, t in documents[row]
                      if not is_bridge((s, words, t))] for row in of.support_documents[i].ravel()]  # fmt: skip
            back = (a, word, answer) if split == "inverse_told" else told
            assert all(told in one or back in one for one in every)
            assert any(back in one for one in every)


def test_all_wordings_are_used_and_the_inverse_is_in_the_same():
    settings = Reversal(entities=30, relations=2, one_way=20, wordings=4, copies=8)
    corpus = settings.build(0)
    used = {words[0] for document in said(corpus, corpus.documents) for _, words, _ in document}
    assert used == set(corpus.relations)
    assert len(corpus.relations) == 2 * 2 * 4
    ends = [word.rpartition("-of")[2] for word in corpus.relations]
    assert ends == [end for end in ("", "-2", "-3", "-4") for _ in range(4)]
    for word in corpus.relations:
        assert turned(corpus, word).rpartition("-of")[2] == word.rpartition("-of")[2]
        assert plain(corpus, settings, word) == word.removesuffix(word.rpartition("-of")[2])
    asked = {
        words[0] for split in corpus.questions for ((_, words, _),) in said(corpus, corpus.questions[split].documents)
    }
    assert asked == set(corpus.relations)


@given(any_data(), SEEDS)
def test_nothing_is_longer_than_the_task_says(settings, seed):
    corpus = settings.build(seed)
    assert corpus.documents.lengths.max() <= corpus.longest
    assert max(of.documents.lengths.max() for of in corpus.questions.values()) <= corpus.longest


@pytest.mark.parametrize("bridge", ["none", "composed", "naive"])
def test_what_the_task_says_is_the_longest_is_reached(bridge):
    corpus = Reversal(entities=40, relations=1, one_way=20, filler=1, bridge=bridge, shared_pieces=False).build(0)
    assert corpus.documents.lengths.max() == corpus.longest


@given(any_data(), SEEDS)
def test_as_many_facts_are_told_both_ways_as_is_set(settings, seed):
    corpus = settings.build(seed)
    found = stated(corpus, settings)
    both = {one for one in found if (one[2], turned(corpus, one[1]), one[0]) in found}
    inverse_share = len(questions(corpus, settings, "inverse_told"))
    two_way = settings.facts - settings.one_way if settings.two_way is None else settings.two_way
    assert len(both) == 2 * (two_way + inverse_share)
    assert set(found.values()) == {settings.copies}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"told_back": 1.1}, r"task\.told_back is 1\.1, but must be 0 to 1"),
        ({"told_back": -0.1}, r"task\.told_back is -0\.1"),
        ({"told_back": float("nan")}, r"task\.told_back is nan"),
        ({"wordings": 0}, r"task\.wordings is 0, but must be 1 or more"),
    ],
)
def test_data_settings_that_cannot_be_are_refused_by_name(wrong, says):
    with pytest.raises(SettingError, match=says):
        Reversal(**wrong)
