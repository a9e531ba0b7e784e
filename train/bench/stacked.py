"""Several seeds trained in one program: their weights stacked, so that each layer is one batched product for all.

Each seed keeps its own world, batches, loss and optimiser's state. Each gets what a run of its own would give it, but
for rounding (tests/test_stacked.py).
"""

import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from config.validation import require
from model.build import build_modules
from model.config import ModelConfig
from model.layers import Normalise, RMSNorm
from model.objectives.batch import Batch, Tensors, to_tensors
from model.transformer import Transformer
from tasks.corpus import Corpus
from train import batches
from train.config import RunConfig
from train.optimiser import Optimiser, rate_factor


class StackedLinear(nn.Linear):
    """Linear maps without bias, weight[s, o, d]. Each takes the rows of its seed, those of the s seeds in turn."""

    def __init__(self, maps: list[nn.Linear]):
        nn.Module.__init__(self)
        self.weight = nn.Parameter(torch.stack([part.weight.data for part in maps]))

    def forward(self, x: Tensor) -> Tensor:
        """x[..., d], with as many rows for each seed -> [..., o]."""
        rows = x.reshape(len(self.weight), -1, x.shape[-1])
        return torch.bmm(rows, self.weight.mT).view(*x.shape[:-1], self.weight.shape[1])


class StackedNormalise(Normalise):
    """x[s, n, d] over its root mean square, times weight[s, 1, d]."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        normalised, inverse, weight = ctx.saved_tensors
        weight_gradient = gradient * normalised
        mean = torch.bmm(weight_gradient, weight.mT).div_(weight.shape[-1])
        x_gradient = torch.addcmul(gradient * weight, normalised, mean, value=-1).mul_(inverse)
        return x_gradient, weight_gradient.sum(1, keepdim=True)


class StackedRMSNorm(nn.Module):
    """RMSNorms with one weight[s d], flat, so that the optimiser still takes it for that of a norm."""

    def __init__(self, norms: list[RMSNorm]):
        super().__init__()
        self.seeds, self.weight = len(norms), nn.Parameter(torch.cat([norm.weight.data for norm in norms]))

    def forward(self, x: Tensor) -> Tensor:
        """x[..., d], with as many rows for each seed -> [..., d]."""
        rows = x.reshape(self.seeds, -1, x.shape[-1])
        return StackedNormalise.apply(rows, self.weight.view(self.seeds, 1, -1)).view(x.shape)


def stack(parts: list[nn.Module]) -> nn.Module:
    """One module that computes what each of the modules of one architecture would, for its share of the rows."""
    if isinstance(parts[0], nn.Linear):
        return StackedLinear(parts)
    if isinstance(parts[0], RMSNorm):
        return StackedRMSNorm(parts)
    stacked = copy.deepcopy(parts[0])
    if isinstance(stacked, nn.Embedding):  # `join` numbers the tokens of all seeds
        stacked.weight = nn.Parameter(torch.cat([part.weight.data for part in parts]))
    if isinstance(stacked, Transformer):
        stacked.skips = False  # each seed must have as many rows
    for name, _ in parts[0].named_children():
        setattr(stacked, name, stack([getattr(part, name) for part in parts]))
    return stacked


def keep_orders(seeds: int) -> None:
    """Keeps what `batches` computes once a run for so many seeds. Of more than two, it would compute it every step."""
    for name in ("epoch_order", "last_head", "subset_rows"):
        setattr(batches, name, lru_cache(maxsize=2 * seeds)(getattr(batches, name).__wrapped__))


def join(parts: list[Batch], vocab_size: int) -> Batch:
    """The batches of s seeds as one, of s b documents and as many targets for each seed.

    Tokens of seed i are raised by i `vocab_size`. Padded targets stand at further positions and weigh nothing.
    """
    t, n = max(batch["tokens"].shape[1] for batch in parts), max(len(batch["targets"]) for batch in parts)
    joined = [pad(batch, t, n, i, vocab_size) for i, batch in enumerate(parts)]
    return {key: np.concatenate([batch[key] for batch in joined]) for key in joined[0]}


def pad(batch: Batch, t: int, n: int, i: int, vocab_size: int) -> Batch:
    """The batch of seed i with t columns and n targets, as `join` needs it."""
    b, columns = batch["tokens"].shape
    document, column = np.divmod(batch["logit_positions"], columns)
    position = document * t + column
    padded = np.concatenate([position, np.setdiff1d(np.arange(b * t), position)])[:n]
    order, padding = padded.argsort(), (0, n - len(position))
    return {
        "tokens": np.pad(batch["tokens"], ((0, 0), (0, t - columns))) + i * vocab_size,
        "lengths": batch["lengths"],
        "logit_positions": padded[order] + i * b * t,
        "targets": np.pad(batch["targets"], padding)[order],
        "weights": np.pad(np.full(len(position), 1 / len(position), np.float32), padding)[order],
    }


@dataclass(frozen=True)
class StackedSeeds:
    """The training of several seeds of one run's settings at once."""

    config: RunConfig
    corpora: list[Corpus]
    """the world of each seed, from `config.seed` on"""
    modules: nn.ModuleDict
    """stacked"""
    optimiser: Optimiser

    @staticmethod
    def build(config: RunConfig, seeds: int, device: torch.device) -> "StackedSeeds":
        """Seeds from `config.seed` on. Raises SettingError for a network with parts that have no stacked form."""
        model = config.model
        for name in ("norm", "bias", "tied", "position", "convolution", "dropout"):
            default = getattr(ModelConfig, name)
            require(getattr(model, name) == default, f"model.{name}", getattr(model, name), repr(default))
        keep_orders(seeds)
        corpora = [config.task.build(seed) for seed in range(config.seed, config.seed + seeds)]
        builds = [build_modules(model, config.objective, corpus, config.seed + i) for i, corpus in enumerate(corpora)]
        modules = stack(builds).to(device).train()
        return StackedSeeds(config, corpora, modules, Optimiser(modules, config.train))

    def step(self, step: int) -> list[float]:
        """One step of every seed. Returns the mean loss of each, in nats."""
        config, device = self.config, next(self.modules.parameters()).device
        batch = to_tensors(self.batch(step), device)
        losses = self.losses(batch)
        self.modules.zero_grad()
        losses.sum().backward()
        self.clip()
        self.optimiser.step(rate_factor(step, 0, config.train))
        return losses.tolist()

    def batch(self, step: int) -> Batch:
        """The joined batch of a step. It has one batch for each seed, since these worlds have no episodes."""
        config = self.config
        parts = [
            batches.make_batches(corpus, config.objective, config.train, config.seed + i, step)[0]
            for i, corpus in enumerate(self.corpora)
        ]
        return join(parts, len(self.corpora[0].vocabulary))

    def losses(self, batch: Tensors) -> Tensor:
        """The mean loss of each seed[s], in nats."""
        logits = self.modules["network"].logits(self.config.objective.target_hidden(self.modules, batch))
        losses = F.cross_entropy(logits, batch["targets"], reduction="none") * batch["weights"]
        return losses.view(len(self.corpora), -1).sum(1)

    def clip(self) -> None:
        """Shortens the gradient of each seed to `train.clip`, as torch's clip_grad_norm_ does for one."""
        by_seed = [p.grad.view(len(self.corpora), -1) for p in self.modules.parameters()]
        norm = torch.stack([torch.linalg.vector_norm(gradient, dim=1) for gradient in by_seed]).norm(dim=0)
        factor = (self.config.train.clip / (norm + 1e-6)).clamp(max=1)[:, None]
        for gradient in by_seed:
            gradient.mul_(factor)
