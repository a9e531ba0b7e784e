"""Documents that state throwaway facts and ask them again at once, so that a model learns to use its context.

Such facts are drawn for one document: they are never of the world, nor the reverse of one that is, and answer nothing
that is asked closed book (Lampinen et al. 2025b, 2509.16189: retrieval helps only models that were trained so). Which
facts stand together is new each time; a single pairing can come again in a long run, by chance.
"""

from dataclasses import dataclass, replace

import numpy as np

from tasks.anew import DrawnAnew, distinct, one_after_another, only_answers, pick
from tasks.corpus import Documents, Drawn
from tasks.settings import require
from tasks.statements import Statements, Writer


@dataclass(frozen=True, kw_only=True)
class InContext(DrawnAnew):
    """Settings of every task that can draw such documents."""

    context_facts: int = 4
    """most facts in one; each is then asked, in its own words or turned round"""
    context_least: int = 1
    """fewest facts in one: how many there are is drawn between the two"""
    context_hubs: float = 0.5
    """share of them whose facts all have one entity in common, so that the relation matters too"""

    def __post_init__(self):
        super().__post_init__()
        require(0 <= self.context_hubs <= 1, "task.context_hubs", self.context_hubs, "0 to 1")
        require(self.context_facts >= 1, "task.context_facts", self.context_facts, "1 or more")
        fewest = 1 <= self.context_least <= self.context_facts
        require(fewest, "task.context_least", self.context_least, f"1 to task.context_facts ({self.context_facts})")
        enough = self.context_own == 0 or self.context_own >= 2 * self.context_facts
        require(enough, "task.context_own", self.context_own, f"0, or {2 * self.context_facts} (two a fact) or more")

    def statements_drawn(self) -> int:
        """Statements in the longest such document, 0 where none is drawn."""
        return 2 * self.context_facts if self.in_context else 0


@dataclass(frozen=True, kw_only=True)
class FactsInContext(InContext):
    """Settings of tasks whose documents state facts that have nothing to do with one another."""

    context_rising: int | None = None
    """steps over which the most facts in one rise from the fewest; None: they are the same from the start"""
    context_asked: int | None = None
    """times each fact is asked, every time all in another order; None: once"""

    def __post_init__(self):
        super().__post_init__()
        for name in ("context_rising", "context_asked"):
            given = getattr(self, name)
            require(given is None or given >= 1, f"task.{name}", given, "1 or more")
        rises = self.context_rising is None or self.context_least < self.context_facts
        above = "left out where task.context_least is task.context_facts"
        require(rises, "task.context_rising", self.context_rising, above)

    def statements_drawn(self) -> int:
        return (1 + (self.context_asked or 1)) * self.context_facts if self.in_context else 0

    def throwaway(self, throwaway: "Throwaway") -> Drawn | None:
        """Its documents as a corpus has them."""
        fewest = self.context_least if self.context_rising else self.context_facts
        # Only the documents' settings change: what a whole task needs beside them was checked where it was made.
        stages = (
            replace(throwaway, settings=replace(self, context_facts=most, context_rising=None))
            for most in range(fewest, self.context_facts + 1)
        )
        return self.drawn(*(stage.draw for stage in stages), rising=self.context_rising)


@dataclass(frozen=True)
class Throwaway:
    """Draws documents of facts that the world does not hold.

        [begin] A r B [separator] f C q' D f [separator] B r' A [separator] C q' D …

    Only the last entity of a statement that asks has a role, so it alone is ever a target. `truth`[r, e] is the
    entity that relation r leads to from e, -1 for none; `pool` are the entities that such facts are about.
    """

    settings: FactsInContext
    writer: Writer
    truth: np.ndarray
    pool: np.ndarray

    def draw(self, n: int, rng: np.random.Generator) -> Documents:
        """`n` documents."""
        most = self.settings.context_facts
        told = self.facts(n, rng)
        told = told.turned(rng.random((n, most)) < 0.5)
        facts = rng.integers(self.settings.context_least, most + 1, (n, 1))
        there = np.arange(most) < facts
        # In another order and, as a rule, each once: what was answered before would only have to be copied.
        asked = [self.again(told, there, rng) for _ in range(self.settings.context_asked or 1)]
        every = one_after_another(told, *asked)
        rows = np.arange(len(every)).reshape(n, -1)
        rows[~np.tile(there, 1 + len(asked))] = -1
        return only_answers(self.writer.write(every, rows, rng, rng.random(n) < self.settings.context_filler), facts)

    def again(self, told: Statements, there: np.ndarray, rng: np.random.Generator) -> Statements:
        """The facts that are `there`[n, m] in another order, half of them turned round."""
        order = np.where(there, rng.random(there.shape), 1).argsort(1)
        return Statements(*(pick(part, order) for part in told.ends())).turned(rng.random(there.shape) < 0.5)

    def facts(self, n: int, rng: np.random.Generator) -> Statements:
        """`context_facts` facts for each of n documents, by the forward word: no two of a document answer the same
        question, and none is one of the world."""
        most, relations = self.settings.context_facts, len(self.truth)
        entity = self.pool[distinct(n, len(self.pool), 2 * most, rng)]
        source, target = entity[:, :most], entity[:, most:]
        relation = rng.integers(relations, size=(n, most))
        if 2 * relations >= most:  # a hub takes part in each relation once on either side
            hub = rng.random((n, 1)) < self.settings.context_hubs
            sides = rng.permuted(np.tile(np.arange(2 * relations), (n, 1)), axis=1)[:, :most]
            there, other = np.broadcast_to(entity[:, :1], source.shape), target
            relation = np.where(hub, sides // 2, relation)
            source = np.where(hub, np.where(sides % 2, other, there), source)
            target = np.where(hub, np.where(sides % 2, there, other), target)
        true = (self.truth[relation, source] == target).any(1)
        if true.any():
            anew = self.facts(int(true.sum()), rng)
            source[true], relation[true], target[true] = anew.source, anew.word // 2, anew.target
        return Statements(source, 2 * relation, target)
