"""Position schemes: how the network represents the order of tokens. Positions count from 0.

To add one: a class with any of the three hooks of Position, a line in POSITIONS and its name in the settings.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from model.config import ModelConfig

MIN_POSITIONS = 2048  # supported by schemes without weights, for prompts longer than any training document


class Position(nn.Module):
    """No positions. Each hook leaves its argument as it is; a scheme overrides one of them."""

    max_positions: int | None = None
    """positions that it supports; None: any number"""

    def __init__(self, config: ModelConfig, max_length: int):
        super().__init__()

    def embed(self, x: Tensor, positions: Tensor, target_positions: Tensor | None = None) -> Tensor:
        """Token embeddings x[..., d] with their positions[...] added.

        `target_positions`[...]: the positions that they predict, where those are not the next ones.
        """
        return x

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        """Queries or keys x[b, h, t, d], rotated by their positions[b or 1, t]."""
        return x

    def bias(self, query_positions: Tensor, key_positions: Tensor) -> Tensor | None:
        """What is added to attention scores: [b or 1, h, t, s] for queries [b or 1, t] and keys [b or 1, s]."""
        return None


class Learned(Position):
    """A learned vector for each position (GPT-2, Radford et al. 2019)."""

    def __init__(self, config: ModelConfig, max_length: int):
        super().__init__(config, max_length)
        self.max_positions = max_length
        self.table = nn.Embedding(max_length, config.width)

    def embed(self, x: Tensor, positions: Tensor, target_positions: Tensor | None = None) -> Tensor:
        if target_positions is None:
            return x + self.table(positions)
        half = x.shape[-1] // 2  # half of the features for each (Pannatier et al. 2024, 2404.09562)
        return x + torch.cat([self.table(target_positions)[..., :half], self.table(positions)[..., half:]], dim=-1)


class Rotary(Position):
    """Queries and keys are rotated by an angle that grows with the position (Su et al. 2021, 2104.09864).

    Features are rotated in pairs, as in the paper, each pair being one complex number: one product for all.
    """

    def __init__(self, config: ModelConfig, max_length: int):
        super().__init__(config, max_length)
        half = config.width // config.heads // 2
        frequency = config.rotary_base ** (-torch.arange(half, dtype=torch.float32) / half)
        self.max_positions = max(max_length, MIN_POSITIONS)
        angle = torch.arange(self.max_positions)[:, None] * frequency
        self.register_buffer("rotation", torch.polar(torch.ones_like(angle), angle), persistent=False)

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        pairs = torch.view_as_complex(rearrange(x.float(), "b h t (d two) -> b h t d two", two=2))
        rotated = pairs * rearrange(self.rotation[positions], "b t d -> b 1 t d")
        return rearrange(torch.view_as_real(rotated), "b h t d two -> b h t (d two)").to(x.dtype)


class Alibi(Position):
    """Scores fall with distance, with another slope for each head (Press et al. 2021, 2108.12409).

    To the right they fall half as fast, since equal slopes could not distinguish left from right.
    """

    def __init__(self, config: ModelConfig, max_length: int):
        super().__init__(config, max_length)
        slope = 2.0 ** (-8 * torch.arange(1, config.heads + 1) / config.heads)
        self.register_buffer("slope", slope, persistent=False)

    def bias(self, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        offset = rearrange(key_positions, "b s -> b 1 1 s") - rearrange(query_positions, "b t -> b 1 t 1")
        return torch.where(offset > 0, -0.5 * offset, offset) * self.slope[:, None, None]


class Relative(Position):
    """A learned score for each offset, the same from `max_distance` on (T5, Raffel et al. 2019, 1910.10683)."""

    def __init__(self, config: ModelConfig, max_length: int, max_distance: int = 16):
        super().__init__(config, max_length)
        self.max_distance = min(max_distance, max_length)
        self.table = nn.Embedding(2 * self.max_distance + 1, config.heads)

    def bias(self, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        offset = rearrange(key_positions, "b s -> b 1 s") - rearrange(query_positions, "b t -> b t 1")
        row = offset.clamp(-self.max_distance, self.max_distance) + self.max_distance
        # Gathered head by head: the gradient of an embedding of two numbers takes ten times as long.
        by_head = self.table.weight.mT.gather(1, row.flatten().expand(self.table.embedding_dim, -1))
        return rearrange(by_head, "h (b t s) -> b h t s", b=row.shape[0], t=row.shape[1])


POSITIONS = {
    "learned": Learned,
    "rotary": Rotary,
    "alibi": Alibi,
    "relative": Relative,
    "none": Position,
}
