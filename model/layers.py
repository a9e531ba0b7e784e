"""The parts of a layer that treat each position alone: norms and feed-forwards.

To add one: a class, a line in its registry and its name in the settings.
"""

from torch import Tensor, nn
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


FEED_FORWARDS = {"gelu": MLP, "swiglu": SwiGLU}
NORMS = {
    "layer": lambda config: nn.LayerNorm(config.width, bias=config.bias),
    "rms": lambda config: nn.RMSNorm(config.width, eps=1e-6),
}
