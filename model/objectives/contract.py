"""What an objective is: one way of factorising a document, for training and for asking alike.

The loop knows `prepare` and `loss`, evaluation knows `asked`, `answer`, `log_probability` and `score`; a question
is asked by the class that trained, so the two cannot drift apart. `prepare`, `visibility` and `ask` are all that
the two shortest objectives, causal.py and masked.py, say; the rest has a default here. What others override:

    another order of the tokens             prepare and ask turn them; spoken, where names are then said backwards
    any order                               prepare and ask add `positions` and `predict` for the network
    prefix visibility                       prepare adds how far it reaches; visibility is "explicit"
    a copy, a marker or an [end] more       max_length grows
    a loss weighted by 1/t                  prepare adds `weights`, and `could`: what could have been masked
    a second tower or head                  parts makes it; hidden uses it
    several ways of being asked             asked names them, each an objective on the same modules
    a network it makes no sense with        check refuses it by name; needs_trained: it is meant for one that is trained
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

    needs_trained = False  # whether it is meant for a network that is trained already (--from)

    def check(self, settings: NetworkSettings) -> None:
        """Raises SettingError where the network's settings make no sense with this objective."""
        return

    def parts(self, settings: NetworkSettings, words: int, length: int) -> dict[str, nn.Module]:
        """Further towers or heads, by name, for `words` tokens and documents of `length`; they join the network in
        `modules`."""
        return {}

    def max_length(self, length: int) -> int:
        """Tokens in what `prepare` or `ask` makes of documents of `length` tokens."""
        return length

    @abstractmethod
    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        """A batch: `tokens` [b, t], `lengths` [b] and `targets` [n], the tokens to predict, which the loop counts;
        for the default loss also `at` [n], the place that predicts each, counted through [b, t] and rising."""

    def read(self, documents: Documents) -> Arrays:
        """The batch in which whole documents are seen and nothing is asked."""
        return {"tokens": documents.tokens, "lengths": documents.lengths}

    @abstractmethod
    def visibility(self, batch: Tensors) -> Visibility:
        """Who sees whom in a batch that `prepare` or `ask` made."""

    def hidden(self, modules: nn.ModuleDict, batch: Tensors) -> Tensor:
        """What the targets of a batch that `prepare` or `ask` made are predicted from, [n, d]."""
        order = batch.get("positions"), batch.get("predict")
        return modules["network"](batch["tokens"], self.visibility(batch), *order, at=batch["at"])

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """The summed loss in nats, and its denominator: the number of targets, or of those that `could` have been."""
        logits, targets = modules["network"].logits(self.hidden(modules, batch)).float(), batch["targets"]
        if "weights" not in batch:
            return F.cross_entropy(logits, targets, reduction="sum"), len(targets)
        each = F.cross_entropy(logits, targets, reduction="none")
        return (each * batch["weights"]).sum(), int(batch["could"].sum())

    def asked(self) -> "dict[str, Objective]":
        """The ways in which what this trains can be asked, by name, the one that tables show first."""
        return {"as-trained": self}

    @abstractmethod
    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        """The batch that asks for token j of each answer span, the first j being `given`[q, j]: as `prepare` makes
        it, without targets, `at` [q] being the place that says it. None where there is no way to ask."""

    def spoken(self, questions: Questions, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Names [n, k] of `sizes` [n] tokens in the order in which they are said, or from it back: its own inverse."""
        return names

    @torch.no_grad()
    def log_probabilities(self, modules: nn.ModuleDict, asking: Arrays) -> Tensor:
        """log p[n, v] of what stands at the places of a batch that `ask` made."""
        batch = to_tensors(asking, next(modules.parameters()).device)
        return modules["network"].logits(self.hidden(modules, batch)).float().log_softmax(-1)

    def answer(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """What the model says in each answer span, int[q, k], decoded greedily; PAD after the span.

        `candidates` are for objectives that can only choose among names, not write them.
        """
        said = np.zeros((len(questions), 0), np.int64)
        for _ in range(int(questions.size.max(initial=1))):
            asking = self.ask(questions, said)
            if asking is None:
                return None
            best = self.log_probabilities(modules, asking).argmax(-1, keepdim=True)
            said = np.concatenate([said, best.cpu().numpy()], axis=1)
        said = np.where(np.arange(said.shape[1]) < questions.size[:, None], said, PAD)
        return self.spoken(questions, said, questions.size)

    def log_probability(
        self, modules: nn.ModuleDict, questions: Questions, names: np.ndarray, candidates: Entities
    ) -> np.ndarray | None:
        """log p[q] of the whole of names[q, k] as the answer, in nats; tokens beyond the span do not count."""
        names, total = self.spoken(questions, names, questions.size), np.zeros(len(questions), np.float32)
        for j in range(int(questions.size.max(initial=1))):
            asking = self.ask(questions, names[:, :j])
            if asking is None:
                return None
            logp = self.log_probabilities(modules, asking)
            total += np.where(j < questions.size, logp[np.arange(len(names)), names[:, j]].cpu().numpy(), 0)
        return total

    def score(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """log p[q, c] of each candidate's name as the whole answer, in nats; -inf where it has another length
        than the span. Names that begin alike share their passes: there are as many as different beginnings."""
        total = np.full((len(questions), len(candidates)), -np.inf, np.float32)
        for size in np.unique(questions.size):
            rows, fit = np.flatnonzero(questions.size == size), np.flatnonzero(candidates.lengths == size)
            names = self.spoken(questions[rows], candidates.tokens[fit], candidates.lengths[fit])
            total[np.ix_(rows, fit)] = 0
            for j in range(size):
                beginnings, which = np.unique(names[:, :j], axis=0, return_inverse=True)
                for i, beginning in enumerate(beginnings):
                    asking = self.ask(questions[rows], np.tile(beginning, (len(rows), 1)))
                    if asking is None:
                        return None
                    logp = self.log_probabilities(modules, asking)
                    some = np.flatnonzero(which.ravel() == i)
                    total[np.ix_(rows, fit[some])] += logp[:, names[some, j]].cpu().numpy()
        return total
