"""The words of a corpus and their token ids, and the names of entities that they make up.

Every corpus starts with the same special tokens, so no objective changes the vocabulary.
To add one: put it at the end of SPECIAL, so that the ids of the others stay.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SPECIAL = (
    "[pad]",
    "[begin]",
    "[end]",
    "[mask]",
    "[separator]",
    "[forward]",
    "[reversed]",
    "[delimiter]",
    "[sentinel-0]",
    "[sentinel-1]",
    "[sentinel-2]",
    "[sentinel-3]",
)
PAD, BEGIN, END, MASK, SEPARATOR, FORWARD, REVERSED, DELIMITER = range(8)
SENTINELS = range(8, 12)
BEFORE, AFTER, MIDDLE = SENTINELS[:3]  # as fill-in-the-middle uses them
FILLER = ("well", "just", "then", "now", "yes", "indeed", "also", "again", "oh", "right", "still", "too")
OPEN = "_"  # an open token where a person reads or types a question; no name is shown as it


@dataclass(frozen=True)
class Vocabulary:
    """The words of a corpus and their token ids."""

    words: tuple[str, ...]
    """in the order of their token ids: SPECIAL first, then those of the task"""

    def __post_init__(self):
        assert self.words[: len(SPECIAL)] == SPECIAL, "special tokens come first"
        assert len(set(self.words)) == len(self.words), "no word is repeated"

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def text(self, tokens: np.ndarray) -> str:
        """The words of `tokens`[t], without padding."""
        return " ".join(self.words[i] for i in tokens if i != PAD)


@dataclass(frozen=True)
class Entities:
    """The entities of a world and their names.

    No name is the beginning of another one of the same length. So the tokens of a span tell which name it is.
    """

    tokens: np.ndarray
    """int32[e, k], the tokens of each name, padded on the right"""
    lengths: np.ndarray
    """int32[e], tokens of each name"""
    names: tuple[str, ...]
    """each name as text, its tokens joined by "-" """
    alphabet: np.ndarray | None = None
    """int8[e], where names are of several alphabets: a question tells which one its answer is of"""

    def __len__(self) -> int:
        return len(self.names)
