"""What several tests need: a tiny world, an untrained model of it, and every pattern of visibility."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from config.override import override
from model.build import build_modules
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import Tensors, to_tensors
from model.visibility import Visibility
from tasks.common.statements import DocumentConfig
from tasks.corpus import Corpus, Documents
from tasks.reversal import Reversal

WORLD = Reversal(entities=12, relations=2, one_way=4, documents=DocumentConfig(filler=2, copies=2))
NETWORK = ModelConfig(width=16, heads=2, depth=2)


def corpus(changes: dict[str, Any] | None = None, seed: int = 0) -> Corpus:
    """The tiny world with settings changed, by dotted name."""
    return override(WORLD, changes or {}).build(seed)


def modules(objective: Objective, world: Corpus, seed: int = 0, **network: Any) -> nn.ModuleDict:
    """An untrained model of the world, with settings of the tiny network changed."""
    return build_modules(ModelConfig(**asdict(NETWORK) | network), objective, world, seed).eval()


def some_documents(world: Corpus) -> Documents:
    """Four documents, among them the shortest and the longest, so that some are padded and one is not."""
    by_length = np.argsort(world.documents.lengths, kind="stable")
    return world.documents[by_length[[0, len(by_length) // 3, len(by_length) // 2, -1]]]


def batch(objective: Objective, documents: Documents, seed: int = 0) -> Tensors:
    return to_tensors(objective.make_batch(documents, np.random.default_rng(seed)), torch.device("cpu"))


def prefix(lengths: Tensor, t: int) -> Tensor:
    """allowed[b, t, s]: the first half of a document sees itself whole, the rest what is left of it."""
    position = torch.arange(t)
    return (position < lengths[:, None, None] // 2) | (position[:, None] >= position)


def blocks(lengths: Tensor, t: int) -> Tensor:
    """allowed[b, t, s]: both halves of a document see themselves whole and nothing of each other."""
    in_second = torch.arange(t) >= lengths[:, None] // 2
    return in_second[:, :, None] == in_second[:, None, :]


def scattered(lengths: Tensor, t: int) -> Tensor:
    """allowed[b, t, s] at random: a position may see another one that sees more than it may see itself."""
    return torch.rand(len(lengths), t, t, generator=torch.Generator().manual_seed(0)) < 0.5


VISIBILITIES = {
    "causal": lambda lengths, t: Visibility("causal"),
    "causal, padded": lambda lengths, t: Visibility("causal", lengths),
    "full": lambda lengths, t: Visibility("full"),
    "full, padded": lambda lengths, t: Visibility("full", lengths),
    "prefix": lambda lengths, t: Visibility("explicit", allowed=prefix(lengths, t)),
    "prefix, padded": lambda lengths, t: Visibility("explicit", lengths, prefix(lengths, t)),
    "blocks": lambda lengths, t: Visibility("explicit", allowed=blocks(lengths, t)),
    "blocks, padded": lambda lengths, t: Visibility("explicit", lengths, blocks(lengths, t)),
    "scattered": lambda lengths, t: Visibility("explicit", allowed=scattered(lengths, t)),
    "scattered, padded": lambda lengths, t: Visibility("explicit", lengths, scattered(lengths, t)),
}


def visible(visibility: Visibility, b: int, t: int) -> Tensor:
    """bool[b, t, s], written out."""
    matrix = visibility.visible(b, t, torch.device("cpu"))
    return torch.ones(b, t, t, dtype=torch.bool) if matrix is None else matrix.expand(b, t, t)
