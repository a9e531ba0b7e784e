"""Coda-Forno, Wang & Chaudhry 2026 (2604.04943), at its published size: the objectives of coda_forno.py.

The world is that of the preset `coda-forno`. On a GPU, six runs at once take six minutes. A CPU core takes hours a run.
"""

from dataclasses import replace

from studies.coda_forno import VARIANTS as SMALL
from train.presets import CODA_FORNO as BASE

VARIANTS = {name: replace(BASE, objective=config.objective) for name, config in SMALL.items()}
TITLE = "What is varied: the objective, and which entities it may mask (published size)"
