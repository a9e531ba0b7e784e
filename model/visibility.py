"""Which positions see which. It is an argument of the network, and the choice of an objective."""

from dataclasses import dataclass
from typing import Literal

from model.torch_types import Device, Tensor

Taps = tuple[tuple[int, Tensor | None], ...]
"""Offset of each neighbour, and the positions at which it is mixed in, bool[b or 1, t]; None: wherever it exists."""


@dataclass(frozen=True)
class Visibility:
    """Every position sees itself, always. No position of a document sees padding."""

    pattern: Literal["causal", "full", "explicit"]
    """"causal" (a position sees those left of it), "full" (all), or "explicit" (`allowed`)"""
    lengths: Tensor | None = None
    """int[b], tokens before the padding; None: there is no padding that could be seen"""
    allowed: Tensor | None = None
    """bool[b, t, s], for "explicit": whether position t may see s"""

    def visible(self, b: int, t: int, device: Device) -> Tensor | None:
        """bool[b or 1, t, s] for b documents of t positions; None where everything is visible."""
        import torch

        position = torch.arange(t, device=device)
        if self.pattern == "causal":  # padding is on the right: nothing before it sees it
            return (position[:, None] >= position)[None]
        if self.pattern == "explicit":
            visible = self.allowed
        elif self.lengths is None:
            return None
        else:
            visible = torch.ones(1, 1, 1, dtype=torch.bool, device=device)
        if self.lengths is not None:
            visible = visible & (position < self.lengths[:, None])[:, None]
        return visible | (position[:, None] == position)

    def reached(self, targets: Tensor, b: int, t: int) -> Tensor | None:
        """bool[b, t]: the positions that `targets`[n], counted through [b, t], may depend on in a network of any depth.

        None: every position.
        """
        import torch

        position = torch.arange(t, device=targets.device)
        if self.pattern == "causal":  # nothing right of a document's last target
            last = targets.new_full((b,), -1).scatter_reduce_(0, targets // t, targets % t, "amax")
            return position <= last[:, None]
        if self.lengths is None:
            return None
        reached = position < self.lengths[:, None]
        reached.view(-1)[targets] = True
        return reached

    def taps(self, size: int, b: int, t: int, device: Device) -> Taps:
        """The neighbours that a convolution of `size` positions may mix in.

        One is mixed in only where every position that sees a token also sees that token's neighbour. So no information
        reaches a position that must not see it.
        """
        import torch

        to_right = (size - 1) // 2 if self.pattern == "full" else 0
        offsets = [offset for offset in range(to_right - size + 1, to_right + 1) if offset]
        if self.pattern == "causal" or (self.pattern == "full" and self.lengths is None):
            return tuple((offset, None) for offset in offsets)
        position = torch.arange(t, device=device)
        if self.pattern == "full":
            return tuple((offset, position + offset < self.lengths[:, None]) for offset in offsets)
        visible = self.visible(b, t, device)
        neighbours = ((position + offset).clamp(0, t - 1) for offset in offsets)
        present = (~(visible & ~visible[:, :, neighbour]).any(1) for neighbour in neighbours)
        return tuple(zip(offsets, present))


CAUSAL = Visibility("causal")
