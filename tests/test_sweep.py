"""A sweep: what a file lists is trained once and shown in one table. A failing run is reported and stops no other."""

import csv
import errno
import html
import json
import multiprocessing
import os
import re
import shutil
import signal
import time
import uuid
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import train.__main__
from checkpoints import folder as folders
from checkpoints.files import write_json
from checkpoints.steps import path_of, steps
from config.override import override
from config.terminal import clean
from config.validation import SettingError
from eval.metrics import t_interval, wilson_interval
from eval.progress import duration
from tests.running import HOUSE, command, contents, exit_code, tiny
from tests.test_compare import COLUMNS
from train.config import RunConfig
from train.report import by_variant
from train.report.base import literal
from train.report.by_variant import ByVariant
from train.report.reading import read_results
from train.report.results import what_differs
from train.signals import StopFlag, StopRequested
from train.sweeps import engine, pool, study
from train.sweeps.engine import Engine, first_ready, train_all
from train.sweeps.from_file import Sweep, SweepFile, sweep
from train.sweeps.live_table import LiveTable
from train.sweeps.outputs import failure_lines
from train.sweeps.report import MessageLog
from train.sweeps.study import Study

LISTED = """
from dataclasses import replace
from model.objectives.masked import Masked
from tests.running import tiny

VARIANTS = {
    "after": tiny(Masked(), init_from="plain", steps=4),
    "plain": tiny(steps=4),
    "lost": tiny(init_from="plain", steps=4, network={"width": 8}),
}
"""
QUICK = """
def quick(config):
    return replace(config, train=replace(config.train, steps=2))
"""


@pytest.fixture
def listed(tmp_path) -> Path:
    """A file of three variants."""
    path = tmp_path / "three_variants.py"
    path.write_text(LISTED)
    return path


@pytest.fixture
def given(monkeypatch):
    """What a sweep would train: the Study, instead of the training."""
    studies: list[Study] = []
    monkeypatch.setattr(Study, "run", lambda self, *_: studies.append(self))
    return studies


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Settings, folder and exit code of a sweep of two seeds, trained in processes of its own."""
    file = tmp_path_factory.mktemp("sweep") / "three_variants.py"
    file.write_text(LISTED)
    settings = Sweep(file, seeds=2, name=f"test-{uuid.uuid4().hex[:8]}")
    code = exit_code(settings)
    yield settings, folders.ROOT / settings.name, code
    for path in folders.ROOT.glob(f"{settings.name}*"):
        shutil.rmtree(path)


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_variant_is_trained_at_every_seed_and_written(swept):
    settings, folder, _ = swept
    text = (folder / "results.csv").read_text()
    assert text.splitlines()[0] == COLUMNS
    rows = read(folder / "results.csv")
    assert len(rows) == 2 * 2 * 4  # variants that ended, seeds, splits
    assert {(row["variant"], row["seed"]) for row in rows} == {
        (name, seed) for name in ("plain", "after") for seed in "01"
    }
    for row in rows:
        assert row["run"] == f"{settings.name}-{row['variant']}-{row['seed']}"
        assert row["objective"] == ("masked" if row["variant"] == "after" else "causal")
        assert int(row["parameters"]) > 1000
        assert int(row["steps"]) == (8 if row["variant"] == "after" else 4)  # from random weights on
    assert {row["step"] for row in read(folder / "curves.csv")} == {"0", "4"}
    assert (folder / "figure.svg").read_text().lstrip().startswith("<?xml")
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    table = (folder / "table.md").read_text()
    assert all(f"| {name} |" in table for name in ("plain", "after"))
    assert "| lost |" not in table


def test_a_variant_that_fails_is_recorded_with_why_and_stops_no_other(swept):
    settings, folder, code = swept
    assert code == 1
    failures = json.loads((folder / "failures.json").read_text())
    assert list(failures) == [f"{settings.name}-lost-{seed}" for seed in (0, 1)]
    assert all("its network differs" in why for why in failures.values())


def test_a_variant_starts_from_another_one_at_the_same_seed(swept):
    settings, _, _ = swept
    for seed in (0, 1):
        folder, base_run = (folders.ROOT / f"{settings.name}-{name}-{seed}" for name in ("after", "plain"))
        lineage = json.loads((folder / "environment.json").read_text())["from"]
        manifest = json.loads((steps(base_run)[-1] / "manifest.json").read_text())
        assert (lineage["run"], lineage["seed"], lineage["step"]) == (base_run.name, seed, 4)  # it waited for its end
        assert lineage["weights_sha256"] == manifest["files"]["weights.safetensors"]
        assert not path_of(folder, 0).exists()


def test_what_is_finished_needs_no_process(swept, monkeypatch):
    settings, _, _ = swept
    trained = []
    monkeypatch.setattr(engine, "train_all", lambda runs, *_: trained.append(set(runs)) or ({}, {}))
    assert exit_code(settings) == 0
    assert trained.pop() == {f"{settings.name}-lost-{seed}" for seed in (0, 1)}
    monkeypatch.setattr(
        study, "unfinished_methods", lambda folder, methods: {"in-context"} if "plain" in folder.name else {}
    )
    exit_code(settings)
    assert trained.pop() == {f"{settings.name}-{name}-{seed}" for name in ("lost", "plain") for seed in (0, 1)}
    monkeypatch.setattr(study, "unfinished_methods", lambda folder, methods: {})
    monkeypatch.setattr(Study, "world_digest", lambda self, task, seed: "another")  # the process reports it
    with pytest.raises(SettingError, match=r"until a run of .* is finished"):
        sweep(settings, StopFlag())
    assert len(trained.pop()) == 6


def test_a_run_of_another_world_is_a_failure_that_stops_no_other(swept):
    settings, folder, _ = swept
    path = folders.ROOT / f"{settings.name}-plain-0" / "config.json"
    before = path.read_text()
    values = json.loads(before)
    write_json(path, values | {"identity": values["identity"] | {"world": "another"}})
    try:
        assert exit_code(replace(settings, only=("plain",))) == 1
        failures = json.loads((folder / "failures.json").read_text())
        assert list(failures) == [f"{settings.name}-plain-0"]
        assert "was trained on another world" in failures[f"{settings.name}-plain-0"]
        assert {row["run"] for row in read(folder / "results.csv")} >= {f"{settings.name}-plain-1"}
    finally:
        path.write_text(before)
        exit_code(settings)


DAMAGES = {
    "result.json": {
        "unreadable": lambda text: text[: len(text) // 2],
        "no text": lambda text: "\udcff" + text,
        "no object": lambda text: "[1]",
        "empty": lambda text: "",
        "without steps": lambda text: text.replace('"steps"', '"stepz"'),
        "without splits": lambda text: text.replace('"splits"', '"splitz"'),
        "splits of another type": lambda text: json.dumps(json.loads(text) | {"splits": [1]}),
        "steps of another type": lambda text: json.dumps(json.loads(text) | {"steps": "four"}),
        "seconds of another type": lambda text: json.dumps(json.loads(text) | {"train_seconds": None}),
        "an accuracy of another type": lambda text: text.replace('"accuracy": ', '"accuracy": "much", "was": ', 1),
    },
    "config.json": {
        "unreadable": lambda text: text[:-30],
        "no object": lambda text: "3",
        "without format": lambda text: text.replace('"format"', '"formed"'),
        "without a setting": lambda text: text.replace('"batch"', '"bunch"'),
        "a setting of another type": lambda text: text.replace('"batch": 8', '"batch": "8"'),
        "a section of another type": lambda text: json.dumps(json.loads(text) | {"model": 3}),
    },
    "environment.json": {
        "unreadable": lambda text: text[:-30],
        "no object": lambda text: "[]",
        "from of another type": lambda text: json.dumps(json.loads(text) | {"from": 3}),
    },
    "metrics.jsonl": {
        "unreadable": lambda text: text.replace("{", "[", 1),
        "without a key": lambda text: text.replace('"target_tokens"', '"target_takens"'),
        "a number of another type": lambda text: text.replace('"seconds": ', '"seconds": "long", "was": '),
        "no objects": lambda text: "3\n",
    },
}


@pytest.mark.parametrize(
    ("file", "kind"), [(file, kind) for file in DAMAGES for kind in DAMAGES[file]], ids=lambda value: value
)
def test_a_damaged_finished_run_is_a_failure_that_stops_no_other(swept, monkeypatch, capsys, file, kind):
    settings, folder, _ = swept
    damaged, trained = f"{settings.name}-plain-0", []
    path = folders.ROOT / damaged / file
    before = path.read_bytes()
    monkeypatch.setattr(engine, "train_all", lambda runs, *_: trained.append(set(runs)) or ({}, {}))
    monkeypatch.setattr("train.report.by_variant.ByVariant.draw", lambda *_: None)  # takes longer than the rest
    path.write_text(DAMAGES[file][kind](before.decode()), errors="surrogateescape")
    try:
        assert path.read_bytes() != before
        after = contents(folders.ROOT / damaged)
        assert exit_code(settings) == 1
        assert contents(folders.ROOT / damaged) == after
    finally:
        path.write_bytes(before)
    assert {f"{settings.name}-lost-{seed}" for seed in (0, 1)} <= trained[0]
    assert damaged not in trained[0]
    failures = json.loads((folder / "failures.json").read_text())
    assert damaged in failures
    assert str(folders.ROOT / damaged) in failures[damaged]
    assert f"error: {damaged}: {failures[damaged]}\n" in capsys.readouterr().err
    assert f"- `{damaged}`: {literal(failures[damaged])}\n" in (folder / "table.md").read_text()
    shown = {row["run"] for row in read(folder / "results.csv")}
    assert damaged not in shown
    assert f"{settings.name}-plain-1" in shown


def test_a_run_that_is_named_as_its_own_ancestor_is_a_failure(swept, monkeypatch):
    settings, folder, _ = swept
    monkeypatch.setattr("train.report.by_variant.ByVariant.draw", lambda *_: None)
    plain, after = (folders.ROOT / f"{settings.name}-{variant}-0" for variant in ("plain", "after"))
    path = plain / "environment.json"
    before = path.read_text()
    for ancestor in (plain, after):  # itself, and a circle of two
        write_json(path, json.loads(before) | {"from": {"run": ancestor.name}})
        try:
            assert exit_code(replace(settings, table=True)) == 1
        finally:
            path.write_text(before)
        failures = json.loads((folder / "failures.json").read_text())
        assert set(failures) == {plain.name, after.name}
        assert all("but must be a run that did not start from this one" in reason for reason in failures.values())
    assert exit_code(replace(settings, table=True)) == 0


def test_the_earlier_table_stays_until_a_new_one_is_written(swept, capsys, monkeypatch):
    settings, folder, _ = swept
    exit_code(replace(settings, table=True))
    before = contents(folder)
    assert {"results.csv", "curves.csv", "table.md", "figure.svg", "figure.png"} <= set(before)
    arguments = ["sweep", str(settings.file), "--seeds", "1", "--table", "--name", settings.name]

    def full_disk(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("train.report.by_variant.ByVariant.draw", full_disk)  # the last output
        code, err = command(train.__main__.main, arguments, capsys)
    assert (code, err) == (2, f"error: {folder}: No space left on device\n")
    assert contents(folder) == before
    with monkeypatch.context() as patch:
        patch.setattr("checkpoints.folder.os.fsync", full_disk)  # the first
        printed = []
        patch.setattr(ByVariant, "print", lambda _, rows: printed.append(rows))
        code, err = command(train.__main__.main, arguments, capsys)
    assert (code, err) == (2, f"error: {folder}: No space left on device\n")
    assert len(printed) == 1  # a full disk hides no number
    assert contents(folder) == before


def test_outputs_of_other_runs_are_not_left_beside_new_ones(swept, tmp_path):
    settings, folder, _ = swept
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_bytes((folder / "results.csv").read_bytes())
    name = f"{settings.name}-merged"
    (folders.ROOT / name).mkdir()
    (folders.ROOT / name / "curves.csv").write_text("of other runs")
    sweep(replace(settings, name=name, table=True, merge=elsewhere), StopFlag())
    assert set(contents(folders.ROOT / name)) == {
        "results.csv",
        "table.md",
        "figure.svg",
        "figure.png",
        "failures.json",
    }


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "{folder}: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: Permission denied"),
        (SettingError("batch is 0, but must be 1 or more"), "batch is 0, but must be 1 or more"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_a_worker_reports_in_one_line_why_it_failed(monkeypatch, problem, reason):
    def fail(*_, **__):
        raise problem

    monkeypatch.setattr("train.run.train_run", fail)
    for name in ("stop_without_parent", "guard_streams"):  # this process is no worker
        monkeypatch.setattr(pool, name, lambda *_: None)
    name = f"test-{uuid.uuid4().hex[:8]}"
    messages, worker_end = multiprocessing.Pipe(duplex=False)
    before = signal.getsignal(signal.SIGTERM)
    try:
        pool.train_worker(name, tiny(), False, {}, worker_end)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert messages.recv() == ("failed", reason.format(folder=folders.ROOT / name))


def test_what_a_worker_says_to_a_parent_that_is_gone_is_dropped(monkeypatch):
    def train(*_, log: MessageLog, **__):
        log.record({"step": 0})
        log.warn("a line")
        return {}

    monkeypatch.setattr("train.run.train_run", train)
    for name in ("stop_without_parent", "guard_streams"):
        monkeypatch.setattr(pool, name, lambda *_: None)
    messages, worker_end = multiprocessing.Pipe(duplex=False)
    messages.close()
    with pytest.raises(BrokenPipeError):
        worker_end.send("nobody reads this")
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert pool.train_worker("none-such", tiny(), False, {}, worker_end) is None
    finally:
        signal.signal(signal.SIGTERM, before)


def entry(step: int, seconds: float) -> dict:
    """An entry of the record, `seconds` from now."""
    return {"kind": "train", "step": step, "target_tokens": 10 * step, "time": time.time() + seconds, "loss": 1.0}


def test_the_time_left_follows_from_the_steps_done_of_all_runs():
    runs = {
        "a-0": tiny(steps=100),
        "a-1": tiny(steps=100, seed=1),
        "b-0": tiny(steps=50, batch=4),
        "c-0": tiny(steps=1000, targets=500, batch=2),
    }
    table = LiveTable(runs, jobs=2)
    assert table.seconds_left() is None
    assert table.time_left() == ""  # nothing is known yet
    table.update("entry", "a-0", entry(0, 5))
    assert table.seconds_left() is None
    table.update("entry", "a-0", entry(10, 15))  # a second a step
    assert table.seconds_left() == pytest.approx(max((90 + 100 + 50 + 1000) / 2, 1000), rel=1e-3)
    table.update("entry", "c-0", entry(0, 5))
    table.update("entry", "c-0", entry(25, 10))  # half of the targets that end it, in five seconds
    pace = (1 + 10 / 1000) / 2
    assert table.seconds_left() == pytest.approx(max((90 + 100 + 50 * pace + 5) / 2, 100), rel=1e-3)
    table.update("done", "a-0", {"train_seconds": 100})
    table.update("failed", "a-1", "why")
    table.update("done", "c-0", {"train_seconds": 10})
    assert table.seconds_left() == pytest.approx(50 * pace, rel=1e-3)  # one run cannot be spread over two jobs
    table.update("done", "b-0", {"train_seconds": 10})
    assert table.seconds_left() == 0
    assert table.time_left() == ""


def test_steps_from_before_a_resume_say_nothing_of_the_pace():
    runs = {"run": tiny(steps=100)}
    table = LiveTable(runs, jobs=1)
    for step in (0, 20, 40):
        table.update("entry", "run", entry(step, -1000))
    assert table.seconds_left() is None
    for step, seconds in ((42, 1), (52, 11)):
        table.update("entry", "run", entry(step, seconds))
    assert table.seconds_left() == pytest.approx(48, rel=1e-3)


def test_without_a_terminal_a_line_is_printed_for_each_run_that_ends(capsys):
    runs = {"a": tiny(steps=100), "b": tiny(steps=100, seed=1)}
    table = LiveTable(runs, jobs=1)
    for step, seconds in ((0, 1), (50, 51)):
        table.update("entry", "a", entry(step, seconds))
    table.update("done", "a", {"train_seconds": 100.2})
    table.update("failed", "b", "step 3 was not taken")
    assert capsys.readouterr().out.splitlines() == [
        "1/2  a  done, 100 s of training, about 1 min 40 s left",
        "2/2  b  step 3 was not taken",
    ]


def test_a_warning_that_several_runs_give_is_said_once(capsys):
    table = LiveTable({"a": tiny(), "b": tiny(seed=1)}, jobs=2)
    for name, line in (("a", "first"), ("b", "first"), ("b", "second")):
        table.update("warning", name, line)
    assert capsys.readouterr().err == "first\nsecond\n"
    assert table.failures == {}


def test_time_left_is_known_for_runs_that_start_from_others_of_their_seed():
    trained = tiny(steps=100)
    augmented = [
        override(trained, {"seed": seed, "train.init_from": f"base-{seed}", "train.augment": 2}) for seed in (0, 1)
    ]
    table = LiveTable({"a": augmented[0], "b": augmented[1]}, jobs=1)
    for step in (10, 20):
        entry = {"kind": "train", "step": step, "loss": 1.0, "time": time.time() + step, "documents_per_second": 1.0}
        table.update("entry", "a", entry)
    assert "left" in table.time_left()


REASON = "[bold]no[/] [/x] :smile: a_b_ *c* \x1b[2J\nsecond"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_text_in_the_live_table_is_shown_as_it_stands(capsys, monkeypatch, is_terminal):
    monkeypatch.setenv("COLUMNS", "200")
    if is_terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    table = LiveTable({"[red]run[/red]": tiny(steps=100), "b": tiny()}, jobs=1)
    table.update("failed", "[red]run[/red]", REASON)
    if is_terminal:
        table.console.print(table.table())
    shown = capsys.readouterr()[is_terminal]
    assert "[red]run[/red]" in shown
    assert clean(REASON) in shown
    assert "\x1b[2J" not in shown


def test_reasons_in_table_md_are_on_one_line_and_no_markup():
    lines = failure_lines({"run": REASON})
    assert lines == f"\nRuns that failed:\n\n- `run`: {literal(REASON)}\n"
    assert lines.count("\n") == 4
    assert "\x1b" not in lines
    assert r"\*c\*" in lines


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_a_duration_is_said_in_two_units(seconds, text):
    assert duration(seconds) == text


def test_runs_that_share_a_gpu_are_few(monkeypatch):
    monkeypatch.setattr("train.device.num_cores", lambda: 64)
    monkeypatch.setattr("train.device.choose_device", lambda name: torch.device("cuda"))
    assert pool.default_jobs([tiny(device="auto"), tiny(device="cpu")]) == pool.RUNS_PER_GPU < 64
    assert pool.default_jobs([tiny(device="cpu")]) == 64
    monkeypatch.setattr("train.device.choose_device", lambda name: torch.device("cpu"))
    assert pool.default_jobs([tiny(device="auto")]) == 64


def test_a_second_call_trains_nothing(swept):
    settings, folder, _ = swept
    runs = [path for path in folders.ROOT.glob(f"{settings.name}-*") if (path / "result.json").exists()]
    before = {path: (contents(path), (path / "result.json").stat().st_mtime_ns) for path in runs}
    assert len(before) == 4
    assert exit_code(replace(settings, only=("plain",), seeds=1)) == 0
    assert exit_code(replace(settings, table=True)) == 0
    assert before == {path: (contents(path), (path / "result.json").stat().st_mtime_ns) for path in runs}
    assert json.loads((folder / "failures.json").read_text()) == {}
    assert {(row["variant"], row["seed"]) for row in read(folder / "results.csv")} == {
        (name, seed) for name in ("plain", "after") for seed in "01"
    }


def test_a_table_alone_is_of_runs_that_ended_under_these_settings(swept):
    settings, _, _ = swept
    with pytest.raises(SettingError, match="table is True, but must be left out until a run of none-such is finished"):
        sweep(replace(settings, name="none-such", table=True), StopFlag())
    with pytest.raises(SettingError, match="table is True"):
        sweep(replace(settings, steps=3, table=True), StopFlag())
    assert not (folders.ROOT / "none-such").exists()
    with pytest.raises(SettingError, match="table is True"):
        replace(settings, table=True, overwrite=True)


def test_results_from_elsewhere_are_merged_with_those_here(swept, tmp_path):
    settings, folder, _ = swept
    elsewhere, rows = tmp_path / "elsewhere.csv", read(folder / "results.csv")
    elsewhere.write_text(folders.as_csv(rows))
    one_seed = replace(settings, seeds=1, table=True)
    sweep(one_seed, StopFlag())
    assert {row["seed"] for row in read(folder / "results.csv")} == {"0"}
    sweep(replace(one_seed, merge=elsewhere), StopFlag())
    assert read(folder / "results.csv") == rows
    elsewhere.write_text(folders.as_csv([row | {"note": "mine"} for row in rows]))  # a further column does no harm
    sweep(replace(one_seed, merge=elsewhere), StopFlag())
    assert read(folder / "results.csv") == rows
    none_here = replace(one_seed, name=f"{settings.name}-none", merge=elsewhere)
    sweep(none_here, StopFlag())
    assert read(folders.ROOT / none_here.name / "results.csv") == rows
    later = ("link_baseline", "reciprocal_rank", "load", "machine", "torch", "commit")
    assert all(row[column] for row in rows if row["count"] != "0" for column in later[1:])
    earlier = [{column: cell for column, cell in row.items() if column not in later} for row in rows]
    elsewhere.write_text(folders.as_csv(earlier))  # a file of a version without these columns
    sweep(none_here, StopFlag())
    merged = read(folders.ROOT / none_here.name / "results.csv")
    assert merged == [row | dict.fromkeys(later, "") for row in earlier]
    sweep(replace(settings, table=True), StopFlag())


def test_rows_that_are_no_results_of_the_study_are_refused(swept, tmp_path):
    settings, folder, _ = swept
    elsewhere, rows = tmp_path / "elsewhere.csv", read(folder / "results.csv")
    other = [
        row | {"settings": "{}", "seed": "7", "run": "other-after-7"} for row in rows if row["run"].endswith("after-0")
    ]
    merge = replace(settings, seeds=1, table=True, merge=elsewhere)
    refused = {
        "merge is 'other-after-7', but must be trained as after is here": folders.as_csv(other),
        "merge is .* it has two rows of": folders.as_csv(rows + rows[:1]),
        "merge is .* seed is 'x', but must be a whole number": folders.as_csv([row | {"seed": "x"} for row in rows]),
        "merge is .* the settings of .* are no JSON object": folders.as_csv([row | {"settings": "3"} for row in rows]),
        "merge is .* accuracy is '', but must be a number": folders.as_csv([row | {"accuracy": ""} for row in rows]),
        "merge is .* more or fewer cells": folders.as_csv(rows) + "a,b\n",
        "merge is .* lacks the column 'steps_to_90'": folders.as_csv(rows).replace("steps_to_90", "other"),
        "merge is .* lacks the column 'settings'": "seed,split\n1,forward\n",
        "merge is .* with rows": folders.as_csv(rows).splitlines()[0] + "\n",
        "merge is .* with rows ": "",
    }
    for message, text in refused.items():
        elsewhere.write_text(text)
        with pytest.raises(SettingError, match=message.strip()):
            sweep(merge, StopFlag())
    elsewhere.write_bytes(b"run,\xff\n1,2\n")
    with pytest.raises(SettingError, match="no valid results"):
        sweep(merge, StopFlag())
    with pytest.raises(SettingError, match=r"merge is .*, but must be an existing results\.csv"):
        sweep(replace(merge, merge=tmp_path / "none.csv"), StopFlag())
    assert read(folder / "results.csv") == rows


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"accuracy": "7"}, "accuracy is 7.0, but must be 0 to 1"),
        ({"accuracy": "nan"}, "accuracy is nan, but must be 0 to 1"),
        ({"high": "inf"}, "high is inf, but must be 0 to 1"),
        ({"accuracy": "0.123"}, "accuracy is 0.123, but must be correct / count"),
        ({"low": "1", "high": "1", "correct": "0", "accuracy": "0"}, "low to high is"),
        ({"count": "-5"}, "count is -5, but must be a number, 0 or more"),
        ({"correct": "1000"}, "correct is 1000, but must be count"),
        ({"seconds": "inf"}, "seconds is inf"),
        ({"chance": "-0.1"}, "chance is -0.1, but must be 0 to 1"),
        ({"retrieved": "1", "correct_where_retrieved": "2"}, "correct_where_retrieved is 2"),
        ({"steps": "4.5"}, "steps is '4.5', but must be a whole number"),
        ({"variant": "\x1b[31m"}, "variant is .*, but must be without control characters"),
        ({"settings": "[" * 100_000}, "no valid results.csv"),
    ],
)
def test_a_row_that_no_run_can_have_made_is_refused(tmp_path, changed, message):
    (row,) = (
        row
        for row in read(HOUSE / "docs" / "compare.csv")
        if (row["run"], row["split"]) == ("compare-causal-0", "forward")
    )
    path = tmp_path / "results.csv"
    path.write_text(folders.as_csv([row]))
    assert read_results(path)[0]["accuracy"] == 1
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row | changed)
    with pytest.raises(SettingError, match=f"^merge is .*{message}"):
        read_results(path)


@pytest.mark.parametrize("variant", ["[/]x", "$\\frac{1}{$", "<script>alert(1)</script>", "a|b", "*a* _b_ `c`"])
def test_a_name_is_shown_as_it_is_in_terminal_figure_and_table(tmp_path, capsys, monkeypatch, variant):
    monkeypatch.setenv("COLUMNS", "200")
    rows = rows_of(variant, "as-trained", {"forward": [10, 9], "inverse": [0, 1]})
    ByVariant().print(rows)
    assert variant in capsys.readouterr().out
    ByVariant().draw(rows, [], tmp_path)
    assert ET.parse(tmp_path / "figure.svg").getroot() is not None
    table = ByVariant().markdown(rows)
    assert "<script" not in table
    assert {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()[:3]} == {5}
    label = re.split(r"(?<!\\)\|", table.splitlines()[2])[1].strip()
    assert re.sub(r"\\(.)", r"\1", html.unescape(label)) == variant
    assert not re.search(r"(?<!\\)[*`\[\]$]", label)


def test_no_link_is_made_of_a_name():
    assert "://" not in literal("https://example.org")
    assert "www." not in literal("www.example.org")
    assert literal("wrong_frame, 50 %") == "wrong_frame, 50 %"


def test_the_rows_in_docs_are_of_the_study_as_it_is(given):
    sweep(Sweep(HOUSE / "studies" / "kitouni.py", name="kitouni"), StopFlag())
    rows = read_results(HOUSE / "docs" / "kitouni.csv")
    assert {row["variant"] for row in rows} == set(given[0].variants.values())
    given[0].require_same_settings(rows)


def test_rows_are_compared_in_the_settings_that_their_variant_has(given, listed):
    """A variant of another task than its preset's has none of the preset's, whatever is added to these later."""
    triples = "from tasks.triples import Triples\nVARIANTS['after'] = replace(VARIANTS['after'], task=Triples())"
    listed.write_text(f"{LISTED}\n{triples}")
    sweep(Sweep(listed, seeds=1), StopFlag())
    settings = what_differs(given[0].runs["three-variants-after-0"])
    assert settings["task.unseen"] is None  # of the preset's task
    row = {"variant": "after", "run": "elsewhere"}
    without = {name: value for name, value in settings.items() if name != "task.unseen"}
    for same in (settings, without, settings | {"task.added_later": None}, settings | {"train.init_from": "other"}):
        given[0].require_same_settings([row | {"settings": json.dumps(same)}])
    for other in (settings | {"train.steps": 5}, {**without, "task.file": "other.csv"}, {}):
        with pytest.raises(SettingError, match="must be trained as after is here"):
            given[0].require_same_settings([row | {"settings": json.dumps(other)}])


@pytest.mark.parametrize("file", sorted((HOUSE / "studies").glob("[!_]*.py")), ids=lambda file: file.stem)
def test_every_study_is_a_sweep_file(file, given):
    sweep(Sweep(file, seeds=1), StopFlag())
    assert len(given[0].runs) == len(set(given[0].variants.values())) > 1


def test_a_single_variant_starts_from_another_that_is_trained_already(given, listed, monkeypatch, tmp_path):
    monkeypatch.setattr("train.sweeps.from_file.run_folder", lambda name: tmp_path / name)
    alone = Sweep(listed, seeds=1, only=("after",))
    with pytest.raises(SettingError, match=r"train\.init_from is 'plain', but must be a variant that is trained, too"):
        sweep(alone, StopFlag())
    (tmp_path / "three-variants-plain-0").mkdir()
    (tmp_path / "three-variants-plain-0" / "result.json").touch()
    sweep(Sweep(listed, seeds=1), StopFlag())
    sweep(alone, StopFlag())
    together, alone = (study.runs["three-variants-after-0"] for study in given)
    assert alone == together


def test_what_is_trained_is_named_by_file_variant_and_seed(given, listed):
    sweep(Sweep(listed, seeds=2, first_seed=7), StopFlag())
    (planned,) = given
    assert planned.name == "three-variants"
    assert list(planned.runs) == [
        f"three-variants-{name}-{seed}" for seed in (7, 8) for name in ("after", "plain", "lost")
    ]
    assert {name: config.seed for name, config in planned.runs.items()} == {
        name: int(name[-1]) for name in planned.runs
    }
    assert set(planned.variants.values()) == {"after", "plain", "lost"}
    base_run = planned.runs["three-variants-after-8"].train.init_from
    assert Path(base_run).resolve() == (folders.ROOT / "three-variants-plain-8").resolve()
    sweep(Sweep(listed, seeds=1, name="other"), StopFlag())
    assert next(iter(given[1].runs)) == "other-after-0"


def test_steps_can_be_set_for_all(given, listed):
    listed.write_text(LISTED + QUICK)
    for quick in (False, True):
        sweep(Sweep(listed, seeds=1, steps=1, quick=quick), StopFlag())
        assert {config.train.steps for config in given[-1].runs.values()} == {1}  # fewer than the warm-up


def test_only_what_is_named_is_trained(given, listed):
    sweep(Sweep(listed, seeds=1, only=("lost", "plain")), StopFlag())
    assert given[0].chosen == {"three-variants-lost-0", "three-variants-plain-0"}
    assert given[0].runs.keys() - given[0].chosen == {"three-variants-after-0"}  # shown where it is finished


def test_quick_trains_what_the_file_makes_of_each_with_two_seeds(given, listed):
    listed.write_text(LISTED + QUICK)
    sweep(Sweep(listed, quick=True), StopFlag())
    sweep(Sweep(listed, quick=True, seeds=1, name="mine"), StopFlag())
    assert given[0].name == "three-variants-quick"
    assert len(given[0].runs) == 2 * 3
    assert {config.train.steps for config in given[0].runs.values()} == {2}
    assert given[0].runs["three-variants-quick-after-1"].train.init_from.endswith("three-variants-quick-plain-1")
    assert (given[1].name, len(given[1].runs)) == ("mine", 3)


def panel_of(*selection: str) -> str:
    """What a sweep file says to show one label of one panel."""
    return f"\nfrom train.report.panels import Panel\nPANELS = {{'x': Panel('inverse', {{'y': {selection}}})}}"


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        (None, [], "but must be an existing Python file"),
        ("1 / 0", [], "cannot be run: ZeroDivisionError: division by zero"),
        ("VARIANTS = {", [], "cannot be run: SyntaxError"),
        ("import no_such_module", [], "cannot be run: ModuleNotFoundError"),
        ("", [], "must define VARIANTS, a dict from names to RunConfig"),
        ("VARIANTS = {}", [], "must define VARIANTS"),
        ("VARIANTS = {'a': 1}", [], "must define VARIANTS"),
        ("from tests.running import tiny\nVARIANTS = {'a': tiny(steps=0)}", [], "train.steps is 0"),
        ("from tests.running import tiny\nVARIANTS = {'a/b': tiny()}", [], "a/b"),
        pytest.param(
            "from tests.running import tiny\nVARIANTS = {1: tiny()}",
            [],
            "must define VARIANTS",
        ),
        pytest.param(
            f"{LISTED}\ndef quick(config):\n    return 1 / 0",
            ["--quick"],
            "quick",
        ),
        (
            LISTED.replace('init_from="plain"', 'init_from="nowhere"', 1),
            [],
            "train.init_from is 'nowhere', but must be a variant",
        ),
        (f"{LISTED}\nMETHODS = ['in-context']", [], "METHODS must be a dict from names to methods"),
        (f"{LISTED}\nMETHODS = {{'in-context': 1, 'plain': {{}}}}", [], "METHODS must be a dict from names to methods"),
        (f"{LISTED}\nMETHODS = {{'in-context': 1}}", [], "a method is 'in-context', but must be one of"),
        (
            f"{LISTED}\nMETHODS = {{'plane': {{}}}}",
            [],
            "METHODS names 'plane', but must name one of after, plain, lost",
        ),
        (f"{LISTED}\nPANELS = {{'x': 3}}", [], "PANELS must be a dict from titles to Panel"),
        (f"{LISTED}{panel_of('plane', 'no')}", [], "PANELS names 'plane', but must name one of"),
        (f"{LISTED}{panel_of('plain')}", [], "PANELS, label 'y' is ('plain',), but must be a variant, a method"),
        ("import sys\nsys.exit(0)", [], "cannot be run: SystemExit"),
        (f"{LISTED}\ndef quick(config):\n    return None", ["--quick"], "must define VARIANTS"),
        (f"{LISTED}\nVARIANTS['odd'] = replace(VARIANTS['plain'], task=None)", [], "task of odd is 'NoneType'"),
        (f"{LISTED}\nTITLE = 3", [], "TITLE is 3, but must be a text"),
        (f"{LISTED}\nAXES = {{'plain': 1}}", [], "AXES is {'plain': 1}, but must be a dict from the beginnings"),
        (f"{LISTED}\nRANKED = 'no'", [], "RANKED is 'no', but must be True or False"),
        (f"{LISTED}\nSLIDE = {{}}", [], "SLIDE is '', but must be left out where there are no PANELS"),
        (f"{LISTED}{panel_of('plain', 'closed-book')}\nSLIDE = {{'x': 1}}", [], "SLIDE must be a dict from titles"),
        (LISTED, ["--only", "causl"], "only is 'causl', but must be one of after, plain, lost"),
        (LISTED, ["--quick"], "has no function of that name"),
        (LISTED, ["--seeds", "0"], "seeds is 0"),
        (LISTED, ["--jobs", "0"], "jobs is 0"),
        (LISTED, ["--steps", "0"], "steps is 0"),
        (LISTED, ["--first-seed", "-1"], "seed is -1"),
        (LISTED, ["--name", "../x"], "name is '../x"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_one_line(tmp_path, capsys, text, flags, message):
    file = tmp_path / "wrong.py"
    if text is not None:
        file.write_text(text)
    code, err = command(train.__main__.main, ["sweep", str(file), *flags], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: ")
    assert message in err


def test_a_file_says_what_its_figure_is_about(tmp_path):
    file = tmp_path / "listed.py"
    file.write_text(LISTED)
    assert SweepFile.read(file).report() == ByVariant(title="What is varied: the variants of listed.py")
    file.write_text(f"{LISTED}\nTITLE = 'about it'\nAXES = {{'plain': 'steps'}}\nRANKED = False")
    assert SweepFile.read(file).report() == ByVariant(False, "about it", {"plain": "steps"})
    slide = panel_of("plain", "closed-book") + "\nSLIDE = {'slide': PANELS['x']}"
    file.write_text(LISTED + slide)
    report = SweepFile.read(file).report()
    assert report.slide["slide"] == report.panels["x"]


def test_a_folder_or_another_type_of_file_is_no_sweep(tmp_path, capsys):
    (tmp_path / "list.txt").write_text(LISTED)
    for path in (tmp_path, tmp_path / "list.txt"):
        assert command(train.__main__.main, ["sweep", str(path)], capsys)[0] == 2


def test_a_sweep_cannot_have_the_name_of_a_run(swept, listed, capsys):
    settings, _, _ = swept
    arguments = ["sweep", str(listed), "--name", f"{settings.name}-plain-0"]
    code, err = command(train.__main__.main, arguments, capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "other than that of a run" in err


def waits_for(name: str | None) -> RunConfig:
    return tiny(init_from=None if name is None else os.path.relpath(folders.run_folder(name)))


def test_a_run_waits_for_the_one_it_starts_from():
    after, first, other = {"after": waits_for("first")}, {"first": waits_for(None)}, {"other": waits_for("elsewhere")}
    assert first_ready(after | first | other, {}) == "first"
    assert first_ready(after | other, {"first": None}) == "other"  # first is being trained
    assert first_ready(after, {"first": None}) is None
    assert first_ready(after, {"other": None}) == "after"  # first is done
    assert first_ready({"itself": waits_for("itself")}, {}) is None
    assert first_ready({}, {}) is None


def test_runs_that_wait_for_each_other_fail_and_are_not_waited_for():
    name = f"test-{uuid.uuid4().hex[:8]}"
    runs = {
        f"{name}-a": waits_for(f"{name}-b"),
        f"{name}-b": waits_for(f"{name}-a"),
        f"{name}-c": waits_for(f"{name}-c"),
    }
    results, failures = train_all(runs, pool.Pool([], 2), False, StopFlag())
    assert results == {}
    assert failures == dict.fromkeys(runs, "it starts from a run that waits for it")
    assert not list(folders.ROOT.glob(f"{name}*"))


class NoTraining(Engine):
    """An engine whose runs end at once; a run that is named `first` or `lost` does not get to its end.

    `first` fails, with a step saved, as after a step that is not finite. `lost` ends without a word.
    """

    def __init__(self, jobs: int):
        self.limit, self.started, self.running = jobs, [], []
        self.is_stopped = False

    @property
    def jobs(self) -> int:
        return self.limit

    def start(self, name, *_):
        self.started.append(name)
        self.running.append(name)
        assert len(self.running) <= self.limit

    def receive(self):
        ended, self.running = self.running, []
        for name in ended:
            if name != "lost":
                yield (name, "failed", "step 3 was not taken") if name == "first" else (name, "done", RESULT)
            yield name, "ended", None

    def stop(self):
        self.is_stopped = True

    def __exit__(self, *_):
        pass


RESULT = {"train_seconds": 0}


def test_the_runs_with_the_most_steps_start_first():
    runs = {str(steps): tiny(steps=steps) for steps in (12, 20, 16)}
    alone = NoTraining(1)
    assert train_all(runs, alone, False, StopFlag()) == (dict.fromkeys(("20", "16", "12"), RESULT), {})
    assert alone.started == ["20", "16", "12"]


def test_what_starts_from_a_run_that_failed_is_not_trained():
    two = NoTraining(2)
    _, failures = train_all({"after": waits_for("first"), "first": waits_for(None)}, two, False, StopFlag())
    assert two.started == ["first"]
    assert list(failures) == ["first", "after"]


def test_a_run_that_ends_without_a_word_is_a_failure_that_stops_no_other():
    results, failures = train_all({"lost": tiny(), "other": tiny(seed=1)}, NoTraining(1), False, StopFlag())
    assert failures == {"lost": "its process ended without a message"}
    assert list(results) == ["other"]


def test_a_stop_reaches_the_engine_and_waits_for_the_end_of_what_trains():
    alone = NoTraining(1)
    with pytest.raises(StopRequested):
        train_all({"a": tiny(), "b": tiny(seed=1)}, alone, False, StopFlag(signal.SIGTERM))
    assert alone.is_stopped
    assert alone.started == ["a"]
    assert not alone.running


def rows_of(variant: str, query_mode: str, splits: dict[str, list[int | None]]) -> list[dict]:
    """Rows of results.csv, of ten questions each: correct ones by split and seed, None where it cannot be asked."""
    row = {"variant": variant, "objective": "causal", "method": "closed-book", "query_mode": query_mode}
    row |= {"chance": 0.02, "elimination_baseline": 0.05, "steps": 40, "target_tokens": 120_000}
    row |= {"steps_to_90": None, "targets_to_90": None, "seconds": 7.0, "parameters": 90_000}
    return [
        {"split": split, "seed": seed, "correct": correct or 0, "count": 0 if correct is None else 10}
        | {"accuracy": None if correct is None else correct / 10}
        | row
        for split, each_seed in splits.items()
        for seed, correct in enumerate(each_seed)
    ]


ROWS = [
    *rows_of("causal", "as-trained", {"forward": [10, 9], "backward": [None, None], "inverse": [0, 1]}),
    *rows_of("both", "as-trained", {"forward": [8, 8], "backward": [7, 6], "inverse": [9, 7]}),
    *rows_of("both", "left-to-right", {"forward": [10, 10], "backward": [None, None], "inverse": [3, 4]}),
]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_by_variant_shows_every_seed_and_the_best_inverse_first():
    accuracies, intervals, costs = ByVariant().markdown(ROWS).split("\n\n")
    assert intervals.startswith("95 % intervals")
    head, _, *body = map(cells, accuracies.splitlines())
    assert head == ["variant", "forward", "backward", "inverse"]
    assert [line[0] for line in body] == ["both", "both, left-to-right", "causal", "chance", "elimination baseline"]
    low, high = t_interval([0.9, 0.7])
    assert body[0][3] == f"**80.0** ({100 * low:.1f}–{100 * high:.1f}): 90.0 70.0"
    assert body[2][1].endswith(": 100.0 90.0")
    low, high = wilson_interval(20, 20)  # both seeds agree
    assert body[1][1] == f"**100.0** ({100 * low:.1f}–{100 * high:.1f} W): 100.0 100.0"
    assert body[1][2] == body[2][2] == "–"  # cannot be asked
    assert body[3][1:] == ["2.00"] * 3
    assert body[4][1:] == ["5.00"] * 3
    assert cells(costs.splitlines()[0])[-4:] == ["steps", "targets", "parameters", "seconds"]
    assert cells(costs.splitlines()[2])[-4:] == ["40", "120k", "90k", "7"]
    assert all(len(cells(line)) == 4 for line in accuracies.splitlines())


def test_the_undirected_link_is_a_row_where_some_rows_have_it():
    rows = [row | {"link_baseline": 0.65 if row["split"] == "inverse" else None} for row in ROWS]
    last = ByVariant().markdown(rows).split("\n\n")[0].splitlines()[-1]
    assert cells(last) == ["link baseline", "–", "–", "65.00"]


def test_the_cost_of_ninety_per_cent_is_the_median_of_the_seeds_that_reached_it():
    rows = rows_of("a", "as-trained", {"inverse": [9, 9, 9, 1]})
    for row, (steps_to, targets_to) in zip(rows, ((100, 9000), (300, 30_000), (900, 90_000), (None, None))):
        row |= {"steps_to_90": steps_to, "targets_to_90": targets_to}
    assert by_variant.cost_cell(rows, "steps_to_90") == "300 (3/4)"
    assert by_variant.cost_cell(rows, "targets_to_90") == "30k (3/4)"
    assert by_variant.cost_cell(rows[:3], "steps_to_90") == "300"
    assert by_variant.cost_cell(rows[3:], "steps_to_90") == "–"


def test_variants_with_other_splits_are_in_one_table(tmp_path):
    rows = ROWS + rows_of("stated", "as-trained", {"forward": [10, 10], "inverse_stated": [10, 9], "echo": [1, 0]})
    body = {line[0]: line for line in map(cells, ByVariant().markdown(rows).split("\n\n")[0].splitlines())}
    assert body["variant"] == ["variant", "forward", "backward", "inverse", "inverse_stated", "echo"]
    assert body["stated"][2:4] == ["–", "–"]
    assert body["causal"][4:] == ["–", "–"]
    ByVariant().draw(rows, [], tmp_path)


def test_the_terminal_shows_the_lowest_and_highest_seed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    ByVariant().print(ROWS)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[1] == ["variant", "forward", "backward", "inverse", "seconds"]
    assert [line[0] for line in lines[3:]] == ["both", "both,", "causal", "chance", "elimination"]
    assert lines[3] == ["both", "80.0", "65.0", "80.0", "(70.0–90.0)", "7"]
    assert lines[5] == ["causal", "95.0", "–", "5.0", "(0.0–10.0)", "7"]


def test_the_terminal_shows_the_cost_of_ninety_per_cent_where_it_was_reached(capsys):
    for rows in (
        [row | {"steps_to_90": None, "targets_to_90": None} for row in ROWS],
        [row | {"split": "latent", "steps_to_90": 300, "targets_to_90": 30_000} for row in ROWS],
    ):
        ByVariant().print(rows)
        assert "90 %" not in capsys.readouterr().out
    reached = {"both": (300, 30_000), "causal": (None, None)}
    rows = [row | dict(zip(("steps_to_90", "targets_to_90"), reached[row["variant"]])) for row in ROWS]
    ByVariant().print(rows)
    _, _, costs = capsys.readouterr().out.partition("to reach 90 %")
    lines = [line.split() for line in costs.splitlines()]
    assert ["both", "300", "300", "30k", "30k"] in lines
    assert ["causal", "–", "–", "–", "–"] in lines


def test_the_figure_has_a_line_for_each_variant_and_marks_what_cannot_be_asked(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: figures.append(self))
    ByVariant().draw(ROWS, [], tmp_path)
    panels = figures[0].axes
    assert [panel.get_title() for panel in panels] == ["forward", "backward", "inverse"]
    assert [tick.get_text() for tick in panels[0].get_yticklabels()] == ["both", "both, left-to-right", "causal"]
    assert [text.get_text() for text in panels[1].texts] == ["–"] * 2  # cannot be asked
    points = [collection.get_offsets()[:, 0].tolist() for collection in panels[2].collections]
    assert points == [[90.0, 70.0], [30.0, 40.0], [0.0, 10.0]]  # every seed


def test_one_variant_of_one_seed_is_a_table_and_a_figure_too(tmp_path):
    rows = rows_of("alone", "as-trained", {"inverse": [None]})
    assert "| alone | – |" in ByVariant().markdown(rows)
    ByVariant().print(rows)
    ByVariant().draw(rows, [], tmp_path)
    assert (tmp_path / "figure.svg").exists()
