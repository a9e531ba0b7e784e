"""BICO: a causally trained network is made bidirectional and trained on to fill in masks (Lv et al. 2023, 2311.07468).

Give it one to start from: `--from checkpoints/causal-0`. As in that network, each token is said by the place before
it, which now sees everything.
"""

from dataclasses import dataclass

import numpy as np

from model.objectives.batch import Arrays, Tensors, asked_at, masked
from model.objectives.causal import Causal
from model.objectives.contract import Objective
from model.objectives.hiding import Hiding
from model.visibility import Visibility
from tasks.corpus import Documents, Questions


@dataclass(frozen=True)
class Bico(Hiding):
    """
    input     [begin]  f  [mask]  r  B  f        every position sees all
    target       .     A    .     .  .  .

    Asked "as-trained", any open span is masked; asked "left-to-right", the model is a causal one again.
    """

    needs_trained = True

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        return masked(documents, self.hidden_tokens(documents.roles, rng), before=1)

    def visibility(self, batch: Tensors) -> Visibility:
        return Visibility("full", batch["lengths"])

    def asked(self) -> dict[str, Objective]:
        return {"as-trained": self, "left-to-right": Causal()}

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        return asked_at(questions, given, before=1)
