"""The figure of a comparison: how both models learn to answer forward and inverse, and where they end."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"causal": "#d1495b", "bidirectional": "#00798c"}  # told apart in grey and by the colour-blind
PANELS = {"forward": "asked as it was told", "inverse": "asked the other way round"}
BARS = {
    "forward": "forward",
    "backward": "backward",
    "inverse": "inverse",
    "wrong_frame": "wrong frame\n(lower is better)",
}


def draw(rows: list[dict[str, Any]], curves: list[dict[str, Any]], folder: Path) -> None:
    """Writes figure.svg and figure.png into `folder` from the rows of results.csv and curves.csv."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    *panels, bars = figure.subplots(1, 3, width_ratios=[1, 1, 1.25])
    elimination = np.mean([row["chance_by_elimination"] for row in rows if row["split"] == "inverse"])
    for panel, (split, title) in zip(panels, PANELS.items()):
        learning(panel, [row for row in curves if row["split"] == split])
        panel.set_title(f"{title} ({split})")
    if curves:
        panels[0].legend(frameon=False, loc="lower right")
    panels[0].set_ylabel("answered exactly right (%)")
    panels[1].axhline(100 * elimination, color="0.4", lw=1, ls=":")
    panels[1].annotate("chance by elimination", (1, 100 * elimination), (-2, 3), xycoords=("axes fraction", "data"),
                       textcoords="offset points", ha="right", color="0.4", fontsize=8)  # fmt: skip
    ends(bars, rows)
    save(figure, folder)


def save(figure: Figure, folder: Path) -> None:
    """As figure.svg and figure.png, without the date, which would differ each time."""
    figure.savefig(folder / "figure.svg", metadata={"Date": None})
    figure.savefig(folder / "figure.png", dpi=160)


def learning(panel: Axes, curves: list[dict[str, Any]]) -> None:
    """Accuracy against documents seen, a line a seed."""
    for variant, colour in COLOURS.items():
        own = [row for row in curves if row["variant"] == variant and row["count"]]
        for i, seed in enumerate(sorted({row["seed"] for row in own})):
            line = [(row["documents"] / 1000, 100 * row["accuracy"]) for row in own if row["seed"] == seed]
            panel.plot(*zip(*line), color=colour, lw=1.3, alpha=0.8, label=variant if i == 0 else None)
    panel.set(xlabel="documents seen (thousands)", ylim=(-3, 103))
    panel.spines[["top", "right"]].set_visible(False)


def ends(panel: Axes, rows: list[dict[str, Any]]) -> None:
    """Where the runs end: the mean as a bar, every seed as a point."""
    width = 0.38
    for i, (variant, colour) in enumerate(COLOURS.items()):
        if not any(row["variant"] == variant for row in rows):
            continue
        for place, split in enumerate(BARS):
            own = [
                100 * row["accuracy"]
                for row in rows
                if (row["variant"], row["split"]) == (variant, split) and row["count"]
            ]
            x = place + (i - 0.5) * width
            if own:
                panel.bar(x, np.mean(own), width * 0.92, color=colour, alpha=0.45)
                spread = np.linspace(-0.1, 0.1, len(own)) if len(own) > 1 else np.zeros(1)
                panel.scatter(x + spread, own, s=14, color=colour, zorder=3, clip_on=False)
            else:
                panel.text(x, 2, "cannot be asked", rotation=90, ha="center", va="bottom", color=colour, fontsize=8)
    panel.set_xticks(range(len(BARS)), BARS.values())
    panel.set(ylim=(0, 103), title="at the end, every seed a point")
    panel.spines[["top", "right"]].set_visible(False)
