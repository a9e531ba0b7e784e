"""`python -m eval ways RUN …`: every way of answering, put to trained runs. What came of it stays in their folders.

ways.json   for each way: its settings, what it costs, and the summary of every split
ways.csv    every question, as the model was given it, and what it said
"""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from checkpoints.config import plain, read_json
from checkpoints.folder import as_csv, read_csv, write_json, write_text
from eval.score import records, summaries
from eval.trained import read_trained
from eval.ways import WAYS
from eval.ways.choice import ChoiceInContext
from eval.ways.closed_book import ClosedBook
from eval.ways.in_context import InContext
from eval.ways.near_context import NearContext
from eval.ways.retrieval import DenseRetrieval, LexicalRetrieval, OracleRetrieval
from tasks.settings import require


@dataclass(frozen=True)
class Ways:
    """Put every way of answering to trained runs: a table, and ways.json and ways.csv in each run's folder."""

    runs: Positional[tuple[Path, ...]]
    """run folders, such as checkpoints/causal-0"""
    ways: tuple[str, ...] = ()
    """ways to put; none named: all"""
    distractors: int = 3
    """facts or documents in a prompt that a question does not need, where an oracle chose the others"""
    documents: int = 4
    """documents in a prompt that were looked up"""
    json: bool = False
    """print what ways.json holds and nothing else"""

    def __post_init__(self):
        require(len(self.runs) > 0, "runs", self.runs, "one run folder or more")
        for way in self.ways:
            require(way in WAYS, "ways", way, f"one of {', '.join(WAYS)}")
        self.chosen()

    def chosen(self) -> dict[str, ClosedBook]:
        """The ways by name, set as told."""
        told = {
            "in-context": InContext(self.distractors),
            "in-context-near": NearContext(self.distractors),
            "choice-in-context": ChoiceInContext(self.distractors),
            "oracle-retrieval": OracleRetrieval(self.distractors),
            "lexical-retrieval": LexicalRetrieval(self.documents),
            "dense-retrieval": DenseRetrieval(self.documents),
        }
        return {name: told.get(name, way) for name, way in WAYS.items() if name in (self.ways or WAYS)}


def put(
    folder: Path, ways: dict[str, ClosedBook], between: Callable[[], None] = lambda: None, anew: bool = True
) -> dict[str, Any]:
    """Puts the ways to the run in `folder`, writes ways.json and ways.csv there, and returns what the first holds of
    them. What is there already, of the same weights and way, is read instead, unless `anew`; other ways are kept."""
    left = ways if anew else left_to_put(folder, ways)
    if not left:  # neither world nor weights are needed
        entry, _ = put_before(folder, read_json(folder / "result.json")["steps"])
        return entry | {"ways": {name: entry["ways"][name] for name in ways}}
    trained, step = read_trained(folder)
    entry, rows = put_before(folder, step)
    for name, way in left.items():
        own = records(trained, way, between)
        rows = [row for row in rows if row["way"] != name] + [{"way": name} | row for row in own]
        entry["ways"][name] = {
            "settings": settings_of(way),
            "passes": way.passes(trained),
            "asked": summaries(trained, own, way),
        }
        write_text(folder / "ways.csv", as_csv(rows))
        write_json(folder / "ways.json", entry)
    return entry | {"ways": {name: entry["ways"][name] for name in ways}}


def left_to_put(folder: Path, ways: dict[str, ClosedBook]) -> dict[str, ClosedBook]:
    """Those of the ways that were not put to the finished run in `folder` as it is."""
    entry, _ = put_before(folder, read_json(folder / "result.json")["steps"])
    there = {name: of["settings"] for name, of in entry["ways"].items()}
    return {name: way for name, way in ways.items() if there.get(name) != settings_of(way)}


def settings_of(way: ClosedBook) -> dict[str, Any]:
    """A way's settings as ways.json holds them, but for those that are None, as if they were not there."""
    found = plain(way) if is_dataclass(way) else {}
    return {name: value for name, value in found.items() if value is not None}


def put_before(folder: Path, step: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What ways.json and ways.csv hold of the weights of this step."""
    if (folder / "ways.json").exists() and (folder / "ways.csv").exists():
        entry = read_json(folder / "ways.json")
        if entry["step"] == step:
            rows = read_csv(folder / "ways.csv")
            for row in rows:  # the one number that can begin as a formula does
                row["log_probability"] = float(row["log_probability"]) if row["log_probability"] else ""
            return entry, rows
    return {"run": folder.name, "step": step, "ways": {}}, []
