"""The parts of a layer that treat each position alone: norms and feed-forwards.

To add one: a class, a line in its registry and its name in the settings.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from model.config import ModelConfig


class MLP(nn.Module):
    """GPT-2's (Radford et al. 2019): gelu, in its tanh form, between two maps."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        inner = config.feed_forward_width or 4 * config.width
        self.up = nn.Linear(config.width, inner, bias=config.bias)
        self.out = nn.Linear(inner, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x[..., d] -> [..., d]."""
        return self.out(F.gelu(self.up(x), approximate="tanh"))


class SwiGLU(nn.Module):
    """Llama's: one map gates another (Shazeer 2020, 2002.05202)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        inner = config.feed_forward_width or 4 * round(2 * config.width / 3 + 0.5)  # 8/3 of the width, a multiple of 4
        self.gate = nn.Linear(config.width, inner, bias=config.bias)
        self.up = nn.Linear(config.width, inner, bias=config.bias)
        self.out = nn.Linear(inner, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x[..., d] -> [..., d]."""
        return self.out(F.silu(self.gate(x)) * self.up(x))


class RMSNorm(nn.Module):
    """Features divided by their root mean square (Zhang & Sennrich 2019, 1910.07467)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.width))

    def forward(self, x: Tensor) -> Tensor:
        """x[..., d] -> [..., d]."""
        return Normalise.apply(x, self.weight)


class Normalise(torch.autograd.Function):
    """x[..., d] over its root mean square, times weight[d]. torch's own takes twice as long, most of it backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        # 1e-6 is no constant of the module, since torch.compile fails where two norms read the same one.
        inverse = norm.square_().div_(x.shape[-1]).add_(1e-6).rsqrt_()
        normalised = x * inverse
        ctx.save_for_backward(normalised, inverse, weight)
        return normalised * weight

    @staticmethod
    @once_differentiable  # a second derivative would take what is saved for constants
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        normalised, inverse, weight = ctx.saved_tensors
        weight_gradient = (gradient * normalised).flatten(0, -2)
        mean = (weight_gradient @ weight).view(inverse.shape).div_(len(weight))
        x_gradient = torch.addcmul(gradient * weight, normalised, mean, value=-1).mul_(inverse)
        return x_gradient, weight_gradient.sum(0)


FEED_FORWARDS = {"gelu": MLP, "swiglu": SwiGLU}
NORMS = {
    "layer": lambda config: nn.LayerNorm(config.width, bias=config.bias),
    "rms": RMSNorm,
}
