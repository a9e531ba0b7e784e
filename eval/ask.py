"""A question typed by a person: `ka-lo teacher-of _`, answered with the five best whole entities."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from eval.score import CLOSED_BOOK, asking, text
from eval.trained import Trained
from eval.typed import OPEN, form, understand
from eval.ways.prompted import require_places, with_prompt
from tasks.corpus import RELATION, SOURCE, TARGET, Corpus, Questions
from tasks.settings import SettingError


@dataclass(frozen=True)
class Reply:
    entity: str
    probability: float
    stated: str


Prompt = Callable[[Trained, Questions], Questions]


def alone(trained: Trained, asked: Questions) -> Questions:
    """The question and nothing else."""
    return asked


def behind(statements: tuple[str, ...]) -> Prompt:
    """Puts statements typed by a person, such as `ka-lo teacher-of mi`, in front of the question."""

    def prompt(trained: Trained, asked: Questions) -> Questions:
        blocks = [form(trained.corpus, understand(trained.corpus, one, "context")) for one in statements]
        documents = blocks[0].documents
        for block in blocks[1:]:
            documents += block.documents
        return with_prompt(asked, documents, np.arange(len(blocks))[None])

    return prompt


def ask(trained: Trained, question: str, best: int = 5, prompt: Prompt = alone) -> tuple[str, list[Reply]]:
    """The question as the model is given it, by `prompt`; the `best` entities for the open slot, their probabilities,
    and how training stated each such fact.

    Names of several lengths are each scored as an answer of their own length. Raises SettingError for words
    that are not known, and where the objective cannot be asked.
    """
    corpus = trained.corpus
    typed = understand(corpus, question)
    replies: dict[str, float] = {}
    for size in np.unique(corpus.entities.lengths):
        asked = prompt(trained, form(corpus, typed, int(size)))
        require_places(trained, asked.documents.tokens.shape[1])
        with asking(trained):
            scores = (CLOSED_BOOK.score(one, asked, corpus.entities) for one in trained.asked().values())
            score = next((score for score in scores if score is not None), None)
        if score is None:
            raise SettingError(
                f"{question!r} cannot be asked of a model trained with this objective: it sees only what stands "
                f"left of {OPEN}, so {OPEN} must be the last word"
            )
        replies |= {corpus.entities.words[i]: float(np.exp(score[0, i])) for i in np.flatnonzero(np.isfinite(score[0]))}
    told = statements(corpus)
    return text(corpus, asked, 0), [
        Reply(name, p, how_stated(told, typed.source or name, " ".join(typed.words), typed.target or name))
        for name, p in sorted(replies.items(), key=lambda pair: -pair[1])[:best]
    ]


Statement = tuple[str, str, str]  # source, relation words, target


def statements(corpus: Corpus) -> dict[frozenset[str], Counter[Statement]]:
    """What the training documents state, and how often, by the two entities that it is about."""
    told: dict[frozenset[str], Counter[Statement]] = {}
    documents, vocabulary = corpus.documents, corpus.vocabulary.words
    for tokens, roles in zip(documents.tokens.tolist(), documents.roles.tolist()):
        parts = [(role, [t for t, _ in run]) for role, run in groupby(zip(tokens, roles), key=lambda pair: pair[1])]
        for (a, source), (b, between), (c, target) in zip(parts, parts[1:], parts[2:]):
            if (a, b, c) == (SOURCE, RELATION, TARGET):
                first, last = ("-".join(vocabulary[t] for t in name) for name in (source, target))
                said = first, " ".join(vocabulary[t] for t in between), last
                told.setdefault(frozenset((first, last)), Counter())[said] += 1
    return told


def how_stated(told: dict[frozenset[str], Counter[Statement]], source: str, words: str, target: str) -> str:
    """All that training says of two entities: what is asked, other things, such as the reverse, both, or nothing."""
    counts = told.get(frozenset((source, target)), Counter())
    others = ", ".join(" ".join(said) for said, _ in counts.most_common() if said != (source, words, target))
    if counts[source, words, target]:
        return f"stated; also: {others}" if others else "stated in these words only"
    return f"not stated, but: {others}" if others else "not stated"
