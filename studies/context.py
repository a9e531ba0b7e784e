"""Weights against prompts: each model's accuracy closed book, from its prompt, and with each bridge between them.

`make compare-context`. For each task a causal model is trained on a world and on episodes. Further variants start from
it. `chain-of-thought` trains on documents that write premises first. `reinforced` is rewarded for right answers behind
them. `augmented` trains on what the model infers in context from its own documents. Reversal has three more: a masked
model, `fine-tuned` on unseen facts, and `no-episodes`.

Half of the held-out questions are the reinforcement part. The report shows the other half.
"""

from dataclasses import replace

from config.override import override
from eval.methods import METHODS as ALL_METHODS
from eval.methods.base import AnswerMethod
from eval.methods.generate_and_verify import GenerateAndVerify
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from train.config import RunConfig
from train.presets import CODEBOOK, HIERARCHY, IN_CONTEXT, PLAIN, SYLLOGISM
from train.report.panels import Panel, Selection

BASES = {
    name: override(base, {"task.chain_of_thought.rl_share": 0.5})
    for name, base in {
        "reversal": IN_CONTEXT,
        "syllogism": SYLLOGISM,
        "codebook": CODEBOOK,
        "hierarchy": HIERARCHY,
    }.items()
}
# A trained network is trained further at AdamW's low rates, on all facts.
SECOND = replace(PLAIN, steps=1500, learning_rate=1e-3)
THIRD = replace(SECOND, steps=300, learning_rate=2e-4, evaluate_every=300)  # at 1e-3 it forgets the premises


def variants_of(name: str, base: RunConfig) -> dict[str, RunConfig]:
    """The variants of a task."""
    causal, chain_of_thought = f"{name}-causal", f"{name}-chain-of-thought"
    second = replace(SECOND, init_from=causal)
    after = override(base, {"train": second, "task.episodes.only_steps": 0})  # it can use its prompt already
    with_copies = override(after, {"task.chain_of_thought.copies": 16})
    return {
        causal: base,
        chain_of_thought: with_copies,
        f"{name}-reinforced": replace(
            with_copies, objective=Reinforced(), train=replace(THIRD, init_from=chain_of_thought)
        ),
        f"{name}-augmented": replace(after, train=replace(second, augment=4)),
    }


VARIANTS = {variant: config for name, base in BASES.items() for variant, config in variants_of(name, base).items()}
REVERSAL = VARIANTS["reversal-causal"]
VARIANTS["reversal-masked"] = override(REVERSAL, {"objective": Masked(), "train.steps": 2 * REVERSAL.train.steps})
VARIANTS["reversal-no-episodes"] = override(REVERSAL, {"task.episodes.share": 0.0})
VARIANTS["reversal-fine-tuned"] = override(
    REVERSAL, {"task.train_on": "unseen", "train": replace(SECOND, steps=500, init_from="reversal-causal")}
)


def methods(*names: str) -> dict[str, AnswerMethod]:
    return {name: ALL_METHODS[name] for name in names}


HELD_OUT = tuple(dict.fromkeys(split for base in BASES.values() for split in base.task.held_out_splits))
RETRIEVAL = ("oracle-retrieval", "lexical-retrieval", "dense-retrieval")
PROMPTED = methods("in-context", *RETRIEVAL)
VERIFIED = {"generate-and-verify": GenerateAndVerify(splits=HELD_OUT)}
METHODS = {variant: methods("in-context") for variant in VARIANTS}
for task in BASES:
    METHODS[f"{task}-causal"] = PROMPTED | methods("in-context-near") | VERIFIED
    METHODS[f"{task}-chain-of-thought"] = METHODS[f"{task}-reinforced"] = methods("chain-of-thought")
METHODS["reversal-masked"] = METHODS["reversal-no-episodes"] = PROMPTED
METHODS["syllogism-causal"] |= methods("multiple-choice", "multiple-choice-in-context")


def panel(name: str, stated: str, split: str, **further: Selection) -> Panel:
    """What is shown of a task: a stated split and, by every method, a held-out one."""
    causal = f"{name}-causal"
    bridges = (*RETRIEVAL, *VERIFIED)
    return Panel(
        split,
        {
            "stated, closed book": (causal, "closed-book", stated),
            "closed book": (causal, "closed-book"),
            "in context": (causal, "in-context"),
            **{method.replace("-", " "): (causal, method) for method in bridges},
            "chain of thought, supervised": (f"{name}-chain-of-thought", "chain-of-thought"),
            "chain of thought, reinforced": (f"{name}-reinforced", "chain-of-thought"),
            "augmentation": (f"{name}-augmented", "augmentation"),
            **further,
        },
    )


REVERSAL_ONLY = {
    "masked, closed book": ("reversal-masked", "closed-book"),
    "masked, in context": ("reversal-masked", "in-context"),
    "in context, without episodes": ("reversal-no-episodes", "in-context"),
    "oracle retrieval, without episodes": ("reversal-no-episodes", "oracle-retrieval"),
}
SYLLOGISM_ONLY = {
    "multiple choice, closed book": ("syllogism-causal", "multiple-choice"),
    "multiple choice, in context": ("syllogism-causal", "multiple-choice-in-context"),
}
HIERARCHY_ONLY = {"similar stated, closed book": ("hierarchy-causal", "closed-book", "similar")}
FINE_TUNED = {
    "closed book": ("reversal-fine-tuned", "closed-book"),
    "in context": ("reversal-fine-tuned", "in-context"),
    "before, closed book": ("reversal-causal", "closed-book"),
    "before, in context": ("reversal-causal", "in-context"),
}
TITLE = "Weights against prompts: what a causal model answers from"
PANELS = {
    "reversal": panel("reversal", "forward", "inverse", **REVERSAL_ONLY),
    "syllogism": panel("syllogism", "trained", "conclusion", **SYLLOGISM_ONLY),
    "codebook": panel("codebook", "encode", "latent"),
    "hierarchy": panel("hierarchy", "inherited", "syllogism", **HIERARCHY_ONLY),
    "codebook, decoding": panel("codebook", "decode_stated", "decode"),
    "hierarchy, inverse word": panel("hierarchy", "stated", "inverse"),
    "after fine-tuning": Panel("unseen_inverse", FINE_TUNED),
    "after fine-tuning, old facts": Panel("forward", FINE_TUNED),
}


def slide_panel(name: str, split: str) -> Panel:
    """What the first figure shows of a task: one line for what answers come from."""
    causal = f"{name}-causal"
    return Panel(
        split,
        {
            "its weights:\nclosed book": (causal, "closed-book"),
            "its prompt:\nin context": (causal, "in-context"),
            "what is retrieved:\npremises, by an oracle": (causal, "oracle-retrieval"),
            "what it infers:\ngenerate and verify": (causal, *VERIFIED),
            "training on what it\ninfers: augmentation": (f"{name}-augmented", "augmentation"),
        },
    )


SLIDE = {
    "reversal:\nthe inverse of a fact": slide_panel("reversal", "inverse"),
    "syllogisms: what two\npremises imply": slide_panel("syllogism", "conclusion"),
    "codebooks: an entry\nthat is never used": slide_panel("codebook", "latent"),
    "hierarchies: what a\ncategory inherits": slide_panel("hierarchy", "syllogism"),
}
