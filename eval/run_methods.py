"""`python -m eval methods RUN …`: all questions of a trained run, by every method. Its folder keeps the results.

methods.json   for each method: its settings, its cost, and the summary of each split
methods.csv    each question, as the model was given it, and the prediction
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from tyro.conf import Positional, arg

from checkpoints.config import plain
from checkpoints.files import read_bytes, read_json, require_digest, sha256, write_json, write_text
from checkpoints.folder import as_csv, parse_csv
from checkpoints.record import read_result
from config.validation import SettingError, require, require_choice
from eval.evaluate import chunk_sizes, no_check, predict_all, summarize
from eval.methods import METHODS
from eval.methods.base import AnswerMethod
from eval.trained_model import TrainedModel, load_trained_model

JSON_FILE, CSV_FILE = "methods.json", "methods.csv"


@dataclass(frozen=True)
class RunMethods:
    """Ask trained runs all questions by every method: a table, and methods.json and .csv in the folder of each run."""

    runs: Positional[tuple[Path, ...]]
    """runs: their names in checkpoints/ or their folders, such as causal-0"""
    methods: tuple[str, ...] = ()
    """methods to run; none named: all"""
    settings: Annotated[dict[str, AnswerMethod], arg(name="")] = field(default_factory=lambda: dict(METHODS))
    """all methods by name; their settings are options, such as --in-context.distractors"""
    json: bool = False
    """print what methods.json holds and nothing else"""

    def __post_init__(self):
        require(len(self.runs) > 0, "runs", self.runs, "one run folder or more")
        for name in self.methods:
            require_choice("methods", name, self.settings)

    def chosen(self) -> dict[str, AnswerMethod]:
        """The methods to run, by name."""
        return {name: method for name, method in self.settings.items() if name in (self.methods or self.settings)}


class Chunk(NamedTuple):
    """Questions that are asked at once."""

    questions: int
    passes: int
    """forward passes for each"""


def chunks_of(trained: TrainedModel, methods: Iterable[AnswerMethod]) -> list[Chunk]:
    """All chunks that `predict_all` asks by each of the methods, in their order."""
    return [
        Chunk(size, method.forward_passes(model))
        for method in methods
        for model in trained.query_modes().values()
        for size in chunk_sizes(model, method)
    ]


def ignore_chunks(chunks: list[Chunk]) -> None:
    """Shows nothing of what will be asked."""


def run_methods(
    folder: Path,
    methods: dict[str, AnswerMethod],
    check: Callable[[], None] = no_check,
    overwrite: bool = True,
    unkept: list[OSError] | None = None,
    expect: Callable[[list[Chunk]], None] = ignore_chunks,
) -> dict[str, Any]:
    """Asks the run in `folder` by each of the methods, and returns what methods.json then holds of them.

    Unless `overwrite`, what both files hold of the same weights and settings is read instead. Results of other methods
    stay in the files. An error in writing them is raised or, where a list is given, added to `unkept`. `expect` is
    called with what will be asked, and then `check` before each chunk; both may raise to stop.
    """
    missing = methods if overwrite else unfinished_methods(folder, methods)
    if not missing:  # neither world nor weights are needed
        entry, _ = read_methods(folder, finished_weights(folder))
        return entry | {"methods": {name: entry["methods"][name] for name in methods}}
    trained, step, weights = load_trained_model(folder)
    entry, rows = read_methods(folder, weights)
    entry |= {"run": folder.name, "step": step, "weights": weights}
    expect(chunks_of(trained, missing.values()))
    for name, method in missing.items():
        method_rows = predict_all(trained, method, check)
        rows = [row for row in rows if row["method"] != name] + [{"method": name} | row for row in method_rows]
        entry["methods"][name] = {
            "settings": method_settings(method),
            "forward_passes": method.forward_passes(trained),
            "query_modes": summarize(trained, method_rows, method),
        }
        try:
            write_methods(folder, entry, rows)
        except OSError as error:
            if unkept is None:
                raise
            unkept.append(error)
    return entry | {"methods": {name: entry["methods"][name] for name in methods}}


def unfinished_methods(folder: Path, methods: dict[str, AnswerMethod]) -> dict[str, AnswerMethod]:
    """Those of the methods without results, with these settings, from the finished run in `folder` as it is now."""
    entry, _ = read_methods(folder, finished_weights(folder))
    finished = {name: result["settings"] for name, result in entry["methods"].items()}
    return {name: method for name, method in methods.items() if finished.get(name) != method_settings(method)}


def method_settings(method: AnswerMethod) -> dict[str, Any]:
    """A method's settings as methods.json holds them, without those that are None."""
    return {name: value for name, value in plain(method).items() if value is not None}


def finished_weights(folder: Path) -> str:
    """The digest of the weights of a finished run."""
    return read_result(folder)["weights"]


def write_methods(folder: Path, entry: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Writes both files, methods.json with the digest of the other last."""
    text = as_csv(rows)
    write_text(folder / CSV_FILE, text)
    write_json(folder / JSON_FILE, entry | {"files": {CSV_FILE: sha256(text.encode())}})


def read_methods(folder: Path, weights: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What methods.json and methods.csv hold of the weights with this digest.

    Nothing where they are of others, damaged or absent: then all is to be asked again.
    """
    try:
        entry = read_json(folder / JSON_FILE)
        data = read_bytes(folder / CSV_FILE)
        require_digest(folder / CSV_FILE, data, entry["files"][CSV_FILE])
        rows = parse_csv(data)
        for row in rows:  # the only column of numbers that can begin with a minus
            row["log_prob"] = float(row["log_prob"]) if row["log_prob"] else ""
        same = entry["weights"] == weights
    except (SettingError, KeyError, TypeError, ValueError):
        same = False
    return (entry, rows) if same else ({"methods": {}}, [])
