"""Coda-Forno, Wang & Chaudhry 2026 (2604.04943), from scratch: what must be masked for the inverse to be learned.

The published world has 1,000 entities x 20 relations and 200 one-way facts, which is 1 %. This world has as many
one-way facts, the same relations, names, filler and settings, but 100 entities, so that a run takes minutes. The
elimination baseline is 20 % in both. The full size is coda_forno_full.py, for a GPU.

Published, inverse: next token 0; masked 100; masked copy 100; source never masked 0. Forward without the target
masked: 0. Wrong frame: 0.
"""

from dataclasses import replace

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from train.presets import CODA_FORNO_SMALL as BASE

TARGET_ONLY, SOURCE_ONLY = ("target",), ("source",)

VARIANTS = {
    "causal": replace(BASE, objective=Causal()),
    "masked": replace(BASE, objective=Masked()),
    "masked-copy": replace(BASE, objective=MaskedCopy()),
    "masked-source-never": replace(BASE, objective=Masked(maskable=TARGET_ONLY)),
    "masked-copy-source-never": replace(BASE, objective=MaskedCopy(maskable=TARGET_ONLY)),
    "masked-target-never": replace(BASE, objective=Masked(maskable=SOURCE_ONLY)),
}
TITLE = "What is varied: the objective, and which entities it may mask"
