"""A trained model and all that is needed to ask it questions: from a run folder, or as the training loop holds it."""

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from checkpoints import steps
from checkpoints.config import read_config
from checkpoints.files import read_bytes, read_json, require_digest
from checkpoints.identity import kept_inputs, read_identity, read_words
from config.terminal import say
from config.validation import SettingError, require
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.base import Objective
from model.torch_types import ModuleDict, Tensor
from tasks import TASKS
from tasks.corpus import Corpus, Documents
from tasks.task import Task

INFERRED_FILE = "inferred.npz"  # statements that augmentation added to the documents (train/augment.py)
SECTIONS = {"task": TASKS, "model": {"transformer": ModelConfig}, "objective": OBJECTIVES}


@dataclass(frozen=True)
class TrainedModel:
    """A model, the objective that trained it, and the corpus that it was trained on."""

    corpus: Corpus
    objective: Objective
    modules: ModuleDict

    def query_modes(self) -> "dict[str, TrainedModel]":
        """The model in each query mode of its objective; tables show the first one first."""
        return {mode: replace(self, objective=objective) for mode, objective in self.objective.query_modes().items()}


class LoadedModel(NamedTuple):
    """The model of a run folder."""

    trained: TrainedModel
    step: int
    weights_sha256: str
    """the digest that results of these weights are known by"""


def load_trained_model(folder: Path) -> LoadedModel:
    """The model of a run folder at its newest whole step. Raises SettingError where there is none, or it is damaged."""
    from model.build import build_modules

    config = read_run_config(folder)
    require_saved_weights(folder, config["model"])
    corpus = require_same_world(folder, config["task"].build(config["seed"]))
    if (folder / INFERRED_FILE).exists():
        corpus = with_inferred_documents(corpus, folder)
    modules = build_modules(config["model"], config["objective"], corpus, config["seed"])
    run = read_identity(folder).run
    saved = steps.load(folder, say, run, max_step_bytes(modules))
    if saved is None:
        raise SettingError(f"{folder} holds no whole saved step: train it first")
    load_weights(modules, saved.weights, folder)
    return LoadedModel(TrainedModel(corpus, config["objective"], modules.eval()), saved.step, saved.weights_sha256)


def require_saved_weights(folder: Path, model: ModelConfig) -> None:
    """Raises SettingError where settings ask for more weights than any saved step holds, before they are allocated."""
    from model.build import count_weights

    sizes = [
        (path / steps.FILES[0]).lstat().st_size
        for path in steps.steps(folder)
        if os.path.lexists(path / steps.FILES[0])
    ]
    needed = count_weights(model, len(read_words(folder)))
    if sizes and max(sizes) < 4 * needed:
        held = max(sizes) // 4
        raise SettingError(
            f"{folder} is damaged: its settings ask for {needed:,} weights, its steps hold {held:,} at most"
        )


def read_run_config(folder: Path, sections: dict[str, dict[str, type]] = SECTIONS) -> dict[str, Any]:
    """The settings of a run, as checkpoints.config reads them. Its task reads the run's own copies of files."""
    config = read_config(folder, sections)
    return config | {"task": with_kept_inputs(config["task"], folder)}


def with_kept_inputs(task: Task, folder: Path) -> Task:
    """The task with the run's copies of the files that it was read from. Raises SettingError for a changed copy."""
    return replace(task, **kept_inputs(folder, tuple(task.inputs())))


def require_same_world(folder: Path, corpus: Corpus) -> Corpus:
    """The corpus. Raises SettingError unless it is the one that the run in `folder` was trained on."""
    if read_words(folder) != corpus.vocabulary.words or read_identity(folder).world != corpus.digest():
        raise SettingError(f"{folder} was trained on another world than its settings give now: train it again")
    return corpus


def with_inferred_documents(corpus: Corpus, folder: Path, copies: int = 1) -> Corpus:
    """The corpus with the statements that augmentation inferred for the run in `folder`, so many `copies` of each."""
    path = folder / INFERRED_FILE
    data = read_bytes(path)
    require_digest(path, data, read_json(folder / "inferred.json").get(INFERRED_FILE))
    with np.load(io.BytesIO(data)) as arrays:
        inferred = Documents(arrays["tokens"], arrays["lengths"], arrays["roles"])
    return replace(corpus, documents=corpus.documents + inferred[np.tile(np.arange(len(inferred)), copies)])


def load_weights(modules: ModuleDict, weights: dict[str, Tensor], source: Path) -> None:
    """Copies weights by name. Raises SettingError unless names, shapes and types are those of the modules."""
    copy_tensors(dict(modules.named_parameters()), weights, f"the weights in {source}")


def copy_tensors(targets: dict[str, Tensor], saved: dict[str, Tensor], what: str) -> None:
    """Copies tensors by name. Raises SettingError, about `what`, for others than the targets and for NaN."""
    import torch

    if saved.keys() != targets.keys():
        different = sorted(saved.keys() ^ targets.keys())
        raise SettingError(f"{what} are of another network: {', '.join(map(repr, different[:3]))} …")
    for name, target in targets.items():
        tensor = saved[name]
        same = (tensor.shape, tensor.dtype) == (target.shape, target.dtype)
        given = f"{tensor.dtype}{list(tensor.shape)}"
        require(same, f"{what}: {name}", given, f"{target.dtype}{list(target.shape)}")
        require(bool(torch.isfinite(tensor).all()), f"{what}: {name}", "NaN or infinite in part", "finite")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(saved[name])


def max_step_bytes(modules: ModuleDict) -> int:
    """More bytes than any file of a saved step of these modules has, with two numbers of state a weight."""
    return (1 << 20) + 16 * sum(parameter.numel() for parameter in modules.parameters())
