"""A batch, as numpy makes it and as torch takes it; and what several objectives do to documents on the way there."""

import numpy as np
import torch
from torch import Tensor

from tasks.corpus import NONE, Documents, Questions, pack
from tasks.vocabulary import MASK

Arrays = dict[str, np.ndarray]  # a batch as numpy
Tensors = dict[str, Tensor]  # a batch on the device


def to_tensors(arrays: Arrays, device: torch.device) -> Tensors:
    """A batch on the device; integers as torch indexes with them."""
    return {k: torch.from_numpy(v).to(device, torch.long if v.dtype.kind == "i" else None) for k, v in arrays.items()}


def fill(questions: Questions, given: np.ndarray) -> tuple[Documents, np.ndarray]:
    """The questions with `given`[q, j] at the start of each open span, and the place [q] after it: where a span is
    shorter than that, its last place."""
    own, rows = questions.documents, np.arange(len(questions))
    tokens = own.tokens.copy()
    for j in range(given.shape[1]):
        inside = rows[j < questions.size]
        tokens[inside, questions.start[inside] + j] = given[inside, j]
    return Documents(tokens, own.lengths, own.roles), questions.start + np.minimum(given.shape[1], questions.size - 1)


def flat(place: np.ndarray, t: int) -> np.ndarray:
    """One `place`[b] in each of b rows of t, counted through [b, t]."""
    return np.arange(len(place)) * t + place


def masked(documents: Documents, hidden: np.ndarray, before: int = 0) -> Arrays:
    """The documents with `hidden`[b, t] masked; each such token is a target, said `before` places left of it."""
    place = np.flatnonzero(hidden)
    return {
        "tokens": np.where(hidden, np.int32(MASK), documents.tokens),
        "lengths": documents.lengths,
        "at": place - before,
        "targets": documents.tokens.ravel()[place],
    }


def asked_at(questions: Questions, given: np.ndarray, before: int = 0) -> Arrays:
    """The questions with `given` filled in; the next token is said `before` places left of where it stands."""
    filled, place = fill(questions, given)
    at = flat(place - before, filled.tokens.shape[1])
    return {"tokens": filled.tokens, "lengths": filled.lengths, "at": at}


def stated_outside(questions: Questions) -> tuple[np.ndarray, np.ndarray]:
    """Whether anything of a statement stands left of each open span, bool[q], and right of it."""
    documents, at = questions.documents, np.arange(questions.documents.tokens.shape[1])
    stated = documents.roles != NONE
    left, right = at < questions.start[:, None], at >= (questions.start + questions.size)[:, None]
    return (stated & left).any(1), (stated & right).any(1)


def reorder(documents: Documents, order: np.ndarray) -> Documents:
    """The documents with their places in another order[b, t]."""
    tokens, roles = (np.take_along_axis(array, order, 1) for array in (documents.tokens, documents.roles))
    return Documents(tokens, documents.lengths, roles)


def flipped(names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Names [n, k] of `sizes` [n] tokens, each last token first; padding stays on the right."""
    at = np.arange(names.shape[1])
    return np.take_along_axis(names, np.where(at < sizes[:, None], sizes[:, None] - 1 - at, at), 1)


Columns = tuple[np.ndarray, np.ndarray, np.ndarray]  # tokens, roles and whether present, each [b, t]


def part(documents: Documents, present: np.ndarray) -> Columns:
    """What is `present`[b, t] of the documents, padding never."""
    return documents.tokens, documents.roles, present & real(documents)


def marker(token: int, present: np.ndarray) -> Columns:
    """One special token in the documents where it is `present`[b]."""
    b = len(present)
    return np.full((b, 1), token, np.int32), np.full((b, 1), NONE, np.int8), present[:, None]


def beside(*columns: Columns) -> Documents:
    """Documents made of parts and markers one after another."""
    return pack(*(np.concatenate(arrays, axis=1) for arrays in zip(*columns)))


def real(documents: Documents) -> np.ndarray:
    """What is no padding, bool[b, t]."""
    return np.arange(documents.tokens.shape[1]) < documents.lengths[:, None]
