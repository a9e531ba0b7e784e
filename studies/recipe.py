"""The recipe, part by part: what updates the matrices, and whether a run starts with a subset of the facts.

The same trials for a causal and a masked model, on seeds of 1000 and above (docs/notebook/recipe.md). `plain` is how
most networks are trained: AdamW for all weights, at its best rate, and all facts from the first step on. `plain-long`
gets four times the steps.
"""

from typing import Any

from config.override import override
from train.config import RunConfig
from train.presets import BIDIRECTIONAL, CAUSAL, PLAIN_RECIPE

CHANGED: dict[str, dict[str, Any]] = {
    "recipe": {},
    "no-subset": {"train.subset": 1.0},
    "adamw": {"train.optimiser": "adamw"},
    "plain": PLAIN_RECIPE,
    "subset-5": {"train.subset": 0.05},
    "subset-50": {"train.subset": 0.5},
    "muon-1e-2": {"train.muon_rate": 0.01},
    "muon-3e-2": {"train.muon_rate": 0.03},
    "adamw-rate-3e-3": {"train.learning_rate": 3e-3},
    "adamw-rate-1.4e-2": {"train.learning_rate": 1.4e-2},
}


def changed(name: str, base: RunConfig) -> dict[str, RunConfig]:
    """Every trial of one objective."""
    steps = {"train.steps": 4 * base.train.steps, "train.evaluate_every": 4 * base.train.evaluate_every}
    trials = CHANGED | {"plain-long": PLAIN_RECIPE | steps}
    return {f"{name}-{trial}": override(base, settings) for trial, settings in trials.items()}


VARIANTS = changed("causal", CAUSAL) | changed("masked", BIDIRECTIONAL)
TITLE = "What is varied: one part of the training recipe"
