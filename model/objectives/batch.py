"""A batch, as numpy makes it and as torch takes it, and what several objectives do to documents and questions."""

import numpy as np

from model.torch_types import Device, Tensor
from tasks.common.segments import Segment, pack
from tasks.corpus import NONE, Cloze, Documents
from tasks.vocabulary import MASK

Batch = dict[str, np.ndarray]  # as numpy; base.py lists the keys
Tensors = dict[str, Tensor]  # the same on the device


def to_tensors(batch: Batch, device: Device) -> Tensors:
    """A batch on the device; integers as torch indexes with them."""
    import torch

    return {
        key: torch.from_numpy(array).to(device, torch.long if array.dtype.kind == "i" else None)
        for key, array in batch.items()
    }


# A share of a batch, for one of several processes

ROWS = ("tokens", "lengths", "num_maskable", "positions", "target_positions", "prefix_lengths", "right_to_left")
ROWS += ("decoder_tokens", "questions", "question_lengths", "conclusions", "conclusion_lengths")
FLAT = ("logit_positions", "prefix_ends", "suffix_starts")  # counted through [b, t]
EACH_FLAT = ("targets", "weights", "is_next", "labels")  # a value for each of FLAT
WHOLE = ("names", "name_ends")  # every process computes them all: the right name is contrasted with each


def share_rows(batch: Batch, rank: int, size: int) -> Batch:
    """Every `size`-th row of a batch from row `rank` on, as a batch.

    The losses of all shares, summed, are the loss of the batch, and so are their denominators. Of a joint embedding, a
    share has no targets: its labels are what is predicted.
    """
    t = batch.get("decoder_tokens", batch["tokens"]).shape[1]
    row = batch["prefix_ends" if "prefix_ends" in batch else "logit_positions"] // t  # [n]
    is_own = row % size == rank
    share = {key: batch[key] for key in WHOLE if key in batch}
    share |= {key: batch[key][rank::size] for key in ROWS if key in batch}
    share |= {key: (batch[key] - (row - row // size) * t)[is_own] for key in FLAT if key in batch}
    counted = [key for key in EACH_FLAT if key in batch and not (key == "targets" and "labels" in batch)]
    return share | {key: batch[key][is_own] for key in counted}


# Batches and queries


def mask_tokens(documents: Documents, is_masked: np.ndarray, offset: int = 0) -> Batch:
    """The documents with [mask] where `is_masked`[b, t]. Each such token is a target.

    It is predicted at its own position, or `offset` positions right of it.
    """
    flat = np.flatnonzero(is_masked)
    return {
        "tokens": np.where(is_masked, np.int32(MASK), documents.tokens),
        "lengths": documents.lengths,
        "logit_positions": flat + offset,
        "targets": documents.tokens.ravel()[flat],
    }


def query_at(cloze: Cloze, prefix: np.ndarray, offset: int = 0) -> Batch:
    """The questions with `prefix`[q, j] filled in. They ask for the next token of each open span.

    It is predicted at its own position, or `offset` positions right of it.
    """
    filled, position = fill_in(cloze, prefix)
    return {
        "tokens": filled.tokens,
        "lengths": filled.lengths,
        "logit_positions": flat_positions(position + offset, filled.tokens.shape[1]),
    }


def fill_in(cloze: Cloze, prefix: np.ndarray) -> tuple[Documents, np.ndarray]:
    """The questions with `prefix`[q, j] at the start of each open span, and the position int[q] of the next token.

    Where a span has no further token, that is its last position.
    """
    documents, row = cloze.documents, np.arange(len(cloze))
    tokens = documents.tokens.copy()
    for j in range(prefix.shape[1]):
        in_span = row[j < cloze.size]
        tokens[in_span, cloze.start[in_span] + j] = prefix[in_span, j]
    filled = Documents(tokens, documents.lengths, documents.roles)
    return filled, cloze.start + np.minimum(prefix.shape[1], cloze.size - 1)


def flat_positions(position: np.ndarray, t: int) -> np.ndarray:
    """One `position`[b] in each of b documents of t positions, counted through [b, t]."""
    return np.arange(len(position)) * t + position


def stated_left_and_right(cloze: Cloze) -> tuple[np.ndarray, np.ndarray]:
    """Whether a statement has tokens left of each open span, bool[q], and right of it."""
    position = np.arange(cloze.documents.tokens.shape[1])
    is_stated = cloze.documents.roles != NONE
    left, right = position < cloze.start[:, None], position >= (cloze.start + cloze.size)[:, None]
    return (is_stated & left).any(1), (is_stated & right).any(1)


# Documents and names


def reorder(documents: Documents, order: np.ndarray) -> Documents:
    """The documents with their positions in another order[b, t]."""
    tokens, roles = (np.take_along_axis(array, order, 1) for array in (documents.tokens, documents.roles))
    return Documents(tokens, documents.lengths, roles)


def interleave(first: Segment, second: Segment) -> Documents:
    """Documents that alternate: a token of the first segment, one of the second, the next of the first, and so on."""
    shape = first.tokens.shape
    tokens, present, roles = (
        np.stack([np.broadcast_to(array, shape) for array in pair], axis=2).reshape(shape[0], -1)
        for pair in zip(first, second)
    )  # [b, t, 2] -> [b, 2t]
    return pack(tokens, roles, present)


def reverse_names(names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Names [n, k] of `sizes`[n] tokens, each with its last token first; padding stays on the right."""
    position = np.arange(names.shape[1])
    order = np.where(position < sizes[:, None], sizes[:, None] - 1 - position, position)
    return np.take_along_axis(names, order, 1)
