"""Semantic permutation: the chunks of each statement are given in original, reversed or random order, a third of the
documents each (semantic-aware permutation training, Guo et al. 2024, 2403.00758).

The paper cuts sentences into chunks with a language model, draws one of the three orders, and marks none of them. Here
a chunk is what one role takes: the whole source, the relation words, the whole target. A random order can be any of
the six. Filler keeps its place, and so do other statements of the document.
"""

from dataclasses import dataclass

import numpy as np

from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, interleave, reorder
from model.objectives.causal import Causal
from model.visibility import CAUSAL, Visibility
from tasks.common.segments import Segment, of_documents
from tasks.corpus import NONE, Cloze, Documents
from tasks.vocabulary import END, FORWARD, MASK, REVERSED, SEPARATOR

IN_ORIGINAL, IN_REVERSED, IN_RANDOM = range(3)  # the order of a document's chunks


@dataclass(frozen=True)
class SemanticPermutation(Objective):
    """
    document  [begin]  f  a1 a2  r  B  f

    input     [begin]  f  r  B  a1 a2  f        here in random order
    target       .     r  B  a1 a2  .  .

    Asked "left-to-right", as in the paper, or in its "reversed-order": the question reversed as documents are.
    """

    summary = "the parts of a statement in original, reversed or random order"
    scores_in_one_pass = True

    direction: bool = False
    """whether [forward] or [reversed] follows [begin]; a random order has neither"""

    def max_length(self, document_length: int) -> int:
        return document_length + self.direction

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        order = rng.permuted(np.arange(len(documents)) % 3)
        return Causal().make_batch(self.in_order(documents, order, rng.random(documents.tokens.shape)), rng)

    def in_order(self, documents: Documents, order: np.ndarray, random_key: np.ndarray) -> Documents:
        """The documents with their chunks in `order`[b], which is marked where `direction` says so."""
        i, order = np.arange(documents.tokens.shape[1]), order[:, None]
        key = np.select([order == IN_ORIGINAL, order == IN_REVERSED], [i, -i], random_key)
        markers = np.where(order == IN_REVERSED, REVERSED, FORWARD)
        is_marked = (i == 0) & (order != IN_RANDOM) & self.direction
        markers = Segment(np.broadcast_to(markers, is_marked.shape), is_marked)
        return interleave(of_documents(permute_chunks(documents, key)), markers)

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def query_modes(self) -> dict[str, Objective]:
        return {"left-to-right": LeftToRight(**vars(self)), "reversed-order": self}

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        return self.query_in_order(cloze, prefix, IN_REVERSED)

    def query_in_order(self, cloze: Cloze, prefix: np.ndarray, order: int) -> Batch | None:
        """The query with the chunks of all questions in `order`, or none."""
        no_key = np.zeros(cloze.documents.tokens.shape)
        documents = self.in_order(cloze.documents, np.full(len(cloze), order), no_key)
        start = (documents.tokens == MASK).argmax(1).astype(np.int32)
        return Causal().make_query(Cloze(documents, start, cloze.size), prefix)


@dataclass(frozen=True)
class LeftToRight(SemanticPermutation):
    """The same model, asked in the original order."""

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        return self.query_in_order(cloze, prefix, IN_ORIGINAL)


def permute_chunks(documents: Documents, key: np.ndarray) -> Documents:
    """The documents with the chunks of each statement in rising order of `key`[b, i], for chunk i of a document.

    A token outside of statements is a chunk by itself and keeps its position.
    """
    in_statement = (documents.roles != NONE) & ~np.isin(documents.tokens, (SEPARATOR, END))
    same_statement = in_statement[:, 1:] & in_statement[:, :-1]
    same_chunk = same_statement & (documents.roles[:, 1:] == documents.roles[:, :-1])
    statement, chunk = (np.pad(~same, ((0, 0), (1, 0))).cumsum(1) for same in (same_statement, same_chunk))
    # Stable, so tokens of one chunk keep their order.
    return reorder(documents, np.lexsort((np.take_along_axis(key, chunk, 1), statement)))
