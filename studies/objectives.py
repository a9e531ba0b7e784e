"""Every objective on the default world: one default variant each, the same steps, batches and rates.

`make compare-objectives`. BICO starts from the causal run of its seed and is trained for as many steps again. The world
has 400 entities x 5 relations, 200 one-way facts, and one-token names. With these, reversal by entity and by token are
the same.
"""

from dataclasses import replace

from model.objectives import OBJECTIVES
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from tasks.reversal import Reversal
from train.config import RunConfig, TrainConfig

TRAIN = TrainConfig(steps=5000, evaluate_every=500)
BASE = RunConfig(Reversal(), Masked(), train=TRAIN)

# Without chain-of-thought documents, reinforced is causal.
VARIANTS = {
    name: replace(BASE, objective=objective()) for name, objective in OBJECTIVES.items() if objective is not Reinforced
}
VARIANTS["bico"] = replace(VARIANTS["bico"], train=replace(TRAIN, init_from="causal"))


def quick(config: RunConfig) -> RunConfig:
    """Half the world, half the steps."""
    task = replace(config.task, entities=config.task.entities // 2, one_way=config.task.one_way // 2)
    return replace(config, task=task, train=replace(config.train, steps=config.train.steps // 2))
