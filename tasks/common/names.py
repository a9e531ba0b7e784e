"""Made-up names of entities, and the vocabulary of a world that has such names."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from config.validation import SettingError, require, require_at_least, require_at_most
from tasks.common.statements import DocumentConfig, StatementWriter
from tasks.vocabulary import FILLER, SPECIAL, Entities, Vocabulary

MAX_LENGTH = 100  # tokens of a name


@dataclass(frozen=True, kw_only=True)
class NameConfig:
    """Settings of made-up names."""

    main_settings: ClassVar = ()

    min_length: int = 1
    """tokens in the shortest names"""
    max_length: int = 1
    """tokens in the longest names; all lengths are equally frequent"""
    shared_pieces: bool = True
    """whether names are drawn from one pool of pieces; otherwise each piece stands in one name only"""
    pieces: int | None = None
    """pieces in the shared pool; None: as many as entities, or an eighth (at least 16) without one-token names"""

    def __post_init__(self):
        require_at_least(self, "task.names", 1, "min_length", "pieces")
        allowed = f"task.names.min_length ({self.min_length}) or more"
        require_at_most(self, "task.names", MAX_LENGTH, "max_length")
        require(self.max_length >= self.min_length, "task.names.max_length", self.max_length, allowed)

    def pool_size(self, entities: int) -> int | None:
        """Pieces in the pool that the names of so many entities share. None: no piece is shared."""
        if not self.shared_pieces:
            return None
        return self.pieces or (entities if self.min_length == 1 else max(16, entities // 8))

    def build(
        self, relations: tuple[str, ...], entities: int, documents: DocumentConfig, rng: np.random.Generator
    ) -> tuple[Vocabulary, StatementWriter]:
        """The vocabulary of a world with so many `entities`, and a writer of statements in it.

        The words stand in the order special tokens, `relations`, filler, pieces of names.
        """
        first_filler = len(SPECIAL) + len(relations)
        words, named = draw_names(self, entities, first_filler + len(FILLER), rng)
        vocabulary = Vocabulary((*SPECIAL, *relations, *FILLER, *words))
        writer = StatementWriter(
            entities=named,
            first_word=len(SPECIAL),
            words_per_wording=len(relations),
            wordings=1,
            first_filler=first_filler,
            filler_words=len(FILLER),
            max_filler=documents.filler,
        )
        return vocabulary, writer


def draw_names(
    config: NameConfig, entities: int, first_id: int, rng: np.random.Generator
) -> tuple[list[str], Entities]:
    """The words of all pieces, and entities in random order. Token ids of pieces start at `first_id`.

    With a shared pool, every name is another sequence of pieces. The pool is divided by the length of the names that a
    piece may begin, so that no name is the beginning of another. Raises SettingError where the pool is too small.
    """
    lengths = range(config.min_length, config.max_length + 1)
    sizes = np.resize(np.array(lengths), entities).astype(np.int32)
    tokens = np.zeros((entities, config.max_length), np.int32)
    position = np.arange(config.max_length)
    if pieces := config.pool_size(entities):
        words = syllables(pieces)
        for length, first_pieces in zip(lengths, np.array_split(np.arange(pieces), len(lengths))):
            rows = np.flatnonzero(sizes == length)
            tokens[rows, :length] = draw_sequences(len(rows), length, first_pieces, pieces, rng)
    else:
        words = syllables(int(sizes.sum()))
        tokens[position < sizes[:, None]] = rng.permutation(len(words))
    order = rng.permutation(entities)
    tokens, sizes = tokens[order], sizes[order]
    names = tuple("-".join(words[i] for i in row[:size]) for row, size in zip(tokens.tolist(), sizes.tolist()))
    return words, Entities(np.where(position < sizes[:, None], tokens + first_id, 0).astype(np.int32), sizes, names)


def draw_sequences(
    count: int, length: int, first_pieces: np.ndarray, pieces: int, rng: np.random.Generator
) -> np.ndarray:
    """`count` different sequences of `length` pieces that begin with one of `first_pieces`, int[count, length]."""
    possible = min(len(first_pieces) * pieces ** (length - 1), 2**62)  # more than enough, and it fits a number
    if count > possible:
        raise SettingError(
            f"task.names.pieces is {pieces}, but {count} names of {length} tokens need more: "
            f"these give {possible} (raise task.names.pieces or lower task.entities)"
        )
    code = rng.choice(possible, count, replace=False)
    sequences = np.zeros((count, length), np.int32)
    for j in range(length - 1, 0, -1):
        code, sequences[:, j] = np.divmod(code, pieces)
    sequences[:, 0] = first_pieces[code]
    return sequences


def syllables(count: int) -> list[str]:
    """`count` different pieces that a person can read and tell apart, all of the same number of syllables."""
    short = [consonant + vowel for consonant in "bdfghjklmnprstvwz" for vowel in "aeiou"]
    length = 1
    while len(short) ** length < count:
        length += 1
    step = len(short) ** length // count  # spreads them evenly over all there are
    # Piece i is the number i * step, and its syllables are the digits of that number to the base of len(short).
    return [
        "".join(short[i * step // len(short) ** j % len(short)] for j in reversed(range(length))) for i in range(count)
    ]
