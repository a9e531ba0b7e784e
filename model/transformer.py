"""The network: one pre-norm transformer for every objective. It does not know which one trains it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from model.attention import Attention, AttentionContext, TargetRows, split_heads
from model.config import ModelConfig
from model.layers import FEED_FORWARDS, NORMS
from model.positions import POSITIONS, Position
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
        self,
        x: Tensor,
        context: AttentionContext,
        targets: TargetRows | None = None,
        memory: tuple[Tensor, AttentionContext] | None = None,
    ) -> Tensor:
        """x[b, t, d] -> [b, t, d]; with `targets`, [n, d] for those alone: the same numbers for less work."""
        attended = self.drop(self.attention(self.norm_attention(x), context, targets))
        x = (x if targets is None else targets.gather(x)) + attended
        if memory is not None:
            x = x + self.drop(self.attend_to_memory(self.norm_cross(x), targets, *memory))
        return x + self.drop(self.feed_forward(self.norm_feed_forward(x)))

    def attend_to_memory(
        self, x: Tensor, targets: TargetRows | None, hidden: Tensor, context: AttentionContext
    ) -> Tensor:
        """Cross-attention of x[b, t, d], or of x[n, d] with `targets`, to hidden[b, s, d]: as x."""
        if targets is None:
            return self.cross(x, context, memory=hidden)
        return targets.unscatter(self.cross(targets.scatter(x), context, memory=hidden))


class Transformer(nn.Module):
    """A stack of layers over token embeddings, and an output matrix. build.py draws its weights."""

    compiled: Callable[..., Tensor] | None = None
    """`encode` as training calls it, once it is compiled"""

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
        """tokens[b, t] -> hidden states [b, t, d], or [n, d] with `logit_positions`.

        `positions`[b, t]: the position of each token; None: 0, 1, 2, …
        `target_positions`[b, t]: the position that each token predicts, where the order is not left to right.
        `memory`: what a decoder attends to.
        `logit_positions`[n], rising, counted through [b, t]: the last layer is computed only there.
        `attention_weights`: an empty list, to which each layer appends [b, h, t, s].
        """
        b, t = tokens.shape
        whole = logit_positions is None or len(logit_positions) == b * t
        targets = None if whole else TargetRows.from_flat(logit_positions, b, t)
        encode = self.encode if self.compiled is None or not self.training else self.compiled
        x = encode(tokens, visibility, targets, positions, target_positions, memory, attention_weights)
        return x.flatten(0, 1) if whole and logit_positions is not None else x

    def compile(self, **options: Any) -> None:
        """Compiles what training computes, with options of torch.compile.

        The rows of targets stay apart: how many columns they have is known only once they are counted.
        """
        self.compiled = torch.compile(self.encode, **options)

    def encode(
        self,
        tokens: Tensor,
        visibility: Visibility,
        targets: TargetRows | None,
        positions: Tensor | None,
        target_positions: Tensor | None,
        memory: Memory | None,
        attention_weights: list[Tensor] | None,
    ) -> Tensor:
        """As `forward`, with the rows of `logit_positions`: hidden states [b, t, d], or [n, d] with `targets`."""
        b, t = tokens.shape
        if positions is None:
            positions = torch.arange(t, device=tokens.device)[None]
        x = self.drop(self.position.embed(self.embedding(tokens), positions, target_positions))
        context = self.attention_context(visibility, b, t, positions, target_positions, attention_weights)
        encoded = None if memory is None else (memory.hidden, self.memory_context(memory))
        *first, last = list(self.layers) * self.config.recurrence
        for layer in first:
            x = layer(x, context, memory=encoded)
        if targets is not None:
            context = self.attention_context(visibility, b, t, positions, target_positions, attention_weights, targets)
        return self.norm(last(x, context, targets, encoded))

    def attention_context(
        self,
        visibility: Visibility,
        b: int,
        t: int,
        positions: Tensor,
        target_positions: Tensor | None,
        weights: list[Tensor] | None,
        targets: TargetRows | None = None,
    ) -> AttentionContext:
        """How all positions attend to all, or only `targets`: visibility and position bias in one tensor."""
        query_positions = positions
        if targets is not None:
            query_positions = positions.expand(b, t).gather(1, targets.positions)
            target_positions = None if target_positions is None else target_positions.gather(1, targets.positions)
        taps = ()
        if self.config.convolution > 1:
            taps = visibility.taps(self.config.convolution, b, t, positions.device)
        bias = self.position_bias(query_positions, positions, target_positions)
        attn_bias = with_visibility(bias, visible_to(targets, visibility, b, t, positions.device))
        return AttentionContext(query_positions, positions, self.position, attn_bias, weights, target_positions, taps)

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

    def memory_context(self, memory: Memory) -> AttentionContext:
        """All of the memory but its padding, without positions, as in T5's decoder (Raffel et al. 2019)."""
        position = torch.arange(memory.hidden.shape[1], device=memory.hidden.device)[None]
        visible = rearrange(position < memory.lengths[:, None], "b s -> b 1 1 s")
        no_positions = Position(self.config, self.max_length)
        return AttentionContext(position, position, no_positions, with_visibility(None, visible))

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden[..., d] -> logits[..., v], in nats."""
        return self.head(hidden)


def visible_to(
    targets: TargetRows | None, visibility: Visibility, b: int, t: int, device: torch.device
) -> Tensor | None:
    """What each position sees, or each of `targets`: bool[b or 1, 1, t or q, s]; None where everything is visible."""
    visible = visibility.visible(b, t, device)
    if visible is None:
        return None
    if targets is not None:
        document = torch.arange(b, device=device)[:, None]
        visible = visible.expand(b, t, t)[document, targets.positions]
    return rearrange(visible, "b t s -> b 1 t s")


def with_visibility(bias: Tensor | None, visible: Tensor | None) -> Tensor | None:
    """What is added to scores: the bias, or 0, with -inf where not `visible`; None where there is neither."""
    if visible is None:
        return bias
    bias = torch.zeros((), device=visible.device) if bias is None else bias
    return torch.where(visible, bias, float("-inf"))
