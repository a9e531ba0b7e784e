"""Batches as a pure function of (corpus, objective, seed, step): resuming and comparing need no loader state."""

from functools import lru_cache

import numpy as np

from config.validation import require
from model.objectives.base import Objective
from model.objectives.batch import Batch
from tasks.corpus import Corpus, Documents

EPISODE_BATCHES = 3  # the episodes of a step are divided by length: in one batch, half of it would be padding
# What random numbers are for; each generator is seeded with (seed, purpose, step or epoch).
ORDER, CORRUPTION, EPISODES = 1, 2, 3


@lru_cache(maxsize=2)
def epoch_order(documents: int, seed: int, epoch: int) -> np.ndarray:
    """The order in which one epoch goes through so many documents, int[documents]."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(documents)


def step_rows(documents: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Which of so many documents a step trains on, int[batch]. Epochs follow one another, each in its own order."""
    epoch, position = np.divmod(np.arange(step * batch, (step + 1) * batch), documents)
    return np.concatenate([epoch_order(documents, seed, int(e))[position[epoch == e]] for e in np.unique(epoch)])


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


def draw_step(corpus: Corpus, batch: int, seed: int, step: int) -> tuple[np.ndarray, Documents | None]:
    """What a step trains on: rows of the corpus' documents, and episodes; None where it has none."""
    count = num_episodes(corpus, batch, step)
    rows = step_rows(len(corpus.documents), batch - count, seed, step) if count < batch else np.zeros(0, np.int64)
    episodes = corpus.episodes.draw(count, np.random.default_rng([seed, EPISODES, step]), step) if count else None
    return rows, episodes


def step_documents(corpus: Corpus, batch: int, seed: int, step: int) -> list[Documents]:
    """The documents of a step: some of the corpus, and episodes in batches of their own, by length.

    Episodes are many times longer than other documents. In one batch, all would be padded to the longest.
    """
    rows, episodes = draw_step(corpus, batch, seed, step)
    parts = [corpus.documents[rows]] if len(rows) else []
    if episodes is not None:
        by_length = episodes.lengths.argsort(kind="stable")
        parts += [episodes[rows] for rows in np.array_split(by_length, min(EPISODE_BATCHES, len(episodes)))]
    return parts


def make_batches(corpus: Corpus, objective: Objective, batch: int, seed: int, step: int) -> list[Batch]:
    """The objective's batches of a step, of `batch` documents in all. Which documents does not depend on it."""
    rng = np.random.default_rng([seed, CORRUPTION, step])
    return [objective.make_batch(documents, rng) for documents in step_documents(corpus, batch, seed, step)]
