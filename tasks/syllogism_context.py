"""Documents that state throwaway premises and draw conclusions from them at once, so that a model learns to reason
from its context (Lampinen et al. 2025b, 2509.16189). What one states is not true in the world."""

from dataclasses import dataclass

import numpy as np

from tasks.anew import DrawnAnew, alike_lines, distinct, one_after_another, only_answers, pick
from tasks.corpus import Documents
from tasks.settings import require
from tasks.statements import Statements, Writer
from tasks.syllogism_chains import ALL, QUANTIFIERS, Chains, conclusion_word, premise_word


@dataclass(frozen=True, kw_only=True)
class ChainsInContext(DrawnAnew):
    """Settings of a task of chains that can draw such documents."""

    context_facts: int = 4
    """most premises in one (1 to this many, at random), in chains of any length that the world has, or alone"""
    context_concluded: float = 0.85
    """share of the premises behind the first of a chain instead of which a conclusion that ends there is asked"""
    context_first: float = 0.35
    """share of the premises that begin a chain of two or more which are asked"""
    context_misled: float = 0.25
    """share of them that also tell a class to be near one that no premise is about"""
    context_alike: float = 0.75
    """share of them with two chains or more, all of one length (of two premises or more) and one quantifier, so that
    no word leads to the right one; none where `context_facts` are below 4"""
    context_all: float = 0.6
    """share of its documents with no quantifier but `all`, beside those that draw it: where another one marks the ends
    of chains, a model is long content to guess among the ends"""

    def __post_init__(self):
        super().__post_init__()
        for name in ("context_concluded", "context_first", "context_misled", "context_alike", "context_all"):
            require(0 <= getattr(self, name) <= 1, f"task.{name}", getattr(self, name), "0 to 1")
        few = "2 or more: a conclusion needs two premises"
        require(self.context_facts >= 2, "task.context_facts", self.context_facts, few)
        most = self.context_classes()
        enough = self.context_own == 0 or self.context_own >= most
        require(enough, "task.context_own", self.context_own, f"0, or {most} (two a premise, and one) or more")

    def context_classes(self) -> int:
        """Classes that one such document can be about."""
        return 2 * self.context_facts + 1

    def statements_drawn(self) -> int:
        """Statements in the longest such document, 0 where none is drawn."""
        return 2 * self.context_facts + 1 if self.in_context else 0


@dataclass(frozen=True)
class Throwaway:
    """Draws documents of chains that the world does not have.

        [begin] f B none-are C [separator] D some-are E [separator] A all-are B f [separator] A none2-are C …

    Only the last class of a statement that asks has a role, so it alone is ever a target. No two classes of a
    document are of one chain of the world, so no statement in it can be true there, whatever the words.
    `first`[g] and `count`[g] are the groups of classes of which a document takes one each: the chains of the world,
    or classes of its own; `beside`[e] is the class that the world tells e to be near, -1 for none.
    """

    settings: ChainsInContext
    writer: Writer
    longest: int
    first: np.ndarray
    count: np.ndarray
    beside: np.ndarray

    @staticmethod
    def of(settings: ChainsInContext, writer: Writer, longest: int, chains: Chains) -> "Throwaway":
        entities = len(writer.entities)
        first, count = chains.first, chains.premises + 1
        if settings.context_own:
            first = np.arange(entities - settings.context_own, entities)
            count = np.ones(len(first), np.int64)
        near = chains.near(0)
        beside = np.full(entities, -1)
        beside[near.source] = near.target
        return Throwaway(settings, writer, longest, first, count, beside)

    def draw(self, n: int, rng: np.random.Generator) -> Documents:
        """`n` documents."""
        most = self.settings.context_facts
        classes, place = self.classes(n, rng), np.arange(most)
        alike = (rng.random((n, 1)) < self.settings.context_alike) & (most >= 4)
        facts, begins, ends = self.spans(alike, rng)
        kind = rng.integers(len(QUANTIFIERS), size=(n, most))
        kind = np.where(rng.random((n, 1)) < self.settings.context_all, ALL, np.where(alike, kind[:, :1], kind))
        kind = pick(kind, begins)
        word = premise_word(kind, begins == place, ends == place)
        at = place + (begins == place).cumsum(1) - 1  # a chain takes one class more than it has premises
        told = Statements(pick(classes, at), word, pick(classes, at + 1))
        aside, there = self.aside(classes, begins, at, facts, rng)

        # Each premise but the first of a chain is asked, or a conclusion that ends where it does. In another order, and
        # each once: what was answered before would only have to be copied.
        inside = begins < place
        conclude = inside & (rng.random((n, most)) < self.settings.context_concluded)
        back = 1 + (rng.random((n, most)) * (place - begins)).astype(int)
        start = np.where(conclude, place - back, place)
        drawn = conclusion_word(premise_word(kind, start == begins, place == ends), place - start + 1)
        again = Statements(pick(told.source, start), drawn, told.target)
        asks = (place < facts) & (inside | (ends == place) | (rng.random((n, most)) < self.settings.context_first))
        asked = np.where(asks, rng.random((n, most)), 1).argsort(1)
        every = one_after_another(told, aside, Statements(*(pick(part, asked) for part in again.ends())))
        rows = np.arange(len(every)).reshape(n, -1)
        stated = np.concatenate([place < facts, there], axis=1)
        order = np.where(stated, rng.random(stated.shape), 1).argsort(1)  # any order, what is not stated last
        rows[:, most + 1 :] = np.where(pick(asks, asked), rows[:, most + 1 :], -1)
        rows[:, : most + 1] = np.where(pick(stated, order), pick(rows, order), -1)
        documents = self.writer.write(every, rows, rng, rng.random(n) < self.settings.context_filler)
        return only_answers(documents, stated.sum(1, keepdims=True))

    def classes(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """As many as a document can need, int[n, m], no two of one group."""
        m = self.settings.context_classes()
        group = distinct(n, len(self.first), m, rng)
        return self.first[group] + (rng.random((n, m)) * self.count[group]).astype(int)

    def spans(self, alike: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How many premises a document has, int[n, 1], and the first and the last of the chain of each of
        `context_facts` premises, int[n, m]. Chains of any length follow one another and the last is cut off where the
        premises end; where `alike`[n, 1], there are two whole ones or more, of one length."""
        n, most = len(alike), self.settings.context_facts
        facts, length = rng.integers(1, most + 1, (n, 1)), rng.integers(1, self.longest + 1, (n, most))
        same, chains = alike_lines(n, self.longest, most, rng)
        facts, length = np.where(alike, chains * same, facts), np.where(alike, same, length)
        begins = np.zeros((n, most), np.int64)
        for j in range(1, most):
            here = begins[:, j - 1]
            begins[:, j] = np.where(j - here < length[np.arange(n), here], here, j)
        ends = begins + pick(length, begins) - 1
        return facts, begins, np.minimum(ends, np.maximum(facts - 1, begins))

    def aside(
        self, classes: np.ndarray, begins: np.ndarray, at: np.ndarray, facts: np.ndarray, rng: np.random.Generator
    ) -> tuple[Statements, np.ndarray]:
        """One neutral statement a document, either way round, and where it is told, bool[n, 1]."""
        n = len(classes)
        premise = (rng.random((n, 1)) * facts).astype(int)
        a, b = pick(classes, pick(at, pick(begins, premise))), classes[:, -1:]
        there = (rng.random((n, 1)) < self.settings.context_misled) & (self.beside[a] != b)
        turn, near = rng.random((n, 1)) < 0.5, np.full((n, 1), len(QUANTIFIERS) * self.longest)
        return Statements(np.where(turn, b, a), near, np.where(turn, a, b)), there
