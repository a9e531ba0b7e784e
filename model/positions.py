"""How the network knows where a token stands. Positions are places in the document, from 0.

To add a scheme: a class with any of the three hooks, one line in POSITIONS and its name in the settings.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from model.settings import NetworkSettings

PROMPT = 2048  # places that a scheme without weights knows at least, for prompts longer than what was trained on


class Position(nn.Module):
    """No positions: what a scheme does not override leaves its argument as it is. `places`: how many it knows; None:
    any number."""

    places: int | None = None

    def __init__(self, settings: NetworkSettings, length: int):
        super().__init__()

    def embed(self, x: Tensor, positions: Tensor, predict: Tensor | None = None) -> Tensor:
        """Token embeddings x[b, t, d] with what is known of positions[b or 1, t] added, and of the positions to be
        `predict`ed [b, t] where those are not the next ones."""
        return x

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        """Queries or keys x[b, h, t, d] as they stand at positions[b or 1, t]."""
        return x

    def bias(self, to: Tensor, of: Tensor) -> Tensor | None:
        """Added to the scores [b or 1, h, t, s] of positions `to`[b or 1, t] looking at `of`[b or 1, s]."""
        return None


class Learned(Position):
    """A vector for each place (GPT-2, Radford et al. 2019)."""

    def __init__(self, settings: NetworkSettings, length: int):
        super().__init__(settings, length)
        self.places = length
        self.table = nn.Embedding(length, settings.width)

    def embed(self, x: Tensor, positions: Tensor, predict: Tensor | None = None) -> Tensor:
        if predict is None:
            return x + self.table(positions)
        half = x.shape[-1] // 2  # half of the features for each (Pannatier et al. 2024, 2404.09562)
        return x + torch.cat([self.table(predict)[..., :half], self.table(positions)[..., half:]], dim=-1)


class Rotary(Position):
    """Queries and keys turned by an angle that grows with the place (Su et al. 2021, 2104.09864)."""

    def __init__(self, settings: NetworkSettings, length: int):
        super().__init__(settings, length)
        half = settings.width // settings.heads // 2
        speed = settings.rotary_base ** (-torch.arange(half, dtype=torch.float32) / half)
        self.places = max(length, PROMPT)
        angle = torch.arange(self.places)[:, None] * speed
        self.register_buffer("cos", angle.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sin", angle.sin().repeat(1, 2), persistent=False)

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        turned = torch.cat([-second, first], dim=-1)
        cos, sin = (rearrange(table[positions], "b t d -> b 1 t d") for table in (self.cos, self.sin))
        return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


class Alibi(Position):
    """Scores fall with distance, at another slope for each head (Press et al. 2021, 2108.12409).

    What stands to the right falls half as fast, since equal slopes could not tell left from right.
    """

    def __init__(self, settings: NetworkSettings, length: int):
        super().__init__(settings, length)
        slope = 2.0 ** (-8 * torch.arange(1, settings.heads + 1) / settings.heads)
        self.register_buffer("slope", slope, persistent=False)

    def bias(self, to: Tensor, of: Tensor) -> Tensor:
        step = rearrange(of, "b s -> b 1 1 s") - rearrange(to, "b t -> b 1 t 1")
        return torch.where(step > 0, -0.5 * step, step) * self.slope[:, None, None]


class Relative(Position):
    """A learned score for each distance up to `reach`, left and right apart (T5, Raffel et al. 2019, 1910.10683)."""

    def __init__(self, settings: NetworkSettings, length: int, reach: int = 16):
        super().__init__(settings, length)
        self.reach = min(reach, length)
        self.table = nn.Embedding(2 * self.reach + 1, settings.heads)

    def bias(self, to: Tensor, of: Tensor) -> Tensor:
        step = rearrange(of, "b s -> b 1 s") - rearrange(to, "b t -> b t 1")
        return rearrange(self.table(step.clamp(-self.reach, self.reach) + self.reach), "b t s h -> b h t s")


POSITIONS = {"learned": Learned, "rotary": Rotary, "alibi": Alibi, "relative": Relative, "none": Position}
