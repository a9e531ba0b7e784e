"""A short convolution: each position is mixed with its neighbours, channel by channel (as in H3, Fu et al. 2022,
2212.14052).

The gradient is written out. Autograd would keep a shifted copy of the input for every neighbour and read it several
times: a training step with episodes took a sixth longer.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.visibility import Taps


class ShortConv(nn.Module):
    """A weight for each channel of a position itself, and one for each channel of each of its neighbours."""

    def __init__(self, config: ModelConfig, channels: int):
        super().__init__()
        self.own = nn.Parameter(torch.ones(channels))
        self.neighbours = nn.Parameter(torch.empty(config.convolution - 1, channels))

    def forward(self, x: Tensor, taps: Taps) -> Tensor:
        """x[b, t, c] -> [b, t, c]. Raises ValueError unless there are as many `taps` as neighbours."""
        return Mix.apply(x, self.own, self.neighbours, taps)


class Mix(torch.autograd.Function):
    """x[b, t, c] times `weight`[c], plus each neighbour times its row of `neighbour_weights`[taps, c]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, neighbour_weights: Tensor, taps: Taps) -> Tensor:
        ctx.save_for_backward(x, weight, neighbour_weights)
        ctx.taps = taps
        mixed = x * weight
        for neighbour_weight, shift in zip(neighbour_weights, shifts(taps), strict=True):
            mixed[:, shift.positions].addcmul_(shift.mask(x[:, shift.neighbours]), neighbour_weight)
        return mixed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, neighbour_weights = ctx.saved_tensors
        x_gradient, neighbour_gradient = gradient * weight, torch.empty_like(neighbour_weights)
        for i, shift in enumerate(shifts(ctx.taps)):
            shifted = shift.mask(gradient[:, shift.positions])
            x_gradient[:, shift.neighbours].addcmul_(shifted, neighbour_weights[i])
            neighbour_gradient[i] = (shifted * x[:, shift.neighbours]).sum((0, 1))
        return x_gradient, (gradient * x).sum((0, 1)), neighbour_gradient, None


class Shift(NamedTuple):
    """One neighbour of k positions."""

    positions: slice
    """k positions that have the neighbour"""
    neighbours: slice
    """the positions of their neighbours"""
    present: Tensor | None
    """bool[b or 1, k, 1], where it is mixed in; None: everywhere"""

    def mask(self, x: Tensor) -> Tensor:
        """x[b, k, c], 0 where the neighbour is not mixed in."""
        return x if self.present is None else x * self.present


def shifts(taps: Taps) -> list[Shift]:
    """One shift for each tap."""
    aligned = []
    for offset, present in taps:
        without_last, without_first = slice(None, -abs(offset)), slice(abs(offset), None)
        to_right = offset > 0
        positions, neighbours = (without_last, without_first) if to_right else (without_first, without_last)
        aligned.append(Shift(positions, neighbours, None if present is None else present[:, positions, None]))
    return aligned
