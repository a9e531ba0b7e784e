"""What it takes to look facts up in a prompt: a causal model, and one thing changed at a time.

Documents state one to four throwaway facts and ask each once, by either word. *Told* order (`new_forward`, in context)
needs the right one of them; *turned* (`new_inverse`, in context) needs it from its other end. The world is that of the
reversal arm of studies/context.py, the steps are fewer, so that what is slower shows.

The variants `two-steps…` ask for a conclusion from two premises (`conclusion`, in context) against a second chain that
ends in the same word, and change one thing of the preset `syllogism` at a time; the variants `inherit…` do so for what
a category inherits (over one link: `syllogism`, `holdout`; over two: `chain`, `holdout_chain`; in context) and the
preset `hierarchy`, the variants `decode…` for sequences of codebooks (`latent`, `decode`; in context) and the preset
`codebook`.
"""

from dataclasses import replace

from eval.ways import WAYS as EVERY
from model.objectives.masked import Masked
from train.presets import CODEBOOK, HIERARCHY, IN_CONTEXT, SYLLOGISM
from train.settings import Config

# As where this began, so that what is slower shows: rotary positions, half the rate, and two thirds of a batch.
BASE = replace(
    IN_CONTEXT,
    task=replace(IN_CONTEXT.task, in_context=2 / 3),
    model=replace(IN_CONTEXT.model, position="rotary"),
    train=replace(IN_CONTEXT.train, steps=2500, learning_rate=3e-3),
)


def network(**changed) -> Config:
    return replace(BASE, model=replace(BASE.model, **changed))


def world(**changed) -> Config:
    return replace(BASE, task=replace(BASE.task, **changed))


def training(**changed) -> Config:
    return replace(BASE, train=replace(BASE.train, **changed))


VARIANTS = {
    "base": BASE,
    **{f"convolution-{n}": network(convolution=n) for n in (1, 3, 9)},
    **{f"heads-{n}": network(heads=n) for n in (1, 4)},
    **{f"depth-{n}": network(depth=n) for n in (1, 3)},
    "width-128": network(width=128),
    **{f"scale-{scale}": network(initial_scale=scale) for scale in (0.02, 0.06, 0.25)},
    **{f"position-{position}": network(position=position) for position in ("relative", "learned", "none")},
    "tied": network(tied=True),
    "always-4-facts": world(context_least=4),
    "up-to-2-facts": world(context_facts=2),
    "up-to-8-facts": world(context_facts=8),
    "rising-facts": world(context_rising=1000),
    "asked-twice": world(context_asked=2),
    "no-hubs": world(context_hubs=0.0),
    "no-filler": world(context_filler=0.0),
    "own-entities-20": world(context_own=20),
    "own-entities-200": world(context_own=200),
    "share-33": world(in_context=1 / 3),
    "rate-1e-3": training(learning_rate=1e-3),
    "rate-6e-3": training(learning_rate=6e-3),
    "batch-48": training(batch=48),
    "masked": replace(BASE, objective=Masked()),
    # What came of it, and why half of a batch.
    "preset": IN_CONTEXT,
    "preset-masked": replace(IN_CONTEXT, objective=Masked()),
    "preset-masked-share-67": replace(IN_CONTEXT, objective=Masked(), task=replace(IN_CONTEXT.task, in_context=2 / 3)),
}
# Given the time it needs, so that nobody takes the convolution for the cause.
VARIANTS["plain-long"] = replace(
    network(convolution=1), train=replace(BASE.train, steps=12 * BASE.train.steps, evaluate_every=2500)
)

# One layer gone through twice, as where this began.
TWICE = replace(BASE.model, depth=1, recurrence=2)
TWO_STEPS = replace(
    SYLLOGISM,
    task=replace(SYLLOGISM.task, in_context=2 / 3),
    model=TWICE,
    train=replace(SYLLOGISM.train, steps=3000),
)
CHANGED_TWO_STEPS = {
    "": {},
    "-depth-2": {"model": {"depth": 2, "recurrence": 1}},
    "-recurrence-3": {"model": {"recurrence": 3}},
    "-not-alone": {"task": {"context_alone": 0}},
    "-any-quantifier": {"task": {"context_all": 0.0}},
    "-any-chains": {"task": {"context_alike": 0.0}},
    "-no-first-premises": {"task": {"context_first": 0.0, "context_concluded": 1.0}},
    "-6-facts": {"task": {"context_facts": 6}},
    "-rate-3e-3": {"train": {"learning_rate": 3e-3}},
    "-convolution-1": {"model": {"convolution": 1}},
    "-position-relative": {"model": {"position": "relative"}},
    "-position-none": {"model": {"position": "none"}},
}
INHERIT = replace(
    HIERARCHY,
    task=replace(HIERARCHY.task, in_context=2 / 3, context_alone=4500),
    model=TWICE,
    train=replace(HIERARCHY.train, steps=6000),
)
CHANGED_INHERIT = {
    "": {},
    "-no-links": {"task": {"context_links": 0.0}},
    "-depth-2": {"model": {"depth": 2, "recurrence": 1}},
    "-recurrence-3": {"model": {"recurrence": 3}},
    "-6-facts": {"task": {"context_facts": 6}},
    "-6-facts-recurrence-3": {"task": {"context_facts": 6}, "model": {"recurrence": 3}},
    "-position-relative": {"model": {"position": "relative"}},
    "-position-none": {"model": {"position": "none"}},
}
CHANGED_DECODE = {
    "": {},
    # As many entries, and encodings that use them, as with 24.
    "-12-symbols": {"task": {"symbols": 12, "books": 20, "one_way": 10, "encodings": 60}},
    "-told-straight": {"task": {"context_told_turned": 0.0}},
    "-not-alone": {"task": {"context_alone": 0}},
    "-depth-1-recurrence-2": {"model": {"depth": 1, "recurrence": 2}},
    "-position-rotary": {"model": {"position": "rotary"}},
    "-position-none": {"model": {"position": "none"}},
    "-rate-3e-3": {"train": {"learning_rate": 3e-3}},
}


def changed(name: str, base: Config, by: dict[str, dict[str, dict]]) -> dict[str, Config]:
    """The base as each of `by` changes it."""
    return {
        f"{name}{suffix}": replace(base, **{part: replace(getattr(base, part), **to) for part, to in parts.items()})
        for suffix, parts in by.items()
    }


VARIANTS |= changed("two-steps", TWO_STEPS, CHANGED_TWO_STEPS) | changed("inherit", INHERIT, CHANGED_INHERIT)
VARIANTS |= changed("decode", CODEBOOK, CHANGED_DECODE)  # in its own steps: fewer do not decode

WAYS = {"in-context": EVERY["in-context"]}
