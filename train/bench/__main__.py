"""`make bench`, or `python -m train.bench`: how fast training is, against transformers' models and against itself."""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

import importlib.metadata
import importlib.util
import os
import platform
from typing import Any

import torch
from rich.console import Console

from checkpoints.files import write_text
from checkpoints.folder import as_csv
from config.cli import parse_arguments, refusals, refuse
from train.bench.compiled import time_compiled
from train.bench.config import Bench
from train.bench.several_seeds import time_seeds
from train.bench.time_to_result import GOALS, Failed, time_to_result
from train.bench.training_step import time_steps
from train.device import provenance

THEIRS = {"step", "time-to-result"}  # rows that transformers' models are in


def main(arguments: list[str]) -> None:
    with refusals():
        settings = parse_arguments(Bench, arguments, "python -m train.bench")
    with_theirs = not THEIRS.isdisjoint(settings.rows)
    if with_theirs and importlib.util.find_spec("transformers") is None:
        refuse("transformers is not installed: `make bench` installs it, and so does requirements-dev.txt")
    torch.set_num_threads(1)
    console, load = Console(markup=False, highlight=False), os.getloadavg()[0]
    try:
        if "step" in settings.rows:
            time_steps(settings, console)
        if "time-to-result" in settings.rows:
            write_rows(settings, time_to_result(GOALS, settings, console), load)
        if "seeds" in settings.rows:
            time_seeds(settings, console)
        if "compile" in settings.rows:
            time_compiled(settings, console)
    except Failed as error:
        refuse(str(error))
    except KeyboardInterrupt:  # the trainings received it, too
        raise SystemExit(130) from None
    print_machine(load, with_theirs)


def write_rows(settings: Bench, rows: list[dict[str, Any]], load: float) -> None:
    """Writes the rows with the machine and its load at the start, where a file for them is named."""
    if settings.csv is not None:
        made_by = {"load": load} | provenance(torch.device(settings.device))
        write_text(settings.csv, as_csv([row | made_by for row in rows]))


def print_machine(load: float, with_theirs: bool) -> None:
    """Prints versions, cores and load of the machine. `load`: that of the last minute at the start."""
    versions = f"torch {torch.__version__}"
    if with_theirs:
        versions += f", transformers {importlib.metadata.version('transformers')}"
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"{os.cpu_count()} cores; load {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    run_command(main)
