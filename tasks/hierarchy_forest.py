"""Trees of categories, the facts that they own, and what follows from them. Arrays only.

To add a property: a word here.
"""

from dataclasses import dataclass

import numpy as np

from tasks.statements import Statements

IS_A = ("is-a", "includes")
PROPERTIES = ("colour", "shape", "sound", "food", "home", "gait", "smell", "season", "size", "skin", "taste", "age")


def words(relations: int, wordings: int, depth: int) -> tuple[str, ...]:
    """`is-a` and the properties, each with its inverse behind it; as many again for each further wording, told apart
    by a number behind them; then what throwaway documents say across 2 to `depth` + 1 levels, `is2-a`, …,
    which has no inverse and is there whether such documents are drawn or not."""
    names = (*PROPERTIES, *(f"trait{i}" for i in range(len(PROPERTIES), relations)))[:relations]
    first = (*IS_A, *(word for name in names for word in (f"has-{name}", f"{name}-of")))
    again = tuple(f"{word}-{k}" for k in range(2, wordings + 1) for word in first)
    return first + again + tuple(f"is{k}-a" for k in range(2, depth + 2))


@dataclass(frozen=True)
class Forest:
    """Categories, tree by tree, each tree level by level: `parent` (-1 for roots), `level`, int[c], and `apart`,
    bool[c], those that own nothing and of which nothing inherited is ever told. All others own as many facts each:
    `owner` and `relation`, int[f], in the order of the categories. The value of fact f is entity c + f."""

    trees: int
    branching: int
    parent: np.ndarray
    level: np.ndarray
    apart: np.ndarray
    owner: np.ndarray
    relation: np.ndarray

    @staticmethod
    def grow(
        trees: int, branching: int, depth: int, relations: int, properties: int, apart: float, rng: np.random.Generator
    ) -> "Forest":
        """All inner categories have `branching` children. No category owns a relation that one above it owns, so
        whatever it inherits, it has one value of each."""
        wide = branching ** np.arange(depth + 1)
        level = np.tile(np.repeat(np.arange(depth + 1), wide), trees)
        above = (np.arange(wide.sum()) - 1) // branching
        parent = np.where(above < 0, -1, above + wide.sum() * np.arange(trees)[:, None]).ravel()
        leaves = np.flatnonzero(level == depth)
        is_apart = np.zeros(len(parent), bool)
        is_apart[rng.permutation(leaves)[: round(apart * len(leaves))]] = True
        free, owns = np.ones((len(parent), relations), bool), np.zeros((len(parent), relations), bool)
        for here in (np.flatnonzero(level == one) for one in range(depth + 1)):
            if level[here[0]]:
                free[here] = free[parent[here]] & ~owns[parent[here]]
            chosen = np.where(free[here], rng.random((len(here), relations)), 2).argsort(1)[:, :properties]
            owns[here[:, None], chosen] = True
        owns[is_apart] = False
        return Forest(trees, branching, parent, level, is_apart, *np.nonzero(owns))

    def __len__(self) -> int:
        return len(self.parent)

    def facts(self) -> Statements:
        """The link of each category to its parent, then what categories own; by the forward words, first wording."""
        child = np.flatnonzero(self.parent >= 0)
        value = len(self) + np.arange(len(self.owner))
        links = Statements(child, np.zeros_like(child), self.parent[child])
        return links + Statements(self.owner, 2 * (1 + self.relation), value)

    def inherited(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Who inherits which fact, int[q] each, and the rows of all facts that this follows from, int[q, depth + 1]:
        links upwards, then what is owned there; -1 where fewer."""
        depth, links = int(self.level.max()), len(self) - self.trees
        own = np.full((len(self), len(self.owner) // (~self.apart).sum()), -1)
        own[~self.apart] = links + np.arange(len(self.owner)).reshape(-1, own.shape[1])
        link = (self.parent >= 0).cumsum() - 1
        heirs, facts, needs = [], [], []
        above, path = np.arange(len(self)), np.full((len(self), depth + 1), -1)
        for up in range(depth):
            heir = np.flatnonzero(self.level > up)
            path[heir, up] = link[above[heir]]
            above[heir] = self.parent[above[heir]]
            fact = own[above[heir]]
            need = np.repeat(path[heir], fact.shape[1], axis=0)
            need[:, up + 1] = fact.ravel()
            heirs.append(np.repeat(heir, fact.shape[1]))
            facts.append(fact.ravel())
            needs.append(need)
        return np.concatenate(heirs), np.concatenate(facts), np.concatenate(needs)

    def children(self, parent: np.ndarray) -> np.ndarray:
        """int[q, branching]"""
        size = len(self) // self.trees
        return parent[:, None] // size * size + parent[:, None] % size * self.branching + 1 + np.arange(self.branching)
