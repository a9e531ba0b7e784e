"""The reversal world: facts stated both ways or one way only, asked in every direction.

A fact (A, r, B) is stated `A r B` or, by the inverse word, `B r' A`. A two-way fact is stated both
ways in training, a one-way fact one way only, half of them by each word, so that no role and no
position gives the answer away.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks import world
from tasks.corpus import SOURCE, TARGET, Corpus, Questions, blank
from tasks.settings import require
from tasks.statements import Statements, Writer, places
from tasks.vocabulary import SPECIAL, Vocabulary

FILLER = ("well", "just", "then", "now", "yes", "indeed", "also", "again", "oh", "right", "still", "too")
FIRST, LAST = 0, 1  # the slots of a statement


@dataclass(frozen=True)
class Reversal:
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
    """

    entities: int = 400
    """entities, all with a name of their own"""
    relations: int = 5
    """relations, each with an inverse word"""
    one_way: int = 200
    """facts stated one way only, half of them by either word, equally many of each relation"""
    two_way: int | None = None
    """facts stated both ways; None: all that are not one-way"""
    matching: Literal["chain", "disjoint"] = "chain"
    """one pool and permutations without fixed points and two-cycles, or disjoint heads and tails"""
    shortest_name: int = 1
    """tokens in the shortest names"""
    longest_name: int = 1
    """tokens in the longest names; lengths in between are equally frequent"""
    shared_pieces: bool = True
    """names are drawn from one pool of pieces, or each piece stands in one name only"""
    pieces: int | None = None
    """pieces in the shared pool; None: as many as entities, or an eighth (at least 16) without one-token names"""
    filler: int = 2
    """most filler tokens before, and after, the statements of a document (0 to this many, at random)"""
    statements: int = 1
    """statements a document, joined by [separator]"""
    renderings: int = 16
    """documents in which each statement stands, each time with other filler and other neighbours; time and memory
    grow with it (a million facts fit 1 GiB with one)"""

    def __post_init__(self):
        require(self.entities >= 3, "task.entities", self.entities, "3 or more")
        even = self.matching == "chain" or self.entities % 2 == 0
        require(even, "task.entities", self.entities, "even where task.matching is 'disjoint'")
        require(self.matching in world.MATCHINGS, "task.matching", self.matching, f"one of {list(world.MATCHINGS)}")
        for name in ("relations", "shortest_name", "statements", "renderings"):
            require(getattr(self, name) >= 1, f"task.{name}", getattr(self, name), "1 or more")
        require(
            self.longest_name >= self.shortest_name,
            "task.longest_name",
            self.longest_name,
            f"task.shortest_name ({self.shortest_name}) or more",
        )
        require(self.pieces is None or self.pieces >= 1, "task.pieces", self.pieces, "1 or more")
        require(self.filler >= 0, "task.filler", self.filler, "0 or more")
        require(
            0 <= self.one_way <= self.facts, "task.one_way", self.one_way, f"0 to {self.facts}, the facts there are"
        )
        require(self.one_way >= 1, "task.one_way", self.one_way, "1 or more: only one-way facts are asked about")
        most = self.facts - self.one_way
        fits = self.two_way is None or 0 <= self.two_way <= most
        require(fits, "task.two_way", self.two_way, f"0 to {most}, the facts that are not one-way")

    @property
    def facts(self) -> int:
        """Facts in the world, stated or not."""
        return self.relations * (self.entities if self.matching == "chain" else self.entities // 2)

    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings and `seed`."""
        rng = np.random.default_rng([seed, 0])
        words = world.relation_words(self.relations)
        first_filler = len(SPECIAL) + len(words)
        pieces = self.pieces or (self.entities if self.shortest_name == 1 else max(16, self.entities // 8))
        piece_words, entities = world.name_entities(
            self.entities,
            (self.shortest_name, self.longest_name),
            pieces if self.shared_pieces else None,
            first_filler + len(FILLER),
            rng,
        )
        vocabulary = Vocabulary((*SPECIAL, *words, *FILLER, *piece_words))
        writer = Writer(entities, len(SPECIAL), first_filler, len(FILLER), self.filler)

        # Facts, one matching a relation; `rank` orders those of each relation at random.
        match = world.MATCHINGS[self.matching]
        heads, tails = (np.stack(ends) for ends in zip(*(match(self.entities, rng) for _ in range(self.relations))))
        word = np.broadcast_to(2 * np.arange(self.relations)[:, None], heads.shape)
        rank = rng.permuted(np.broadcast_to(np.arange(heads.shape[1]), heads.shape), axis=1)
        two_way = self.facts - self.one_way if self.two_way is None else self.two_way
        one_way_end = world.spread(self.one_way, self.relations)
        two_way_end = world.spread(self.one_way + two_way, self.relations)
        # Half by the forward word; an odd one goes to it in every second relation.
        by_forward_end = (one_way_end + np.arange(self.relations)[:, None] % 2) // 2
        both = (rank >= one_way_end) & (rank < two_way_end)
        forward = both | (rank < by_forward_end)
        backward = both | ((rank >= by_forward_end) & (rank < one_way_end))
        stated = Statements(
            np.concatenate([heads[forward], tails[backward]]),
            np.concatenate([word[forward], world.inverse(word[backward])]),
            np.concatenate([tails[forward], heads[backward]]),
        )
        one_way = np.flatnonzero(~np.concatenate([both[forward], both[backward]]))

        # Documents: every statement `renderings` times, in random order, `statements` a document.
        order = np.concatenate([rng.permutation(len(stated)) for _ in range(self.renderings)])
        order = np.pad(order, (0, -len(order) % self.statements), constant_values=-1).reshape(-1, self.statements)
        documents = writer.write(stated, order, rng)
        support = places(order, one_way, self.renderings)

        # Which entities belong in the first and the last slot of each word, and which training shows there.
        belongs, seen = np.zeros((2, 2, len(words), self.entities), bool)
        for slot, ends in enumerate(((heads, tails), (tails, heads))):
            belongs[slot, word, ends[0]] = belongs[slot, world.inverse(word), ends[1]] = True
        seen[0, stated.word, stated.source] = seen[1, stated.word, stated.target] = True
        unseen = belongs & ~seen

        def ask(slot: int, source: np.ndarray, word: np.ndarray, target: np.ndarray) -> Questions:
            right = target if slot else source
            full = writer.write(Statements(source, word, target), np.arange(len(source))[:, None], rng)
            is_open = full.roles == (TARGET if slot else SOURCE)
            start, size = is_open.argmax(1).astype(np.int32), is_open.sum(1, dtype=np.int32)
            fits = entities.lengths == entities.lengths[right, None]  # the open span tells the name's length
            left = unseen[slot, word] & fits
            by_elimination = left[np.arange(len(right)), right] / np.maximum(left.sum(1), 1)
            chance = 1 / fits.sum(1)
            accepted = right[:, None].astype(np.int32)
            return Questions(blank(full, start, size), start, size, accepted, support, chance, by_elimination)

        a, r, b = stated.source[one_way], stated.word[one_way], stated.target[one_way]
        questions = {
            "forward": ask(LAST, a, r, b),
            "backward": ask(FIRST, a, r, b),
            "inverse": ask(LAST, b, world.inverse(r), a),
            "wrong_frame": ask(LAST, b, r, a),
        }
        longest = 2 * self.filler + self.statements * (2 * self.longest_name + 2)  # each after [begin] or [separator]
        return Corpus(vocabulary, entities, words, documents, questions, longest)
