"""The floors: each folder imports the floors above it, never those below; and rooms stay small."""

import ast
import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import torch

from model.config import ModelConfig
from model.layers import FEED_FORWARDS, NORMS
from model.objectives import OBJECTIVES
from model.positions import POSITIONS
from model.transformer import Transformer
from model.visibility import CAUSAL
from tasks import TASKS
from train.presets import PRESETS

ROOT = Path(__file__).parent.parent
FLOORS = ["tasks", "model", "checkpoints", "eval", "train", "studies"]
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
    [("model/objectives/*.py", 140), ("model/*.py", 250), ("train/loop.py", 200), ("tasks/*.py", 170), ("*/*.py", 260)],
)
def test_rooms_stay_small(pattern, lines):
    for path in ROOT.glob(pattern):
        if path.parent.name in FLOORS or "objectives" in path.parts:
            assert len(path.read_text().splitlines()) <= lines, path


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_file_of_an_objective_is_smaller_still(name):
    path = Path(inspect.getfile(OBJECTIVES[name]))
    assert path.parent == ROOT / "model/objectives"
    assert len(path.read_text().splitlines()) <= 120, path


@pytest.mark.parametrize(
    ("setting", "registry"),
    [("position", POSITIONS), ("norm", NORMS), ("feed_forward", FEED_FORWARDS)],
)
def test_the_settings_offer_what_is_registered(setting, registry):
    assert set(get_args(get_type_hints(ModelConfig)[setting])) == set(registry)
    for name in registry:
        settings = ModelConfig(width=16, heads=2, depth=1, **{setting: name})
        assert Transformer(settings, 20, 8)(torch.ones(2, 5, dtype=torch.long), CAUSAL).shape == (2, 5, 16)


def test_every_objective_and_task_has_a_preset():
    configs = [config for _, config in PRESETS.values()]
    assert {type(config.objective) for config in configs} == set(OBJECTIVES.values())
    assert {type(config.task) for config in configs} == set(TASKS.values())
    assert set(OBJECTIVES) <= set(PRESETS)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_what_each_split_means_and_which_two_are_watched(name):
    task = TASKS[name]()
    splits = task.build(0).questions
    told, held_out = task.progress_splits
    assert {told, held_out} <= set(splits)
    assert held_out in task.held_out_splits
    assert told not in task.held_out_splits
    assert set(splits) <= set(task.split_help)
