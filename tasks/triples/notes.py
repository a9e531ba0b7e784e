"""What a person should know about a file of facts, in lines of text. None of it is an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tasks.triples.csv_reader import short
from tasks.triples.world import FileFacts

MAX_LISTED = 3  # answers and lines that a note lists
OFTEN = 0.05  # share of the questions with a word for which one answer is right


@dataclass(frozen=True)
class Notes:
    """Finds what to note about the facts of a file."""

    facts: FileFacts
    words: tuple[str, ...]
    """the relation words of the file as they are shown"""
    names: tuple[str, ...]
    """the names of the file as they are shown"""

    def lines(self, max_lines: int) -> list[str]:
        """At most `max_lines` lines of each sort, then how many more there are."""
        sorts = {
            "repeated facts": self.repeated_facts(),
            "questions with several answers": self.several_answers(),
            "answers that are right often": self.frequent_answers(),
            "relations without a fact": self.relations_without_facts(),
            "names that are shown otherwise": self.changed_names(),
        }
        lines = []
        for sort, notes in sorts.items():
            lines += islice(notes, max_lines)
            more = sum(1 for _ in notes)
            lines += [f"… and {more} more {sort}"] if more else []
        return lines

    def repeated_facts(self) -> Iterator[str]:
        for line, first in self.facts.repeated.tolist():
            yield f"line {line} states the fact of line {first} again, and is ignored"

    def several_answers(self) -> Iterator[str]:
        """Questions by either word, in the order of lines."""
        notes = []
        for is_inverse, (source, target) in enumerate(self.sources_and_targets()):
            question = self.facts.relation * len(self.facts.names) + source  # [n], the same for facts of one question
            # Facts question by question, [n]; where each question starts among them, and its number of facts.
            order = np.argsort(question, kind="stable")
            first = np.flatnonzero(np.diff(question[order], prepend=-1))
            count = np.diff(first, append=len(order))
            for i, size in zip(first[count > 1].tolist(), count[count > 1].tolist()):
                rows = order[i : i + size]
                lines = list_first([str(line) for line in self.facts.line[rows[:MAX_LISTED]]], size)
                answers = list_first([repr(self.name(entity)) for entity in target[rows[:MAX_LISTED]]], size)
                text = f"{self.name(source[rows[0]])!r} {self.word(self.facts.relation[rows[0]], is_inverse)} _"
                notes.append((self.facts.line[rows[0]], f"lines {lines}: {text} has several answers: {answers}"))
        yield from (text for _, text in sorted(notes))

    def frequent_answers(self) -> Iterator[str]:
        """Answers that are right for several of the different questions with a word, and often."""
        entities = len(self.facts.names)
        for is_inverse, (source, target) in enumerate(self.sources_and_targets()):
            num_questions = np.bincount(np.unique(self.facts.relation * entities + source) // entities)
            answer, count = np.unique(self.facts.relation * entities + target, return_counts=True)
            for relation in np.unique(self.facts.relation):
                rows = np.flatnonzero(answer // entities == relation)
                best = rows[count[rows].argmax()]
                share = count[best] / num_questions[relation]
                if share > OFTEN and count[best] > 1:
                    name, word = self.name(answer[best] % entities), self.word(relation, is_inverse)
                    yield f"{name!r} alone is right for {100 * share:.0f} % of the questions with {word}"

    def relations_without_facts(self) -> Iterator[str]:
        stated = set(self.facts.relation.tolist())
        for relation, line in enumerate(self.facts.relations.line.tolist()):
            if relation not in stated:
                yield f"{self.word(relation)}, line {line} of the relations, has no fact"

    def changed_names(self) -> Iterator[str]:
        given = (*self.facts.relations.words, *self.facts.names)
        for before, after in zip(given, (*self.words, *self.names)):
            if before != after:
                yield f"{short(before)!r} is shown as {short(after)!r}"

    def sources_and_targets(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Of the facts by their forward word, then by their inverse word."""
        return (self.facts.heads, self.facts.tails), (self.facts.tails, self.facts.heads)

    def name(self, entity: int) -> str:
        return short(self.names[entity])

    def word(self, relation: int, is_inverse: bool = False) -> str:
        return short(self.words[2 * relation + is_inverse])


def list_first(listed: list[str], size: int) -> str:
    """The first of `size` things, and how many more there are."""
    return ", ".join(listed) + (f" and {size - len(listed)} more" if size > len(listed) else "")
