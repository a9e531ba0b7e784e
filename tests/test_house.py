"""The floors: each folder imports the floors above it, never those below; and rooms stay small."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["tasks", "model", "checkpoints", "eval", "train", "studies"]
# What a floor may import beside those above it: eval sits on all of tasks, model and checkpoints.
FILES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """The first names of all modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_floor_imports_no_floor_below_it(path):
    floor = path.relative_to(ROOT).parts[0]
    below = set(FLOORS[FLOORS.index(floor) + 1 :])
    assert not imported(path) & below


@pytest.mark.parametrize("path", sorted((ROOT / "tasks").rglob("*.py")), ids=lambda path: path.name)
def test_tasks_know_no_torch(path):
    assert "torch" not in imported(path)


def test_the_checkpoints_floor_knows_no_settings_of_other_floors():
    names = set().union(*(imported(path) for path in (ROOT / "checkpoints").glob("*.py")))
    assert "model" not in names


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [("model/objectives/*.py", 120), ("model/*.py", 250), ("train/loop.py", 200), ("tasks/*.py", 170), ("*/*.py", 260)],
)
def test_rooms_stay_small(pattern, lines):
    for path in ROOT.glob(pattern):
        if path.parent.name in FLOORS or "objectives" in path.parts:
            assert len(path.read_text().splitlines()) <= lines, path
