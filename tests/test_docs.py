"""The figures that docs show are those of the rows that docs keep."""

from pathlib import Path

import pytest

from studies import kitouni, kitouni_lengths, objective_variants
from studies.context import SHOWN
from train.panels import Shown
from train.tables import read_results
from train.wide import markdown

DOCS = Path(__file__).parent.parent / "docs"
ROWS = read_results(DOCS / "context.csv")
# The study, where its table stands, and the marks around it.
TABLES = {
    "kitouni": (kitouni, "studies", ["kitouni"]),
    "kitouni-lengths": (kitouni_lengths, "studies", ["kitouni-lengths"]),
    "objective-variants": (objective_variants, "objectives", ["variants"]),
}
ARMS = {
    "causal, closed book": ("causal", "closed-book"),
    "causal, in context": ("causal", "in-context"),
    "recall, supervised": ("recall", "recall"),
    "recall, reinforced": ("reinforced", "recall"),
    "augmentation": ("augmented", "augmentation"),
}


def block(name: str, file: str = "context") -> str:
    """What stands between a pair of marks."""
    _, _, rest = (DOCS / f"{file}.md").read_text().partition(f"<!-- {name} -->\n")
    found, end, _ = rest.partition(f"<!-- /{name} -->")
    assert end, name
    return found


def test_the_panels_are_those_of_the_rows():
    assert block("compare-context") == Shown(SHOWN).markdown(ROWS)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_rows(name):
    study, file, marks = TABLES[name]
    order = list(study.VARIANTS)
    rows = sorted(read_results(DOCS / f"{name}.csv"), key=lambda row: (order.index(row["variant"]), row["seed"]))
    tables = markdown(rows).split("\n\n")
    assert [block(mark, file).strip() for mark in marks] == [table.strip() for table in tables[: len(marks)]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("arm", ARMS)
def test_the_arms_are_those_of_the_rows(arm):
    head, _, *body = map(cells, block("arms").splitlines())
    shown = next(line for line in body if line[0].partition(":")[0] == arm)
    task = None
    for title, value in zip(head[1:], shown[1:], strict=True):
        task, split = title.split(": ") if ": " in title else (task, title)
        variant, way = ARMS[arm]
        wanted = f"{task}-{variant}", way, split.replace(" ", "_")
        own = [row for row in ROWS if (row["variant"], row["way"], row["split"]) == wanted]
        assert {row["seed"] for row in own} == set(range(5)), wanted
        share = sum(row["correct"] for row in own) / sum(row["count"] for row in own)
        assert value == f"{100 * share:.0f}", wanted
