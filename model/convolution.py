"""A short convolution: each position mixed with its neighbours, channel by channel (as in H3, Fu et al. 2022,
2212.14052).

The gradient is written out: autograd would keep a shifted copy of the input for every neighbour and go over it several
times; a step of documents that use their beginning took a sixth longer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from model.settings import NetworkSettings

Taps = tuple[tuple[int, Tensor | None], ...]
"""Offsets of neighbours and, for each, at which positions it is kept, [b or 1, t]; None: at all that have it."""


class Convolution(nn.Module):
    def __init__(self, settings: NetworkSettings, channels: int):
        super().__init__()
        self.own = nn.Parameter(torch.ones(channels))
        self.neighbours = nn.Parameter(torch.empty(settings.convolution - 1, channels))

    def forward(self, x: Tensor, taps: Taps) -> Tensor:
        """x[b, t, c] -> [b, t, c]. Raises ValueError unless there are as many `taps` as neighbours."""
        return Mix.apply(x, self.own, self.neighbours, taps)


class Mix(torch.autograd.Function):
    """x[b, t, c] mixed by weights `own`[c] and `neighbours`[taps, c]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, own: Tensor, neighbours: Tensor, taps: Taps) -> Tensor:
        ctx.save_for_backward(x, own, neighbours)
        ctx.taps = taps
        mixed = x * own
        for weight, (at, there, kept) in zip(neighbours, pairs(taps, x.shape[1]), strict=True):
            mixed[:, at].addcmul_(only(x[:, there], kept), weight)
        return mixed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, own, neighbours = ctx.saved_tensors
        of_x, of_neighbours = gradient * own, torch.empty_like(neighbours)
        for i, (at, there, kept) in enumerate(pairs(ctx.taps, x.shape[1])):
            through = only(gradient[:, at], kept)
            of_x[:, there].addcmul_(through, neighbours[i])
            of_neighbours[i] = (through * x[:, there]).sum((0, 1))
        return of_x, (gradient * x).sum((0, 1)), of_neighbours, None


def pairs(taps: Taps, t: int) -> list[tuple[slice, slice, Tensor | None]]:
    """For each tap the positions that have such a neighbour, where those neighbours stand, and which are kept."""
    found = []
    for offset, kept in taps:
        reach = min(abs(offset), t)
        behind, ahead = slice(0, t - reach), slice(reach, t)
        at, there = (behind, ahead) if offset > 0 else (ahead, behind)
        found.append((at, there, None if kept is None else kept[:, at, None]))
    return found


def only(x: Tensor, kept: Tensor | None) -> Tensor:
    return x if kept is None else x * kept
