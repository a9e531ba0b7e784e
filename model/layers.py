"""One layer of the network: attention, then feed-forward, each after a norm and added to what came in.

To add a norm or a feed-forward: one class, one line in its registry and its name in the settings.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from model.convolution import Convolution, Taps
from model.positions import Position
from model.settings import NetworkSettings


class Gelu(nn.Module):
    """GPT-2's: gelu (tanh form) between two maps."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        hidden = settings.hidden or 4 * settings.width
        self.up = nn.Linear(settings.width, hidden, bias=settings.bias)
        self.out = nn.Linear(hidden, settings.width, bias=settings.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.gelu(self.up(x), approximate="tanh"))


class SwiGlu(nn.Module):
    """Llama's: one map gates another (Shazeer 2020, 2002.05202)."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        hidden = settings.hidden or 4 * round(2 * settings.width / 3 + 0.5)  # 8/3 of the width, in fours
        self.gate = nn.Linear(settings.width, hidden, bias=settings.bias)
        self.up = nn.Linear(settings.width, hidden, bias=settings.bias)
        self.out = nn.Linear(hidden, settings.width, bias=settings.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.silu(self.gate(x)) * self.up(x))


FEED_FORWARDS = {"gelu": Gelu, "swiglu": SwiGlu}
NORMS = {
    "layer": lambda settings: nn.LayerNorm(settings.width, bias=settings.bias),
    "rms": lambda settings: nn.RMSNorm(settings.width, eps=1e-6),
}


@dataclass(frozen=True)
class Sight:
    """Who looks at whom in one pass: positions of those who look, `to`[b or 1, t], and of those seen, `of`[b or 1, s].

    `visible_or_bias`[b or 1, h or 1, t, s]: True where visible, or the position scheme's bias there and -inf elsewhere.
    None: `causal`, or everything is visible. Where `weights` is a list, the plain path runs and fills it.
    `aim`[b, t]: the positions to be predicted, where those are not the next ones: the first half of the heads looks
    from there, the others from where the token stands. `taps`: the neighbours of a convolution.
    """

    to: Tensor
    of: Tensor
    position: Position
    visible_or_bias: Tensor | None = None
    causal: bool = False
    weights: list[Tensor] | None = None
    aim: Tensor | None = None
    taps: Taps = ()

    def turn(self, query: Tensor) -> Tensor:
        """Queries [b, h, t, d] as they stand where they look from."""
        if self.aim is None:
            return self.position.turn(query, self.to)
        aimed, own = halves(query)
        return torch.cat([self.position.turn(aimed, self.aim), self.position.turn(own, self.to)], dim=1)


def halves(by_head: Tensor) -> tuple[Tensor, Tensor]:
    """[b, h, …] as the heads that look from the position to be predicted, and the others."""
    half = (by_head.shape[1] + 1) // 2
    return by_head[:, :half], by_head[:, half:]


class Attention(nn.Module):
    """Every position that looks gathers from those it sees (Vaswani et al. 2017, 1706.03762)."""

    def __init__(self, settings: NetworkSettings, convolution: bool):
        super().__init__()
        self.heads, self.dropout = settings.heads, settings.dropout
        self.query = nn.Linear(settings.width, settings.width, bias=settings.bias)
        self.key_value = nn.Linear(settings.width, 2 * settings.width, bias=settings.bias)
        self.out = nn.Linear(settings.width, settings.width, bias=settings.bias)
        if convolution:
            self.mix_query = Convolution(settings, settings.width)
            self.mix_key_value = Convolution(settings, 2 * settings.width)
        self.convolution = convolution

    def forward(self, x: Tensor, sight: Sight, places: "Places | None" = None, seen: Tensor | None = None) -> Tensor:
        """What each position of x[b, t, d] gathers from `seen`[b, s, d] (None: from x): [b, t, d], or [n, d] for
        `places` alone."""
        key_value = self.key_value(x if seen is None else seen)
        if self.convolution:
            key_value, query = self.mix_key_value(key_value, sight.taps), self.mix_query(self.query(x), sight.taps)
            query = query if places is None else places.spread(places.pick(query))
        else:
            query = self.query(x) if places is None else places.spread(self.query(places.pick(x)))
        key, value = key_value.chunk(2, dim=-1)
        query, key, value = (rearrange(part, "b t (h d) -> b h t d", h=self.heads) for part in (query, key, value))
        query, key = sight.turn(query), sight.position.turn(key, sight.of)
        if sight.weights is None:
            dropout = self.dropout if self.training else 0.0
            mixed = F.scaled_dot_product_attention(query, key, value, sight.visible_or_bias, dropout, sight.causal)
        else:
            mixed, weights = plain_attention(query, key, value, sight.visible_or_bias, sight.causal)
            sight.weights.append(weights)
        mixed = rearrange(mixed, "b h t d -> b t (h d)")
        return self.out(mixed if places is None else mixed.flatten(0, 1)[places.slots])


def plain_attention(
    query: Tensor, key: Tensor, value: Tensor, visible_or_bias: Tensor | None, causal: bool
) -> tuple[Tensor, Tensor]:
    """What scaled_dot_product_attention computes, step by step, and the weights[b, h, t, s]; for inspection."""
    score = query @ key.mT / query.shape[-1] ** 0.5
    if causal:
        visible_or_bias = torch.ones(score.shape[-2:], dtype=torch.bool, device=score.device).tril()
    if visible_or_bias is not None:
        score = (
            score.masked_fill(~visible_or_bias, float("-inf"))
            if visible_or_bias.dtype == torch.bool
            else score + visible_or_bias
        )
    weights = score.softmax(-1)
    return weights @ value, weights


@dataclass(frozen=True)
class Places:
    """The n places for which the last layer is computed, in rows of q: `flat`[n] counts places through [b, t],
    `columns`[b, q] is where each row looks from (padded with 0), `slots`[n] finds them again in [b, q]."""

    flat: Tensor
    columns: Tensor
    slots: Tensor

    @classmethod
    def of(cls, flat: Tensor, b: int, t: int) -> "Places":
        rows, columns = flat // t, flat % t
        count = torch.bincount(rows, minlength=b)
        q = max(int(count.max()), 1)
        slots = rows * q + torch.arange(len(flat), device=flat.device) - (count.cumsum(0) - count)[rows]
        padded = flat.new_zeros(b * q).scatter_(0, slots, columns)
        return cls(flat, padded.view(b, q), slots)

    def pick(self, x: Tensor) -> Tensor:
        """x[b, t, d] at the places: [n, d]."""
        return x.flatten(0, 1)[self.flat]

    def spread(self, x: Tensor) -> Tensor:
        """x[n, d] in rows of q, zeros elsewhere: [b, q, d]."""
        b, q = self.columns.shape
        return x.new_zeros(b * q, x.shape[-1]).index_copy(0, self.slots, x).view(b, q, -1)


class Layer(nn.Module):
    """With `crossed`, a decoder's: between the two it also gathers from another tower's output, the memory."""

    def __init__(self, settings: NetworkSettings, crossed: bool = False):
        super().__init__()
        self.norm_attention = NORMS[settings.norm](settings)
        self.attention = Attention(settings, settings.convolution > 1)
        if crossed:
            self.norm_cross = NORMS[settings.norm](settings)
            self.cross = Attention(settings, False)
        self.norm_feed_forward = NORMS[settings.norm](settings)
        self.feed_forward = FEED_FORWARDS[settings.feed_forward](settings)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self,
        x: Tensor,
        sight: Sight,
        places: Places | None = None,
        memory: tuple[Tensor, Sight] | None = None,
    ) -> Tensor:
        """x[b, t, d] -> [b, t, d]; with `places`, [n, d] for those alone: the same numbers for less work."""
        gathered = self.drop(self.attention(self.norm_attention(x), sight, places))
        x = (x if places is None else places.pick(x)) + gathered
        if memory is not None:
            seen, sight = memory
            query = self.norm_cross(x)
            if places is None:
                x = x + self.drop(self.cross(query, sight, seen=seen))
            else:
                x = x + self.drop(self.cross(places.spread(query), sight, seen=seen).flatten(0, 1)[places.slots])
        return x + self.drop(self.feed_forward(self.norm_feed_forward(x)))
