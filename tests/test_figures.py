"""Figures have one language: a model's colour and marker, numbers as axes, and per cent from 0 to 100."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from tests.doc_figures import CURVES, DOCS, NAMES, draw
from train.report.by_seed import BySeed
from train.report.by_variant import ByVariant
from train.report.groups import Group
from train.report.numeric import Parts, parts_of
from train.report.panels import Panel, PanelReport
from train.report.style import CAUSAL, LOOKS, MASKED, OTHER, looks_apart
from train.report.variant_figure import label_of

# How the cones see a colour in linear RGB without the long or the middle ones (Machado et al. 2009).
PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
USUAL = {"task": "reversal", "method": "closed-book", "query_mode": "as-trained", "retrieved": None}
DEPTH = dict.fromkeys(("causal", "masked"), "model.depth")


def rows_of(variant: str, objective: str, splits: dict[str, list[int | None]]) -> list[dict]:
    """Rows of ten questions each: correct ones by split and seed, None where it cannot be asked."""
    row = {"variant": variant, "objective": objective, "chance": 0.02, "elimination_baseline": 0.05} | USUAL
    return [
        row
        | {"split": split, "seed": seed, "correct": correct or 0, "count": 0 if correct is None else 10}
        | {"accuracy": None if correct is None else correct / 10}
        for split, each_seed in splits.items()
        for seed, correct in enumerate(each_seed)
    ]


def ablation(*values: str) -> list[dict]:
    """Rows of every value for a causal and a masked model, whose inverse is right as often as the value's place."""
    return [
        row
        for objective, base in (("causal", 0), ("masked", 5))
        for i, value in enumerate(values)
        for row in rows_of(
            f"{objective}-{value}",
            objective,
            {
                "forward": [9, 10],
                "backward": [None] * 2 if objective == "causal" else [8, 9],
                "inverse": [base + i] * 2,
            },
        )
    ]


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are drawn, instead of files."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: self in figures or figures.append(self))
    return figures


def lab(colour: str, cones: list | None = None) -> np.ndarray:
    """The colour as L*, a*, b*."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = linear if cones is None else np.clip(np.array(cones) @ linear, 0, 1)
    x, y, z = np.cbrt(np.array(TO_XYZ) @ linear / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("pair", list(combinations((CAUSAL, MASKED, OTHER), 2)), ids=lambda pair: pair[0].label)
def test_models_are_told_apart_in_grey_by_the_colour_blind_and_by_markers_and_dashes(pair):
    first, second = pair
    assert abs(lab(first.colour)[0] - lab(second.colour)[0]) > 12
    for cones in (PROTAN, DEUTAN):
        assert np.linalg.norm(lab(first.colour, cones) - lab(second.colour, cones)) > 20
    assert first.marker != second.marker
    assert first.dashes != second.dashes


def test_series_of_one_kind_of_model_are_told_apart_too():
    looks = looks_apart({str(i): [{"objective": "masked"}] for i in range(5)} | {"causal": [{"objective": "causal"}]})
    assert looks["causal"] == CAUSAL
    assert looks["0"] == MASKED
    for part in ("colour", "marker"):
        assert len({getattr(look, part) for look in looks.values()}) == 6 - (part == "colour")  # two are as light


def test_a_model_has_the_same_colour_and_marker_in_every_figure(drawn, tmp_path):
    rows = [row | {"documents": 5000} for row in ablation("1")]
    BySeed().draw(rows, rows, tmp_path)
    ByVariant().draw(rows, [], tmp_path)
    ByVariant(axes=DEPTH).draw(ablation("1", "2"), [], tmp_path)
    labels = {objective: (f"{objective}-1", "closed-book") for objective in LOOKS}
    PanelReport({"one": Panel("inverse", labels)}).draw(rows, [], tmp_path)
    assert len(drawn) == 4
    for figure in drawn:
        (legend,) = figure.legends
        markers = {handle.get_label(): handle.get_marker() for handle in legend.legend_handles}
        colours = {handle.get_label(): to_hex(handle.get_color()) for handle in legend.legend_handles}
        for look in LOOKS.values():
            assert (colours[look.label], markers[look.label]) == (look.colour.lower(), look.marker)
        points = {to_hex(points.get_facecolor()[0]) for axes in figure.axes for points in axes.collections}
        assert points <= {colour.lower() for look in LOOKS.values() for colour in (look.colour, look.dark())}
        assert len(points) == 2
        assert "elimination baseline" in markers


@pytest.mark.parametrize(
    ("variant", "parts"),
    [
        ("two-way-50", ("two-way", "50")),
        ("facts-x10", ("facts", "x10")),
        ("rate-1e-3", ("rate", "1e-3")),
        ("fixed-15-2", ("fixed-15", "2")),
        ("scale-0.02", ("scale", "0.02")),
        ("masked-uniform", None),
        ("50", None),
        ("causal-learned", ("causal", "learned")),  # as `causal` is given
    ],
)
def test_a_variants_name_ends_in_its_number(variant, parts):
    assert parts_of(variant, {"causal": "model.position"}) == (parts and Parts(*parts))


def test_numbers_are_an_axis_with_a_line_for_each_model_and_a_point_for_each_seed(drawn, tmp_path):
    ByVariant(False, "What is varied: depth", DEPTH).draw(ablation("1", "2", "4"), [], tmp_path)
    (figure,) = drawn
    assert figure.get_suptitle() == "What is varied: depth"
    forward, backward, inverse = figure.axes
    assert [panel.get_title() for panel in figure.axes] == ["forward", "backward", "inverse"]
    assert inverse.get_xlabel() == "model.depth"
    assert inverse.get_ylim() == (-2.5, 102.5)
    assert list(inverse.get_yticks()) == [0, 25, 50, 75, 100]
    assert [tick.get_text() for tick in inverse.get_xticklabels()] == ["1", "2", "4"]
    lines = [line for line in inverse.lines if line.get_marker() in (CAUSAL.marker, MASKED.marker)]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in lines] == [
        ([1, 2, 4], [0, 10, 20]),
        ([1, 2, 4], [50, 60, 70]),
    ]
    seeds = [sorted(points.get_offsets()[:, 1].tolist()) for points in forward.collections]
    assert seeds == [[90, 90, 90, 100, 100, 100]] * 2
    assert [text.get_text() for text in backward.texts] == ["causal: cannot be asked"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [(("1", "2", "4"), "linear"), (("10", "100", "10000"), "log"), (("0.0", "0.1", "1", "6"), "symlog")],
)
def test_numbers_that_span_much_have_a_logarithmic_axis(drawn, tmp_path, values, scale):
    ByVariant(axes=DEPTH).draw(ablation(*values), [], tmp_path)
    panel = drawn[0].axes[0]
    assert panel.get_xscale() == scale
    assert list(panel.get_xticks()) == [float(value) for value in values]
    low, high = panel.get_xlim()
    assert low < float(values[0])
    assert high > float(values[-1])


def test_several_axes_are_columns_and_their_series_have_the_models_look(drawn, tmp_path):
    names = ("two-way-50", "two-way-99", "steps-x1", "steps-x10")
    rows = [row for name in names for row in rows_of(name, "causal", {"forward": [9, 9], "backward": [None] * 2})]
    ByVariant(axes={"two-way": "two-way facts, %"}).draw(rows, [], tmp_path)
    assert [panel.get_xlabel() for panel in drawn[0].axes] == ["two-way facts, %", "steps"]
    assert drawn[0].axes[0].get_ylabel() == "forward"
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["causal", "elimination baseline"]
    assert legend.get_title().get_text().endswith("No model can be asked: backward")


def test_values_that_are_no_numbers_are_rows_that_all_models_share(drawn, tmp_path):
    ByVariant(False, axes=dict.fromkeys(LOOKS, "model.position")).draw(ablation("rotary", "none"), [], tmp_path)
    inverse = drawn[0].axes[2]
    assert [label.get_text() for label in drawn[0].axes[0].get_yticklabels()] == ["position rotary", "position none"]
    assert [to_hex(points.get_facecolor()[0]) for points in inverse.collections] == [
        CAUSAL.colour.lower(),
        MASKED.colour.lower(),
    ] * 2
    assert label_of(Group("causal-1", "closed-book", "as-trained"), DEPTH) == "depth 1"
    assert label_of(Group("bico-1", "closed-book", "second"), DEPTH) == "bico-1, second"


@pytest.mark.parametrize("names", [("a-1", "b"), ("a-1", "b-1"), ("a-1", "a-1e999")])
def test_variants_without_several_numbers_each_are_rows(drawn, tmp_path, names):
    ByVariant(False).draw([row for name in names for row in rows_of(name, "causal", {"forward": [1]})], [], tmp_path)
    assert [label.get_text() for label in drawn[0].axes[0].get_yticklabels()] == list(names)


def numbers(svg: str) -> np.ndarray:
    return np.array([float(number) for number in re.findall(r"(?<![\w#.])-?[0-9]+(?:\.[0-9]+)?(?![\w.])", svg)])


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_in_docs_are_those_of_their_rows_and_small(name, tmp_path, monkeypatch):
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *to, **how: how.get("format") and save(self, *to, **how))
    draw(name, tmp_path)
    for new in tmp_path.iterdir():
        kept, again = ((folder / new.name).read_text() for folder in (DOCS, tmp_path))
        assert re.findall("<!-- (.*) -->", kept) == re.findall("<!-- (.*) -->", again)  # all texts
        assert numbers(kept).shape == numbers(again).shape
        assert np.abs(numbers(kept) - numbers(again)).max() < 1.5  # pixels: another machine's fonts may differ
        assert len(kept) < 150_000
    assert (DOCS / f"{name}-2.svg").exists() == (tmp_path / f"{name}-2.svg").exists()


def test_a_figure_is_the_same_each_time(tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        ByVariant().draw(ablation("1"), [], tmp_path / folder)
    first, second = (tmp_path / folder / "figure.svg" for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_curves_in_docs_are_of_the_runs_of_their_rows():
    for path in DOCS.glob(f"*{CURVES}.csv"):
        rows = Path(str(path).replace(CURVES, "")).read_text()
        runs = {line.partition(",")[0] for line in path.read_text().splitlines()}
        assert runs == {line.partition(",")[0] for line in rows.splitlines()}
