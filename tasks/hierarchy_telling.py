"""How the facts of a forest are told: in which wordings, both ways or one way, and which examples of inheritance."""

from dataclasses import dataclass

import numpy as np

from tasks.corpus import Premises
from tasks.hierarchy_forest import Forest
from tasks.statements import Statements, Writer


@dataclass(frozen=True)
class Ways:
    """How each fact is told: in its `wording`, int[n], in that one alone where `once`, and by the inverse word too
    where `both`, bool[n]. All links to one parent are told alike, so that no answer is told of a set that is asked."""

    wording: np.ndarray
    once: np.ndarray
    both: np.ndarray

    @staticmethod
    def of(facts: Statements, wordings: int, once: float, two_way: float, rng: np.random.Generator) -> "Ways":
        """As evenly as can be over relations, and of those told once over wordings too."""
        told_as = np.where(facts.word == 0, facts.target, facts.source.max() + 1 + np.arange(len(facts)))
        _, first, group = np.unique(told_as, return_index=True, return_inverse=True)
        relation = facts.word[first] // 2
        place, size = ranks(relation, rng)
        is_once = place < np.round(once * size)
        other, _ = ranks(relation, rng)
        both = other < np.round(two_way * size)
        return Ways((place % wordings)[group], is_once[group], both[group])


def ranks(kind: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The place of each in a random order of those of its kind, and how many these are, int[n]."""
    order, size = np.lexsort((rng.random(len(kind)), kind)), np.bincount(kind)
    place = np.empty(len(kind), np.int64)
    place[order] = np.arange(len(kind)) - (size.cumsum() - size)[kind[order]]
    return place, size[kind]


@dataclass(frozen=True)
class Telling:
    """`premises`: each fact once, by its forward word and in its own wording; `heirs`: what categories inherit, in the
    wording of the fact; `of` int[q], which that is, and `needs` int[q, m], all it follows from; `example` bool[q],
    whether that fact has heirs of which it is told, and `told` bool[q], whether this is one. `stated`: all that
    training tells; `about` int[n], which fact that is, -1 for what is inherited."""

    forest: Forest
    ways: Ways
    wordings: int
    words: int
    premises: Statements
    heirs: Statements
    of: np.ndarray
    needs: np.ndarray
    example: np.ndarray
    told: np.ndarray
    stated: Statements
    about: np.ndarray

    @staticmethod
    def tell(
        forest: Forest, ways: Ways, relations: int, wordings: int, inherited: float, rng: np.random.Generator
    ) -> "Telling":
        """`inherited`: the share of each level's facts that are told of their heirs, of all that are not set apart."""
        facts, words = forest.facts(), 2 * (1 + relations)
        premises = Statements(facts.source, facts.word + words * ways.wording, facts.target)
        heir, of, needs = forest.inherited()
        heirs = Statements(heir, premises.word[of], premises.target[of])
        may = ~forest.apart[heir]
        left = np.unique(of[may])
        place, size = ranks(forest.level[facts.source[left]], rng)
        example = np.isin(of, left[place < np.round(inherited * size)])
        told = example & may
        both = np.flatnonzero(ways.both)
        first = premises + heirs[told] + premises[both].turned()
        fact = np.concatenate([np.arange(len(facts)), of[told], both])
        about = np.concatenate([np.arange(len(facts)), np.full(told.sum(), -1), both])
        again = np.flatnonzero(~ways.once[fact])
        rows = np.concatenate([np.arange(len(first)), np.tile(again, wordings - 1)])
        later = np.concatenate([np.zeros(len(first), np.int64), np.repeat(np.arange(1, wordings), len(again))])
        stated = reworded(first[rows], later, words, wordings)
        return Telling(forest, ways, wordings, words, premises, heirs, of, needs, example, told, stated, about[rows])

    def prompts(self, writer: Writer) -> Premises:
        """The premises; a link from below leads to what is said of a category."""
        said, first = self.premises, np.full(len(self.forest), -1)
        links = np.flatnonzero(said.word % self.words == 0)[::-1]
        first[said.target[links]] = links
        return Premises(writer.bare(said), np.arange(len(said)), said.word, first[said.source])

    def tellings(self) -> np.ndarray:
        """The rows of `stated` that tell each fact, in whichever words, int[n, w]; -1 where fewer."""
        order = self.about.argsort(kind="stable")
        count = np.bincount(self.about[self.about >= 0], minlength=len(self.premises))
        first = (self.about < 0).sum() + count.cumsum() - count
        column = np.arange(count.max())
        return np.where(column < count[:, None], order[np.minimum(first[:, None] + column, len(order) - 1)], -1)

    def back(self, these: np.ndarray) -> tuple[Statements, np.ndarray]:
        """Of `these` facts, bool[n], those to ask for by the inverse word, so said, and their rows: of the links to
        one parent the first, since all answer it."""
        rows = np.flatnonzero(these)
        rows = rows[np.unique(self.premises.target[rows], return_index=True)[1]]
        return self.premises[rows].turned(), rows

    def reworded(self, rows: np.ndarray, shift: np.ndarray | int) -> Statements:
        """The facts `rows`[q] in the wording that comes `shift`[q] after their own."""
        return reworded(self.premises[rows], shift, self.words, self.wordings)


def reworded(statements: Statements, shift: np.ndarray | int, words: int, wordings: int) -> Statements:
    wording = (statements.word // words + shift) % wordings
    return Statements(statements.source, statements.word % words + words * wording, statements.target)
