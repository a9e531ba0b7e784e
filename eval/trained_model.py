"""A trained model and all that is needed to ask it questions: from a run folder, or as the training loop holds it."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from checkpoints import steps
from checkpoints.config import read_config, read_json
from config.validation import SettingError
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.base import Objective
from model.torch_types import ModuleDict, Tensor
from tasks import TASKS
from tasks.corpus import Corpus, Documents

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


def load_trained_model(folder: Path) -> tuple[TrainedModel, int]:
    """The model of a run folder at its newest whole step, and that step. Raises SettingError if there is none."""
    from model.build import build_modules

    config = read_config(folder, SECTIONS)
    corpus = config["task"].build(config["seed"])
    require_same_world(folder, corpus.digest())
    if (folder / INFERRED_FILE).exists():
        corpus = with_inferred_documents(corpus, folder)
    modules = build_modules(config["model"], config["objective"], corpus, config["seed"])
    saved = steps.load(folder, lambda line: print(line, file=sys.stderr))
    if saved is None:
        raise SettingError(f"{folder} holds no whole saved step: train it first")
    step, weights, _, _ = saved
    load_weights(modules, weights, folder)
    return TrainedModel(corpus, config["objective"], modules.eval()), step


def with_inferred_documents(corpus: Corpus, folder: Path, copies: int = 1) -> Corpus:
    """The corpus with the statements that augmentation inferred for the run in `folder`, so many `copies` of each."""
    with np.load(folder / INFERRED_FILE) as arrays:
        inferred = Documents(arrays["tokens"], arrays["lengths"], arrays["roles"])
    return replace(corpus, documents=corpus.documents + inferred[np.tile(np.arange(len(inferred)), copies)])


def require_same_world(folder: Path, digest: str) -> None:
    """Raises SettingError if the run in `folder` was trained on another corpus than the one with this `digest`.

    Its settings build the latter now.
    """
    path = folder / "environment.json"
    recorded = read_json(path).get("world") if path.exists() else None
    if recorded not in (None, digest):
        raise SettingError(f"{folder} was trained on another world: the files that it was read from have changed")


def load_weights(modules: ModuleDict, weights: dict[str, Tensor], source: Path) -> None:
    """Copies weights by name. Raises SettingError unless names and shapes are those of the modules."""
    import torch

    parameters = dict(modules.named_parameters())
    different = sorted(parameters.keys() ^ weights.keys())
    different += [name for name in parameters.keys() & weights.keys() if parameters[name].shape != weights[name].shape]
    if different:
        raise SettingError(f"the weights in {source} are of another network: {', '.join(different[:3])} …")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])
