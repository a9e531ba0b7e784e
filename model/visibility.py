"""Who may look at whom. The network takes this as an argument; which one is the objective's choice."""

from dataclasses import dataclass

import torch
from torch import Tensor


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


CAUSAL = Visibility("causal")
