"""Batches as a pure function of (corpus, objective, seed, step): resuming and comparing need no loader state."""

from functools import lru_cache

import numpy as np

from model.objectives.batch import Arrays
from model.objectives.contract import Objective
from tasks.corpus import Corpus, Documents
from tasks.settings import require

PARTS = 3  # batches into which drawn documents go, short ones first: half of one batch of them would be padding
# What a stream of random numbers is for; each is drawn from (seed, purpose, step or epoch).
ORDER, CORRUPTION, DRAWN = 1, 2, 3


@lru_cache(maxsize=2)
def order(documents: int, seed: int, epoch: int) -> np.ndarray:
    """The documents in the order of one epoch, int[documents]."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(documents)


def rows(documents: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Which documents a step is given, int[batch]: epochs one after another, each in an order of its own."""
    epoch, place = np.divmod(np.arange(step * batch, (step + 1) * batch), documents)
    return np.concatenate([order(documents, seed, int(e))[place[epoch == e]] for e in np.unique(epoch)])


def drawn_anew(corpus: Corpus, batch: int, step: int = 0) -> int:
    """How many of a batch's documents are drawn anew. Raises SettingError where their share leaves none of the
    world's."""
    new = round(corpus.drawn.share * batch) if corpus.drawn else 0
    require(new < batch, "train.batch", batch, f"more: {new} are drawn anew, and none of the world's are left")
    return batch if corpus.drawn and step < corpus.drawn.alone else new


def documents_of(corpus: Corpus, batch: int, seed: int, step: int) -> list[Documents]:
    """The documents of a step: those of the corpus in turn and, where it draws some anew, their share of such.

    Apart and by length, since those drawn are many times longer, and some of them than others: together all would be
    padded to the length of the longest.
    """
    new = drawn_anew(corpus, batch, step)
    parts = [corpus.documents[rows(len(corpus.documents), batch - new, seed, step)]] if new < batch else []
    if new:
        drawn = corpus.drawn.draw(new, np.random.default_rng([seed, DRAWN, step]), step)
        by_length = np.array_split(drawn.lengths.argsort(kind="stable"), min(PARTS, new))
        parts += [drawn[rows] for rows in by_length]
    return parts


def make_batches(corpus: Corpus, objective: Objective, batch: int, seed: int, step: int) -> list[Arrays]:
    """The objective's batches of a step, of `batch` documents in all. Which documents does not depend on it."""
    rng = np.random.default_rng([seed, CORRUPTION, step])
    return [objective.prepare(documents, rng) for documents in documents_of(corpus, batch, seed, step)]
