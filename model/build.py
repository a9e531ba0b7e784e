"""From settings to modules: the network that an objective trains, and the further towers or heads that it adds."""

import hashlib

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.objectives.base import Objective
from model.transformer import Transformer
from tasks.corpus import Corpus

BY_WORD = ("embedding.weight", "head.weight")  # matrices with a row for each word
NEIGHBOUR_SCALE = 0.3  # standard deviation of the weights of a convolution's neighbours; that of a position itself is 1


def build_modules(config: ModelConfig, objective: Objective, corpus: Corpus, seed: int) -> nn.ModuleDict:
    """`network` and the objective's extra modules, with the weights that `seed` draws.

    Raises SettingError where network and objective make no sense together.
    """
    objective.check_model(config)
    vocab_size, max_length = len(corpus.vocabulary), objective.max_length(corpus.max_length)
    with torch.random.fork_rng(devices=[]):  # torch draws weights, too; they are overwritten, and its state restored
        network = Transformer(config, vocab_size, max_length)
        modules = nn.ModuleDict({"network": network, **objective.extra_modules(config, vocab_size, max_length)})
    initialise(modules, config, seed)
    return modules


def count_weights(config: ModelConfig, vocab_size: int) -> int:
    """The weights of a network, but for those of learned positions; nothing is allocated."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Transformer(config, vocab_size, 1).parameters())


def with_vocabulary_rows(weights: dict[str, Tensor], rows: list[int]) -> dict[str, Tensor]:
    """The weights with these rows of every matrix that has one for each word: of embedding and output."""
    return {name: weight[rows] if name.endswith(BY_WORD) else weight for name, weight in weights.items()}


def initialise(modules: nn.ModuleDict, config: ModelConfig, seed: int) -> None:
    """Draws every parameter from (seed, its name), so that an added module changes no other.

    Normal with `initial_scale`, divided by sqrt(2 layers) where the output is added to the input (GPT-2).
    Biases are 0. Norms, and a convolution's weights of a position itself, are 1.
    """
    scale = config.initial_scale or config.width**-0.5
    for name, parameter in modules.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.ndim == 1:
            nn.init.ones_(parameter)
        else:
            digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
            std = NEIGHBOUR_SCALE if name.endswith("neighbours") else scale
            if name.endswith("out.weight"):
                std /= (2 * config.depth * config.recurrence) ** 0.5
            nn.init.normal_(parameter, std=std, generator=generator)
