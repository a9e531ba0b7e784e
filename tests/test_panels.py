"""Panels show of many rows those that each line is about, seed by seed, with chances beside them."""

import pytest

from eval.score import interval
from train.panels import Panel, Shown

LINES = {"weights": ("a", "closed-book"), "prompt": ("a", "lexical-retrieval"), "other": ("b", "closed-book")}
PANEL = Panel("inverse", LINES)
SHOWN = Shown({"one": PANEL, "empty": Panel("never", LINES)})


def row(variant: str, way: str, split: str, seed: int, correct: int, **more) -> dict:
    usual = {"asked": "as-trained", "count": 40, "accuracy": correct / 40, "found": None, "correct_where_found": None}
    chances = {"chance": 0.01, "chance_by_elimination": 0.05 + 0.01 * seed}
    return {"variant": variant, "way": way, "split": split, "seed": seed, "correct": correct} | usual | chances | more


ROWS = [
    row("a", "closed-book", "inverse", 0, 2),
    row("a", "closed-book", "inverse", 1, 4),
    row("a", "closed-book", "inverse", 1, 40, asked="another-order"),
    row("a", "closed-book", "forward", 0, 39),
    row("a", "lexical-retrieval", "inverse", 0, 10, found=10, correct_where_found=9),
    row("a", "lexical-retrieval", "inverse", 1, 20, found=30, correct_where_found=19),
    row("b", "closed-book", "inverse", 0, 0, count=0, accuracy=None),
]


def test_a_line_has_the_rows_of_its_variant_way_and_split_as_first_asked():
    assert PANEL.rows(ROWS, "weights") == ROWS[:2]
    assert PANEL.rows(ROWS, "other") == []  # cannot be asked
    assert PANEL.rows(ROWS, "unknown") == []


def test_cells_are_pooled_with_their_interval_and_every_seed():
    weights, prompt, chance = PANEL.cells(ROWS)
    low, high = interval(6, 80)
    assert weights == ["weights", "7.5", f"{100 * low:.1f}–{100 * high:.1f}", "5 10", "5.5", ""]
    assert prompt[1] == "37.5"
    assert prompt[3:] == ["25 50", "5.5", "70.0 of 50.0"]  # 28 of the 40 that were found, of 80
    assert chance[:2] == ["chance", "1.00"]


def test_tables_leave_out_what_has_no_rows(capsys):
    text = SHOWN.markdown(ROWS)
    assert "**one: inverse**" in text
    assert "never" not in text
    assert text.count("| weights |") == 1
    SHOWN.print_table(ROWS)
    printed = capsys.readouterr().out
    assert "one: inverse" in printed
    assert "never" not in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_the_figure_has_a_point_for_each_seed(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("train.panels.Figure.savefig", lambda self, *_, **__: drawn.append(self))
    SHOWN.draw(ROWS, [], tmp_path)
    first, empty = drawn[0].axes
    points = [each.get_offsets()[:, 0].tolist() for each in first.collections]
    assert points == [pytest.approx([5, 10]), pytest.approx([25, 50])]
    assert not empty.collections


def test_a_row_of_the_figure_has_the_lines_of_its_own_panels(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("train.panels.Figure.savefig", lambda self, *_, **__: drawn.append(self))
    first, last = (Panel("inverse", {line: ("weights", "closed-book")}) for line in ("first", "last"))
    Shown({"1": first, "2": first, "3": first, "4": first, "5": last}).draw(ROWS, [], tmp_path)
    axes = drawn[0].axes
    assert [axis.get_title() for axis in axes] == [f"{i}: inverse" for i in range(1, 6)]
    named = [[tick.get_text() for tick in axis.get_yticklabels()] for axis in (axes[0], axes[4])]
    assert named == [["first"], ["last"]]


def test_five_seeds_fit_a_terminal_of_80_columns_and_no_number_is_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = {"oracle retrieval, not trained to use it": ("a", "oracle-retrieval")}
    rows = [
        row("a", "oracle-retrieval", "inverse", seed, 40, found=40, correct_where_found=40, accuracy=1.0)
        for seed in range(5)
    ]
    Shown({"one": Panel("inverse", lines)}).print_table(rows)
    printed = capsys.readouterr().out
    assert "100.0 of 100.0" in printed
    assert "where" in printed
    assert max(map(len, printed.splitlines())) <= 80
