"""Evaluation of a trained model: its questions, the methods of answering them, and metrics. Trains nothing.

From Python: `from eval import load`. docs/python.md shows what a loaded run can be asked.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eval.interface import Run


def load(run: str | Path) -> "Run":
    """The run of this name in checkpoints/, or in this folder, at its newest saved step.

    Raises SettingError where there is none, or it is damaged.
    """
    from eval.interface import load  # only now, as it imports all that answers questions

    return load(run)
