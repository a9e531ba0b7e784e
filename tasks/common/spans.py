"""Which entities documents name: their spans, compared with the names of entities."""

import numpy as np

from tasks.corpus import SOURCE, TARGET, Documents
from tasks.vocabulary import Entities


def highest_rank(documents: Documents, entities: Entities, rank: np.ndarray) -> np.ndarray:
    """int[n]: the highest `rank`[e] of the entities that each document names, -1 where it names none.

    A name of no entity, which a model may have inferred, ranks above all entities.
    """
    index = np.arange(entities.tokens.shape[1])
    keys = np.where(index < entities.lengths[:, None], token_keys(entities.tokens, index), 0).sum(1)
    order = np.argsort(keys)
    named, document = span_keys(documents)
    is_entity = np.isin(named, keys)
    ranks = np.full(len(named), len(rank))
    ranks[is_entity] = rank[order[np.searchsorted(keys[order], named[is_entity])]]
    highest = np.full(len(documents), -1)
    np.maximum.at(highest, document, ranks)
    return highest


def span_keys(documents: Documents) -> tuple[np.ndarray, np.ndarray]:
    """For each name in the documents, in order: a key of its tokens, uint64[m], and its document, int[m]."""
    roles = documents.roles
    is_name, starts = np.isin(roles, (SOURCE, TARGET)), np.ones(roles.shape, bool)
    starts[:, 1:] = roles[:, 1:] != roles[:, :-1]
    starts &= is_name
    document, position = np.nonzero(is_name)
    first = np.flatnonzero(starts[is_name])
    index = np.arange(len(document)) - np.repeat(first, np.diff(first, append=len(document)))
    keys = token_keys(documents.tokens[document, position], index)
    return np.add.reduceat(keys, first) if len(first) else keys, document[first]


def token_keys(tokens: np.ndarray, index: np.ndarray) -> np.ndarray:
    """A number for each of tokens[…] at its `index`[…] in a name, uint64[…]. Their sum is the key of the name.

    Sums modulo 2^64 of products with large odd numbers: two names of a million have the same with a chance of 1e-7.
    """
    with np.errstate(over="ignore"):
        odd = (np.uint64(0x9E3779B97F4A7C15) * (2 * index.astype(np.uint64) + 1)) | np.uint64(1)
        mixed = (tokens.astype(np.uint64) + np.uint64(1)) * odd
        mixed ^= mixed >> np.uint64(29)
        return mixed * np.uint64(0xBF58476D1CE4E5B9)
