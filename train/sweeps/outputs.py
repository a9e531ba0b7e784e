"""What a sweep writes into its folder. Earlier outputs stay until all new ones are written."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from checkpoints.files import naming, write_text
from checkpoints.folder import as_csv

if TYPE_CHECKING:
    from train.report.base import Report, Rows

Failures = dict[str, str]
"""by run, why it failed"""
FIGURES = tuple(f"{name}.{kind}" for name in ("figure", "figure-2") for kind in ("svg", "png"))
FILES = ("results.csv", "curves.csv", "table.md", *FIGURES)


@dataclass(frozen=True)
class Outputs:
    """What is written of a sweep."""

    rows: Rows
    """of results.csv"""
    shown: Rows
    """the same in the order of table and figure"""
    curves: Rows
    """of curves.csv"""
    failures: Failures
    """of failures.json"""


def write_outputs(folder: Path, outputs: Outputs, report: Report) -> None:
    """Writes failures.json and, where there are rows, table and figure in place of the earlier ones.

    Raises OSError, which names a path, where the folder cannot be written. The earlier table and figure then stay.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "failures.json", json.dumps(outputs.failures, indent=1) + "\n")
        if outputs.rows:
            with TemporaryDirectory(prefix=".outputs-", dir=folder) as temporary:
                new = Path(temporary)
                write_new(new, outputs, report)
                for name in FILES:
                    if (new / name).exists():
                        os.replace(new / name, folder / name)
                    else:
                        (folder / name).unlink(missing_ok=True)  # it would be of other runs


def write_new(folder: Path, outputs: Outputs, report: Report) -> None:
    """Writes tables and figure into an empty folder."""
    write_text(folder / "results.csv", as_csv(outputs.rows))
    if outputs.curves:
        write_text(folder / "curves.csv", as_csv(outputs.curves))
    write_text(folder / "table.md", report.markdown(outputs.shown) + failure_lines(outputs.failures))
    report.draw(outputs.shown, outputs.curves, folder)


def failure_lines(failures: Failures) -> str:
    """What table.md says of the runs that it lacks."""
    lines = "".join(f"- `{name}`: {reason}\n" for name, reason in failures.items())
    return f"\nRuns that failed:\n\n{lines}" if lines else ""
