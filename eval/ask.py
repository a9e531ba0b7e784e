"""A question typed by a person: `ka-lo teacher-of _`, answered with the most probable entities."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import ClassVar

import numpy as np

from config.terminal import say
from config.validation import SettingError
from eval.evaluate import CLOSED_BOOK, apply_prompt, inference_mode
from eval.methods.base import AnswerMethod
from eval.methods.prompting import PromptedMethod, require_positions, with_prompt
from eval.text import OPEN, ParsedQuestion, encode, parse_question, render_question
from eval.trained_model import TrainedModel
from tasks.corpus import RELATION, SOURCE, TARGET, Cloze, Corpus, Documents, Questions

MAX_STATEMENTS = 4  # that are shown of two entities
Statement = tuple[str, str, str]  # source, relation words, target
StatedFacts = dict[frozenset[str], Counter[Statement]]  # by the two entities that they are about


@dataclass(frozen=True)
class RankedAnswer:
    """One of the entities that a model predicts."""

    entity: str
    probability: float
    stated: str
    """what training states of it and the entity in the question"""


@dataclass(frozen=True)
class TypedContext(PromptedMethod):
    """The prompt is statements that a person typed."""

    name: ClassVar = "typed-context"

    statements: tuple[str, ...]
    """each an entity, a relation word and an entity, such as `ka-lo teacher-of mi`"""

    def apply_prompt(self, trained: TrainedModel, questions: Questions) -> Questions:
        documents = [self.encode(trained.corpus, text) for text in self.statements]
        rows = np.arange(len(documents))[None]
        return replace(questions, cloze=with_prompt(questions.cloze, sum(documents[1:], documents[0]), rows))

    def encode(self, corpus: Corpus, text: str) -> Documents:
        return encode(corpus, parse_question(corpus, text, "context")).documents


def ask(
    trained: TrainedModel, question: str, method: AnswerMethod = CLOSED_BOOK, best: int = 5
) -> tuple[str, list[RankedAnswer]]:
    """`rank_answers` to a typed question. Raises SettingError for unknown words, too."""
    parsed = parse_question(trained.corpus, question)
    return rank_answers(trained, parsed, stated_facts(trained.corpus), method, best)


def rank_answers(
    trained: TrainedModel,
    parsed: ParsedQuestion,
    stated: StatedFacts,
    method: AnswerMethod = CLOSED_BOOK,
    best: int = 5,
) -> tuple[str, list[RankedAnswer]]:
    """The question behind the prompt of `method`, and the `best` entities for its open span.

    Names of several lengths are each scored as an answer of their own length. `stated` is what training states. Raises
    SettingError where the objective cannot be asked.
    """
    corpus = trained.corpus
    probabilities: dict[str, float] = {}
    for size in np.unique(corpus.entities.lengths):
        cloze = encode(corpus, parsed, int(size))
        require_positions(trained, cloze.documents.tokens.shape[1])
        prompted = apply_prompt(trained, method, unanswered(corpus, cloze))
        log_probs = entity_log_probs(trained, prompted)
        if log_probs is None:
            raise SettingError(
                f"{str(parsed)!r} cannot be asked of a model trained with this objective: it sees only what stands "
                f"left of {OPEN}, so {OPEN} must be the last word"
            )
        possible = np.flatnonzero(np.isfinite(log_probs))
        probabilities |= {corpus.entities.names[entity]: float(np.exp(log_probs[entity])) for entity in possible}
    words = " ".join(parsed.words)
    ranked = sorted(probabilities.items(), key=lambda pair: -pair[1])[:best]
    return render_question(corpus, prompted.cloze, 0), [
        RankedAnswer(name, probability, how_stated(stated, parsed.source or name, words, parsed.target or name))
        for name, probability in ranked
    ]


def example_question(stated: StatedFacts) -> str:
    """The first statement of the training documents as a question."""
    (source, words, _), *_ = next(iter(stated.values()))
    return f"{source} {words} {OPEN}"


def typed_lines(example: str) -> Iterator[str]:
    """The lines of standard input that are not empty. In a terminal each is prompted for, and Ctrl-D ends them."""
    if not sys.stdin.isatty():
        sys.stdin.reconfigure(errors="backslashreplace")
        yield from filter(str.strip, map(str.rstrip, sys.stdin))
        return
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, as `input` then edits lines and remembers them
    say(f"a question a line, such as: {example} (Ctrl-D ends)")
    with contextlib.suppress(EOFError):
        while True:
            if line := input("? ").strip():
                yield line
    print()


def entity_log_probs(trained: TrainedModel, questions: Questions) -> np.ndarray | None:
    """log p[e] of each entity as the answer to the first question, in the first query mode that can be asked."""
    with inference_mode(trained):
        for model in trained.query_modes().values():
            log_probs = CLOSED_BOOK.candidate_log_probs(model, questions, trained.corpus.entities)
            if log_probs is not None:
                return log_probs[0]
    return None


def unanswered(corpus: Corpus, cloze: Cloze) -> Questions:
    """The cloze as questions without a known answer, and without premises, in as many columns as the corpus has."""
    n = len(cloze)
    num_premises = max((questions.premises.shape[1] for questions in corpus.questions.values()), default=1)
    none = np.full((n, num_premises), -1, np.int32)
    return Questions(cloze, none[:, :1], none[..., None], none, *np.zeros((3, n)))


def stated_facts(corpus: Corpus) -> StatedFacts:
    """What the training documents state, and how often, by the two entities that it is about."""
    stated: StatedFacts = {}
    documents, vocabulary = corpus.documents, corpus.vocabulary.words
    for tokens, roles in zip(documents.tokens.tolist(), documents.roles.tolist()):
        runs = [
            (role, [vocabulary[token] for token, _ in run])
            for role, run in groupby(zip(tokens, roles), key=lambda pair: pair[1])
        ]
        for (first, source), (second, words), (third, target) in zip(runs, runs[1:], runs[2:]):
            if (first, second, third) == (SOURCE, RELATION, TARGET):
                statement = "-".join(source), " ".join(words), "-".join(target)
                stated.setdefault(frozenset(statement[::2]), Counter())[statement] += 1
    return stated


def how_stated(stated: StatedFacts, source: str, words: str, target: str) -> str:
    """Whether training states what is asked, and what else it states of the two entities, such as the inverse."""
    counts = stated.get(frozenset((source, target)), Counter())
    statements = [" ".join(statement) for statement, _ in counts.most_common() if statement != (source, words, target)]
    more = f" and {len(statements) - MAX_STATEMENTS} more" * (len(statements) > MAX_STATEMENTS)
    others = ", ".join(statements[:MAX_STATEMENTS]) + more
    if counts[source, words, target]:
        return f"stated; also: {others}" if others else "stated in these words only"
    return f"not stated, but: {others}" if others else "not stated"
