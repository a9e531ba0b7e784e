"""How every figure looks: a colour, a marker and dashes for each kind of model, a slide's size, axes and a legend.

The colours are near those of Okabe and Ito (2008). They differ in lightness, too, so that a print in grey keeps them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from checkpoints.files import write_text
from train.report.base import ELIMINATION, LINK, Rows, baseline, known_baselines

WIDTH, HEIGHT = 12.8, 7.2  # inches: 1280 x 720 pixels at 100 a inch
TITLE_CHARACTERS = 80  # of a line of the title
STYLE: dict[str, Any] = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "legend.fontsize": 13,
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "figure",  # the same names in a file each time
}
"""for matplotlib.rc_context, around all that draws"""
BASELINE_COLOUR = "0.35"
MIN_BASELINE = 0.01  # lower ones would be one with the axis
BASELINE_DASHES = {ELIMINATION: (0, (1, 1.5)), LINK: (0, (7, 3))}
"""of the baselines that figures show, by column"""
LOWER_IS_BETTER = ("wrong_frame", "echo")


@dataclass(frozen=True)
class Look:
    """How a model is drawn."""

    label: str
    """in the legend"""
    colour: str
    marker: str
    dashes: Any
    """of a line, as matplotlib takes them"""

    def pale(self) -> str:
        """The colour of a mean, on which points and intervals show."""
        return mixed(self.colour, "white", 0.6)

    def dark(self) -> str:
        """The colour of intervals, and around points."""
        return mixed(self.colour, "black", 0.3)

    def points(self) -> dict[str, Any]:
        """How seeds are drawn, as Axes.scatter takes it."""
        edge = {"edgecolors": self.dark(), "linewidths": 0.6}
        return {"color": self.colour, "marker": self.marker, "zorder": 3, "clip_on": False, **edge}

    def handle(self, label: str | None = None, has_line: bool = False) -> Artist:
        """What stands for the model in the legend."""
        style = self.dashes if has_line else "none"
        kind = {"marker": self.marker, "markersize": 8, "linestyle": style, "linewidth": 2}
        return Line2D([], [], color=self.colour, label=label or self.label, **kind)


CAUSAL = Look("causal", "#D55E00", "o", "-")
MASKED = Look("bidirectional (masked)", "#00509E", "s", (0, (5, 2)))
OTHER = Look("other objective", "#4FBF9B", "^", (0, (3, 1.5, 1, 1.5)))
LOOKS = {"causal": CAUSAL, "masked": MASKED}
"""by objective; every other one has the look OTHER"""
FURTHER = (("D", (0, (2, 1))), ("v", (0, (8, 2, 2, 2))), ("P", (0, (1, 1))), ("X", (0, (9, 3))), ("*", "-"))
"""markers and dashes of a second, third, ... series of the same kind of model"""


def look_of(rows: Rows) -> Look:
    """The look of the model that the rows are of."""
    return LOOKS.get(rows[0]["objective"], OTHER) if rows else OTHER


def looks_apart(labels: dict[str, Rows]) -> dict[str, Look]:
    """A look for each label: the colour of its model and, from the second of a kind on, lighter and other dashes."""
    looks: dict[str, Look] = {}
    counts: dict[str, int] = {}
    for label, rows in labels.items():
        look = look_of(rows)
        i = counts[look.label] = counts.get(look.label, -1) + 1
        if i:
            marker, dashes = FURTHER[(i - 1) % len(FURTHER)]
            colour = mixed(look.colour, "white", min(0.2 * i, 0.45))
            look = replace(look, colour=colour, marker=marker, dashes=dashes)
        looks[label] = look
    return looks


def mixed(colour: str, with_colour: str, share: float) -> str:
    """The colour mixed with a share of another."""
    return to_hex([(1 - share) * part + share * other for part, other in zip(to_rgb(colour), to_rgb(with_colour))])


def new_figure(title: str, height: float = HEIGHT, width: float = WIDTH) -> Figure:
    """A figure of the size of a slide, or larger, with its title."""
    figure = Figure(figsize=(max(width, WIDTH), max(height, HEIGHT)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    figure.suptitle(fill(title, TITLE_CHARACTERS), x=0.012, ha="left", fontsize=18, fontweight="bold")
    return figure


def add_legend(figure: Figure, handles: Iterable[Artist], rows: Rows, note: str) -> None:
    """Below the panels: the models and the baselines that the rows have, and under them a note."""
    names = {column: name for name, column in known_baselines(rows).items() if column in BASELINE_DASHES}
    lines = [baseline_handle(column, name) for column, name in names.items()]
    shown = [*handles, *lines]
    figure.legend(
        handles=shown,
        title=fill(note, 130),
        title_fontsize=12,
        loc="outside lower center",
        ncols=min(len(shown), 5),
        frameon=False,
        handlelength=2.6,
    )


def baseline_handle(column: str, name: str) -> Artist:
    return Line2D([], [], color=BASELINE_COLOUR, lw=1.5, ls=BASELINE_DASHES[column], label=name)


def model_handles(rows: Rows) -> list[Artist]:
    """What the legend shows of the models that the rows are of."""
    looks = {look_of([row]).label for row in rows}
    return [look.handle() for look in (CAUSAL, MASKED, OTHER) if look.label in looks]


def split_title(split: str, gap: str = " ") -> str:
    """A split as the title of a panel. `gap` is before "(lower is better)"."""
    return split.replace("_", " ") + (f"{gap}(lower is better)" if split in LOWER_IS_BETTER else "")


def askable(rows: Rows, splits: list[str], note: str) -> tuple[list[str], str]:
    """The splits that some rows answer (the first where none do), and the note, which names the others."""
    shown = [split for split in splits if any(row["count"] for row in rows if row["split"] == split)] or splits[:1]
    others = ", ".join(split.replace("_", " ") for split in splits if split not in shown)
    return shown, note + (f". No model can be asked: {others}" if others else "")


def per_cent_axis(axes: Axes, which: str) -> None:
    """An axis ("x" or "y") from 0 to 100, with room for points at both ends."""
    axes.set(**{f"{which}lim": (-2.5, 102.5), f"{which}ticks": (0, 25, 50, 75, 100)})
    axes.spines["bottom" if which == "x" else "left"].set_bounds(0, 100)


def save_figure(figure: Figure, folder: Path, name: str = "figure") -> None:
    """Writes NAME.svg and NAME.png, without the date, which would differ each time.

    All text is drawn as it is: $ begins no formula.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    drawn = StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    write_text(folder / f"{name}.svg", smaller(drawn.getvalue()))
    figure.savefig(folder / f"{name}.png", dpi=100)


def smaller(svg: str) -> str:
    """The SVG with tenths of a point, without indents, and with the style of points that share it named once."""
    svg = re.sub(r"(?<!scale\()(\b[0-9]+\.[0-9])[0-9]+", r"\1", svg)
    svg = re.sub(r"translate\((\S+) 0\)", r"translate(\1)", svg)  # letters of a line; 0 is the default
    svg = re.sub(r"\n +", "\n", svg)
    return re.sub(
        r'<g>\n((?:<use [^>]*?) style="([^"]*)"/>\n(?:<use [^>]*? style="\2"/>\n)*)</g>',
        lambda found: f'<g style="{found[2]}">\n' + found[1].replace(f' style="{found[2]}"', "") + "</g>",
        svg,
    )


def drawn_baselines(rows: Rows) -> Iterator[tuple[float, Any]]:
    """The baselines of the rows in per cent, the mean over them, with their dashes."""
    for column, dashes in BASELINE_DASHES.items():
        share = baseline(rows, column)
        if share is not None and share >= MIN_BASELINE:
            yield 100 * share, dashes
