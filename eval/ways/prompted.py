"""Questions with something in front of them: what every way of answering from a prompt shares.

A prompt is documents one after another, as in the documents with throwaway facts that a model trained on:

    [begin] A r B [separator] C q' D [separator] B r' _
"""

import zlib
from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from eval.trained import Trained
from eval.ways.closed_book import ClosedBook
from tasks.corpus import NONE, Documents, Entities, Questions, pack
from tasks.settings import SettingError
from tasks.vocabulary import BEGIN, SEPARATOR

BEGINNINGS = 32  # different beginnings of names, the last token left out


class Prompted(ClosedBook, ABC):
    """Asks closed book, with something in front."""

    @abstractmethod
    def prompt(self, trained: Trained, questions: Questions) -> Questions:
        """The questions with their prompts, one each."""

    def score(self, trained: Trained, questions: Questions, candidates: Entities) -> np.ndarray | None:
        """None, too, where candidates have more than BEGINNINGS: each would take a pass over whole prompts."""
        if len(np.unique(candidates.tokens[:, :-1], axis=0)) > BEGINNINGS:
            return None
        return super().score(trained, questions, candidates)


def require_places(trained: Trained, tokens: int) -> None:
    """Raises SettingError where the network has no positions for so many tokens."""
    t, places = trained.objective.max_length(tokens), trained.modules["network"].position.places
    if places is not None and t > places:
        raise SettingError(
            f"a prompt has {t} tokens, but this network knows {places} places: ask with fewer documents, or train with "
            "longer ones (task.context_facts), or with relative or alibi positions, which know any number"
        )


def with_prompt(questions: Questions, documents: Documents, rows: np.ndarray) -> Questions:
    """The questions behind the `documents` rows[q, m] (-1: none), each followed by [separator], all without [begin]."""
    blocks = [(np.full((len(questions), 1), BEGIN), np.ones((len(questions), 1), bool))]
    for row in rows.T:
        there = row[:, None] >= 0
        inside = np.arange(documents.tokens.shape[1]) < documents.lengths[row, None]
        blocks.append((documents.tokens[row], there & inside & (documents.tokens[row] != BEGIN)))
        blocks.append((np.full((len(row), 1), SEPARATOR), there))
    own = questions.documents
    inside = np.arange(own.tokens.shape[1]) < own.lengths[:, None]
    blocks.append((own.tokens, inside & (own.tokens != BEGIN)))
    tokens, present = (np.concatenate(parts, axis=1) for parts in zip(*blocks))
    roles = np.full(tokens.shape, NONE, np.int8)
    roles[:, -own.roles.shape[1] :] = own.roles
    packed = pack(tokens.astype(np.int32), roles, present)
    return replace(questions, documents=packed, start=questions.start + packed.lengths - own.lengths)


def drawn(questions: Questions, i: int) -> np.random.Generator:
    """Random numbers that depend on question i alone, whichever others are asked beside it."""
    asked = questions.documents.tokens[i, : questions.documents.lengths[i]]
    return np.random.default_rng(zlib.crc32(asked.tobytes()))
