"""The network: one pre-norm transformer for every objective. It does not know which one trains it."""

import torch
from einops import rearrange
from torch import Tensor, nn

from model.layers import NORMS, Layer, Places, Sight
from model.positions import POSITIONS
from model.settings import NetworkSettings
from model.visibility import Visibility


class Transformer(nn.Module):
    """`words` tokens in the vocabulary, documents of up to `length` tokens. assemble.py draws the weights."""

    def __init__(self, settings: NetworkSettings, words: int, length: int):
        super().__init__()
        self.settings, self.length = settings, length
        self.embedding = nn.Embedding(words, settings.width)
        self.position = POSITIONS[settings.position](settings, length)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.depth))
        self.norm = NORMS[settings.norm](settings)
        self.head = nn.Linear(settings.width, words, bias=False)
        self.drop = nn.Dropout(settings.dropout)
        if settings.tied:
            self.head.weight = self.embedding.weight

    def forward(
        self,
        tokens: Tensor,
        visibility: Visibility,
        positions: Tensor | None = None,
        at: Tensor | None = None,
        weights: list[Tensor] | None = None,
    ) -> Tensor:
        """tokens[b, t] -> hidden[b, t, d].

        `positions`[b, t]: where each token stands; from 0 unless said. `at`[n], rising, counts places through
        [b, t]: the result is [n, d], for those alone, and so is the last layer. `weights`, an empty list: filled
        with each layer's attention weights[b, h, t, s] by the plain path.
        """
        b, t = tokens.shape
        if positions is None:
            positions = torch.arange(t, device=tokens.device)[None]
        x = self.drop(self.position.embed(self.embedding(tokens), positions))
        places = None if at is None or len(at) == b * t else Places.of(at, b, t)
        everyone = self.sight(visibility, positions, b, t, weights)
        *first, last = self.layers
        for layer in first:
            x = layer(x, everyone)
        if places is None:
            return self.norm(last(x, everyone)) if at is None else self.norm(last(x, everyone)).flatten(0, 1)
        return self.norm(last(x, self.sight(visibility, positions, b, t, weights, places), places))

    def sight(
        self,
        visibility: Visibility,
        positions: Tensor,
        b: int,
        t: int,
        weights: list[Tensor] | None,
        places: Places | None = None,
    ) -> Sight:
        """Visibility and position bias in one tensor, for all positions or for `places` alone."""
        to = positions if places is None else positions.expand(b, t).gather(1, places.columns)
        bias = self.position.bias(to, positions)
        if visibility.kind == "causal" and bias is None and places is None:
            return Sight(to, positions, self.position, causal=True, weights=weights)
        visible = visibility.visible(b, t, positions.device)
        if visible is not None:
            if places is not None:
                rows = torch.arange(b, device=positions.device)[:, None]
                visible = visible.expand(b, t, t)[rows, places.columns]
            visible = rearrange(visible, "b t s -> b 1 t s")
        visible_or_bias = (
            visible if bias is None else bias if visible is None else bias.masked_fill(~visible, float("-inf"))
        )
        return Sight(to, positions, self.position, visible_or_bias, weights=weights)

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden[..., d] -> logits[..., v], in nats."""
        return self.head(hidden)
