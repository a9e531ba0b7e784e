"""`python -m train.report.plateau FOLDER`: table and figure of the curves of studies/plateau.py."""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tyro.conf import Positional

from checkpoints.files import write_text
from checkpoints.folder import as_csv, read_csv
from config.cli import parse_arguments, refusals
from config.validation import require
from train.report.base import Rows, save_figure
from train.report.phases import SHARES, TITLES, Curves, phase_rows, phase_table, read_curves

REPLAY = "-replay-"  # in the names of second trainings: OBJECTIVE-replay-PERCENT
LINES = {"forward": ("old facts", "-"), "unseen_forward": ("new facts", "--")}
COLUMNS = 3  # of panels
TICKS = (0, 100, 300, 1000, 3000)
COLOURS = ("#d1495b", "#00798c", "#7a9e7e", "#6a4c93", "#30638e")


@dataclass(frozen=True)
class Plateau:
    """Write rows.csv, table.md and the figure to FOLDER/phases/, and print the table."""

    folder: Positional[Path]
    """folder of the study, with its curves.csv, such as checkpoints/plateau"""


def draw(rows: Rows, curves: Curves, folder: Path) -> None:
    """Writes figure.svg and figure.png: a panel for each of TITLES, and one for each objective's second training."""
    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    second = list(dict.fromkeys(variant.partition(REPLAY)[0] for variant, *_ in curves if REPLAY in variant))
    panels = len(TITLES) + len(second)
    grid = -(-panels // COLUMNS), COLUMNS
    figure = Figure(figsize=(3.6 * grid[1], 3 * grid[0]), layout="constrained")
    all_axes = figure.subplots(*grid).ravel()
    for axes, column in zip(all_axes, TITLES):
        for i, objective in enumerate(objectives):
            draw_steps(axes, [row for row in rows if row["objective"] == objective], column, i)
        axes.set_title(TITLES[column], fontsize=10)
        axes.set_xticks(range(len(SHARES)), [share.replace("-", "\n") for share in SHARES], fontsize=8)
        axes.set_yscale("symlog", linthresh=TICKS[1])
        axes.set_yticks(TICKS, [str(tick) for tick in TICKS], fontsize=8)
        axes.set(xlim=(-0.5, len(SHARES) - 0.5), ylim=(-5, 1.3 * max(*TICKS, *(row["steps"] for row in rows))))
    for axes, objective in zip(all_axes[len(TITLES) :], second):
        draw_second(axes, {key: curve for key, curve in curves.items() if key[0].startswith(objective + REPLAY)})
        axes.set_title(f"{objective}, then new facts", fontsize=10)
    for axes in (all_axes[0], *all_axes[len(TITLES) : panels]):
        axes.legend(frameon=False, fontsize=7)
    for axes in all_axes[panels:]:
        axes.remove()
    figure.supxlabel("every seed a point or a line; triangle: not reached by the end of the run", fontsize=9)
    save_figure(figure, folder)


def draw_steps(axes: Axes, rows: Rows, column: str, i: int) -> None:
    """A point for each seed of the objective `i`, a triangle at its last step where it did not get there."""
    shown = [row for row in rows if column in row]
    for is_reached, marker in ((True, "o"), (False, "^")):
        chosen = [row for row in shown if (row[column] is not None) == is_reached]
        x = [SHARES.index(row["share"]) + 0.12 * (i - 2) for row in chosen]
        y = [row[column] if is_reached else row["steps"] for row in chosen]
        label = rows[0]["objective"] if is_reached else None
        axes.scatter(x, y, s=14, marker=marker, color=COLOURS[i % len(COLOURS)], label=label)


def draw_second(axes: Axes, curves: Curves) -> None:
    """Accuracy against steps, a line for each seed: of old and of new facts."""
    variants = list(dict.fromkeys(variant for variant, *_ in curves))
    labelled = set()
    for (variant, _, split), curve in curves.items():
        if split in LINES:
            facts, style = LINES[split]
            label = f"{facts}, {variant.partition(REPLAY)[2]} % replayed"
            points = sorted((step, 100 * accuracy) for step, accuracy in curve.items())
            colour = COLOURS[variants.index(variant) % len(COLOURS)]
            axes.plot(*zip(*points), style, color=colour, lw=1.2, label=None if label in labelled else label)
            labelled.add(label)
    axes.set(xlabel="steps", ylabel="exact match, %", ylim=(-3, 103))


def main(arguments: list[str]) -> None:
    with refusals():
        folder = parse_arguments(Plateau, arguments, "python -m train.report.plateau").folder
        require((folder / "curves.csv").is_file(), "folder", str(folder), "a study's, with a curves.csv")
        curves = read_curves(read_csv(folder / "curves.csv"))
        rows = phase_rows(curves)
        require(bool(rows), "folder", str(folder), f"of a study with variants OBJECTIVE-SHARE: {', '.join(SHARES)}")
        (folder / "phases").mkdir(exist_ok=True)
        write_text(folder / "phases" / "rows.csv", as_csv(rows))
        write_text(folder / "phases" / "table.md", phase_table(rows))
        draw(rows, curves, folder / "phases")
    print(phase_table(rows), end="")


if __name__ == "__main__":
    run_command(main)
