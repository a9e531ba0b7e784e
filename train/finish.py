"""The end of a command: accuracies, a right and a wrong question in words, and what is worth trying next."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from checkpoints.folder import read_csv, run_folder
from eval.examples import choose_examples, describe
from eval.report import print_examples, print_next, print_result
from eval.trained_model import with_kept_inputs
from train.config import RunConfig
from train.next_commands import next_commands, study_commands

VENV = Path(__file__).parent.parent / ".venv"


def print_finish(preset: str, config: RunConfig, name: str, result: dict[str, Any]) -> None:
    """Prints what result.json of the run `name` holds, a right and a wrong question, and what to try next."""
    folder = run_folder(name)
    print_result(f"checkpoints/{name}", result, config.task)
    corpus = with_kept_inputs(config.task, folder).build(config.seed)
    examples = choose_examples(corpus, config.task, read_csv(folder / "questions.csv"))
    print_examples(describe(examples, "closed book" if "methods" in result else ""))
    print_next(map(as_typed, next_commands(preset, config, name, result, examples)))


def print_study_finish(name: str, runs: dict[str, RunConfig]) -> None:
    """Prints where the outputs of the study `name` are, and what to try next with its finished `runs`."""
    for output, file in (("table", "table.md"), ("figure", "figure.svg"), ("numbers", "results.csv")):
        print(f"{output + ':':8} checkpoints/{name}/{file}")
    print_next(map(as_typed, study_commands(runs)))


def as_typed(command: str) -> str:
    """The command with .venv's Python by its path, where that one runs now and `python` is another one."""
    on_path, prefix = shutil.which("python"), Path(sys.prefix).resolve()
    found = on_path is not None and Path(on_path).parent.resolve() == prefix / "bin"
    is_hidden = prefix == VENV.resolve() and not found
    return re.sub(r"^python(?= -m )", ".venv/bin/python", command) if is_hidden else command
