"""Reinforced: thoughts are drawn from the model itself, and those that end in the right answer become likelier.

REINFORCE (Williams 1992), each thought compared with the others about the same question (Ahmadian et al. 2024,
2402.14740). Documents without a thought are learned as in causal.py.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from model.objectives.batch import Arrays, Tensors, to_tensors
from model.objectives.causal import Causal
from model.objectives.writing import write_on
from tasks.corpus import NONE, Documents, pack
from tasks.settings import require
from tasks.vocabulary import END, PAD, SEPARATOR


@dataclass(frozen=True)
class Reinforced(Causal):
    """
    input     [begin]  f  A  r  [separator]  and on: what the model writes, `samples` times
    reward                                   1 where that ends in: [separator] A r B [end]

    Of a document that thinks (tasks/thoughts.py), only the question and its answer are used.
    """

    needs_trained = True

    samples: int = 8
    """thoughts drawn for each question"""
    longest: int = 32
    """most tokens in one"""
    strength: float = 1.0
    """how much the reward counts beside the loss of the other documents"""

    def __post_init__(self):
        require(self.samples >= 2, "objective.samples", self.samples, "2 or more: they are compared")
        require(self.longest >= 1, "objective.longest", self.longest, "1 or more")
        require(0 < self.strength < np.inf, "objective.strength", self.strength, "above 0")

    def max_length(self, length: int) -> int:
        return length + self.longest

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        thinks = (documents.tokens == END).any(1)
        asks = documents[thinks]
        joins = asks.tokens == SEPARATOR
        at = np.arange(asks.tokens.shape[1])
        first = np.where(joins, at, at.size).min(1, keepdims=True, initial=at.size)
        last = np.where(joins, at, -1).max(1, keepdims=True, initial=-1)
        question, conclusion = part(asks, at <= first), part(asks, (at >= last) & (at < asks.lengths[:, None]))
        return super().prepare(documents[~thinks], rng) | {
            "questions": question.tokens,
            "question_lengths": question.lengths,
            "conclusions": conclusion.tokens,
            "conclusion_lengths": conclusion.lengths,
        }

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        loss, denominator = super().loss(modules, batch)
        if not len(batch["questions"]):
            return loss, denominator
        return loss + self.strength * self.regret(modules, batch), denominator

    def regret(self, modules: nn.ModuleDict, batch: Tensors) -> Tensor:
        """What has the gradient of minus the expected reward, summed over the questions."""
        tokens, lengths, conclusions, ends = (
            np.repeat(batch[name].cpu().numpy(), self.samples, axis=0)
            for name in ("questions", "question_lengths", "conclusions", "conclusion_lengths")
        )
        asks = np.arange(tokens.shape[1]) < lengths[:, None]
        texts = pack(tokens.astype(np.int32), np.full(tokens.shape, NONE, np.int8), asks)
        said = write_on(self, modules, texts, self.longest, sample=True)
        reward = concludes(said, conclusions, ends).reshape(-1, self.samples)
        better = (reward - reward.mean(1, keepdims=True)) * self.samples / (self.samples - 1)
        columns = np.concatenate([tokens, said], axis=1)
        own = np.concatenate([np.zeros_like(asks), said != PAD], axis=1)
        whole = pack(columns.astype(np.int32), own.astype(np.int8), np.concatenate([asks, said != PAD], axis=1))
        rows, places = np.nonzero(whole.roles)  # what the model said itself
        written = {"tokens": whole.tokens, "lengths": whole.lengths, "at": rows * whole.tokens.shape[1] + places - 1}
        device = batch["tokens"].device
        logits = modules["network"].logits(self.hidden(modules, to_tensors(written, device))).float()
        to = to_tensors({"said": whole.tokens[rows, places], "better": better.ravel()[rows].astype(np.float32)}, device)
        surprise = F.cross_entropy(logits, to["said"], reduction="none")
        return (to["better"] * surprise).sum() / self.samples


def part(documents: Documents, present: np.ndarray) -> Documents:
    return pack(documents.tokens, documents.roles, present)


def concludes(said: np.ndarray, conclusions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """1.0 where what was said[n, w] ends in the conclusion[n, c] of so many tokens, else 0.0."""
    written = (said != PAD).sum(1)
    at = np.arange(conclusions.shape[1])
    place = written[:, None] - lengths[:, None] + at
    same = np.take_along_axis(said, np.clip(place, 0, said.shape[1] - 1), 1) == conclusions
    return ((same | (at >= lengths[:, None])).all(1) & (written >= lengths)).astype(np.float64)
