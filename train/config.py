"""How a model is trained, and the whole of what defines a run."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from tyro.conf import arg

from checkpoints.config import config_json, differences, read_config_json
from config.validation import SettingError, require, require_at_least, require_seed, require_share
from eval.trained_model import SECTIONS
from model.config import ModelConfig
from model.objectives.base import Objective
from tasks.task import Task


@dataclass(frozen=True)
class TrainConfig:
    """Settings of the training itself: how long, how fast, on what, and what is recorded."""

    main_settings: ClassVar = ("steps", "batch", "muon_rate", "device", "init_from")

    steps: int = 4000
    """optimiser steps"""
    targets: int | None = None
    """target tokens that end a run before `steps`; the learning rate follows their share, and subset_steps None is 0"""
    batch: int = 192
    """documents a step"""
    subset: float = 0.25
    """share of the documents that a run starts with: those about some of the entities, drawn at random (1: all)"""
    subset_steps: int | None = None
    """steps at the start that are trained on that subset alone; None: 30 % of all steps, 0 after --from"""
    power_law: float = 0.0
    """exponent of unequal frequencies, in place of a subset (0: equal ones). Entities are ranked at random;
    a document is drawn in proportion to 1 / rank^exponent, by the rank of the entity that it is about"""
    optimiser: Literal["muon", "adamw"] = "muon"
    """what updates the layers' matrices; AdamW always updates embedding, output, norms and biases"""
    muon_rate: float = 0.02
    """Muon: highest learning rate, reached after warm-up"""
    momentum: float = 0.95
    """Muon: decay rate of the mean gradient"""
    learning_rate: float | None = None
    """AdamW: highest learning rate, reached after warm-up; None: 7e-3 beside Muon, and 3e-3 without"""
    warmup: int = 100
    """steps over which the learning rates rise from 0"""
    final_rate: float = 0.0
    """learning rates at the last step, as a share of the highest"""
    weight_decay: float = 0.1
    """decay a step, times the learning rate; on matrices only"""
    beta1: float = 0.9
    """AdamW: decay rate of the mean gradient"""
    beta2: float = 0.99
    """AdamW: decay rate of the mean squared gradient"""
    clip: float = 1.0
    """highest norm of the gradient; longer ones are shortened to it"""
    log_every: int = 50
    """steps between entries of loss in the record"""
    evaluate_every: int = 250
    """steps between evaluations on all splits"""
    evaluate_questions: int = 200
    """questions a split in those; all are evaluated at the end"""
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
    """compile the network first. On a CPU core this takes half a minute or more, or 13 to 19 s from torch's cache.
    A step of the presets then takes an eighth to a sixth less time, so runs of under 8,000 steps do not gain"""
    init_from: Annotated[str | None, arg(name="from", prefix_name=False)] = None
    """run (its name or folder) whose weights to start from, with a fresh optimiser"""
    augment: int = 0
    """copies of each statement, added to the documents, that the run of `--from` infers in context from its own"""

    def __post_init__(self):
        counts = ("steps", "batch", "log_every", "evaluate_every", "evaluate_questions", "save_every", "keep")
        require_at_least(self, "train", 1, *counts, "threads", "targets")
        require(0 <= self.warmup <= self.steps, "train.warmup", self.warmup, f"0 to train.steps ({self.steps})")
        for name in ("learning_rate", "muon_rate"):
            rate = getattr(self, name)
            require(rate is None or 0 < rate <= 1, f"train.{name}", rate, "above 0 and at most 1")
        require(0 < self.subset <= 1, "train.subset", self.subset, "above 0 and at most 1")
        require_at_least(self, "train", 0, "subset_steps")
        require(0 <= self.power_law <= 10, "train.power_law", self.power_law, "0 to 10")
        allowed = "1 where train.power_law is not 0"
        require(self.subset == 1 or self.power_law == 0, "train.subset", self.subset, allowed)
        max_decay = 1 / max(self.adamw_rate, self.muon_rate)  # beyond that, a step's decay changes the sign of weights
        allowed = f"0 to {max_decay:.0f}"
        require(0 <= self.weight_decay <= max_decay, "train.weight_decay", self.weight_decay, allowed)
        require_at_least(self, "train", 0, "augment")
        require(self.init_from is not None or not self.augment, "train.augment", self.augment, "0 without --from")
        require(0 < self.clip < math.inf, "train.clip", self.clip, "above 0")
        require_share(self, "train", "final_rate")
        for name in ("beta1", "beta2", "momentum"):
            require(0 <= getattr(self, name) < 1, f"train.{name}", getattr(self, name), "0 or more and below 1")

    @property
    def adamw_rate(self) -> float:
        """AdamW's highest learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 7e-3 if self.optimiser == "muon" else 3e-3

    @property
    def first_steps(self) -> int:
        """Steps that are trained on the subset alone.

        Without a number of them: 0 where targets end the run, since it can end at any share of its steps, and after
        --from, since a network that knows all facts would forget the others.
        """
        if self.subset == 1:
            return 0
        if self.subset_steps is not None:
            return self.subset_steps
        return round(0.3 * self.steps) if self.targets is None and self.init_from is None else 0


RUN_SECTIONS = SECTIONS | {"train": {"training": TrainConfig}}  # what config.json holds, and by which names
TaskType = TypeVar("TaskType", bound=Task)
ObjectiveType = TypeVar("ObjectiveType", bound=Objective)


@dataclass(frozen=True)
class RunConfig(Generic[TaskType, ObjectiveType]):
    """One run: with `seed`, all that its weights follow from."""

    task: TaskType
    """the world: its facts, documents and questions"""
    objective: ObjectiveType
    """what is predicted from what"""
    model: ModelConfig = ModelConfig()
    """the network"""
    train: TrainConfig = TrainConfig()
    """the training"""
    seed: int = 0
    """draws world, weights and batches; 0-4 for reporting, 1000 and above for tuning"""

    def __post_init__(self):
        require_seed(self.seed)

    def json(self) -> dict[str, Any]:
        """What config.json holds."""
        sections = {}
        for section, types_by_name in RUN_SECTIONS.items():
            settings = getattr(self, section)
            name = next(name for name, settings_type in types_by_name.items() if type(settings) is settings_type)
            sections[section] = (name, settings)
        return config_json(self.seed, sections)


FREE = ("identity", *(f"train.{name}" for name in ("log_every", "save_every", "keep", "threads", "device")))
"""what may be another one when a run is resumed: it changes no weight"""


def refuse_other_settings(folder: Path, config: RunConfig) -> None:
    """Raises SettingError if the folder holds a run with other settings than `config`."""
    if not (folder / "config.json").exists():
        return
    different = differences(read_config_json(folder), config.json(), FREE)
    if different:
        further = f", --from {folder} in another run trains its weights further" * ("train.steps was" in different)
        raise SettingError(
            f"{folder} was trained with other settings: {different} (--overwrite replaces it, --name trains another "
            f"run{further})"
        )
