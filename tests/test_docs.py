"""The numbers that docs show are those of the rows that docs keep."""

from pathlib import Path

import pytest

from studies import kitouni, kitouni_lengths, objective_variants
from studies.context import PANELS
from train.report.by_variant import ByVariant
from train.report.panels import PanelReport
from train.report.results import read_results

DOCS = Path(__file__).parent.parent / "docs"
ROWS = read_results(DOCS / "context.csv")
# The study, the file that shows its table, and the marks around it.
TABLES = {
    "kitouni": (kitouni, "studies", ["kitouni"]),
    "kitouni-lengths": (kitouni_lengths, "studies", ["kitouni-lengths"]),
    "objective-variants": (objective_variants, "objectives", ["variants"]),
}
VARIANTS = {
    "causal, closed book": ("causal", "closed-book"),
    "causal, in context": ("causal", "in-context"),
    "chain of thought, supervised": ("chain-of-thought", "chain-of-thought"),
    "chain of thought, reinforced": ("reinforced", "chain-of-thought"),
    "augmentation": ("augmented", "augmentation"),
}


def block(name: str, file: str = "context") -> str:
    """The text between a pair of marks."""
    _, _, rest = (DOCS / f"{file}.md").read_text().partition(f"<!-- {name} -->\n")
    text, end, _ = rest.partition(f"<!-- /{name} -->")
    assert end, name
    return text


def test_the_panels_are_those_of_the_rows():
    assert block("compare-context") == PanelReport(PANELS).markdown(ROWS)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_rows(name):
    study, file, marks = TABLES[name]
    order = list(study.VARIANTS)
    rows = sorted(read_results(DOCS / f"{name}.csv"), key=lambda row: (order.index(row["variant"]), row["seed"]))
    tables = ByVariant().markdown(rows).split("\n\n")
    assert [block(mark, file).strip() for mark in marks] == [table.strip() for table in tables[: len(marks)]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("label", VARIANTS)
def test_the_table_of_variants_is_that_of_the_rows(label):
    head, _, *body = map(cells, block("variants").splitlines())
    shown = next(line for line in body if line[0].partition(":")[0] == label)
    task = None
    for title, value in zip(head[1:], shown[1:], strict=True):
        task, split = title.split(": ") if ": " in title else (task, title)
        variant, method = VARIANTS[label]
        wanted = f"{task}-{variant}", method, split.replace(" ", "_")
        rows = [row for row in ROWS if (row["variant"], row["method"], row["split"]) == wanted]
        assert {row["seed"] for row in rows} == set(range(5)), wanted
        share = sum(row["correct"] for row in rows) / sum(row["count"] for row in rows)
        assert value == f"{100 * share:.0f}", wanted
