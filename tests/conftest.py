"""One torch thread, hypothesis without a clock, slow files first, and no figures of runs but where they are tested."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("calm", deadline=None, max_examples=30)  # the machine may be busy
settings.load_profile("calm")

# Files that take longest, those of `make test-slow` among them. Workers take whole files in this order, so that none is
# left with a long one at the end.
LONGEST_FIRST = (
    "test_claim_two_steps",
    "test_claim_in_context",
    "test_claim",
    "test_readme",
    "test_extending",
    "test_resume",
    "test_compare",
    "test_contract",
    "test_bad_input",
    "test_visibility",
    "test_queries",
    "test_sweep",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {file: position for position, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="module", autouse=True)
def no_attention_maps(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs draw no attention maps, which take most of the time of a tiny one, but in files that test figures."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.stem not in ("test_tensorboard", "test_bad_input"):
            patch.setattr("train.attention_maps.attention_maps", lambda *_: None)
        yield
