"""What an objective is: one way of factorising a document, for training and for asking alike.

The loop knows `prepare` and `loss`, evaluation knows `answer`, `log_probability` and `score`; a question is
asked by the class that trained, so the two cannot drift apart. `prepare`, `visibility` and `ask` are all that
the two shortest objectives, causal.py and masked.py, say; the rest has a default here. What others override:

    another order, such as right to left    prepare and ask turn the tokens (a direction token: max_length too)
    any order                               prepare adds `positions`; loss and ask hand them to the network
    prefix visibility                       prepare adds how far it reaches; visibility is "explicit"
    a masked copy in the prompt             max_length doubles; prepare and ask put the copy in front
    a loss weighted by 1/t                  prepare adds `weights`; loss uses them, and what could have been
                                            masked as its denominator
    a second tower or head                  parts makes it; loss and ask use it
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.objectives.batch import Arrays, Tensors, to_tensors
from model.settings import NetworkSettings
from model.visibility import Visibility
from tasks.corpus import Documents, Entities, Questions
from tasks.vocabulary import PAD


class Objective(ABC):
    """Base of the settings dataclasses in this folder: fields are settings, methods the contract."""

    def parts(self, settings: NetworkSettings) -> dict[str, nn.Module]:
        """Further towers or heads, by name; they join the network in `modules`."""
        return {}

    def max_length(self, length: int) -> int:
        """Tokens in what `prepare` or `ask` makes of documents of `length` tokens."""
        return length

    @abstractmethod
    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        """A batch: `tokens` [b, t], `lengths` [b] and `targets` [n], the tokens to predict, which the loop counts;
        for the default loss also `at` [n], the place that predicts each, counted through [b, t] and rising."""

    @abstractmethod
    def visibility(self, batch: Tensors) -> Visibility:
        """Who sees whom in a batch that `prepare` or `ask` made."""

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """The summed loss in nats, and its denominator: the number of targets."""
        network = modules["network"]
        hidden = network(batch["tokens"], self.visibility(batch), at=batch["at"])
        targets = batch["targets"]
        return F.cross_entropy(network.logits(hidden).float(), targets, reduction="sum"), len(targets)

    @abstractmethod
    def ask(self, modules: nn.ModuleDict, questions: Questions, given: np.ndarray) -> Tensor | None:
        """Log-probabilities [q, v] of token j of each answer span, the first j being `given`[q, j].

        None where the objective has no way to ask such a question.
        """

    @torch.no_grad()
    def log_probabilities(
        self, modules: nn.ModuleDict, tokens: np.ndarray, lengths: np.ndarray, place: np.ndarray
    ) -> Tensor:
        """log p[q, v] that the network gives at `place`[q] of documents tokens[q, t]; what `ask` is made with."""
        network = modules["network"]
        b, t = tokens.shape
        arrays = {"tokens": tokens, "lengths": lengths, "at": np.arange(b) * t + place}
        batch = to_tensors(arrays, network.head.weight.device)
        hidden = network(batch["tokens"], self.visibility(batch), at=batch["at"])
        return network.logits(hidden).float().log_softmax(-1)

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
