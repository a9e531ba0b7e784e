"""`make compare`: a causal and a bidirectional model on the same worlds, several seeds each; table and figure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from tasks.reversal import Reversal
from tasks.settings import require
from train.figure import draw
from train.presets import BIDIRECTIONAL, CAUSAL
from train.settings import Config, TrainSettings
from train.study import Several, Study
from train.tables import markdown, print_table


@dataclass(frozen=True)
class Compare(Several):
    """Train both objectives on the same worlds, with the same network and rates, as checkpoints/<name>-<model>-<seed>.

    What is finished is kept, what is not goes on.
    """

    task: Reversal = BIDIRECTIONAL.task
    model: NetworkSettings = BIDIRECTIONAL.model
    causal: Causal = CAUSAL.objective
    bidirectional: Masked = BIDIRECTIONAL.objective
    train: TrainSettings = BIDIRECTIONAL.train
    models: tuple[Literal["causal", "bidirectional"], ...] = ("causal", "bidirectional")
    """which of the two to train"""
    causal_steps: int | None = CAUSAL.train.steps
    """optimiser steps of the causal runs, whatever train.steps is; None: train.steps, as for the others (--steps sets
    both)"""
    name: str = field(default="compare", kw_only=True)
    """folder in checkpoints/ for table and figure, and what the runs' names begin with"""

    def __post_init__(self):
        super().__post_init__()
        require(len(self.models) > 0, "models", self.models, "one or both of causal, bidirectional")
        steps = self.causal_steps is None or self.causal_steps >= 1
        require(steps, "causal_steps", self.causal_steps, "1 or more")

    def runs(self) -> dict[str, Config]:
        """The runs by name, both objectives of a seed one after the other."""
        causal = self.train.steps if self.causal_steps is None else self.causal_steps
        steps = {"causal": causal, "bidirectional": self.train.steps}
        return {
            f"{self.name}-{arm}-{seed}": self.budgeted(
                Config(self.task, getattr(self, arm), self.model, replace(self.train, steps=steps[arm]), seed)
            )
            for seed in self.worlds()
            for arm in self.models
        }


def compare(settings: Compare, check: Callable[[], None]) -> None:
    """Trains what is not trained yet, then writes and prints the comparison."""
    runs = settings.runs()
    arm = {name: name.removeprefix(f"{settings.name}-").rpartition("-")[0] for name in runs}
    study = Study(settings.name, runs, arm, set(runs), settings)
    study.carry_out(check, markdown, draw, print_table)
