"""Documents that state throwaway links and properties and draw on them at once, so that a model learns to inherit in
its context (Lampinen et al. 2025b, 2509.16189). What one states is not true in the world."""

from dataclasses import dataclass

import numpy as np

from tasks.anew import alike_lines, distinct, one_after_another, only_answers, pick
from tasks.corpus import Documents
from tasks.hierarchy_forest import Forest
from tasks.in_context import InContext
from tasks.settings import require
from tasks.statements import Statements, Writer


@dataclass(frozen=True, kw_only=True)
class InheritInContext(InContext):
    """Settings of a task of categories that can draw such documents."""

    context_facts: int = 4
    """most facts in one, in lines of links, most of them up to a property; each is then asked once"""
    context_inherited: float = 0.9
    """share of the facts with a category further down their line which are asked of such a one: what it inherits or,
    where a line has links alone, who is so far above it"""
    context_rephrased: float = 0.25
    """share of the facts that are asked in another wording (across levels there is but one)"""
    context_turned: float = 0.5
    """share of the facts asked by the inverse word, where they are not asked of a category further down"""
    context_told_turned: float = 0.1
    """share of the facts that are stated by the inverse word"""
    context_hubs: float = 0.1
    """share of them with one line, whose categories have other properties too, so that the relation matters"""
    context_alike: float = 0.85
    """share of the others with two lines or more, all of one length and up to one relation, so that only the links lead
    to the right value; none where `context_facts` are below 4 (`context_least` is that of the other documents)"""
    context_links: float = 0.6
    """share of these with links alone, which ask by a word of its own for who is two levels up (with 6 facts or more
    also three): where the word of a property marks the ends of lines, a model is long content to guess among them"""

    def __post_init__(self):
        super().__post_init__()
        shares = ("inherited", "rephrased", "turned", "told_turned", "alike", "links")
        for name in (f"context_{share}" for share in shares):
            require(0 <= getattr(self, name) <= 1, f"task.{name}", getattr(self, name), "0 to 1")


@dataclass(frozen=True)
class Throwaway:
    """Draws documents of categories that the world does not have in these places.

        [begin] B is-a A f [separator] D has-food W [separator] A has-colour V f [separator] B has-colour V [separator]
        A includes B [separator] W food-of D

    or, with links alone,

        [begin] B is-a A [separator] C is-a B [separator] E is-a D … [separator] C is2-a A [separator] …

    Only the last entity of a statement that asks has a role, so it alone is ever a target. No two entities of a
    document are of one tree of the world, so no statement in it can be true there, nor follow. `categories` and
    `values`, each (first, count) int[g], are those of which it takes one a group: trees, or entities of its own.
    """

    settings: InheritInContext
    writer: Writer
    depth: int
    relations: int
    wordings: int
    categories: tuple[np.ndarray, np.ndarray]
    values: tuple[np.ndarray, np.ndarray]

    @staticmethod
    def of(settings: InheritInContext, writer: Writer, depth: int, relations: int, wordings: int, forest: Forest):
        size = len(forest) // forest.trees
        count = np.bincount(forest.owner // size, minlength=forest.trees)
        categories = size * np.arange(forest.trees), np.full(forest.trees, size)
        values = len(forest) + count.cumsum() - count, count
        if settings.context_own:
            own = len(writer.entities) - settings.context_own + np.arange(settings.context_own)
            categories = values = own, np.ones_like(own)
        return Throwaway(settings, writer, depth, relations, wordings, categories, values)

    def draw(self, n: int, rng: np.random.Generator) -> Documents:
        """`n` documents."""
        by, most = self.settings, self.settings.context_facts
        place, hub = np.arange(most), rng.random((n, 1)) < by.context_hubs
        alike = ~hub & (rng.random((n, 1)) < by.context_alike) & (most >= 4)
        facts, begins, ends = self.lines(hub, alike, rng)
        at = place + (begins == place).cumsum(1) - 1  # a line takes one entity more than it has facts
        lowest = pick(at, begins)
        # What a hub's first line has beside it: properties of its categories, each of another relation.
        beside = hub & (begins > 0) & (place < self.relations)
        lowest = np.where(beside, 0, lowest)
        owner = np.where(beside, (rng.random((n, most)) * (ends[:, :1] + 1)).astype(int), at)
        links = alike & (rng.random((n, 1)) < by.context_links)
        is_property = (ends == place) & ~links
        differ = rng.permuted(np.tile(np.arange(self.relations), (n, 1)), axis=1)[:, place % self.relations]
        relation = rng.integers(self.relations, size=(n, most))
        relation = np.where(hub, differ, np.where(alike, relation[:, :1], relation))
        category, value = self.entities(n, rng)
        target = np.where(is_property, pick(value, at + 1), pick(category, at + 1))
        word = np.where(is_property, 2 * (1 + relation), 0)
        wording = rng.integers(self.wordings, size=(n, most))
        wording = np.where(alike & is_property, wording[:, :1], wording)
        told = Statements(pick(category, owner), self.reworded(word, wording), target)

        heir = (is_property | links) & (owner > lowest) & (rng.random((n, most)) < by.context_inherited)
        below = lowest + (rng.random((n, most)) * (owner - lowest)).astype(int)
        across = 2 * (1 + self.relations) * self.wordings + owner - below - 1
        other = (wording + rng.integers(1, max(2, self.wordings), (n, most))) % self.wordings
        wording = np.where(rng.random((n, most)) < by.context_rephrased, other, wording)
        drawn = np.where(heir & links, across, self.reworded(word, wording))
        asked = Statements(pick(category, np.where(heir, below, owner)), drawn, target)
        asked = asked.turned(~heir & (rng.random((n, most)) < by.context_turned))
        told = told.turned(rng.random((n, most)) < by.context_told_turned)

        # Either in an order of its own, and each once: what was answered before would only have to be copied.
        there = place < facts
        orders = [np.where(there, rng.random((n, most)), 1).argsort(1) for _ in range(2)]
        both = one_after_another(
            *(Statements(*(pick(part, order) for part in one.ends())) for one, order in zip((told, asked), orders))
        )
        rows = np.where(np.tile(there, 2), np.arange(len(both)).reshape(n, -1), -1)
        return only_answers(self.writer.write(both, rows, rng, rng.random(n) < by.context_filler), facts)

    def reworded(self, word: np.ndarray, wording: np.ndarray) -> np.ndarray:
        return word + 2 * (1 + self.relations) * wording

    def entities(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Categories and values, as many as a document can need, int[n, m]: in each column of one group."""
        m = 2 * self.settings.context_facts
        group = distinct(n, len(self.categories[0]), m, rng)
        category, value = (
            first[group] + (rng.random((n, m)) * count[group]).astype(int)
            for first, count in (self.categories, self.values)
        )
        return category, value

    def lines(
        self, hub: np.ndarray, alike: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How many facts a document has, int[n, 1], and the first and the last fact of the line of each of
        `context_facts` facts, int[n, m]. Lines of any length follow one another, in a `hub`[n, 1] one and then single
        facts, and the last is cut off where the facts end; where `alike`[n, 1], there are two whole ones or more, all
        of one length."""
        n, least, most = len(hub), self.settings.context_least, self.settings.context_facts
        facts, length = rng.integers(least, most + 1, (n, 1)), rng.integers(1, self.depth + 2, (n, most))
        same, lines = alike_lines(n, self.depth + 1, most, rng)
        facts, length = np.where(alike, lines * same, facts), np.where(alike, same, length)
        length[:, 1:] = np.where(hub, 1, length[:, 1:])
        first = np.cumsum(length, axis=1) - length
        starts = np.zeros((n, most + 1), bool)
        starts[:, most] = True
        row, column = np.nonzero(first < most)
        starts[row, first[row, column]] = True
        starts[np.arange(n), facts[:, 0]] = True
        place = np.arange(most + 1)
        begins = np.maximum.accumulate(np.where(starts, place, 0), axis=1)[:, :most]
        nexts = np.minimum.accumulate(np.where(starts, place, most)[:, ::-1], axis=1)[:, ::-1]
        return facts, begins, nexts[:, 1:] - 1
