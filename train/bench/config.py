"""What `make bench` compares, and its settings. To add a comparison of steps: a line in `comparisons`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.validation import require, require_at_least
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET
from tasks.vocabulary import SPECIAL

Row = Literal["step", "time-to-result", "seeds", "compile"]
STATEMENT = (SOURCE, RELATION, TARGET)
WITH_FILLER = (NONE, NONE, *STATEMENT, NONE, NONE, NONE)  # as in the default world


@dataclass(frozen=True)
class Bench:
    """Time training steps, and training until a result: ours, beside transformers' models or in other ways."""

    rows: tuple[Row, ...] = ("step", "time-to-result")
    """what is timed: steps, from batch to optimiser, whole trainings until a level of accuracy, ways to train several
    seeds, or steps of a compiled network"""
    width: int = 128
    """features of a position, in the comparisons of steps, as are the next seven"""
    depth: int = 4
    """layers"""
    heads: int = 4
    """attention heads a layer; width is divided among them"""
    positions: int = 16
    """tokens a document"""
    batch: int = 256
    """documents a step"""
    vocab_size: int = 512
    """tokens in the vocabulary"""
    rate: float = 0.15
    """share of tokens masked, in the comparison with a fixed rate"""
    rounds: int = 15
    """rounds, in each of which all that is compared has its turn"""
    steps: int = 2
    """steps of each in a round"""
    seeds: int = 5
    """seeds, from 0, of the times to a result"""
    max_steps: int = 6000
    """steps after which transformers' model has not reached the level; ours ends with its preset"""
    jobs: int = 2
    """results that are timed at once, each with one training at a time, of ours and Llama's in turn; with `seeds`:
    processes at once"""
    stacked: tuple[int, ...] = (1, 2, 5, 10)
    """with `seeds`: numbers of seeds that are trained in one program"""
    threads: int = 1
    """with `seeds`: torch threads of that program on a CPU; each of the processes has one"""
    csv: Path | None = None
    """file for a row of each training until a result"""
    device: Literal["cpu", "cuda"] = "cpu"
    """where the trainings run, and the ways to train several seeds; steps are timed on a CPU"""

    def __post_init__(self):
        require(bool(self.rows), "rows", self.rows, "one or more of step, time-to-result, seeds, compile")
        require(min(self.stacked, default=0) >= 1, "stacked", self.stacked, "one or more numbers of 1 or more")
        minima = {"positions": 3, "batch": 1, "vocab_size": len(SPECIAL) + 1, "rounds": 1, "steps": 1}
        minima |= {"seeds": 1, "max_steps": 1, "jobs": 1, "threads": 1}
        for name, minimum in minima.items():
            require_at_least(self, "", minimum, name)
        _ = self.network, comparisons(self)  # these check the rest

    @property
    def network(self) -> ModelConfig:
        """GPT-2's: learned positions, layer norm, gelu, biases, the embedding as output matrix; no dropout."""
        return ModelConfig(
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            position="learned",
            norm="layer",
            feed_forward="gelu",
            bias=True,
            tied=True,
            dropout=0.0,
        )


@dataclass(frozen=True)
class Comparison:
    """Our step against that of one of transformers' models."""

    name: str
    """as the table shows it"""
    objective: Objective
    """what both are trained with"""
    their_model: str
    """the class in transformers"""
    roles: tuple[int, ...] = STATEMENT
    """roles of the tokens of a document, over and over"""


def comparisons(settings: Bench) -> list[Comparison]:
    """All comparisons of steps, in the order of the table."""
    fixed = Masked(scheme="fixed", maskable=tuple(ROLES), rate=settings.rate)
    uniform = Masked(scheme="uniform", maskable=tuple(ROLES))
    return [
        Comparison("next token, GPT-2", Causal(), "GPT2LMHeadModel"),
        Comparison("3 tokens in 8, GPT-2", Causal(), "GPT2LMHeadModel", WITH_FILLER),
        Comparison(f"masked {settings.rate:.0%}, BERT", fixed, "BertForMaskedLM"),
        Comparison("masked uniform, BERT", uniform, "BertForMaskedLM"),
    ]
