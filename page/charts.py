"""Every table of results as a chart for Vega-Lite (Satyanarayan et al. 2017): every seed a point, baselines drawn."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from train.report.base import ELIMINATION, LINK, Rows, over_seeds
from train.report.reading import read_results
from train.report.style import look_of

PUBLISHED = Path(__file__).parent / "published.csv"
SPLITS = ("forward", "backward", "inverse", "wrong_frame")  # shown first, in this order
MAX_SPLITS = 4  # panels of a chart
PROMPTED = {"reversal": "inverse", "syllogism": "conclusion", "codebook": "latent", "hierarchy": "syllogism"}
"""the held-out split of each task that the chart of weights against prompts shows"""
CLAIMS = {
    "compare": "Both models memorise what is stated. Only the bidirectional one answers the inverse question.",
    "objectives": "The objectives that reverse all train the asked weights to predict the first entity from the rest.",
    "context": "What no model answers closed book, it answers with the facts in its prompt.",
    "position": "Under this recipe, the masked model learns the inverse with rotary positions alone.",
    "architecture": "Neither masking nor full visibility is enough alone.",
    "data": "Only stated inverses make the causal model answer inverse questions.",
    "kitouni": "A fixed masking rate rarely hides a whole name of two tokens.",
    "kitouni-lengths": "The longer the names, the less a fixed rate learns.",
    "plateau": "A subset of the entities first shortens the plateau.",
}
"""what a chart shows, by study"""


def chart_of(file: Path) -> dict[str, Any]:
    """The chart of a results.csv: its title, what it shows, the runs it rests on, and the specification."""
    study, rows = file.stem, read_results(file)
    if study == "context":
        rows = by_method(rows)
    seeds = len({row["seed"] for row in rows})
    return {
        "study": study,
        "title": study.replace("-", " "),
        "claim": CLAIMS.get(study, ""),
        "basis": f"{len({(row['variant'], row['seed']) for row in rows})} runs, {seeds} seed{'s' * (seeds > 1)}",
        "spec": specification(rows, published_of(study)),
    }


def by_method(rows: Rows) -> Rows:
    """Weights against prompts: the causal run of each task, a row for each method, a panel for its held-out split."""
    return [
        row | {"variant": row["method"], "method": "closed-book", "split": f"{row['task']}: {row['split']}"}
        for row in rows
        if row["variant"] == f"{row['task']}-causal" and PROMPTED.get(row["task"]) == row["split"]
    ]


def published_of(study: str) -> list[dict[str, str]]:
    """The published accuracies of a study's variants."""
    with PUBLISHED.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["study"] == study]


def label_of(row: dict[str, Any]) -> str:
    """Variant, method and query mode, without what is usual."""
    further = [part for part in (row["method"], row["query_mode"]) if part not in ("closed-book", "as-trained")]
    return ", ".join([row["variant"], *further])


def chosen_splits(rows: Rows) -> list[str]:
    """At most MAX_SPLITS, those that are known to readers first."""
    splits = list(dict.fromkeys(row["split"] for row in rows if row["count"]))
    first = [split for split in SPLITS if split in splits]
    return (first or splits)[:MAX_SPLITS]


def in_order(rows: Rows) -> list[str]:
    """Labels, the best mean inverse first where there is one; otherwise as they come."""
    labels = list(dict.fromkeys(map(label_of, rows)))

    def inverse(label: str) -> float:
        result = over_seeds([row for row in rows if label_of(row) == label and row["split"] == "inverse"])
        return -1.0 if result is None else -result.mean

    return sorted(labels, key=inverse)


def specification(rows: Rows, published: Iterable[dict[str, str]]) -> dict[str, Any]:
    """A panel for each split: a point for each seed, a bar to the mean, baselines, and published numbers."""
    splits, order = chosen_splits(rows), in_order(rows)
    points = [
        {
            "variant": label_of(row),
            "split": row["split"],
            "seed": row["seed"],
            "accuracy": round(100 * row["accuracy"], 1),
            "elimination": None if row[ELIMINATION] is None else round(100 * row[ELIMINATION], 2),
            "link": None if row.get(LINK) is None else round(100 * row[LINK], 2),
            "colour": look_of([row]).colour,
        }
        for row in rows
        if row["split"] in splits and row["count"]
    ]
    marks = [
        {"variant": row["variant"], "split": row["split"], "published": float(row["accuracy"]), "source": row["source"]}
        for row in published
    ]
    y = {"field": "variant", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 240}}
    x = {"type": "quantitative", "scale": {"domain": [0, 100]}, "title": "exact match, %"}
    apart = {"field": "seed", "type": "nominal", "scale": {"paddingInner": 0.1, "paddingOuter": 1}}
    colour = {"field": "colour", "type": "nominal", "scale": None}
    tips = [{"field": name, "type": "nominal"} for name in ("variant", "seed", "accuracy", "elimination", "link")]
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "bar", "opacity": 0.25, "height": {"band": 0.6}},
            "encoding": {"y": y, "x": x | {"field": "accuracy", "aggregate": "mean"}, "color": colour},
        },
        {
            "mark": {
                "type": "tick",
                "thickness": 1.5,
                "strokeDash": [2, 2],
                "color": "#808080",
                "height": {"band": 0.9},
            },
            "encoding": {"y": y, "x": x | {"field": "elimination", "aggregate": "mean"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 50, "opacity": 0.85},
            "encoding": {"y": y, "yOffset": apart, "x": x | {"field": "accuracy"}, "color": colour, "tooltip": tips},
        },
    ]
    data = {"values": points + marks}
    if marks:
        tips = [{"field": name, "type": "nominal"} for name in ("variant", "published", "source")]
        layers.append(
            {
                "mark": {"type": "point", "shape": "diamond", "size": 90, "strokeWidth": 2, "color": "#808080"},
                "encoding": {"y": y, "x": x | {"field": "published"}, "tooltip": tips},
            }
        )
    height = 30 * len(order)
    facet = {"field": "split", "type": "nominal", "sort": splits, "title": None}
    return {"data": data, "facet": facet, "columns": 2, "spec": {"width": 400, "height": height, "layer": layers}}
