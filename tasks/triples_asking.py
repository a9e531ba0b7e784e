"""Facts of a file as questions: every right answer, and both chances beside them."""

from dataclasses import dataclass, replace

import numpy as np

from tasks.asking import FIRST, LAST, own_first, span
from tasks.corpus import SOURCE, TARGET, Documents, Questions, blank
from tasks.statements import Statements, Writer, places


@dataclass(frozen=True)
class Answers:
    """All true statements, by source and word: `key` int[n] in order, and the `target` of each."""

    entities: int
    key: np.ndarray
    target: np.ndarray

    @staticmethod
    def of(true: Statements, entities: int) -> "Answers":
        key = true.word * entities + true.source
        order = np.lexsort((true.target, key))
        return Answers(entities, key[order], true.target[order])

    def span(self, source: np.ndarray, word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the answers of each question begin, and how many there are."""
        begin, end = (np.searchsorted(self.key, word * self.entities + source, side) for side in ("left", "right"))
        return begin, end - begin

    def to(self, source: np.ndarray, word: np.ndarray) -> np.ndarray:
        """The entities that stand last after each source and word, int32[q, a], -1 where fewer."""
        begin, count = self.span(source, word)
        column = np.arange(count.max(initial=0))
        there = column < count[:, None]
        return np.where(there, self.target[np.where(there, begin[:, None] + column, 0)], -1).astype(np.int32)

    def true(self, statements: Statements) -> np.ndarray:
        """Whether each statement is true, bool of its shape."""
        known = self.key * self.entities + self.target
        asked = (statements.word * self.entities + statements.source) * self.entities + statements.target
        return known[np.minimum(np.searchsorted(known, asked), len(known) - 1)] == asked


@dataclass(frozen=True)
class Unseen:
    """Who belongs in one slot of a word and is never seen there in training: `key` in order, and how many a word."""

    entities: int
    key: np.ndarray
    count: np.ndarray

    @staticmethod
    def of(slot: int, true: Statements, told: Statements, entities: int, words: int) -> "Unseen":
        belongs, seen = (one.word * entities + (one.target if slot == LAST else one.source) for one in (true, told))
        key = np.setdiff1d(belongs, seen)
        return Unseen(entities, key, np.bincount(key // entities, minlength=words))

    def chance(self, word: np.ndarray, accepted: np.ndarray) -> np.ndarray:
        """Of guessing an accepted entity among them."""
        fits = np.isin(word[:, None] * self.entities + accepted, self.key) & (accepted >= 0)
        return fits.sum(1) / np.maximum(self.count[word], 1)


@dataclass(frozen=True)
class SetAsker:
    """`unseen`, for the first and the last slot; each question accepts a set of entities."""

    writer: Writer
    unseen: tuple[Unseen, Unseen]
    rng: np.random.Generator

    def ask(
        self, slot: int, stated: Statements, accepted: np.ndarray, needs: np.ndarray, support: np.ndarray
    ) -> Questions:
        """What stands in the `slot` of each statement."""
        full = self.write(stated, self.rng)
        start, size = span(full, TARGET if slot == LAST else SOURCE)
        chance = (accepted >= 0).sum(1) / len(self.writer.entities)
        turned = None
        if slot == LAST:
            turned = self.write(stated.turned(), np.random.default_rng(0), filled=False)
            turned = blank(turned, *span(turned, SOURCE))
        by_elimination = self.unseen[slot].chance(stated.word, accepted)
        questions = blank(full, start, size)
        return Questions(questions, start, size, accepted, support, needs, chance, by_elimination, turned)

    def write(self, stated: Statements, rng: np.random.Generator, filled: bool = True) -> Documents:
        return self.writer.write(stated, np.arange(len(stated))[:, None], rng, filled)


def once_a_set(stated: Statements, one_way: np.ndarray, entities: int) -> np.ndarray:
    """Of the statements that are told `one_way`, bool[n], the first of each word and target: their inverse is one
    question."""
    rows = np.flatnonzero(one_way)
    return rows[np.sort(np.unique(stated.word[rows] * entities + stated.target[rows], return_index=True)[1])]


def questions(
    asker: SetAsker, answers: Answers, stated: Statements, rows: np.ndarray, support: np.ndarray, most: int
) -> dict[str, Questions]:
    """The questions of each split about the statements `rows`[q], where at most `most` answers are right, with the
    documents `support`[q, 1, s] that hold them."""
    told, inverse = stated[rows], stated[rows].turned()
    a, r, b = told.ends()
    sources = own_first(answers.to(b, inverse.word), a)
    swapped = Statements(*np.broadcast_arrays(b[:, None], r[:, None], sources))
    wrong = own_first(np.where(answers.true(swapped), np.int32(-1), sources), a)
    few = answers.span(a, r)[1] <= most
    targets = np.full((len(rows), 1), -1, np.int32)
    if few.any():
        found = own_first(answers.to(a[few], r[few]), b[few])
        targets = np.full((len(rows), found.shape[1]), -1, np.int32)
        targets[few] = found
    splits = {
        "forward": (LAST, told, targets),
        "backward": (FIRST, told, sources),
        "inverse": (LAST, inverse, sources),
        "wrong_frame": (LAST, Statements(b, r, a), wrong),
    }
    found = {}
    for split, (slot, asked, accepted) in splits.items():
        at = np.flatnonzero(accepted[:, 0] >= 0)
        if len(at):
            found[split] = asker.ask(slot, asked[at], accepted[at], rows[at, None].astype(np.int32), support[at])
    return found


def inferences(
    asker: SetAsker, answers: Answers, stated: Statements, order: np.ndarray, renderings: int, most: int
) -> Questions:
    """Every statement that documents tell, turned round, where at most `most` answers are right."""
    turned = stated.turned()
    rows = np.flatnonzero(answers.span(turned.source, turned.word)[1] <= most)
    asked = turned[rows]
    accepted = own_first(answers.to(asked.source, asked.word), asked.target)
    support = places(order, rows, renderings)[:, None]
    asker = replace(asker, rng=np.random.default_rng(0))  # so that it asks the same whenever it is called
    return asker.ask(LAST, asked, accepted, rows[:, None].astype(np.int32), support)
