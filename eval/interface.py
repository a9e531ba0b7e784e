"""A trained run as a Python object: `run = load("causal-0")`, then `run.ask("wuve student-of _")`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from checkpoints.config import read_config_json
from checkpoints.files import read_bytes, require_digest
from checkpoints.folder import parse_csv
from checkpoints.record import read_result
from config.terminal import clean
from config.validation import SettingError, require, require_choice
from eval.ask import RankedAnswer, TypedContext, answer_probabilities, unanswered
from eval.evaluate import CLOSED_BOOK, apply_prompt
from eval.known import Known, how_stated
from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.prompting import require_positions
from eval.methods.retrieval import DenseRetrieval, LexicalRetrieval
from eval.questions import SplitQuestions, Splits
from eval.runs import find_run
from eval.text import encode, parse_question
from eval.trained_model import TrainedModel, load_trained_model
from tasks import TASKS

if TYPE_CHECKING:
    from eval.internals import Attention, Embeddings, Logits
    from model.objectives.batch import Batch

METHODS: dict[str, AnswerMethod] = {
    method.name: method
    for method in (CLOSED_BOOK, LexicalRetrieval(), DenseRetrieval(), GenerateAndVerify(), ChainOfThought())
}


class Answers(list[RankedAnswer]):
    """Entities for the open span of a question, the most probable first."""

    question: str
    """as it was understood, such as `wuve student-of _`"""
    prompt: str
    """all that the model was given, with the context or the documents before the question"""

    def __init__(self, question: str, prompt: str, answers: Sequence[RankedAnswer]):
        super().__init__(answers)
        self.question, self.prompt = question, prompt

    def __repr__(self) -> str:
        width = max((len(answer.entity) for answer in self), default=0)
        lines = (f"{100 * answer.probability:7.2f} %  {answer.entity:{width}}  {answer.stated}" for answer in self)
        return "\n".join(map(clean, (self.question, *lines)))


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A run, loaded from its folder. `load` makes it.

    A question is text: an entity, a relation word and an entity, one entity being `_`. Methods that take one raise
    SettingError for unknown words, and where the objective of the run cannot be asked it. Their further arguments:

    context  statements that stand in the prompt, such as `["tewo teacher-of wuve"]`
    method   a name in METHODS, or one of its methods with other settings, such as `LexicalRetrieval(documents=8)`
    size     tokens of the open span, where names have several; None: those of the shortest name
    """

    folder: Path
    """where it is, such as checkpoints/causal-0"""
    trained: TrainedModel
    """the model as the rest of the code takes it: its corpus, its objective and its torch modules"""
    step: int
    """optimiser steps that the weights were trained for"""

    def __repr__(self) -> str:
        config = self.config
        return f"<Run {self.folder.name}: {config['task']['name']}, {config['objective']['name']}, step {self.step}>"

    @cached_property
    def config(self) -> dict[str, Any]:
        """Every setting by section, as config.json holds it: `run.config["train"]["steps"]`."""
        return read_config_json(self.folder)

    @cached_property
    def result(self) -> dict[str, Any]:
        """What result.json holds: `run.result["splits"]["inverse"]["accuracy"]` is a share, 0 to 1.

        Raises SettingError where the run is not finished.
        """
        require(self.is_finished(), str(self.folder), "not finished", "finished: it has no result.json")
        return read_result(self.folder)

    def is_finished(self) -> bool:
        """Whether it was trained to its end."""
        return (self.folder / "result.json").exists()

    @cached_property
    def questions(self) -> Splits:
        """The questions of each split, with the predictions of questions.csv where the run is finished."""
        rows = question_rows(self.folder) if self.is_finished() else []
        first_mode = next(iter(self.trained.query_modes()))
        split_help = TASKS[self.config["task"]["name"]].split_help
        splits = Splits()
        for split, questions in self.trained.corpus.questions.items():
            own = [row for row in rows if (row["query_mode"], row["split"]) == (first_mode, split)]
            splits[split] = SplitQuestions(f"{split} ({split_help[split]})", self.trained.corpus, questions, own)
        return splits

    def ask(
        self,
        question: str,
        context: Sequence[str] = (),
        method: str | AnswerMethod = CLOSED_BOOK.name,
        best: int = 5,
    ) -> Answers:
        """The `best` entities for the open span: each with its `probability`, and how training `stated` it."""
        require(best >= 1, "best", best, "1 or more")
        parsed, chosen = parse_question(self.trained.corpus, question), chosen_method(context, method)
        inverse = self.known.verified_form(parsed) if isinstance(chosen, GenerateAndVerify) else None
        prompt, probabilities = answer_probabilities(self.trained, parsed, chosen, inverse)
        ranked = list(probabilities.items())[:best]
        answers = [RankedAnswer(*pair, how_stated(self.known.stated, parsed.filled(pair[0]))) for pair in ranked]
        return Answers(str(parsed), prompt, answers)

    @cached_property
    def known(self) -> Known:
        """What training states, and which answers are right."""
        return Known.of(self.trained.corpus, TASKS[self.config["task"]["name"]]())

    def logits(
        self,
        question: str,
        context: Sequence[str] = (),
        method: str | AnswerMethod = CLOSED_BOOK.name,
        size: int | None = None,
    ) -> "Logits":
        """The logits at each position of the question: `values`[t, v], with `tokens`[t], `words`[v] and `asked`.

        Raises SettingError for an objective that does not predict tokens.
        """
        from eval.internals import logits

        return logits(*make_query(self.trained, question, chosen_method(context, method), size))

    def attention(
        self,
        question: str,
        context: Sequence[str] = (),
        method: str | AnswerMethod = CLOSED_BOOK.name,
        size: int | None = None,
    ) -> "Attention":
        """The attention weights: `weights`[layers, heads, t, t], query by key, with `tokens`[t] and `asked`."""
        from eval.internals import attention

        return attention(*make_query(self.trained, question, chosen_method(context, method), size))

    def embeddings(self) -> "Embeddings":
        """`matrix`[v, d] of the `tokens`[v], and `entity_matrix`[e, d] of the `entities`[e]."""
        from eval.internals import embeddings

        return embeddings(self.trained)


def load(run: str | Path) -> Run:
    """The run of this name in checkpoints/, or in this folder, at its newest saved step.

    Raises SettingError where there is none, or it is damaged.
    """
    folder = find_run(run).absolute()  # so that it is found from another folder, too
    trained, step, _ = load_trained_model(folder)
    return Run(folder, trained, step)


def chosen_method(context: Sequence[str], method: str | AnswerMethod) -> AnswerMethod:
    """The method that makes the prompt. Raises SettingError for another one than those in METHODS."""
    name = method.name if isinstance(method, AnswerMethod) else str(method)
    require_choice("method", name, METHODS)
    if not context:
        return method if isinstance(method, AnswerMethod) else METHODS[name]
    require(name == CLOSED_BOOK.name, "method", name, "left out where a context is given")
    return TypedContext((context,) if isinstance(context, str) else tuple(context))


def make_query(
    trained: TrainedModel, question: str, method: AnswerMethod, size: int | None
) -> "tuple[TrainedModel, Batch]":
    """The model in the first query mode that can be asked the question, and what its network is then given."""
    corpus = trained.corpus
    sizes = np.unique(corpus.entities.lengths).tolist()
    require(size is None or size in sizes, "size", size, f"one of {sizes}, the tokens of names")
    form = corpus.entities.lengths.tolist().index(sizes[0] if size is None else size)  # an entity with such a name
    cloze = encode(corpus, parse_question(corpus, question), int(corpus.entities.lengths[form]))
    require_positions(trained, cloze.documents.tokens.shape[1])
    cloze = apply_prompt(trained, method, unanswered(corpus, cloze, form, None)).cloze
    for model in trained.query_modes().values():
        query = model.objective.make_query(cloze, np.zeros((1, 0), np.int32))
        if query is not None:
            return model, query
    raise SettingError(f"{question!r} cannot be asked of a model trained with this objective: _ must be the last word")


def question_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of questions.csv of a finished run. None where it was removed; raises SettingError where it changed."""
    path = folder / "questions.csv"
    if not os.path.lexists(path):
        return []
    data = read_bytes(path)
    require_digest(path, data, read_result(folder)["files"].get(path.name))
    return parse_csv(data)
