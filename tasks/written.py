"""What tasks have in common: settings of their documents and names, and the words that both are written with."""

from dataclasses import dataclass

import numpy as np

from tasks import world
from tasks.settings import require
from tasks.statements import Writer
from tasks.vocabulary import FILLER, SPECIAL, Vocabulary


@dataclass(frozen=True, kw_only=True)
class Written:
    """Settings of the documents of every task."""

    filler: int = 2
    """most filler tokens before, and after, the statements of a document (0 to this many, at random)"""
    statements: int = 1
    """statements a document, joined by [separator]"""
    renderings: int = 16
    """documents in which each statement stands, each time with other filler and other neighbours; time and memory
    grow with it (a million facts fit 1 GiB with one)"""

    def __post_init__(self):
        require(self.filler >= 0, "task.filler", self.filler, "0 or more")
        for name in ("statements", "renderings"):
            require(getattr(self, name) >= 1, f"task.{name}", getattr(self, name), "1 or more")


@dataclass(frozen=True, kw_only=True)
class Named(Written):
    """Settings of the names of a task's entities, where those are made up."""

    shortest_name: int = 1
    """tokens in the shortest names"""
    longest_name: int = 1
    """tokens in the longest names; lengths in between are equally frequent"""

    def __post_init__(self):
        super().__post_init__()
        require(self.shortest_name >= 1, "task.shortest_name", self.shortest_name, "1 or more")
        longer = f"task.shortest_name ({self.shortest_name}) or more"
        require(self.longest_name >= self.shortest_name, "task.longest_name", self.longest_name, longer)

    def enough_pieces(self, entities: int) -> int:
        """Pieces in a pool that so many names share: one each, or an eighth of that without one-token names."""
        return entities if self.shortest_name == 1 else max(16, entities // 8)

    def vocabulary_and_writer(
        self, relations: tuple[str, ...], entities: int, pieces: int | None, rng: np.random.Generator
    ) -> tuple[Vocabulary, Writer]:
        """All words, those of `relations` before filler and names, and what writes statements about so many `entities`
        with them; `pieces` as in world.name_entities."""
        first_filler = len(SPECIAL) + len(relations)
        first_piece = first_filler + len(FILLER)
        tokens_a_name = (self.shortest_name, self.longest_name)
        piece_words, named = world.name_entities(entities, tokens_a_name, pieces, first_piece, rng)
        vocabulary = Vocabulary((*SPECIAL, *relations, *FILLER, *piece_words))
        return vocabulary, Writer(named, len(SPECIAL), len(relations), 1, first_filler, len(FILLER), self.filler)
