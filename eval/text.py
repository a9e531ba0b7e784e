"""Questions and statements as text: `ka-lo teacher-of _` is a question, `ka-lo teacher-of mi` a statement.

Rendering writes what a model is given as a person reads it. Parsing and encoding turn what a person types into it.
"""

import difflib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from config.validation import SettingError
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Cloze, Corpus, Documents
from tasks.vocabulary import BEGIN, OPEN, PAD

QUOTES = "\"'`\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a"  # straight, curly, angular


def render_question(corpus: Corpus, cloze: Cloze, i: int) -> str:
    """Question i: each entity as one word, the open span as OPEN."""
    documents, words, previous_role = cloze.documents, [], NONE
    length, start, end = documents.lengths[i], cloze.start[i], cloze.start[i] + cloze.size[i]
    for position, (token, role) in enumerate(zip(documents.tokens[i, :length], documents.roles[i])):
        is_open = start <= position < end
        word = OPEN if is_open else corpus.vocabulary.words[token]
        if role == previous_role and role in (SOURCE, TARGET):
            words[-1] += "" if is_open else f"-{word}"
        else:
            words.append(word)
        previous_role = role
    return " ".join(words)


def render_name(corpus: Corpus, tokens: np.ndarray) -> str:
    """The tokens of a name, joined. Tokens that are no part of a name, which a model may predict, are shown, too."""
    return "-".join(corpus.vocabulary.words[token] for token in tokens if token != PAD)


def render_accepted(corpus: Corpus, accepted: np.ndarray) -> str:
    """The names of the entities accepted[a] (-1: none), joined by " | "."""
    return " | ".join(corpus.entities.names[entity] for entity in accepted if entity >= 0)


@dataclass(frozen=True)
class ParsedQuestion:
    """A question or a statement as names and words."""

    source: str | None
    """first entity; None: open"""
    words: tuple[str, ...]
    """relation words between the entities, such as `book3 encodes-as`"""
    target: str | None
    """last entity; None: open"""

    def __str__(self) -> str:
        return " ".join((self.source or OPEN, *self.words, self.target or OPEN))

    def filled(self, name: str) -> "ParsedQuestion":
        """The statement with this name for what is open."""
        return ParsedQuestion(self.source or name, self.words, self.target or name)


def parse_question(corpus: Corpus, text: str, setting: str = "question") -> ParsedQuestion:
    """A typed question or, for any other `setting`, a statement. Names and relations may have several words.

    What is written exactly as in this world comes first. Otherwise quotes around names and upper or lower case do not
    matter, and several _ are one. Raises SettingError for unknown words, with the nearest words of this world, and
    where a name could be two.
    """
    words = unicodedata.normalize("NFC", text).split()
    relations, names = relation_words(corpus), corpus.entities.names
    num_open = 1 if setting == "question" else 0
    for normal in (str, fold):
        parsed = find_reading([normal(word) for word in words], by_form(names, normal), by_form(relations, normal))
        if parsed is not None and [parsed.source, parsed.target].count(None) == num_open:
            return parsed
    words = [fold_open(word) for word in words]
    if len(words) < 3 or words.count(OPEN) != num_open:
        allowed = "an entity, a relation word and an entity" + (f", one entity being {OPEN}" if num_open else "")
        raise SettingError(f"{setting} is {text!r}, but must be {allowed}")
    readings = list(possible_readings(list(map(fold, words)), set(by_form(relations, fold))))
    if not readings:
        between = " ".join(words[1:-1])
        raise SettingError(f"{between!r} is no relation word of this world; {nearest(between, relations)}")
    source, _, target = readings[0]
    known = {OPEN, *by_form(names, fold)}
    unknown = next((name for name in (source, target) if name not in known), text)
    raise SettingError(f"{unknown!r} is no entity of this world; {nearest(unknown, names)}")


def fold(words: str) -> str:
    """Words without quotes around them and without upper case, each row of _ as OPEN."""
    return " ".join(fold_open(word.strip(QUOTES)).casefold() for word in words.split())


def fold_open(word: str) -> str:
    return OPEN if word.strip(QUOTES) and not word.strip(QUOTES + OPEN) else word


def by_form(words: Sequence[str], form: Callable[[str], str]) -> dict[str, list[str]]:
    """All words by their form."""
    words_of: dict[str, list[str]] = {}
    for word in words:
        words_of.setdefault(form(word), []).append(word)
    return words_of


def find_reading(
    words: list[str], names: dict[str, list[str]], relations: dict[str, list[str]]
) -> ParsedQuestion | None:
    """The first reading of words whose names and relation words are all known, by their form.

    Raises SettingError where one of them could be two.
    """
    for source, between, target in possible_readings(words, set(relations)):
        ends = [source, target]
        if all(name == OPEN or name in names for name in ends):
            source, target = (None if name == OPEN else only(name, names[name]) for name in ends)
            return ParsedQuestion(source, tuple(only(word, relations[word]) for word in between), target)
    return None


def only(given: str, words: list[str]) -> str:
    """The only one of the words. Raises SettingError where there are several."""
    if len(words) > 1:
        listed = " or ".join(map(repr, words))
        raise SettingError(f"{given!r} could be {listed}: write one of them exactly so")
    return words[0]


def relation_words(corpus: Corpus) -> list[str]:
    """All words that stand between entities, sorted by token."""
    documents = corpus.documents
    return [corpus.vocabulary.words[token] for token in np.unique(documents.tokens[documents.roles == RELATION])]


def possible_readings(words: list[str], relations: set[str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """All readings of words as a name, relation words and a name, by length of the first name."""
    for i in range(1, len(words) - 1):
        for j in range(i + 1, len(words)):
            between = read_relations(words[i:j], relations)
            if between:
                yield " ".join(words[:i]), between, " ".join(words[j:])


def read_relations(words: list[str], relations: set[str]) -> tuple[str, ...] | None:
    """Words read as relation words, the longest ones first; None where that is not possible."""
    if not words:
        return ()
    for n in range(len(words), 0, -1):
        rest = read_relations(words[n:], relations) if " ".join(words[:n]) in relations else None
        if rest is not None:
            return " ".join(words[:n]), *rest
    return None


def nearest(word: str, candidates: Sequence[str]) -> str:
    """The part of a message that names the three `candidates` most similar to `word`."""
    return f"the nearest are {', '.join(difflib.get_close_matches(word, candidates, 3, 0) or candidates[:3])}"


def encode(corpus: Corpus, parsed: ParsedQuestion, size: int = 0) -> Cloze:
    """The question with an open span of `size` tokens, or the statement with an empty one, without filler: one row."""

    def name_tokens(name: str | None) -> list[int]:
        if name is None:
            return [PAD] * size  # opened below
        entity = corpus.entities.names.index(name)
        return corpus.entities.tokens[entity, : corpus.entities.lengths[entity]].tolist()

    source, target = name_tokens(parsed.source), name_tokens(parsed.target)
    words = [corpus.vocabulary.ids[word] for word in parsed.words]
    tokens = np.array([[BEGIN, *source, *words, *target]], np.int32)
    roles = [NONE, *[SOURCE] * len(source), *[RELATION] * len(words), *[TARGET] * len(target)]
    documents = Documents(tokens, np.array([tokens.shape[1]], np.int32), np.array([roles], np.int8))
    start = 1 if parsed.source is None else 1 + len(source) + len(words)
    return Cloze.open(documents, np.array([start], np.int32), np.array([size], np.int32))
