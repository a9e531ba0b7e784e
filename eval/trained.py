"""A trained model with what is needed to ask it: read from a run folder, or as the loop holds it."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from checkpoints import steps
from checkpoints.config import read_config, read_json
from model.assemble import assemble
from model.objectives import OBJECTIVES
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from tasks import TASKS
from tasks.corpus import Corpus, Documents
from tasks.settings import SettingError

INFERRED = "inferred.npz"  # what augmentation drew (train/augment.py)
SECTIONS = {"task": TASKS, "model": {"transformer": NetworkSettings}, "objective": OBJECTIVES}


@dataclass(frozen=True)
class Trained:
    corpus: Corpus
    objective: Objective
    modules: nn.ModuleDict

    def asked(self) -> "dict[str, Trained]":
        """The ways in which this model can be asked, the one that tables show first."""
        return {asked: replace(self, objective=objective) for asked, objective in self.objective.asked().items()}


def read_trained(folder: Path) -> tuple[Trained, int]:
    """The model of a run folder at its newest whole step, and that step. Raises SettingError if there is none."""
    config = read_config(folder, SECTIONS)
    corpus = config["task"].build(config["seed"])
    refuse_other_world(folder, corpus.digest())
    if (folder / INFERRED).exists():
        corpus = with_inferred(corpus, folder)
    modules = assemble(config["model"], config["objective"], corpus, config["seed"])
    saved = steps.load(folder, lambda line: print(line, file=sys.stderr))
    if saved is None:
        raise SettingError(f"{folder} holds no whole saved step: train it first")
    step, weights, _, _ = saved
    load_weights(modules, weights, folder)
    return Trained(corpus, config["objective"], modules.eval()), step


def with_inferred(corpus: Corpus, folder: Path, times: int = 1) -> Corpus:
    """The corpus with the statements that augmentation drew for the run in `folder`, each `times` times."""
    with np.load(folder / INFERRED) as arrays:
        inferred = Documents(arrays["tokens"], arrays["lengths"], arrays["roles"])
    return replace(corpus, documents=corpus.documents + inferred[np.tile(np.arange(len(inferred)), times)])


def refuse_other_world(folder: Path, digest: str) -> None:
    """Raises SettingError if the run in `folder` was trained on another corpus than that of this `digest`, which its
    settings build now."""
    written = folder / "environment.json"
    known = read_json(written).get("world") if written.exists() else None
    if known not in (None, digest):
        raise SettingError(f"{folder} was trained on another world: the files that it was read from have changed")


def load_weights(modules: nn.ModuleDict, weights: dict[str, torch.Tensor], source: Path) -> None:
    """Copies weights by name. Raises SettingError where names or shapes are not the modules' own."""
    own = dict(modules.named_parameters())
    wrong = sorted(own.keys() ^ weights.keys())
    wrong += [name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape]
    if wrong:
        raise SettingError(f"the weights in {source} are of another network: {', '.join(wrong[:3])} …")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(weights[name])
