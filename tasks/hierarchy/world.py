"""The forest: trees of categories, the facts that they own, and what they inherit from those above.

To add a property: a word in PROPERTIES.
"""

from dataclasses import dataclass

import numpy as np

from tasks.common.statements import Statements

LINK_WORDS = ("is-a", "includes")
PROPERTIES = ("colour", "shape", "sound", "food", "home", "gait", "smell", "season", "size", "skin", "taste", "age")
IS_A, INCLUDES = 0, 1  # both words of a link, in the first wording


def hierarchy_words(relations: int, wordings: int, depth: int) -> tuple[str, ...]:
    """All relation words, each with its inverse behind it, except for the last ones.

    Links come first, then the properties. Each further wording repeats them all, with its number behind them.
    At the end stand the words of episodes for 2 to `depth` + 1 levels up: `is2-a`, `is3-a`, …, which have no inverse.
    """
    names = (*PROPERTIES, *(f"trait{i}" for i in range(len(PROPERTIES), relations)))[:relations]
    first_wording = (*LINK_WORDS, *(word for name in names for word in (f"has-{name}", f"{name}-of")))
    further = tuple(f"{word}-{k}" for k in range(2, wordings + 1) for word in first_wording)
    return first_wording + further + tuple(f"is{levels}-a" for levels in range(2, depth + 2))


def words_per_wording(relations: int) -> int:
    """Relation words of one wording: two for links, and two for each relation of properties."""
    return 2 * (1 + relations)


def property_word(relation: np.ndarray | int) -> np.ndarray | int:
    """The forward word of a relation of properties, in the first wording."""
    return 2 * (1 + relation)


@dataclass(frozen=True)
class Inheritance:
    """All that categories inherit, one inherited fact a row."""

    heir: np.ndarray
    """int[q], the category"""
    fact: np.ndarray
    """int[q], what it inherits: a row of Forest.facts()"""
    premises: np.ndarray
    """int[q, depth + 1], what that follows from, as rows of Forest.facts(): links upwards, then the fact; -1 where
    fewer"""

    def is_chain(self) -> np.ndarray:
        """bool[q], whether the fact is owned two links away or more."""
        return (self.premises >= 0).sum(1) > 2


@dataclass(frozen=True)
class Forest:
    """Categories, tree by tree, and each tree level by level. The value of property f is entity c + f."""

    trees: int
    branching: int
    """children of each category that has any"""
    parent: np.ndarray
    """int[c], -1 for roots"""
    level: np.ndarray
    """int[c], 0 for roots"""
    held_out: np.ndarray
    """bool[c], leaves that own nothing; no document states what they inherit. All others own equally many facts"""
    owner: np.ndarray
    """int[f], the category that owns each property, in ascending order"""
    relation: np.ndarray
    """int[f], the relation of each property"""

    @staticmethod
    def draw(
        trees: int,
        branching: int,
        depth: int,
        relations: int,
        properties: int,
        holdout_share: float,
        rng: np.random.Generator,
    ) -> "Forest":
        """Draws a forest in which all inner categories have `branching` children, and each owns so many `properties`.

        `holdout_share`: the share of the leaves that are held out.
        """
        level_sizes = branching ** np.arange(depth + 1)
        tree_size = level_sizes.sum()
        level = np.tile(np.repeat(np.arange(depth + 1), level_sizes), trees)
        parent_in_tree = (np.arange(tree_size) - 1) // branching
        first_of_tree = tree_size * np.arange(trees)[:, None]
        parent = np.where(parent_in_tree < 0, -1, parent_in_tree + first_of_tree).ravel()
        leaves = np.flatnonzero(level == depth)
        held_out = np.zeros(len(parent), bool)
        held_out[rng.permutation(leaves)[: round(holdout_share * len(leaves))]] = True
        owns = draw_owned_relations(parent, level, relations, properties, rng)
        owns[held_out] = False
        return Forest(trees, branching, parent, level, held_out, *np.nonzero(owns))

    def __len__(self) -> int:
        """Categories."""
        return len(self.parent)

    @property
    def tree_size(self) -> int:
        """Categories of one tree."""
        return len(self) // self.trees

    def facts(self) -> Statements:
        """The link of each category to its parent, then all properties; by the forward words of the first wording."""
        child = np.flatnonzero(self.parent >= 0)
        value = len(self) + np.arange(len(self.owner))
        links = Statements(child, np.full_like(child, IS_A), self.parent[child])
        return links + Statements(self.owner, property_word(self.relation), value)

    def inheritance(self) -> Inheritance:
        """What each category inherits: first from its parent, then from that one's parent, and so on."""
        depth, links = int(self.level.max()), len(self) - self.trees
        # Rows of facts(): the properties of each category, [c, properties], and its link to its parent, [c].
        owned = np.full((len(self), len(self.owner) // (~self.held_out).sum()), -1)
        owned[~self.held_out] = links + np.arange(len(self.owner)).reshape(-1, owned.shape[1])
        link = (self.parent >= 0).cumsum() - 1
        heirs, facts, premises = [], [], []
        # The ancestor reached so far, [c], and the links on the way to it, [c, depth + 1].
        ancestor, path = np.arange(len(self)), np.full((len(self), depth + 1), -1)
        for links_up in range(depth):
            heir = np.flatnonzero(self.level > links_up)
            path[heir, links_up] = link[ancestor[heir]]
            ancestor[heir] = self.parent[ancestor[heir]]
            fact = owned[ancestor[heir]]  # [heirs, properties]
            rows = np.repeat(path[heir], fact.shape[1], axis=0)
            rows[:, links_up + 1] = fact.ravel()
            heirs.append(np.repeat(heir, fact.shape[1]))
            facts.append(fact.ravel())
            premises.append(rows)
        return Inheritance(np.concatenate(heirs), np.concatenate(facts), np.concatenate(premises))

    def children(self, parent: np.ndarray) -> np.ndarray:
        """The children of inner categories [q]: int[q, branching]."""
        first_of_tree = parent[:, None] // self.tree_size * self.tree_size
        first_child = parent[:, None] % self.tree_size * self.branching + 1
        return first_of_tree + first_child + np.arange(self.branching)


def draw_owned_relations(
    parent: np.ndarray, level: np.ndarray, relations: int, properties: int, rng: np.random.Generator
) -> np.ndarray:
    """The relations of which each category owns a property, bool[c, r]: so many `properties` a category.

    No category owns a relation that an ancestor owns. So it inherits one value of a relation at most.
    """
    is_free, owns = np.ones((len(parent), relations), bool), np.zeros((len(parent), relations), bool)
    for depth in range(level.max() + 1):
        categories = np.flatnonzero(level == depth)
        if depth:
            is_free[categories] = is_free[parent[categories]] & ~owns[parent[categories]]
        order = np.where(is_free[categories], rng.random((len(categories), relations)), 2).argsort(1)
        owns[categories[:, None], order[:, :properties]] = True
    return owns
