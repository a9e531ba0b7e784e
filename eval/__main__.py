"""Evaluating a trained run, without training.

python -m eval RUN                 all its questions, closed book
python -m eval methods RUN …       all its questions, by every method of answering
python -m eval ask RUN "QUESTION"  one question of your own
"""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from checkpoints.config import read_config
from config.cli import parse_arguments, refusals
from config.validation import require, require_at_least
from eval.ask import RankedAnswer, TypedContext, ask
from eval.evaluate import CLOSED_BOOK, predict_all, summarize, to_entry
from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.retrieval import DenseRetrieval, LexicalRetrieval
from eval.run_methods import RunMethods, run_methods
from eval.trained_model import SECTIONS, load_trained_model


@dataclass(frozen=True)
class Evaluate:
    """Ask all questions of a run again, from its saved weights."""

    run: Positional[Path]
    """run folder, such as checkpoints/causal-0"""
    json: bool = False
    """print only `splits` of result.json (`query_modes`, where there are several)"""


@dataclass(frozen=True)
class Ask:
    """Ask one question: the five most probable entities, and what training states of each."""

    run: Positional[Path]
    """run folder, such as checkpoints/causal-0"""
    question: Positional[str]
    """an entity, a relation word and an entity, one entity being _"""
    context: tuple[str, ...] = ()
    """statements in its prompt, each in quotes: an entity, a relation word and an entity"""
    retrieve: Literal["none", "lexical", "dense"] = "none"
    """training documents in its prompt, retrieved by the words of the question or by the model's representation"""
    documents: int = 4
    """documents to retrieve"""
    chain_of_thought: bool = False
    """the model first writes the premises, which are shown (for a run trained on chain-of-thought documents)"""

    def __post_init__(self):
        retrieves = self.retrieve != "none"
        require(not (self.context and retrieves), "retrieve", self.retrieve, "none where a context is given")
        possible = not (self.chain_of_thought and (self.context or retrieves))
        allowed = "False where a context is given or retrieved"
        require(possible, "chain-of-thought", self.chain_of_thought, allowed)
        require_at_least(self, "", 1, "documents")

    def method(self) -> AnswerMethod:
        """The method that makes the prompt."""
        if self.retrieve == "lexical":
            return LexicalRetrieval(self.documents)
        if self.retrieve == "dense":
            return DenseRetrieval(self.documents)
        if self.chain_of_thought:
            return ChainOfThought()
        return TypedContext(self.context) if self.context else CLOSED_BOOK


def main(arguments: list[str]) -> None:
    commands = {"ask": ask_command, "methods": methods_command}
    if arguments and arguments[0] in commands:
        commands[arguments[0]](arguments[1:])
    else:
        evaluate_command(arguments)


def prepare(*runs: Path) -> None:
    """Raises SettingError for what is no run folder. Only then is torch imported."""
    for run in runs:
        read_config(run, SECTIONS)
    import torch

    torch.set_num_threads(1)  # as in training: more gain little and lose much on a busy machine


def evaluate_command(arguments: list[str]) -> None:
    """`python -m eval`"""
    settings = parse_arguments(Evaluate, arguments, "python -m eval")
    with refusals():
        prepare(settings.run)
        trained, step = load_trained_model(settings.run)
        summaries = summarize(trained, predict_all(trained))
    if settings.json:
        entry = to_entry(summaries)
        print(json.dumps(entry.get("query_modes", entry["splits"]), indent=1))
    else:
        from eval.report import print_by_query_mode

        split_help = read_config(settings.run, SECTIONS)["task"].split_help
        print_by_query_mode(f"{settings.run}, step {step}", summaries, split_help)


def methods_command(arguments: list[str]) -> None:
    """`python -m eval methods`"""
    settings = parse_arguments(RunMethods, arguments, "python -m eval methods")
    with refusals():
        prepare(*settings.runs)
        entries = [run_methods(folder, settings.chosen()) for folder in settings.runs]
    if settings.json:
        print(json.dumps(entries, indent=1))
    else:
        from eval.report import print_methods

        for entry in entries:
            print_methods(entry)


def ask_command(arguments: list[str]) -> None:
    """`python -m eval ask`"""
    settings = parse_arguments(Ask, arguments, "python -m eval ask")
    method = settings.method()
    with refusals():
        prepare(settings.run)
        trained, step = load_trained_model(settings.run)
        question, answers = ask(trained, settings.question, method)
    title = f"{settings.question}    ({settings.run}, step {step})"
    print_answers(title, answers, None if method is CLOSED_BOOK else question)


def print_answers(title: str, answers: list[RankedAnswer], question: str | None) -> None:
    """The `question` with its prompt, if given, and a row for each answer, the most probable first."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from eval.report import percent

    console = Console(emoji=False)
    if question is not None:
        console.print(question, markup=False, highlight=False, soft_wrap=True)
    table = Table(title=escape(title), title_justify="left")
    table.add_column("prediction")
    table.add_column("probability", justify="right")
    table.add_column("in training")
    for answer in answers:
        table.add_row(escape(answer.entity), percent(answer.probability), escape(answer.stated))
    console.print(table)


if __name__ == "__main__":
    run_command(main)
