"""How a model is trained, and the whole of what defines a run."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from tyro.conf import arg

from checkpoints.config import config_json
from eval.trained import SECTIONS
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from tasks.settings import require, require_seed


@dataclass(frozen=True)
class TrainSettings:
    steps: int = 4000
    """optimiser steps"""
    targets: int | None = None
    """target tokens after which to end, before `steps` are over; the learning rate then follows their share"""
    batch: int = 96
    """documents a step"""
    learning_rate: float = 3e-3
    """highest learning rate, reached after warm-up"""
    warmup: int = 100
    """steps over which the learning rate rises from 0"""
    final_rate: float = 0.1
    """learning rate at the last step, as a share of the highest"""
    weight_decay: float = 0.1
    """decay a step, times the learning rate; on matrices only"""
    beta1: float = 0.9
    """AdamW: memory of the mean gradient"""
    beta2: float = 0.99
    """AdamW: memory of the mean squared gradient"""
    clip: float = 1.0
    """highest norm of the gradient; longer ones are shortened to it"""
    log_every: int = 50
    """steps between entries of loss in the record"""
    evaluate_every: int = 250
    """steps between evaluations on all splits"""
    evaluate_questions: int = 200
    """questions a split in those; all are asked at the end"""
    save_every: int = 1000
    """steps between saves; the end is always saved"""
    keep: int = 2
    """saved steps kept, the newest"""
    threads: int = 1
    """torch threads on a CPU"""
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], arg(prefix_name=False)] = "auto"
    """where to train; auto: cuda, else mps, else cpu"""
    precision: Annotated[Literal["float32", "bfloat16"], arg(prefix_name=False)] = "float32"
    """number format of matrix products; bfloat16 is slow on most CPUs"""
    compile: Annotated[bool, arg(prefix_name=False)] = False
    """compile the network first (15-50 s, then faster steps for small models)"""
    origin: Annotated[str | None, arg(name="from", prefix_name=False)] = None
    """run folder whose weights to start from, with a fresh optimiser"""
    augment: int = 0
    """times that each statement which that run infers in context from its own documents is added to the documents"""

    def __post_init__(self):
        for name in (
            "steps",
            "batch",
            "log_every",
            "evaluate_every",
            "evaluate_questions",
            "save_every",
            "keep",
            "threads",
        ):
            require(getattr(self, name) >= 1, f"train.{name}", getattr(self, name), "1 or more")
        require(self.targets is None or self.targets >= 1, "train.targets", self.targets, "1 or more")
        require(0 <= self.warmup <= self.steps, "train.warmup", self.warmup, f"0 to train.steps ({self.steps})")
        require(0 < self.learning_rate <= 1, "train.learning_rate", self.learning_rate, "above 0 and at most 1")
        most = 1 / self.learning_rate  # beyond that, a step's decay turns weights over instead of shrinking them
        require(0 <= self.weight_decay <= most, "train.weight_decay", self.weight_decay, f"0 to {most:.0f}")
        require(self.augment >= 0, "train.augment", self.augment, "0 or more")
        require(self.origin is not None or not self.augment, "train.augment", self.augment, "0 without --from")
        require(0 < self.clip < math.inf, "train.clip", self.clip, "above 0")
        require(0 <= self.final_rate <= 1, "train.final_rate", self.final_rate, "0 to 1")
        for name in ("beta1", "beta2"):
            require(0 <= getattr(self, name) < 1, f"train.{name}", getattr(self, name), "0 or more and below 1")


EVERY_SECTION = SECTIONS | {"train": {"adamw": TrainSettings}}  # what config.json holds, and by which names
Task = TypeVar("Task")
Goal = TypeVar("Goal", bound=Objective)


@dataclass(frozen=True)
class Config(Generic[Task, Goal]):
    """One run: with `seed`, all that its weights follow from."""

    task: Task
    objective: Goal
    model: NetworkSettings = NetworkSettings()
    train: TrainSettings = TrainSettings()
    seed: int = 0
    """draws the world, the initial weights and the batches; 0-4 for reporting, 1000 and above for tuning"""

    def __post_init__(self):
        require_seed(self.seed)

    def json(self) -> dict[str, Any]:
        """What config.json holds."""
        named = {
            section: (
                next(name for name, kind in kinds.items() if type(getattr(self, section)) is kind),
                getattr(self, section),
            )
            for section, kinds in EVERY_SECTION.items()
        }
        return config_json(self.seed, named)
