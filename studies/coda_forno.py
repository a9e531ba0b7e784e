"""Coda-Forno, Wang & Chaudhry 2026 (2604.04943), from scratch: what must be masked for the inverse to come.

The published world has 1,000 entities x 20 relations and 200 one-way facts, 1 %; this one as many one-way facts, the
same relations, names, filler and settings, and 100 entities, so that a run takes minutes. Elimination alone gives 20 %
in both. The full size is coda_forno_full.py, for a GPU.

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
    "masked-source-never": replace(BASE, objective=Masked(spans=TARGET_ONLY)),
    "masked-copy-source-never": replace(BASE, objective=MaskedCopy(spans=TARGET_ONLY)),
    "masked-target-never": replace(BASE, objective=Masked(spans=SOURCE_ONLY)),
}
