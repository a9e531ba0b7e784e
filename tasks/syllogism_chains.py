"""Chains of classes, the premises that link them and the conclusions that follow. Arrays only, one row a chain.

To add a quantifier: a word here, and in `premise_word` where in a chain it may stand.
"""

from dataclasses import dataclass

import numpy as np

from tasks.statements import Statements

QUANTIFIERS = ("all", "none", "some")
ALL, NONE_OF, SOME = range(len(QUANTIFIERS))
NEAR = "near"


def words(longest: int) -> tuple[str, ...]:
    """Those of premises, of conclusions from 2, 3, … `longest` premises, and the neutral one."""
    count = ("", *range(2, longest + 1))
    return (*(f"{word}{k}-are" for k in count for word in QUANTIFIERS), NEAR)  # "no" alone can be a class's name


def conclusion_word(kind: np.ndarray, premises: np.ndarray) -> np.ndarray:
    """The word of what follows from so many premises; of a single one its own."""
    return kind + len(QUANTIFIERS) * (premises - 1)


def premise_word(kind: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The word of a premise in a chain whose conclusion has quantifier `kind`, from where the premise stands in it.

    The moods of the first figure: all all → all (Barbara), all none → none (Celarent), some all → some (Darii).
    """
    here = (kind == ALL) | ((kind == NONE_OF) & last) | ((kind == SOME) & first)
    return np.where(here, kind, ALL)


@dataclass(frozen=True)
class Chains:
    """`premises` in each; `kind`, the quantifier of its conclusion, int[c]; `held`, whether that is never told, and
    `misled`, whether its ends are told to be near ends of another, bool[c]. Its classes are `first`[c] to `last`[c]."""

    premises: np.ndarray
    kind: np.ndarray
    held: np.ndarray
    misled: np.ndarray

    @staticmethod
    def of(chains: int, longest: int, held_out: float, misled: float) -> "Chains":
        """Lengths and kinds by turns, so that any share of the chains, from the first on, has equally many of each."""
        i, lengths = np.arange(chains), longest - 1
        premises, kind = 2 + i % lengths, i // lengths % len(QUANTIFIERS)
        held, is_misled = i < round(held_out * chains), np.zeros(chains, bool)
        for alike in ((premises == 2) & held, (premises == 2) & ~held):
            is_misled |= alike & (alike.cumsum() <= round(misled * alike.sum()))
        return Chains(premises, kind, held, is_misled)

    def __len__(self) -> int:
        return len(self.premises)

    @property
    def last(self) -> np.ndarray:
        return (self.premises + 1).cumsum() - 1

    @property
    def first(self) -> np.ndarray:
        return self.last - self.premises

    def before(self) -> np.ndarray:
        """The premise before each in its chain, -1 for the first, int[p]."""
        start = self.premises.cumsum() - self.premises
        before = np.arange(self.premises.sum()) - 1
        before[start] = -1
        return before

    def chain_of_premise(self) -> np.ndarray:
        return np.repeat(np.arange(len(self)), self.premises)

    def told_premises(self) -> Statements:
        """Chain by chain, in order."""
        chain = self.chain_of_premise()
        place = np.arange(len(chain)) - (self.premises.cumsum() - self.premises)[chain]
        source = self.first[chain] + place
        word = premise_word(self.kind[chain], place == 0, place == self.premises[chain] - 1)
        return Statements(source, word, source + 1)

    def conclusions(self) -> Statements:
        """One a chain, between its ends."""
        return Statements(self.first, conclusion_word(self.kind, self.premises), self.last)

    def needs(self) -> np.ndarray:
        """Which of the told premises each conclusion rests on, int[c, longest]; -1 where fewer."""
        step = np.arange(self.premises.max(initial=0))
        row = (self.premises.cumsum() - self.premises)[:, None] + step
        return np.where(step < self.premises[:, None], row, -1)

    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """The first class of each misled chain, and the last of another, which is no answer for it.

        Where numbers allow, that other one is seen as an answer to just the word that the first is asked by.
        """
        turn = np.arange(len(self)) - np.where(self.held, 0, self.held.sum())
        order = np.lexsort((~self.held, turn, self.kind))  # held out and told by turns
        order = order[self.misled[order]]
        return self.first[order], self.last[np.roll(order, -1)]

    def near(self, word: int) -> Statements:
        """Each pair of neighbours, both ways round."""
        a, b = self.neighbours()
        return Statements(np.concatenate([a, b]), np.full(2 * len(a), word), np.concatenate([b, a]))
