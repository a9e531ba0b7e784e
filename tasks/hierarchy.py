"""The hierarchy world: categories in trees, what each of them is told to have, and what it inherits from those above.

A link says `B is-a A`, by the inverse word `A includes B`: of a parent and its children only, never across a level. A
property says `A has-colour V`, by the inverse word `V colour-of A`: of the category that owns it, though all below
inherit it. Every relation can have several wordings.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.corpus import Corpus
from tasks.hierarchy_asking import Asking
from tasks.hierarchy_context import InheritInContext, Throwaway
from tasks.hierarchy_forest import Forest, words
from tasks.hierarchy_telling import Telling, Ways
from tasks.settings import require
from tasks.statements import in_documents
from tasks.written import Named


@dataclass(frozen=True)
class Hierarchy(Named, InheritInContext):
    """A semantic hierarchy of made-up words (after Lampinen et al. 2025a, 2505.00661), as a from-scratch task.

    B is one of the children of A, C and D of those of B; A owns V, B owns W, each value is owned once. Some facts are
    told of all who inherit them, as examples, the others of none; what is told in one wording only is told so of them,
    too. Of D, one of the categories that are set apart and own nothing, only the link is told. Links to one parent are
    told alike.

        documents    [begin] f B is-a A f            a link; those of all categories are told
                     [begin] A has-colour V          a property; those of all owners are told
                     [begin] f V colour-of A f       the inverse, for some properties and some parents' links
                     [begin] B has-colour V          what is inherited, for some properties

        stated       [begin] A has-colour _ f        as told: V
        rephrased    [begin] A has-colour-2 _        told in another wording only: V
        reversed     [begin] f V colour-of _         told only as `A has-colour V`: A
                     [begin] A includes _            its children told only as `… is-a A`: all of them are right
        inherited    [begin] B has-colour _ f        an example, as told: V
        similar      [begin] D has-colour _          never told of D, but of all its like, as examples: V
        syllogism    [begin] C has-food _            told of no heir; from `C is-a B` and `B has-food W`: W
        chain        [begin] C has-sound _           told of no heir; from `C is-a B`, `B is-a A` and what A owns
        holdout      [begin] f D has-food _ f        as syllogism, of what is set apart
        holdout_chain   …                            as chain, of what is set apart

    `similar` can be had without an inference, from how like D is to those of which it is told; the four that follow
    cannot: were examples told of some heirs of every fact, closed-book answers would come from there.

    Chance is that of a guess among all entities with names of the answer's length. By elimination: for `rephrased` and
    `reversed`, among those that are right for that word, though training never says so; for the last five,
    among all values of that relation, none of which training shows behind that category; none for what is told.
    """

    HELD_OUT: ClassVar = ("rephrased", "reversed", "similar", "syllogism", "chain", "holdout", "holdout_chain")
    BY_WORD: ClassVar = ("rephrased", "reversed")
    WATCHED: ClassVar = ("inherited", "syllogism")
    MEANING: ClassVar = {
        "stated": "A has-colour _    as it was told",
        "rephrased": "A has-colour-2 _  in a wording that was never told of it",
        "reversed": "V colour-of _     the other way round, never told",
        "inherited": "B has-colour _    inherited, and told as an example",
        "similar": "D has-colour _    inherited, told of all like it and not of it",
        "syllogism": "C has-food _      inherited over one link, told of no heir",
        "chain": "C has-sound _     the same, over two links or more",
        "holdout": "D has-food _      as syllogism, of categories of which only a link is told",
        "holdout_chain": "D has-sound _     as chain, of such categories",
    }

    trees: int = 36
    """trees of categories"""
    branching: int = 3
    """children of each category that has any"""
    depth: int = 2
    """levels below the roots: links that an inherited property can be away"""
    relations: int = 4
    """relations of properties, beside `is-a`"""
    properties: int = 1
    """facts that each category owns, each of a relation that none above it owns"""
    holdout: float = 0.4
    """share of the lowest categories that own nothing, and of which nothing is told but their link"""
    inherited: float = 0.5
    """share of the facts with heirs, level by level, that are told of all these but of the set apart, as examples"""
    two_way: float = 0.5
    """share of each relation's facts told by the inverse word, too"""
    wordings: int = 2
    """words for the same relation, and as many for its inverse"""
    once: float = 0.6
    """share of each relation's facts told in one wording only; the others are told in all"""

    def __post_init__(self):
        super().__post_init__()
        for name in ("trees", "branching", "depth", "properties", "wordings"):
            require(getattr(self, name) >= 1, f"task.{name}", getattr(self, name), "1 or more")
        least = self.properties * (self.depth + 1)
        enough = f"{least} (task.properties a level) or more: no category owns a relation that one above it owns"
        require(self.relations >= least, "task.relations", self.relations, enough)
        for name in ("holdout", "inherited", "two_way", "once"):
            require(0 <= getattr(self, name) <= 1, f"task.{name}", getattr(self, name), "0 to 1")
        least = 2 * self.context_facts
        enough = not self.in_context or self.context_own or self.trees >= least
        each = f"{least} or more, two a fact in context: each entity from another tree (or give task.context_own)"
        require(enough, "task.trees", self.trees, each)

    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings and `seed`."""
        rng, relations = np.random.default_rng([seed, 0]), words(self.relations, self.wordings, self.depth)
        forest = Forest.grow(self.trees, self.branching, self.depth, self.relations, self.properties, self.holdout, rng)
        named = len(forest) + len(forest.owner) + self.context_own
        vocabulary, writer = self.vocabulary_and_writer(relations, named, self.enough_pieces(named), rng)

        ways = Ways.of(forest.facts(), self.wordings, self.once, self.two_way, rng)
        telling = Telling.tell(forest, ways, self.relations, self.wordings, self.inherited, rng)
        order = in_documents(len(telling.stated), self.renderings, self.statements, rng)
        documents, asking = writer.write(telling.stated, order, rng), Asking(telling, writer, order, self.renderings)
        throwaway = Throwaway.of(self, writer, self.depth, self.relations, self.wordings, forest)
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=relations,
            documents=documents,
            questions=asking.questions(rng),
            longest=self.longest(2 * self.longest_name + 1),
            premises=telling.prompts(writer),
            drawn=self.drawn(throwaway.draw),
            inferences=asking.inferences,
        )
        return self.divided(corpus, self.HELD_OUT, seed)
