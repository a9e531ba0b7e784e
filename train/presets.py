"""The runs that have a name: `python -m train NAME`. To add one: a line in PRESETS; every objective has one by itself.

Those of objectives share task, network, batches and rates; steps were found on seeds of 1000 and above.
"""

import re
import sys
from dataclasses import replace

from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.reinforced import Reinforced
from model.objectives.reversed import Reversed
from model.settings import NetworkSettings
from tasks.codebook import Codebook
from tasks.corpus import ROLES
from tasks.hierarchy import Hierarchy
from tasks.reversal import Reversal
from tasks.syllogism import Syllogism
from tasks.triples import Triples
from train.settings import Config, TrainSettings

CAUSAL = Config(Reversal(), Causal(), train=TrainSettings(steps=3000))
BIDIRECTIONAL = replace(CAUSAL, objective=Masked(), train=TrainSettings(steps=5000))
# 1,000 entities x 20 relations, 1 % one-way (2604.04943), and a smaller world of the same shape.
CODA_FORNO = replace(
    BIDIRECTIONAL,
    task=Reversal(entities=1000, relations=20, one_way=200, filler=5, renderings=4),
    model=NetworkSettings(width=128),
    train=TrainSettings(steps=8000, batch=2048, learning_rate=4e-3, evaluate_every=500, save_every=500),
)
CODA_FORNO_SMALL = replace(
    BIDIRECTIONAL,
    task=Reversal(entities=100, relations=20, one_way=200, filler=5),
    train=TrainSettings(steps=8000, evaluate_every=500),
)
# Keys and values of two tokens, one relation (2406.05183); and chains, where wrong inferences can be told.
KITOUNI = Config(
    Reversal(matching="disjoint", entities=480, relations=1, one_way=40, shortest_name=2, longest_name=2),
    Masked(hide="uniform", spans=tuple(ROLES)),
    train=TrainSettings(steps=12_000, learning_rate=6e-3, final_rate=0.0, evaluate_every=500),
)
KITOUNI_RELATIONSHIP = replace(
    KITOUNI,
    task=Reversal(entities=400, relations=1, one_way=40),
    objective=Reversed(direction=False, delimiter=True),
    train=TrainSettings(steps=3000),
)
# Half of the questions are set apart, and documents think about them.
REINFORCED = replace(BIDIRECTIONAL, task=Reversal(reward=0.5, thoughts=16), objective=Reinforced())
# Half of a batch uses its own beginning, and the network is one that learns to: a convolution, positions that do
# not turn, and a high rate. It is the same for all four tasks, and for causal and masked (docs/context.md).
IN_CONTEXT = Config(
    Reversal(entities=200, new=100, in_context=0.5),
    Causal(),
    NetworkSettings(heads=2, convolution=5, position="relative"),
    TrainSettings(steps=4000, learning_rate=6e-3, evaluate_every=500),
)
# Two steps in a prompt: what counts are the documents and the start without a world.
SYLLOGISM = replace(
    IN_CONTEXT,
    task=Syllogism(in_context=0.5, context_alone=2000),
    train=replace(IN_CONTEXT.train, steps=3500),
)
# With 12 symbols decoding is harder than with 24.
CODEBOOK = replace(
    IN_CONTEXT,
    task=Codebook(
        symbols=24,
        books=10,
        one_way=5,
        encodings=120,
        asked=120,
        context_facts=6,
        restated=6,
        in_context=0.5,
        context_alone=1500,
    ),
    train=replace(IN_CONTEXT.train, steps=5000),
)
HIERARCHY = replace(
    IN_CONTEXT,
    task=Hierarchy(in_context=0.5, context_alone=3000),
    train=replace(IN_CONTEXT.train, steps=5000),
)
TRIPLES = replace(CAUSAL, task=Triples())


def preset_of(objective: type) -> Config:
    """The first preset with an objective of this class."""
    return next(config for _, config in PRESETS.values() if type(config.objective) is objective)


def line(objective: type) -> str:
    """What the file of an objective says first, without its source."""
    return re.split(r" \(|\.\s|\.$", sys.modules[objective.__module__].__doc__.replace("\n", " "))[0].partition(": ")[2]


PRESETS: dict[str, tuple[str, Config]] = {
    "causal": ("next token, each position sees what is left of it", CAUSAL),
    "bidirectional": ("one entity masked, each position sees all", BIDIRECTIONAL),
    "masked": ("the same, by the name of its objective", BIDIRECTIONAL),
    **{
        name: (line(kind), replace(BIDIRECTIONAL, objective=kind()))
        for name, kind in OBJECTIVES.items()
        if kind not in (Causal, Masked, Reinforced)
    },
    "reinforced": (line(Reinforced), REINFORCED),
    "in-context": ("next token, facts that are asked for in the same document as well", IN_CONTEXT),
    "syllogism": ("next token, premises of which only some conclusions are told", SYLLOGISM),
    "codebook": ("next token, entries that are defined and never used", CODEBOOK),
    "hierarchy": ("next token, categories that inherit what only some of them are told to have", HIERARCHY),
    "triples": ("next token, facts of your own from a file, asked in every direction", TRIPLES),
    "coda-forno": ("masked, 1,000 entities x 20 relations, 1 % one-way (for a GPU)", CODA_FORNO),
    "coda-forno-small": ("the same shape with 100 entities, 10 % one-way", CODA_FORNO_SMALL),
    "kitouni-retrieval": ("masked at a uniform rate, keys and values of two tokens", KITOUNI),
    "kitouni-relationship": ("chains of one relation, half of the documents turned", KITOUNI_RELATIONSHIP),
}
