"""Facts from a file: what its lines say, each fact once, and what a person should know about them.

Names are data: whatever stands in a cell becomes one entity, shown without control characters.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tasks.settings import require
from tasks.table import bad, read_columns, short

JOINERS = "\u200c\u200d"  # format characters that some scripts are written with
MARK = "'"  # follows a word that another one has already


@dataclass(frozen=True)
class Relations:
    """`words` in the order forward, inverse, forward, inverse, …; the `line` of each pair."""

    words: tuple[str, ...]
    line: np.ndarray


@dataclass(frozen=True)
class FileFacts:
    """Each fact once, by the forward word: `heads`, `relation` and `tails` int[n], and the `line` that told it first;
    entities in the order of their first lines. `again` int[m, 2]: a line that tells what an earlier one told."""

    names: tuple[str, ...]
    relations: Relations
    heads: np.ndarray
    relation: np.ndarray
    tails: np.ndarray
    line: np.ndarray
    again: np.ndarray

    def __len__(self) -> int:
        return len(self.heads)


def read_facts(file: str, relations: str) -> FileFacts:
    """What the two files say. Raises SettingError with the file and the line that cannot be used."""
    known = read_relations(relations)
    lines, (heads, words, tails) = read_columns("task.file", file, ("head", "relation", "tail"))
    require(bool(lines), "task.file", file, "a file with facts: it has none below its header")
    number = {word: i for i, word in enumerate(known.words)}
    word = np.array([number.get(one, -1) for one in words])
    if (word < 0).any():
        i = int((word < 0).argmax())
        some = ", ".join(repr(short(one)) for one in known.words[:8]) + (" …" if len(known.words) > 8 else "")
        raise bad("task.file", file, lines[i], f"relation is {short(words[i])!r}", f"a word of {relations!r}: {some}")
    entity = {name: i for i, name in enumerate(dict.fromkeys(name for pair in zip(heads, tails) for name in pair))}
    first, last = (np.array([entity[name] for name in names]) for names in (heads, tails))
    turned = word % 2 == 1
    head, tail, relation = np.where(turned, last, first), np.where(turned, first, last), word // 2
    fact = (relation * len(entity) + head) * len(entity) + tail
    _, at, same = np.unique(fact, return_index=True, return_inverse=True)
    line, at_first, kept = np.array(lines), at[same.ravel()], np.sort(at)
    repeats = np.flatnonzero(at_first != np.arange(len(line)))
    again = np.stack([line[repeats], line[at_first[repeats]]], axis=1)
    return FileFacts(tuple(entity), known, head[kept], relation[kept], tail[kept], line[kept], again)


def read_relations(file: str) -> Relations:
    """The pairs of words in a file. Raises SettingError where one word would mean two things."""
    lines, (forward, inverse) = read_columns("task.relations", file, ("relation", "inverse"))
    require(bool(lines), "task.relations", file, "a file with relations: it has none below its header")
    line_of: dict[str, int] = {}
    for column, words in (("relation", forward), ("inverse", inverse)):
        for line, word in zip(lines, words):
            if word in line_of:
                other = f"another word than every relation and inverse: it stands in line {line_of[word]}, too"
                raise bad("task.relations", file, line, f"{column} is {short(word)!r}", other)
            line_of[word] = line
    return Relations(tuple(word for pair in zip(forward, inverse) for word in pair), np.array(lines))


def printable(name: str) -> str:
    """A name without what a terminal or a table would obey: control and format characters as escapes."""
    if name.isprintable():
        return name
    hidden = ("Cc", "Cf", "Zl", "Zp")
    return "".join(
        one.encode("unicode_escape").decode() if unicodedata.category(one) in hidden and one not in JOINERS else one
        for one in name
    )


def apart(names: Iterable[str], taken: set[str]) -> tuple[str, ...]:
    """The names as they are shown: printable, each other than the rest and than those `taken`, which it adds to."""
    shown = []
    for name in map(printable, names):
        while name in taken:
            name += MARK
        taken.add(name)
        shown.append(name)
    return tuple(shown)
