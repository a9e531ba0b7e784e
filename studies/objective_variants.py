"""Further variants of the objectives, on the world and budget of studies/objectives.py.

Variants are about masking (roles, rate, masked copy) and about reversal (unit, delimiter, direction token). Objectives
that were still rising get four times the steps (`long`).
"""

from dataclasses import replace

from model.objectives.belief_state import BeliefState
from model.objectives.diffusion import Diffusion
from model.objectives.infill import Infill
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from model.objectives.permuted import Permuted
from model.objectives.reversed import Reversed
from model.objectives.semantic_permutation import SemanticPermutation
from model.objectives.span_denoising import SpanDenoising
from studies.objectives import BASE
from tasks.corpus import ROLES

LONG = replace(BASE, train=replace(BASE.train, steps=4 * BASE.train.steps, evaluate_every=2000))
ALL = tuple(ROLES)

VARIANTS = {
    "masked-all-roles": replace(BASE, objective=Masked(maskable=ALL)),
    "masked-target-only": replace(BASE, objective=Masked(maskable=("target",))),
    "masked-source-only": replace(BASE, objective=Masked(maskable=("source",))),
    "masked-uniform": replace(BASE, objective=Masked(scheme="uniform", maskable=ALL)),
    "masked-fixed-15": replace(BASE, objective=Masked(scheme="fixed", maskable=ALL, rate=0.15)),
    "masked-fixed-40": replace(BASE, objective=Masked(scheme="fixed", maskable=ALL, rate=0.4)),
    "masked-uniform-long": replace(LONG, objective=Masked(scheme="uniform", maskable=ALL)),
    "diffusion-long": replace(LONG, objective=Diffusion()),
    "permuted-long": replace(LONG, objective=Permuted()),
    "infill-long": replace(LONG, objective=Infill()),
    "belief-state-long": replace(LONG, objective=BeliefState()),
    "reversed-plain": replace(BASE, objective=Reversed(direction=False)),
    "reversed-delimiter": replace(BASE, objective=Reversed(direction=False, delimiter=True)),
    "reversed-segment": replace(BASE, objective=Reversed(unit="segment")),
    "semantic-permutation-directed": replace(BASE, objective=SemanticPermutation(direction=True)),
    "masked-copy-all": replace(BASE, objective=MaskedCopy(targets="all")),
    "masked-copy-source-never": replace(BASE, objective=MaskedCopy(maskable=("target",))),
    "masked-copy-uniform": replace(BASE, objective=MaskedCopy(scheme="uniform", maskable=ALL)),
    "infill-always": replace(BASE, objective=Infill(share=1.0)),
    "span-denoising-uniform": replace(BASE, objective=SpanDenoising(scheme="uniform", maskable=ALL)),
    "joint-embedding-cool": replace(BASE, objective=JointEmbedding(temperature=0.05)),
}
