"""Evaluating a trained run, without training. Alone, it lists its commands and the runs.

python -m eval RUN                   all its questions, closed book
python -m eval methods RUN …         all its questions, by every method of answering
python -m eval ask RUN … "QUESTION" …
                                     questions of your own, to one run or several beside each other
python -m eval export RUN --to hf DIR
                                     weights, tokenizer and model card, as transformers loads them
"""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from checkpoints.config import read_config
from config.cli import BAD_INPUT, HELP, parse_arguments, refusals, refuse
from eval.duel import Ask, load_contenders, require_one_world
from eval.duel_session import Duel, typed_lines
from eval.evaluate import CLOSED_BOOK, predict_all, summarize, to_entry
from eval.export_hf import Export, export
from eval.methods.base import AnswerMethod
from eval.run_methods import JSON_FILE, RunMethods, chunks_of, run_methods
from eval.runs import find_run, is_run, print_runs, similar_run
from eval.trained_model import SECTIONS, load_trained_model

EVALUATE_LINE = "all its questions, closed book"
COMMANDS = {
    "methods": ("methods RUN …", "all its questions, by every method of answering"),
    "ask": ('ask RUN … "QUESTION" …', "your own questions, all runs beside each other; none: from standard input"),
    "export": (
        "export RUN --to hf DIR",
        "weights, tokenizer and model card, as transformers loads them",
    ),
}


@dataclass(frozen=True)
class Evaluate:
    """Ask all questions of a run again, from its saved weights."""

    run: Positional[Path]
    """a run: its name in checkpoints/ or its folder, such as causal-0"""
    json: bool = False
    """print only `splits` of result.json (`query_modes`, where there are several)"""


def main(arguments: list[str]) -> None:
    match arguments:
        case [] | ["--help" | "--help-all" | "-h"]:
            print_commands()
            print_runs()
        case ["ask", *rest]:
            ask_command(rest)
        case ["methods", *rest]:
            methods_command(rest)
        case ["export", *rest]:
            export_command(rest)
        case [name, *rest] if not (name.startswith("-") or is_run(name) or HELP & set(rest)):
            refuse(f"{name} is no run folder, and no command ({', '.join(COMMANDS)}){similar_run(name, COMMANDS)}")
        case _:
            evaluate_command(arguments)


def print_commands() -> None:
    for usage, summary in (("RUN", EVALUATE_LINE), *COMMANDS.values()):
        print(f"python -m eval {usage:24}  {summary}")
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
        from eval.progress import QuestionProgress

        with QuestionProgress(folder.name, "the run is as it was") as progress:
            progress.expect(chunks_of(trained, [CLOSED_BOOK]))
            rows = predict_all(trained, check=progress.check)
        entry = to_entry(summarize(trained, rows))
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
        entries = [ask_by_methods(folder, settings.chosen(), unkept) for folder in folders]
        if settings.json:
            print(json.dumps(entries, indent=1))
        else:
            from eval.report import print_methods

            for entry in entries:
                print_methods(entry)
        if unkept:
            raise unkept[0]  # the numbers are shown, and a line says that the run folder does not keep them


def ask_by_methods(folder: Path, methods: dict[str, AnswerMethod], unkept: list[OSError]) -> dict[str, Any]:
    """`run_methods` of a run, with its progress."""
    from eval.progress import QuestionProgress

    with QuestionProgress(folder.name, f"{folder / JSON_FILE} keeps the methods that were finished") as progress:
        return run_methods(folder, methods, progress.check, unkept=unkept, expect=progress.expect)


def ask_command(arguments: list[str]) -> None:
    """`python -m eval ask`. Exit code 2 where a question was refused, but for a person who was told in a terminal."""
    settings = parse_arguments(Ask, list(map(no_option, arguments)), "python -m eval ask")
    with refusals():
        folders, questions = settings.split()
        require_one_world(folders)
        duel = Duel(load_contenders(prepare(*folders)), settings)
        refused = duel.run(questions or typed_lines(duel))
    if refused and (questions or not sys.stdin.isatty()):
        raise SystemExit(BAD_INPUT)


def export_command(arguments: list[str]) -> None:
    """`python -m eval export`"""
    settings = parse_arguments(Export, arguments, "python -m eval export")
    with refusals():
        (folder,) = prepare(settings.run)
        print(export(folder, settings.dir, settings.overwrite))


def no_option(argument: str) -> str:
    """A question or statement whose first name begins with `--`, with a blank before it; others as they are."""
    is_text = argument.startswith("--") and " " in argument and "=" not in argument.partition(" ")[0]
    return f" {argument}" if is_text else argument


if __name__ == "__main__":
    run_command(main)
