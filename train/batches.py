"""Batches as a pure function of (corpus, objective, seed, step): resuming and comparing need no loader state."""

from functools import lru_cache

import numpy as np

from config.validation import require
from model.objectives.base import Objective
from model.objectives.batch import Batch
from tasks.common.spans import documents_about
from tasks.corpus import Corpus, Documents
from train.config import TrainConfig

EPISODE_BATCHES = 3  # the episodes of a step are divided by length: in one batch, half of it would be padding
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
def subset_rows(corpus: Corpus, share: float, seed: int) -> np.ndarray:
    """The documents that name no other entities than a random `share` of all, int[m].

    Raises SettingError where there is none.
    """
    entities = len(corpus.entities)
    is_chosen = np.random.default_rng([seed, SUBSET]).permutation(entities) < share * entities
    rows = np.flatnonzero(documents_about(corpus.documents, corpus.entities, is_chosen))
    require(len(rows) > 0, "train.subset", share, "larger: no document is about that few entities alone")
    return rows


def world_documents(corpus: Corpus, count: int, config: TrainConfig, seed: int, step: int) -> Documents:
    """`count` documents of the world for a step: of a subset of the entities at first, and then of all of them."""
    if step < config.first_steps:
        rows = subset_rows(corpus, config.subset, seed)
        return corpus.documents[rows[step_rows(len(rows), count, seed, step)]]
    return corpus.documents[step_rows(len(corpus.documents), count, seed, step - config.first_steps)]


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


def step_documents(corpus: Corpus, config: TrainConfig, seed: int, step: int) -> list[Documents]:
    """The documents of a step: some of the corpus, and episodes in batches of their own, by length.

    Episodes are many times longer than other documents. In one batch, all would be padded to the longest.
    """
    episodes = num_episodes(corpus, config.batch, step)
    parts = []
    if episodes < config.batch:
        parts.append(world_documents(corpus, config.batch - episodes, config, seed, step))
    if episodes:
        documents = corpus.episodes.draw(episodes, np.random.default_rng([seed, EPISODES, step]), step)
        by_length = documents.lengths.argsort(kind="stable")
        parts += [documents[rows] for rows in np.array_split(by_length, min(EPISODE_BATCHES, episodes))]
    return parts


def make_batches(corpus: Corpus, objective: Objective, config: TrainConfig, seed: int, step: int) -> list[Batch]:
    """The objective's batches of a step, of `config.batch` documents in all. Which ones does not depend on it."""
    rng = np.random.default_rng([seed, CORRUPTION, step])
    return [objective.make_batch(documents, rng) for documents in step_documents(corpus, config, seed, step)]
