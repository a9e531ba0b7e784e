"""Episodes beside the facts of a file, in which a head and a relation may have several tails."""

from dataclasses import dataclass

from tasks.common.episodes import Statement
from tasks.reversal.episodes import ReversalEpisodes

MAX_DENSITY = 0.2  # of one relation: share of pairs that are true, up to which others are drawn soon


@dataclass(frozen=True)
class TriplesEpisodes(ReversalEpisodes):
    """Draws episodes as ReversalEpisodes does, of facts that the file does not state."""

    true_facts: frozenset[tuple[int, int, int]]
    """head, forward word and tail of all facts of the file; one tail a head, as `tail_of` has it, is not enough"""

    def is_true(self, fact: Statement) -> bool:
        return (fact.source, fact.word, fact.target) in self.true_facts
