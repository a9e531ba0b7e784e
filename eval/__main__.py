"""Evaluating a trained run, without training. Alone, it lists its commands and the runs.

python -m eval RUN                   all its questions, closed book
python -m eval methods RUN …         all its questions, by every method of answering
python -m eval ask RUN "QUESTION" …  questions of your own
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
from config.cli import BAD_INPUT, parse_arguments, refusals, refuse
from config.terminal import say
from config.validation import SettingError, require, require_at_least
from eval.ask import RankedAnswer, TypedContext, example_question, rank_answers, stated_facts, typed_lines
from eval.evaluate import CLOSED_BOOK, predict_all, summarize, to_entry
from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.retrieval import DenseRetrieval, LexicalRetrieval
from eval.run_methods import RunMethods, run_methods
from eval.runs import find_run, is_run, print_runs, similar_run
from eval.text import parse_question
from eval.trained_model import SECTIONS, load_trained_model

EVALUATE_LINE = "all its questions, closed book"
COMMANDS = {
    "methods": ("methods RUN …", "all its questions, by every method of answering"),
    "ask": ('ask RUN "QUESTION" …', "your own questions; none: from standard input"),
}


@dataclass(frozen=True)
class Evaluate:
    """Ask all questions of a run again, from its saved weights."""

    run: Positional[Path]
    """a run: its name in checkpoints/ or its folder, such as causal-0"""
    json: bool = False
    """print only `splits` of result.json (`query_modes`, where there are several)"""


@dataclass(frozen=True)
class Ask:
    """Ask questions: the five most probable entities for each, and what training states of them."""

    run: Positional[Path]
    """a run: its name in checkpoints/ or its folder, such as causal-0"""
    questions: Positional[tuple[str, ...]] = ()
    """each an entity, a relation word and an entity, one entity being _; none given: a line each of standard input"""
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
    match arguments:
        case [] | ["--help" | "-h"]:
            print_commands()
            print_runs()
        case ["ask", *rest]:
            ask_command(rest)
        case ["methods", *rest]:
            methods_command(rest)
        case [name, *rest] if not (name.startswith("-") or is_run(name) or {"-h", "--help"} & set(rest)):
            refuse(f"{name} is no run folder, and no command ({', '.join(COMMANDS)}){similar_run(name, COMMANDS)}")
        case _:
            evaluate_command(arguments)


def print_commands() -> None:
    for usage, summary in (("RUN", EVALUATE_LINE), *COMMANDS.values()):
        print(f"python -m eval {usage:20}  {summary}")
    print("\nRUN is a run folder. With --help behind it, each command lists its settings.")


def prepare(*runs: Path) -> list[Path]:
    """The folders of the runs. Raises SettingError for what is no run. Only then is torch imported."""
    folders = [find_run(run) for run in runs]
    for folder in folders:
        read_config(folder, SECTIONS)
    import torch

    torch.set_num_threads(1)  # as in training: more gain little and lose much on a busy machine
    return folders


def evaluate_command(arguments: list[str]) -> None:
    """`python -m eval`"""
    settings = parse_arguments(Evaluate, arguments, "python -m eval RUN")
    with refusals():
        (folder,) = prepare(settings.run)
        trained, step, _ = load_trained_model(folder)
        entry = to_entry(summarize(trained, predict_all(trained)))
    if settings.json:
        print(json.dumps(entry.get("query_modes", entry["splits"]), indent=1))
    else:
        from eval.report import print_result

        print_result(f"{settings.run}, step {step}", entry, read_config(folder, SECTIONS)["task"])


def methods_command(arguments: list[str]) -> None:
    """`python -m eval methods`"""
    settings = parse_arguments(RunMethods, arguments, "python -m eval methods")
    with refusals():
        folders = prepare(*settings.runs)
        unkept: list[OSError] = []
        entries = [run_methods(folder, settings.chosen(), unkept=unkept) for folder in folders]
        if settings.json:
            print(json.dumps(entries, indent=1))
        else:
            from eval.report import print_methods

            for entry in entries:
                print_methods(entry)
        if unkept:
            raise unkept[0]  # the numbers are shown, and a line says that the run folder does not keep them


def ask_command(arguments: list[str]) -> None:
    """`python -m eval ask`. Exit code 2 where a question was refused; the others are answered."""
    settings = parse_arguments(Ask, list(map(no_option, arguments)), "python -m eval ask")
    method = settings.method()
    with refusals():
        (folder,) = prepare(settings.run)
        trained, step, _ = load_trained_model(folder)
        stated = stated_facts(trained.corpus)
        source = f"{settings.run}, step {step}"
        refused = answered = 0
        for text in settings.questions or typed_lines(example_question(stated)):
            try:
                parsed = parse_question(trained.corpus, text)
                prompted, answers = rank_answers(trained, parsed, stated, method)
            except SettingError as error:
                say(f"error: {error}")
                refused += 1
            else:
                print("\n" * (answered > 0), end="")
                answered += 1
                print_answers(f"{parsed}    ({source})", answers, None if method is CLOSED_BOOK else prompted)
    if refused:
        raise SystemExit(BAD_INPUT)


def no_option(argument: str) -> str:
    """A question or statement whose first name begins with `--`, with a blank before it; others as they are."""
    is_text = argument.startswith("--") and " " in argument and "=" not in argument.partition(" ")[0]
    return f" {argument}" if is_text else argument


def print_answers(title: str, answers: list[RankedAnswer], question: str | None) -> None:
    """The `question` with its prompt, if given, and a row for each answer, the most probable first."""
    from eval.report import percent
    from eval.tables import print_line, print_table

    if question is not None:
        print_line(question, wrap=False)
    body = [[answer.entity, percent(answer.probability), answer.stated] for answer in answers]
    print_table(["prediction", "probability", "in training"], body, title=title, text_columns=(0, 2))


if __name__ == "__main__":
    run_command(main)
