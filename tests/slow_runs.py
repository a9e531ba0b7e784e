"""What the slow tests share: one run under the settings of a preset, and its accuracies."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.methods.base import AnswerMethod
from eval.run_methods import run_methods
from train.config import RunConfig
from train.progress import Log
from train.run import train_run

SEED = 1000  # 0-4 are for reporting
Splits = dict[str, dict[str, Any]]


class Printed(Log):
    """Prints the record, so that a failure shows how training went."""

    def record(self, entry: dict[str, Any]) -> None:
        print(entry)


def train(config: RunConfig, name: str, root: Path) -> Splits:
    """Closed book, by split."""
    return train_run(replace(config, seed=SEED), name, log=Printed(), root=root)["splits"]


def ask(folder: Path, *methods: AnswerMethod) -> dict[str, Splits]:
    """By method and split."""
    entry = run_methods(folder, {method.name: method for method in methods})
    return {name: found["query_modes"]["as-trained"] for name, found in entry["methods"].items()}
