"""Attention, and which positions it connects."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import ModelConfig
from model.positions import Position
from model.rows import Rows
from model.short_conv import ShortConv, Taps
from model.softmax import softmax


@dataclass(frozen=True)
class AttentionContext:
    """Which positions attend to which, in one pass."""

    queries: Rows
    """the rows that attend"""
    keys: Rows
    """the rows that are attended to, where those are not of a memory: all of x"""
    query_positions: Tensor
    """int[b or 1, t], the positions that attend"""
    key_positions: Tensor
    """int[b or 1, s], the positions that are attended to"""
    position: Position
    """the position scheme"""
    attn_bias: Tensor | None = None
    """[b or 1, h or 1, t, s], what is added to scores: the scheme's bias where visible, and -inf elsewhere; None: 0"""
    weights: list[Tensor] | None = None
    """a list that attention weights are appended to; None: they are not kept"""
    target_positions: Tensor | None = None
    """int[b, t], the positions to be predicted, where those are not the next ones: half of the heads attend from
    there, the others from `query_positions`"""
    taps: Taps = ()
    """the neighbours of a convolution"""

    def rotate_queries(self, query: Tensor) -> Tensor:
        """Queries [b, h, t, d], rotated by the positions that they attend from."""
        if self.target_positions is None:
            return self.position.rotate(query, self.query_positions)
        from_targets, from_tokens = split_heads(query)
        return torch.cat(
            [
                self.position.rotate(from_targets, self.target_positions),
                self.position.rotate(from_tokens, self.query_positions),
            ],
            dim=1,
        )


def split_heads(by_head: Tensor) -> tuple[Tensor, Tensor]:
    """[b, h, …] as the heads that attend from the position to be predicted, and the others."""
    half = (by_head.shape[1] + 1) // 2
    return by_head[:, :half], by_head[:, half:]


class Attention(nn.Module):
    """Every position takes a mean of values, weighted by query and key (Vaswani et al. 2017, 1706.03762)."""

    def __init__(self, config: ModelConfig, convolution: bool):
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.query = nn.Linear(config.width, config.width, bias=config.bias)
        self.key_value = nn.Linear(config.width, 2 * config.width, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)
        if convolution:
            self.mix_query = ShortConv(config, config.width)
            self.mix_key_value = ShortConv(config, 2 * config.width)
        self.convolution = convolution

    def forward(self, x: Tensor, context: AttentionContext, memory: Tensor | None = None) -> Tensor:
        """x[m, d] -> [n, d], for the n rows that attend.

        Keys and values are of `memory`[b, s, d], or of x where that is None.
        """
        query, key, value = self.project(x, context, memory)
        query, key = context.rotate_queries(query), context.position.rotate(key, context.key_positions)
        weights = attention_weights(query, key, context.attn_bias)
        if context.weights is not None:
            context.weights.append(weights)
        mixed = F.dropout(weights, self.dropout, self.training) @ value
        return self.out(context.queries.gather(rearrange(mixed, "b h t d -> b t (h d)")))

    def project(self, x: Tensor, context: AttentionContext, memory: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of x[m, d], keys and values of it or of memory[b, s, d]: each [b, h, t or s, d / h]."""
        queries, keys = context.queries, context.keys
        key_value = keys.scatter(self.key_value(x)) if memory is None else self.key_value(memory)
        if self.convolution:  # a neighbour of a query may be none itself, so queries are picked after it
            key_value = self.mix_key_value(key_value, context.taps)
            query = self.mix_query(keys.scatter(self.query(x)), context.taps)
            query = query if queries is keys else queries.scatter(queries.pick(keys.gather(query)))
        else:
            query = queries.scatter(self.query(queries.pick(x)))
        key, value = key_value.chunk(2, dim=-1)
        query, key, value = (rearrange(part, "b t (h d) -> b h t d", h=self.heads) for part in (query, key, value))
        return query, key, value


def attention_weights(query: Tensor, key: Tensor, attn_bias: Tensor | None) -> Tensor:
    """Queries [b, h, t, d] and keys [b, h, s, d] -> what each query attends to: [b, h, t, s], rows that sum to 1.

    Written out. Over documents of eight tokens, a layer's attention takes an eighth less time than torch's fused one.
    """
    scores = (query * query.shape[-1] ** -0.5) @ key.mT
    return softmax(scores if attn_bias is None else scores + attn_bias)
