"""The network's settings. Each of them can be ablated; none belongs to an objective."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from config.validation import require, require_at_least, require_at_most

MAX_LAYERS, MAX_WIDTH = 1000, 100_000  # so that no number of them takes time or memory without bound


@dataclass(frozen=True)
class ModelConfig:
    main_settings: ClassVar = ("width", "depth", "heads", "position")

    width: int = 64
    """features of a position"""
    depth: int = 2
    """layers"""
    recurrence: int = 1
    """times that all layers are applied in turn, each time with the same weights"""
    heads: int = 4
    """attention heads; they share the width"""
    position: Literal["rotary", "learned", "alibi", "relative", "none"] = "rotary"
    """position scheme; "none" leaves order to visibility, and training fails where every position sees all"""
    rotary_base: float = 100.0
    """with rotary: the lowest frequency, in positions a radian; much shorter documents hardly use low frequencies"""
    convolution: int = 1
    """positions mixed into queries, keys and values, channel by channel, before attention (1: none): a position and
    those left of it or, where every position sees all, on both sides of it, one more on the left if even"""
    norm: Literal["rms", "layer"] = "rms"
    """normalisation before each part of a layer"""
    feed_forward: Literal["swiglu", "gelu"] = "swiglu"
    """the part of a layer that treats each position alone"""
    feed_forward_width: int | None = None
    """features inside the feed-forward part; None: four times the width, or as many weights with three maps (swiglu)"""
    bias: bool = False
    """whether linear maps have a bias"""
    tied: bool = False
    """whether the output matrix is the token embedding"""
    initial_scale: float | None = None
    """standard deviation of initial weights; None: 1 / sqrt(width)"""
    dropout: float = 0.0
    """share dropped in training: of features after embedding, attention and feed-forward, and of attention weights"""

    def __post_init__(self):
        require_at_least(self, "model", 1, "width", "depth", "recurrence", "heads", "convolution")
        divides = self.width % self.heads == 0
        require(divides, "model.width", self.width, f"a multiple of model.heads ({self.heads})")
        even = self.position != "rotary" or self.width // self.heads % 2 == 0
        require(even, "model.heads", self.heads, f"such that width a head is even, for rotary at width {self.width}")
        require_at_least(self, "model", 1, "feed_forward_width")
        require_at_most(self, "model", MAX_LAYERS, "depth", "recurrence")
        require_at_most(self, "model", MAX_WIDTH, "width")
        require_at_most(self, "model", MAX_WIDTH, "convolution")
        require(1 <= self.rotary_base < math.inf, "model.rotary_base", self.rotary_base, "1 or more")
        positive = self.initial_scale is None or 0 < self.initial_scale <= 1000
        require(positive, "model.initial_scale", self.initial_scale, "above 0 and at most 1000")
        require(0 <= self.dropout < 1, "model.dropout", self.dropout, "0 or more and below 1")
