"""Joint embedding: the representation of an answer is predicted, not its tokens (Wang & Sun 2025, 2504.01928).

The same network represents a name alone. The right name is contrasted with the other names of the batch
(InfoNCE, van den Oord et al. 2018, 1807.03748). The model generates nothing: it chooses among given names.
"""

import math
from dataclasses import dataclass

import numpy as np

from config.validation import require
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, query_at, stated_left_and_right, to_tensors
from model.objectives.masking import run_starts
from model.torch_types import Module, ModuleDict, Tensor
from model.visibility import CAUSAL, Visibility
from tasks.corpus import TARGET, Cloze, Documents
from tasks.vocabulary import BEGIN, PAD, Entities


@dataclass(frozen=True)
class JointEmbedding(Objective):
    """
    input     [begin]  f  A  r  B  f          names of the batch   [begin]  B     [begin]  C   …
    predicts     .     .  .  ^  .  .          representation at             ^              ^

    A question can be asked where its open span is the last of the statement.
    """

    summary = "the representation of an answer is predicted, not its tokens"
    predicts_tokens = False

    temperature: float = 0.1
    """similarities, cosines, are divided by it"""

    def __post_init__(self):
        require(0 < self.temperature < math.inf, "objective.temperature", self.temperature, "above 0")

    def extra_modules(self, config: ModelConfig, vocab_size: int, max_length: int) -> dict[str, Module]:
        from torch import nn

        return {"predictor": nn.Linear(config.width, config.width, bias=config.bias)}

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        is_target = documents.roles == TARGET
        document, start = np.nonzero(run_starts(is_target, is_target))  # [n], where each target entity starts
        names = read_names(documents, is_target, document, start)
        different_names, labels = np.unique(names, axis=0, return_inverse=True)
        return names_alone(different_names) | {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "logit_positions": document * documents.tokens.shape[1] + start - 1,
            "labels": labels.ravel(),
            "targets": documents.tokens[is_target],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def loss(self, modules: ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        from torch.nn import functional as F

        similarity = self.similarity(modules, batch)
        return F.cross_entropy(similarity, batch["labels"], reduction="sum"), len(batch["labels"])

    def similarity(self, modules: ModuleDict, batch: Tensors) -> Tensor:
        """The cosine of each prediction and each name of a batch, over the temperature: [n, m]."""
        import torch
        from torch.nn import functional as F

        predicted = modules["predictor"](self.target_hidden(modules, batch))
        names = modules["network"](batch["names"], CAUSAL).flatten(0, 1)[batch["name_ends"]]
        with torch.autocast(predicted.device.type, enabled=False):  # cosines need more digits than bfloat16 has
            return F.normalize(predicted.float(), dim=-1) @ F.normalize(names.float(), dim=-1).mT / self.temperature

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        _, stated_right = stated_left_and_right(cloze)
        if stated_right.any():
            return None
        return query_at(cloze, prefix[:, :0], offset=-1)  # a name is predicted whole, not token by token

    def candidate_log_probs(self, modules: ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray | None:
        query = self.make_query(cloze, np.zeros((len(cloze), 0), np.int32))
        if query is None:
            return None
        batch = to_tensors(query | names_alone(candidates.tokens), next(modules.parameters()).device)
        similarity = self.similarity(modules, batch).detach().cpu().numpy()
        similarity[candidates.lengths != cloze.size[:, None]] = -np.inf
        return similarity - np.logaddexp.reduce(similarity, axis=1, keepdims=True)

    def predict(self, modules: ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray | None:
        log_probs = self.candidate_log_probs(modules, cloze, candidates)
        if log_probs is None:
            return None
        return candidates.tokens[log_probs.argmax(1), : cloze.size.max(initial=1)]

    def answer_log_prob(
        self, modules: ModuleDict, cloze: Cloze, names: np.ndarray, candidates: Entities
    ) -> np.ndarray | None:
        log_probs = self.candidate_log_probs(modules, cloze, candidates)
        if log_probs is None:
            return None
        k = cloze.size.max(initial=1)
        in_span = np.arange(k) < cloze.size[:, None, None]  # [q, 1, k]
        equal_tokens = names[:, None, :k] == candidates.tokens[None, :, :k]  # [q, c, k]
        is_name = (equal_tokens | ~in_span).all(-1) & np.isfinite(log_probs)  # [q, c]
        return np.where(is_name, log_probs, -np.inf).max(1)


def read_names(documents: Documents, is_target: np.ndarray, document: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The names [n, k] that start at position start[n] of document[n], and are all `is_target`[b, t]; PAD behind."""
    t = documents.tokens.shape[1]
    before = np.arange(t) < start[:, None]  # [n, t]
    in_name = (is_target[document] | before).cumprod(1) * ~before  # from the start on, up to the first gap
    size = in_name.sum(1)
    j = np.arange(int(size.max(initial=1)))
    position = np.minimum(start[:, None] + j, t - 1)  # [n, k]
    return np.where(j < size[:, None], documents.tokens[document[:, None], position], PAD)


def names_alone(names: np.ndarray) -> Batch:
    """Names [m, k] as documents of a name alone, and the position of the last token of each."""
    begin = np.full((len(names), 1), BEGIN, np.int32)
    size = (names != PAD).sum(1)
    t = 1 + names.shape[1]
    return {
        "names": np.concatenate([begin, names.astype(np.int32)], axis=1),
        "name_ends": np.arange(len(names)) * t + size,
    }
