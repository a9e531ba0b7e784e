"""AdamW and its learning rate."""

import math

import torch
from torch import nn

from train.config import TrainConfig


def learning_rate(step: int, targets: int, config: TrainConfig) -> float:
    """The learning rate of step 0, 1, … after so many target tokens.

    It rises linearly over `warmup` steps. Then it falls as a cosine to `final_rate` of the highest at the end.
    """
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - 1 - config.warmup, 1)
    if config.targets is not None:
        progress = min(max(progress, targets / config.targets), 1)
    share = config.final_rate + (1 - config.final_rate) * (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * share


def make_optimiser(modules: nn.ModuleDict, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2017, 1711.05101) with decay on matrices only, not on biases and norms."""
    parameters = list(modules.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)
