"""A batch, as numpy makes it and as torch takes it, and questions on their way to becoming one."""

import numpy as np
import torch
from torch import Tensor

from tasks.corpus import Questions

Arrays = dict[str, np.ndarray]  # a batch as numpy
Tensors = dict[str, Tensor]  # a batch on the device


def to_tensors(arrays: Arrays, device: torch.device) -> Tensors:
    """A batch on the device; integers as torch indexes with them."""
    return {k: torch.from_numpy(v).to(device, torch.long if v.dtype.kind == "i" else None) for k, v in arrays.items()}


def fill(questions: Questions, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The questions' tokens[q, t] with `given`[q, j] at the start of each open span, and the place [q] after it.

    Where a span is shorter than that, its last place.
    """
    tokens, rows = questions.documents.tokens.copy(), np.arange(len(questions))
    for j in range(given.shape[1]):
        inside = rows[j < questions.size]
        tokens[inside, questions.start[inside] + j] = given[inside, j]
    return tokens, questions.start + np.minimum(given.shape[1], questions.size - 1)
