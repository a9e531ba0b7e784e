"""One torch thread, hypothesis without a clock, and tests that share a fixture on one worker."""

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("calm", deadline=None, max_examples=30)  # the machine may be busy
settings.load_profile("calm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups the tests of a file that share a module fixture, so that one worker makes it once; they come first."""
    groups = [fixture_group(item) for item in items]
    for item, group in zip(items, groups):
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
    items[:] = [item for item, group in zip(items, groups) if group] + [
        item for item, group in zip(items, groups) if not group
    ]


def fixture_group(item: pytest.Item) -> str | None:
    """The file of a test that uses a module fixture, and the value of that fixture where it has several."""
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        if definitions[-1].scope == "module":
            parameters = getattr(getattr(item, "callspec", None), "params", {})
            return f"{item.path.stem} {parameters.get(name, '')}"
    return None
