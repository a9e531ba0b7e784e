"""`python -m train.report.plateau FOLDER`: phases of the curves of studies/plateau.py as a table, and its figure."""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from checkpoints.files import write_text
from checkpoints.folder import as_csv, read_csv
from config.cli import parse_arguments, refusals
from config.validation import require
from train.report.base import Rows
from train.report.numeric import NOTE, NumericAxis, NumericPanel, draw_panels
from train.report.phases import SHARES, phase_rows, phase_table, read_curves
from train.report.reading import PROVENANCE, read_results

MADE_BY = ("load", *PROVENANCE)
REPLAY = "-replay-"  # in the names of second trainings: OBJECTIVE-replay-PERCENT
NAMES = {"uniform": "masked, uniform rate"}
TITLE = "What is varied: which facts come first; how many old ones are replayed"
FIRST = {"forward": "stated facts", "backward": "stated facts, first entity open", "inverse": "their inverse"}
SECOND = {
    "forward": "old facts, after the new",
    "unseen_forward": "new facts",
    "unseen_inverse": "inverse of new facts",
}


@dataclass(frozen=True)
class Plateau:
    """Write rows.csv, table.md and the figure to FOLDER/phases/, and print the table."""

    folder: Positional[Path]
    """folder of the study, with its curves.csv and results.csv, such as checkpoints/plateau"""


def draw(rows: Rows, folder: Path) -> None:
    """Writes figure.svg and figure.png of the rows of results.csv: accuracy against the share, and against replay."""
    first = NumericAxis("entities whose facts come first, %")
    second = NumericAxis("documents that replay old facts, %")
    for row in rows:
        name, is_second, per_cent = row["variant"].partition(REPLAY)
        objective, _, share = name.partition("-")
        label = NAMES.get(objective, objective)
        if is_second:
            second.series.setdefault(label, {}).setdefault(float(per_cent), []).append(row)
        elif SHARES.get(share) is not None:
            first.series.setdefault(label, {}).setdefault(float(SHARES[share]), []).append(row)
    shown = [(axis, titles) for axis, titles in ((first, FIRST), (second, SECOND)) if axis.series]
    panels = [NumericPanel(axis, split, title) for axis, titles in shown for split, title in titles.items()]
    draw_panels(TITLE, panels, len(FIRST), NOTE, folder)


def with_machine(rows: Rows, results: Rows) -> Rows:
    """Rows of phases with load, machine and versions of their runs, as rows of results.csv have them."""
    made_by = {(row["variant"], row["seed"]): {column: row[column] for column in MADE_BY} for row in results}
    return [row | made_by.get((f"{row['objective']}-{row['share']}", row["seed"]), {}) for row in rows]


def main(arguments: list[str]) -> None:
    with refusals():
        folder = parse_arguments(Plateau, arguments, "python -m train.report.plateau").folder
        require((folder / "curves.csv").is_file(), "folder", str(folder), "a study's, with a curves.csv")
        rows = phase_rows(read_curves(read_csv(folder / "curves.csv")))
        require(bool(rows), "folder", str(folder), f"of a study with variants OBJECTIVE-SHARE: {', '.join(SHARES)}")
        results = read_results(folder / "results.csv")
        (folder / "phases").mkdir(exist_ok=True)
        write_text(folder / "phases" / "rows.csv", as_csv(with_machine(rows, results)))
        write_text(folder / "phases" / "table.md", phase_table(rows))
        draw(results, folder / "phases")
    print(phase_table(rows), end="")


if __name__ == "__main__":
    run_command(main)
