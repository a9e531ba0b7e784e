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
from eval.score import interval
from tasks.settings import SettingError
from tests.running import HOUSE, flags, tiny
from train.compare import Compare, compare
from train.figure import draw
from train.pool import train_all
from train.tables import by_seed, markdown, results

COLUMNS = (
    "run,task,objective,variant,settings,way,asked,seed,split,correct,count,accuracy,low,high,chance,"
    "chance_by_elimination,steps,target_tokens,steps_to_90,targets_to_90,seconds,parameters,found,correct_where_found,"
    "token_accuracy"
)


@pytest.fixture(scope="module")
def compared():
    """The settings and folder of a tiny comparison of two seeds, trained in processes of its own."""
    config = tiny()
    settings = Compare(
        config.task, config.model, train=config.train, causal_steps=8, seeds=2, name=f"test-{uuid.uuid4().hex[:8]}"
    )
    compare(settings, lambda: None)
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
        assert row["run"] in settings.runs()
        assert (row["asked"], row["way"]) == ("as-trained", "closed-book")
        assert int(row["parameters"]) > 1000
        assert int(row["steps"]) == (8 if row["variant"] == "causal" else 12)
        if row["variant"] == "causal" and row["split"] == "backward":
            assert (row["count"], row["accuracy"], row["low"], row["high"]) == ("0", "", "", "")
        else:
            low, high = interval(int(row["correct"]), int(row["count"]))
            assert (float(row["low"]), float(row["high"])) == (low, high)
        assert '"task.entities": 12' in row["settings"]


def test_curves_hold_every_evaluation(compared):
    rows = read(compared[1] / "curves.csv")
    steps = {int(row["step"]) for row in rows if row["variant"] == "bidirectional"}
    assert steps == {0, 4, 8, 12}
    assert {row["asked"] for row in rows} == {"as-trained"}
    assert len(rows) == 2 * 4 * (3 + 4)  # seeds, splits, evaluations of 8 and of 12 steps


def test_the_table_shows_every_seed_and_the_figure_is_there(compared):
    folder = compared[1]
    assert "| seed 0 | seed 1 | all | 95 % interval | chance |" in (folder / "table.md").read_text()
    assert (folder / "figure.svg").read_text().lstrip().startswith("<?xml")
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_call_trains_nothing_and_other_settings_are_refused_before_anything(compared):
    settings, _ = compared
    before = {path: path.stat().st_mtime_ns for path in folders.ROOT.glob(f"{settings.name}-*/result.json")}
    assert len(before) == 4
    compare(settings, lambda: None)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    with pytest.raises(SettingError, match=r"model\.depth was 1, is 2"):
        compare(replace(settings, model=replace(settings.model, depth=2)), lambda: None)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_run_that_fails_is_recorded_and_stops_no_other(compared):
    settings, _ = compared
    name = f"{settings.name}-alone"
    runs = {f"{name}-lost": tiny(origin="nowhere"), f"{name}-good": tiny()}
    found, failures = train_all(runs, jobs=1, overwrite=False, check=lambda: None)
    assert list(found) == [f"{name}-good"]
    assert "--from nowhere" in failures[f"{name}-lost"]


def test_steps_to_ninety_are_of_the_first_evaluation_there(monkeypatch):
    def entry(step: int, accuracy: float) -> dict:
        splits = {"forward": {"count": 10, "accuracy": accuracy}}
        return {"kind": "evaluation", "step": step, "target_tokens": 3 * step, "splits": splits}

    record = [entry(10, 0.2), entry(20, 0.9), entry(30, 0.8), entry(40, 1.0)]
    monkeypatch.setattr("train.tables.read_metrics", lambda folder: record)
    of = dict.fromkeys(("correct", "count", "accuracy", "low", "high", "chance", "chance_by_elimination"), 1)
    result = {"steps": 40, "target_tokens": 120, "train_seconds": 1.0, "parameters": 9}
    result["splits"] = {"forward": of, "inverse": of}
    forward, inverse = results({"r": tiny()}, {"r": result}, {"r": "causal"})
    assert (forward["steps_to_90"], forward["targets_to_90"]) == (20, 60)
    assert (inverse["steps_to_90"], inverse["targets_to_90"]) == (None, None)
    more = replace(tiny(), train=replace(tiny().train, origin="o", augment=1))
    added, _ = results({"r": more}, {"r": result}, {"r": "more"})
    assert (added["way"], added["steps_to_90"]) == ("augmentation", 20)  # asked closed book, as the record has it


def test_pooled_is_over_all_questions_of_all_seeds():
    chances = {"chance": 0.1, "chance_by_elimination": 0.2}
    rows = [
        {"variant": "causal", "split": "inverse", "seed": seed, "correct": k, "count": n, "accuracy": k / n, **chances}
        for seed, k, n in ((0, 1, 10), (1, 8, 30))
    ]
    (line,) = by_seed(rows)[1]
    low, high = interval(9, 40)
    assert line == ["causal", "inverse", "10.0", "26.7", "22.5", f"{100 * low:.1f}–{100 * high:.1f}", "10.00", "20.00"]
    assert markdown(rows).count("\n") == 3


def test_the_figure_stands_one_model_alone(tmp_path, compared):
    settings, folder = compared
    numbers = ("accuracy", "count", "documents", "seed", "chance_by_elimination")
    rows, curves = (
        [{k: float(v) if k in numbers and v else v for k, v in row.items()} for row in read(folder / name)]
        for name in ("results.csv", "curves.csv")
    )
    draw(*([row for row in table if row["variant"] == "bidirectional"] for table in (rows, curves)), tmp_path)
    assert (tmp_path / "figure.png").exists()
    assert settings.seeds == 2


def test_a_comparison_that_is_stopped_saves_its_runs_and_ends_without_a_traceback():
    name = f"test-{uuid.uuid4().hex[:8]}"
    settings = flags(tiny(steps=100_000, save_every=100_000))[1:]
    command = [
        sys.executable,
        "-m",
        "train",
        "compare",
        *settings,
        "--causal-steps=100000",
        "--seeds=1",
        f"--name={name}",
    ]
    command += ["--seeds=1", f"--name={name}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=HOUSE)
    records = [folders.ROOT / f"{name}-{arm}-0" / "metrics.jsonl" for arm in ("causal", "bidirectional")]
    try:
        deadline = time.monotonic() + 120
        while not all(path.exists() and path.stat().st_size for path in records):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 128 + signal.SIGTERM
        assert errors.splitlines()[-1] == "stopped and saved: the same command goes on"
        assert "Traceback" not in errors
        assert all(list(path.parent.glob("step-*")) for path in records)
    finally:
        process.kill()
        for path in folders.ROOT.glob(f"{name}*"):
            shutil.rmtree(path)


@pytest.mark.parametrize(("given", "says"), [({"causal_steps": 0}, "causal_steps is 0"), ({"models": ()}, "models is")])
def test_impossible_comparisons_are_refused(given, says):
    with pytest.raises(SettingError, match=says):
        Compare(**given)
