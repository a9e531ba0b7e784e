"""What lists, explains or refuses settings imports nothing large; a run imports TensorBoard after its first step."""

import resource

import pytest

from tests.running import in_child, python, tiny

LARGE = {"torch", "scipy", "matplotlib", "tensorboard", "pandas", "einops", "bm25s", "transformers"}
MAX_CPU_SECONDS = 1.5  # it takes under 0.5 on a free core; importing torch takes 2
WITHOUT_TORCH = {
    "train": 0,
    "train --help": 0,
    "train causal --help": 0,
    "train belief-state --help": 0,
    "train causal --task hierarchy --help": 0,
    "train compare --help": 0,
    "train sweep --help": 0,
    "train ablate --help": 0,
    "train causl": 2,
    "train causal --model.depht 3": 2,
    "train causal --model.heads 3": 2,
    "train causal --task revrsal": 2,
    "train sweep no-such-file.py": 2,
    "train ablate model.depht": 2,
    "eval": 2,
    "eval --help": 0,
    "eval ask --help": 0,
    "eval methods --help": 0,
    "eval no-such-run": 2,
    "eval no-such-run --jsn": 2,
    "eval ask no-such-run question": 2,
    "eval methods no-such-run": 2,
    "tasks": 0,
    "tasks --help": 0,
    "tasks show reversal --help": 0,
    "tasks export triples --help": 0,
    "tasks show revrsal": 2,
}


def imported(stderr: str) -> set[str]:
    """The packages that a command imported, from what `python -X importtime` prints."""
    lines = [line for line in stderr.splitlines() if line.startswith("import time:")]
    assert lines
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("command", WITHOUT_TORCH)
def test_lists_help_and_typos_import_nothing_large(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = python("-X", "importtime", "-m", *command.split())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode == WITHOUT_TORCH[command], ended.stderr[-500:]
    assert not imported(ended.stderr) & LARGE
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MAX_CPU_SECONDS


def test_modules_that_compute_are_seen_to_be_imported():
    assert {"torch", "einops"} <= imported(python("-X", "importtime", "-c", "import model.transformer").stderr)
