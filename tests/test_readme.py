"""Every command in the README runs, in order, in a fresh copy, with the smallest settings."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.command_server import CommandServer
from tests.test_house import FLOORS, ROOT

WORLD = "--task.entities 12 --task.relations 2 --task.one-way 4 --task.documents.copies 2"
SMALL = f"{WORLD} --train.steps 6 --train.warmup 2 --model.width 16 --model.heads 2"
# What each command is given beside its own arguments, so that it takes seconds.
SMALLEST = {
    "train-causal": SMALL,
    "train-bidirectional": SMALL,
    "compare": f"{SMALL} --causal-steps 6 --seeds 1",
    "capitals": "--train.steps 6 --train.warmup 2 --model.width 16 --model.heads 2 --causal-steps 6",
    "in-context": f"{SMALL} --task.unseen 4",
    "triples": "--train.steps 6 --train.warmup 2 --model.width 16 --model.heads 2",
    "ablate": "--steps 4 --seeds 1",
    "sweep": "--steps 4 --seeds 1",
    "bench": "--rows step --width 16 --depth 1 --heads 2 --batch 8 --rounds 2",
}
DRY = {
    "ask",
    "compare-objectives",
    "compare-context",
    "test",
    "test-slow",
    "tensorboard",
    "page",
    "lint",
    "clean",
    "clean-runs",
    "setup",
}  # by dry run, or they would recurse


def commands() -> list[str]:
    """The lines of the README's sh blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def copy_of_the_project(copy: Path) -> Path:
    """A copy of the project without runs."""
    files = ("Makefile", "README.md", "install.py", "pyproject.toml", *(path.name for path in ROOT.glob("*.txt")))
    folders = {floor.partition(".")[0] for floor in FLOORS}
    for name in (*sorted(folders), "tests", "docs", *files):
        source = ROOT / name
        if source.is_dir():
            runs = (path.name for path in (ROOT / "checkpoints").glob("*/"))
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", *runs))
        else:
            shutil.copy2(source, copy / name)
    return copy


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_of_the_project(tmp_path_factory.mktemp("checkout"))


def runnable(command: str, checkout: Path) -> list[str]:
    """The command with this Python and the smallest settings."""
    words = shlex.split(command)
    if words[0] == "make":
        target = next((word for word in words[1:] if "=" not in word), "help")
        given = [word for word in words[1:] if "=" in word and not word.startswith("ARGS=")]
        own = next((word[5:] for word in words if word.startswith("ARGS=")), "")
        dry = ["-n"] if target in DRY else []
        ready = ["-o", ".venv/ready", "-o", ".venv/dev", "-o", ".venv/page", f"RUN={sys.executable} -m"]
        return ["make", *dry, *ready, target, *given, f"ARGS={own} {SMALLEST.get(target, '')}"]
    assert words[:2] == ["python", "-m"], f"not a command this test knows: {command}"
    words[0] = sys.executable
    if words[3:5] and words[2] == "eval" and words[3] == "ask":
        run = checkout / "checkpoints" / Path(words[4]).name
        asked = next(i for i, word in enumerate(words) if " " in word)
        words[asked] = known_question(run, words[asked].split()[0] == "_")
        if "--context" in words:
            first = words.index("--context") + 1
            words[first:] = [known_statement(run)] * len(words[first:])
    elif words[2] == "train" and len(words) > 3 and not {"--help", "--table"} & set(words):
        words += SMALLEST.get(words[3], SMALL).split()
    return words


def known_question(run: Path, first_open: bool) -> str:
    """A question in the words of the run's own, smaller, world."""
    return first_of(run, "backward" if first_open else "inverse")[0]


def known_statement(run: Path) -> str:
    """A statement of that world."""
    question, answer = first_of(run, "forward")
    return question.replace("_", answer)


def first_of(run: Path, split: str) -> tuple[str, str]:
    """The first question of a split, without filler, and its answer."""
    with open(run / "questions.csv", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["split"] == split)
    words = row["question"].split()
    at = next(i for i, word in enumerate(words) if re.search(r"-(of|over|to|from)$", word))
    return " ".join(words[at - 1 : at + 2]), row["answer"]


def run_alone(words: list[str], root: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"COLUMNS": "100"}
    return subprocess.run(words, cwd=root, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.skipif(find_spec("transformers") is None, reason="make bench needs transformers (make .venv/dev)")
def test_the_readmes_commands_run_in_order(checkout):
    assert len(commands()) >= 15
    with CommandServer(checkout) as server:
        for i, command in enumerate(commands()):
            words = runnable(command, checkout)
            alone = i == 0 or (words[0] == "make" and {"-n", "help"} & set(words))
            ended = run_alone(words, checkout) if alone else server.run(words)
            assert ended.returncode == 0, f"{command}\n{' '.join(words)}\n{ended.stdout}\n{ended.stderr}"
            assert "Traceback" not in ended.stderr
    for left in ("checkpoints/causal-0/result.json", "checkpoints/compare/results.csv"):
        assert (checkout / left).exists()


def test_every_target_is_in_the_help_with_a_line(checkout):
    targets = set(re.findall(r"^([a-z-]+):", (checkout / "Makefile").read_text(), re.MULTILINE))
    helped = subprocess.check_output(["make", "help"], cwd=checkout, text=True)
    assert targets - {"help"} <= set(re.findall(r"make ([a-z-]+) +\S", helped)) | {"help"}


def test_clean_keeps_runs(checkout):
    run = checkout / "checkpoints" / "kept"
    run.mkdir()
    subprocess.run(["make", "clean"], cwd=checkout, check=True, capture_output=True)
    assert run.exists()
    asked = subprocess.run(
        ["make", "clean-runs"], cwd=checkout, input="n\n", text=True, check=False, capture_output=True
    )
    assert run.exists(), asked.stdout
    subprocess.run(["make", "clean-runs"], cwd=checkout, input="y\n", text=True, check=True, capture_output=True)
    assert not run.exists()
    assert (checkout / "checkpoints" / "steps.py").exists()


def test_the_figures_and_files_that_the_readme_names_exist():
    text = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (ROOT / link).exists(), link


def test_the_readme_stays_short_and_its_tables_fit_a_screen():
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 1500
    assert not [line for line in text.splitlines() if line.startswith("|") and len(line) > 100]
