"""Masked copy: a causal model is given a document with tokens masked, then repeats it unmasked.

So next-token training, too, predicts a masked token from both sides (masked finetuning, 2510.09885; Coda-Forno, Wang
& Chaudhry 2026, 2604.04943).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from model.objectives.batch import Batch, Tensors, fill_in, flat_positions
from model.objectives.causal import Causal
from model.objectives.masking import Masking
from model.visibility import CAUSAL, Visibility
from tasks.common.segments import concatenate, of_documents, special
from tasks.corpus import NONE, Cloze, Documents
from tasks.vocabulary import END, MASK


@dataclass(frozen=True)
class MaskedCopy(Masking):
    """
    input     [begin]  f  [mask]  r  B  f  [end]  f  A  r  B  f
    target       .     .     .    .  .  .    .    A  .  .  .  .      targets masked
    target       .     .     .    .  .  .    .    A  r  B  .  .      targets all

    Any question can be asked: its open span is masked in the copy, and the tokens left of it are repeated.
    """

    summary = "a causal model is given a document with tokens masked, then repeats it unmasked"

    targets: Literal["masked", "all"] = "masked"
    """targets in the repetition: tokens that were masked, or all of a statement; those that were not masked can be
    copied, and are also learned from the left alone, as in next-token prediction"""

    def max_length(self, document_length: int) -> int:
        return 2 * document_length

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        is_masked = self.is_masked(documents.roles, rng)
        if self.targets == "masked":
            documents = replace(documents, roles=np.where(is_masked, documents.roles, np.int8(NONE)))
        return Causal().make_batch(behind_masked_copy(documents, is_masked), rng)

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        filled, position = fill_in(cloze, prefix)
        documents = behind_masked_copy(filled, cloze.documents.tokens == MASK)
        # In the repetition, [end] is in the position of [begin]. A token is predicted one position left of it.
        logit_position = cloze.documents.lengths + position - 1
        return {
            "tokens": documents.tokens,
            "lengths": documents.lengths,
            "logit_positions": flat_positions(logit_position, documents.tokens.shape[1]),
        }


def behind_masked_copy(documents: Documents, is_masked: np.ndarray) -> Documents:
    """The documents without [begin], behind a copy in which `is_masked`[b, t] is masked, and [end]."""
    copy = replace(documents, tokens=np.where(is_masked, np.int32(MASK), documents.tokens))
    return concatenate(
        of_documents(copy, roles=NONE),
        special(END, np.ones(len(documents), bool)),
        of_documents(documents, np.arange(is_masked.shape[1]) > 0),
    )
