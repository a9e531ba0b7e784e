"""What it takes to look facts up in a prompt: a causal model, and one thing changed at a time.

Episodes state one to four facts and ask for each once, by either word. The split `unseen_forward`, in context, needs
the right one of them. `unseen_inverse`, in context, needs it by the inverse word. The world is that of the reversal
variants of studies/context.py, with fewer steps, so that slower variants show.

The variants `two-steps…` ask for a conclusion from two premises (`conclusion`, in context). A second chain ends in the
same word. Each variant changes one thing of the preset `syllogism`. The variants `inherit…` do the same for what a
category inherits over one link (`syllogism`, `holdout`) and over two (`chain`, `holdout_chain`), and for the preset
`hierarchy`. The variants `decode…` do it for sequences of codebooks (`latent`, `decode`) and the preset `codebook`.
"""

from dataclasses import replace
from typing import Any

from config.override import override
from eval.methods import METHODS as ALL_METHODS
from model.objectives.masked import Masked
from train.config import RunConfig
from train.presets import CODEBOOK, HIERARCHY, IN_CONTEXT, PLAIN_RECIPE, SYLLOGISM

# As in the first experiments, so that slower variants show: AdamW for all weights and two thirds of a batch; and for
# reversal, rotary positions and half the rate.
FIRST = {**PLAIN_RECIPE, "train.learning_rate": 6e-3, "train.evaluate_every": 500}
TWO_THIRDS = {**FIRST, "task.episodes.share": 2 / 3}
BASE = override(
    IN_CONTEXT, {**TWO_THIRDS, "model.position": "rotary", "train.steps": 2500, "train.learning_rate": 3e-3}
)
CHANGED = {
    **{f"convolution-{n}": {"model.convolution": n} for n in (1, 3, 9)},
    **{f"heads-{n}": {"model.heads": n} for n in (1, 4)},
    **{f"depth-{n}": {"model.depth": n} for n in (1, 3)},
    "width-128": {"model.width": 128},
    **{f"scale-{scale}": {"model.initial_scale": scale} for scale in (0.02, 0.06, 0.25)},
    **{f"position-{position}": {"model.position": position} for position in ("relative", "learned", "none")},
    "tied": {"model.tied": True},
    "always-4-facts": {"task.episodes.min_facts": 4},
    "up-to-2-facts": {"task.episodes.max_facts": 2},
    "up-to-8-facts": {"task.episodes.max_facts": 8},
    "growing-facts": {"task.episodes.growth_steps": 1000},
    "two-questions-per-fact": {"task.episodes.questions_per_fact": 2},
    "no-hubs": {"task.episodes.hub_share": 0.0},
    "no-filler": {"task.episodes.filler_share": 0.0},
    "own-entities-20": {"task.episodes.own_entities": 20},
    "own-entities-200": {"task.episodes.own_entities": 200},
    "share-33": {"task.episodes.share": 1 / 3},
    "rate-1e-3": {"train.learning_rate": 1e-3},
    "rate-6e-3": {"train.learning_rate": 6e-3},
    "batch-48": {"train.batch": 48},
    "masked": {"objective": Masked()},
    # Given the time that it needs: the convolution is not what makes it possible.
    "plain-long": {"model.convolution": 1, "train.steps": 12 * BASE.train.steps, "train.evaluate_every": 2500},
}
LONG = {"train.steps": 10_000, "train.evaluate_every": 1000}
# The preset that these led to, under its own recipe: without a convolution, and with other positions.
CHANGED_PRESET = {
    "-masked": {"objective": Masked()},
    "-plain": {"model.convolution": 1},
    "-plain-subset": {"model.convolution": 1, "train.subset": 0.25},
    "-plain-learned": {"model.convolution": 1, "model.position": "learned"},
    "-plain-rotary": {"model.convolution": 1, "model.position": "rotary"},
    "-rotary": {"model.position": "rotary"},
    "-plain-long": {"model.convolution": 1, **LONG},
    "-plain-rotary-long": {"model.convolution": 1, "model.position": "rotary", **LONG},
}

# One layer that is run twice, as in the first experiments.
TWICE = replace(BASE.model, depth=1, recurrence=2)
TWO_STEPS = override(SYLLOGISM, {**TWO_THIRDS, "task.episodes.only_steps": 2000, "model": TWICE, "train.steps": 3000})
CHANGED_TWO_STEPS = {
    "-depth-2": {"model.depth": 2, "model.recurrence": 1},
    "-recurrence-3": {"model.recurrence": 3},
    "-only-steps-0": {"task.episodes.only_steps": 0},
    "-any-quantifier": {"task.episodes.all_quantifier_share": 0.0},
    "-unmatched": {"task.episodes.matched_share": 0.0},
    "-no-first-premises": {"task.episodes.first_premise_share": 0.0, "task.episodes.conclusion_share": 1.0},
    "-6-facts": {"task.episodes.max_facts": 6},
    "-rate-3e-3": {"train.learning_rate": 3e-3},
    "-convolution-1": {"model.convolution": 1},
    "-position-relative": {"model.position": "relative"},
    "-position-none": {"model.position": "none"},
}
INHERIT = override(HIERARCHY, {**TWO_THIRDS, "task.episodes.only_steps": 4500, "model": TWICE, "train.steps": 6000})
CHANGED_INHERIT = {
    "-no-links": {"task.episodes.links_only_share": 0.0},
    "-depth-2": {"model.depth": 2, "model.recurrence": 1},
    "-recurrence-3": {"model.recurrence": 3},
    "-6-facts": {"task.episodes.max_facts": 6},
    "-6-facts-recurrence-3": {"task.episodes.max_facts": 6, "model.recurrence": 3},
    "-position-relative": {"model.position": "relative"},
    "-position-none": {"model.position": "none"},
}
DECODE = override(CODEBOOK, {**FIRST, "task.episodes.only_steps": 1500, "train.steps": 5000})
CHANGED_DECODE = {
    # As many entries, and encodings that use them, as with 24.
    "-12-symbols": {"task.symbols": 12, "task.books": 20, "task.one_way": 10, "task.encodings": 60},
    "-no-stated-decodings": {"task.episodes.stated_decode_share": 0.0},
    "-only-steps-0": {"task.episodes.only_steps": 0},
    "-depth-1-recurrence-2": {"model.depth": 1, "model.recurrence": 2},
    "-position-rotary": {"model.position": "rotary"},
    "-position-none": {"model.position": "none"},
    "-rate-3e-3": {"train.learning_rate": 3e-3},
}


def with_changes(name: str, base: RunConfig, changed: dict[str, dict[str, Any]]) -> dict[str, RunConfig]:
    """The base, and what each of the changes makes of it."""
    return {name: base} | {f"{name}{suffix}": override(base, changes) for suffix, changes in changed.items()}


VARIANTS = {
    "base": BASE,
    **{name: override(BASE, changes) for name, changes in CHANGED.items()},
    **with_changes("preset", IN_CONTEXT, CHANGED_PRESET),
    **with_changes("two-steps", TWO_STEPS, CHANGED_TWO_STEPS),
    **with_changes("inherit", INHERIT, CHANGED_INHERIT),
    **with_changes("decode", DECODE, CHANGED_DECODE),  # in its own steps: with fewer it does not learn to decode
}
METHODS = {"in-context": ALL_METHODS["in-context"]}
TITLE = "What is varied: one thing about a model that looks facts up in its prompt"
