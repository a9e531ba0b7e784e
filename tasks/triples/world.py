"""Facts from a file: what its lines state, each fact once.

Names are data: any text in a cell becomes one entity, shown without control characters.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from config.validation import require
from tasks.triples.csv_reader import Table, TableFile, short

JOINERS = "\u200c\u200d"  # format characters that some scripts are written with
INVERSE = "inverse-of-"  # begins the inverse words that are made
MARK = "'"  # put behind a word that is the same as another one
MAX_LISTED = 8  # relation words in a message


@dataclass(frozen=True)
class RelationWords:
    """The relation words of a file. A symmetric relation is its own inverse, and has the same word twice."""

    words: tuple[str, ...]
    """in the order forward, inverse, forward, inverse, …"""
    line: np.ndarray
    """int[r], the line of each pair; of words that were made: the line that first has the forward word"""
    is_made: bool
    """whether the inverse words were made, as there is no table of relations"""

    @property
    def different(self) -> tuple[str, ...]:
        """The words, each once."""
        return tuple(dict.fromkeys(self.words))

    @property
    def index(self) -> np.ndarray:
        """int[w], where each word stands among the different ones."""
        number = {word: i for i, word in enumerate(self.different)}
        return np.array([number[word] for word in self.words])

    @property
    def is_symmetric(self) -> np.ndarray:
        """bool[r]"""
        return self.index[::2] == self.index[1::2]


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
    has_header: bool
    """whether the first line names columns; elsewhere it is a fact"""

    @property
    def is_symmetric(self) -> np.ndarray:
        """bool[n], whether the relation of each fact is symmetric"""
        return self.relations.is_symmetric[self.relation]

    def __len__(self) -> int:
        return len(self.heads)


def read_facts(file: str, relations: str | None = None, encoding: str | None = None) -> FileFacts:
    """What the two files state. Without `relations`, the inverse word of a relation r is `inverse-of-r`.

    Raises SettingError with the file and the line that cannot be used.
    """
    source_file = TableFile("task.file", file, encoding)
    table = source_file.read(("head", "relation", "tail"), needs_header=False)
    sources, words, targets = table.columns
    require(bool(words), "task.file", file, "a file with facts: it has none below its header")
    if relations is None:
        relation_words = make_relations(source_file, table)
    else:
        relation_words = read_relations(TableFile("task.relations", relations, encoding))
    line, word = np.array(table.lines), word_numbers(relation_words, source_file, table, relations)
    names = tuple(dict.fromkeys(name for pair in zip(sources, targets) for name in pair))
    entity = {name: i for i, name in enumerate(names)}
    source, target = (np.array([entity[name] for name in column]) for column in (sources, targets))

    by_inverse, relation = word % 2 == 1, word // 2
    heads, tails = np.where(by_inverse, target, source), np.where(by_inverse, source, target)
    is_swapped = relation_words.is_symmetric[relation] & (heads > tails)  # such a fact is the same either way
    first, second = np.where(is_swapped, tails, heads), np.where(is_swapped, heads, tails)
    fact = (relation * len(names) + first) * len(names) + second
    _, first_rows, number = np.unique(fact, return_index=True, return_inverse=True)
    rows = np.sort(first_rows)
    first_row = first_rows[number.ravel()]  # int[n], the row that first states the fact of each row
    repeats = np.flatnonzero(first_row != np.arange(len(words)))
    return FileFacts(
        names=names,
        relations=relation_words,
        heads=heads[rows],
        relation=relation[rows],
        tails=tails[rows],
        line=line[rows],
        repeated=np.stack([line[repeats], line[first_row[repeats]]], axis=1),
        has_header=table.has_header,
    )


def word_numbers(relation_words: RelationWords, file: TableFile, table: Table, relations: str | None) -> np.ndarray:
    """The number of each relation word of the facts, int[n]. Raises SettingError for the first one that is not known.

    Of a symmetric relation, it is that of the forward word.
    """
    number = {word: i for i, word in reversed(list(enumerate(relation_words.words)))}
    words = table.columns[1]
    numbers = np.array([number.get(word, -1) for word in words])
    if (numbers < 0).any():
        i = int((numbers < 0).argmax())
        listed = ", ".join(repr(short(word)) for word in relation_words.different[:MAX_LISTED])
        allowed = f"a word of {relations!r}: {listed}" + (" …" if len(relation_words.different) > MAX_LISTED else "")
        raise file.bad_line(table.lines[i], f"relation is {short(words[i])!r}", allowed)
    return numbers


def read_relations(file: TableFile) -> RelationWords:
    """The pairs of words in a file. Raises SettingError where one word would have two meanings."""
    table = file.read(("relation", "inverse"))
    lines, (forward, inverse) = table.lines, table.columns
    require(bool(lines), "task.relations", file.name, "a file with relations: it has none below its header")
    line_of: dict[str, int] = {}
    for column, words in (("relation", forward), ("inverse", inverse)):
        for i, (line, word) in enumerate(zip(lines, words)):
            if word in line_of and not (column == "inverse" and word == forward[i]):
                allowed = f"another word than every relation and inverse: line {line_of[word]} has it, too"
                raise file.bad_line(line, f"{column} is {short(word)!r}", allowed)
            line_of[word] = line
    return RelationWords(tuple(word for pair in zip(forward, inverse) for word in pair), np.array(lines), False)


def make_relations(file: TableFile, table: Table) -> RelationWords:
    """Each relation word of the facts with an inverse word made of it.

    Raises SettingError where the facts have such a word already.
    """
    words = table.columns[1]
    line_of = dict(zip(reversed(words), reversed(table.lines)))
    forward = tuple(dict.fromkeys(words))
    for word in forward:
        if (inverse := INVERSE + word) in line_of:
            allowed = f"another word than the one made as the inverse of {short(word)!r}: name both in task.relations"
            raise file.bad_line(line_of[inverse], f"relation is {short(inverse)!r}", allowed)
    pairs = tuple(text for word in forward for text in (word, INVERSE + word))
    return RelationWords(pairs, np.array([line_of[word] for word in forward]), True)


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
