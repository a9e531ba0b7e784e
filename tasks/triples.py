"""Your own facts, from a file: told both ways or one way only, and asked in every direction, as in the reversal world.

Relations need not be bijections: every question lists all its right answers.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks import world
from tasks.asking import FIRST, LAST
from tasks.corpus import Corpus, Entities, Premises
from tasks.in_context import FactsInContext
from tasks.reversal import Reversal
from tasks.settings import require
from tasks.statements import Statements, Writer, in_documents, places
from tasks.triples_asking import Answers, SetAsker, Unseen, inferences, once_a_set, questions
from tasks.triples_context import DENSEST, FileThrowaway
from tasks.triples_file import FileFacts, apart, read_facts
from tasks.triples_held import one_way
from tasks.triples_notes import notes
from tasks.vocabulary import FILLER, SPECIAL, Vocabulary

OPEN = "_"  # a person writes it for what is asked, so no name is shown as it


@dataclass(frozen=True)
class Triples(FactsInContext):
    """Facts of your own, in words of any language (the reversal curse on real names: Berglund et al. 2023, 2309.12288).

    `file` has the columns head, relation, tail; `relations` the columns relation, inverse. A fact may be written by
    the inverse word, too. A document, and a question of each split, for a fact A r B that is told only so:

        document      [begin] f A r B f f    (f: filler)
        forward       [begin] A r _ f        as told, last entity open: B, and every other Y with A r Y
        backward      [begin] f _ r B        as told, first entity open: A, and every other X with X r B
        inverse       [begin] f B r' _       by the other word, never told of any X: A, and every other X
        wrong_frame   [begin] B r _ f f      how often such an X is said, where B r X is not true

    For a fact told only as `B r' A`, swap A with B and r with r'. All other facts are told both ways. What is told one
    way only are whole answer sets, so that no right answer to `B r' _` is ever told in these words. A set is asked
    about once.

    Chance is that of a guess among all entities; by elimination, among those that stand in that place of that word in
    the file, though training never shows them there: in both, the right ones over all. A guess at the answer that a
    word has most often can be better: `notes` says where.
    """

    HELD_OUT: ClassVar = ("inverse",)
    BY_WORD: ClassVar = HELD_OUT
    WATCHED: ClassVar = Reversal.WATCHED
    MEANING: ClassVar = Reversal.MEANING

    file: str = "tasks/examples/facts.csv"
    """facts, a line each: UTF-8, comma-separated, with the columns head, relation and tail"""
    relations: str = "tasks/examples/relations.csv"
    """words for relations, a line each: the columns relation and inverse"""
    one_way: float = 0.5
    """share of the facts that are told one way only, half of them by either word, as far as answer sets allow"""
    most_answers: int = 100
    """right answers that a question can have; facts with more are told both ways"""

    def __post_init__(self):
        super().__post_init__()
        require(0 < self.one_way <= 1, "task.one_way", self.one_way, "above 0 and at most 1")
        require(self.most_answers >= 1, "task.most_answers", self.most_answers, "1 or more")

    def notes(self, most: int = 20, facts: FileFacts | None = None) -> list[str]:
        """What a person should know about the files, `most` lines of each kind: what stands there twice, questions
        with several answers, words without a fact, names that are shown otherwise. `facts`: what was read of them."""
        return notes(facts or read_facts(self.file, self.relations), self.shown, most)

    def read(self) -> FileFacts:
        """The facts."""
        facts = read_facts(self.file, self.relations)
        if self.in_context and not self.context_own:
            most = len(facts.names) // 2
            pairs = f"1 to {most}, two entities a fact, or task.context_own be given"
            require(self.context_facts <= most, "task.context_facts", self.context_facts, pairs)
            dense = np.bincount(facts.relation).max() / len(facts.names) ** 2
            others = f"given: {100 * dense:.0f} % of what one relation could tell is true"
            require(dense <= DENSEST, "task.context_own", self.context_own, others)
        return facts

    def shown(self, facts: FileFacts) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Words as they are shown, each once: relations, names, filler. Those of the file come first."""
        taken = {*SPECIAL, OPEN}
        words, names = apart(facts.relations.words, taken), apart(facts.names, taken)
        own = apart(world.syllables(self.context_own), taken) if self.context_own else ()
        return words, (*names, *own), apart(FILLER, taken)

    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings, what the files hold, and `seed`."""
        rng, facts = np.random.default_rng([seed, 0]), self.read()
        words, names, filler = self.shown(facts)
        first_filler, named = len(SPECIAL) + len(words), len(names)
        tokens = first_filler + len(filler) + np.arange(named, dtype=np.int32)[:, None]
        entities = Entities(tokens, np.ones(named, np.int32), names)
        writer = Writer(entities, len(SPECIAL), len(words), 1, first_filler, len(filler), self.filler)

        by_forward = Statements(facts.heads, 2 * facts.relation, facts.tails)
        forward_only, inverse_only = one_way(facts, self.one_way, self.most_answers, rng)
        can = "larger, or the files others: no whole set of right answers is so small a share of its relation's facts"
        require(bool((forward_only | inverse_only).any()), "task.one_way", self.one_way, can)
        told = np.concatenate([~inverse_only, ~forward_only])
        true = by_forward + by_forward.turned()
        stated = true[told]
        fact = np.tile(np.arange(len(facts)), 2)[told]
        order = in_documents(len(stated), self.renderings, self.statements, rng)
        documents = writer.write(stated, order, rng)

        answers = Answers.of(true, named)
        unseen = tuple(Unseen.of(slot, true, stated, named, len(words)) for slot in (FIRST, LAST))
        asker = SetAsker(writer, unseen, rng)
        rows = once_a_set(stated, (forward_only | inverse_only)[fact], named)
        support = places(order, rows, self.renderings)[:, None]
        throwaway = FileThrowaway.of(self, writer, len(words) // 2, len(facts.names), answers)
        corpus = Corpus(
            vocabulary=Vocabulary((*SPECIAL, *words, *filler, *names)),
            entities=entities,
            relations=words,
            documents=documents,
            questions=questions(asker, answers, stated, rows, support, self.most_answers),
            longest=self.longest(3),
            premises=Premises(writer.bare(stated), fact),
            drawn=self.throwaway(throwaway),
            inferences=lambda: inferences(asker, answers, stated, order, self.renderings, self.most_answers),
            notes=lambda: self.notes(facts=facts),
        )
        return self.divided(corpus, self.HELD_OUT, seed)
