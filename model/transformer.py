"""The network: one pre-norm transformer for every objective. It does not know which one trains it."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from model.layers import NORMS, Layer, Places, Sight, halves
from model.positions import POSITIONS, Position
from model.settings import NetworkSettings
from model.visibility import Visibility


@dataclass(frozen=True)
class Memory:
    """Another tower's output for a decoder to gather from: `hidden`[b, s, d], and how much of it is no padding, [b]."""

    hidden: Tensor
    lengths: Tensor


class Transformer(nn.Module):
    """`words` tokens in the vocabulary, documents of up to `length` tokens. assemble.py draws the weights.

    `crossed`: a decoder, whose layers gather from a Memory. `headless`: a further tower, without an output matrix.
    """

    def __init__(
        self, settings: NetworkSettings, words: int, length: int, crossed: bool = False, headless: bool = False
    ):
        super().__init__()
        self.settings, self.length = settings, length
        self.embedding = nn.Embedding(words, settings.width)
        self.position = POSITIONS[settings.position](settings, length)
        self.layers = nn.ModuleList(Layer(settings, crossed) for _ in range(settings.depth))
        self.norm = NORMS[settings.norm](settings)
        self.drop = nn.Dropout(settings.dropout)
        if not headless:
            self.head = nn.Linear(settings.width, words, bias=False)
            if settings.tied:
                self.head.weight = self.embedding.weight

    def forward(
        self,
        tokens: Tensor,
        visibility: Visibility,
        positions: Tensor | None = None,
        predict: Tensor | None = None,
        memory: Memory | None = None,
        at: Tensor | None = None,
        weights: list[Tensor] | None = None,
    ) -> Tensor:
        """tokens[b, t] -> hidden[b, t, d].

        `positions`[b, t]: where each token stands; from 0 unless said. `predict`[b, t]: the position that each is to
        predict, where the order is not left to right. `memory`: what a decoder gathers from. `at`[n], rising, counts
        places through [b, t]: the result is [n, d], for those alone, and so is the last layer. `weights`, an empty
        list: filled with each layer's attention weights[b, h, t, s] by the plain path.
        """
        b, t = tokens.shape
        if positions is None:
            positions = torch.arange(t, device=tokens.device)[None]
        x = self.drop(self.position.embed(self.embedding(tokens), positions, predict))
        places = None if at is None or len(at) == b * t else Places.of(at, b, t)
        everyone = self.sight(visibility, positions, predict, b, t, weights)
        beside = None if memory is None else (memory.hidden, self.sight_of(memory))
        *first, last = list(self.layers) * self.settings.recurrence
        for layer in first:
            x = layer(x, everyone, memory=beside)
        if places is None:
            x = self.norm(last(x, everyone, memory=beside))
            return x if at is None else x.flatten(0, 1)
        return self.norm(last(x, self.sight(visibility, positions, predict, b, t, weights, places), places, beside))

    def sight(
        self,
        visibility: Visibility,
        positions: Tensor,
        predict: Tensor | None,
        b: int,
        t: int,
        weights: list[Tensor] | None,
        places: Places | None = None,
    ) -> Sight:
        """Visibility and position bias in one tensor, for all positions or for `places` alone."""
        to, aim = positions, predict
        if places is not None:
            to = positions.expand(b, t).gather(1, places.columns)
            aim = None if predict is None else predict.gather(1, places.columns)
        bias = self.position.bias(to, positions)
        if bias is not None and aim is not None:
            bias = torch.cat([halves(self.position.bias(aim, positions))[0], halves(bias)[1]], dim=1)
        taps = ()
        if self.settings.convolution > 1:
            taps = visibility.taps(self.settings.convolution, b, t, positions.device)
        if visibility.kind == "causal" and bias is None and places is None:
            return Sight(to, positions, self.position, causal=True, weights=weights, aim=aim, taps=taps)
        visible = visibility.visible(b, t, positions.device)
        if visible is not None:
            if places is not None:
                rows = torch.arange(b, device=positions.device)[:, None]
                visible = visible.expand(b, t, t)[rows, places.columns]
            visible = rearrange(visible, "b t s -> b 1 t s")
        visible_or_bias = (
            visible if bias is None else bias if visible is None else bias.masked_fill(~visible, float("-inf"))
        )
        return Sight(to, positions, self.position, visible_or_bias, weights=weights, aim=aim, taps=taps)

    def sight_of(self, memory: Memory) -> Sight:
        """All of the memory but its padding, without positions, as T5's decoder sees it (Raffel et al. 2019)."""
        at = torch.arange(memory.hidden.shape[1], device=memory.hidden.device)[None]
        visible = rearrange(at < memory.lengths[:, None], "b s -> b 1 1 s")
        return Sight(at, at, Position(self.settings, self.length), visible)

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden[..., d] -> logits[..., v], in nats."""
        return self.head(hidden)
