"""The training documents as something to look things up in: those that say the same are one."""

from dataclasses import dataclass

import numpy as np

from tasks.corpus import NONE, Corpus, Documents, Questions, pack


@dataclass(frozen=True)
class Store:
    """`documents`, one for each different text of statements; `place`[d]: where each training document went."""

    documents: Documents
    place: np.ndarray

    @staticmethod
    def of(corpus: Corpus) -> "Store":
        """Of all renderings of a statement the first is kept: filler tells them apart, and nothing else does."""
        documents = corpus.documents
        said = pack(documents.tokens, documents.roles, documents.roles != NONE).tokens
        _, first, place = np.unique(said, axis=0, return_index=True, return_inverse=True)
        kept = np.argsort(first, kind="stable")  # in the order of training
        return Store(documents[first[kept]], np.argsort(kept)[place.ravel()])

    def __len__(self) -> int:
        return len(self.documents)

    def holding(self, questions: Questions) -> np.ndarray:
        """Where what each question follows from is held, int[q, m, s], -1 where fewer."""
        return np.where(questions.support >= 0, self.place[questions.support], -1)

    def found(self, questions: Questions, rows: np.ndarray) -> np.ndarray:
        """bool[q]: whether all facts that each question needs stand in its documents `rows`[q, k]."""
        holding = self.holding(questions)
        there = ((holding[..., None] == rows[:, None, None]) & (holding[..., None] >= 0)).any((2, 3))
        return (there | (questions.needs < 0)).all(1) & (questions.needs >= 0).any(1)
