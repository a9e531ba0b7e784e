"""Episodes: what they ask follows from what they state, and they are drawn for each batch.

Those of the reversal task stand for all tasks here. test_every_task.py holds what is true of each, and
test_independence.py that they tell nothing about the world.
"""

import functools
import itertools
import operator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import train.batches
from config.validation import SettingError
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, TARGET, Corpus, Documents
from tasks.reversal import Reversal
from tasks.reversal.episodes import ReversalEpisodeConfig
from tasks.vocabulary import FILLER, SEPARATOR
from tests.reading import statements
from tests.test_reversal import SEEDS, facts
from train.batches import make_batches, step_documents
from train.config import TrainConfig

few = settings(max_examples=25)


def batch_of(documents: int) -> TrainConfig:
    """So many documents a step, of all entities from the start."""
    return TrainConfig(batch=documents, subset=1)


@st.composite
def worlds(draw) -> Reversal:
    """Small worlds with episodes, and with facts that no document states."""
    max_facts = draw(st.integers(1, 4))
    max_length, min_facts = draw(st.integers(1, 2)), draw(st.integers(1, max_facts))
    return Reversal(
        entities=draw(st.integers(8, 14)),
        relations=draw(st.integers(1, 3)),
        one_way=4,
        unseen=draw(st.integers(0, 4)),
        names=NameConfig(max_length=max_length, pieces=40 if max_length > 1 else None),
        wordings=draw(st.integers(1, 2)),
        documents=DocumentConfig(copies=2),
        episodes=ReversalEpisodeConfig(
            share=0.5,
            max_facts=max_facts,
            min_facts=min_facts,
            growth_steps=draw(st.sampled_from([None, 5])) if min_facts < max_facts else None,
            questions_per_fact=draw(st.integers(1, 2)),
            hub_share=draw(st.sampled_from([0.0, 0.5, 1.0])),
            filler_share=draw(st.sampled_from([0.0, 0.5, 1.0])),
            own_entities=draw(st.sampled_from([0, 10])),
        ),
    )


def episodes(corpus: Corpus, n: int = 12, step: int = 0) -> Documents:
    return corpus.episodes.draw(n, np.random.default_rng([3, step]))


@few
@given(worlds(), SEEDS)
def test_what_is_asked_follows_from_what_is_stated(task, seed):
    corpus, config = task.build(seed), task.episodes
    documents = episodes(corpus)
    for tokens, roles, length in zip(documents.tokens, documents.roles, documents.lengths):
        sequence = statements(corpus, tokens)
        count = len(sequence) // (1 + config.questions_per_fact)
        episode = facts(corpus, task, sequence[:count])
        assert config.min_facts <= count == len(episode) <= config.max_facts
        for first in range(count, len(sequence), count):
            assert facts(corpus, task, sequence[first : first + count]) == episode  # each fact is asked, in every round
        for head, word, tail in episode:  # and no other answers the same question, by either word
            assert [fact for fact in episode if fact[:2] == (head, word)] == [(head, word, tail)]
            assert [fact for fact in episode if fact[1:] == (word, tail)] == [(head, word, tail)]
        # Only what is asked has a role.
        is_asked = (tokens == SEPARATOR).cumsum() >= count
        assert set(roles[:length].tolist()) <= {NONE, TARGET}
        assert (roles[~is_asked] == NONE).all()
        targets = "-".join(corpus.vocabulary.words[token] for token in tokens[roles == TARGET])
        assert targets == "-".join(target for _, _, target in sequence[count:])


def test_the_maximum_of_facts_grows_from_the_minimum_over_so_many_steps():
    config = ReversalEpisodeConfig(share=0.5, max_facts=4, min_facts=2, growth_steps=30)
    corpus = Reversal(entities=20, one_way=4, episodes=config).build(0)
    counts = {
        step: {
            len(statements(corpus, tokens)) // 2
            for part in step_documents(corpus, batch_of(80), 0, step)[1:]
            for tokens in part.tokens
        }
        for step in (0, 9, 10, 19, 20, 29, 30, 1000)
    }
    assert counts[0] == counts[9] == {2}
    assert counts[10] == counts[19] == {2, 3}
    assert counts[20] == counts[29] == counts[30] == counts[1000] == {2, 3, 4}


@few
@given(worlds(), SEEDS)
def test_episodes_are_about_the_entities_that_the_settings_say(task, seed):
    corpus, config = task.build(seed), task.episodes
    documents, own_entities = episodes(corpus), set(corpus.entities.names[task.entities :])
    for tokens, length in zip(documents.tokens, documents.lengths):
        episode = facts(corpus, task, statements(corpus, tokens))
        names = [name for head, _, tail in episode for name in (head, tail)]
        assert not own_entities or set(names) <= own_entities
        if config.hub_share == 1 and 2 * task.relations >= config.max_facts:
            assert set.intersection(*({head, tail} for head, _, tail in episode))
        if config.hub_share == 0 and len(episode) > 1:
            assert len(set(names)) == len(names)
        filler = np.isin(tokens[:length], [corpus.vocabulary.ids[word] for word in FILLER])
        assert not filler.any() or config.filler_share > 0


@few
@given(worlds(), SEEDS)
def test_every_batch_has_its_share_of_episodes_and_the_maximum_length_is_known(task, seed):
    corpus = task.build(seed)
    (plain, *parts), (_, *same), (_, *others) = (step_documents(corpus, batch_of(10), seed, step) for step in (0, 0, 1))
    assert all(short.lengths.max() <= long.lengths.min() for short, long in itertools.pairwise(parts))
    first, again, later = (functools.reduce(operator.add, documents) for documents in (parts, same, others))
    assert (len(plain), len(first)) == (5, 5)
    np.testing.assert_array_equal(first.tokens, again.tokens)
    assert first.tokens.shape != later.tokens.shape or not np.array_equal(first.tokens, later.tokens)
    stored = {row[:length].tobytes() for row, length in zip(corpus.documents.tokens, corpus.documents.lengths)}
    assert all(row[:length].tobytes() in stored for row, length in zip(plain.tokens, plain.lengths))
    assert first.lengths.max() <= corpus.max_length
    splits = corpus.questions.values()
    assert max(int(questions.cloze.documents.lengths.max()) for questions in splits) <= corpus.max_length


def test_long_episodes_are_not_in_one_batch_with_short_ones(monkeypatch):
    task = Reversal(entities=12, relations=2, one_way=4, episodes=ReversalEpisodeConfig(share=0.5))
    corpus = task.build(0)
    _, episodes = step_documents(corpus, batch_of(20), 0, 0)
    longest = int(episodes.lengths.max())
    for tokens, batches in ((longest, 1), (longest - 1, 2), (1, len(episodes))):
        monkeypatch.setattr(train.batches, "TOKENS_A_BATCH", tokens)
        parts = step_documents(corpus, batch_of(20), 0, 0)[1:]
        assert len(parts) == batches
        assert all(
            part.tokens.shape[1] == part.lengths.max() for part in parts[:-1]
        )  # no padding to the longest of all
        assert sorted(np.concatenate([part.lengths for part in parts])) == sorted(episodes.lengths)
        assert all(short.lengths.max() <= long.lengths.min() for short, long in itertools.pairwise(parts))


def test_at_the_start_a_batch_can_hold_episodes_alone():
    task = Reversal(entities=12, relations=2, one_way=4, episodes=ReversalEpisodeConfig(share=0.5, only_steps=2))
    corpus = task.build(0)
    stored = {row[:length].tobytes() for row, length in zip(corpus.documents.tokens, corpus.documents.lengths)}
    for step, of_the_world in enumerate((0, 0, 5, 5)):
        batch = [
            row[:length].tobytes()
            for documents in step_documents(corpus, batch_of(10), 0, step)
            for row, length in zip(documents.tokens, documents.lengths)
        ]
        assert len(batch) == 10
        assert sum(row in stored for row in batch) == of_the_world
    without = replace(task, episodes=replace(task.episodes, only_steps=0)).build(0)
    np.testing.assert_array_equal(corpus.documents.tokens, without.documents.tokens)
    # From there on they are those of a run that had documents of the world from the start.
    for first, second in zip(
        step_documents(corpus, batch_of(10), 0, 2), step_documents(without, batch_of(10), 0, 2), strict=True
    ):
        np.testing.assert_array_equal(first.tokens, second.tokens)


def test_both_objectives_are_given_the_same_documents():
    config = ReversalEpisodeConfig(share=0.5)
    corpus = Reversal(entities=12, relations=2, one_way=4, episodes=config).build(0)
    for causal, masked in zip(
        *(make_batches(corpus, objective, batch_of(8), 0, 3) for objective in (Causal(), Masked()))
    ):
        unmasked = np.array(masked["tokens"])
        unmasked.ravel()[masked["logit_positions"]] = masked["targets"]
        np.testing.assert_array_equal(causal["tokens"], unmasked)


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"share": 1.0}, "task.episodes.share is 1.0, but must be 0 or more and below 1"),
        ({"only_steps": -1}, "task.episodes.only_steps is -1, but must be 0 or more"),
        ({"max_facts": 0}, "task.episodes.max_facts is 0, but must be 1 or more"),
        ({"min_facts": 5}, r"task.episodes.min_facts is 5, but must be 1 to task.episodes.max_facts \(4\)"),
        ({"hub_share": 1.5}, "task.episodes.hub_share is 1.5, but must be 0 to 1"),
        ({"filler_share": -0.5}, "task.episodes.filler_share is -0.5, but must be 0 to 1"),
        ({"own_entities": 3}, r"task.episodes.own_entities is 3, but must be 0, or 8 \(two a fact\) or more"),
    ],
)
def test_impossible_settings_are_refused_by_name(given_settings, message):
    with pytest.raises(SettingError, match=message):
        ReversalEpisodeConfig(**given_settings)
