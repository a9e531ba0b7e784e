"""Documents that think: a question, the facts it needs, and only then its answer.

Held-out questions are divided before training into a reward part, which such documents and rewards may touch, and a
test part, which nothing does. No question of one needs a fact that a question of the other needs.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.corpus import NONE, RELATION, TARGET, Corpus, Documents, Premises, Questions, pack
from tasks.elimination import eliminated
from tasks.settings import require
from tasks.vocabulary import END, SEPARATOR
from tasks.written import Written

REWARD = "_reward"  # ends the names of the splits of the reward part


@dataclass(frozen=True, kw_only=True)
class Thoughts(Written):
    """Settings of every task with held-out questions (HELD_OUT)."""

    HELD_OUT: ClassVar[tuple[str, ...]]  # splits of inferences that training never told
    BY_WORD: ClassVar[tuple[str, ...]] = ()  # those of them where elimination leaves whom a word was never told of
    WATCHED: ClassVar[tuple[str, str]]  # what is told and what is not, for the splits that are watched while training
    MEANING: ClassVar[dict[str, str]]  # what each split asks, for a table

    reward: float = 0.0
    """share of the held-out questions that is set apart, for thoughts and rewards; what is left is the test part"""
    thoughts: int = 0
    """documents for each question set apart that answer it, the facts it needs first"""

    def __post_init__(self):
        super().__post_init__()
        require(0 <= self.reward < 1, "task.reward", self.reward, "0 or more and below 1")
        require(self.thoughts >= 0, "task.thoughts", self.thoughts, "0 or more")
        require(self.reward > 0 or not self.thoughts, "task.thoughts", self.thoughts, "0 where task.reward is 0")

    def divided(self, corpus: Corpus, held_out: tuple[str, ...], seed: int) -> Corpus:
        """The corpus with its `held_out` splits divided, and with documents that think."""
        splits = [split for split in held_out if split in corpus.questions]
        if not self.reward or not splits:
            return corpus
        rng, questions = np.random.default_rng([seed, 4]), dict(corpus.questions)
        apart = set_apart([corpus.questions[split] for split in splits], self.reward, rng)
        thinking = []
        for split, here in zip(splits, apart):
            parts = f"such that a part of the {len(here)} questions of {split!r} is left to test, and one set apart"
            require(0 < here.sum() < len(here), "task.reward", self.reward, parts)
            questions[split], chosen = corpus.questions[split][~here], corpus.questions[split][here]
            questions[split + REWARD] = chosen
            each, turn = np.arange(len(chosen)), np.arange(self.thoughts)
            thinking.append(thoughts(corpus, chosen[np.tile(each, self.thoughts)], turn.repeat(len(chosen))))
        if self.thoughts:
            by_word = [split for split in splits if split in self.BY_WORD]
            parts = {split: (questions[split], questions[split + REWARD]) for split in by_word}
            questions |= eliminated(corpus.documents, corpus.entities, parts)
        longest = max(
            corpus.questions[split].documents.tokens.shape[1] + 1 + most_said(corpus.premises, corpus.questions[split])
            for split in splits
        )
        return replace(
            corpus,
            questions=questions,
            documents=sum(thinking, corpus.documents),
            longest=max(corpus.longest, longest) if self.thoughts else corpus.longest,
        )


def set_apart(splits: list[Questions], share: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Which questions of each split are of the reward part, bool[q]: about `share` of them, and with each question all
    that need a fact of its own."""
    sizes = [len(of) for of in splits]
    need = np.concatenate([np.where(of.needs >= 0, of.needs + sum(sizes), -1).ravel() for of in splits])
    question = np.repeat(np.arange(sum(sizes)), np.repeat([of.needs.shape[1] for of in splits], sizes))
    n = sum(sizes) + int(need.max()) + 1
    links = coo_array((np.ones((need >= 0).sum()), (question[need >= 0], need[need >= 0])), shape=(n, n))
    group = np.split(connected_components(links, directed=False)[1][: sum(sizes)], np.cumsum(sizes)[:-1])
    taken: set[int] = set()
    for own in group:  # whole groups, so that it comes near its share in each split
        count = np.isin(own, list(taken)).sum()
        names, members = np.unique(own, return_counts=True)
        for j in rng.permutation(len(names)):
            if names[j] not in taken and count + members[j] / 2 <= share * len(own):
                taken.add(int(names[j]))
                count += members[j]
    return [np.isin(own, list(taken)) for own in group]


def thoughts(corpus: Corpus, questions: Questions, turn: np.ndarray | int = 0) -> Documents:
    """A document for each question; where several answers are right, that whose `turn`[q] it is:

        [begin] f A r [separator] A q B [separator] B s C [separator] A r C [end]

    All behind the first [separator] is said by the model, and has a role: what joins and ends, that of a relation.
    """
    told = corpus.premises.documents
    right = (questions.accepted >= 0).sum(1)
    which = np.argsort(questions.accepted < 0, axis=1, kind="stable")[np.arange(len(questions)), turn % right]
    answer = corpus.entities.tokens[questions.accepted[np.arange(len(questions)), which]]
    columns = begin(questions)
    for row in questions.needs.T:
        there = row[:, None] >= 0
        within = there & (np.arange(told.tokens.shape[1]) < told.lengths[row, None])
        columns += [(told.tokens[row], within, told.roles[row]), marker(SEPARATOR, there, RELATION)]
    columns.append(question_again(questions))
    columns.append((answer, np.arange(answer.shape[1]) < questions.size[:, None], TARGET))
    return joined([*columns, marker(END, np.ones((len(questions), 1), bool), RELATION)])


def begun(questions: Questions) -> Documents:
    """The beginnings of such documents, on which the model goes on."""
    return joined(begin(questions))


def after(questions: Questions, said: np.ndarray) -> Questions:
    """The questions behind what was said[n, w] after their beginnings, up to the last [separator] before [end]."""
    at, ended = np.arange(said.shape[1]), (said == END).cumsum(1) > 0
    last = np.where((said == SEPARATOR) & ~ended, at, -1).max(1, initial=-1)
    own = questions.documents
    rest = np.arange(own.tokens.shape[1]) >= questions.start[:, None]
    texts = joined(
        [
            *begin(questions),
            (said.astype(np.int32), at <= last[:, None], NONE),
            question_again(questions),
            (own.tokens, rest & (np.arange(own.tokens.shape[1]) < own.lengths[:, None]), own.roles),
        ]
    )
    return replace(questions, documents=texts, start=texts.lengths - (own.lengths - questions.start), turned=None)


def most_said(premises: Premises, questions: Questions) -> int:
    """Tokens that `thoughts` can write after a beginning."""
    t, most = questions.documents.tokens.shape[1], premises.documents.tokens.shape[1]
    return t + questions.needs.shape[1] * (most + 1) + 1


Column = tuple[np.ndarray, np.ndarray, np.ndarray | int]  # tokens [n, t], whether present [n, t], roles


def begin(questions: Questions) -> list[Column]:
    own = questions.documents
    before = np.arange(own.tokens.shape[1]) < questions.start[:, None]
    return [(own.tokens, before, NONE), marker(SEPARATOR, np.ones((len(questions), 1), bool), NONE)]


def question_again(questions: Questions) -> Column:
    """What a question states before its open span, without filler."""
    own = questions.documents
    before = np.arange(own.tokens.shape[1]) < questions.start[:, None]
    return own.tokens, before & (own.roles != NONE), own.roles


def marker(token: int, there: np.ndarray, role: int) -> Column:
    """A special token where it is `there`[n, 1]."""
    return np.full(there.shape, token, np.int32), there, role


def joined(columns: list[Column]) -> Documents:
    tokens = np.concatenate([values for values, _, _ in columns], axis=1)
    present = np.concatenate([here for _, here, _ in columns], axis=1)
    roles = [np.broadcast_to(np.asarray(role, np.int8), values.shape) for values, _, role in columns]
    return pack(tokens, np.concatenate(roles, axis=1), present)
