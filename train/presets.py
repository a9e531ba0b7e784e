"""The runs that have a name: `python -m train NAME`. To add one: a line in PRESETS; every objective has one by itself.

Those of objectives share task, network, batches and, but for diffusion, rates. All were chosen on seeds of 1000 and
above (docs/notebook/recipe.md).
"""

from dataclasses import fields, replace
from typing import Any, TypeVar

from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.base import Objective
from model.objectives.bico import Bico
from model.objectives.both_directions import BothDirections
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.infill import Infill
from model.objectives.masked import Masked
from model.objectives.permuted import Permuted
from model.objectives.reinforced import Reinforced
from model.objectives.reversed import Reversed
from model.objectives.semantic_permutation import SemanticPermutation
from model.objectives.span_denoising import SpanDenoising
from tasks import TASKS
from tasks.codebook import Codebook
from tasks.codebook.episodes import CodebookEpisodeConfig
from tasks.common.chain_of_thought import ChainOfThoughtConfig
from tasks.common.episodes import EpisodeConfig
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import ROLES
from tasks.hierarchy import Hierarchy
from tasks.hierarchy.episodes import HierarchyEpisodeConfig
from tasks.reversal import Reversal
from tasks.reversal.episodes import ReversalEpisodeConfig
from tasks.syllogism import Syllogism
from tasks.syllogism.episodes import SyllogismEpisodeConfig
from tasks.triples import Triples
from train.config import RunConfig, TrainConfig

Settings = TypeVar("Settings")  # that have a task
CAUSAL = RunConfig(Reversal(), Causal(), train=TrainConfig(steps=400, evaluate_every=50))
BIDIRECTIONAL = replace(CAUSAL, objective=Masked(), train=TrainConfig(steps=700, evaluate_every=50))
# As most networks are trained: AdamW for all weights, all facts from the first step on. It takes nearly four
# times the documents.
PLAIN = TrainConfig(optimiser="adamw", subset=1.0, final_rate=0.1, batch=96, evaluate_every=500)
PLAIN_RECIPE = {f"train.{name}": getattr(PLAIN, name) for name in ("optimiser", "subset", "final_rate", "batch")}
# What an objective needs beside it: what is not at 90 % inverse in as many steps gets up to five times as many.
# Diffusion weights its targets by up to 20, and learned at lower rates alone (three trials, one seed:
# docs/notebook/recipe.md).
OWN_TRAINING: dict[type[Objective], dict[str, Any]] = {
    **{objective: {"steps": 1400, "evaluate_every": 100} for objective in (Reversed, BothDirections, SpanDenoising)},
    Permuted: {"steps": 1750, "evaluate_every": 125},
    Diffusion: {"steps": 3500, "evaluate_every": 250, "muon_rate": 0.01, "learning_rate": 3e-3},
    Infill: {"steps": 3500, "evaluate_every": 250},
    SemanticPermutation: {"steps": 3500, "evaluate_every": 250},
    Bico: {"subset": 1.0},  # the network that it starts from knows all facts
}

# Published worlds, as they were measured: with AdamW. The first has 1,000 entities x 20 relations and 1 % one-way facts
# (2604.04943), for a GPU; the second is a smaller world of the same shape.
CODA_FORNO = replace(
    BIDIRECTIONAL,
    task=Reversal(entities=1000, relations=20, one_way=200, documents=DocumentConfig(filler=5, copies=4)),
    model=ModelConfig(width=128),
    train=replace(PLAIN, steps=8000, batch=2048, learning_rate=4e-3, save_every=500),
)
CODA_FORNO_SMALL = replace(
    BIDIRECTIONAL,
    task=Reversal(entities=100, relations=20, one_way=200, documents=DocumentConfig(filler=5)),
    train=replace(PLAIN, steps=8000),
)

# Keys and values of two tokens, one relation (2406.05183); and chains, where a wrong inference can be recognised.
KITOUNI = RunConfig(
    Reversal(
        matching="disjoint",
        entities=480,
        relations=1,
        one_way=40,
        names=NameConfig(min_length=2, max_length=2),
    ),
    Masked(scheme="uniform", maskable=tuple(ROLES)),
    train=replace(PLAIN, steps=12_000, learning_rate=6e-3, final_rate=0.0),
)
KITOUNI_RELATIONSHIP = replace(
    KITOUNI,
    task=Reversal(entities=400, relations=1, one_way=40),
    objective=Reversed(direction=False, delimiter=True),
    train=replace(PLAIN, steps=3000, evaluate_every=250),
)

# Half of the held-out questions are for reinforcement, and have documents with a chain of thought.
REINFORCED = replace(
    BIDIRECTIONAL,
    task=Reversal(chain_of_thought=ChainOfThoughtConfig(rl_share=0.5, copies=16)),
    objective=Reinforced(),
)

# Half of a batch are episodes, and the network is one that learns to use its context: a convolution, positions that
# are not rotary. It is the same for all four tasks, and for causal and masked (docs/notebook/in-context.md). A
# subset of the facts brings nothing here: episodes take longer to learn than facts.
IN_CONTEXT = RunConfig(
    Reversal(entities=200, unseen=100, episodes=ReversalEpisodeConfig(share=0.5)),
    Causal(),
    ModelConfig(heads=2, convolution=5, position="relative"),
    TrainConfig(steps=2500, batch=96, subset=1.0, evaluate_every=250),
)
# Two premises in a prompt require episodes, and a start with episodes alone (docs/notebook/two-steps.md).
SYLLOGISM = replace(
    IN_CONTEXT,
    task=Syllogism(episodes=SyllogismEpisodeConfig(share=0.5, only_steps=1000)),
    train=replace(IN_CONTEXT.train, steps=2000),
)
# With 12 symbols decoding is harder than with 24.
CODEBOOK = replace(
    IN_CONTEXT,
    task=Codebook(
        symbols=24,
        books=10,
        one_way=5,
        encodings=120,
        questions_per_split=120,
        episodes=CodebookEpisodeConfig(share=0.5, only_steps=1200, max_facts=6, max_questions=6),
    ),
    train=replace(IN_CONTEXT.train, steps=3000),
)
HIERARCHY = replace(
    IN_CONTEXT,
    task=Hierarchy(episodes=HierarchyEpisodeConfig(share=0.5, only_steps=1200)),
    train=replace(IN_CONTEXT.train, steps=4000),
)
TRIPLES = replace(CAUSAL, task=Triples())


def with_task(config: Settings, name: str) -> Settings:
    """The run or comparison with the task of this name, which keeps the settings that all tasks have."""
    task = TASKS[name]()
    shared = {field.name: getattr(config.task.episodes, field.name) for field in fields(EpisodeConfig)}
    return replace(
        config,
        task=replace(
            task,
            documents=config.task.documents,
            chain_of_thought=config.task.chain_of_thought,
            episodes=replace(task.episodes, **shared),
        ),
    )


def with_own_training(objective: Objective) -> RunConfig:
    """The bidirectional preset with this objective, and what it needs to be trained."""
    train = replace(BIDIRECTIONAL.train, **OWN_TRAINING.get(type(objective), {}))
    return replace(BIDIRECTIONAL, objective=objective, train=train)


def preset_of(objective: type[Objective]) -> RunConfig:
    """The first preset with an objective of this class."""
    return next(config for _, config in PRESETS.values() if type(config.objective) is objective)


PRESETS: dict[str, tuple[str, RunConfig]] = {
    "causal": (Causal.summary, CAUSAL),
    "bidirectional": (Masked.summary, BIDIRECTIONAL),
    "masked": ("the same, by the name of its objective", BIDIRECTIONAL),
    **{
        name: (objective.summary, with_own_training(objective()))
        for name, objective in OBJECTIVES.items()
        if objective not in (Causal, Masked, Reinforced)
    },
    "reinforced": (Reinforced.summary, REINFORCED),
    "in-context": ("next token, episodes that state facts and ask about them", IN_CONTEXT),
    "syllogism": ("next token, premises of which only some conclusions are stated", SYLLOGISM),
    "codebook": ("next token, entries that are defined and never used", CODEBOOK),
    "hierarchy": ("next token, categories that inherit properties, stated of some only", HIERARCHY),
    "triples": ("next token, facts of your own from a file, asked in every direction", TRIPLES),
    "coda-forno": ("masked, 1,000 entities x 20 relations, 1 % one-way (for a GPU)", CODA_FORNO),
    "coda-forno-small": ("the same shape with 100 entities, 10 % one-way", CODA_FORNO_SMALL),
    "kitouni-retrieval": ("masked at a uniform rate, keys and values of two tokens", KITOUNI),
    "kitouni-relationship": ("chains of one relation, half of the documents reversed", KITOUNI_RELATIONSHIP),
}
