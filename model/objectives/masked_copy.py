"""Masked copy: a causal model is shown the document with tokens hidden, then writes it whole.

So next-token training, too, predicts a hidden token from both sides (masked finetuning, 2510.09885; Coda-Forno, Wang
& Chaudhry 2026, 2604.04943).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.objectives.batch import Arrays, Tensors, beside, fill, flat, marker, part
from model.objectives.causal import Causal
from model.objectives.hiding import Hiding
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions
from tasks.vocabulary import END, MASK


@dataclass(frozen=True)
class MaskedCopy(Hiding):
    """
    input     [begin]  f  [mask]  r  B  f  [end]  f  A  r  B  f
    target       .     .     .    .  .  .    .    A  .  .  .  .      predict hidden
    target       .     .     .    .  .  .    .    A  r  B  .  .      predict all

    Any question can be asked: its open span is masked in the copy, what stands left of it is repeated.
    """

    predict: Literal["hidden", "all"] = "hidden"
    """what is a target of the clean copy: what was hidden, or every token of a statement; those in sight are copied,
    and recalled from the left alone, as next-token prediction does"""

    def max_length(self, length: int) -> int:
        return 2 * length

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        hidden = self.hidden_tokens(documents.roles, rng)
        if self.predict == "hidden":
            roles = np.where(hidden, documents.roles, np.int8(NONE))
            documents = Documents(documents.tokens, documents.lengths, roles)
        return Causal().prepare(with_copy(documents, hidden), rng)

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        filled, place = fill(questions, given)
        documents = with_copy(filled, questions.documents.tokens == MASK)
        at = questions.documents.lengths + place - 1  # [end] stands where the repetition's [begin] would
        return {"tokens": documents.tokens, "lengths": documents.lengths, "at": flat(at, documents.tokens.shape[1])}


def with_copy(documents: Documents, hidden: np.ndarray) -> Documents:
    """The documents after a copy of them in which `hidden`[b, t] is masked."""
    masked = np.where(hidden, np.int32(MASK), documents.tokens)
    copy = Documents(masked, documents.lengths, np.full_like(documents.roles, NONE))
    everything = np.ones(hidden.shape, bool)
    clean = everything.copy()
    clean[:, 0] = False
    return beside(part(copy, everything), marker(END, everything[:, 0]), part(documents, clean))
