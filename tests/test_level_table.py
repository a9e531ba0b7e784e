"""When a trial of the recipe reaches its goal: the first evaluation at it, and the paired difference to the recipe."""

from checkpoints.folder import read_csv
from tests.level_table import GOALS, ROWS, cells, goal_rows, level_table, reached

PROVENANCE = {"load": "1.0", "machine": "a, 2 cores", "torch": "2.13.0", "commit": "0123"}


def curve(variant: str, seed: int, accuracies: list[float], batch: int = 10) -> list[dict[str, str]]:
    """Evaluations every 100 steps, as cells of curves.csv, on a split of each kind."""
    return [
        {"run": f"{variant}-{seed}", "variant": variant, "seed": str(seed), "split": split}
        | {"step": str(100 * i), "documents": str(100 * i * batch), "seconds": str(1.5 * i), "accuracy": str(share)}
        for split in ("forward", "inverse")
        for i, share in enumerate(accuracies)
    ]


CURVES = [
    *curve("masked-batch-96", 0, [0, 0.9, 0.95, 0.94]),
    *curve("masked-batch-96", 1, [0, 0.1, 0.3, 0.96]),
    *curve("masked-slow", 0, [0, 0.1, 0.3, 0.96], batch=20),
    *curve("masked-slow", 1, [0, 0.1, 0.95, 0.96], batch=20),
    *curve("masked-failed", 0, [0, 0.1, 0.3, 0.949]),
    *curve("masked-failed", 1, [0, 0.1, 0.95, 0.949]),
]


def test_the_first_evaluation_at_the_goal_counts():
    at = reached(CURVES, "masked", "batch-96")
    assert [at[seed].step for seed in (0, 1)] == [200, 300]
    assert reached(CURVES, "masked", "failed")[0] is None


def test_a_trial_is_compared_seed_by_seed_in_documents():
    assert cells(CURVES, "masked", "batch-96") == ["2 of 2", "250", "4", ""]
    # 6,000 documents against 2,000, and 4,000 against 3,000: mean 2,500, t times the standard error 19,059.
    assert cells(CURVES, "masked", "slow") == ["2 of 2", "250", "4", "+2.5k ± 19.1"]
    assert cells(CURVES, "masked", "failed") == ["1 of 2", "–", "–", "–"]


def test_the_table_has_a_row_for_each_trial_and_the_rows_that_are_kept_make_it():
    results = [{"run": row["run"]} | PROVENANCE for row in CURVES]
    kept = goal_rows(CURVES, results)
    assert {row["split"] for row in kept} == {"inverse"}
    assert all(row["commit"] == "0123" for row in kept)
    assert level_table(kept) == level_table(CURVES)
    assert [line.split(" | ")[0] for line in level_table(kept).splitlines()[2:]] == ["| batch-96", "| slow", "| failed"]


def test_three_trials_reach_both_goals_on_every_seed_as_the_notebook_says():
    curves = read_csv(ROWS)
    trials = {row["variant"].partition("-")[2] for row in curves}
    by_trial = {trial: [reached(curves, objective, trial) for objective in GOALS] for trial in trials}
    assert {len(seeds) for both in by_trial.values() for seeds in both} == {10}
    assert {trial for trial, both in by_trial.items() if all(None not in seeds.values() for seeds in both)} == {
        *("batch-96", "final-rate-10", "recipe"),
    }
