"""Panels show the rows of each label, seed by seed, with baselines."""

import pytest

from eval.metrics import t_interval
from train.report.panels import Panel, PanelReport

VARIANTS = {"weights": ("a", "closed-book"), "prompt": ("a", "lexical-retrieval"), "other": ("b", "closed-book")}
PANEL = Panel("inverse", VARIANTS)
REPORT = PanelReport({"one": PANEL, "empty": Panel("never", VARIANTS)})


def row(variant: str, method: str, split: str, seed: int, correct: int, **further) -> dict:
    usual = {"query_mode": "as-trained", "count": 40, "accuracy": correct / 40}
    usual |= {"retrieved": None, "correct_where_retrieved": None}
    baselines = {"chance": 0.01, "elimination_baseline": 0.05 + 0.01 * seed}
    identity = {
        "objective": "causal",
        "variant": variant,
        "method": method,
        "split": split,
        "seed": seed,
        "correct": correct,
    }
    return identity | usual | baselines | further


ROWS = [
    row("a", "closed-book", "inverse", 0, 2),
    row("a", "closed-book", "inverse", 1, 4),
    row("a", "closed-book", "inverse", 1, 40, query_mode="another-order"),
    row("a", "closed-book", "forward", 0, 39),
    row("a", "lexical-retrieval", "inverse", 0, 10, retrieved=10, correct_where_retrieved=9),
    row("a", "lexical-retrieval", "inverse", 1, 20, retrieved=30, correct_where_retrieved=19),
    row("b", "closed-book", "inverse", 0, 0, count=0, accuracy=None),
]


def test_a_label_has_the_rows_of_its_variant_method_and_split_in_the_first_query_mode():
    assert PANEL.rows(ROWS, "weights") == ROWS[:2]
    assert PANEL.rows(ROWS, "other") == []  # cannot be asked
    assert PANEL.rows(ROWS, "unknown") == []


def test_a_line_has_the_mean_its_interval_and_every_seed():
    weights, prompt, chance = (list(line.values()) for line in PANEL.lines(ROWS))
    low, high = t_interval([2 / 40, 4 / 40])
    assert weights == ["weights", "7.5", f"{100 * low:.1f}–{100 * high:.1f}", "5 10", "5.5", "", ""]
    assert prompt[1] == "37.5"
    assert prompt[3:] == ["25 50", "5.5", "", "70.0 of 50.0"]  # 28 of the 40 that were retrieved, of 80
    assert chance[:2] == ["chance", "1.00"]


def test_a_table_leaves_out_what_none_of_its_rows_has():
    def head(rows: list[dict]) -> list[str]:
        return next(line for line in REPORT.markdown(rows).splitlines() if line.startswith("|")).split(" | ")

    weights = [row for row in ROWS if row["method"] == "closed-book"]
    assert head(ROWS)[-1].startswith("correct where retrieved")
    assert head(weights)[-1].startswith("elimination baseline")
    assert head([row | {"link_baseline": 0.6} for row in weights])[-1].startswith("link baseline")
    assert "| 60.0 |" in REPORT.markdown([row | {"link_baseline": 0.6} for row in weights])


def test_tables_leave_out_what_has_no_rows(capsys):
    text = REPORT.markdown(ROWS)
    assert "**one: inverse**" in text
    assert "never" not in text
    assert text.count("| weights |") == 1
    REPORT.print(ROWS)
    printed = capsys.readouterr().out
    assert "one: inverse" in printed
    assert "never" not in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_the_figure_has_a_point_for_each_seed(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: drawn.append(self))
    REPORT.draw(ROWS, [], tmp_path)
    first, empty = drawn[0].axes
    points = [collection.get_offsets()[:, 0].tolist() for collection in first.collections]
    assert points == [pytest.approx([5, 10]), pytest.approx([25, 50])]
    assert not empty.collections
    assert [text.get_text() for text in first.texts] == ["–"]  # cannot be asked
    assert len(empty.texts) == len(VARIANTS)


def test_a_row_of_the_figure_has_the_labels_of_its_own_panels(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: drawn.append(self))
    first, last = (Panel("inverse", {label: ("weights", "closed-book")}) for label in ("first", "last"))
    PanelReport({"1": first, "2": first, "3": first, "4": first, "5": last}).draw(ROWS, [], tmp_path)
    axes = drawn[0].axes
    assert [axis.get_title() for axis in axes] == [f"{i}:\ninverse" for i in range(1, 6)]
    labels = [[tick.get_text() for tick in axis.get_yticklabels()] for axis in (axes[0], axes[4])]
    assert labels == [["first"], ["last"]]


def test_a_slide_is_the_first_figure_and_the_second_has_the_rest(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("train.report.panels.save_figure", lambda figure, _, name: drawn.update({name: figure}))
    slide = {"as a slide": Panel("inverse", {"from\nthe prompt": VARIANTS["prompt"]})}
    report = PanelReport({"one": PANEL, "all shown": Panel("inverse", {"p": VARIANTS["prompt"]})}, "the title", slide)
    report.draw(ROWS, [], tmp_path)
    (first,), (second,) = (drawn[name].axes for name in ("figure", "figure-2"))
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in (first, second)]
    assert labels == [["from\nthe prompt"], ["weights", "other"]]
    assert [text.get_text() for text in first.texts] == ["38"]  # the mean, 37.5
    assert [figure.get_suptitle() for figure in drawn.values()] == ["the title", "the title (the rest)"]


def test_five_seeds_fit_a_terminal_of_80_columns_and_no_number_is_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    variants = {"oracle retrieval, without any episodes": ("a", "oracle-retrieval")}
    rows = [
        row("a", "oracle-retrieval", "inverse", seed, 40, retrieved=40, correct_where_retrieved=40, accuracy=1.0)
        for seed in range(5)
    ]
    PanelReport({"one": Panel("inverse", variants)}).print(rows)
    printed = capsys.readouterr().out
    assert "100.0 of 100.0" in printed
    assert "where" in printed
    assert max(map(len, printed.splitlines())) <= 80
