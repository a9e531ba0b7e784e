"""Reinforced: chains of thought are sampled from the model, and those that end in the right answer become likelier.

REINFORCE (Williams 1992), where each chain of thought is compared with the others about the same question (Ahmadian et
al. 2024, 2402.14740). Documents without a chain of thought are learned as in causal.py.
"""

import math
from dataclasses import dataclass

import numpy as np

from config.validation import require, require_at_least
from model.objectives.batch import Batch, Tensors, to_tensors
from model.objectives.causal import Causal
from model.objectives.decoding import generate
from model.torch_types import ModuleDict, Tensor
from tasks.common.segments import Segment, concatenate, of_documents
from tasks.corpus import NONE, TARGET, Documents
from tasks.vocabulary import END, PAD, SEPARATOR


@dataclass(frozen=True)
class Reinforced(Causal):
    """
    input     [begin]  f  A  r  [separator]  and on: what the model generates, `samples` times
    reward                                   1 where that ends in: [separator] A r B [end]

    Of a document with a chain of thought (tasks/common/chain_of_thought.py), only question and answer are used.
    """

    summary = "chains of thought are sampled from the model, and those that end in the right answer become likelier"
    needs_trained_model = True

    samples: int = 8
    """chains of thought sampled for each question"""
    max_tokens: int = 32
    """maximum of tokens in one"""
    reward_weight: float = 1.0
    """weight of the rewards relative to the loss of the other documents"""

    def __post_init__(self):
        require(self.samples >= 2, "objective.samples", self.samples, "2 or more: they are compared")
        require_at_least(self, "objective", 1, "max_tokens")
        require(0 < self.reward_weight < math.inf, "objective.reward_weight", self.reward_weight, "above 0")

    def max_length(self, document_length: int) -> int:
        return document_length + self.max_tokens

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        has_chain = (documents.tokens == END).any(1)
        questions, conclusions = split_ends(documents[has_chain])
        return super().make_batch(documents[~has_chain], rng) | {
            "questions": questions.tokens,
            "question_lengths": questions.lengths,
            "conclusions": conclusions.tokens,
            "conclusion_lengths": conclusions.lengths,
        }

    def loss(self, modules: ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        loss, denominator = super().loss(modules, batch)
        if not len(batch["questions"]):
            return loss, denominator
        return loss + self.reward_weight * self.policy_loss(modules, batch), denominator

    def policy_loss(self, modules: ModuleDict, batch: Tensors) -> Tensor:
        """A loss with the gradient of minus the expected reward, summed over the questions."""
        import torch

        prompts, conclusions, conclusion_lengths = self.repeat_for_samples(batch)
        with torch.no_grad():
            generated = generate(self, modules, prompts, self.max_tokens, sample=True)
        advantage = self.advantage(ends_in(generated, conclusions, conclusion_lengths))
        cross_entropy, sample = self.cross_entropy(modules, prompts, generated)
        weights = torch.from_numpy(advantage[sample].astype(np.float32)).to(cross_entropy.device)
        return (weights * cross_entropy).sum() / self.samples

    def repeat_for_samples(self, batch: Tensors) -> tuple[Documents, np.ndarray, np.ndarray]:
        """Prompts, conclusions[n, c] and their lengths[n], each question `samples` times in a row."""
        tokens, lengths, conclusions, conclusion_lengths = (
            np.repeat(batch[key].cpu().numpy(), self.samples, axis=0)
            for key in ("questions", "question_lengths", "conclusions", "conclusion_lengths")
        )
        is_token = np.arange(tokens.shape[1]) < lengths[:, None]
        return concatenate(Segment(tokens, is_token)), conclusions, conclusion_lengths

    def advantage(self, reward: np.ndarray) -> np.ndarray:
        """Each reward[n] minus the mean of the other samples of its question, float[n]."""
        reward = reward.reshape(-1, self.samples)
        return ((reward - reward.mean(1, keepdims=True)) * self.samples / (self.samples - 1)).ravel()

    def cross_entropy(
        self, modules: ModuleDict, prompts: Documents, generated: np.ndarray
    ) -> tuple[Tensor, np.ndarray]:
        """The cross-entropy of all generated tokens, in nats, and which sample each belongs to: [m] each."""
        from torch.nn import functional as F

        whole = concatenate(of_documents(prompts, roles=NONE), Segment(generated, generated != PAD, TARGET))
        sample, position = np.nonzero(whole.roles == TARGET)
        query = {
            "tokens": whole.tokens,
            "lengths": whole.lengths,
            "logit_positions": sample * whole.tokens.shape[1] + position - 1,
            "targets": whole.tokens[sample, position],
        }
        batch = to_tensors(query, next(modules.parameters()).device)
        logits = modules["network"].logits(self.target_hidden(modules, batch)).float()
        return F.cross_entropy(logits, batch["targets"], reduction="none"), sample


def split_ends(documents: Documents) -> tuple[Documents, Documents]:
    """Of documents with a chain of thought: up to the first [separator], and from the last one on."""
    t = documents.tokens.shape[1]
    position, is_separator = np.arange(t), documents.tokens == SEPARATOR
    first = np.where(is_separator, position, t).min(1, keepdims=True, initial=t)
    last = np.where(is_separator, position, -1).max(1, keepdims=True, initial=-1)
    questions = concatenate(of_documents(documents, position <= first))
    return questions, concatenate(of_documents(documents, position >= last))


def ends_in(generated: np.ndarray, conclusions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """1.0 where generated[n, w] ends in the first lengths[n] tokens of conclusions[n, c], else 0.0."""
    num_generated = (generated != PAD).sum(1)
    j = np.arange(conclusions.shape[1])
    position = (num_generated - lengths)[:, None] + j  # [n, c], where each token of the conclusion must be
    is_equal = np.take_along_axis(generated, np.clip(position, 0, generated.shape[1] - 1), 1) == conclusions
    is_conclusion = (is_equal | (j >= lengths[:, None])).all(1)
    return (is_conclusion & (num_generated >= lengths)).astype(np.float64)
