"""Methods of answering a question with one trained model. They use its weights and train nothing.

To add a method: a file with a subclass of AnswerMethod, and one line below. The commands and sweeps then offer it.
"""

from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.closed_book import ClosedBook
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext, InContextNear
from eval.methods.multiple_choice import MultipleChoice, MultipleChoiceInContext
from eval.methods.retrieval import DenseRetrieval, LexicalRetrieval, OracleRetrieval

METHODS: dict[str, AnswerMethod] = {
    method.name: method
    for method in (
        ClosedBook(),
        InContext(),
        InContextNear(),
        OracleRetrieval(),
        LexicalRetrieval(),
        DenseRetrieval(),
        GenerateAndVerify(),
        ChainOfThought(),
        MultipleChoice(),
        MultipleChoiceInContext(),
    )
}
