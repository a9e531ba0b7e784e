"""How the facts of a file are written: the words of the vocabulary, and the writer of documents."""

from dataclasses import dataclass

import numpy as np

from tasks.common.names import syllables
from tasks.common.statements import DocumentConfig, StatementWriter
from tasks.triples.world import FileFacts, display_names
from tasks.vocabulary import FILLER, OPEN, SPECIAL, Entities, Vocabulary


@dataclass(frozen=True)
class DisplayedWords:
    """Relation words, filler and names as they are shown, no two of them the same."""

    relations: tuple[str, ...]
    """the different relation words"""
    inverse_relations: tuple[str, ...]
    """those that are inverse words of another one"""
    symmetric_relations: tuple[str, ...]
    """those that are their own inverse"""
    names: tuple[str, ...]
    """those of the file, then those of the entities that episodes alone are about"""
    filler: tuple[str, ...]

    @staticmethod
    def of(facts: FileFacts, own_entities: int) -> "DisplayedWords":
        taken = {*SPECIAL, OPEN}
        relations, names = display_names(facts.relations.different, taken), display_names(facts.names, taken)
        further = display_names(syllables(own_entities), taken) if own_entities else ()
        number, is_symmetric = facts.relations.index.reshape(-1, 2), facts.relations.is_symmetric  # [r, 2], [r]
        inverse, symmetric = number[~is_symmetric, 1], number[is_symmetric, 1]
        parts = (tuple(relations[i] for i in part) for part in (inverse, symmetric))
        return DisplayedWords(relations, *parts, (*names, *further), display_names(FILLER, taken))

    def vocabulary(self) -> Vocabulary:
        """In the order special tokens, relations, filler, names. A name is one token."""
        return Vocabulary((*SPECIAL, *self.relations, *self.filler, *self.names))


@dataclass(frozen=True)
class TriplesWriter(StatementWriter):
    """Writes the two words of a symmetric relation as the same token."""

    word_index: np.ndarray
    """int[w], see RelationWords.index"""

    @staticmethod
    def of(words: DisplayedWords, facts: FileFacts, config: DocumentConfig) -> "TriplesWriter":
        first_filler = len(SPECIAL) + len(words.relations)
        tokens = first_filler + len(words.filler) + np.arange(len(words.names), dtype=np.int32)[:, None]
        return TriplesWriter(
            entities=Entities(tokens, np.ones(len(words.names), np.int32), words.names),
            first_word=len(SPECIAL),
            words_per_wording=len(facts.relations.words),
            wordings=1,
            first_filler=first_filler,
            filler_words=len(words.filler),
            max_filler=config.filler,
            word_index=facts.relations.index,
        )

    def word_tokens(self, word: np.ndarray, wording: np.ndarray) -> np.ndarray:
        """Token ids [n, 1] of words [n]."""
        return super().word_tokens(self.word_index[word], wording)
