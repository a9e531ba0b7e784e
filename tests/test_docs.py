"""The numbers that README and docs show are those of the rows that docs keep."""

import pytest

from tests.doc_tables import PAGES, ROOT, TABLE, rebuild, tables_without_rows
from train.report.base import number, over_seeds
from train.report.reading import read_results

DOCS = ROOT / "docs"
ROWS = read_results(DOCS / "context.csv")
TABLES = [found for page in PAGES for found in TABLE.finditer(page.read_text())]
VARIANTS = {
    "causal, closed book": ("causal", "closed-book"),
    "causal, in context": ("causal", "in-context"),
    "chain of thought, supervised": ("chain-of-thought", "chain-of-thought"),
    "chain of thought, reinforced": ("reinforced", "chain-of-thought"),
    "augmentation": ("augmented", "augmentation"),
}


@pytest.mark.parametrize("found", TABLES, ids=lambda found: f"{found[1]}, {found[2]}")
def test_a_table_is_that_of_its_rows(found):
    assert found[0] == rebuild(found[0])


def test_every_file_of_rows_has_a_table_and_every_comment_is_one_of_a_table():
    files = {str(path.relative_to(ROOT)) for path in DOCS.glob("*.csv") if not path.stem.endswith("-curves")}
    assert {found[1] for found in TABLES} == files
    assert len(TABLES) == sum(page.read_text().count("<!-- table") for page in PAGES)


def test_a_table_with_another_number_is_made_anew_and_the_text_around_it_stays():
    right = TABLES[0][0]
    wrong = right.replace("100.0", "99.9")
    assert wrong != right
    assert rebuild(f"before\n\n{wrong}\nafter\n") == f"before\n\n{right}\nafter\n"
    assert rebuild(right.partition("\n")[0] + "\n") == right  # a comment alone
    assert tables_without_rows(f"{right}\n| a | b |\n|---|---:|\n| c | 1 |\n") == ["| a | b |"]


def block(name: str) -> str:
    """The text between a pair of marks in context.md."""
    _, _, rest = (DOCS / "context.md").read_text().partition(f"<!-- {name} -->\n")
    text, end, _ = rest.partition(f"<!-- /{name} -->")
    assert end, name
    return text


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
        assert {row["seed"] for row in rows} == set(range(3)), wanted
        assert value == number(over_seeds(rows).mean, digits=0), wanted
