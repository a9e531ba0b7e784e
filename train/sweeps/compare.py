"""`make compare`: a causal and a bidirectional model on the same worlds, several seeds each; table and figure."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Generic, Literal, TypeVar

from tyro.conf import arg

from config.validation import require, require_at_least
from model.config import ModelConfig
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks import TASKS
from train.config import RunConfig, TaskType, TrainConfig
from train.presets import BIDIRECTIONAL, CAUSAL
from train.signals import StopFlag
from train.sweeps.settings import MultiRunConfig
from train.sweeps.study import Study

Settings = TypeVar("Settings")
COMPARABLE = tuple(name for name, task in TASKS.items() if {"forward", "inverse"} <= task.split_help.keys())
"""the tasks that ask facts as stated and by the inverse word, as table and figure show"""


@dataclass(frozen=True)
class Compare(MultiRunConfig, Generic[TaskType]):
    """Settings of a comparison: both objectives on the same worlds, with the same network and rates."""

    task: TaskType = BIDIRECTIONAL.task
    """the worlds"""
    model: ModelConfig = BIDIRECTIONAL.model
    """the network of both"""
    causal: Causal = CAUSAL.objective
    """objective of the causal model"""
    bidirectional: Masked = BIDIRECTIONAL.objective
    """objective of the bidirectional model"""
    train: TrainConfig = BIDIRECTIONAL.train
    """how both are trained"""
    variants: tuple[Literal["causal", "bidirectional"], ...] = ("causal", "bidirectional")
    """which of the two to train"""
    causal_steps: int | None = CAUSAL.train.steps
    """optimiser steps of the causal runs, whatever train.steps is; None: train.steps, as for the others (--steps sets
    both)"""
    name: str = field(default="compare", kw_only=True)
    """folder in checkpoints/ for table and figure, and what the runs' names begin with"""

    def __post_init__(self):
        super().__post_init__()
        require(len(self.variants) > 0, "variants", self.variants, "one or both of causal, bidirectional")
        require_at_least(self, "", 1, "causal_steps")

    def study(self) -> Study:
        """The runs, both objectives of a seed one after the other."""
        runs, variants = {}, {}
        for seed in self.all_seeds():
            for variant in self.variants:
                name = f"{self.name}-{variant}-{seed}"
                runs[name], variants[name] = self.run_config(variant, seed), variant
        return Study(self.name, runs, variants, set(runs), self)

    def run_config(self, variant: str, seed: int) -> RunConfig:
        """One run, with the steps of its variant."""
        causal_steps = self.train.steps if self.causal_steps is None else self.causal_steps
        steps = causal_steps if variant == "causal" else self.train.steps
        train = replace(self.train, steps=steps)
        return self.with_budget(RunConfig(self.task, getattr(self, variant), self.model, train, seed))


@dataclass(frozen=True)
class CompareArguments(Generic[Settings]):
    """Train both objectives on the same worlds, with the same network and rates.

    Runs are checkpoints/<name>-<variant>-<seed>. Finished runs are kept, others continue.
    """

    config: Annotated[Settings, arg(name="")]
    """what defines the comparison"""
    task: Literal[COMPARABLE] | None = None
    """another task, such as triples for facts of a file; the name is then compare-<task>, unless one is given"""


def compare(settings: Compare, stop: StopFlag) -> None:
    """Trains what is not trained yet, then writes and prints the comparison."""
    study = settings.study()
    from train.report.by_seed import BySeed  # only now, as it imports matplotlib

    study.run(stop, BySeed())
