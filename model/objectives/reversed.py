"""Reversed: half of the documents are read right to left, tokens turned round (Golovneva et al. 2024, 2403.13799).

There each document is read both ways and nothing says which; here each half is read one way, as many documents in
all, and a direction token says so unless `direction` is off. A name of several tokens survives only where entities
are kept whole. Without a sign that a document is turned, its statements read as false ones by the same word, unless
names stand apart by a delimiter (Kitouni et al. 2024).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from model.objectives.batch import Arrays, Tensors, flipped, real, reorder
from model.objectives.causal import Causal
from model.objectives.contract import Objective
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, SOURCE, TARGET, Documents, Questions, pack
from tasks.settings import require
from tasks.vocabulary import DELIMITER, FORWARD, MASK, REVERSED


@dataclass(frozen=True)
class Reversed(Objective):
    """
    document  [begin]  f  a1 a2  r  B  f

    input     [begin]  [reversed]  f  B  r  a1 a2  f        by entity; by token: … B  r  a2 a1 …
    target       .         .       B  r  a1 a2  .  .

    Asked "left-to-right", as in the paper, or in its "own-order": the question turned as documents are.
    """

    unit: Literal["entity", "token", "segment"] = "entity"
    """what keeps its order: the tokens of an entity, none, or those of segments of random length"""
    longest_segment: int = 3
    """most tokens in those segments"""
    direction: bool = True
    """whether [forward] or [reversed] stands first"""
    delimiter: bool = False
    """whether [delimiter] stands after each entity of a turned document"""

    def __post_init__(self):
        require(self.longest_segment >= 1, "objective.longest_segment", self.longest_segment, "1 or more")
        used = self.unit == "segment" or self.longest_segment == Reversed.longest_segment
        require(used, "objective.longest_segment", self.longest_segment, "left out unless objective.unit is 'segment'")

    def max_length(self, length: int) -> int:
        return length + self.direction + (length if self.delimiter else 0)

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        turn = rng.permuted(np.arange(len(documents)) % 2 == 1)
        return Causal().prepare(self.marked(documents, turn, self.starts(documents, rng)), rng)

    def starts(self, documents: Documents, rng: np.random.Generator) -> np.ndarray:
        """Where a unit starts that keeps its order, bool[b, t]."""
        if self.unit == "token":
            return np.ones(documents.tokens.shape, bool)
        if self.unit == "entity":
            return entity_starts(documents)
        ends = rng.integers(1, self.longest_segment + 1, documents.tokens.shape).cumsum(1)
        starts = np.zeros(documents.tokens.shape, bool)
        row, j = np.nonzero(ends < documents.tokens.shape[1])
        starts[row, ends[row, j]] = True
        return starts

    def marked(self, documents: Documents, turn: np.ndarray, starts: np.ndarray) -> Documents:
        """The documents, those to `turn`[b] turned by the units that start at `starts`[b, t], all with their signs."""
        t = documents.tokens.shape[1]
        at, unit = np.arange(t), starts.cumsum(1)
        key = np.where(turn[:, None], at - unit * t, at)
        key[:, 0] = -t * t - 1
        turned = reorder(documents, np.argsort(np.where(real(documents), key, t + at), axis=1, kind="stable"))
        # Between tokens j and j + 1 there is room for a sign: of direction after the first, a delimiter after others.
        tokens, roles, present = (np.repeat(array, 2, axis=1) for array in (turned.tokens, turned.roles, real(turned)))
        roles[:, 1::2] = NONE
        tokens[:, 1], tokens[:, 3::2] = np.where(turn, REVERSED, FORWARD), DELIMITER
        is_entity = np.isin(turned.roles, (SOURCE, TARGET))
        ends = is_entity & np.pad(entity_starts(turned), ((0, 0), (0, 1)), constant_values=True)[:, 1:]
        present[:, 1::2] = ends & turn[:, None] if self.delimiter else False
        present[:, 1] = self.direction
        return pack(tokens, roles, present)

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def asked(self) -> dict[str, Objective]:
        return {"left-to-right": LeftToRight(**vars(self)), "own-order": self}

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        every = np.ones_like(questions.documents.roles, bool)
        starts = every if self.unit == "token" else entity_starts(questions.documents)
        return self.ask_of(questions, given, np.ones(len(questions), bool), starts)

    def ask_of(self, questions: Questions, given: np.ndarray, turn: np.ndarray, starts: np.ndarray) -> Arrays | None:
        documents = self.marked(questions.documents, turn, starts)
        start = (documents.tokens == MASK).argmax(1).astype(np.int32)
        return Causal().ask(replace(questions, documents=documents, start=start), given)

    def spoken(self, questions: Questions, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return flipped(names, sizes) if self.unit == "token" else names


@dataclass(frozen=True)
class LeftToRight(Reversed):
    """The same model, asked as documents are told."""

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays | None:
        as_told = np.zeros(len(questions), bool)
        return self.ask_of(questions, given, as_told, entity_starts(questions.documents))

    def spoken(self, questions: Questions, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return names


def entity_starts(documents: Documents) -> np.ndarray:
    """True at every token but those that go on with a name, bool[b, t]."""
    is_name, starts = np.isin(documents.roles, (SOURCE, TARGET)), np.ones(documents.roles.shape, bool)
    starts[:, 1:] = ~(is_name[:, 1:] & (documents.roles[:, 1:] == documents.roles[:, :-1]))
    return starts
