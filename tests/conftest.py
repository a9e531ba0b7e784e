"""One torch thread, hypothesis without a clock, slow files first, and no figures of runs but where they are tested.

Without the packages of requirements-dev.txt, the files that need them are left out and named at the end.
"""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

# What tests import, and the package that it needs.
DEV_IMPORTS = {
    "hypothesis": "hypothesis",
    "transformers": "transformers",
    "train.bench": "transformers",
    "jupytext": "jupytext",
    "nbclient": "nbclient",
    "ray": "ray",
}
MISSING = {name for name, package in DEV_IMPORTS.items() if find_spec(package) is None}
left_out: set[str] = set()

torch.set_num_threads(1)
if "hypothesis" not in MISSING:
    from hypothesis import settings

    settings.register_profile("calm", deadline=None, max_examples=30)  # the machine may be busy
    settings.load_profile("calm")

# Files that take longest, those of `make test-slow` among them. Workers take whole files in this order, so that none is
# left with a long one at the end.
LONGEST_FIRST = (
    "test_lessons",
    "test_claim_two_steps",
    "test_claim_in_context",
    "test_claim",
    "test_readme",
    "test_ray",
    "test_extending",
    "test_resume",
    "test_compare",
    "test_contract",
    "test_bad_input",
    "test_visibility",
    "test_queries",
    "test_sweep",
)


class LeftOut(pytest.Module):
    """A file that cannot be imported, as packages are missing."""

    def collect(self) -> list:
        left_out.add(self.path.name)
        pytest.skip("packages are missing", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return LeftOut.from_parent(parent, path=module_path) if MISSING and imports_missing(module_path) else None


def imports_missing(path: Path) -> bool:
    """Whether a file of tests, or another of them that it imports, imports what is missing."""
    imported = re.findall(r"^(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    if any(f"{module}.".startswith(f"{name}.") for module in imported for name in MISSING):
        return True
    others = (path.parent / f"{module.removeprefix('tests.')}.py" for module in imported if module.startswith("tests."))
    return any(imports_missing(other) for other in others)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if left_out:
        packages = " and ".join(sorted({DEV_IMPORTS[name] for name in MISSING}))
        files = ", ".join(sorted(left_out))
        terminalreporter.write_line(f"left out, as {packages} must be installed (make .venv/dev): {files}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {file: position for position, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="module", autouse=True)
def no_attention_maps(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs draw no attention maps, which take most of the time of a tiny one, but in files that test figures."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.stem not in ("test_tensorboard", "test_serve_tensorboard", "test_bad_input"):
            patch.setattr("train.attention_maps.attention_maps", lambda *_: None)
        yield
