"""Masked: some tokens of a statement are hidden and predicted from all the others (BERT, Devlin et al. 2018)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor, nn

from model.objectives.batch import Arrays, Tensors, fill
from model.objectives.contract import Objective
from model.visibility import Visibility
from tasks.corpus import ROLES, Documents, Questions
from tasks.settings import require
from tasks.vocabulary import MASK, PAD


@dataclass(frozen=True)
class Masked(Objective):
    """
    input     [begin]  f  A  r  [mask]  f     or     [begin]  f  [mask]  r  B  f
    target       .     .  .  .    B     .               .     .    A     .  .  .

    Any question can be asked: its open span is masked, as in training.
    """

    hide: Literal["span", "uniform", "fixed"] = "span"
    """one whole span at random (Coda-Forno et al. 2026), tokens at a rate drawn uniformly for each document
    (MLM-U, Kitouni et al. 2024), or tokens at a fixed rate"""
    spans: tuple[Literal["source", "relation", "target"], ...] = ("source", "target")
    """what may be hidden; nothing else ever is"""
    rate: float = 0.15
    """share of tokens hidden, where hide is 'fixed'"""
    see: Literal["full", "causal"] = "full"
    """what a position sees: all, or only what is left of it, to tell masking from direction"""
    unmask: Literal["confidence", "left-to-right", "at-once"] = "confidence"
    """how an answer of several tokens is decoded: the surest token first, in order, or all in one pass"""

    def __post_init__(self):
        require(0 < self.rate <= 1, "objective.rate", self.rate, "above 0 and at most 1")
        known = bool(self.spans) and set(self.spans) <= set(ROLES)
        require(known, "objective.spans", self.spans, f"one or more of {list(ROLES)}")

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        hidden = self.hidden(documents.roles, rng)
        at = np.flatnonzero(hidden)
        return {
            "tokens": np.where(hidden, np.int32(MASK), documents.tokens),
            "lengths": documents.lengths,
            "at": at,
            "targets": documents.tokens.ravel()[at],
        }

    def hidden(self, roles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which tokens to hide, bool[b, t], of documents whose tokens have roles[b, t]."""
        may = np.isin(roles, [ROLES[name] for name in self.spans])
        if self.hide == "fixed":
            return may & (rng.random(roles.shape) < self.rate)
        if self.hide == "uniform":
            return may & (rng.random(roles.shape) < rng.random((len(roles), 1)))
        starts = may.copy()
        starts[:, 1:] &= roles[:, 1:] != roles[:, :-1]
        span = starts.cumsum(1)
        return may & (span == rng.integers(1, np.maximum(span[:, -1:], 1) + 1))

    def visibility(self, batch: Tensors) -> Visibility:
        return Visibility(self.see, batch["lengths"])

    def ask(self, modules: nn.ModuleDict, questions: Questions, given: np.ndarray) -> Tensor:
        tokens, place = fill(questions, given)
        if self.unmask == "at-once":
            tokens = questions.documents.tokens
        return self.log_probabilities(modules, tokens, questions.documents.lengths, place)

    def answer(self, modules: nn.ModuleDict, questions: Questions) -> np.ndarray:
        if self.unmask != "confidence" or questions.size.max(initial=1) == 1:
            return super().answer(modules, questions)
        return self.unmask_surest_first(modules, questions)

    def unmask_surest_first(self, modules: nn.ModuleDict, questions: Questions) -> np.ndarray:
        """One token of each span a pass, where the model is surest (Ghazvininejad et al. 2019, 1904.09324)."""
        tokens, rows = questions.documents.tokens.copy(), np.arange(len(questions))
        places = questions.start[:, None] + np.arange(questions.size.max())
        inside = places < (questions.start + questions.size)[:, None]
        places = np.where(inside, places, questions.start[:, None])
        still = inside.copy()
        for _ in range(questions.size.max()):
            logp = np.full(places.shape, -np.inf)
            best = np.zeros(places.shape, np.int64)
            for j in range(places.shape[1]):
                seen = self.log_probabilities(modules, tokens, questions.documents.lengths, places[:, j]).max(-1)
                logp[:, j] = np.where(still[:, j], seen.values.cpu(), -np.inf)
                best[:, j] = seen.indices.cpu()
            surest = logp.argmax(1)
            todo = rows[np.isfinite(logp[rows, surest])]
            tokens[todo, places[todo, surest[todo]]] = best[todo, surest[todo]]
            still[todo, surest[todo]] = False
        return np.where(inside, tokens[rows[:, None], places], PAD)
