"""Not data scarcity: a causal model's inverse against more two-way facts, more facts, more steps, more wordings.

Every variant changes one thing of the preset `causal`.
"""

from dataclasses import replace

from tasks.reversal import Reversal
from train.presets import CAUSAL

FACTS = CAUSAL.task.facts


def world(**settings) -> Reversal:
    return replace(CAUSAL.task, **settings)


VARIANTS = {
    **{
        f"two-way-{share}": replace(CAUSAL, task=world(one_way=FACTS * (100 - share) // 100))
        for share in (50, 70, 90, 95, 99)
    },
    "facts-x10": replace(
        CAUSAL,
        task=world(entities=2 * CAUSAL.task.entities, relations=5 * CAUSAL.task.relations, one_way=2000, renderings=4),
        train=replace(CAUSAL.train, steps=5 * CAUSAL.train.steps),
    ),
    "steps-x10": replace(CAUSAL, train=replace(CAUSAL.train, steps=10 * CAUSAL.train.steps, evaluate_every=2500)),
    **{f"wordings-{n}": replace(CAUSAL, task=world(wordings=n)) for n in (1, 3, 10)},
}
