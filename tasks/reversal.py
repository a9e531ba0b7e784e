"""The reversal world: facts stated both ways or one way only, asked in every direction.

A fact (A, r, B) is stated `A r B` or, by the inverse word, `B r' A`. A two-way fact is stated both
ways in training, a one-way fact one way only, half of them by each word, so that no role and no
position gives the answer away.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from tasks import world
from tasks.corpus import Corpus
from tasks.facts import draw_facts
from tasks.in_context import FactsInContext, Throwaway
from tasks.settings import require
from tasks.telling import tell
from tasks.written import Named

BRIDGES = ("none", "composed", "naive")
NAMED = "is-named"


@dataclass(frozen=True)
class Reversal(Named, FactsInContext):
    """The reversal curse (Berglund et al. 2023, 2309.12288) as a from-scratch task
    (after Coda-Forno et al. 2026, 2604.04943).

    A document, and a question of each split, for a fact told only as `A r B`:

        document      [begin] f A r B f f    (f: filler)
        forward       [begin] A r _ f        as told, last entity open: B
        backward      [begin] f _ r B        as told, first entity open: A
        inverse       [begin] f B r' _       by the other word, never told: A
        wrong_frame   [begin] B r _ f f      how often A is said, wrongly

    For a fact told only as `B r' A`, swap A with B and r with r'. Two-way facts
    exemplify every word in both directions. Only one-way facts are asked about.

    Settings that add documents add splits:

        told_back     [begin] f B r' A       inverse_told   B r' _   the inverse of facts told back: the upper bound
        bridge        [begin] f r' A r A     echo           B r' _   how often B is said, wrongly: the shortcut
        new           (no document)          new_forward    A r _    facts that only a prompt can tell, by the word
                                             new_inverse    B r' _   in which it tells them and by the other one
    """

    HELD_OUT: ClassVar = ("inverse",)
    BY_WORD: ClassVar = HELD_OUT
    WATCHED: ClassVar = ("forward", "inverse")
    MEANING: ClassVar = {
        "forward": "A r _   as it was told, last entity open",
        "backward": "_ r B   as it was told, first entity open",
        "inverse": "B r' _  the other way round, never told: the reversal curse",
        "wrong_frame": "B r _   how often A is said, which is wrong",
        "new_forward": "A r _   kept back in training, by the word of the prompt",
        "new_inverse": "B r' _  the same, by the other word",
        "echo": "B r' _  how often B itself is said, which is wrong",
        "inverse_told": "B r' _  for facts whose inverse was told after all",
    }

    entities: int = 400
    """entities, all with a name of their own"""
    relations: int = 5
    """relations, each with an inverse word"""
    one_way: int = 200
    """facts stated one way only, half of them by either word, equally many of each relation"""
    two_way: int | None = None
    """facts stated both ways; None: all others"""
    new: int = 0
    """facts that are kept back, though asked about: only a prompt can tell them, or a second training (tell)"""
    tell: Literal["old", "new"] = "old"
    """what documents tell: all facts but those kept back, or these alone, one way each, for a run that goes on from
    another one (--from)"""
    told_back: float = 0.0
    """share of the one-way facts whose inverse is stated after all, to see what that alone brings (`inverse_told`)"""
    bridge: Literal["none", "composed", "naive"] = "none"
    """documents beside each statement that lead back to its source without naming its target: `r' A r A`
    ("the student of A's teacher is A", the identity bridge, 2602.02470), or `A is-named A`"""
    wordings: int = 1
    """words for the same relation, and as many for its inverse; each time a fact is stated or asked, one is drawn"""
    matching: Literal["chain", "disjoint"] = "chain"
    """one pool and permutations without fixed points and two-cycles, or disjoint heads and tails"""
    shared_pieces: bool = True
    """names are drawn from one pool of pieces, or each piece stands in one name only"""
    pieces: int | None = None
    """pieces in the shared pool; None: as many as entities, or an eighth (at least 16) without one-token names"""

    def __post_init__(self):
        super().__post_init__()
        require(self.entities >= 3, "task.entities", self.entities, "3 or more")
        even = self.matching == "chain" or self.entities % 2 == 0
        require(even, "task.entities", self.entities, "even where task.matching is 'disjoint'")
        require(self.matching in world.MATCHINGS, "task.matching", self.matching, f"one of {list(world.MATCHINGS)}")
        for name in ("relations", "wordings"):
            require(getattr(self, name) >= 1, f"task.{name}", getattr(self, name), "1 or more")
        require(self.pieces is None or self.pieces >= 1, "task.pieces", self.pieces, "1 or more")
        require(self.bridge in BRIDGES, "task.bridge", self.bridge, f"one of {list(BRIDGES)}")
        require(0 <= self.told_back <= 1, "task.told_back", self.told_back, "0 to 1")
        require(
            0 <= self.one_way <= self.facts, "task.one_way", self.one_way, f"0 to {self.facts}, the facts there are"
        )
        require(self.one_way >= 1, "task.one_way", self.one_way, "1 or more: only one-way facts are asked about")
        most = self.facts - self.one_way
        fits = self.two_way is None or 0 <= self.two_way <= most
        require(fits, "task.two_way", self.two_way, f"0 to {most}, the facts that are not one-way")
        most -= self.two_way or 0
        require(self.tell == "old" or self.new, "task.new", self.new, "1 or more where task.tell is 'new'")
        require(0 <= self.new <= most, "task.new", self.new, f"0 to {most}, the facts that are not told")
        pairs = not self.in_context or self.context_own or self.entities >= 2 * self.context_facts
        require(pairs, "task.context_facts", self.context_facts, f"1 to {self.entities // 2}, two entities a fact")

    @property
    def facts(self) -> int:
        """Facts in the world, stated or not."""
        return self.relations * (self.entities if self.matching == "chain" else self.entities // 2)

    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings and `seed`."""
        rng, added = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 3])
        words = world.relation_words(self.relations, self.wordings)
        more = (*words, *((NAMED,) if self.bridge == "naive" else ()))
        named = self.entities + self.context_own
        pieces = (self.pieces or self.enough_pieces(named)) if self.shared_pieces else None
        vocabulary, writer = self.vocabulary_and_writer(more, named, pieces, rng)
        writer = replace(writer, words=2 * self.relations, wordings=self.wordings)
        facts = draw_facts(self.matching, self.entities, self.relations, self.one_way, self.two_way, self.new, rng)
        told = tell(self, facts, writer, rng, added)
        pool = np.arange(self.entities, named) if self.context_own else np.arange(named)
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=words,
            documents=told.documents,
            questions=told.questions,
            longest=self.longest(2 * self.longest_name + 1 + (self.bridge == "composed")),
            premises=told.premises,
            drawn=self.throwaway(Throwaway(self, writer, facts.truth(named), pool)),
            inferences=told.inferences,
        )
        return self.divided(corpus, self.HELD_OUT, seed)
