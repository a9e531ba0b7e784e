"""Every objective on the default world: its preset, so the same network, batches and recipe.

`make compare-objectives`. The masked model has learned the inverse after 700 steps. What has not gets up to five
times as many. BICO starts from the causal run of its seed. The world has 400 entities x 5 relations, 200 one-way facts,
and one-token names. With these, reversal by entity and by token are the same.

A uniform masking rate has diffusion's rates: at those of the others it stays on the undirected link
(docs/notebook/recipe.md).
"""

from dataclasses import replace

from model.objectives import OBJECTIVES
from model.objectives.diffusion import Diffusion
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from tasks.corpus import ROLES
from train.config import RunConfig
from train.presets import BIDIRECTIONAL as BASE
from train.presets import OWN_TRAINING, PRESETS

SLOW = replace(BASE, train=replace(BASE.train, **OWN_TRAINING[Diffusion]))

# Without chain-of-thought documents, reinforced is causal.
VARIANTS = {name: PRESETS[name][1] for name, objective in OBJECTIVES.items() if objective is not Reinforced}
VARIANTS["bico"] = replace(VARIANTS["bico"], train=replace(VARIANTS["bico"].train, init_from="causal"))
VARIANTS["masked-uniform"] = replace(SLOW, objective=Masked(scheme="uniform", maskable=tuple(ROLES)))
TITLE = "What is varied: the objective. Fourteen of them on the same worlds"


def quick(config: RunConfig) -> RunConfig:
    """Half the world, half the steps."""
    task = replace(config.task, entities=config.task.entities // 2, one_way=config.task.one_way // 2)
    return replace(config, task=task, train=replace(config.train, steps=config.train.steps // 2))
