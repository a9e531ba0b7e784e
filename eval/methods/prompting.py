"""Questions behind a prompt: what all methods that prompt share.

A prompt is documents one after another, as in the episodes that a model may have trained on:

    [begin] A r B [separator] C q' D [separator] B r' _
"""

import zlib
from abc import ABC, abstractmethod

import numpy as np

from config.validation import SettingError
from eval.methods.base import AnswerMethod
from eval.trained_model import TrainedModel
from tasks.common.segments import concatenate, of_documents, special
from tasks.corpus import NONE, Cloze, Documents, Questions
from tasks.vocabulary import BEGIN, SEPARATOR, Entities

MAX_BEGINNINGS = 32  # different beginnings of candidate names, each without its last token


class PromptedMethod(AnswerMethod, ABC):
    """Asks the objective, with a prompt before each question."""

    @abstractmethod
    def apply_prompt(self, trained: TrainedModel, questions: Questions) -> Questions:
        """The questions behind their prompts, one each."""

    def candidate_log_probs(
        self, trained: TrainedModel, questions: Questions, candidates: Entities
    ) -> np.ndarray | None:
        """As AnswerMethod; None, too, for more than MAX_BEGINNINGS: each needs a pass over all prompts."""
        if len(np.unique(candidates.tokens[:, :-1], axis=0)) > MAX_BEGINNINGS:
            return None
        return super().candidate_log_probs(trained, questions, candidates)


def require_positions(trained: TrainedModel, tokens: int) -> None:
    """Raises SettingError unless the network has positions for so many tokens."""
    t, max_positions = trained.objective.max_length(tokens), trained.modules["network"].position.max_positions
    if max_positions is not None and t > max_positions:
        raise SettingError(
            f"a prompt has {t} tokens, but this network has {max_positions} positions: ask with fewer documents, or "
            "train with longer ones (task.episodes.max_facts), or with relative or alibi positions, which have no limit"
        )


def with_prompt(cloze: Cloze, documents: Documents, rows: np.ndarray) -> Cloze:
    """The questions behind the `documents` rows[q, m] (-1: none), each followed by [separator], all without [begin]."""
    segments = [special(BEGIN, np.ones(len(cloze), bool))]
    for row in rows.T:
        document, present = documents[row], row >= 0
        in_prompt = present[:, None] & (document.tokens != BEGIN)
        segments += [of_documents(document, in_prompt, NONE), special(SEPARATOR, present)]
    question = cloze.documents
    prompted = concatenate(*segments, of_documents(question, question.tokens != BEGIN))
    return Cloze(prompted, cloze.start + prompted.lengths - question.lengths, cloze.size)


def question_rng(cloze: Cloze, i: int) -> np.random.Generator:
    """A generator seeded by the tokens of question i, so that its prompt depends on no other question."""
    documents = cloze.documents
    return np.random.default_rng(zlib.crc32(documents.tokens[i, : documents.lengths[i]].tobytes()))
