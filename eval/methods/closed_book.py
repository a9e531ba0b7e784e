"""Closed book: the question alone, answered from the weights."""

from typing import ClassVar

from eval.methods.base import AnswerMethod


class ClosedBook(AnswerMethod):
    """What AnswerMethod does by default: no prompt, and the objective's own answer."""

    name: ClassVar = "closed-book"
