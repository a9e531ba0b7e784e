"""Chain of thought: documents in which a question is followed by its premises, and only then by its answer.

Held-out questions are divided before training. Chain-of-thought documents and rewards may use the reinforcement part.
Nothing uses the test part. No question of one part needs a fact that a question of the other part needs.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from config.validation import require, require_at_least
from tasks.common.segments import Segment, concatenate, of_documents, special
from tasks.corpus import NONE, RELATION, TARGET, Cloze, Corpus, Documents, Premises, Questions
from tasks.vocabulary import END, SEPARATOR

RL_SUFFIX = "_rl"  # ends the names of splits of the reinforcement part


@dataclass(frozen=True, kw_only=True)
class ChainOfThoughtConfig:
    """Settings of every task with held-out questions."""

    main_settings: ClassVar = ()

    rl_share: float = 0.0
    """share of held-out questions in the reinforcement part (chains of thought, rewards); the rest is the test part"""
    copies: int = 0
    """chain-of-thought documents for each question of the reinforcement part"""

    def __post_init__(self):
        require(0 <= self.rl_share < 1, "task.chain_of_thought.rl_share", self.rl_share, "0 or more and below 1")
        require_at_least(self, "task.chain_of_thought", 0, "copies")
        possible = self.rl_share > 0 or not self.copies
        require(possible, "task.chain_of_thought.copies", self.copies, "0 where task.chain_of_thought.rl_share is 0")


def with_chain_of_thought(
    corpus: Corpus,
    config: ChainOfThoughtConfig,
    held_out: tuple[str, ...],
    seed: int,
) -> Corpus:
    """The corpus with its `held_out` splits divided, and with chain-of-thought documents."""
    splits = [split for split in held_out if split in corpus.questions]
    if not config.rl_share or not splits:
        return corpus
    in_rl_part = divide(
        [corpus.questions[split] for split in splits], config.rl_share, np.random.default_rng([seed, 4])
    )
    questions, documents = dict(corpus.questions), corpus.documents
    for split, in_rl in zip(splits, in_rl_part):
        allowed = f"such that a part of the {len(in_rl)} questions of {split!r} is left to test, and one to reinforce"
        require(0 < in_rl.sum() < len(in_rl), "task.chain_of_thought.rl_share", config.rl_share, allowed)
        rl_part = corpus.questions[split][in_rl]
        questions[split], questions[split + RL_SUFFIX] = corpus.questions[split][~in_rl], rl_part
        copy = np.arange(config.copies).repeat(len(rl_part))
        documents += chain_of_thought_documents(corpus, rl_part[np.tile(np.arange(len(rl_part)), config.copies)], copy)
    if not config.copies:
        return replace(corpus, questions=questions)
    max_length = max(
        corpus.questions[split].cloze.documents.tokens.shape[1]
        + 1
        + max_generated(corpus.premises, corpus.questions[split])
        for split in splits
    )
    return replace(corpus, questions=questions, documents=documents, max_length=max(corpus.max_length, max_length))


def divide(splits: list[Questions], share: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Which questions of each split are in the reinforcement part, bool[q]: about `share` of them.

    With each question go all that need one of its facts, so whole groups are taken.
    """
    taken: set[int] = set()
    groups = connected_groups(splits)
    for group in groups:  # split by split, so that each comes near its share
        count = np.isin(group, list(taken)).sum()
        names, sizes = np.unique(group, return_counts=True)
        for j in rng.permutation(len(names)):
            if names[j] not in taken and count + sizes[j] / 2 <= share * len(group):
                taken.add(int(names[j]))
                count += sizes[j]
    return [np.isin(group, list(taken)) for group in groups]


def connected_groups(splits: list[Questions]) -> list[np.ndarray]:
    """The group of each question of each split, int[q]. Questions that need a fact in common are in one group."""
    from scipy.sparse import coo_array  # takes most of a second to import, and few worlds need it
    from scipy.sparse.csgraph import connected_components

    sizes = [len(questions) for questions in splits]
    count = sum(sizes)
    # A graph of questions, then facts; a question is linked to each fact that it needs.
    facts = np.concatenate([questions.premises.ravel() for questions in splits])
    question = np.repeat(np.arange(count), np.repeat([questions.premises.shape[1] for questions in splits], sizes))
    question, facts = question[facts >= 0], count + facts[facts >= 0]
    nodes = int(facts.max()) + 1
    links = coo_array((np.ones(len(facts)), (question, facts)), shape=(nodes, nodes))
    _, group = connected_components(links, directed=False)
    return np.split(group[:count], np.cumsum(sizes)[:-1])


def chain_of_thought_documents(corpus: Corpus, questions: Questions, copy: np.ndarray | int = 0) -> Documents:
    """A document for each question; where several answers are right, `copy`[q] chooses among them:

        [begin] f A r [separator] A q B [separator] B s C [separator] A r C [end]

    The model generates all tokens behind the first [separator]. So all of them have a role: [separator] and [end] that
    of a relation.
    """
    n, stated = len(questions), corpus.premises.documents
    num_accepted = (questions.accepted >= 0).sum(1)
    accepted_first = np.argsort(questions.accepted < 0, axis=1, kind="stable")
    answer = questions.accepted[np.arange(n), accepted_first[np.arange(n), copy % num_accepted]]
    segments = prompt_segments(questions.cloze)
    for premise in questions.premises.T:
        present = premise >= 0
        is_token = present[:, None] & (np.arange(stated.tokens.shape[1]) < stated.lengths[premise, None])
        segments += [
            Segment(stated.tokens[premise], is_token, stated.roles[premise]),
            special(SEPARATOR, present, RELATION),
        ]
    name = corpus.entities.tokens[answer]
    return concatenate(
        *segments,
        restated_question(questions.cloze),
        Segment(name, np.arange(name.shape[1]) < questions.cloze.size[:, None], TARGET),
        special(END, np.ones(n, bool), RELATION),
    )


def generation_prompts(cloze: Cloze) -> Documents:
    """The beginnings of such documents, which a model continues."""
    return concatenate(*prompt_segments(cloze))


def ask_after(cloze: Cloze, generated: np.ndarray) -> Cloze:
    """The question again, behind what was `generated`[q, w] up to the last [separator] before [end]."""
    position, ended = np.arange(generated.shape[1]), (generated == END).cumsum(1) > 0
    last = np.where((generated == SEPARATOR) & ~ended, position, -1).max(1, initial=-1)
    documents = cloze.documents
    rest = np.arange(documents.tokens.shape[1]) >= cloze.start[:, None]
    whole = concatenate(
        *prompt_segments(cloze),
        Segment(generated, position <= last[:, None], NONE),
        restated_question(cloze),
        of_documents(documents, rest),
    )
    return Cloze(whole, whole.lengths - (documents.lengths - cloze.start), cloze.size)


def max_generated(premises: Premises, questions: Questions) -> int:
    """Tokens that `chain_of_thought_documents` can have behind a prompt."""
    per_premise = premises.documents.tokens.shape[1] + 1
    return questions.cloze.documents.tokens.shape[1] + questions.premises.shape[1] * per_premise + 1


def prompt_segments(cloze: Cloze) -> list[Segment]:
    """What stands before the open span, and a [separator]."""
    return [of_documents(cloze.documents, before_span(cloze), NONE), special(SEPARATOR, np.ones(len(cloze), bool))]


def restated_question(cloze: Cloze) -> Segment:
    """What a question states before its open span, without filler."""
    return of_documents(cloze.documents, before_span(cloze) & (cloze.documents.roles != NONE))


def before_span(cloze: Cloze) -> np.ndarray:
    """bool[q, t]: the positions before the open span."""
    return np.arange(cloze.documents.tokens.shape[1]) < cloze.start[:, None]
