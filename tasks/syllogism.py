"""The syllogism world: chains of premises over made-up classes, and the conclusions that follow from them.

A premise says `A all-are B` (all A are B), `A none-are B` or `A some-are B`. The words of a conclusion say how many
premises it rests on: `A all2-are C` follows from `A all-are B` and `B all-are C`. Premises are told for every chain,
the conclusion for some only.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from tasks.asking import LAST, OneWay
from tasks.corpus import Corpus, Premises, Questions
from tasks.settings import require
from tasks.statements import Statements, in_documents, places
from tasks.syllogism_chains import Chains, words
from tasks.syllogism_choices import choices
from tasks.syllogism_context import ChainsInContext, Throwaway
from tasks.written import Named


@dataclass(frozen=True)
class Syllogism(Named, ChainsInContext):
    """Conclusions that nobody told (after the syllogisms of Lampinen et al. 2025a, 2505.00661), as a from-scratch task.

    Chains A → B → C have no class in common, so every question has one answer. Quantifiers are those of the first
    figure: all all → all, all none → none, some all → some, in longer chains with more `all` between. That some A are
    not C, which follows from `some` and `none`, is left out: there is no word for it.

        documents     [begin] f A all-are B f        a premise; those of all chains are told
                      [begin] H none2-are K f        a conclusion; those of some chains are, as examples
                      [begin] f A near X             nothing follows from it; told both ways round

        premise       [begin] A all-are _ f          as told, in a chain whose conclusion is not: B
        trained       [begin] f H none2-are _        a conclusion, as told: K
        conclusion    [begin] A none2-are _ f        never told, A and C never told to be near a class: C
        misleading    [begin] A none2-are _          never told; X, where another chain ends, was told to be near A: C
        chain         [begin] f D some3-are _ f      never told, from three premises or more: G

    Chance is one in all classes with names of the answer's length; by elimination, one in those classes that are
    right for a word, though training never says so: those at the ends of held-out chains of one length and quantifier.
    To choose from six candidate conclusions: `choices` in tasks/syllogism_choices.py.
    """

    HELD_OUT: ClassVar = ("conclusion", "misleading", "chain")
    BY_WORD: ClassVar = HELD_OUT
    WATCHED: ClassVar = ("trained", "conclusion")
    MEANING: ClassVar = {
        "premise": "A all-are _    as it was told",
        "trained": "H none2-are _  a conclusion, as it was told",
        "conclusion": "A none2-are _  never told, from two premises",
        "misleading": "A none2-are _  the same, where A was told to be near another class",
        "chain": "D some3-are _  never told, from three premises or more",
    }

    chains: int = 480
    """chains, equally many of each number of premises and of each quantifier"""
    longest_chain: int = 3
    """premises in the longest chains; the shortest have two"""
    held_out: float = 0.5
    """share of the chains whose conclusion is never told"""
    misled: float = 0.5
    """share of the chains of two premises, whether their conclusion is told or not, whose ends are told to be near
    ends of other chains"""

    def __post_init__(self):
        super().__post_init__()
        require(self.chains >= 1, "task.chains", self.chains, "1 or more")
        require(self.longest_chain >= 2, "task.longest_chain", self.longest_chain, "2 or more")
        for name in ("held_out", "misled"):
            require(0 <= getattr(self, name) <= 1, f"task.{name}", getattr(self, name), "0 to 1")
        others = "such that two chains or more are misled, or none: one has no other to be near"
        require(self.drawn_up().misled.sum() != 1, "task.misled", self.misled, others)
        enough = not self.in_context or self.context_own or self.chains >= self.context_classes()
        most = f"2 to {(self.chains - 1) // 2}: a document takes each class, two a premise and one, from another chain"
        require(enough, "task.context_facts", self.context_facts, most)

    def drawn_up(self) -> Chains:
        """The chains, which are the same for every seed: names are not."""
        return Chains.of(self.chains, self.longest_chain, self.held_out, self.misled)

    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings and `seed`."""
        rng, chains, relations = np.random.default_rng([seed, 0]), self.drawn_up(), words(self.longest_chain)
        named = int(chains.last[-1]) + 1 + self.context_own
        vocabulary, writer = self.vocabulary_and_writer(relations, named, self.enough_pieces(named), rng)

        premises, conclusions = chains.told_premises(), chains.conclusions()
        exemplified = conclusions[~chains.held]
        stated = premises + exemplified + chains.near(len(relations) - 1)
        order = in_documents(len(stated), self.renderings, self.statements, rng)
        documents = writer.write(stated, order, rng)

        untold = np.zeros((2, len(relations), named), bool)
        untold[LAST, conclusions.word, conclusions.target] = chains.held

        def ask(asked: Statements, needs: np.ndarray, rng: np.random.Generator = rng) -> Questions:
            support = places(order, needs, self.renderings)
            return OneWay(writer, untold, support, needs.astype(np.int32), rng).ask(LAST, asked)

        of_held = np.flatnonzero(chains.held[chains.chain_of_premise()])
        questions = {"premise": ask(premises[of_held], of_held[:, None])} if len(of_held) else {}
        splits = {
            "trained": ~chains.held,
            "conclusion": chains.held & ~chains.misled & (chains.premises == 2),
            "misleading": chains.held & chains.misled,
            "chain": chains.held & (chains.premises > 2),
        }
        for split, of in splits.items():
            if of.any():
                questions[split] = ask(conclusions[of], chains.needs()[of])
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=relations,
            documents=documents,
            questions=questions,
            longest=self.longest(2 * self.longest_name + 1),
            premises=Premises(writer.bare(premises), np.arange(len(premises)), premises.word, chains.before()),
            drawn=self.drawn(Throwaway.of(self, writer, self.longest_chain, chains).draw),
            inferences=lambda: ask(conclusions, chains.needs(), np.random.default_rng(0)),
            choices=partial(choices, writer.entities),
        )
        return self.divided(corpus, self.HELD_OUT, seed)
