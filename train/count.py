"""`python -m train count PRESET` counts all that a run draws, and compares what that tells with the printed baseline.

`python -m train count all` does so for every preset, and keeps the best strategy on each split.

Episodes must tell nothing about the world. If they do, some strategy of a counting answerer (tasks/common) exceeds the
elimination baseline, which is computed from the world's own documents alone.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
from tyro.conf import arg

from checkpoints.files import write_text
from checkpoints.folder import as_csv
from config.validation import require_seed
from eval.metrics import wilson_interval
from eval.tables import print_table
from tasks import TASKS
from tasks.common.baselines import ARGUED, Counted, count_strategies
from tasks.common.statement_reader import StatementReader, Triples
from tasks.corpus import Corpus
from train.batches import draw_step
from train.config import RunConfig
from train.presets import PRESETS

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Count(Generic[Settings]):
    """Count all that a run draws, and print what counting gets on each split. Nothing is trained."""

    config: Annotated[Settings, arg(name="")]
    task: Literal[tuple(TASKS)] | None = None
    """another task than the preset's, which keeps the settings that all tasks have"""
    csv: Path | None = None
    """file for a row of each split and strategy"""

    def run(self) -> None:
        rows = count_run(self.config)
        print_counts(rows)
        if self.csv is not None:
            write_text(self.csv, as_csv(rows))


@dataclass(frozen=True)
class CountAll:
    """Count all that the run of each preset draws, and print the best strategy on each split. Nothing is trained."""

    seed: int = 0
    """draws worlds and batches"""
    csv: Path | None = None
    """file for a row of each preset and split; presets that draw the same documents are in one row"""

    def __post_init__(self):
        require_seed(self.seed)

    def run(self) -> None:
        from train.device import choose_device, provenance  # which imports torch

        made_by = {"seed": self.seed} | provenance(choose_device("cpu"))
        rows = []
        for presets, config in distinct_draws().items():
            best = best_by_split(count_run(replace(config, seed=self.seed)))
            print_best(presets, list(best.values()))
            rows += [{"preset": presets} | row | made_by for row in best.values()]
            if self.csv is not None:
                write_text(self.csv, as_csv(rows))


def distinct_draws() -> dict[str, RunConfig]:
    """A preset of each kind of draws, by the names of all that draw the same documents as often."""
    names: dict[tuple[Any, ...], list[str]] = {}
    for name, (_, config) in PRESETS.items():
        train = config.train
        draws = config.task, train.steps, train.batch, train.subset, train.first_steps, train.power_law
        names.setdefault(draws, []).append(name)
    return {", ".join(group): PRESETS[group[0]][1] for group in names.values()}


def count_run(config: RunConfig) -> list[dict[str, Any]]:
    """A row for each split and strategy, in the columns:

    accuracy                of the strategy, from counts of all documents that the run draws
    elimination_baseline    of the split, from the world's own documents; with its Wilson interval, `low` to `high`
    link_baseline           the same documents, see tasks/common/baselines.py
    within                  whether the accuracy is not above that interval: 1 or 0

    Many strategies have many chances to exceed an interval. So it is that of 95 % for all of a split together
    (Bonferroni).
    """
    corpus = config.task.build(config.seed)
    world, draws, episodes = draw_run(corpus, config)
    counted = Counted.by_wording(corpus, world, draws, episodes)
    rows = []
    for split, strategies in count_strategies(corpus, counted).items():
        questions = corpus.questions[split]
        baseline = float(strategies.pop(ARGUED).mean())
        z = NormalDist().inv_cdf(1 - 0.025 / len(strategies))
        low, high = wilson_interval(baseline * len(questions), len(questions), z)
        for name, values in strategies.items():
            accuracy = float(values.mean())
            rows.append(
                {
                    "split": split,
                    "count": len(questions),
                    "strategy": name,
                    "accuracy": accuracy,
                    "elimination_baseline": baseline,
                    "low": low,
                    "high": high,
                    "link_baseline": float(questions.link_baseline.mean()),
                    "within": int(accuracy <= high),
                }
            )
    return rows


def draw_run(corpus: Corpus, config: RunConfig) -> tuple[Triples, np.ndarray, Triples | None]:
    """The statements of the world, how often a run draws each, int[n], and those of all episodes that it draws."""
    reader, draws, episodes = StatementReader.build(corpus), np.zeros(len(corpus.documents), np.int64), []
    for step in range(config.train.steps):
        rows, documents = draw_step(corpus, config.train, config.seed, step)
        draws += np.bincount(rows, minlength=len(draws))
        if documents is not None:
            episodes.append(reader.read(documents))
    world = reader.read(corpus.documents)
    return world, draws[world.document], Triples.concatenate(episodes) if episodes else None


def best_by_split(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The row of the most accurate strategy of each split."""
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        best[row["split"]] = max(best.get(row["split"], row), row, key=lambda each: each["accuracy"])
    return best


def print_counts(rows: list[dict[str, Any]]) -> None:
    """Prints the accuracy of every strategy, a table for each split."""
    for split, best in best_by_split(rows).items():
        limits = f"{100 * best['low']:.1f}–{100 * best['high']:.1f}"
        print_table(
            ["strategy (pairs are counted in all documents that the run draws)", "%"],
            [[row["strategy"], f"{100 * row['accuracy']:.2f}"] for row in rows if row["split"] == split],
            title=f"{split}: elimination baseline {100 * best['elimination_baseline']:.2f} % ({limits}), "
            f"counting {100 * best['accuracy']:.2f} %: {'within' if best['within'] else 'ABOVE'}",
        )


def print_best(presets: str, rows: list[dict[str, Any]]) -> None:
    """Prints the most accurate strategy of each split, and whether it is within the interval of the baseline."""
    head = ["split", "elim. %", "interval", "counting %", "", "best strategy"]
    body = [
        [
            row["split"],
            f"{100 * row['elimination_baseline']:.2f}",
            f"{100 * row['low']:.1f}–{100 * row['high']:.1f}",
            f"{100 * row['accuracy']:.2f}",
            "within" if row["within"] else "ABOVE",
            row["strategy"],
        ]
        for row in rows
    ]
    print_table(head, body, title=presets, text_columns=(0, 5))
