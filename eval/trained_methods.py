"""The methods beside closed book that a model was trained for: it saw documents of their kind."""

import contextlib
from collections.abc import Callable

from config.validation import SettingError
from eval.evaluate import Summary, evaluate, no_check
from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.in_context import InContext
from eval.trained_model import TrainedModel
from tasks.task import Task


def trained_methods(trained: TrainedModel, task: Task) -> dict[str, AnswerMethod]:
    """In context after training on episodes, a chain of thought after training on such documents."""
    methods: dict[str, AnswerMethod] = {}
    if trained.corpus.episodes:
        methods[InContext.name] = InContext.fitting(trained.corpus)
    if task.chain_of_thought.copies:
        methods[ChainOfThought.name] = ChainOfThought()
    return methods


def evaluate_trained_methods(
    trained: TrainedModel, task: Task, check: Callable[[], None] = no_check
) -> dict[str, dict[str, Summary]]:
    """The summary of each split by each of `trained_methods`, on all questions, in the first query mode."""
    model = next(iter(trained.query_modes().values()))
    summaries = {}
    for name, method in trained_methods(trained, task).items():
        with contextlib.suppress(SettingError):  # learned positions can be fewer than a prompt's tokens
            summaries[name] = evaluate(model, method, check=check)
    return summaries
