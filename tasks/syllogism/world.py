"""Chains of classes, the premises that link them and the conclusions that follow. One array row a chain.

To add a quantifier: a word in QUANTIFIERS, and its position in a chain in `premise_word`.
"""

from dataclasses import dataclass

import numpy as np

from tasks.common.statements import Statements

QUANTIFIERS = ("all", "none", "some")
ALL, NONE_OF, SOME = range(len(QUANTIFIERS))
NEAR = "near"


def syllogism_words(max_chain_length: int) -> tuple[str, ...]:
    """The words of premises, of conclusions from 2, 3, … `max_chain_length` premises, and the neutral word."""
    counts = ("", *range(2, max_chain_length + 1))
    # With "-are": "some" alone can be the name of a class.
    return (*(f"{quantifier}{count}-are" for count in counts for quantifier in QUANTIFIERS), NEAR)


def conclusion_word(quantifier: np.ndarray | int, premises: np.ndarray | int) -> np.ndarray | int:
    """The word of a statement that follows from so many premises; from one, the word of that premise."""
    return quantifier + len(QUANTIFIERS) * (premises - 1)


def premise_word(
    quantifier: np.ndarray | int, is_first: np.ndarray | bool, is_last: np.ndarray | bool
) -> np.ndarray | int:
    """The word of a premise that is the first or the last one, or neither, of a chain.

    `quantifier` is that of the chain's conclusion. The moods are those of the first figure: all all → all (Barbara),
    all none → none (Celarent), some all → some (Darii).
    """
    has_quantifier = (quantifier == ALL) | ((quantifier == NONE_OF) & is_last) | ((quantifier == SOME) & is_first)
    return quantifier * has_quantifier  # ALL, which is 0, for the other premises


@dataclass(frozen=True)
class Chains:
    """The chains of a world. Classes are numbered chain by chain, and no class is in two chains."""

    lengths: np.ndarray
    """int[c], premises in each chain"""
    quantifier: np.ndarray
    """int[c], the quantifier of its conclusion"""
    held_out: np.ndarray
    """bool[c], whether no document states its conclusion"""
    misleading: np.ndarray
    """bool[c], whether documents state its ends to be near ends of other chains"""

    @staticmethod
    def build(count: int, max_length: int, held_out_share: float, misleading_share: float) -> "Chains":
        """`count` chains, the same for every seed.

        Lengths and quantifiers alternate, so that any share of the chains, from the first on, has equally many of each.
        """
        chain, num_lengths = np.arange(count), max_length - 1
        lengths, quantifier = 2 + chain % num_lengths, chain // num_lengths % len(QUANTIFIERS)
        held_out, misleading = chain < round(held_out_share * count), np.zeros(count, bool)
        for group in ((lengths == 2) & held_out, (lengths == 2) & ~held_out):
            misleading |= group & (group.cumsum() <= round(misleading_share * group.sum()))
        return Chains(lengths, quantifier, held_out, misleading)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def classes(self) -> int:
        """Classes in all chains, one more a chain than premises."""
        return int(self.lengths.sum()) + len(self)

    @property
    def last_class(self) -> np.ndarray:
        """int[c]"""
        return (self.lengths + 1).cumsum() - 1

    @property
    def first_class(self) -> np.ndarray:
        """int[c]"""
        return self.last_class - self.lengths

    @property
    def first_premise(self) -> np.ndarray:
        """int[c], the row of `premises` that begins each chain."""
        return self.lengths.cumsum() - self.lengths

    def chain_of_premise(self) -> np.ndarray:
        """int[p], the chain of each premise."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def previous_premise(self) -> np.ndarray:
        """int[p], the premise before each one in its chain; -1 for the first."""
        previous = np.arange(self.lengths.sum()) - 1
        previous[self.first_premise] = -1
        return previous

    def premises(self) -> Statements:
        """All premises, chain by chain, in order."""
        chain = self.chain_of_premise()
        position = np.arange(len(chain)) - self.first_premise[chain]
        source = self.first_class[chain] + position
        word = premise_word(self.quantifier[chain], position == 0, position == self.lengths[chain] - 1)
        return Statements(source, word, source + 1)

    def conclusions(self) -> Statements:
        """The conclusion of each chain, between its ends."""
        return Statements(self.first_class, conclusion_word(self.quantifier, self.lengths), self.last_class)

    def premise_rows(self) -> np.ndarray:
        """The premises of each conclusion, as rows of `premises`: int[c, max_length]; -1 where there are fewer."""
        position = np.arange(self.lengths.max(initial=0))
        rows = self.first_premise[:, None] + position
        return np.where(position < self.lengths[:, None], rows, -1)

    def neutral_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The first class of each misleading chain, and the last class of another one, which is a wrong answer.

        Where numbers allow, training states that other class as an answer to the same word.
        """
        rank = np.arange(len(self)) - np.where(self.held_out, 0, self.held_out.sum())
        order = np.lexsort((~self.held_out, rank, self.quantifier))  # held-out and stated conclusions alternate
        order = order[self.misleading[order]]
        return self.first_class[order], self.last_class[np.roll(order, -1)]

    def neutral_statements(self, word: int) -> Statements:
        """Each neutral pair in both orders."""
        first, other = self.neutral_pairs()
        return Statements(np.concatenate([first, other]), np.full(2 * len(first), word), np.concatenate([other, first]))
