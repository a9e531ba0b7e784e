"""Reversed: half of the documents are read right to left, in reversed token order (Golovneva et al. 2024, 2403.13799).

In the paper each document is read both ways, and nothing marks which. Here each half is read one way, as many documents
in all, and a direction token marks it unless `direction` is off. A name of several tokens is preserved only where
entities are kept whole. Without any mark, reversed statements look like false ones by the same word, unless names end
in a delimiter (Kitouni et al. 2024).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from config.validation import require, require_at_least
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, interleave, reorder, reverse_names
from model.objectives.causal import Causal
from model.visibility import CAUSAL, Visibility
from tasks.common.segments import Segment, of_documents
from tasks.corpus import SOURCE, TARGET, Cloze, Documents
from tasks.vocabulary import DELIMITER, FORWARD, MASK, REVERSED


@dataclass(frozen=True)
class Reversed(Objective):
    """
    document  [begin]  f  a1 a2  r  B  f

    input     [begin]  [reversed]  f  B  r  a1 a2  f        by entity; by token: … B  r  a2 a1 …
    target       .         .       B  r  a1 a2  .  .

    Asked "left-to-right", as in the paper, or in its "reversed-order": the question reversed as documents are.
    """

    summary = "half of the documents are read right to left, in reversed token order"

    main_settings: ClassVar = ("unit",)

    unit: Literal["entity", "token", "segment"] = "entity"
    """what keeps its order: the tokens of an entity, none, or those of segments of random length"""
    max_segment_length: int = 3
    """maximum of tokens in those segments"""
    direction: bool = True
    """whether [forward] or [reversed] follows [begin]"""
    delimiter: bool = False
    """whether [delimiter] follows each entity of a reversed document"""

    def __post_init__(self):
        require_at_least(self, "objective", 1, "max_segment_length")
        is_used = self.unit == "segment" or self.max_segment_length == Reversed.max_segment_length
        allowed = "left out unless objective.unit is 'segment'"
        require(is_used, "objective.max_segment_length", self.max_segment_length, allowed)

    def max_length(self, document_length: int) -> int:
        return document_length + self.direction + (document_length if self.delimiter else 0)

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        is_reversed = rng.permuted(np.arange(len(documents)) % 2 == 1)
        starts = self.draw_segments(documents, rng) if self.unit == "segment" else self.unit_starts(documents)
        return Causal().make_batch(self.with_markers(reverse_units(documents, is_reversed, starts), is_reversed), rng)

    def draw_segments(self, documents: Documents, rng: np.random.Generator) -> np.ndarray:
        """Where a segment of random length starts, bool[b, t]."""
        starts = np.zeros(documents.tokens.shape, bool)
        # [b, t], as many as segments of one token would need; those behind the last position are left out.
        start = rng.integers(1, self.max_segment_length + 1, starts.shape).cumsum(1)
        document, j = np.nonzero(start < starts.shape[1])
        starts[document, start[document, j]] = True
        return starts

    def unit_starts(self, documents: Documents) -> np.ndarray:
        """Where a unit that keeps its order starts, bool[b, t]. Questions have no segments: entities are kept."""
        return np.ones(documents.tokens.shape, bool) if self.unit == "token" else entity_starts(documents)

    def with_markers(self, documents: Documents, is_reversed: np.ndarray) -> Documents:
        """The documents with a direction token; where `is_reversed`[b], with a delimiter behind each entity."""
        markers = np.full(documents.tokens.shape, DELIMITER, np.int32)
        markers[:, 0] = np.where(is_reversed, REVERSED, FORWARD)
        present = entity_ends(documents) & is_reversed[:, None] & self.delimiter
        present[:, 0] = self.direction
        return interleave(of_documents(documents), Segment(markers, present))

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def query_modes(self) -> dict[str, Objective]:
        return {"left-to-right": LeftToRight(**vars(self)), "reversed-order": self}

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        return self.query_in_order(cloze, prefix, is_reversed=True)

    def query_in_order(self, cloze: Cloze, prefix: np.ndarray, is_reversed: bool) -> Batch | None:
        """The query with all questions in reversed order, or none."""
        reverse = np.full(len(cloze), is_reversed)
        documents = reverse_units(cloze.documents, reverse, self.unit_starts(cloze.documents))
        documents = self.with_markers(documents, reverse)
        start = (documents.tokens == MASK).argmax(1).astype(np.int32)
        return Causal().make_query(Cloze(documents, start, cloze.size), prefix)

    def to_decoding_order(self, cloze: Cloze, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return reverse_names(names, sizes) if self.unit == "token" else names


@dataclass(frozen=True)
class LeftToRight(Reversed):
    """The same model, asked in the order of documents that are not reversed."""

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        return self.query_in_order(cloze, prefix, is_reversed=False)

    def to_decoding_order(self, cloze: Cloze, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return names


def reverse_units(documents: Documents, is_reversed: np.ndarray, starts: np.ndarray) -> Documents:
    """The documents; where `is_reversed`[b], with the units that start at `starts`[b, t] in reversed order."""
    t = documents.tokens.shape[1]
    position, unit = np.arange(t), starts.cumsum(1)
    # Sorted by key, later units come first, and positions of one unit keep their order.
    key = np.where(is_reversed[:, None], position - unit * t, position)
    key[:, 0] = -t * t - 1  # [begin] stays first, and padding last
    key = np.where(documents.is_token(), key, t + position)
    return reorder(documents, np.argsort(key, axis=1, kind="stable"))


def entity_starts(documents: Documents) -> np.ndarray:
    """True at every token but those that continue a name, bool[b, t]."""
    is_name, starts = np.isin(documents.roles, (SOURCE, TARGET)), np.ones(documents.roles.shape, bool)
    starts[:, 1:] = ~(is_name[:, 1:] & (documents.roles[:, 1:] == documents.roles[:, :-1]))
    return starts


def entity_ends(documents: Documents) -> np.ndarray:
    """True at the last token of each name, bool[b, t]."""
    is_name, ends = np.isin(documents.roles, (SOURCE, TARGET)), np.ones(documents.roles.shape, bool)
    ends[:, :-1] = entity_starts(documents)[:, 1:]
    return is_name & ends
