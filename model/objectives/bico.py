"""BICO: a causally trained network is made bidirectional and trained further to fill in masks (Lv et al. 2023,
2311.07468).

It needs a network to start from: `--from checkpoints/causal-0`. As in that network, each token is predicted one
position left of it, which now sees everything.
"""

from dataclasses import dataclass

import numpy as np

from model.objectives.base import AS_TRAINED, Objective
from model.objectives.batch import Batch, Tensors, mask_tokens, query_at
from model.objectives.causal import Causal
from model.objectives.masking import Masking
from model.visibility import Visibility
from tasks.corpus import Cloze, Documents


@dataclass(frozen=True)
class Bico(Masking):
    """
    input     [begin]  f  [mask]  r  B  f        every position sees all
    target       .     A    .     .  .  .

    Asked "as-trained", any open span is masked. Asked "left-to-right", the model is a causal one again.
    """

    summary = "a causally trained network is made bidirectional and trained further to fill in masks"
    needs_trained_model = True

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        return mask_tokens(documents, self.is_masked(documents.roles, rng), offset=-1)

    def visibility_of(self, batch: Tensors) -> Visibility:
        return Visibility("full", batch["lengths"])

    def query_modes(self) -> dict[str, Objective]:
        return {AS_TRAINED: self, "left-to-right": Causal()}

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        return query_at(cloze, prefix, offset=-1)
