"""Tokens of a document as lines of a terminal, coloured by role; without colour, roles stand below the tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from config.terminal import clean
from tasks.corpus import ROLE_NAMES, Cloze, Corpus, Documents
from tasks.vocabulary import FILLER, OPEN, SEPARATOR, SPECIAL

# Cyan, yellow and magenta differ for colour-blind people, too, and can be read on black and on white.
ROLE_STYLES = {"source": "bold cyan", "relation": "yellow", "target": "bold magenta"}
FAINT, OPEN_STYLE = "dim", "reverse"


class ShownToken(NamedTuple):
    """A token as it is printed."""

    word: str
    role: str | None
    style: str

    @property
    def cells(self) -> int:
        """Columns of a terminal that it takes."""
        return max(cell_len(self.word), 1)

    @property
    def mark(self) -> str:
        """What stands below it where there is no colour: the first letter of its role, drawn out to its end."""
        return self.role[0].upper().ljust(self.cells, "-") if self.role else " " * self.cells


@dataclass(frozen=True)
class TokenLines:
    """Renders documents of a corpus. Words are never read as markup: they may come from a user's file."""

    corpus: Corpus
    width: int
    """columns of a line"""
    in_colour: bool

    def document(self, documents: Documents, i: int) -> list[Text]:
        """Document i."""
        return self.render(documents, i, range(0))

    def question(self, cloze: Cloze, i: int) -> list[Text]:
        """Question i, with "_" for each token of its open span."""
        return self.render(cloze.documents, i, range(cloze.start[i], cloze.start[i] + cloze.size[i]))

    def render(self, documents: Documents, i: int, open_span: range) -> list[Text]:
        n = documents.lengths[i]
        tokens = [
            self.shown_token(token, role, position in open_span)
            for position, (token, role) in enumerate(zip(documents.tokens[i, :n].tolist(), documents.roles[i].tolist()))
        ]
        lines = []
        for row in wrap(tokens, self.width):
            lines.append(Text(" ").join(Text(token.word, token.style) for token in row))
            marks = " ".join(token.mark for token in row).rstrip()
            if marks and not self.in_colour:
                lines.append(Text(marks))
        return lines

    def shown_token(self, token: int, role: int, is_open: bool) -> ShownToken:
        word, name = self.corpus.vocabulary.words[token], ROLE_NAMES.get(role)
        if is_open:
            return ShownToken(OPEN, name, f"{ROLE_STYLES[name]} {OPEN_STYLE}")
        is_faint = token < len(SPECIAL) or token in self.filler
        return ShownToken(clean(word), name, ROLE_STYLES[name] if name else FAINT if is_faint else "")

    @cached_property
    def filler(self) -> frozenset[int]:
        """Token ids of filler. In a file's world a filler word may be marked, and a name may be a filler word."""
        vocabulary, names = self.corpus.vocabulary, set(np.unique(self.corpus.entities.tokens).tolist())
        words = {word for word in vocabulary.words if word.rstrip("'") in FILLER} - set(self.corpus.relations)
        return frozenset(vocabulary.ids[word] for word in words) - names


def wrap(tokens: list[ShownToken], width: int) -> Iterator[list[ShownToken]]:
    """The tokens in rows of at most `width` columns; each [separator] begins one, so that a row is a statement."""
    row: list[ShownToken] = []
    for token in tokens:
        is_full = sum(shown.cells + 1 for shown in row) + token.cells > width
        if row and (is_full or token.word == SPECIAL[SEPARATOR]):
            yield row
            row = []
        row.append(token)
    yield row
