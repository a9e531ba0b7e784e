"""Joint embedding: not the answer's tokens are predicted but its representation (Wang & Sun 2025, 2504.01928).

The same network represents a name standing alone; the right one is told from the other names of the batch
(contrastive: InfoNCE, van den Oord et al. 2018, 1807.03748). It writes nothing: it chooses among given names.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.objectives.batch import Arrays, Tensors, flat, stated_outside, to_tensors
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from model.visibility import CAUSAL, Visibility
from tasks.corpus import TARGET, Documents, Entities, Questions
from tasks.settings import require
from tasks.vocabulary import BEGIN


@dataclass(frozen=True)
class JointEmbedding(Objective):
    """
    input     [begin]  f  A  r  B  f          names of the batch   [begin]  B     [begin]  C   …
    predicts     .     .  .  ^  .  .          representation at             ^              ^

    A question can be asked where its open span is the last of the statement.
    """

    temperature: float = 0.1
    """similarities, cosines, are divided by it"""

    def __post_init__(self):
        require(0 < self.temperature < math.inf, "objective.temperature", self.temperature, "above 0")

    def parts(self, settings: NetworkSettings, words: int, length: int) -> dict[str, nn.Module]:
        return {"predictor": nn.Linear(settings.width, settings.width, bias=settings.bias)}

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        is_target = documents.roles == TARGET
        first = is_target.copy()
        first[:, 1:] &= ~is_target[:, :-1]
        row, start = np.nonzero(first)
        t = documents.tokens.shape[1]
        size = name_sizes(is_target[row], start)
        k = int(size.max(initial=1))
        places = np.minimum(start[:, None] + np.arange(k), t - 1)
        inside = np.arange(k) < size[:, None]
        names = np.where(inside, documents.tokens[row[:, None], places], 0)
        names, label = np.unique(names, axis=0, return_inverse=True)
        return represented(names) | {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "at": row * t + start - 1,
            "label": label.ravel(),
            "targets": documents.tokens[is_target],
        }

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        likeness = self.likeness(modules, batch)
        return F.cross_entropy(likeness, batch["label"], reduction="sum"), len(batch["label"])

    def likeness(self, modules: nn.ModuleDict, batch: Tensors) -> Tensor:
        """How like each prediction is to each name of a batch, over the temperature: [n, m]."""
        predicted = modules["predictor"](self.hidden(modules, batch))
        names = modules["network"](batch["names"], CAUSAL).flatten(0, 1)[batch["last"]]
        with torch.autocast(predicted.device.type, enabled=False):  # cosines need more digits than bfloat16 has
            return F.normalize(predicted.float(), dim=-1) @ F.normalize(names.float(), dim=-1).mT / self.temperature

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        _, right = stated_outside(questions)
        if right.any():
            return None
        documents = questions.documents
        at = flat(questions.start - 1, documents.tokens.shape[1])
        return {"tokens": documents.tokens, "lengths": documents.lengths, "at": at}

    @torch.no_grad()
    def score(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray | None:
        asking = self.ask(questions, np.zeros((len(questions), 0), np.int32))
        if asking is None:
            return None
        batch = to_tensors(asking | represented(candidates.tokens), next(modules.parameters()).device)
        likeness = self.likeness(modules, batch).cpu().numpy()
        likeness[candidates.lengths != questions.size[:, None]] = -np.inf
        return likeness - np.logaddexp.reduce(likeness, axis=1, keepdims=True)

    def answer(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray | None:
        score = self.score(modules, questions, candidates)
        return None if score is None else candidates.tokens[score.argmax(1), : questions.size.max(initial=1)]

    def log_probability(
        self, modules: nn.ModuleDict, questions: Questions, names: np.ndarray, candidates: Entities
    ) -> np.ndarray | None:
        score = self.score(modules, questions, candidates)
        if score is None:
            return None
        k = questions.size.max(initial=1)
        inside = np.arange(k) < questions.size[:, None, None]
        same = ((names[:, None, :k] == candidates.tokens[None, :, :k]) | ~inside).all(-1) & np.isfinite(score)
        return np.where(same, score, -np.inf).max(1)


def name_sizes(marked: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Of rows marked[n, t], how many places from `start`[n] on are marked without a gap."""
    before = np.arange(marked.shape[1]) < start[:, None]
    return ((marked | before).cumprod(1) * ~before).sum(1)


def represented(names: np.ndarray) -> Arrays:
    """Names [m, k] as documents of their own, and the place of the last token of each."""
    alone = np.concatenate([np.full((len(names), 1), BEGIN, np.int32), names.astype(np.int32)], axis=1)
    return {"names": alone, "last": flat((names != 0).sum(1), alone.shape[1])}
