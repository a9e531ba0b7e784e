"""Retrieval: training documents, looked up and put in front of the question (RAG, Lewis et al. 2020, 2005.11401).

Three ways of looking up: an oracle that knows which documents hold the needed facts (Lampinen et al. 2025b,
2509.16189), the words of the question (BM25), and the model's own representation of it. Documents that tell the same
with other filler count as one.
"""

import os
from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from eval.store import Store
from eval.trained import Trained
from eval.ways.prompted import Prompted, drawn, with_prompt
from model.objectives.batch import to_tensors
from tasks.corpus import NONE, Corpus, Documents, Questions
from tasks.settings import require
from tasks.vocabulary import MASK

if TYPE_CHECKING:
    from bm25s import BM25

CHUNK = 4096  # documents a pass


class Retrieval(Prompted):
    """Puts what `rows` found in front of the question, the best last, next to it."""

    def prompt(self, trained: Trained, questions: Questions) -> Questions:
        store = store_of(trained.corpus)
        return with_prompt(questions, store.documents, self.rows(trained, store, questions)[:, ::-1])

    def found(self, trained: Trained, questions: Questions) -> np.ndarray:
        store = store_of(trained.corpus)
        return store.found(questions, self.rows(trained, store, questions))

    @abstractmethod
    def rows(self, trained: Trained, store: Store, questions: Questions) -> np.ndarray:
        """The documents of the store for each question, int[q, k], the best first; -1 where fewer."""


@dataclass(frozen=True)
class OracleRetrieval(Retrieval):
    irrelevant: int = 3
    """documents that hold none of the needed facts"""

    def __post_init__(self):
        require(self.irrelevant >= 0, "distractors", self.irrelevant, "0 or more")

    def rows(self, trained: Trained, store: Store, questions: Questions) -> np.ndarray:
        holding = store.holding(questions)
        most = len(store) - max((len(np.unique(needed[needed >= 0])) for needed in holding), default=0)
        require(self.irrelevant <= most, "distractors", self.irrelevant, f"0 to {most}, the documents that are left")
        found = np.full((len(questions), holding.shape[1] + self.irrelevant), -1)
        for i, needed in enumerate(holding):
            rng = drawn(questions, i)
            right = [rng.choice(one[one >= 0]) for one in needed if (one >= 0).any()]
            others = [row for row in rng.permutation(len(store))[: self.irrelevant + needed.size] if row not in needed]
            chosen = rng.permutation(np.concatenate([right, others[: self.irrelevant]]).astype(int))
            found[i, : len(chosen)] = chosen
        return found


@dataclass(frozen=True)
class LexicalRetrieval(Retrieval):
    documents: int = 4
    """documents in the prompt"""

    def __post_init__(self):
        require(self.documents >= 1, "documents", self.documents, "1 or more")

    def rows(self, trained: Trained, store: Store, questions: Questions) -> np.ndarray:
        index, k = index_of(trained.corpus), min(self.documents, len(store))
        asked = questions.documents
        known = (asked.roles != NONE) & (asked.tokens != MASK)
        words = [[str(token) for token in row[there]] for row, there in zip(asked.tokens, known)]
        return index.retrieve(words, k=k, return_as="documents", show_progress=False).astype(int)


@dataclass(frozen=True)
class DenseRetrieval(Retrieval):
    documents: int = 4
    """documents in the prompt"""

    def __post_init__(self):
        require(self.documents >= 1, "documents", self.documents, "1 or more")

    def rows(self, trained: Trained, store: Store, questions: Questions) -> np.ndarray:
        near = represent(trained, questions.documents) @ represent(trained, store.documents).T
        return np.argsort(-near, axis=1, kind="stable")[:, : self.documents]


@lru_cache(maxsize=4)
def store_of(corpus: Corpus) -> Store:
    return Store.of(corpus)


@lru_cache(maxsize=4)
def index_of(corpus: Corpus) -> "BM25":
    """BM25 (Robertson & Zaragoza 2009) over the words of the documents, by bm25s (Lù 2024, 2407.03618)."""
    # When bm25s is imported it tries JAX, which where it is installed would take most of a GPU's memory.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from bm25s import BM25

    documents, index = store_of(corpus).documents, BM25()
    words = [[str(t) for t in row[:n]] for row, n in zip(documents.tokens.tolist(), documents.lengths)]
    index.index(words, show_progress=False)
    return index


@torch.inference_mode()
def represent(trained: Trained, documents: Documents) -> np.ndarray:
    """The mean of the last layer over what is stated and known, float[n, d], of length 1."""
    network, device = trained.modules["network"], next(trained.modules.parameters()).device
    found = []
    for start in range(0, len(documents), CHUNK):
        chunk = documents[start : start + CHUNK]
        batch = to_tensors(trained.objective.read(chunk), device)
        hidden = network(batch["tokens"], trained.objective.visibility(batch)).float().cpu().numpy()
        stated = (chunk.roles != NONE) & (chunk.tokens != MASK)
        mean = (hidden * stated[..., None]).sum(1)
        found.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    return np.concatenate(found)
