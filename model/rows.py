"""Positions of a batch as rows: each layer computes those alone that some target depends on."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from model.visibility import Visibility

# Scores of a head in a document. On a CPU, torch multiplies matrices of under 400 products (25 scores of 16 features)
# one number after another: three queries of eight keys take 2.5 times as long as four.
FEWEST_SCORES = 25


@dataclass(frozen=True)
class Rows:
    """n positions of b documents, and their places in a tensor [b, q, …] of q columns, in which attention works."""

    shape: tuple[int, int]
    """b and q"""
    slots: Tensor | None = None
    """int[n], rising, the place of each, counted through [b, q]; None: they fill it, and n is b q"""
    positions: Tensor | None = None
    """int[b, q], the position at each place, 0 where there is none; None: the place itself"""
    index: Tensor | None = None
    """int[n], which rows of the layer before they are; None: all of them, in their order"""

    def pick(self, x: Tensor) -> Tensor:
        """These rows of the layer before, x[m, …]: [n, …]."""
        return x if self.index is None else x.index_select(0, self.index)

    def scatter(self, x: Tensor) -> Tensor:
        """x[n, d] at their places, zeros elsewhere: [b, q, d]."""
        (b, q), d = self.shape, x.shape[-1]
        if self.slots is not None:
            x = x.new_zeros(b * q, d).index_copy(0, self.slots, x)
        return x.view(b, q, d)

    def gather(self, x: Tensor) -> Tensor:
        """x[b, q, …] at their places: [n, …]."""
        return x.flatten(0, 1) if self.slots is None else x.flatten(0, 1).index_select(0, self.slots)

    def all_picked(self) -> "Rows":
        """The same rows, where those of the layer before are these already."""
        return replace(self, index=None)


def rows_of_targets(targets: Tensor, visibility: Visibility | None, b: int, t: int) -> tuple[Rows, Rows]:
    """The rows that `targets`[n], rising and counted through [b, t], depend on, and their own.

    Without a visibility, they are taken to depend on all.
    """
    reached = None if visibility is None else visibility.reached(targets, b, t)
    if reached is None:
        return Rows((b, t)), own_rows(targets, targets, b, t)
    reached = reached.flatten()
    slots = reached.nonzero().squeeze(1)
    index = reached.cumsum(0)[targets] - 1
    return Rows((b, t), None if len(slots) == b * t else slots), own_rows(targets, index, b, t)


def own_rows(targets: Tensor, index: Tensor, b: int, t: int) -> Rows:
    """The rows of `targets`[n] themselves, with as many columns as the most that any document has.

    Where these have fewer scores than FEWEST_SCORES, empty columns are added, unless the documents are too short.
    """
    document, position = targets // t, targets % t
    count = torch.bincount(document, minlength=b)
    fewest = math.ceil(FEWEST_SCORES / t)
    q = max(int(count.max()), fewest if fewest <= t else 1)
    first = count.cumsum(0) - count  # [b], how many the documents before have
    slots = document * q + torch.arange(len(targets), device=targets.device) - first[document]
    positions = targets.new_zeros(b * q).scatter_(0, slots, position).view(b, q)
    return Rows((b, q), None if len(targets) == b * q else slots, positions, index)
