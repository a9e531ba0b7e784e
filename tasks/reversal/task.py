"""The reversal task: facts stated both ways or one way only, and asked in every direction."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from config.validation import MAX_FACTS, require, require_at_least, require_at_most, require_share
from tasks.common.names import NameConfig
from tasks.common.relations import relation_words
from tasks.common.statements import StatementWriter
from tasks.corpus import Corpus, EpisodeSchedule
from tasks.reversal.documents import ReversalDocuments
from tasks.reversal.episodes import ReversalEpisodeConfig, ReversalEpisodes
from tasks.reversal.world import MATCHINGS, draw_facts
from tasks.task import Task

BRIDGES = ("none", "composed", "naive")
NAMING_WORD = "is-named"


@dataclass(frozen=True, kw_only=True)
class Reversal(Task):
    """The reversal curse (Berglund et al. 2023, 2309.12288), learned from scratch (after Coda-Forno et al. 2026,
    2604.04943).

    A fact (A, r, B) is stated as `A r B` or, by the inverse word, as `B r' A`. A two-way fact is stated both ways in
    training. A one-way fact is stated one way only, half of them by either word. So no role and no position gives the
    answer away. Only one-way facts are asked about. Two-way facts exemplify every word in both directions.

    A document, and a question of each split, for a fact stated only as `A r B` (f: filler):

        document        [begin] f A r B f f
        forward         [begin] A r _ f        as stated, last entity open: B
        backward        [begin] f _ r B        as stated, first entity open: A
        inverse         [begin] f B r' _       by the inverse word, never stated: A
        wrong_frame     [begin] B r _ f f      how often A is predicted, wrongly

    For a fact stated only as `B r' A`, swap A with B and r with r'. Further documents and splits, with settings:

        inverse_share   [begin] f B r' A       inverse_stated   B r' _   the inverse where it is stated: an upper bound
        bridge          [begin] f r' A r A     echo             B r' _   how often B is predicted, wrongly: a shortcut
        unseen          (no document)          unseen_forward   A r _    facts that only a prompt can state
                                               unseen_inverse   B r' _   the same, by the inverse word
        replay          [begin] f A r B        (with train_on "unseen": stated facts again, beside the unseen ones)
        episodes        [begin] C r D [separator] f E q F f [separator] F q' E [separator] C r D
        chain_of_thought
                        [begin] f B r' [separator] A r B [separator] B r' A [end]
                                               inverse_rl       B r' _   the reinforcement part of `inverse`
    """

    main_settings: ClassVar = ("entities", "relations", "one_way", "two_way")
    held_out_splits: ClassVar = ("inverse",)
    mistake_splits: ClassVar = ("wrong_frame", "echo")
    progress_splits: ClassVar = ("forward", "inverse")
    split_help: ClassVar = {
        "forward": "A r _   as stated, last entity open",
        "backward": "_ r B   as stated, first entity open",
        "inverse": "B r' _  by the inverse word, never stated: the reversal curse",
        "wrong_frame": "B r _   how often A is predicted, which is wrong",
        "unseen_forward": "A r _   a fact that no document states, by the word of the prompt",
        "unseen_inverse": "B r' _  the same, by the inverse word",
        "echo": "B r' _  how often B itself is predicted, which is wrong",
        "inverse_stated": "B r' _  for facts whose inverse is stated after all",
    }

    names: NameConfig = NameConfig()
    """names of entities"""
    episodes: ReversalEpisodeConfig = ReversalEpisodeConfig()
    """in-context documents, new ones in every batch"""
    entities: int = 400
    """entities, all with a name of their own"""
    relations: int = 5
    """relations, each with an inverse word"""
    one_way: int = 200
    """facts stated one way only, half of them by either word, equally many of each relation"""
    two_way: int | None = None
    """facts stated both ways; None: all others"""
    unseen: int = 0
    """facts that no document states; they are asked about from a prompt, or after a second training (train_on)"""
    train_on: Literal["stated", "unseen"] = "stated"
    """facts that documents state: all but the unseen, or these alone, one way each, for a run that starts --from one"""
    replay: float = 0.0
    """with train_on "unseen": share of documents that state old facts again, against forgetting (2503.21676)"""
    inverse_share: float = 0.0
    """share of the one-way facts whose inverse is stated after all, as an upper bound (split `inverse_stated`)"""
    bridge: Literal["none", "composed", "naive"] = "none"
    """documents beside each statement that lead back to its source without naming its target: `r' A r A`
    ("the student of A's teacher is A", the identity bridge, 2602.02470), or `A is-named A`"""
    wordings: int = 1
    """words for each relation, and as many for its inverse; each statement and each question takes one at random"""
    matching: Literal["chain", "disjoint"] = "chain"
    """one pool and permutations without fixed points and two-cycles, or disjoint heads and tails"""

    def __post_init__(self):
        require_at_least(self, "task", 3, "entities")
        even = self.matching == "chain" or self.entities % 2 == 0
        require(even, "task.entities", self.entities, "even where task.matching is 'disjoint'")
        require(self.matching in MATCHINGS, "task.matching", self.matching, f"one of {list(MATCHINGS)}")
        require_at_least(self, "task", 1, "relations", "wordings")
        require_at_most(self, "task", MAX_FACTS, "entities", "relations", "wordings")
        require(self.bridge in BRIDGES, "task.bridge", self.bridge, f"one of {list(BRIDGES)}")
        require_share(self, "task", "inverse_share")
        require(0 <= self.replay < 1, "task.replay", self.replay, "0 or more and below 1")
        possible = self.replay == 0 or self.train_on == "unseen"
        require(possible, "task.replay", self.replay, f"0 where task.train_on is {self.train_on!r}")
        self.require_numbers_of_facts()
        max_facts = self.entities // 2
        possible = not self.episodes.share or self.episodes.own_entities or max_facts >= self.episodes.max_facts
        allowed = f"1 to {max_facts}, two entities a fact"
        require(possible, "task.episodes.max_facts", self.episodes.max_facts, allowed)

    def require_numbers_of_facts(self) -> None:
        """Raises SettingError unless there are as many facts as the settings ask for."""
        require(self.one_way >= 1, "task.one_way", self.one_way, "1 or more: only one-way facts are asked about")
        allowed = f"1 to {self.facts}, all facts of the world"
        require(self.one_way <= self.facts, "task.one_way", self.one_way, allowed)
        others = self.facts - self.one_way
        possible = self.two_way is None or 0 <= self.two_way <= others
        require(possible, "task.two_way", self.two_way, f"0 to {others}, the facts that are not one-way")
        needed = self.train_on == "stated" or self.unseen > 0
        require(needed, "task.unseen", self.unseen, "1 or more where task.train_on is 'unseen'")
        others -= self.two_way or 0
        require(0 <= self.unseen <= others, "task.unseen", self.unseen, f"0 to {others}, the facts that are not stated")

    @property
    def facts(self) -> int:
        """Facts in the world, stated or not."""
        return self.relations * (self.entities if self.matching == "chain" else self.entities // 2)

    def build(self, seed: int) -> Corpus:
        rng, extra_rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 3])
        words = relation_words(self.relations, self.wordings)
        all_words = (*words, NAMING_WORD) if self.bridge == "naive" else words
        entities = self.entities + self.episodes.own_entities
        vocabulary, writer = self.names.build(all_words, entities, self.documents, rng)
        writer = replace(writer, words_per_wording=2 * self.relations, wordings=self.wordings)
        facts = draw_facts(self.matching, self.entities, self.relations, self.one_way, self.two_way, self.unseen, rng)
        content = ReversalDocuments.draw(
            facts,
            writer,
            self.documents,
            bridge=self.bridge,
            train_on=self.train_on,
            replay=self.replay,
            inverse_share=self.inverse_share,
            rng=rng,
            extra_rng=extra_rng,
        )
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=all_words,
            meanings=self.meanings(len(all_words)) if self.wordings > 1 else None,
            inverse_relations=words[1::2],
            documents=content.documents,
            questions=content.questions(rng, extra_rng),
            max_length=self.max_length(2 * self.names.max_length + 1 + (self.bridge == "composed")),
            premises=content.premises(),
            episodes=self.episode_schedule(writer),
            inferences=content.inferences,
        )
        return self.complete(corpus, seed)

    def meanings(self, words: int) -> np.ndarray:
        """See Corpus. NAMING_WORD, which may stand behind the relation words, has one wording."""
        word, in_wording = np.arange(words), 2 * self.relations
        return np.where(word < in_wording * self.wordings, word % in_wording, word)

    def episode_schedule(self, writer: StatementWriter) -> EpisodeSchedule | None:
        """Episodes about the entities of the world, or about their own."""
        entities = self.episodes.entities(len(writer.entities))
        return ReversalEpisodes(self.episodes, writer, entities, self.relations).schedule()
