"""Batches of 96 and of 192 documents for every objective, on seeds of 1000 and above (docs/notebook/recipe.md).

`NAME-192` takes four sevenths of the steps of `NAME-96`, so a seventh more documents. The presets have batches of 192
and about as many steps.
"""

from dataclasses import replace

from studies.objectives import VARIANTS as OBJECTIVES
from train.config import RunConfig

STEPS = {400: 700, 700: 1200, 1400: 2400, 1750: 3000, 3500: 6000}
"""of a preset: those with batches of 96"""


def with_batch(config: RunConfig, batch: int) -> RunConfig:
    """The same run with batches of 96 or 192. An evaluation comes after as many documents."""
    steps, every = STEPS[config.train.steps], 2 * config.train.evaluate_every
    if batch == 192:
        steps, every = 4 * steps // 7, every // 2
    start = config.train.init_from and f"{config.train.init_from}-{batch}"
    train = replace(config.train, batch=batch, steps=steps, evaluate_every=every, init_from=start)
    return replace(config, train=train)


VARIANTS = {f"{name}-{batch}": with_batch(config, batch) for batch in (96, 192) for name, config in OBJECTIVES.items()}
TITLE = "What is varied: the batch, for every objective"
