"""Who may look at whom. The network takes this as an argument; which one is the objective's choice."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.convolution import Taps


@dataclass(frozen=True)
class Visibility:
    """`kind` "causal" (a position sees itself and what is left of it), "full", or "explicit".

    `lengths`[b]: tokens before padding, which nothing sees; None: no padding that could be seen.
    `allowed`[b, t, s], for "explicit": position t may look at s. Every position sees itself, always.
    """

    kind: str
    lengths: Tensor | None = None
    allowed: Tensor | None = None

    def visible(self, b: int, t: int, device: torch.device) -> Tensor | None:
        """visible[b or 1, t, s] for b rows of t positions; None where everything is visible."""
        at = torch.arange(t, device=device)
        if self.kind == "causal":  # padding is on the right: nothing before it sees it
            return (at[:, None] >= at)[None]
        if self.kind == "explicit":
            visible = self.allowed
        elif self.lengths is None:
            return None
        else:
            visible = torch.ones(1, 1, 1, dtype=torch.bool, device=device)
        if self.lengths is not None:
            visible = visible & (at < self.lengths[:, None])[:, None]
        return visible | (at[:, None] == at)

    def taps(self, count: int, b: int, t: int, device: torch.device) -> Taps:
        """The neighbours that a convolution of `count` positions may mix in. One is kept only where whoever sees a
        position also sees the neighbour, so that nothing is told on."""
        reach = (count - 1) // 2 if self.kind == "full" else 0
        offsets = [o for o in range(reach - count + 1, reach + 1) if o]
        if self.kind == "causal" or (self.kind == "full" and self.lengths is None):
            return tuple((offset, None) for offset in offsets)
        at = torch.arange(t, device=device)
        visible = self.visible(b, t, device) if self.kind == "explicit" else None
        taps = []
        for offset in offsets:
            there = at + offset
            if visible is None:
                kept = there < self.lengths[:, None]
            else:
                kept = ~(visible & ~visible[:, :, there.clamp(0, t - 1)]).any(1)
            taps.append((offset, kept))
        return tuple(taps)


CAUSAL = Visibility("causal")
