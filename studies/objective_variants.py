"""Further variants of the objectives, on the world and budget of studies/objectives.py.

Variants are about masking (roles, rate, masked copy) and about reversal (unit, delimiter, direction token). Each gets
the steps of its objective, or five times those of the masked model (`long`). Uniform and fixed rates have those of
`masked-uniform`, too. A target that sees the rest of its statement comes up 3 p (1 - p)^2 times a document at a rate p:
0.43 times at 40 %, 0.25 times at a uniform rate. `masked-uniform-long` has as many of them in all as `masked-fixed-40`.
"""

from dataclasses import replace

from model.objectives.belief_state import BeliefState
from model.objectives.causal import Causal
from model.objectives.infill import Infill
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from model.objectives.prefix import Prefix
from model.objectives.reversed import Reversed
from model.objectives.semantic_permutation import SemanticPermutation
from model.objectives.span_denoising import SpanDenoising
from studies.objectives import BASE, SLOW
from studies.objectives import VARIANTS as OBJECTIVES
from tasks.corpus import ROLES
from train.presets import PRESETS

ALL = tuple(ROLES)
LONG = replace(BASE, train=replace(BASE.train, steps=5 * BASE.train.steps, evaluate_every=250))
UNIFORM = OBJECTIVES["masked-uniform"]
REVERSED = PRESETS["reversed"][1]

VARIANTS = {
    "masked-all-roles": replace(BASE, objective=Masked(maskable=ALL)),
    "masked-target-only": replace(BASE, objective=Masked(maskable=("target",))),
    "masked-source-only": replace(BASE, objective=Masked(maskable=("source",))),
    "masked-fixed-15": replace(SLOW, objective=Masked(scheme="fixed", maskable=ALL, rate=0.15)),
    "masked-fixed-40": replace(SLOW, objective=Masked(scheme="fixed", maskable=ALL, rate=0.4)),
    "masked-fixed-85": replace(SLOW, objective=Masked(scheme="fixed", maskable=ALL, rate=0.85)),
    "masked-uniform-long": replace(UNIFORM, train=replace(UNIFORM.train, steps=6050, evaluate_every=275)),
    "causal-long": replace(LONG, objective=Causal()),
    "prefix-long": replace(LONG, objective=Prefix()),
    "belief-state-long": replace(LONG, objective=BeliefState()),
    "joint-embedding-long": replace(LONG, objective=JointEmbedding()),
    "joint-embedding-cool": replace(BASE, objective=JointEmbedding(temperature=0.05)),
    "reversed-plain": replace(REVERSED, objective=Reversed(direction=False)),
    "reversed-delimiter": replace(REVERSED, objective=Reversed(direction=False, delimiter=True)),
    "reversed-segment": replace(REVERSED, objective=Reversed(unit="segment")),
    "semantic-permutation-directed": replace(LONG, objective=SemanticPermutation(direction=True)),
    "masked-copy-all": replace(BASE, objective=MaskedCopy(targets="all")),
    "masked-copy-source-never": replace(BASE, objective=MaskedCopy(maskable=("target",))),
    "masked-copy-uniform": replace(SLOW, objective=MaskedCopy(scheme="uniform", maskable=ALL)),
    "infill-always": replace(LONG, objective=Infill(share=1.0)),
    "span-denoising-uniform": replace(SLOW, objective=SpanDenoising(scheme="uniform", maskable=ALL)),
}
TITLE = "What is varied: masking, reversal and steps"
