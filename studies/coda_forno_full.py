"""Coda-Forno, Wang & Chaudhry 2026 (2604.04943), at its published size: the objectives of coda_forno.py on the preset
`coda-forno`. For a GPU, which a run shares with five others for six minutes; a CPU core takes hours.
"""

from dataclasses import replace

from studies.coda_forno import VARIANTS as SMALL
from train.presets import CODA_FORNO as BASE

VARIANTS = {name: replace(BASE, objective=config.objective) for name, config in SMALL.items()}
