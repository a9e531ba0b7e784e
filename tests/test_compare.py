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
import torch

import eval.__main__
import train.__main__
from checkpoints import folder as folders
from config.validation import SettingError
from eval.metrics import t_interval, wilson_interval
from tasks.triples import Triples
from tests.running import HOUSE, command, flags, tiny
from train.__main__ import parse_compare
from train.device import commit, cpu_name, num_cores
from train.presets import PRESETS
from train.report.base import over_seeds
from train.report.by_seed import BySeed, by_seed
from train.report.reading import read_results
from train.report.results import curve_rows, first_at_level, rows_of_run
from train.report.style import MASKED
from train.signals import StopFlag
from train.sweeps.compare import Compare, compare
from train.sweeps.engine import train_all
from train.sweeps.pool import Pool

COLUMNS = (
    "run,task,objective,variant,settings,method,query_mode,seed,split,correct,count,accuracy,low,high,chance,"
    "elimination_baseline,link_baseline,steps,target_tokens,steps_to_90,targets_to_90,seconds,parameters,retrieved,"
    "correct_where_retrieved,token_accuracy,reciprocal_rank,load,machine,torch,commit"
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
            assert float(row["accuracy"]) <= float(row["reciprocal_rank"]) <= 1
        assert '"task.entities": 12' in row["settings"]


def test_results_hold_where_and_by_what_each_run_was_made(compared):
    for row in read(compared[1] / "results.csv"):
        assert row["machine"] == f"{cpu_name()}, {num_cores()} cores"
        assert (row["torch"], row["commit"].rstrip("+")) == (torch.__version__, commit().rstrip("+"))
        assert float(row["load"]) >= 0


def test_a_commit_is_that_of_the_code_and_marks_changed_files(tmp_path, monkeypatch):
    def git(*words: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e")
        return subprocess.check_output(["git", *identity, *words], cwd=tmp_path, text=True)

    monkeypatch.setattr("train.device.ROOT", tmp_path)
    assert commit.__wrapped__() == ""
    (tmp_path / "file").write_text("one")
    git("init", "--quiet")
    assert commit.__wrapped__() == ""  # no commit yet
    git("add", "file")
    git("commit", "--quiet", "-m", "first")
    (tmp_path / "run").write_text("untracked")
    assert commit.__wrapped__() == git("rev-parse", "--short=12", "HEAD").strip()
    (tmp_path / "file").write_text("two")
    assert commit.__wrapped__() == git("rev-parse", "--short=12", "HEAD").strip() + "+"


def test_curves_hold_every_evaluation(compared):
    rows = read(compared[1] / "curves.csv")
    steps = {int(row["step"]) for row in rows if row["variant"] == "bidirectional"}
    assert steps == {0, 4, 8, 12}
    assert {row["query_mode"] for row in rows} == {"as-trained"}
    assert len(rows) == 2 * 4 * (3 + 4)  # seeds, splits, evaluations of 8 and of 12 steps


def test_the_table_shows_every_seed_and_the_figure_is_written(compared):
    folder = compared[1]
    assert "| seed 0 | seed 1 | mean | 95 % interval | chance |" in (folder / "table.md").read_text()
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
    results, failures = train_all(runs, Pool([], 1), overwrite=False, stop=StopFlag())
    assert list(results) == [f"{name}-good"]
    assert "--from nowhere" in failures[f"{name}-lost"]


def test_steps_to_ninety_are_those_of_the_first_evaluation_at_that_level(monkeypatch):
    def entry(step: int, accuracy: float) -> dict:
        splits = {"forward": {"count": 10, "accuracy": accuracy}}
        return {"kind": "evaluation", "step": step, "target_tokens": 3 * step, "splits": splits}

    record = [entry(10, 0.2), entry(20, 0.9), entry(30, 0.8), entry(40, 1.0)]
    monkeypatch.setattr("train.report.results.read_metrics", lambda folder: record)
    summary = dict.fromkeys(("correct", "count", "accuracy", "low", "high", "chance", "elimination_baseline"), 1)
    result = {"steps": 40, "weights": "", "target_tokens": 120, "train_seconds": 1.0, "parameters": 9}
    result["splits"] = {"forward": summary, "inverse": summary}
    forward, inverse = rows_of_run("r", tiny(), result, "causal", {})
    assert (forward["steps_to_90"], forward["targets_to_90"]) == (20, 60)
    assert (inverse["steps_to_90"], inverse["targets_to_90"]) == (None, None)
    augmented = replace(tiny(), train=replace(tiny().train, init_from="o", augment=1))
    forward, _ = rows_of_run("r", augmented, result, "augmented", {})
    assert (forward["method"], forward["steps_to_90"]) == ("augmentation", 20)  # the record calls it closed book


def test_what_training_evaluates_in_context_is_of_that_method(monkeypatch):
    def splits(accuracy: float) -> dict:
        return {"inverse": {"correct": 1, "count": 1, "accuracy": accuracy, "low": 0, "high": 1, "log_prob": -1}}

    entry = {"kind": "evaluation", "step": 10, "documents": 5, "target_tokens": 30, "seconds": 1}
    entry |= {"splits": splits(0), "query_modes": {"first": splits(0), "second": splits(1)}}
    entry |= {"methods": {"in-context": splits(1)}}
    monkeypatch.setattr("train.report.results.read_metrics", lambda folder: [entry])
    in_context, second = ("in-context", "first", "inverse"), ("closed-book", "second", "inverse")
    assert first_at_level("r") == dict.fromkeys((second, in_context), (10, 30))
    rows = curve_rows("r", tiny(), "causal")
    accuracies = {(row["method"], row["query_mode"], row["split"]): row["accuracy"] for row in rows}
    assert accuracies == {("closed-book", "first", "inverse"): 0, second: 1, in_context: 1}


def rows_of(*correct_of_count: tuple[int, int], **further) -> list[dict]:
    """Rows of one variant and split, one for each seed."""
    row = {"variant": "causal", "split": "inverse", "chance": 0.1, "elimination_baseline": 0.2} | further
    return [
        row | {"seed": seed, "correct": correct, "count": count, "accuracy": correct / count if count else None}
        for seed, (correct, count) in enumerate(correct_of_count)
    ]


def shown(interval: tuple[float, float]) -> str:
    return "–".join(f"{100 * bound:.1f}" for bound in interval)


def test_the_mean_is_over_seeds_with_an_interval_by_students_t():
    rows = rows_of((1, 10), (8, 30))
    (cells,) = by_seed(rows)[1]
    interval = shown(t_interval([1 / 10, 8 / 30]))
    assert cells == ["causal", "inverse", "10.0", "26.7", "18.3", interval, "10.00", "20.00"]
    text = BySeed().markdown(rows)
    assert text.count("\n|") == 2
    assert "W: all seeds agree" in text


@pytest.mark.parametrize(
    ("correct_of_count", "interval"),
    [
        ([(10, 10), (20, 20)], shown(wilson_interval(30, 30)) + " W"),  # seeds that agree
        ([(3, 10), (6, 20)], shown(wilson_interval(9, 30)) + " W"),
        ([(10, 10), (0, 0)], shown(wilson_interval(10, 10)) + ", one seed"),
        ([(3, 10)], shown(wilson_interval(3, 10)) + ", one seed"),
        ([(10, 10), (9, 10), (10, 10)], shown(t_interval([1, 0.9, 1]))),
    ],
)
def test_the_interval_says_what_it_is(correct_of_count, interval):
    assert over_seeds(rows_of(*correct_of_count)).interval() == interval


def test_what_cannot_be_asked_has_no_interval():
    assert over_seeds(rows_of((0, 0))) is None
    assert by_seed(rows_of((0, 0)))[1][0][2:5] == ["", "cannot be asked", ""]


def test_the_undirected_link_is_a_column_where_rows_have_it():
    assert "link baseline" not in by_seed(rows_of((1, 2)))[0]
    head, (cells,) = by_seed(rows_of((1, 2), link_baseline=0.65))
    assert (head[-1], cells[-1]) == ("link baseline", "65.00")


def test_five_seeds_and_all_baselines_fit_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    BySeed().print(rows_of(*[(200, 200)] * 5, link_baseline=0.65, split="wrong_frame"))
    printed = capsys.readouterr().out
    assert f"{shown(wilson_interval(1000, 1000))} W" in printed
    assert "65.00" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_the_figure_can_show_a_single_variant(tmp_path, compared, monkeypatch):
    settings, folder = compared
    drawn = []
    monkeypatch.setattr("train.report.by_seed.save_figure", lambda figure, _: drawn.append(figure))
    types = {"accuracy": float, "count": int, "documents": int, "seed": int}
    curves = [
        row | {column: kind(row[column]) for column, kind in types.items() if row[column]}
        for row in read(folder / "curves.csv")
    ]
    rows = read_results(folder / "results.csv")
    BySeed().draw(*([row for row in table if row["variant"] == "bidirectional"] for table in (rows, curves)), tmp_path)
    forward, inverse, bars = drawn[0].axes
    assert [axes.get_title() for axes in (forward, inverse)] == ["stated in training\n(forward)", "held out\n(inverse)"]
    seeds = [line for line in inverse.lines if line.get_color() == MASKED.colour]
    assert len(seeds) == settings.seeds
    assert all(line.get_xdata()[-1] == max(row["documents"] for row in curves) / 1000 for line in seeds)
    assert [label.get_text() for label in bars.get_xticklabels()][:2] == ["forward", "backward"]
    assert [len(points.get_offsets()) for points in bars.collections] == [settings.seeds] * 4


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


def compare_settings(*arguments: str) -> Compare:
    return parse_compare(Compare, list(arguments), "python -m train compare")


def test_another_task_is_compared_with_settings_and_a_name_of_its_own():
    assert compare_settings() == Compare()
    own = compare_settings("--task", "triples", "--task.one-way-share", "0.25", "--seeds", "1")
    assert (own.task, own.name, own.seeds) == (Triples(one_way_share=0.25), "compare-triples", 1)
    assert compare_settings("--task=triples", "--name", "mine").name == "mine"
    assert compare_settings("--task", "reversal", "--task.entities", "500").name == "compare"
    runs = compare_settings("--task", "triples", "--name", "capitals", "--seeds", "1").study().runs
    steps = {name: config.train.steps for name, config in runs.items()}
    presets = {name: PRESETS[name][1].train.steps for name in ("causal", "bidirectional")}
    assert steps == {f"capitals-{name}-0": number for name, number in presets.items()}


@pytest.mark.parametrize("task", ["syllogism", "hierarchy", "tripels"])
def test_a_task_without_both_directions_is_not_compared(task, capsys):
    code, err = command(train.__main__.main, ["compare", "--task", task], capsys)
    assert code == 2
    assert err.startswith(f"error: --task is '{task}', but must be one of None, reversal, triples")


def test_own_facts_are_compared_by_one_command_and_then_asked(tmp_path, capsys):
    name, facts, words = f"test-{uuid.uuid4().hex[:8]}", tmp_path / "facts.csv", tmp_path / "words.csv"
    facts.write_text("head,relation,tail\n" + "".join(f"City {i},capital-of,Land {i}\n" for i in range(12)))
    words.write_text("relation,inverse\ncapital-of,has-capital\n")
    settings = ["--task", "triples", f"--task.file={facts}", f"--task.relations={words}", "--task.documents.copies=2"]
    settings += [option for option in flags(tiny())[1:] if not option.startswith("--task")]
    try:
        train.__main__.main(["compare", *settings, "--causal-steps=12", "--seeds=1", f"--name={name}"])
        out, err = capsys.readouterr()
        assert err.count(": 12 facts, ") == 1  # of both runs
        assert all(f"{variant}: exact match" in out for variant in ("causal", "bidirectional"))
        folder = folders.ROOT / name
        assert {row["split"] for row in read(folder / "results.csv")} == {"forward", "backward", "inverse"}
        assert all((folder / file).exists() for file in ("table.md", "figure.svg", "figure.png"))
        facts.unlink(), words.unlink()  # the runs have copies
        eval.__main__.main(["ask", f"{name}-causal-0", f"{name}-bidirectional-0", "Land 3 has-capital _"])
        assert "City 3 capital-of Land 3" in capsys.readouterr().out
    finally:
        for path in folders.ROOT.glob(f"{name}*"):
            shutil.rmtree(path)


def test_make_capitals_compares_the_bundled_facts():
    call = ["make", "--no-print-directory", "-o", ".venv/ready", "RUN=echo", "capitals", "ARGS=--jobs 1"]
    *_, ran = subprocess.check_output(call, cwd=HOUSE, text=True).splitlines()
    assert ran == "train compare --task triples --name capitals --seeds 1 --jobs 1"
