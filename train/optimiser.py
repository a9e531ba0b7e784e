"""AdamW and its learning rate."""

import math

import torch
from torch import nn

from train.settings import TrainSettings


def learning_rate(step: int, targets: int, settings: TrainSettings) -> float:
    """At step 0, 1, … and after so many target tokens: a straight rise over `warmup` steps, then a cosine down to
    `final_rate` at the end."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(settings.steps - 1 - settings.warmup, 1)
    if settings.targets is not None:
        done = min(max(done, targets / settings.targets), 1)
    share = settings.final_rate + (1 - settings.final_rate) * (1 + math.cos(math.pi * done)) / 2
    return settings.learning_rate * share


def make_optimiser(modules: nn.ModuleDict, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2017, 1711.05101) with decay on matrices only, not on biases and norms."""
    parameters = list(modules.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(settings.beta1, settings.beta2), fused=True)
