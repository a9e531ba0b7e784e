"""The runs that have a name: `python -m train NAME`. To add one: a line in PRESETS.

All share task, network, batches and rates; steps are what each needs, found on seeds of 1000 and above.
"""

from dataclasses import replace

from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.reversal import Reversal
from train.settings import Config, TrainSettings

CAUSAL = Config(Reversal(), Causal(), train=TrainSettings(steps=3000))
BIDIRECTIONAL = replace(CAUSAL, objective=Masked(), train=TrainSettings(steps=5000))
LINES = {
    "diffusion": "masked at a rate t drawn for each document, weighted by 1/t",
    "permuted": "next token in an order drawn for each document",
    "reversed": "next token, half of the documents turned round",
    "both-directions": "next token or previous token, half of the documents each",
    "prefix": "next token after a prefix that sees all of itself",
    "infill": "next token, half of the documents with their middle last",
    "masked-copy": "next token, after a copy with one entity masked",
    "bico": "one entity masked, in a causal network (--from checkpoints/causal-0)",
    "span-denoising": "encoder and decoder: one entity cut out, then written",
    "belief-state": "two towers: next and previous token from both sides of a gap",
    "joint-embedding": "next entity as a representation, told from the batch's others",
}

PRESETS: dict[str, tuple[str, Config]] = {
    "causal": ("next token, each position sees what is left of it", CAUSAL),
    "bidirectional": ("one entity masked, each position sees all", BIDIRECTIONAL),
    **{name: (line, replace(BIDIRECTIONAL, objective=OBJECTIVES[name]())) for name, line in LINES.items()},
}
