"""From settings to modules: the network an objective trains, and whatever else it brings."""

import hashlib

import torch
from torch import nn

from model.objectives.contract import Objective
from model.settings import NetworkSettings
from model.transformer import Transformer
from tasks.corpus import Corpus

NEIGHBOUR_SCALE = 0.3  # standard deviation of a convolution's taps, beside the 1 of a position's own


def assemble(settings: NetworkSettings, objective: Objective, corpus: Corpus, seed: int) -> nn.ModuleDict:
    """`network` and the objective's parts, with the weights that `seed` draws.

    Raises SettingError where network and objective make no sense together.
    """
    objective.check(settings)
    words, length = len(corpus.vocabulary), objective.max_length(corpus.longest)
    with torch.random.fork_rng(devices=[]):  # torch's own first draw is overwritten, and nobody's to notice
        network = Transformer(settings, words, length)
        modules = nn.ModuleDict({"network": network, **objective.parts(settings, words, length)})
    initialise(modules, settings, seed)
    return modules


def initialise(modules: nn.ModuleDict, settings: NetworkSettings, seed: int) -> None:
    """Draws every parameter from (seed, its name), so that an added part changes no other.

    Normal with `initial_scale`, smaller by sqrt(2 layers) where a layer adds to what came in (GPT-2);
    biases 0, norms and a position's own tap 1.
    """
    scale = settings.initial_scale or settings.width**-0.5
    for name, parameter in modules.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.ndim == 1:
            nn.init.ones_(parameter)
        else:
            digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
            draw = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
            std = NEIGHBOUR_SCALE if name.endswith("neighbours") else scale
            if name.endswith("out.weight"):
                std /= (2 * settings.depth * settings.recurrence) ** 0.5
            nn.init.normal_(parameter, std=std, generator=draw)
