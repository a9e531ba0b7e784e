"""Parameters against context: what each model can say closed book, from its prompt, and by each bridge between them.

`make compare-context`. For each task a causal model is trained on a world and on documents that use their own
beginning. The arms go on from it: on documents that think (recall), with a reward for where the thoughts end
(reinforced), on what it infers in context from its own documents (augmented). For reversal there are three more: a
masked model, one that goes on with new facts (fine-tuned), and one that never sees a document that uses its beginning
(without). Half of the held-out questions are set apart for thoughts and rewards; what the table shows is of the other
half.
"""

from dataclasses import replace

from eval.ways import WAYS as EVERY
from eval.ways.generate_and_verify import GenerateAndVerify
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from train.panels import Panel
from train.presets import CODEBOOK, HIERARCHY, IN_CONTEXT, SYLLOGISM
from train.settings import Config, TrainSettings

SECOND = TrainSettings(steps=1500, learning_rate=1e-3, evaluate_every=500)
THIRD = TrainSettings(steps=300, learning_rate=2e-4, evaluate_every=300)  # at 1e-3 it forgets to think
BASES = {"reversal": IN_CONTEXT, "syllogism": SYLLOGISM, "codebook": CODEBOOK, "hierarchy": HIERARCHY}


def arms(name: str, base: Config) -> dict[str, Config]:
    """A task's variants."""
    base = replace(base, task=replace(base.task, reward=0.5))
    task = replace(base.task, context_alone=0)  # an arm knows how to use its prompt
    after = replace(base, task=task, train=replace(SECOND, origin=f"{name}-causal"))
    thinks = replace(task, thoughts=16)
    return {
        f"{name}-causal": base,
        f"{name}-recall": replace(after, task=thinks),
        f"{name}-reinforced": replace(
            after, task=thinks, objective=Reinforced(), train=replace(THIRD, origin=f"{name}-recall")
        ),
        f"{name}-augmented": replace(after, train=replace(after.train, augment=4)),
    }


VARIANTS = {variant: config for name, base in BASES.items() for variant, config in arms(name, base).items()}
REVERSAL = VARIANTS["reversal-causal"]
VARIANTS["reversal-masked"] = replace(REVERSAL, objective=Masked())
VARIANTS["reversal-without"] = replace(REVERSAL, task=replace(REVERSAL.task, in_context=0.0))
VARIANTS["reversal-fine-tuned"] = replace(
    VARIANTS["reversal-augmented"],
    task=replace(REVERSAL.task, tell="new"),
    train=replace(SECOND, steps=500, origin="reversal-causal"),
)

PROMPTED = {way: EVERY[way] for way in ("in-context", "oracle-retrieval", "lexical-retrieval", "dense-retrieval")}
NEAR = {way: EVERY[way] for way in ("in-context-near",)}
HELD_OUT = tuple(dict.fromkeys(split for base in BASES.values() for split in base.task.HELD_OUT))
VERIFIED = {"generate-and-verify": GenerateAndVerify(splits=HELD_OUT)}
RECALLED = {way: EVERY[way] for way in ("recall",)}
TOLD = {way: EVERY[way] for way in ("in-context",)}
BY_ARM = {"causal": PROMPTED | NEAR | VERIFIED, "masked": PROMPTED, "recall": RECALLED, "reinforced": RECALLED}
WAYS = {variant: BY_ARM.get(variant.partition("-")[2], TOLD) for variant in VARIANTS}
WAYS["reversal-without"] = PROMPTED
CHOSEN = {way: EVERY[way] for way in ("choice", "choice-in-context")}
WAYS["syllogism-causal"] = WAYS["syllogism-causal"] | CHOSEN


def panel(name: str, told: str, split: str, **more: tuple[str, str]) -> Panel:
    """What is shown of a task: a split that is told and, in every way, one that is not."""
    causal = f"{name}-causal"
    bridges = [way for way in (*PROMPTED, *VERIFIED) if way != "in-context"]
    return Panel(
        split,
        {
            "told, closed book": (causal, "closed-book", told),
            "closed book": (causal, "closed-book"),
            "in context": (causal, "in-context"),
            **{way.replace("-", " "): (causal, way) for way in bridges},
            "recall, supervised": (f"{name}-recall", "recall"),
            "recall, reinforced": (f"{name}-reinforced", "recall"),
            "augmentation": (f"{name}-augmented", "augmentation"),
            **more,
        },
    )


MASKED = {f"masked, {way.replace('-', ' ')}": ("reversal-masked", way) for way in ("closed-book", "in-context")}
WITHOUT = {
    f"{way.replace('-', ' ')}, not trained to use it": ("reversal-without", way)
    for way in ("in-context", "oracle-retrieval")
}
SIX = {
    "one of six, closed book": ("syllogism-causal", "choice"),
    "one of six, in context": ("syllogism-causal", "choice-in-context"),
}
LIKE = {"told of its like, closed book": ("hierarchy-causal", "closed-book", "similar")}
FINE_TUNED = {
    "closed book": ("reversal-fine-tuned", "closed-book"),
    "in context": ("reversal-fine-tuned", "in-context"),
    "before, closed book": ("reversal-causal", "closed-book"),
    "before, in context": ("reversal-causal", "in-context"),
}
SHOWN = {
    "reversal": panel("reversal", "forward", "inverse", **MASKED, **WITHOUT),
    "syllogism": panel("syllogism", "trained", "conclusion", **SIX),
    "codebook": panel("codebook", "encode", "latent"),
    "hierarchy": panel("hierarchy", "inherited", "syllogism", **LIKE),
    "codebook, turned": panel("codebook", "decode_told", "decode"),
    "hierarchy, turned": panel("hierarchy", "stated", "reversed"),
    "new facts, told later": Panel("new_inverse", FINE_TUNED),
    "old facts, after that": Panel("forward", FINE_TUNED),
}
