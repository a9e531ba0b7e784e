"""The phases of made-up curves: steps to 90 %, steps on the plateau, and what a table and a figure make of them."""

import pytest

from checkpoints.folder import as_csv, parse_csv, read_csv
from train.report import plateau
from train.report.phases import phase_rows, phase_table, plateau_steps, read_curves, read_phases, steps_to_level

STEPS = (0, 100, 200, 300)
RUNS = {  # accuracies at these steps, in per cent
    ("causal-all", 0): {"forward": (0, 10, 80, 95), "wrong_frame": (0, 5, 0, 0), "inverse": (0, 0, 0, 1)},
    ("causal-all", 1): {"forward": (0, 30, 92, 95), "wrong_frame": (0, 25, 0, 0), "inverse": (0, 0, 0, 1)},
    ("masked-power-law", 0): {split: (0, 5, 20, 40) for split in ("forward", "backward", "inverse", "wrong_frame")},
    ("masked-base", 0): {"forward": (0, 5, 50, 100), "wrong_frame": (0, 5, 0, 0)},
    ("masked-replay-10", 0): {"forward": (100, 60, 50, 70), "unseen_forward": (0, 20, 60, 100)},
}


def row(variant: str, seed: int, split: str, step: int, accuracy: float, **other) -> dict:
    usual = {"method": "closed-book", "query_mode": "as-trained", "count": 40}
    return {"variant": variant, "seed": seed, "split": split, "step": step, "accuracy": accuracy} | usual | other


ROWS = [
    row(variant, seed, split, step, per_cent / 100)
    for (variant, seed), splits in RUNS.items()
    for split, accuracies in splits.items()
    for step, per_cent in zip(STEPS, accuracies)
]
OTHERS = [
    row("causal-all", 0, "backward", 100, "", count=0),  # cannot be asked
    row("causal-all", 0, "forward", 100, 1.0, query_mode="left-to-right"),
    row("causal-all", 0, "forward", 100, 1.0, method="in-context"),
]


def test_steps_to_a_level_are_those_of_the_first_evaluation_at_it():
    assert steps_to_level({0: 0.0, 100: 0.9, 200: 0.8, 300: 1.0}) == 100
    assert steps_to_level({0: 0.0, 100: 0.89}) is None


def test_a_plateau_lasts_while_little_is_learned_and_not_the_direction():
    near, far = dict.fromkeys((0, 50, 200, 250), 0.3), dict.fromkeys((0, 50, 200, 250), 0.2)
    assert plateau_steps(near, near) == 250
    assert plateau_steps(near, far) == 0  # 10 points
    assert plateau_steps(near, far | {200: 0.25}) == 150
    assert plateau_steps(near | {250: 0.5}, near | {250: 0.5}) == 200


def test_a_row_is_of_one_run_closed_book_in_its_first_query_mode():
    rows = phase_rows(read_curves(ROWS + OTHERS))
    causal = {"objective": "causal", "share": "all", "inverse": None, "plateau": 100, "steps": 300}
    assert rows[:2] == [causal | {"seed": 0, "forward": 300}, causal | {"seed": 1, "forward": 200}]
    assert [row["share"] for row in rows] == ["all", "all", "power-law"]  # no other variant has a row
    assert (rows[2]["plateau"], rows[2]["forward"], rows[2]["backward"]) == (300, None, None)


def test_the_table_has_medians_and_every_seed():
    rows = phase_rows(read_curves(ROWS))
    for seeds in (rows, read_phases(parse_csv(as_csv(rows).encode()))):
        never = seeds[0] | {"seed": 2, "forward": None}
        lines = phase_table([*seeds[:2], never, seeds[2]]).splitlines()
        assert lines[2:] == [
            "| causal | all | **300**: 300 200 – | – | – | **100**: 100 100 100 |",
            "| masked | power-law | – | – | – | **300**: 300 |",
        ]
        late = phase_table([seeds[0], never, never]).splitlines()[2]
        assert "**–**: 300 – –" in late


def result(variant: str, split: str, seed: int, correct: int) -> dict:
    """A row of results.csv."""
    row = {"variant": variant, "objective": variant.partition("-")[0], "split": split, "seed": seed, "count": 40}
    row |= {"load": 1.5, "machine": f"the machine of {variant}-{seed}", "torch": "2.13.0", "commit": "abc"}
    return row | {"correct": correct, "accuracy": correct / 40, "elimination_baseline": 0.05}


RESULTS = [
    *(result("causal-all", "forward", seed, correct) for seed, correct in enumerate((38, 40))),
    *(result("causal-twentieth", "forward", seed, 20) for seed in range(2)),
    result("masked-power-law", "forward", 0, 16),  # no share, so it is in the table alone
    result("masked-replay-10", "forward", 0, 28),
    result("masked-replay-50", "forward", 0, 40),
    result("masked-replay-50", "unseen_forward", 0, 36),
]


def test_the_command_writes_the_table_and_draws_every_seed(tmp_path, capsys, monkeypatch):
    drawn = []
    monkeypatch.setattr("train.report.numeric.save_figure", lambda figure, folder: drawn.append(figure))
    monkeypatch.setattr("train.report.plateau.read_results", lambda path: RESULTS)
    (tmp_path / "curves.csv").write_text(as_csv(ROWS + OTHERS))
    plateau.main([str(tmp_path)])
    table = (tmp_path / "phases" / "table.md").read_text()
    assert capsys.readouterr().out == table == phase_table(phase_rows(read_curves(ROWS)))
    rows = read_csv(tmp_path / "phases" / "rows.csv")
    machines = [f"the machine of {run}" for run in ("causal-all-0", "causal-all-1", "masked-power-law-0")]
    assert [row["machine"] for row in rows] == machines
    assert {(row["load"], row["torch"], row["commit"]) for row in rows} == {("1.5", "2.13.0", "abc")}
    first, *_, old, new, _ = drawn[0].axes
    points = [points.get_offsets().tolist() for axes in (first, old, new) for points in axes.collections]
    assert points == [[[5, 50], [5, 50], [100, 95], [100, 100]], [[10, 70], [50, 100]], [[50, 90]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "with a curves.csv"), (as_csv([row("masked-base", 0, "forward", 0, 0.5)]), "variants OBJECTIVE-SHARE")],
)
def test_a_folder_of_something_else_is_refused_in_one_line(tmp_path, capsys, text, message):
    if text:
        (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(SystemExit) as ended:
        plateau.main([str(tmp_path)])
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("error: folder is ")
    assert message in line
    assert line.count("\n") == 1
