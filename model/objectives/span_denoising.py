"""Span denoising: an encoder reads a document with spans cut out, a decoder writes them (T5, Raffel et al. 2019)."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from model.objectives.batch import Arrays, Tensors, flat, real
from model.objectives.causal import Causal
from model.objectives.hiding import Hiding
from model.settings import NetworkSettings
from model.transformer import Memory, Transformer
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions, pack
from tasks.vocabulary import MASK, SENTINELS


@dataclass(frozen=True)
class SpanDenoising(Hiding):
    """
    document          [begin]  f  A  r  b1 b2  f

    encoder  input    [begin]  f  A  r  [sentinel-0]  f
    decoder  input    [sentinel-0]  b1  b2
             target        b1       b2   .

    Each run of hidden tokens is one sentinel, which does not tell its length; runs beyond the fourth stay. Any
    question can be asked: its open span is a sentinel.
    """

    def parts(self, settings: NetworkSettings, words: int, length: int) -> dict[str, nn.Module]:
        return {"decoder": Transformer(settings, words, length, crossed=True, headless=True)}

    def max_length(self, length: int) -> int:
        return length + len(SENTINELS)

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        source, written = cut_out(documents, self.hidden_tokens(documents.roles, rng))
        targets = Causal().prepare(written, rng)
        return {
            "tokens": source.tokens,
            "lengths": source.lengths,
            "written": written.tokens,
            "at": targets["at"],
            "targets": targets["targets"],
        }

    def visibility(self, batch: Tensors) -> Visibility:
        return Visibility("full", batch["lengths"])

    def hidden(self, modules: nn.ModuleDict, batch: Tensors) -> Tensor:
        memory = Memory(modules["network"](batch["tokens"], self.visibility(batch)), batch["lengths"])
        return modules["decoder"](batch["written"], CAUSAL, memory=memory, at=batch["at"])

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        source, _ = cut_out(questions.documents, questions.documents.tokens == MASK)
        start = np.full((len(questions), 1), SENTINELS[0], np.int32)
        written = np.concatenate([start, given.astype(np.int32)], axis=1)
        at = np.minimum(given.shape[1], questions.size - 1)
        return {
            "tokens": source.tokens,
            "lengths": source.lengths,
            "written": written,
            "at": flat(at, written.shape[1]),
        }


def cut_out(documents: Documents, hidden: np.ndarray) -> tuple[Documents, Documents]:
    """What is left of the documents without `hidden`[b, t], and what was cut out, both with sentinels."""
    hidden = hidden & real(documents)
    starts = hidden.copy()
    starts[:, 1:] &= ~hidden[:, :-1]
    run = starts.cumsum(1) - 1
    hidden &= run < len(SENTINELS)
    starts &= hidden
    sentinel = np.array(SENTINELS, np.int32)[run.clip(0, len(SENTINELS) - 1)]
    left = pack(np.where(starts, sentinel, documents.tokens), np.where(starts, NONE, documents.roles),
                real(documents) & (starts | ~hidden))  # fmt: skip
    tokens, roles, present = (np.repeat(array, 2, axis=1) for array in (documents.tokens, documents.roles, hidden))
    tokens[:, ::2], roles[:, ::2], present[:, ::2] = sentinel, NONE, starts
    return left, pack(tokens, roles, present)
