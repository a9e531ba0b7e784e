"""Figures made of rows. `python -m tests.doc_figures` draws docs/NAME.svg of every docs/NAME.csv, and of FROM_TABLES.

With names, it draws these alone: `python -m tests.doc_figures compare kitouni`. Learning curves are in
docs/NAME-curves.csv, which is the curves.csv of the comparison.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from checkpoints.folder import read_csv
from studies import coda_forno
from tests.doc_tables import ROOT, rows_in_order
from train.report import plateau
from train.report.base import Rows
from train.report.by_seed import BySeed
from train.report.by_variant import ByVariant
from train.sweeps.from_file import SweepFile

DOCS = ROOT / "docs"
CURVES = "-curves"
POSITION = dict.fromkeys(("causal", "masked"), "model.position")
OTHERS: dict[str, Callable[[Rows, Rows, Path], None]] = {
    "compare": BySeed().draw,
    "position": ByVariant(False, "What is varied: model.position", POSITION).draw,
    "plateau": lambda rows, curves, folder: plateau.draw(rows, folder),
}
"""what draws rows, their curves and into which folder, where these are no sweep's or it draws them in another way"""
FROM_TABLES = ("coda-forno-full",)  # of runs whose rows are not kept: drawn from a table in masking.md
QUESTIONS = 200  # a seed, in that table
TABLES_ALONE = (  # without a figure
    "plain",
    "weight-decay",
    "tied",
    "recipe",
    "recipe-goals",
    "recipe-objectives",
    "plateau-phases",
    "binding",
    "count",
    "two-token",
    "speed",
)
ROWS = [path.stem for path in sorted(DOCS.glob("*.csv")) if not path.stem.endswith((CURVES, *TABLES_ALONE))]
NAMES = [*ROWS, *FROM_TABLES]


def drawing_of(name: str) -> Callable[[Rows, Rows, Path], None]:
    """What draws docs/NAME.csv."""
    if name in OTHERS:
        return OTHERS[name]
    return SweepFile.read(ROOT / "studies" / f"{name.replace('-', '_')}.py").report().draw


def curves_of(name: str) -> Rows:
    """The learning curves that docs keep of a comparison; none of others."""
    path = DOCS / f"{name}{CURVES}.csv"
    rows = read_csv(path) if path.exists() else []
    types = {"seed": int, "count": int, "documents": int, "accuracy": float}
    return [row | {column: kind(row[column]) for column, kind in types.items() if row[column]} for row in rows]


def rows_of_table(name: str) -> Rows:
    """What the figure needs of rows, from the table between two marks in masking.md: 200 questions a seed."""
    _, _, rest = (DOCS / "results" / "masking.md").read_text().partition(f"<!-- {name} -->\n")
    lines = rest.partition(f"<!-- /{name} -->")[0].splitlines()
    (_, *splits), _, *body, _, (_, *baselines) = (
        [cell.strip() for cell in line.strip("| ").split("|")] for line in lines
    )
    rows = []
    for variant, *cells in body:
        objective = coda_forno.VARIANTS[variant].json()["objective"]["name"]
        of_run = {"variant": variant, "objective": objective, "settings": "{}", "task": "reversal"}
        of_run |= {"method": "closed-book", "query_mode": "as-trained", "link_baseline": None, "chance": None}
        for split, cell, elimination in zip(splits, cells, baselines):
            asked = [float(accuracy) / 100 for accuracy in cell.partition(": ")[2].split()]
            for seed, accuracy in enumerate(asked or [None]):
                count = 0 if accuracy is None else QUESTIONS
                of_split = {"split": split, "seed": seed, "elimination_baseline": float(elimination) / 100}
                correct = round(count * (accuracy or 0))
                rows.append(of_run | of_split | {"accuracy": accuracy, "correct": correct, "count": count})
    return rows


def draw(name: str, folder: Path) -> None:
    """Writes NAME.svg into the folder and, where the report has a second figure, NAME-2.svg."""
    with TemporaryDirectory() as temporary:
        rows = rows_of_table(name) if name in FROM_TABLES else rows_in_order(DOCS / f"{name}.csv")
        drawing_of(name)(rows, curves_of(name), Path(temporary))
        for figure in Path(temporary).glob("*.svg"):
            (folder / figure.name.replace("figure", name)).write_bytes(figure.read_bytes())


if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        draw(name, DOCS)
        print(f"docs/{name}.svg")
