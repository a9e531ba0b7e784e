"""Statements as questions: one of their ends left open, with both chances beside it."""

from dataclasses import dataclass

import numpy as np

from tasks.corpus import SOURCE, TARGET, Documents, Questions, blank
from tasks.statements import Statements, Writer

FIRST, LAST = 0, 1  # the slots of a statement


@dataclass(frozen=True)
class Asker:
    """`support`[q, m, s] and `needs`[q, m]: what the answers follow from; `untold` bool[2, word, entity]: who belongs
    in the first or last slot of a word without being seen there in training."""

    writer: Writer
    untold: np.ndarray
    support: np.ndarray
    needs: np.ndarray
    rng: np.random.Generator

    def ask(self, slot: int, stated: Statements, said: np.ndarray | None = None) -> Questions:
        """What stands in the `slot` of each statement, or, where `said`[q] is given, how often that entity is said."""
        full = self.writer.write(stated, np.arange(len(stated))[:, None], self.rng)
        start, size = span(full, TARGET if slot else SOURCE)
        right = (stated.target if slot else stated.source) if said is None else said
        # The open span tells the name's length: chances are among names of it.
        sizes = self.writer.entities.lengths
        of_size = sizes[:, None] == np.arange(sizes.max() + 1)
        left = self.untold[slot].astype(np.int64) @ of_size
        fits = self.untold[slot, stated.word, right] & (sizes[right] == size)
        by_elimination = fits / np.maximum(left[stated.word, size], 1)
        accepted = right[:, None].astype(np.int32)
        questions, chance = blank(full, start, size), 1 / of_size.sum(0)[size]
        turned = self.turned(stated) if slot == LAST else None
        return Questions(questions, start, size, accepted, self.support, self.needs, chance, by_elimination, turned)

    def turned(self, stated: Statements) -> Documents:
        """The statements by the other word, the first entity open."""
        rows, rng = np.arange(len(stated))[:, None], np.random.default_rng(0)
        full = self.writer.write(stated.turned(), rows, rng, filled=False)
        return blank(full, *span(full, SOURCE))


@dataclass(frozen=True)
class OneWay(Asker):
    """Asks statements that have no other way round."""

    def turned(self, stated: Statements) -> Documents | None:
        return None


def own_first(accepted: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The same sets `accepted`[q, a] (-1 where fewer) with `own`[q] in front, which tables show."""
    front = accepted == own[:, None]
    order = np.argsort(np.where(accepted < 0, 2, ~front), axis=1, kind="stable")
    return np.take_along_axis(accepted, order, 1)


def span(documents: Documents, role: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the tokens of a role start, and how many there are, in documents of one statement."""
    there = documents.roles == role
    return there.argmax(1).astype(np.int32), there.sum(1, dtype=np.int32)
