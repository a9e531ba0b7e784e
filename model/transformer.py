"""The network: one pre-norm transformer for every objective. It does not know which one trains it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from model.attention import Attention, AttentionContext, split_heads
from model.config import ModelConfig
from model.layers import FEED_FORWARDS, NORMS
from model.positions import POSITIONS, Position
from model.rows import Rows, rows_of_targets
from model.visibility import Visibility


@dataclass(frozen=True)
class Memory:
    """The output of an encoder, which a decoder attends to."""

    hidden: Tensor
    """[b, s, d]"""
    lengths: Tensor
    """int[b], positions before the padding"""


class Block(nn.Module):
    """One layer: attention, then feed-forward, each after a norm and added to its input.

    With `cross_attention`, it also attends to a memory between the two.
    """

    def __init__(self, config: ModelConfig, cross_attention: bool = False):
        super().__init__()
        self.norm_attention = NORMS[config.norm](config)
        self.attention = Attention(config, convolution=config.convolution > 1)
        if cross_attention:
            self.norm_cross = NORMS[config.norm](config)
            self.cross = Attention(config, convolution=False)
        self.norm_feed_forward = NORMS[config.norm](config)
        self.feed_forward = FEED_FORWARDS[config.feed_forward](config)
        self.drop = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, context: AttentionContext, memory: tuple[Tensor, AttentionContext] | None = None
    ) -> Tensor:
        """x[m, d] -> [n, d], for the n rows that attend.

        `memory`: hidden states [b, s, d], and how these rows attend to them.
        """
        x = context.queries.pick(x) + self.drop(self.attention(self.norm_attention(x), context))
        if memory is not None:
            hidden, of_memory = memory
            x = x + self.drop(self.cross(self.norm_cross(x), of_memory, hidden))
        return x + self.drop(self.feed_forward(self.norm_feed_forward(x)))


class Transformer(nn.Module):
    """A stack of layers over token embeddings, and an output matrix. build.py draws its weights."""

    compiled: Callable[..., Tensor] | None = None
    """`encode` as training calls it, once it is compiled"""
    skips: bool = True
    """whether positions that no target depends on are skipped; without, every document has equally many rows"""

    def __init__(
        self,
        config: ModelConfig,
        vocab_size: int,
        max_length: int,
        cross_attention: bool = False,
        with_head: bool = True,
    ):
        """`max_length`: tokens in the longest document. `cross_attention`: a decoder, which attends to a Memory.
        Without a head, it is a further tower without an output matrix."""
        super().__init__()
        self.config, self.max_length = config, max_length
        self.embedding = nn.Embedding(vocab_size, config.width)
        self.position = POSITIONS[config.position](config, max_length)
        self.layers = nn.ModuleList(Block(config, cross_attention) for _ in range(config.depth))
        self.norm = NORMS[config.norm](config)
        self.drop = nn.Dropout(config.dropout)
        if with_head:
            self.head = nn.Linear(config.width, vocab_size, bias=False)
            if config.tied:
                self.head.weight = self.embedding.weight

    def forward(
        self,
        tokens: Tensor,
        visibility: Visibility,
        positions: Tensor | None = None,
        target_positions: Tensor | None = None,
        memory: Memory | None = None,
        logit_positions: Tensor | None = None,
        attention_weights: list[Tensor] | None = None,
    ) -> Tensor:
        """tokens[b, t] -> hidden states [b, t, d]; with `logit_positions`, theirs alone: [n, d].

        `positions`[b, t]: the position of each token; None: 0, 1, 2, …
        `target_positions`[b, t]: the position that each token predicts, where the order is not left to right.
        `memory`: what a decoder attends to.
        `logit_positions`[n], rising, counted through [b, t]: the last layer is computed only there, the others only
        where these depend on it.
        `attention_weights`: an empty list, to which each layer appends [b, h, t, s].
        """
        b, t = tokens.shape
        rows = targets = Rows((b, t))
        if logit_positions is not None and len(logit_positions) < b * t:
            rows, targets = rows_of_targets(logit_positions, visibility if self.skips else None, b, t)
        encode = self.encode if self.compiled is None or not self.training else self.compiled
        x = encode(tokens, visibility, rows, targets, positions, target_positions, memory, attention_weights)
        return x.view(b, t, x.shape[-1]) if logit_positions is None else x

    def compile(self, **options: Any) -> None:
        """Compiles what training computes, with options of torch.compile.

        The rows stay apart: how many there are is known only once they are counted.
        """
        self.compiled = torch.compile(self.encode, **options)

    def encode(
        self,
        tokens: Tensor,
        visibility: Visibility,
        rows: Rows,
        targets: Rows,
        positions: Tensor | None,
        target_positions: Tensor | None,
        memory: Memory | None,
        attention_weights: list[Tensor] | None,
    ) -> Tensor:
        """As `forward`: all layers but the last at `rows`, the last one at the n `targets`. Hidden states [n, d]."""
        b, t = tokens.shape
        if positions is None:
            positions = torch.arange(t, device=tokens.device)[None]
        at_rows = (
            None if order is None else rows.gather(order.expand(b, t)) for order in (positions, target_positions)
        )
        x = self.drop(self.position.embed(self.embedding(rows.gather(tokens)), *at_rows))
        *first, last = list(self.layers) * self.config.recurrence
        order = (visibility, positions, target_positions, attention_weights)
        context = self.attention_context(rows, rows, *order), self.memory_context(rows, memory)
        for layer in first:
            x = layer(x, *context)
        if targets is not rows:
            context = self.attention_context(targets, rows, *order), self.memory_context(targets, memory)
        return self.norm(last(x, *context))

    def attention_context(
        self,
        queries: Rows,
        keys: Rows,
        visibility: Visibility,
        positions: Tensor,
        target_positions: Tensor | None,
        weights: list[Tensor] | None,
    ) -> AttentionContext:
        """How `queries` attend to `keys`: visibility and position bias in one tensor."""
        b, t = keys.shape
        query_positions = positions
        if queries.positions is not None:
            query_positions = positions.expand(b, t).gather(1, queries.positions)
            target_positions = None if target_positions is None else target_positions.gather(1, queries.positions)
        taps = ()
        if self.config.convolution > 1:
            taps = visibility.taps(self.config.convolution, b, t, positions.device)
        bias = self.position_bias(query_positions, positions, target_positions)
        attn_bias = with_visibility(bias, visible_to(queries, visibility, b, t, positions.device))
        order = (query_positions, positions, self.position)
        return AttentionContext(queries, keys, *order, attn_bias, weights, target_positions, taps)

    def position_bias(
        self, query_positions: Tensor, key_positions: Tensor, target_positions: Tensor | None
    ) -> Tensor | None:
        """The scheme's bias [b or 1, h, t, s], for half of the heads from `target_positions` where there are any."""
        bias = self.position.bias(query_positions, key_positions)
        if bias is None or target_positions is None:
            return bias
        from_targets, _ = split_heads(self.position.bias(target_positions, key_positions))
        _, from_tokens = split_heads(bias)
        return torch.cat([from_targets, from_tokens], dim=1)

    def memory_context(self, queries: Rows, memory: Memory | None) -> tuple[Tensor, AttentionContext] | None:
        """All of the memory but its padding, without positions, as in T5's decoder (Raffel et al. 2019)."""
        if memory is None:
            return None
        position = torch.arange(memory.hidden.shape[1], device=memory.hidden.device)[None]
        visible = rearrange(position < memory.lengths[:, None], "b s -> b 1 1 s")
        order = (position, position, Position(self.config, self.max_length))
        rows = queries.all_picked()  # before its cross-attention, a layer has attended to itself
        return memory.hidden, AttentionContext(rows, rows, *order, with_visibility(None, visible))

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden[..., d] -> logits[..., v], in nats."""
        return self.head(hidden)


def visible_to(queries: Rows, visibility: Visibility, b: int, t: int, device: torch.device) -> Tensor | None:
    """What each of `queries` sees of t positions: bool[b or 1, 1, q, t]; None where everything is visible."""
    visible = visibility.visible(b, t, device)
    if visible is None:
        return None
    if queries.positions is not None:
        document = torch.arange(b, device=device)[:, None]
        visible = visible.expand(b, t, t)[document, queries.positions]
    return rearrange(visible, "b t s -> b 1 t s")


def with_visibility(bias: Tensor | None, visible: Tensor | None) -> Tensor | None:
    """What is added to scores: the bias, or 0, with -inf where not `visible`; None where there is neither."""
    if visible is None:
        return bias
    bias = torch.zeros((), device=visible.device) if bias is None else bias
    return torch.where(visible, bias, float("-inf"))
