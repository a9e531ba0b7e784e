"""Batches as a pure function of (corpus, objective, seed, step): resuming and comparing need no loader state."""

from functools import lru_cache

import numpy as np

from model.objectives.batch import Arrays
from model.objectives.contract import Objective
from tasks.corpus import Corpus

# What a stream of random numbers is for; each is drawn from (seed, purpose, step or epoch).
ORDER, CORRUPTION = 1, 2


@lru_cache(maxsize=2)
def order(documents: int, seed: int, epoch: int) -> np.ndarray:
    """The documents in the order of one epoch, int[documents]."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(documents)


def rows(documents: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Which documents a step is given, int[batch]: epochs one after another, each in an order of its own."""
    epoch, place = np.divmod(np.arange(step * batch, (step + 1) * batch), documents)
    return np.concatenate([order(documents, seed, int(e))[place[epoch == e]] for e in np.unique(epoch)])


def make_batch(corpus: Corpus, objective: Objective, batch: int, seed: int, step: int) -> Arrays:
    """The objective's batch of `batch` documents for a step. Which documents does not depend on the objective."""
    documents = corpus.documents[rows(len(corpus.documents), batch, seed, step)]
    return objective.prepare(documents, np.random.default_rng([seed, CORRUPTION, step]))
