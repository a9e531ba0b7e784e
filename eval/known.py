"""What is known of a world without asking a model: what training states, which answers are right, what is held out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from eval.text import ParsedQuestion
from tasks.common.segments import pack
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Cloze, Corpus, Documents, Questions
from tasks.task import Task
from tasks.vocabulary import MASK, SEPARATOR

MAX_STATEMENTS = 4  # that are shown of two entities
StatedFacts = dict[frozenset[str], Counter[ParsedQuestion]]  # statements by the two entities that they are about


@dataclass(frozen=True)
class Known:
    """A world's statements, and its questions as a person types them."""

    corpus: Corpus
    stated: StatedFacts
    """by training documents"""
    held_out_splits: tuple[str, ...]
    """of the task"""
    mistake_splits: tuple[str, ...]
    """of the task; what they accept is wrong"""

    @staticmethod
    def of(corpus: Corpus, task: Task) -> "Known":
        return Known(corpus, stated_facts(corpus), task.held_out_splits, task.mistake_splits)

    @cached_property
    def questions(self) -> dict[ParsedQuestion, tuple[Questions, int]]:
        """Where each question stands whose right answers are known: in a split, or among all inferences."""
        splits = [split for name, split in self.corpus.questions.items() if name not in self.mistake_splits]
        splits += [self.corpus.inferences()] if self.corpus.inferences is not None else []
        questions: dict[ParsedQuestion, tuple[Questions, int]] = {}
        for split in splits:
            for i, question in enumerate(typed_forms(self.corpus, split.cloze)):
                questions.setdefault(question, (split, i))
        return questions

    @cached_property
    def answers(self) -> dict[ParsedQuestion, set[str]]:
        """The right answers to each question that has some: what is stated, and what follows from it."""
        names, answers = self.corpus.entities.names, {}
        true = [statement for counts in self.stated.values() for statement in counts]
        for question, (split, i) in self.questions.items():
            true += [question.filled(names[entity]) for entity in split.accepted[i] if entity >= 0]
        for fact in true:
            answers.setdefault(ParsedQuestion(fact.source, fact.words, None), set()).add(fact.target)
            answers.setdefault(ParsedQuestion(None, fact.words, fact.target), set()).add(fact.source)
        return answers

    @cached_property
    def inverse_words(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """The inverse of relation words, where some question has an inverse form."""
        pairs = {}
        for split in {id(split): split for split, _ in self.questions.values() if split.inverse_form}.values():
            forms = (typed_forms(self.corpus, cloze) for cloze in (split.cloze, split.inverse_form))
            pairs |= {question.words: inverse.words for question, inverse in zip(*forms)}
        return {inverse: words for words, inverse in pairs.items()} | pairs

    def inverse_form(self, question: ParsedQuestion) -> ParsedQuestion | None:
        """The question by the inverse wording: what is open changes its side. None where no word is its inverse."""
        words = self.inverse_words.get(question.words)
        return None if words is None else ParsedQuestion(question.target, words, question.source)

    def right_answers(self, question: ParsedQuestion, context: Iterable[ParsedQuestion] = ()) -> frozenset[str]:
        """What is right: by the statements of a prompt, where one answers the question, or else in the world."""
        forms = [form for form in (question, self.inverse_form(question)) if form is not None]
        answers = {fact.target if form.target is None else fact.source for form in forms for fact in context}
        in_context = {name for name in answers if any(form.filled(name) in context for form in forms)}
        return frozenset(in_context or self.answers.get(question, ()))

    def held_out(self) -> list[ParsedQuestion]:
        """The questions of all held-out splits. Those in plain letters come first, as everyone can type them."""
        splits = [self.corpus.questions.get(name) for name in self.held_out_splits]
        questions = [question for question, (split, _) in self.questions.items() if any(split is own for own in splits)]
        return sorted(questions, key=lambda question: not str(question).isascii())

    def first_stated(self) -> ParsedQuestion:
        """The first statement of the training documents as a question."""
        fact = next(iter(next(iter(self.stated.values()))))
        return ParsedQuestion(fact.source, fact.words, None)

    def premises(self, question: ParsedQuestion) -> list[str]:
        """The stated premises of a question's answer."""
        if question not in self.questions or self.corpus.premises is None:
            return []
        split, i = self.questions[question]
        documents = self.corpus.premises.documents[[row for row in split.premises[i] if row >= 0]]
        facts = (fact for row in statements_by_row(self.corpus, documents) for fact in row)
        return [str(fact) for fact in facts if fact in self.stated.get(entities_of(fact), ())]

    def how_stated(self, question: ParsedQuestion) -> list[str]:
        """How training states the answer to a question, and whether in the words of the question: a line or two."""
        asked = [question.filled(name) for name in sorted(self.answers.get(question, ()))]
        stated = [fact for statement in asked for fact in self.stated.get(entities_of(statement), ())]
        exact = [str(statement) for statement in asked if statement in stated]
        others = [str(fact) for fact in stated if fact not in asked]
        if exact:
            return [f"training stated: {listed(exact)}"] + ([f"also stated:     {listed(others)}"] if others else [])
        premises = self.premises(question) or others
        if not premises:
            return ["training states nothing that the answer follows from"]
        return [f"training stated: {listed(premises)}", f"never stated:    {listed(list(map(str, asked)))}"]


def entities_of(statement: ParsedQuestion) -> frozenset[str]:
    return frozenset((statement.source, statement.target))


def typed_forms(corpus: Corpus, cloze: Cloze) -> list[ParsedQuestion]:
    """The questions as a person types them: without filler."""
    mask, questions = corpus.vocabulary.words[MASK], []
    for facts in statements_by_row(corpus, cloze.documents):
        (fact,) = (fact for fact in facts if any(name.startswith(mask) for name in entities_of(fact)))
        source, target = (None if name.startswith(mask) else name for name in (fact.source, fact.target))
        questions.append(ParsedQuestion(source, fact.words, target))
    return questions


def stated_facts(corpus: Corpus) -> StatedFacts:
    """What the training documents state, and how often, by the two entities that it is about."""
    documents, stated = corpus.documents, {}
    # Documents that differ in filler only are read once.
    without_filler = (documents.roles != NONE) | (documents.tokens == SEPARATOR)
    read = pack(documents.tokens, documents.roles, without_filler)
    _, first, counts = np.unique(read.tokens, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)  # as in training
    for facts, count in zip(statements_by_row(corpus, read[first[order]]), counts[order].tolist()):
        for fact in facts:
            stated.setdefault(entities_of(fact), Counter())[fact] += count
    return stated


def statements_by_row(corpus: Corpus, documents: Documents) -> Iterator[list[ParsedQuestion]]:
    """The statements of each document: a source, relation words and a target that stand one after another."""
    words = corpus.vocabulary.words
    for tokens, roles in zip(documents.tokens.tolist(), documents.roles.tolist()):
        runs = [
            (role, [words[token] for token, _ in run])
            for role, run in groupby(zip(tokens, roles), key=lambda pair: pair[1])
        ]
        yield [
            ParsedQuestion("-".join(source), tuple(relation), "-".join(target))
            for (first, source), (second, relation), (third, target) in zip(runs, runs[1:], runs[2:])
            if (first, second, third) == (SOURCE, RELATION, TARGET)
        ]


def how_stated(stated: StatedFacts, statement: ParsedQuestion) -> str:
    """Whether training states this, and what else it states of the two entities, such as the inverse."""
    counts = stated.get(entities_of(statement), Counter())
    others = listed([str(fact) for fact, _ in counts.most_common() if fact != statement])
    if counts[statement]:
        return f"stated; also: {others}" if others else "stated in these words only"
    return f"not stated, but: {others}" if others else "not stated"


def listed(statements: list[str]) -> str:
    """The first statements, and how many more there are."""
    more = f" and {len(statements) - MAX_STATEMENTS} more" * (len(statements) > MAX_STATEMENTS)
    return ", ".join(statements[:MAX_STATEMENTS]) + more
