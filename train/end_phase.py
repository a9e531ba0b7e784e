"""The questions after the last step: how many are answered, for the log, and a chance to stop before each chunk."""

from collections.abc import Callable
from itertools import accumulate, count

from eval.evaluate import CLOSED_BOOK, chunk_sizes
from eval.trained_methods import trained_methods
from eval.trained_model import TrainedModel
from tasks.task import Task
from train.progress import Log
from train.signals import StopFlag


def end_phase_check(trained: TrainedModel, task: Task, log: Log, stop: StopFlag) -> Callable[[], None]:
    """What is called before each chunk of `predict_all`, then of `evaluate_trained_methods`, and at the end.

    It tells the log how many questions are answered and how many there are. Raises StopRequested once a signal came.
    """
    models = list(trained.query_modes().values())
    sizes = [size for model in models for size in chunk_sizes(model, CLOSED_BOOK)]
    for method in trained_methods(trained, task).values():
        sizes += chunk_sizes(models[0], method)
    answered, calls = [0, *accumulate(sizes)], count()

    def check() -> None:
        stop.check()
        log.asked(answered[min(next(calls), len(sizes))], answered[-1])

    return check
