"""An index of the training documents: documents with the same statements are one entry, found by word with BM25."""

import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.segments import pack
from tasks.corpus import NONE, Corpus, Documents, Questions

if TYPE_CHECKING:
    from bm25s import BM25


@dataclass(frozen=True)
class DocumentIndex:
    """The different training documents of a corpus."""

    documents: Documents
    """one for each entry"""
    entry: np.ndarray
    """int[d], the entry of each training document"""

    @staticmethod
    def from_corpus(corpus: Corpus) -> "DocumentIndex":
        """An entry for all documents that differ in filler only; it keeps the first of them."""
        documents = corpus.documents
        statements = pack(documents.tokens, documents.roles, documents.roles != NONE).tokens
        _, first, sorted_entry = np.unique(statements, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")  # as in training
        return DocumentIndex(documents[first[order]], np.argsort(order)[sorted_entry.ravel()])

    def __len__(self) -> int:
        return len(self.documents)

    def support_entries(self, questions: Questions) -> np.ndarray:
        """The entries that hold each premise of each question, int[q, m, s]; -1 where there are fewer."""
        return np.where(questions.support_documents >= 0, self.entry[questions.support_documents], -1)

    def all_retrieved(self, questions: Questions, entries: np.ndarray) -> np.ndarray:
        """bool[q]: whether all premises of each question are in its entries[q, k]."""
        support_entries = self.support_entries(questions)[..., None]  # [q, m, s, 1]
        is_match = (support_entries == entries[:, None, None]) & (support_entries >= 0)  # [q, m, s, k]
        is_needed = questions.premises >= 0
        return (is_match.any((2, 3)) | ~is_needed).all(1) & is_needed.any(1)


@lru_cache(maxsize=4)
def document_index(corpus: Corpus) -> DocumentIndex:
    return DocumentIndex.from_corpus(corpus)


@lru_cache(maxsize=4)
def bm25_index(corpus: Corpus) -> "BM25":
    """BM25 (Robertson & Zaragoza 2009) over the words of the entries, by bm25s (Lù 2024, 2407.03618)."""
    # The import of bm25s tries JAX which, where it is installed, would take most of a GPU's memory.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook without ipywidgets, of a progress bar that is never shown
        from bm25s import BM25

    documents, bm25 = document_index(corpus).documents, BM25()
    words = [[str(token) for token in row[:n]] for row, n in zip(documents.tokens.tolist(), documents.lengths)]
    bm25.index(words, show_progress=False)
    return bm25
