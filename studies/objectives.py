"""Every objective on the default world: one default variant each, the same steps, batches and rates.

`make compare-objectives`. BICO is trained on from the causal run of its seed, for as many steps again. The world has
400 entities x 5 relations, 200 facts one-way, and one-token names, for which reversal by entity and by token are the
same.
"""

from dataclasses import replace

from model.objectives import OBJECTIVES
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from tasks.reversal import Reversal
from train.settings import Config, TrainSettings

TRAIN = TrainSettings(steps=5000, evaluate_every=500)
BASE = Config(Reversal(), Masked(), train=TRAIN)

# Without documents that think, reinforced is causal.
VARIANTS = {name: replace(BASE, objective=kind()) for name, kind in OBJECTIVES.items() if kind is not Reinforced}
VARIANTS["bico"] = replace(VARIANTS["bico"], train=replace(TRAIN, origin="causal"))


def quick(config: Config) -> Config:
    """Half the world, half the steps."""
    task = replace(config.task, entities=config.task.entities // 2, one_way=config.task.one_way // 2)
    return replace(config, task=task, train=replace(config.train, steps=config.train.steps // 2))
