"""The recipe, part by part: what updates the matrices, the rates, the batch, and whether a run starts with a subset.

The same trials for a causal and a masked model, on seeds of 1000 and above (docs/notebook/recipe.md). Each changes one
part of `batch-96`. `recipe` has twice the batch and four sevenths of the steps, as the presets. `plain` is how most
networks are trained: AdamW for all weights, at its best rate, and all facts from the first step on. `plain-long` gets
four times the steps.
"""

from typing import Any

from config.override import override
from train.config import RunConfig
from train.presets import BIDIRECTIONAL, CAUSAL, PLAIN_RECIPE

CHANGED: dict[str, dict[str, Any]] = {
    "batch-96": {},
    "no-subset": {"train.subset": 1.0},
    "adamw": {"train.optimiser": "adamw"},
    "plain": PLAIN_RECIPE,
    "subset-5": {"train.subset": 0.05},
    "subset-50": {"train.subset": 0.5},
    "muon-1e-2": {"train.muon_rate": 0.01},
    "muon-3e-2": {"train.muon_rate": 0.03},
    "adamw-rate-3e-3": {"train.learning_rate": 3e-3},
    "adamw-rate-1.4e-2": {"train.learning_rate": 1.4e-2},
    "final-rate-10": {"train.final_rate": 0.1},
}


def changed(name: str, base: RunConfig) -> dict[str, RunConfig]:
    """Every trial of one objective."""
    steps, every = base.train.steps, base.train.evaluate_every
    of_length: dict[str, dict[str, Any]] = {
        "subset-until-20": {"train.subset_steps": steps // 5},
        "subset-until-40": {"train.subset_steps": 2 * steps // 5},
        # As many documents, and as many between evaluations.
        "batch-64": {"train.batch": 64, "train.steps": 3 * steps // 2, "train.evaluate_every": 3 * every // 2},
        "batch-128": {"train.batch": 128, "train.steps": 3 * steps // 4, "train.evaluate_every": 3 * every // 4},
        "batch-192": {"train.batch": 192, "train.steps": steps // 2, "train.evaluate_every": every // 2},
        # A seventh more documents, with which the causal model gets there, too.
        "recipe": {"train.batch": 192, "train.steps": 4 * steps // 7, "train.evaluate_every": every // 2},
        "plain-long": PLAIN_RECIPE | {"train.steps": 4 * steps, "train.evaluate_every": 4 * every},
    }
    return {f"{name}-{trial}": override(base, settings) for trial, settings in (CHANGED | of_length).items()}


FIRST = {"train.batch": 96, "train.evaluate_every": 100}
VARIANTS = changed("causal", override(CAUSAL, FIRST | {"train.steps": 700})) | changed(
    "masked", override(BIDIRECTIONAL, FIRST | {"train.steps": 1200})
)
TITLE = "What is varied: one part of the training recipe"
