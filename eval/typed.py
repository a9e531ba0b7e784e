"""What a person types, `ka-lo teacher-of _` or `ka-lo teacher-of mi`, as a question or a statement of a world."""

import difflib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Questions, blank
from tasks.settings import SettingError
from tasks.vocabulary import BEGIN

OPEN = "_"


@dataclass(frozen=True)
class Typed:
    """Names of entities, None for the open one, and the relation words between them, such as `book3 encodes-as`."""

    source: str | None
    words: tuple[str, ...]
    target: str | None


def relation_words(corpus: Corpus) -> list[str]:
    """Every word that stands between entities."""
    documents = corpus.documents
    return [corpus.vocabulary.words[i] for i in np.unique(documents.tokens[documents.roles == RELATION])]


def understand(corpus: Corpus, typed: str, setting: str = "question") -> Typed:
    """A typed question, or, for any other `setting`, a statement. Names and relation words may have several words.
    Raises SettingError for what is not known, with the nearest that is."""
    words, known, names = (
        unicodedata.normalize("NFC", typed).split(),
        set(relation_words(corpus)),
        set(corpus.entities.words),
    )
    asks = setting == "question"
    shape = "an entity, a relation word and an entity" + (f", one entity being {OPEN}" if asks else "")
    parts = list(splits(words, known))
    for source, between, target in parts:
        opened = (source == OPEN, target == OPEN)
        if sum(opened) == asks and all(is_open or name in names for is_open, name in zip(opened, (source, target))):
            return Typed(None if opened[0] else source, between, None if opened[1] else target)
    if len(words) < 3 or words.count(OPEN) != asks:
        raise SettingError(f"{setting} is {typed!r}, but must be {shape}")
    if not parts:
        middle = " ".join(words[1:-1])
        raise SettingError(f"{middle!r} is no relation word of this world; {nearest(middle, sorted(known))}")
    source, _, target = parts[0]
    wrong = next((name for name in (source, target) if name != OPEN and name not in names), typed)
    raise SettingError(f"{wrong!r} is no entity of this world; {nearest(wrong, corpus.entities.words)}")


def splits(words: list[str], known: set[str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Every way to read words as a name, relation words that are `known`, and a name; longer names come later."""
    for i in range(1, len(words) - 1):
        for j in range(i + 1, len(words)):
            between = segmented(words[i:j], known)
            if between:
                yield " ".join(words[:i]), between, " ".join(words[j:])


def segmented(words: list[str], known: set[str]) -> tuple[str, ...] | None:
    """Words read as relation words, the longest first; None where they are something else."""
    if not words:
        return ()
    for n in range(len(words), 0, -1):
        rest = segmented(words[n:], known) if " ".join(words[:n]) in known else None
        if rest is not None:
            return " ".join(words[:n]), *rest
    return None


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    return f"the nearest are {', '.join(difflib.get_close_matches(word, known, 3, 0) or known[:3])}"


def form(corpus: Corpus, typed: Typed, size: int = 0) -> Questions:
    """The question with an open span of `size` tokens, or the statement, without filler."""

    def name(entity: str | None) -> list[int]:
        if entity is None:
            return [0] * size
        i = corpus.entities.words.index(entity)
        return corpus.entities.tokens[i, : corpus.entities.lengths[i]].tolist()

    first, last = name(typed.source), name(typed.target)
    between = [corpus.vocabulary.ids[word] for word in typed.words]
    tokens = np.array([[BEGIN, *first, *between, *last]], np.int32)
    kinds = [NONE, *[SOURCE] * len(first), *[RELATION] * len(between), *[TARGET] * len(last)]
    start = np.array([1 if typed.source is None else 1 + len(first) + len(between)], np.int32)
    full = Documents(tokens, np.array([tokens.shape[1]], np.int32), np.array([kinds], np.int8))
    unknown, span = np.full((1, 1), -1, np.int32), np.array([size], np.int32)
    most = max((questions.needs.shape[1] for questions in corpus.questions.values()), default=1)
    needs = np.full((1, most), -1, np.int32)
    asked = blank(full, start, span)
    return Questions(asked, start, span, unknown, needs[..., None], needs, np.zeros(1), np.zeros(1))
