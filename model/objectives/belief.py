"""The head of a belief state (belief_state.py): it reads both towers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import ModelConfig


class Belief(nn.Module):
    """Combines the hidden states of both towers, for the next token and for the previous one."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.mix = nn.Linear(2 * config.width, 2 * config.width, bias=config.bias)
        self.heads = nn.Linear(2 * config.width, 2 * config.width, bias=config.bias)

    def forward(self, prefix: Tensor, suffix: Tensor, is_next: Tensor) -> Tensor:
        """prefix[n, d], suffix[n, d], is_next[n] -> [n, d], for the head that each target needs."""
        after, before = self.heads(F.gelu(self.mix(torch.cat([prefix, suffix], dim=-1)))).chunk(2, dim=-1)
        return torch.where(is_next[:, None], after, before)
