"""What decoding and scoring need of an objective: queries, and log-probabilities of the tokens that they ask for."""

from typing import Protocol

import numpy as np

from model.objectives.batch import Batch
from model.torch_types import ModuleDict, Tensor
from tasks.corpus import Cloze


class Queryable(Protocol):
    """The three methods of an Objective (base.py, which documents them) that ask a model."""

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None: ...

    def token_log_probs(self, modules: ModuleDict, query: Batch) -> Tensor: ...

    def to_decoding_order(self, cloze: Cloze, names: np.ndarray, sizes: np.ndarray) -> np.ndarray: ...
