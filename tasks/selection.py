"""Chooses a few documents and questions to show: documents that state the premises of the questions."""

import numpy as np

from tasks.corpus import Corpus, Documents, Questions
from tasks.vocabulary import END


def choose_questions(corpus: Corpus, held_out: tuple[str, ...]) -> dict[str, Questions]:
    """A question of each split: the first held-out one, and those that share most premises with it."""
    first_split = next(split for split in (*held_out, *corpus.questions) if split in corpus.questions)
    premises = corpus.questions[first_split].premises[0]
    chosen = {}
    for split, questions in corpus.questions.items():
        shared = np.isin(questions.premises, premises[premises >= 0]).sum(1)
        chosen[split] = questions[shared.argmax(keepdims=True)]
    return chosen


def choose_documents(
    documents: Documents, questions: dict[str, Questions], held_out: tuple[str, ...], count: int
) -> list[int]:
    """Rows of `count` plain documents: those with premises of the questions, held-out ones first, and then others."""
    by_split = sorted(questions, key=lambda split: split not in held_out)
    supporting = [rows[0] for split in by_split for rows in support_documents(questions[split]) if rows]
    others = np.flatnonzero(~is_chain_of_thought(documents))[:count].tolist()
    return list(dict.fromkeys(supporting + others))[:count]


def support_documents(question: Questions) -> list[list[int]]:
    """For each premise of a question, the documents that state it."""
    by_premise = question.support_documents[0][question.premises[0] >= 0]
    return [[row for row in rows if row >= 0] for rows in by_premise.tolist()]


def choose_different(documents: Documents, count: int) -> Documents:
    """At most `count` documents, all different, and far apart: such neighbours are about the same split."""
    different = np.sort(np.unique(documents.tokens, axis=0, return_index=True)[1])
    indices = np.unique(np.linspace(0, len(different) - 1, count).astype(int))
    return documents[different[indices]]


def is_chain_of_thought(documents: Documents) -> np.ndarray:
    """bool[n]: no other document has an [end]."""
    return (documents.tokens == END).any(1)
