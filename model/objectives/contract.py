"""What an objective is: one way of factorising a document, for training and for asking alike.

The loop knows `prepare` and `loss`, evaluation knows `answer` and `score`; a question is asked by the
class that trained, so the two cannot drift apart. `prepare`, `visibility` and `ask` are all that the two
shortest objectives, causal.py and masked.py, say; everything else has a default here.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.settings import NetworkSettings
from model.visibility import Visibility
from tasks.corpus import Documents, Entities, Questions
from tasks.vocabulary import PAD

Arrays = dict[str, np.ndarray]  # a batch as numpy
Tensors = dict[str, Tensor]  # a batch on the device


class Objective:
    """Base of the settings dataclasses in this folder: fields are settings, methods the contract."""

    def parts(self, settings: NetworkSettings) -> dict[str, nn.Module]:
        """Further towers or heads, by name; they join the network in `modules`."""
        return {}

    def max_length(self, length: int) -> int:
        """Tokens in what `prepare` or `ask` makes of documents of `length` tokens."""
        return length

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        """A batch: `tokens` [b, t], `lengths` [b], and for the default loss `at` [n], the places that predict,
        counted through [b, t] and rising, and `targets` [n], the token each of them is to predict."""
        raise NotImplementedError

    def visibility(self, lengths: Tensor) -> Visibility:
        """Who sees whom in documents of `lengths`[b]."""
        raise NotImplementedError

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """The summed loss in nats, and its denominator: the number of targets."""
        network = modules["network"]
        hidden = network(batch["tokens"], self.visibility(batch["lengths"]), at=batch["at"])
        targets = batch["targets"]
        return F.cross_entropy(network.logits(hidden).float(), targets, reduction="sum"), len(targets)

    def ask(self, modules: nn.ModuleDict, questions: Questions, given: np.ndarray) -> Tensor | None:
        """Log-probabilities [q, v] of token j of each answer span, the first j being `given`[q, j].

        None where the objective has no way to ask such a question.
        """
        raise NotImplementedError

    def answer(self, modules: nn.ModuleDict, questions: Questions) -> np.ndarray | None:
        """What the model says in each answer span, int[q, k], decoded greedily left to right; PAD after the span."""
        said = np.zeros((len(questions), 0), np.int64)
        for _ in range(int(questions.size.max(initial=1))):
            logp = self.ask(modules, questions, said)
            if logp is None:
                return None
            said = np.concatenate([said, logp.argmax(-1, keepdim=True).cpu().numpy()], axis=1)
        return np.where(np.arange(said.shape[1]) < questions.size[:, None], said, PAD)

    def log_probability(self, modules: nn.ModuleDict, questions: Questions, names: np.ndarray) -> np.ndarray | None:
        """log p[q] of the whole of names[q, k] as the answer, in nats; tokens beyond the span do not count."""
        total = np.zeros(len(questions), np.float32)
        for j in range(int(questions.size.max(initial=1))):
            logp = self.ask(modules, questions, names[:, :j])
            if logp is None:
                return None
            token = logp[np.arange(len(names)), names[:, j]].cpu().numpy()
            total += np.where(j < questions.size, token, 0)
        return total

    def score(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """log p[q, c] of each candidate's name as the whole answer, in nats; -inf where it has another length
        than the span. Names that begin alike share their passes: there are as many as different beginnings."""
        total = np.full((len(questions), len(candidates)), -np.inf, np.float32)
        for size in np.unique(questions.size):
            rows, fit = np.flatnonzero(questions.size == size), np.flatnonzero(candidates.lengths == size)
            names = candidates.tokens[fit]
            total[np.ix_(rows, fit)] = 0
            for j in range(size):
                beginnings, which = np.unique(names[:, :j], axis=0, return_inverse=True)
                for i, beginning in enumerate(beginnings):
                    logp = self.ask(modules, questions[rows], np.tile(beginning, (len(rows), 1)))
                    if logp is None:
                        return None
                    some = np.flatnonzero(which.ravel() == i)
                    total[np.ix_(rows, fit[some])] += logp[:, names[some, j]].cpu().numpy()
        return total


def fill(questions: Questions, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The questions' tokens[q, t] with `given`[q, j] at the start of each open span, and the place [q] after it.

    Where a span is shorter than that, its last place.
    """
    tokens, rows = questions.documents.tokens.copy(), np.arange(len(questions))
    for j in range(given.shape[1]):
        inside = rows[j < questions.size]
        tokens[inside, questions.start[inside] + j] = given[inside, j]
    return tokens, questions.start + np.minimum(given.shape[1], questions.size - 1)


def log_probabilities(
    objective: Objective, modules: nn.ModuleDict, tokens: np.ndarray, lengths: np.ndarray, place: np.ndarray
) -> Tensor:
    """log p[q, v] that the network gives at `place`[q] of documents tokens[q, t]."""
    network = modules["network"]
    b, t = tokens.shape
    batch = to_tensors(
        {"tokens": tokens, "lengths": lengths, "at": np.arange(b) * t + place}, network.head.weight.device
    )
    hidden = network(batch["tokens"], objective.visibility(batch["lengths"]), at=batch["at"])
    return network.logits(hidden).float().log_softmax(-1)


def to_tensors(arrays: Arrays, device: torch.device) -> Tensors:
    """A batch on the device; integers as torch indexes with them."""
    return {k: torch.from_numpy(v).to(device, torch.long if v.dtype.kind == "i" else None) for k, v in arrays.items()}
