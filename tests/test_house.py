"""The house: floors import only floors above them, files and functions stay small, and prose stays short."""

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
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
PACKAGES = ("config", "tasks", "model", "checkpoints", "eval", "train", "studies", "page")
# A module belongs to the floor with the longest name that its own begins with.
FLOORS = (
    "config",
    "tasks.vocabulary",
    "tasks.corpus",
    "tasks.common",
    "tasks.task",
    "tasks.reversal",
    "tasks.syllogism",
    "tasks.codebook",
    "tasks.hierarchy",
    "tasks.triples",
    "tasks",  # the registry and the commands
    "model",
    "checkpoints",
    "eval",
    "train",
    "train.report",
    "train.sweeps",
    "train.__main__",
    "studies",
    "page",
)
# The first pattern that a path matches says how many lines it may have.
MAX_LINES = {
    "model/objectives/causal.py": 60,
    "model/objectives/masked.py": 60,
    "model/objectives/*.py": 150,
    "model/*.py": 250,
    "tasks/*.py": 200,
    "tasks/*/*.py": 200,
    "train/loop.py": 200,
    "*.py": 260,
}
MAX_FUNCTION_LINES = 45
MAX_WORDS = 30
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
TESTS = {f"tests.{path.stem}": path for path in sorted((ROOT / "tests").glob("*.py"))}
every_file = pytest.mark.parametrize("name", FILES)
every_file_and_test = pytest.mark.parametrize("name", FILES | TESTS)


def tree(name: str) -> ast.Module:
    return ast.parse((FILES | TESTS)[name].read_text())


def imports(name: str, for_types: bool = True) -> Iterator[str]:
    """All modules that a module imports, by full name; `from a.b import c` is a.b.c where that is one of our files.

    `for_types`: also what is imported for annotations alone, under `if TYPE_CHECKING`.
    """
    module = tree(name)
    if not for_types:
        module.body = [node for node in module.body if not is_type_checking(node)]
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            full_names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (full if full in FILES else node.module for full in full_names)


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def packages(name: str) -> set[str]:
    """The first names of all modules that a module imports."""
    return {module.partition(".")[0] for module in imports(name)}


def floor(name: str) -> int:
    """The number of a module's floor in FLOORS."""
    return FLOORS.index(max((floor for floor in FLOORS if f"{name}.".startswith(f"{floor}.")), key=len))


# --- floors ---


@every_file
def test_a_floor_imports_no_floor_below_it(name):
    below = [module for module in imports(name) if module in FILES and floor(module) > floor(name)]
    assert not below


def test_no_module_imports_itself_through_others():
    graph = {name: {module for module in imports(name, for_types=False) if module in FILES} for name in FILES}
    circle = []  # whatever imports no other of these, or is imported by none, is on none
    while len(circle) != len(graph):
        circle, imported = graph, set().union(*graph.values())
        graph = {name: graph[name] & graph.keys() for name in graph if graph[name] and name in imported}
    assert not circle


@pytest.mark.parametrize("name", [name for name in FILES if name.partition(".")[0] in ("config", "tasks")])
def test_settings_and_tasks_know_no_torch(name):
    assert "torch" not in packages(name)


def test_the_checkpoints_floor_knows_no_settings_of_other_floors():
    names = set().union(*(packages(name) for name in FILES if name.startswith("checkpoints")))
    assert names & set(PACKAGES) <= {"config", "checkpoints"}


# --- sizes ---


@every_file
def test_a_file_stays_small(name):
    path = FILES[name].relative_to(ROOT)
    limit = next(lines for pattern, lines in MAX_LINES.items() if path.match(pattern))
    lines = len(FILES[name].read_text().splitlines())
    assert lines <= limit


@every_file
def test_a_function_stays_small(name):
    functions = [node for node in ast.walk(tree(name)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    assert not {function: count for function, count in lines.items() if count > MAX_FUNCTION_LINES}


# --- prose ---


@every_file_and_test
def test_a_module_says_its_purpose_in_its_first_line(name):
    first_paragraph = (ast.get_docstring(tree(name), clean=False) or "").partition("\n\n")[0]
    assert re.match(r"\S.*[.:?]\n?$", first_paragraph, re.DOTALL)


@every_file_and_test
def test_no_sentence_is_long(name):
    source = (FILES | TESTS)[name].read_text()
    texts = [*docstrings(ast.parse(source)), *comments(source)]
    long = [sentence for text in texts for sentence in sentences(text) if count_words(sentence) > MAX_WORDS]
    assert not long


def docstrings(module: ast.Module) -> Iterator[str]:
    """All docstrings: of the module, of classes and functions, and of fields, each under itself."""
    for node in ast.walk(module):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield inspect.cleandoc(value.value)


def comments(source: str) -> Iterator[str]:
    """All comments; those on consecutive lines, with nothing else on them, are one."""
    block: list[str] = []
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    rows = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
    for row, token in sorted(rows.items()):
        alone = token.line.lstrip().startswith("#")
        if block and not (alone and row - 1 in rows and rows[row - 1].line.lstrip().startswith("#")):
            yield "\n".join(block)
            block = []
        block.append(token.string.lstrip("#").removeprefix(" "))
    yield "\n".join(block)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, without drawings: lines that are indented, or in which spaces make columns."""
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        is_prose = line.strip() and not line.startswith(" ") and "  " not in line.rstrip()
        if is_prose:
            paragraph.append(line)
        else:
            yield from re.split(r"(?<=[.!?:])\s+", " ".join(paragraph))
            paragraph = []


def count_words(sentence: str) -> int:
    return sum(any(sign.isalnum() for sign in word) for word in sentence.split())


def test_a_sentence_ends_where_it_does():
    text = "One two, three. Four: five\nsix `a.b` 7!\n\n    drawing of words\nNine  ten\neleven (twelve)\n\nThirteen"
    expected = ["One two, three.", "Four:", "five six `a.b` 7!", "eleven (twelve)", "Thirteen"]
    assert [sentence for sentence in sentences(text) if sentence] == expected
    assert [count_words(sentence) for sentence in expected] == [3, 1, 4, 2, 1]


def test_docstrings_and_comments_are_collected():
    source = '"""Module."""\n# One\n# two\nx = 1  # three\n# four\n\nclass A:\n    """Class."""\n'
    source += '    b: int = 0\n    """field"""\n    def f(self):\n        """Function."""\n'
    assert list(docstrings(ast.parse(source))) == ["Module.", "Class.", "field", "Function."]
    assert list(comments(source)) == ["One\ntwo", "three", "four"]


# --- registries ---


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_has_one_file_and_one_line_that_says_what_it_does(name):
    objective = OBJECTIVES[name]
    assert Path(inspect.getfile(objective)).parent == ROOT / "model/objectives"
    assert "summary" in vars(objective)
    assert "\n" not in objective.summary
    assert 0 < count_words(objective.summary) <= MAX_WORDS


@pytest.mark.parametrize(
    ("setting", "registry"),
    [("position", POSITIONS), ("norm", NORMS), ("feed_forward", FEED_FORWARDS)],
)
def test_the_settings_offer_what_is_registered(setting, registry):
    assert set(get_args(get_type_hints(ModelConfig)[setting])) == set(registry)
    for name in registry:
        config = ModelConfig(width=16, heads=2, depth=1, **{setting: name})
        assert Transformer(config, 20, 8)(torch.ones(2, 5, dtype=torch.long), CAUSAL).shape == (2, 5, 16)


def test_every_objective_and_task_has_a_preset():
    configs = [config for _, config in PRESETS.values()]
    assert {type(config.objective) for config in configs} == set(OBJECTIVES.values())
    assert {type(config.task) for config in configs} <= set(TASKS.values())  # others can be given by --task
    assert {"syllogism", "codebook", "hierarchy", "triples"} <= set(PRESETS)
    assert set(OBJECTIVES) <= set(PRESETS)
