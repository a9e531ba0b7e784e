"""Retrieval: training documents in the prompt of a question (RAG, Lewis et al. 2020, 2005.11401).

They are chosen by an oracle that knows which documents hold the premises (Lampinen et al. 2025b, 2509.16189), by the
words of the question (BM25), or by the model's own representation of it.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from config.validation import require, require_at_least
from eval.methods.index import DocumentIndex, bm25_index, document_index
from eval.methods.prompting import PromptedMethod, question_rng, with_prompt
from eval.trained_model import TrainedModel
from model.objectives.batch import to_tensors
from tasks.corpus import NONE, Documents, Questions
from tasks.vocabulary import MASK

CHUNK = 4096  # documents a pass; bounds memory


class Retrieval(PromptedMethod):
    """Puts the retrieved documents before the question, the best one last."""

    def apply_prompt(self, trained: TrainedModel, questions: Questions) -> Questions:
        index = document_index(trained.corpus)
        entries = self.retrieve(trained, index, questions)
        return replace(questions, cloze=with_prompt(questions.cloze, index.documents, entries[:, ::-1]))

    def all_retrieved(self, trained: TrainedModel, questions: Questions) -> np.ndarray:
        index = document_index(trained.corpus)
        return index.all_retrieved(questions, self.retrieve(trained, index, questions))

    @abstractmethod
    def retrieve(self, trained: TrainedModel, index: DocumentIndex, questions: Questions) -> np.ndarray:
        """The entries of the index for each question, int[q, k], the best one first; -1 where there are fewer."""


@dataclass(frozen=True)
class OracleRetrieval(Retrieval):
    """A document that holds each premise, and distractors, in random order."""

    name: ClassVar = "oracle-retrieval"

    distractors: int = 3
    """documents in the prompt that hold no premise of a question"""

    def __post_init__(self):
        require_at_least(self, self.name, 0, "distractors")

    def retrieve(self, trained: TrainedModel, index: DocumentIndex, questions: Questions) -> np.ndarray:
        support_entries = index.support_entries(questions)
        max_needed = max((len(np.unique(needed[needed >= 0])) for needed in support_entries), default=0)
        available = len(index) - max_needed
        allowed = f"0 to {available}, the other documents"
        require(self.distractors <= available, f"{self.name}.distractors", self.distractors, allowed)
        retrieved = np.full((len(questions), support_entries.shape[1] + self.distractors), -1)
        for i, needed in enumerate(support_entries):
            rng = question_rng(questions.cloze, i)
            premises = [rng.choice(entries[entries >= 0]) for entries in needed if (entries >= 0).any()]
            candidates = rng.permutation(len(index))[: self.distractors + needed.size]
            distractors = [entry for entry in candidates if entry not in needed][: self.distractors]
            chosen = rng.permutation(np.concatenate([premises, distractors]).astype(int))
            retrieved[i, : len(chosen)] = chosen
        return retrieved


@dataclass(frozen=True)
class LexicalRetrieval(Retrieval):
    """The documents with the highest BM25 for the words of the question."""

    name: ClassVar = "lexical-retrieval"

    documents: int = 4
    """documents in the prompt"""

    def __post_init__(self):
        require_at_least(self, self.name, 1, "documents")

    def retrieve(self, trained: TrainedModel, index: DocumentIndex, questions: Questions) -> np.ndarray:
        documents = questions.cloze.documents
        words = [[str(token) for token in row[mask]] for row, mask in zip(documents.tokens, is_in_statement(documents))]
        bm25, k = bm25_index(trained.corpus), min(self.documents, len(index))
        return bm25.retrieve(words, k=k, return_as="documents", show_progress=False).astype(int)


@dataclass(frozen=True)
class DenseRetrieval(Retrieval):
    """The documents with the highest cosine similarity to the question, as the model represents both."""

    name: ClassVar = "dense-retrieval"

    documents: int = 4
    """documents in the prompt"""

    def __post_init__(self):
        require_at_least(self, self.name, 1, "documents")

    def retrieve(self, trained: TrainedModel, index: DocumentIndex, questions: Questions) -> np.ndarray:
        similarity = represent(trained, questions.cloze.documents) @ represent(trained, index.documents).T
        return np.argsort(-similarity, axis=1, kind="stable")[:, : self.documents]


def is_in_statement(documents: Documents) -> np.ndarray:
    """bool[n, t]: the tokens that have a role and are not open."""
    return (documents.roles != NONE) & (documents.tokens != MASK)


def represent(trained: TrainedModel, documents: Documents) -> np.ndarray:
    """The mean of the last hidden states over the tokens of statements, float[n, d], of norm 1."""
    network, device = trained.modules["network"], next(trained.modules.parameters()).device
    vectors = []
    for start in range(0, len(documents), CHUNK):
        chunk = documents[start : start + CHUNK]
        batch = to_tensors(trained.objective.encode_batch(chunk), device)
        hidden = network(batch["tokens"], trained.objective.visibility_of(batch)).float().detach().cpu().numpy()
        mean = (hidden * is_in_statement(chunk)[..., None]).sum(1)
        vectors.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    return np.concatenate(vectors)
