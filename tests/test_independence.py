"""Episodes tell nothing about the world: they are drawn from its entities, without a look at its facts.

Avoiding true facts would not do: over a long run, what never comes up would be true.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import binom

from config.override import override
from tasks import TASKS
from tasks.codebook import Codebook
from tasks.corpus import Corpus
from tasks.hierarchy import Hierarchy
from tasks.reversal import Reversal
from tasks.syllogism import Syllogism
from tasks.syllogism.world import Chains
from tasks.triples import Triples
from tasks.vocabulary import BEGIN, SEPARATOR
from tests.reading import Statement, answered, premises, stated, statement
from tests.test_every_task import EPISODES, every_task_with_episodes
from tests.test_triples import write

NUM_EPISODES = 20_000
NAMES = [f"n{i}" for i in range(8)]
Worlds = tuple[Corpus, Corpus]


# --- two worlds of the same entities, whose facts differ, for each task ---


def reversal_worlds(tmp_path: Path, monkeypatch) -> Worlds:
    task = override(Reversal(entities=8, relations=2, one_way=8), EPISODES)
    return task.build(0), task.build(1)


def triples_worlds(tmp_path: Path, monkeypatch) -> Worlds:
    words, worlds = ("likes", "is-liked-by", "knows", "is-known-by"), []
    for number, (word, shift) in enumerate((("knows", 3), ("likes", 5))):
        lines = [(NAMES[i], word, NAMES[i + 1]) for i in range(0, 8, 2)]  # names come in the same order
        lines += [(NAMES[i], "likes", NAMES[(i + shift) % 8]) for i in range(8)]
        folder = tmp_path / str(number)
        folder.mkdir()
        worlds.append(override(Triples(**write(folder, lines, words)), EPISODES).build(0))
    return tuple(worlds)


def syllogism_worlds(tmp_path: Path, monkeypatch) -> Worlds:
    task = override(Syllogism(chains=3, held_out_share=0.7, misleading_share=1), EPISODES)
    first, chains = task.build(0), task.all_chains()
    parts = (chains.lengths, chains.quantifier, chains.held_out, chains.misleading)
    other = Chains(*(np.roll(part, 1) for part in parts))  # other classes form a chain
    monkeypatch.setattr(Syllogism, "all_chains", lambda self: other)
    return first, task.build(0)


def codebook_worlds(tmp_path: Path, monkeypatch) -> Worlds:
    task = Codebook(
        books=2, symbols=4, length=2, latent_share=0.25, min_latent=1, one_way=1, encodings=4, questions_per_split=40
    )
    task = override(task, EPISODES | {"episodes.max_facts": 4})
    return task.build(0), task.build(1)


def hierarchy_worlds(tmp_path: Path, monkeypatch) -> Worlds:
    task = override(Hierarchy(trees=3, branching=2, relations=3, wordings=1, holdout_share=0), EPISODES)
    return task.build(0), replace(task, trees=7, branching=1).build(0)


WORLDS = {
    "reversal": reversal_worlds,
    "triples": triples_worlds,
    "syllogism": syllogism_worlds,
    "codebook": codebook_worlds,
    "hierarchy": hierarchy_worlds,
}


@every_task_with_episodes
def test_episodes_are_the_same_bit_for_bit_in_a_world_of_other_facts(name, tmp_path, monkeypatch):
    first, second = WORLDS[name](tmp_path, monkeypatch)
    assert facts_by_number(first) != facts_by_number(second)
    for step in range(3):
        drawn, again = (corpus.episodes.draw(200, np.random.default_rng([1, step])) for corpus in (first, second))
        np.testing.assert_array_equal(numbered(first, drawn.tokens), numbered(second, again.tokens))
        np.testing.assert_array_equal(drawn.roles, again.roles)
        np.testing.assert_array_equal(drawn.lengths, again.lengths)


def numbered(corpus: Corpus, tokens: np.ndarray) -> np.ndarray:
    """Tokens of the world, in which each name of one token is the number of its entity."""
    single = np.flatnonzero(corpus.entities.lengths == 1)
    number = np.arange(len(corpus.vocabulary))
    number[corpus.entities.tokens[single, 0]] = len(corpus.vocabulary) + single
    return number[tokens]


def facts_by_number(corpus: Corpus) -> set[bytes]:
    """What training states, with numbers for entities."""
    documents = corpus.premises.documents
    rows = zip(numbered(corpus, documents.tokens), documents.lengths)
    return {row[:length].tobytes() for row, length in rows}


# --- how often a true statement comes up ---


@every_task_with_episodes
def test_a_true_statement_comes_up_as_often_as_a_false_one_by_every_word(name, tmp_path, monkeypatch):
    corpus, _ = WORLDS[name](tmp_path, monkeypatch)
    by_word = defaultdict(list)
    for drawn in draw_one_statement_each(corpus):
        by_word[kind(drawn)].append(drawn)
    for true in (set(stated(corpus)) | set(premises(corpus)), set(held_out(corpus, name))):
        expected, counted = 0.0, 0
        for drawn in by_word.values():
            share, count = share_of_true(true, drawn), sum(statement in true for statement in drawn)
            low, high = binom.interval(1 - 1e-4, len(drawn), share)
            assert low <= count <= high
            expected, counted = expected + share * len(drawn), counted + count
        assert expected > 30  # so that none at all would be far outside
        assert abs(counted - expected) < 4 * expected**0.5


def draw_one_statement_each(corpus: Corpus) -> Iterator[Statement]:
    """One statement of each episode, stated or asked, at random: they are independent of each other."""
    rng, names = np.random.default_rng(0), set(corpus.entities.names)
    documents = corpus.episodes.draw(NUM_EPISODES, rng)
    number = (documents.tokens == SEPARATOR).cumsum(1)
    chosen = number == rng.integers(number[:, -1] + 1)[:, None]
    chosen &= ~np.isin(documents.tokens, (BEGIN, SEPARATOR)) & (documents.tokens > 0)
    for tokens, is_chosen in zip(documents.tokens, chosen):
        source, word, target = statement(corpus, tokens[is_chosen].tolist())
        if source in names and target in names:  # a codebook's episodes also repeat a symbol; its world does not
            yield source, word, target


def kind(drawn: Statement) -> tuple[str, int]:
    """The words of a statement, and whether it is of symbols or of sequences."""
    source, word, _ = drawn
    return word, len(source.split("-"))


def held_out(corpus: Corpus, name: str) -> Iterator[Statement]:
    for split in TASKS[name].held_out_splits:
        if questions := corpus.questions.get(split):
            for i in range(len(questions)):
                yield from answered(corpus, questions, i)


def share_of_true(true: set[Statement], drawn: list[Statement]) -> float:
    """The share of true statements among all with any source and target of those drawn, which are of one kind."""
    sources, targets = {source for source, _, _ in drawn}, {target for _, _, target in drawn}
    possible = {(source, drawn[0][1], target) for source in sources for target in targets if source != target}
    return len(true & possible) / len(possible)
