"""What a person should know about a file of facts, in lines of text. None of it is an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from config.terminal import list_first
from tasks.corpus import Questions
from tasks.triples.csv_reader import short
from tasks.triples.documents import DisplayedWords
from tasks.triples.world import FileFacts

MAX_LISTED = 3  # answers and lines that a note lists
OFTEN = 0.05  # share of the questions with a word for which one answer is right


@dataclass(frozen=True)
class Notes:
    """Finds what to note about the facts of a file."""

    facts: FileFacts
    words: DisplayedWords
    file: str
    max_answers: int
    """right answers that a question may have"""

    def overview(self, is_one_way: np.ndarray, questions: dict[str, Questions]) -> list[str]:
        """Numbers of facts and questions, splits that are left out, and how the files were read.

        `is_one_way`: bool[n] of the facts. `questions`: of all splits.
        """
        count, one_way = len(self.facts), int(is_one_way.sum())
        relations, entities = len(set(self.facts.relation.tolist())), len(self.facts.names)
        many = "s" * (relations > 1)
        lines = [
            f"{short(self.file)}: {count:,} facts, {relations:,} relation{many}, {entities:,} entities; "
            f"two-way (stated by both words) {count - one_way:,}, one-way (by one word) {one_way:,}",
            f"questions: {', '.join(map(count_questions, questions, questions.values()))}; any right answer counts",
        ]
        reasons = {
            "forward": f"each question has more than {self.max_answers} right answers (task.max_answers)",
            "wrong_frame": "training states no `B r Y` for the B of any one-way fact `A r B`, so `B r _` is no control",
        }
        lines += [f"left out: {split}; {reason}" for split, reason in reasons.items() if split not in questions]
        if not self.facts.has_header:
            head, tail = (repr(self.name(ends[0])) for ends in (self.facts.heads, self.facts.tails))
            fact = f"{head} {self.word(self.facts.relation[0])} {tail}"
            lines.append(f"the file has no header: its first line states {fact}")
        if self.facts.relations.is_made:
            made = f"the inverse of {self.word(0)} is {self.word(0, True)}" + (", and so on" if relations > 1 else "")
            lines.append(f"inverse words are made: {made} (task.relations names others)")
        return lines

    def counts(self, show_all: str) -> list[str]:
        """For each sort of notes how many there are, and the first one. `show_all`: the command that shows the rest."""
        lines, is_shortened = [], False
        for sort, (count, notes) in self.sorts().items():
            if count:
                first = next(iter(notes))
                lines.append(first if count == 1 else f"{count:,} {sort}, such as: {first}")
                is_shortened |= count > 1
        return [*lines, f"all of them: {show_all}"] if is_shortened else lines

    def lines(self) -> list[str]:
        """All notes, sort by sort."""
        return list(chain.from_iterable(notes for _, notes in self.sorts().values()))

    def sorts(self) -> dict[str, tuple[int, Iterator[str]]]:
        """The number of notes of each sort, and the notes."""
        frequent, empty, changed = (
            list(notes) for notes in (self.frequent_answers(), self.relations_without_facts(), self.changed_names())
        )
        return {
            "repeated facts": (len(self.facts.repeated), self.repeated_facts()),
            "questions with several answers": (len(self.several[0]), self.several_answers()),
            "answers that are right often": (len(frequent), iter(frequent)),
            "relations without a fact": (len(empty), iter(empty)),
            "names that are shown otherwise": (len(changed), iter(changed)),
        }

    def repeated_facts(self) -> Iterator[str]:
        for line, first in self.facts.repeated.tolist():
            yield f"line {line} states the fact of line {first} again, and is ignored"

    @cached_property
    def several(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Questions with several answers, int[q] each, in the order of lines; and an order of `statements`, int[n].

        The statements that answer one are neighbours in that order: where the first one stands, and how many there are.
        """
        source, word, _, line = self.statements
        question = word * len(self.facts.names) + source  # the same for statements that answer one question
        order = np.lexsort((line, question))
        first = np.flatnonzero(np.diff(question[order], prepend=-1))
        count = np.diff(first, append=len(order))
        first, count = first[count > 1], count[count > 1]
        by_line = np.argsort(line[order[first]], kind="stable")
        return first[by_line], count[by_line], order

    def several_answers(self) -> Iterator[str]:
        """Questions by either word."""
        source, word, target, line = self.statements
        first, count, order = self.several
        for i, size in zip(first.tolist(), count.tolist()):
            rows = order[i : i + min(size, MAX_LISTED)]
            lines = list_first([str(number) for number in line[rows]], size)
            answers = list_first([repr(self.name(entity)) for entity in target[rows]], size)
            text = f"{self.name(source[rows[0]])!r} {short(self.words.relations[word[rows[0]]])} _"
            yield f"lines {lines}: {text} has several answers: {answers}"

    def frequent_answers(self) -> Iterator[str]:
        """Answers that are right for several of the different questions with a word, and often."""
        entities, (source, word, target, _) = len(self.facts.names), self.statements
        num_questions = np.bincount(np.unique(word * entities + source) // entities)
        answer, count = np.unique(word * entities + target, return_counts=True)  # word by word
        words, first = np.unique(answer // entities, return_index=True)
        for asked, start, end in zip(words, first, [*first[1:], len(answer)]):
            best = start + count[start:end].argmax()
            share = count[best] / num_questions[asked]
            if share > OFTEN and count[best] > 1:
                name, shown = self.name(answer[best] % entities), short(self.words.relations[asked])
                yield f"{name!r} alone is right for {100 * share:.0f} % of the questions with {shown}"

    def relations_without_facts(self) -> Iterator[str]:
        stated = set(self.facts.relation.tolist())
        for relation, line in enumerate(self.facts.relations.line.tolist()):
            if relation not in stated:
                yield f"{self.word(relation)}, line {line} of the relations, has no fact"

    def changed_names(self) -> Iterator[str]:
        given = (*self.facts.relations.different, *self.facts.names)
        for before, after in zip(given, (*self.words.relations, *self.words.names)):
            if before != after:
                yield f"{short(before)!r} is shown as {short(after)!r}"

    @cached_property
    def statements(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Source, word (among the different ones), target and line of all facts by their forward, then inverse words.

        A fact of a symmetric relation about one entity is the same both ways, and stands here once.
        """
        facts, (forward, inverse) = self.facts, self.facts.relations.index.reshape(-1, 2).T
        differs = ~(facts.is_symmetric & (facts.heads == facts.tails))
        pairs = (
            (facts.heads, facts.tails[differs]),
            (forward[facts.relation], inverse[facts.relation[differs]]),
            (facts.tails, facts.heads[differs]),
            (facts.line, facts.line[differs]),
        )
        return tuple(np.concatenate(pair) for pair in pairs)

    def name(self, entity: int) -> str:
        return short(self.words.names[entity])

    def word(self, relation: int, is_inverse: bool = False) -> str:
        return short(self.words.relations[self.facts.relations.index[2 * relation + is_inverse]])


def count_questions(split: str, questions: Questions) -> str:
    """The number of questions of a split, and how many have several right answers."""
    several = int(((questions.accepted >= 0).sum(1) > 1).sum())
    has_right_answers = split != "wrong_frame"
    more = f" ({several:,} with several right answers)" if several and has_right_answers else ""
    return f"{split} {len(questions):,}{more}"
