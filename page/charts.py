"""Every table of results as a chart for Vega-Lite (Satyanarayan et al. 2017): every seed a point, baselines drawn."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from train.report.base import ELIMINATION, LINK, Rows, over_seeds
from train.report.reading import read_results
from train.report.style import CAUSAL, MASKED, OTHER, look_of

PUBLISHED = Path(__file__).parent / "published.csv"
SPLITS = ("forward", "backward", "inverse", "wrong_frame")  # shown first, in this order
GREY = "#808080"
LOOKS = (CAUSAL, MASKED, OTHER)  # as charts.js has their colours
MAX_SPLITS = 4  # panels of a chart
PROMPTED = {"reversal": "inverse", "syllogism": "conclusion", "codebook": "latent", "hierarchy": "syllogism"}
"""the held-out split of each task that the chart of weights against prompts shows"""
SHOWN = {
    "compare": (
        "Causal against bidirectional",
        "Both models memorise what is stated. Only the bidirectional one answers the inverse question.",
    ),
    "objectives": (
        "Which objectives reverse",
        "All that reverse train the asked weights to predict the first entity from the rest. That alone is not enough.",
    ),
    "context": (
        "Weights against prompts",
        "Closed book, these causal models answer 0 to 5 %. With the facts in their prompt, they answer 99 to 100 %.",
    ),
    "position": ("Positions", "Under this recipe, the masked model learns the inverse with rotary positions alone."),
    "architecture": (
        "Masking against visibility",
        "Of these four, only the masked model with full visibility reverses.",
    ),
    "data": ("What the documents state", "Only stated inverses make the causal model answer inverse questions."),
    "kitouni": (
        "Masking rate",
        "On names of two tokens, rates of 15 and 40 % do as well as a uniform rate; 85 % does not.",
    ),
    "kitouni-lengths": (
        "Masking rate and length of names",
        "With names of eight tokens, no rate is above 65 % of the inverse on average.",
    ),
    "kitouni-relationship": (
        "Reversed text",
        "Reversed text without a marker teaches false statements: the wrong frame.",
    ),
    "plateau": ("The plateau of training", "A subset of the entities first shortens the plateau of a masked model."),
    "scarcity": (
        "The amount of data",
        "A causal model learns the stated facts and no inverse, from up to 4,950 two-way facts.",
    ),
    "objective-variants": (
        "Variants of the objectives",
        "With the source or the target never masked, the inverse is at 0 to 2 %. Fixed masking rates reverse, too.",
    ),
    "coda-forno": (
        "What must be masked",
        "With the source or the target never masked, the inverse is at 0 to 1 %.",
    ),
    "weight-decay": ("Weight decay", "In these steps, no weight decay makes a causal model reverse."),
    "tied": ("Tied output", "An output tied to the embedding changes little."),
    "plain": (
        "Without the recipe",
        "With AdamW alone and all facts from the first step on, both models end the same.",
    ),
}
"""title of a chart and what it shows, by study"""


def chart_of(file: Path) -> dict[str, Any]:
    """The chart of a results.csv: its title, what it shows, the runs it rests on, and the specification."""
    study, rows = study_of(file), read_results(file)
    if study == "context":
        rows = by_method(rows)
    seeds, published = len({row["seed"] for row in rows}), published_of(study)
    title, claim = SHOWN.get(study, (study.replace("-", " "), ""))
    return {
        "study": study,
        "title": title,
        "claim": claim,
        "basis": f"{len({(row['variant'], row['seed']) for row in rows})} runs, {seeds} seed{'s' * (seeds > 1)}",
        "published": list(dict.fromkeys(f"{row['source']} ({row['setting']})" for row in published)),
        "spec": specification(rows, published),
    }


def study_of(file: Path) -> str:
    """A study's name: of docs/compare.csv and of checkpoints/compare/results.csv it is compare."""
    return file.parent.name if file.name == "results.csv" else file.stem


def by_method(rows: Rows) -> Rows:
    """Weights against prompts: the causal run of each task, a row for each method, a panel for its held-out split."""
    return [
        row | {"variant": row["method"], "method": "closed-book", "split": f"{row['task']}: {row['split']}"}
        for row in rows
        if row["variant"] == f"{row['task']}-causal" and PROMPTED.get(row["task"]) == row["split"]
    ]


def published_of(study: str) -> list[dict[str, str]]:
    """The published accuracies of a study's variants: source, and the setting in which it differs from ours."""
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
    values = [point(row) for row in rows if row["split"] in splits and row["count"]]
    known = [
        {name: row[name] for name in ("variant", "split", "source", "setting")} | {"published": float(row["accuracy"])}
        for row in published
        if row["split"] in splits
    ]
    y = {"field": "variant", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 300}}
    header = {"labelExpr": "replace(datum.value, /_/g, ' ')"}
    facet = {"field": "split", "type": "nominal", "sort": splits, "title": None, "header": header}
    return {
        "data": {"values": values + known},
        "facet": facet,
        "columns": 2,
        "spec": {"width": 400, "height": 30 * len(order), "layer": layers(y, with_published=bool(known))},
    }


def point(row: dict[str, Any]) -> dict[str, Any]:
    """One seed, in per cent."""
    return {
        "variant": label_of(row),
        "split": row["split"],
        "seed": row["seed"],
        "accuracy": round(100 * row["accuracy"], 1),
        "elimination": None if row[ELIMINATION] is None else round(100 * row[ELIMINATION], 2),
        "link": None if row.get(LINK) is None else round(100 * row[LINK], 2),
        "model": look_of([row]).label,
    }


def layers(y: dict[str, Any], with_published: bool) -> list[dict[str, Any]]:
    """Mean, elimination baseline and seeds, and published numbers where there are any."""
    axis = {"values": [0, 25, 50, 75, 100]}
    x = {"type": "quantitative", "scale": {"domain": [0, 100]}, "title": "exact match, %", "axis": axis}
    ours, theirs = ([{"filter": f"isValid(datum.{field})"}] for field in ("accuracy", "published"))
    scale = {"domain": [look.label for look in LOOKS], "range": [look.colour for look in LOOKS]}
    colour = {"field": "model", "type": "nominal", "legend": None, "scale": scale}
    apart = {"field": "seed", "type": "nominal", "scale": {"paddingInner": 0.1, "paddingOuter": 1}}
    dashes = {"type": "tick", "thickness": 1.5, "strokeDash": [2, 2], "color": GREY, "height": {"band": 0.9}}
    dot = {"type": "point", "filled": True, "size": 50, "opacity": 0.85}
    seeds = {"y": y, "yOffset": apart, "x": x | {"field": "accuracy"}, "color": colour}
    made = [
        {
            "transform": ours,
            "mark": {"type": "bar", "opacity": 0.25, "height": {"band": 0.6}},
            "encoding": {"y": y, "x": x | {"field": "accuracy", "aggregate": "mean"}, "color": colour},
        },
        {
            "transform": ours,
            "mark": dashes,
            "encoding": {"y": y, "x": x | {"field": "elimination", "aggregate": "mean"}},
        },
        {
            "transform": ours,
            "mark": dot,
            "encoding": seeds | {"tooltip": tips("variant", "seed", "accuracy", "elimination", "link")},
        },
    ]
    if with_published:
        diamond = {"type": "point", "shape": "diamond", "size": 90, "strokeWidth": 2, "color": GREY}
        hover = tips("variant", "published", "source", "setting")
        encoding = {"y": y, "x": x | {"field": "published"}, "tooltip": hover}
        made.append({"transform": theirs, "mark": diamond, "encoding": encoding})
    return made


def tips(*fields: str) -> list[dict[str, str]]:
    """What is shown on hover."""
    return [{"field": field, "type": "nominal"} for field in fields]
