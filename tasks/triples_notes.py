"""What a person should know about a file of facts, in lines of text; nothing of it is an error."""

from collections.abc import Callable, Iterator

import numpy as np

from tasks.table import short
from tasks.triples_file import FileFacts

SOME = 3  # answers and lines that a note lists

Shown = Callable[[FileFacts], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]


def notes(facts: FileFacts, shown: Shown, most: int) -> list[str]:
    """`most` lines of each kind, then how many more there are."""
    words, names, _ = shown(facts)
    words, names = tuple(map(short, words)), tuple(map(short, names))
    kinds = {
        "facts that stand there twice": twice(facts),
        "questions with several answers": several(facts, words, names),
        "answers that are right often": guesses(facts, words, names),
        "relations without a fact": without(facts, words),
        "names that are shown otherwise": renamed(facts, shown),
    }
    lines = []
    for kind, found in kinds.items():
        every = list(found)
        lines += every[:most]
        lines += [f"… and {len(every) - most} more {kind}"] if len(every) > most else []
    return lines


def twice(facts: FileFacts) -> Iterator[str]:
    for line, first in facts.again.tolist():
        yield f"line {line} tells what line {first} tells, and is left out"


def several(facts: FileFacts, words: tuple[str, ...], names: tuple[str, ...]) -> Iterator[str]:
    """Of either word, in the order of lines."""
    found = []
    for turned, (known, asked) in enumerate(((facts.heads, facts.tails), (facts.tails, facts.heads))):
        key = facts.relation * len(names) + known
        order = np.argsort(key, kind="stable")
        begins = np.flatnonzero(np.diff(key[order], prepend=-1))
        count = np.diff(begins, append=len(order))
        for begin, size in zip(begins[count > 1].tolist(), count[count > 1].tolist()):
            rows = order[begin : begin + size]
            question = f"{names[known[rows[0]]]!r} {words[2 * facts.relation[rows[0]] + turned]} _"
            lines = listed([str(line) for line in facts.line[rows[:SOME]]], size)
            right = listed([repr(names[one]) for one in asked[rows[:SOME]]], size)
            found.append((facts.line[rows[0]], f"lines {lines}: {question} has several answers: {right}"))
    yield from (text for _, text in sorted(found))


def listed(first: list[str], size: int) -> str:
    return ", ".join(first) + (f" and {size - len(first)} more" if size > len(first) else "")


def guesses(facts: FileFacts, words: tuple[str, ...], names: tuple[str, ...]) -> Iterator[str]:
    """Answers that are right for more than one in twenty of the different questions with a word, and for several."""
    for turned, (known, asked) in enumerate(((facts.heads, facts.tails), (facts.tails, facts.heads))):
        questions = np.bincount(np.unique(facts.relation * len(names) + known) // len(names))
        key, count = np.unique(facts.relation * len(names) + asked, return_counts=True)
        for relation in np.unique(facts.relation):
            own = np.flatnonzero(key // len(names) == relation)
            best = own[count[own].argmax()]
            share = count[best] / questions[relation]
            if share > 0.05 and count[best] > 1:
                answer, word = names[key[best] % len(names)], words[2 * relation + turned]
                yield f"{answer!r} alone is right for {100 * share:.0f} % of the questions with {word}"


def without(facts: FileFacts, words: tuple[str, ...]) -> Iterator[str]:
    told = set(facts.relation.tolist())
    for i, line in enumerate(facts.relations.line.tolist()):
        if i not in told:
            yield f"{words[2 * i]}, line {line} of the relations, has no fact"


def renamed(facts: FileFacts, shown: Shown) -> Iterator[str]:
    words, names, _ = shown(facts)
    for given, here in zip((*facts.relations.words, *facts.names), (*words, *names)):
        if given != here:
            yield f"{short(given)!r} is shown as {short(here)!r}"
