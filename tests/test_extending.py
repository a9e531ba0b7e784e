"""docs/extending.md: every block is applied to a copy of the project, and every command runs there at small size."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.command_server import CommandServer
from tests.test_readme import ROOT, SMALL, copy_of_the_project, run_alone

TEXT = (ROOT / "docs/extending.md").read_text()
BLOCKS = re.findall(r"^```(python|diff)\n# (\S+?)(?:, above (\w+))?\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
TINY = "--train.steps 4 --train.warmup 2 --model.width 16 --model.heads 2 --device cpu"
# What is given beside a command's own arguments, so that it takes seconds.
SMALLEST = {
    "siblings": f"--task.pairs 20 --task.documents.copies 2 {TINY}",
    "sweep": "--seeds 1 --steps 2 --only causal-1 masked-4",
    "ablate": "--seeds 1 --steps 2",
}


def apply(root: Path, kind: str, file: str, above: str, text: str) -> None:
    """Applies one block."""
    path = root / file
    if kind == "diff":
        path.write_text(patched(path.read_text(), text))
    elif above:
        before, registry, after = path.read_text().partition(f"\n{above} = ")
        assert registry, f"{file} has no {above}"
        path.write_text(f"{before}\n{text}\n\n{registry.lstrip()}{after}")
    else:
        assert not path.exists(), f"{file} is there already"
        path.write_text(text)


def patched(source: str, diff: str) -> str:
    """The source with the lines of a short diff: replaced lines, imports, and entries at the end of a registry."""
    lines, changes = source.splitlines(), diff.splitlines()
    removed = [line[1:] for line in changes if line[0] == "-"]
    added = [line[1:] for line in changes if line[0] == "+"]
    assert len(removed) + len(added) == len(changes)
    if removed:
        (position,) = (i for i, line in enumerate(lines) if line == removed[0])
        lines[position : position + 1] = added
        return "\n".join(lines) + "\n"
    for line in added:
        is_import = line.startswith(("from ", "import "))
        indent = len(line) - len(line.lstrip())
        similar = [
            i
            for i, other in enumerate(lines)
            if (other.startswith(("from ", "import ")) if is_import else other.endswith(","))
            and len(other) - len(other.lstrip()) == indent
        ]
        lines.insert(similar[-1] + 1, line)
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the project with every block applied."""
    root = copy_of_the_project(tmp_path_factory.mktemp("extended"))
    for kind, file, above, text in BLOCKS:
        apply(root, kind, file, above, text)
    return root


def test_every_section_has_a_file_a_registry_line_and_a_command():
    sections = TEXT.split("\n## ")[1:]
    assert len(sections) == 6
    for section in sections:
        assert "```python\n# " in section
        assert "```diff\n# " in section or section.startswith("A study")
        assert "```sh\n" in section


def test_every_command_runs_with_what_was_added(extended):
    files = {path for path in extended.iterdir() if path.is_file()}
    with CommandServer(extended) as server:
        for command in COMMANDS:
            ended = server.run(runnable(command))
            assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
            assert "Traceback" not in ended.stderr
    assert {path for path in extended.iterdir() if path.is_file()} == files  # what commands print is kept elsewhere
    for name in ("siblings-0", "scale-norm-0", "depth-masked-4-0", "ablate-model.position-causal-sinusoidal-0"):
        assert (extended / "checkpoints" / name / "result.json").exists(), name
    assert (extended / "checkpoints/control-0/methods.json").exists()


def runnable(command: str) -> list[str]:
    """The command with this Python and the smallest settings."""
    words = shlex.split(command)
    if words[0] == "make":
        given = next(word[5:] for word in words if word.startswith("ARGS="))
        words = [word for word in words if not word.startswith("ARGS=")]
        return [*words, f"ARGS={given} {SMALLEST['ablate']}", "-o", ".venv/ready", f"RUN={sys.executable} -m"]
    if words[2] == "train":
        words += shlex.split(next((added for name, added in SMALLEST.items() if name in words), SMALL))
    return [sys.executable, *words[1:]]


def test_the_tests_that_walk_registries_pass_for_what_was_added(extended):
    selected = "single-clue or siblings or sinusoidal or offer_what_is_registered or has_a_preset"
    files = ("tests/test_every_task.py", "tests/test_objectives.py", "tests/test_visibility.py", "tests/test_house.py")
    ended = run_alone(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", selected, *files], extended
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", ended.stdout)[1]) >= 20
