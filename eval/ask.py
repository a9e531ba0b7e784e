"""A question typed by a person: `ka-lo teacher-of _`, answered with the five best whole entities."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eval.score import CLOSED_BOOK, asking, text
from eval.trained import Trained
from eval.ways.prompted import with_prompt
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Questions, blank
from tasks.settings import SettingError, require
from tasks.vocabulary import BEGIN
from tasks.world import without_wording

OPEN = "_"


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
        blocks = [form(trained.corpus, *understand(trained.corpus, one, "context")) for one in statements]
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
    source, word, target = understand(corpus, question)
    replies: dict[str, float] = {}
    for size in np.unique(corpus.entities.lengths):
        asked = prompt(trained, form(corpus, source, word, target, int(size)))
        with asking(trained):
            scores = (CLOSED_BOOK.score(one, asked, corpus.entities) for one in trained.asked().values())
            score = next((score for score in scores if score is not None), None)
        if score is None:
            raise SettingError(
                f"{question!r} cannot be asked of a model trained with this objective: it sees only what stands "
                f"left of {OPEN}, so {OPEN} must be the last word"
            )
        replies |= {corpus.entities.words[i]: float(np.exp(score[0, i])) for i in np.flatnonzero(np.isfinite(score[0]))}
    count = statements(corpus)
    return text(corpus, asked, 0), [
        Reply(name, p, how_stated(corpus, count, source or name, word, target or name))
        for name, p in sorted(replies.items(), key=lambda pair: -pair[1])[:best]
    ]


def understand(corpus: Corpus, typed: str, setting: str = "question") -> tuple[str | None, str, str | None]:
    """(source, relation word, target) of a typed question, None for its open one, or of a typed statement."""
    words = typed.split()
    shape = "three words, an entity, a relation word and an entity"
    shape += f", one entity being {OPEN}" if setting == "question" else ""
    opened = [word for word in words[::2] if word == OPEN]
    require(len(words) == 3 and len(opened) == (setting == "question"), setting, typed, shape)
    for word, known, kind in zip(words, (corpus.entities.words, corpus.relations, corpus.entities.words), "ere"):
        if word != OPEN and word not in known:
            near = difflib.get_close_matches(word, known, 3, 0) or list(known[:3])
            name = "entity" if kind == "e" else "relation word"
            raise SettingError(f"{word!r} is no {name} of this world; the nearest are {', '.join(near)}")
    return tuple(None if word == OPEN else word for word in words)


def form(corpus: Corpus, source: str | None, word: str, target: str | None, size: int = 0) -> Questions:
    """The question with an open span of `size` tokens, or the statement, without filler."""

    def name(entity: str | None) -> list[int]:
        if entity is None:
            return [0] * size
        i = corpus.entities.words.index(entity)
        return corpus.entities.tokens[i, : corpus.entities.lengths[i]].tolist()

    first, last = name(source), name(target)
    tokens = np.array([[BEGIN, *first, corpus.vocabulary.ids[word], *last]], np.int32)
    roles = np.array([[NONE, *[SOURCE] * len(first), RELATION, *[TARGET] * len(last)]], np.int8)
    start = np.array([1 if source is None else 2 + len(first)], np.int32)
    full = Documents(tokens, np.array([tokens.shape[1]], np.int32), roles)
    unknown = np.full((1, 1), -1, np.int32)
    span, nowhere = np.array([size], np.int32), unknown[:, None]
    return Questions(blank(full, start, span), start, span, unknown, nowhere, unknown, np.zeros(1), np.zeros(1))


def statements(corpus: Corpus) -> dict[tuple[str, str, str], int]:
    """How often training states each (source, relation word, target)."""
    count: dict[tuple[str, str, str], int] = {}
    for tokens, roles in zip(corpus.documents.tokens.tolist(), corpus.documents.roles.tolist()):
        parts: list[tuple[int, list[str]]] = []
        for token, role in zip(tokens, roles):
            if parts and parts[-1][0] == role:
                parts[-1][1].append(corpus.vocabulary.words[token])
            else:
                parts.append((role, [corpus.vocabulary.words[token]]))
        said = ["-".join(map(without_wording, words) if role == RELATION else words) for role, words in parts if role]
        for i in range(0, len(said), 3):
            key = (said[i], said[i + 1], said[i + 2])
            count[key] = count.get(key, 0) + 1
    return count


def how_stated(corpus: Corpus, count: dict[tuple[str, str, str], int], source: str, word: str, target: str) -> str:
    """In words: as asked, by the other word, both ways, or not at all."""
    other = without_wording(corpus.relations[corpus.relations.index(word) ^ 1])
    word = without_wording(word)
    asked, turned = count.get((source, word, target), 0), count.get((target, other, source), 0)
    if asked and turned:
        return "stated both ways"
    if asked:
        return "stated in these words only"
    return f"stated only as {target} {other} {source}" if turned else "not stated"
