"""The ways of answering a question from one trained model. Each reads what is trained and trains nothing.

To add one: a file with a class like ClosedBook, and one line here.
"""

from eval.ways.choice import Choice, ChoiceInContext
from eval.ways.closed_book import ClosedBook
from eval.ways.generate_and_verify import GenerateAndVerify
from eval.ways.in_context import InContext
from eval.ways.near_context import NearContext
from eval.ways.recall import Recall
from eval.ways.retrieval import DenseRetrieval, LexicalRetrieval, OracleRetrieval

WAYS = {
    "closed-book": ClosedBook(),
    "in-context": InContext(),
    "in-context-near": NearContext(),
    "oracle-retrieval": OracleRetrieval(),
    "lexical-retrieval": LexicalRetrieval(),
    "dense-retrieval": DenseRetrieval(),
    "generate-and-verify": GenerateAndVerify(),
    "recall": Recall(),
    "choice": Choice(),
    "choice-in-context": ChoiceInContext(),
}
