"""A comparison: every seed shown, numbers that add up, finished runs kept, a failing run that stops no other."""

import csv
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from checkpoints import folder as folders
from config.validation import SettingError
from eval.metrics import wilson_interval
from tests.running import HOUSE, flags, tiny
from train.report.by_seed import BySeed, by_seed
from train.report.results import result_rows
from train.signals import StopFlag
from train.sweeps.compare import Compare, compare
from train.sweeps.pool import train_all

COLUMNS = (
    "run,task,objective,variant,settings,method,query_mode,seed,split,correct,count,accuracy,low,high,chance,"
    "elimination_baseline,steps,target_tokens,steps_to_90,targets_to_90,seconds,parameters,retrieved,"
    "correct_where_retrieved,token_accuracy"
)


@pytest.fixture(scope="module")
def compared():
    """The settings and folder of a tiny comparison of two seeds, trained in processes of its own."""
    config = tiny()
    settings = Compare(
        config.task, config.model, train=config.train, causal_steps=8, seeds=2, name=f"test-{uuid.uuid4().hex[:8]}"
    )
    compare(settings, StopFlag())
    yield settings, folders.ROOT / settings.name
    for path in folders.ROOT.glob(f"{settings.name}*"):
        shutil.rmtree(path)


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_results_hold_every_run_and_split_with_the_columns_of_the_design(compared):
    settings, folder = compared
    assert (folder / "results.csv").read_text().splitlines()[0] == COLUMNS
    rows = read(folder / "results.csv")
    assert len(rows) == 2 * 2 * 4
    for row in rows:
        assert row["run"] in settings.study().runs
        assert (row["query_mode"], row["method"]) == ("as-trained", "closed-book")
        assert int(row["parameters"]) > 1000
        assert int(row["steps"]) == (8 if row["variant"] == "causal" else 12)
        if row["variant"] == "causal" and row["split"] == "backward":
            assert (row["count"], row["accuracy"], row["low"], row["high"]) == ("0", "", "", "")
        else:
            low, high = wilson_interval(int(row["correct"]), int(row["count"]))
            assert (float(row["low"]), float(row["high"])) == (low, high)
        assert '"task.entities": 12' in row["settings"]


def test_curves_hold_every_evaluation(compared):
    rows = read(compared[1] / "curves.csv")
    steps = {int(row["step"]) for row in rows if row["variant"] == "bidirectional"}
    assert steps == {0, 4, 8, 12}
    assert {row["query_mode"] for row in rows} == {"as-trained"}
    assert len(rows) == 2 * 4 * (3 + 4)  # seeds, splits, evaluations of 8 and of 12 steps


def test_the_table_shows_every_seed_and_the_figure_is_written(compared):
    folder = compared[1]
    assert "| seed 0 | seed 1 | all | 95 % interval | chance |" in (folder / "table.md").read_text()
    assert (folder / "figure.svg").read_text().lstrip().startswith("<?xml")
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_call_trains_nothing_and_other_settings_are_refused_before_anything(compared):
    settings, _ = compared
    before = {path: path.stat().st_mtime_ns for path in folders.ROOT.glob(f"{settings.name}-*/result.json")}
    assert len(before) == 4
    compare(settings, StopFlag())
    assert before == {path: path.stat().st_mtime_ns for path in before}
    with pytest.raises(SettingError, match=r"model\.depth was 1, is 2"):
        compare(replace(settings, model=replace(settings.model, depth=2)), StopFlag())
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_run_that_fails_is_recorded_and_stops_no_other(compared):
    settings, _ = compared
    name = f"{settings.name}-alone"
    runs = {f"{name}-lost": tiny(init_from="nowhere"), f"{name}-good": tiny()}
    results, failures = train_all(runs, jobs=1, overwrite=False, stop=StopFlag())
    assert list(results) == [f"{name}-good"]
    assert "--from nowhere" in failures[f"{name}-lost"]


def test_steps_to_ninety_are_those_of_the_first_evaluation_at_that_level(monkeypatch):
    def entry(step: int, accuracy: float) -> dict:
        splits = {"forward": {"count": 10, "accuracy": accuracy}}
        return {"kind": "evaluation", "step": step, "target_tokens": 3 * step, "splits": splits}

    record = [entry(10, 0.2), entry(20, 0.9), entry(30, 0.8), entry(40, 1.0)]
    monkeypatch.setattr("train.report.results.read_metrics", lambda folder: record)
    summary = dict.fromkeys(("correct", "count", "accuracy", "low", "high", "chance", "elimination_baseline"), 1)
    result = {"steps": 40, "target_tokens": 120, "train_seconds": 1.0, "parameters": 9}
    result["splits"] = {"forward": summary, "inverse": summary}
    forward, inverse = result_rows({"r": tiny()}, {"r": result}, {"r": "causal"})
    assert (forward["steps_to_90"], forward["targets_to_90"]) == (20, 60)
    assert (inverse["steps_to_90"], inverse["targets_to_90"]) == (None, None)
    augmented = replace(tiny(), train=replace(tiny().train, init_from="o", augment=1))
    forward, _ = result_rows({"r": augmented}, {"r": result}, {"r": "augmented"})
    assert (forward["method"], forward["steps_to_90"]) == ("augmentation", 20)  # the record calls it closed book


def test_pooled_is_over_all_questions_of_all_seeds():
    baselines = {"chance": 0.1, "elimination_baseline": 0.2}
    rows = [
        {
            "variant": "causal",
            "split": "inverse",
            "seed": seed,
            "correct": k,
            "count": n,
            "accuracy": k / n,
            **baselines,
        }
        for seed, k, n in ((0, 1, 10), (1, 8, 30))
    ]
    (cells,) = by_seed(rows)[1]
    low, high = wilson_interval(9, 40)
    interval = f"{100 * low:.1f}–{100 * high:.1f}"
    assert cells == ["causal", "inverse", "10.0", "26.7", "22.5", interval, "10.00", "20.00"]
    assert BySeed().markdown(rows).count("\n") == 3


def test_the_figure_can_show_a_single_variant(tmp_path, compared):
    settings, folder = compared
    numbers = ("accuracy", "count", "documents", "seed", "elimination_baseline")
    rows, curves = (
        [{k: float(v) if k in numbers and v else v for k, v in row.items()} for row in read(folder / name)]
        for name in ("results.csv", "curves.csv")
    )
    BySeed().draw(*([row for row in table if row["variant"] == "bidirectional"] for table in (rows, curves)), tmp_path)
    assert (tmp_path / "figure.png").exists()
    assert settings.seeds == 2


def test_a_comparison_that_is_stopped_saves_its_runs_and_ends_without_a_traceback():
    name = f"test-{uuid.uuid4().hex[:8]}"
    settings = flags(tiny(steps=100_000, save_every=100_000))[1:]
    command = [sys.executable, "-m", "train", "compare", *settings]
    command += ["--causal-steps=100000", "--seeds=1", f"--name={name}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=HOUSE)
    records = [folders.ROOT / f"{name}-{variant}-0" / "metrics.jsonl" for variant in ("causal", "bidirectional")]
    try:
        deadline = time.monotonic() + 120
        while not all(path.exists() and path.stat().st_size for path in records):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 128 + signal.SIGTERM
        assert errors.splitlines()[-1] == "stopped and saved: the same command continues"
        assert "Traceback" not in errors
        assert all(list(path.parent.glob("step-*")) for path in records)
    finally:
        process.kill()
        for path in folders.ROOT.glob(f"{name}*"):
            shutil.rmtree(path)


@pytest.mark.parametrize(
    ("given", "message"), [({"causal_steps": 0}, "causal_steps is 0"), ({"variants": ()}, "variants is")]
)
def test_impossible_comparisons_are_refused(given, message):
    with pytest.raises(SettingError, match=message):
        Compare(**given)
