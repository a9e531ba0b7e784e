"""Facts from a file: what its lines state, each fact once.

Names are data: any text in a cell becomes one entity, shown without control characters.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from config.validation import require
from tasks.triples.csv_reader import bad_line, read_columns, short

JOINERS = "\u200c\u200d"  # format characters that some scripts are written with
MARK = "'"  # put behind a word that is the same as another one
MAX_LISTED = 8  # relation words in a message


@dataclass(frozen=True)
class RelationWords:
    """The relation words of a file."""

    words: tuple[str, ...]
    """in the order forward, inverse, forward, inverse, …"""
    line: np.ndarray
    """int[r], the line of each pair"""


@dataclass(frozen=True)
class FileFacts:
    """The facts of a file, each once and by its forward word, in the order of their first lines."""

    names: tuple[str, ...]
    """entities in the order of their first lines"""
    relations: RelationWords
    heads: np.ndarray
    """int[n], entity"""
    relation: np.ndarray
    """int[n]"""
    tails: np.ndarray
    """int[n], entity"""
    line: np.ndarray
    """int[n], the first line that states the fact"""
    repeated: np.ndarray
    """int[m, 2], a line that states a fact again, and the first line that does"""

    def __len__(self) -> int:
        return len(self.heads)


def read_facts(file: str, relations: str) -> FileFacts:
    """What the two files state. Raises SettingError with the file and the line that cannot be used."""
    relation_words = read_relations(relations)
    lines, (sources, words, targets) = read_columns("task.file", file, ("head", "relation", "tail"))
    require(bool(lines), "task.file", file, "a file with facts: it has none below its header")
    line, word = np.array(lines), word_numbers(relation_words, words, file, relations, lines)
    names = tuple(dict.fromkeys(name for pair in zip(sources, targets) for name in pair))
    entity = {name: i for i, name in enumerate(names)}
    source, target = (np.array([entity[name] for name in column]) for column in (sources, targets))

    by_inverse, relation = word % 2 == 1, word // 2
    heads, tails = np.where(by_inverse, target, source), np.where(by_inverse, source, target)
    fact = (relation * len(names) + heads) * len(names) + tails
    _, first_rows, number = np.unique(fact, return_index=True, return_inverse=True)
    rows = np.sort(first_rows)
    first_row = first_rows[number.ravel()]  # int[n], the row that first states the fact of each row
    repeats = np.flatnonzero(first_row != np.arange(len(lines)))
    return FileFacts(
        names=names,
        relations=relation_words,
        heads=heads[rows],
        relation=relation[rows],
        tails=tails[rows],
        line=line[rows],
        repeated=np.stack([line[repeats], line[first_row[repeats]]], axis=1),
    )


def word_numbers(
    relation_words: RelationWords, words: tuple[str, ...], file: str, relations: str, lines: list[int]
) -> np.ndarray:
    """The number of each relation word, int[n]. Raises SettingError for the first one that is not known."""
    number = {word: i for i, word in enumerate(relation_words.words)}
    numbers = np.array([number.get(word, -1) for word in words])
    if (numbers < 0).any():
        i = int((numbers < 0).argmax())
        listed = ", ".join(repr(short(word)) for word in relation_words.words[:MAX_LISTED])
        allowed = f"a word of {relations!r}: {listed}" + (" …" if len(relation_words.words) > MAX_LISTED else "")
        raise bad_line("task.file", file, lines[i], f"relation is {short(words[i])!r}", allowed)
    return numbers


def read_relations(file: str) -> RelationWords:
    """The pairs of words in a file. Raises SettingError where one word would have two meanings."""
    lines, (forward, inverse) = read_columns("task.relations", file, ("relation", "inverse"))
    require(bool(lines), "task.relations", file, "a file with relations: it has none below its header")
    line_of: dict[str, int] = {}
    for column, words in (("relation", forward), ("inverse", inverse)):
        for line, word in zip(lines, words):
            if word in line_of:
                allowed = f"another word than every relation and inverse: line {line_of[word]} has it, too"
                raise bad_line("task.relations", file, line, f"{column} is {short(word)!r}", allowed)
            line_of[word] = line
    return RelationWords(tuple(word for pair in zip(forward, inverse) for word in pair), np.array(lines))


def display_names(names: Iterable[str], taken: set[str]) -> tuple[str, ...]:
    """The names as they are shown: printable, different from each other and from those `taken`, which it adds to."""
    shown = []
    for name in map(printable, names):
        while name in taken:
            name += MARK
        taken.add(name)
        shown.append(name)
    return tuple(shown)


def printable(name: str) -> str:
    """A name without what a terminal or a table would obey: control and format characters as escapes."""
    if name.isprintable():
        return name
    return "".join(escape(character) for character in name)


def escape(character: str) -> str:
    """A control or format character as an escape; any other one as it is."""
    is_control = unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
    return character.encode("unicode_escape").decode() if is_control and character not in JOINERS else character
