"""The syllogism task: chains of premises over made-up classes, and the conclusions that follow from them."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from config.validation import MAX_FACTS, require, require_at_least, require_at_most, require_share
from tasks.common.names import NameConfig
from tasks.common.statements import StatementWriter
from tasks.corpus import Corpus, EpisodeSchedule
from tasks.syllogism.choices import candidate_conclusions
from tasks.syllogism.documents import SyllogismDocuments
from tasks.syllogism.episodes import SyllogismEpisodeConfig, SyllogismEpisodes
from tasks.syllogism.world import Chains, syllogism_words
from tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Syllogism(Task):
    """Conclusions that no document states (after the syllogisms of Lampinen et al. 2025a, 2505.00661), learned from
    scratch.

    A premise is `A all-are B` (all A are B), `A none-are B` or `A some-are B`. The word of a conclusion
    gives its number of premises: `A all2-are C` follows from `A all-are B` and `B all-are C`. Documents state all
    premises, and the conclusions of some chains only.

    Chains A → B → C have no class in common, so every question has one answer. Quantifiers are those of the first
    figure: all all → all, all none → none, some all → some, in longer chains with more `all` between. `some` and
    `none` are never combined: there is no word for "some A are not C".

    The documents (f: filler), and a question of each split, for a held-out conclusion `A none2-are C`:

        document        [begin] f A all-are B f        a premise, of any chain
                        [begin] H none2-are K f        a conclusion that is not held out, as an example
                        [begin] f A near X             a neutral statement, in both orders; nothing follows from it

        premise         [begin] A all-are _ f          as stated, in a chain with a held-out conclusion: B
        trained         [begin] f H none2-are _        a conclusion, as stated: K
        conclusion      [begin] A none2-are _ f        held out, no neutral statement about A and C: C
        misleading      [begin] A none2-are _          held out, X ends another chain, `A near X` is stated: C
        chain           [begin] f D some3-are _ f      held out, from three premises or more: G

    Further documents and splits, with settings:

        episodes        [begin] P none-are Q [separator] N near Z [separator] N all-are P [separator] N none2-are Q
        chain_of_thought
                        [begin] f A none2-are [separator] A all-are B [separator] B none-are C [separator]
                                A none2-are C [end]
                                                       conclusion_rl, misleading_rl, chain_rl: reinforcement parts

    Chance is one in all classes with names of the answer's length. Each question of a conclusion is also asked as a
    choice among six candidates (choices.py).
    """

    main_settings: ClassVar = ("chains", "max_chain_length", "held_out_share")
    held_out_splits: ClassVar = ("conclusion", "misleading", "chain")
    progress_splits: ClassVar = ("trained", "conclusion")
    split_help: ClassVar = {
        "premise": "A all-are _    as stated",
        "trained": "H none2-are _  a conclusion, as stated",
        "conclusion": "A none2-are _  never stated, from two premises",
        "misleading": "A none2-are _  the same, with A stated to be near another class",
        "chain": "D some3-are _  never stated, from three premises or more",
    }

    names: NameConfig = NameConfig()
    """names of classes"""
    episodes: SyllogismEpisodeConfig = SyllogismEpisodeConfig()
    """in-context documents, new ones in every batch"""
    chains: int = 480
    """chains, equally many of each number of premises and of each quantifier"""
    max_chain_length: int = 3
    """premises in the longest chains; the shortest have two"""
    held_out_share: float = 0.5
    """share of the chains whose conclusion no document states"""
    misleading_share: float = 0.5
    """share of the chains of two premises, held out or not, whose ends are stated to be near ends of other chains"""

    def __post_init__(self):
        require_at_least(self, "task", 1, "chains")
        require_at_least(self, "task", 2, "max_chain_length")
        require_at_most(self, "task", MAX_FACTS, "chains", "max_chain_length")
        require_share(self, "task", "held_out_share", "misleading_share")
        allowed = "such that two chains or more are misleading, or none: a single one has no other to be near"
        possible = self.all_chains().misleading.sum() != 1
        require(possible, "task.misleading_share", self.misleading_share, allowed)
        episodes, classes = self.episodes, self.all_chains().classes
        possible = not episodes.share or episodes.own_entities or classes >= episodes.max_classes()
        allowed = f"such that the {classes} classes of the world are enough for an episode: two a premise, and one"
        require(possible, "task.episodes.max_facts", episodes.max_facts, allowed)

    def all_chains(self) -> Chains:
        """The chains, the same for every seed; the names of their classes differ."""
        return Chains.build(self.chains, self.max_chain_length, self.held_out_share, self.misleading_share)

    def build(self, seed: int) -> Corpus:
        rng, chains = np.random.default_rng([seed, 0]), self.all_chains()
        words = syllogism_words(self.max_chain_length)
        entities = chains.classes + self.episodes.own_entities
        vocabulary, writer = self.names.build(words, entities, self.documents, rng)
        content = SyllogismDocuments.draw(chains, writer, self.documents, rng)
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=words,
            documents=content.documents,
            questions=content.questions(rng),
            max_length=self.max_length(2 * self.names.max_length + 1),
            premises=content.premises(),
            episodes=self.episode_schedule(writer),
            inferences=content.inferences,
            choices=partial(candidate_conclusions, writer.entities),
        )
        return self.complete(corpus, seed)

    def episode_schedule(self, writer: StatementWriter) -> EpisodeSchedule | None:
        """Episodes about the classes of the world, or about their own."""
        classes = self.episodes.entities(len(writer.entities))
        episodes = SyllogismEpisodes(self.episodes, writer, self.max_chain_length, classes)
        return self.episodes.schedule(episodes.draw)
