"""The hierarchy task: categories in trees, the properties that each of them owns, and those that it inherits."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from config.validation import MAX_FACTS, require, require_at_least, require_at_most, require_share
from tasks.common.names import NameConfig
from tasks.common.statements import StatementWriter
from tasks.corpus import Corpus, EpisodeSchedule
from tasks.hierarchy.documents import HierarchyDocuments, StatementPlan
from tasks.hierarchy.episodes import HierarchyEpisodeConfig, HierarchyEpisodes
from tasks.hierarchy.questions import HierarchyQuestions
from tasks.hierarchy.world import Forest, hierarchy_words, words_per_wording
from tasks.task import Task

MAX_DEPTH = 20  # levels; twice as many children at each are a million


@dataclass(frozen=True, kw_only=True)
class Hierarchy(Task):
    """A semantic hierarchy of made-up words, learned from scratch (after Lampinen et al. 2025a, 2505.00661).

    A link `B is-a A`, by the inverse word `A includes B`, joins a parent and its child, never across a level.
    A property `A has-colour V`, by the inverse word `V colour-of A`, is stated of the category that owns it.
    All categories below inherit it. Each value is owned once. A relation can have several wordings.

    Training states all links and all owned properties. Some leaves are held out: they own nothing, and only their link
    is stated. Some properties are examples: training states them of all other heirs, too, in the same wordings.
    It states the other properties of no heir.

    A document, and a question of each split. B is a child of A; C and D are children of B, and D is held out.
    A has the colour V, an example, and the sound X; B has the food W (f: filler):

        link             [begin] f B is-a A f
        property         [begin] A has-colour V
        inverse          [begin] f V colour-of A f    of two-way facts
        example          [begin] B has-colour V

        stated           [begin] A has-colour _ f     as stated: V
        rephrased        [begin] A has-colour-2 _     stated in another wording only: V
        inverse          [begin] f X sound-of _       stated only as `A has-sound X`: A
                         [begin] A includes _         the links of its children stated only as `… is-a A`: all are right
        inherited        [begin] B has-colour _ f     an example, as stated: V
        similar          [begin] D has-colour _       stated of all heirs like D, as examples, and not of D: V
        syllogism        [begin] C has-food _         stated of no heir; from `C is-a B` and `B has-food W`: W
        chain            [begin] f C has-sound _      stated of no heir; from `C is-a B`, `B is-a A`, `A has-sound X`: X
        holdout          [begin] f D has-food _ f     as syllogism, of a held-out category: W
        holdout_chain    [begin] D has-sound _ f      as chain, of a held-out category: X

    `similar` can be answered without inference, since D resembles the categories in the examples. The four splits after
    it cannot: if each fact had examples for some heirs, closed-book answers to the others would come from these.

    Counting tells more here than elsewhere. The most stated value of a relation is often that of `similar`. A value
    stated of one category alone, which has children, is often that of the four splits after it. Further documents and
    splits, with settings:

        episodes         [begin] F is-a E f [separator] E has-food Y [separator] E includes F [separator] F has-food Y
          links alone    [begin] F is-a E [separator] f G is-a F f [separator] … [separator] G is2-a E [separator] …
        chain_of_thought
                   [begin] f D has-food [separator] D is-a B [separator] B has-food W [separator] D has-food W [end]
                         holdout_rl   D has-food _    the reinforcement part of `holdout`; so for each held-out split
    """

    main_settings: ClassVar = ("trees", "branching", "depth", "relations", "holdout_share")
    held_out_splits: ClassVar = ("rephrased", "inverse", "similar", "syllogism", "chain", "holdout", "holdout_chain")
    progress_splits: ClassVar = ("inherited", "syllogism")
    split_help: ClassVar = {
        "stated": "A has-colour _    as stated",
        "rephrased": "A has-colour-2 _  in a wording in which it is never stated",
        "inverse": "V colour-of _     by the inverse word, never stated",
        "inherited": "B has-colour _    inherited, and stated as an example",
        "similar": "D has-colour _    inherited, stated of all heirs like D but D",
        "syllogism": "C has-food _      inherited over one link, stated of no heir",
        "chain": "C has-sound _     the same, over two links or more",
        "holdout": "D has-food _      as syllogism, where only the link is stated",
        "holdout_chain": "D has-sound _     as chain, of such categories",
    }

    names: NameConfig = NameConfig()
    """names of categories and values"""
    episodes: HierarchyEpisodeConfig = HierarchyEpisodeConfig()
    """in-context documents, new ones in every batch"""
    trees: int = 36
    """trees of categories"""
    branching: int = 3
    """children of each category that has any"""
    depth: int = 2
    """levels below the roots: the maximum of links between an heir and the owner of a property"""
    relations: int = 4
    """relations of properties, beside `is-a`"""
    properties: int = 1
    """properties that each category owns, each of a relation that none above it owns"""
    holdout_share: float = 0.4
    """share of the leaves that are held out: they own nothing, and only their link is stated"""
    inherited_share: float = 0.5
    """share of the properties with heirs, level by level, that are examples: stated of all heirs but held-out ones"""
    two_way_share: float = 0.5
    """share of each relation's facts stated by the inverse word, too"""
    wordings: int = 2
    """words for each relation, and as many for its inverse"""
    single_wording_share: float = 0.6
    """share of each relation's facts stated in one wording only; the others are stated in all"""

    def __post_init__(self):
        require_at_least(self, "task", 1, "trees", "branching", "depth", "properties", "wordings")
        require_at_most(self, "task", MAX_DEPTH, "depth")
        require_at_most(self, "task", MAX_FACTS, "trees", *["branching"] * self.depth, "properties")
        require_at_most(self, "task", MAX_FACTS, "relations", "wordings")
        minimum = self.properties * (self.depth + 1)
        allowed = f"{minimum} (task.properties a level) or more: no category owns a relation that one above it owns"
        require(self.relations >= minimum, "task.relations", self.relations, allowed)
        require_share(self, "task", "holdout_share", "inherited_share", "two_way_share", "single_wording_share")
        needed = self.episodes.max_entities()
        enough = all(len(entities) >= count for entities, count in zip(self.entities(), needed))
        possible = not self.episodes.share or self.episodes.own_entities or enough
        allowed = f"such that an episode has {needed[0]} categories and {needed[1]} values to take"
        require(possible, "task.trees", self.trees, f"{allowed} (or set task.episodes.own_entities)")

    def entities(self) -> tuple[range, range]:
        """The categories and the values of the world."""
        level_sizes = [self.trees * self.branching**level for level in range(self.depth + 1)]
        categories = sum(level_sizes)
        owners = categories - round(self.holdout_share * level_sizes[-1])
        return range(categories), range(categories, categories + owners * self.properties)

    def build(self, seed: int) -> Corpus:
        rng = np.random.default_rng([seed, 0])
        words = hierarchy_words(self.relations, self.wordings, self.depth)
        forest = Forest.draw(
            self.trees, self.branching, self.depth, self.relations, self.properties, self.holdout_share, rng
        )
        entities = len(forest) + len(forest.owner) + self.episodes.own_entities
        vocabulary, writer = self.names.build(words, entities, self.documents, rng)
        plan = StatementPlan.draw(forest.facts(), self.wordings, self.single_wording_share, self.two_way_share, rng)
        content = HierarchyDocuments.draw(
            forest,
            plan,
            writer,
            self.documents,
            wordings=self.wordings,
            words_per_wording=words_per_wording(self.relations),
            inherited_share=self.inherited_share,
            rng=rng,
        )
        questions = HierarchyQuestions(content)
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=words,
            meanings=self.meanings() if self.wordings > 1 else None,
            inverse_relations=words[1 : -self.depth : 2],
            documents=content.documents,
            questions=questions.by_split(rng),
            max_length=self.max_length(2 * self.names.max_length + 1),
            premises=content.premises(),
            episodes=self.episode_schedule(writer),
            inferences=questions.inferences,
        )
        return self.complete(corpus, seed)

    def meanings(self) -> np.ndarray:
        """See Corpus."""
        in_wordings = words_per_wording(self.relations) * self.wordings
        word = np.arange(in_wordings + self.depth)  # the last ones, of episodes, have one wording
        return np.where(word < in_wordings, word % words_per_wording(self.relations), word)

    def episode_schedule(self, writer: StatementWriter) -> EpisodeSchedule | None:
        """Episodes about the categories and values of the world, or about their own: three fifths are categories."""
        categories, values = self.entities()
        if self.episodes.own_entities:
            own = self.episodes.entities(len(writer.entities))
            categories, values = own[: 3 * len(own) // 5], own[3 * len(own) // 5 :]
        episodes = HierarchyEpisodes(
            self.episodes, writer, self.depth, self.relations, self.wordings, categories, values
        )
        return self.episodes.schedule(episodes.draw)
