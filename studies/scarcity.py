"""More data: a causal model's inverse against more two-way facts (up to 4,950), more facts, more steps, more wordings.

Two-way facts are added to the same 100 one-way facts of the default world. Two worlds have other sizes. At 99 %, 4,950
two-way facts are added to 50 one-way ones. `facts-x10` has 4,000 facts against 400, a tenth of them one-way in both,
and each statement is seen as often. The elimination baseline differs, and is shown with each accuracy.
"""

from dataclasses import replace

from config.override import override
from tasks.reversal import Reversal
from train.config import RunConfig
from train.presets import CAUSAL

ONE_WAY = 100


def with_two_way(share: int) -> RunConfig:
    """`share` per cent of all facts are two-way."""
    return replace(CAUSAL, task=replace(CAUSAL.task, one_way=ONE_WAY, two_way=ONE_WAY * share // (100 - share)))


def with_world(steps: int, **world) -> RunConfig:
    """A world of another size."""
    return replace(CAUSAL, task=Reversal(**world), train=replace(CAUSAL.train, steps=steps, evaluate_every=steps // 10))


def with_wordings(wordings: int, steps: int) -> RunConfig:
    """Each relation has so many wordings. Ten get twice the steps: after 700 of 96, forward was at 80 to 94 %."""
    return override(CAUSAL, {"task.wordings": wordings, "train.steps": steps})


VARIANTS = {
    **{f"two-way-{share}": with_two_way(share) for share in (50, 70, 90, 95)},
    "two-way-99": with_world(1400, entities=2500, relations=2, one_way=50),
    "facts-x1": with_world(200, entities=200, relations=2, one_way=40),
    "facts-x10": with_world(2000, entities=800, relations=5, one_way=400),
    "steps-x1": CAUSAL,
    "steps-x10": replace(CAUSAL, train=replace(CAUSAL.train, steps=10 * CAUSAL.train.steps, evaluate_every=400)),
    "wordings-3": with_wordings(3, CAUSAL.train.steps),
    "wordings-10": with_wordings(10, 2 * CAUSAL.train.steps),
}
TITLE = "What is varied: the amount of a causal model's data"
AXES = {
    "two-way": "two-way facts, % of all",
    "facts": "facts, times as many",
    "steps": "steps, times as many",
    "wordings": "wordings of a relation",
}
