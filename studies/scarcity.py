"""Not data scarcity: a causal model's inverse against more two-way facts, more facts, more steps, more wordings.

Two-way facts are added to the same 100 one-way facts. At 99 % and with ten times the facts the world is larger, 1,000
entities x 10 relations and 800 x 25, with steps in proportion. Chance by elimination stands beside each accuracy.
"""

from dataclasses import replace

from tasks.reversal import Reversal
from train.presets import CAUSAL
from train.settings import Config

ONE_WAY = 100


def with_two_way(share: int) -> Config:
    """`share` per cent of all facts told both ways."""
    return replace(CAUSAL, task=replace(CAUSAL.task, one_way=ONE_WAY, two_way=ONE_WAY * share // (100 - share)))


def larger(times: float, **world) -> Config:
    """A larger world, each statement seen as often."""
    train = replace(CAUSAL.train, steps=int(times * CAUSAL.train.steps), evaluate_every=1000)
    return replace(CAUSAL, task=Reversal(renderings=4, **world), train=train)


VARIANTS = {
    **{f"two-way-{share}": with_two_way(share) for share in (50, 70, 90, 95)},
    "two-way-99": larger(5, entities=1000, relations=10, one_way=ONE_WAY),
    "facts-x1": CAUSAL,
    "facts-x10": larger(10, entities=800, relations=25, one_way=2000),
    "steps-x10": replace(CAUSAL, train=replace(CAUSAL.train, steps=10 * CAUSAL.train.steps, evaluate_every=2500)),
    **{f"wordings-{n}": replace(CAUSAL, task=replace(CAUSAL.task, wordings=n)) for n in (3, 10)},
}
