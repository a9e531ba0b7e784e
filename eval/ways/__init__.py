"""The ways of answering a question from one trained model.

To add one: a file with a class like ClosedBook, and one line here.
"""

from eval.ways.closed_book import ClosedBook
from eval.ways.in_context import InContext

WAYS = {"closed-book": ClosedBook(), "in-context": InContext()}
