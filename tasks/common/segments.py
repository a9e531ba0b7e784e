"""Documents made of segments: runs of tokens that stand one after another, some of them only in some rows."""

from typing import NamedTuple

import numpy as np

from tasks.corpus import NONE, Documents


class Segment(NamedTuple):
    """A run of tokens for each of n documents. Documents that lack it go on with the next segment."""

    tokens: np.ndarray
    """int[n, k]"""
    present: np.ndarray
    """bool[n, k] or bool[n, 1]"""
    roles: np.ndarray | int = NONE
    """int8[n, k], or one role for all"""


def special(token: int, present: np.ndarray, role: int = NONE) -> Segment:
    """One special token in the documents where it is `present`, bool[n]."""
    return Segment(np.full((len(present), 1), token, np.int32), present[:, None], role)


def of_documents(
    documents: Documents, present: np.ndarray | bool = True, roles: np.ndarray | int | None = None
) -> Segment:
    """The tokens of the documents that are `present`, bool[n, t], without padding."""
    roles = documents.roles if roles is None else roles
    return Segment(documents.tokens, documents.is_token() & present, roles)


def concatenate(*segments: Segment) -> Documents:
    """Documents made of the segments, one after another."""
    n, ends = len(segments[0].tokens), np.cumsum([segment.tokens.shape[1] for segment in segments])
    tokens, roles = np.empty((n, ends[-1]), np.int32), np.empty((n, ends[-1]), np.int8)
    present = np.empty((n, ends[-1]), bool)
    for segment, end in zip(segments, ends):
        columns = slice(end - segment.tokens.shape[1], end)
        tokens[:, columns], present[:, columns], roles[:, columns] = segment
    return pack(tokens, roles, present)


def pack(tokens: np.ndarray, roles: np.ndarray, present: np.ndarray) -> Documents:
    """Documents of the tokens[n, t] that are `present`[n, t], in order, padded on the right; roles[n, t] go along."""
    lengths = present.sum(1, dtype=np.int32)
    is_token = np.arange(lengths.max(initial=0)) < lengths[:, None]
    packed = Documents(np.zeros(is_token.shape, np.int32), lengths, np.zeros(is_token.shape, np.int8))
    # Both boolean arrays are read row by row, so the order stays.
    packed.tokens[is_token] = tokens[present]
    packed.roles[is_token] = roles[present]
    return packed
