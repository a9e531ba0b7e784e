"""Batches as a pure function of (corpus, objective, seed, step): resuming and comparing need no loader state."""

import math
from functools import lru_cache

import numpy as np

from config.validation import require
from model.objectives.base import Objective
from model.objectives.batch import Batch
from tasks.common.statement_reader import StatementReader
from tasks.corpus import Corpus, Documents
from train.config import TrainConfig

TOKENS_A_BATCH = 64  # of the longest episode; with fewer, another batch costs as much as it saves
# What random numbers are for; each generator is seeded with (seed, purpose, step or epoch).
ORDER, CORRUPTION, EPISODES, SUBSET = 1, 2, 3, 4


@lru_cache(maxsize=2)
def epoch_order(documents: int, seed: int, epoch: int) -> np.ndarray:
    """The order in which one epoch goes through so many documents, int[documents]."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(documents)


def step_rows(documents: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Which of so many documents a step trains on, int[batch]. Epochs follow one another, each in its own order."""
    epoch, position = np.divmod(np.arange(step * batch, (step + 1) * batch), documents)
    return np.concatenate([epoch_order(documents, seed, int(e))[position[epoch == e]] for e in np.unique(epoch)])


@lru_cache(maxsize=2)
def last_head(corpus: Corpus, seed: int) -> np.ndarray:
    """int[n]: of the entities that each document states facts about, the last one in a random order; -1 for none.

    A fact is about its head, whichever word states it: so both statements of a fact are of one entity. A name that no
    entity has, which a model may infer, counts as the last of all.
    """
    reader = StatementReader.build(corpus)
    statements = reader.read(corpus.documents)
    head = reader.heads(statements)
    rank = np.random.default_rng([seed, SUBSET]).permutation(len(corpus.entities))
    last = np.full(len(corpus.documents), -1)
    np.maximum.at(last, statements.document, np.where(head < 0, len(rank), rank[head]))
    return last


@lru_cache(maxsize=2)
def subset_rows(corpus: Corpus, share: float, seed: int) -> np.ndarray:
    """The documents about the first entities in a random order: `share` of all documents, or just above, int[m]."""
    rank = last_head(corpus, seed)
    count = max(round(share * len(rank)), 1)
    return np.flatnonzero(rank <= np.partition(rank, count - 1)[count - 1])


@lru_cache(maxsize=2)
def power_law_shares(corpus: Corpus, exponent: float, seed: int) -> np.ndarray:
    """float[n]: cumulative distribution over documents, by 1 / rank^exponent of their entity (2503.21676)."""
    weight = (1.0 + np.maximum(last_head(corpus, seed), 0)) ** -exponent
    return weight.cumsum() / weight.sum()


def world_rows(corpus: Corpus, count: int, config: TrainConfig, seed: int, step: int) -> np.ndarray:
    """`count` documents of the world for a step, int[count]: of a subset of the entities at first, then of all."""
    if config.power_law:
        chance = np.random.default_rng([seed, ORDER, step]).random(count)
        return np.searchsorted(power_law_shares(corpus, config.power_law, seed)[:-1], chance)
    if step < config.first_steps:
        rows = subset_rows(corpus, config.subset, seed)
        return rows[step_rows(len(rows), count, seed, step)]
    return step_rows(len(corpus.documents), count, seed, step - config.first_steps)


def num_episodes(corpus: Corpus, batch: int, step: int = 0) -> int:
    """How many documents of a batch are episodes.

    Raises SettingError where their share leaves no document of the world in it.
    """
    if corpus.episodes is None:
        return 0
    episodes = round(corpus.episodes.share * batch)
    allowed = f"larger: {episodes} documents of a batch are episodes, which leaves none of the world's"
    require(episodes < batch, "train.batch", batch, allowed)
    return batch if step < corpus.episodes.only_steps else episodes


def draw_step(corpus: Corpus, config: TrainConfig, seed: int, step: int) -> tuple[np.ndarray, Documents | None]:
    """What a step trains on: rows of the corpus' documents, and episodes; None where it has none."""
    count = num_episodes(corpus, config.batch, step)
    rows = np.zeros(0, np.int64)
    if count < config.batch:
        rows = world_rows(corpus, config.batch - count, config, seed, step)
    episodes = corpus.episodes.draw(count, np.random.default_rng([seed, EPISODES, step]), step) if count else None
    return rows, episodes


def step_documents(corpus: Corpus, config: TrainConfig, seed: int, step: int) -> list[Documents]:
    """The documents of a step: some of the corpus; and episodes in batches of their own, since they are longer."""
    rows, episodes = draw_step(corpus, config, seed, step)
    parts = [corpus.documents[rows]] if len(rows) else []
    return parts if episodes is None else [*parts, *by_length(episodes)]


def by_length(episodes: Documents) -> list[Documents]:
    """The episodes in one batch, or the short ones apart from the long ones.

    A batch is as long as its longest document, and attention costs the square of that.
    """
    batches = min(math.ceil(episodes.lengths.max() / TOKENS_A_BATCH), len(episodes))
    if batches == 1:
        return [episodes]
    return [episodes[rows] for rows in np.array_split(episodes.lengths.argsort(kind="stable"), batches)]


def make_batches(corpus: Corpus, objective: Objective, config: TrainConfig, seed: int, step: int) -> list[Batch]:
    """The objective's batches of a step, of `config.batch` documents in all. Which ones does not depend on it."""
    rng = np.random.default_rng([seed, CORRUPTION, step])
    return [objective.make_batch(documents, rng) for documents in step_documents(corpus, config, seed, step)]
