"""A question typed by a person: `ka-lo teacher-of _`, answered with the most probable entities."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from config.validation import SettingError
from eval.evaluate import CLOSED_BOOK, apply_prompt, inference_mode
from eval.known import StatedFacts, how_stated, stated_facts
from eval.methods.base import AnswerMethod
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.prompting import PromptedMethod, require_positions, with_prompt
from eval.text import OPEN, ParsedQuestion, encode, parse_question, render_question
from eval.trained_model import TrainedModel
from tasks.corpus import Cloze, Corpus, Documents, Questions
from tasks.vocabulary import Entities


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

    `stated` is what training states. Raises SettingError where the objective cannot be asked.
    """
    prompt, probabilities = answer_probabilities(trained, parsed, method)
    return prompt, [
        RankedAnswer(name, probability, how_stated(stated, parsed.filled(name)))
        for name, probability in list(probabilities.items())[:best]
    ]


def answer_probabilities(
    trained: TrainedModel,
    parsed: ParsedQuestion,
    method: AnswerMethod = CLOSED_BOOK,
    inverse: ParsedQuestion | None = None,
) -> tuple[str, dict[str, float]]:
    """The question behind the prompt of `method`, and the probability of every entity, the highest first.

    Names of several lengths are each scored as an answer of their own length. Generate and verify scores the `inverse`
    of the question, whose first entity is open: the probabilities are then those of its last entity after each name.
    Raises SettingError where the objective cannot be asked.
    """
    corpus, probabilities = trained.corpus, {}
    scorer = method if isinstance(method, GenerateAndVerify) else CLOSED_BOOK
    for form in answer_forms(corpus.entities):
        size = int(corpus.entities.lengths[form])
        cloze = encode(corpus, parsed, size)
        require_positions(trained, cloze.documents.tokens.shape[1])
        inverse_form = None if inverse is None else encode(corpus, inverse, size)
        prompted = apply_prompt(trained, method, unanswered(corpus, cloze, form, inverse_form))
        log_probs = entity_log_probs(trained, prompted, scorer)
        if log_probs is None:
            raise SettingError(
                f"{str(parsed)!r} cannot be asked of a model trained with this objective: it sees only what stands "
                f"left of {OPEN}, so {OPEN} must be the last word"
            )
        possible = np.flatnonzero(np.isfinite(log_probs))
        probabilities |= {corpus.entities.names[entity]: float(np.exp(log_probs[entity])) for entity in possible}
    ranked = dict(sorted(probabilities.items(), key=lambda pair: -pair[1]))
    return render_question(corpus, prompted.cloze, 0), ranked


def answer_forms(entities: Entities) -> list[int]:
    """An entity for each number of tokens and alphabet that names have."""
    alphabet = np.zeros(len(entities)) if entities.alphabet is None else entities.alphabet
    return np.unique(np.stack([entities.lengths, alphabet]), axis=1, return_index=True)[1].tolist()


def entity_log_probs(trained: TrainedModel, questions: Questions, scorer: AnswerMethod) -> np.ndarray | None:
    """log p[e] of each entity as the answer to the first question, in the first query mode that can be asked."""
    with inference_mode(trained):
        for model in trained.query_modes().values():
            log_probs = scorer.candidate_log_probs(model, questions, trained.corpus.entities)
            if log_probs is not None:
                return log_probs[0]
    return None


def unanswered(corpus: Corpus, cloze: Cloze, form: int, inverse_form: Cloze | None) -> Questions:
    """The cloze as a question without premises, in as many columns as the corpus has.

    What it accepts is the entity `form`, which is no answer: it shows the length and alphabet of one.
    """
    num_premises = max((questions.premises.shape[1] for questions in corpus.questions.values()), default=1)
    none = np.full((1, num_premises), -1, np.int32)
    accepted = np.array([[form]], np.int32)
    return Questions(cloze, accepted, none[..., None], none, *np.zeros((3, 1)), inverse_form)
