"""A run folder is enough: it holds all that its weights mean, is checked when read, and follows no link."""

import contextlib
import json
import os
import shutil
import stat
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import eval.__main__
from checkpoints.files import digest_of, read_json, sha256, write_json
from checkpoints.folder import ROOT
from checkpoints.identity import read_identity, read_words
from checkpoints.steps import FILES, steps
from config.validation import SettingError
from eval.evaluate import predict_all
from eval.methods.closed_book import ClosedBook
from eval.run_methods import run_methods
from eval.trained_model import load_trained_model
from tasks.triples import Triples
from tests.running import Recorder, command, contents, python, stop_after, tiny
from train.run import train_run
from train.signals import StopRequested
from train.tensorboard import TensorBoardWriter

FACTS = [(f"a{i}", "likes", f"b{i}") for i in range(8)]


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """What TensorBoard shows of a trained model takes longer than the training."""
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a tiny finished run."""
    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TensorBoardWriter, "finish", lambda *_: None)
        train_run(tiny(), "run", root=root)
    run_methods(root / "run", {"closed-book": ClosedBook()})
    return root / "run"


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it."""
    return shutil.copytree(finished, tmp_path / "run")


def write_facts(folder: Path, facts: list[tuple[str, str, str]]) -> dict[str, str]:
    """Both files of own facts, by setting."""
    rows = {
        "file": [("head", "relation", "tail"), *facts],
        "relations": [("relation", "inverse"), ("likes", "liked-by")],
    }
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    return {name: str(folder / f"{name}.csv") for name in rows}


def own_facts(folder: Path, **train) -> object:
    return replace(tiny(**train), task=Triples(**write_facts(folder, FACTS)))


def predictions(folder: Path) -> list:
    return predict_all(load_trained_model(folder).trained)


@pytest.mark.parametrize("change", ["reordered", "a line more", "deleted", "another file"])
def test_whatever_happens_to_the_users_files_a_run_is_read_as_it_was_trained(tmp_path, change):
    config = own_facts(tmp_path)
    train_run(config, "run", root=tmp_path)
    before = predictions(tmp_path / "run")
    file = Path(config.task.file)
    if change == "reordered":
        write_facts(tmp_path, FACTS[::-1])
    elif change == "a line more":
        write_facts(tmp_path, [("c", "likes", "d"), *FACTS])
    else:
        file.unlink() if change == "deleted" else file.write_text("nothing\n")
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    assert predictions(moved) == before
    assert train_run(config, "moved", root=tmp_path, resume=True)["finished"]


def test_a_stopped_run_goes_on_with_its_own_copies_and_says_so(tmp_path):
    config = own_facts(tmp_path)
    train_run(config, "whole", root=tmp_path)
    with pytest.raises(StopRequested):
        train_run(config, "run", root=tmp_path, stop=stop_after(7))
    write_facts(tmp_path, FACTS[::-1])
    log = Recorder()
    train_run(config, "run", root=tmp_path, resume=True, log=log)
    assert any("has changed since" in line and "file.csv" in line for line in log.warnings)
    weights = [(steps(tmp_path / name)[-1] / FILES[0]).read_bytes() for name in ("whole", "run")]
    assert weights[0] == weights[1]


def test_from_gives_each_word_its_weights_by_name(tmp_path):
    config = own_facts(tmp_path)
    train_run(config, "first", root=tmp_path)
    write_facts(tmp_path, FACTS[::-1])
    from_first = replace(config, train=replace(config.train, init_from=str(tmp_path / "first")))
    with pytest.raises(StopRequested):
        train_run(from_first, "second", root=tmp_path, stop=stop_after(0))
    words = [read_words(tmp_path / name) for name in ("first", "second")]
    assert words[0] != words[1]
    assert sorted(words[0]) == sorted(words[1])
    weights = [load_file(steps(tmp_path / name)[-1] / FILES[0]) for name in ("first", "second")]
    for name in ("network.embedding.weight", "network.head.weight"):
        by_word = [dict(zip(order, tensors[name].tolist())) for order, tensors in zip(words, weights)]
        assert by_word[0] == by_word[1]


def test_from_a_run_with_other_words_names_them(tmp_path):
    config = own_facts(tmp_path)
    train_run(config, "first", root=tmp_path)
    write_facts(tmp_path, [("Atlantis", "likes", "b0"), *FACTS[1:]])
    with pytest.raises(SettingError, match=r"it lacks 'Atlantis' and it alone has 'a0'"):
        train_run(replace(config, train=replace(config.train, init_from=str(tmp_path / "first"))), "x", root=tmp_path)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_file_in_a_folder_of_any_name_is_read_in_any_locale(tmp_path, locale):
    (tmp_path / "fä").mkdir()
    files = write_facts(tmp_path / "fä", FACTS)
    environment = os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    name = f"test-{uuid.uuid4().hex[:12]}"
    paths = [flag for setting, path in files.items() for flag in (f"--task.{setting}", path)]
    small = ["--model.width", "16", "--model.depth", "1", "--train.warmup", "1", "--train.steps", "2"]
    try:
        trained = python("-m", "train", "triples", *paths, *small, "--name", name, env=environment)
        assert trained.returncode == 0, trained.stderr
        assert python("-m", "eval", str(ROOT / name), env=environment | {"LC_ALL": "C.UTF-8"}).returncode == 0
        shutil.rmtree(tmp_path / "fä")
        assert python("-m", "eval", str(ROOT / name), env=environment).returncode == 0
    finally:
        shutil.rmtree(ROOT / name, ignore_errors=True)


WRITTEN = ("config.json", "vocabulary.json", "environment.json", "metrics.jsonl", "questions.csv", "result.json")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json"])
def test_a_flipped_bit_in_what_weights_mean_is_named(run, name):
    flip(run / name)
    with pytest.raises(SettingError, match=name.replace(".", r"\.")):
        load_trained_model(run)
    with pytest.raises(SettingError, match=name.replace(".", r"\.")):
        train_run(tiny(), "run", root=run.parent, resume=True)


@pytest.mark.parametrize("name", ["questions.csv", "result.json", "tensorboard"])
@pytest.mark.parametrize("how", ["flipped", "missing"])
def test_results_are_made_again_where_they_are_damaged(run, finished, name, how):
    path = next((run / name).glob("events*")) if name == "tensorboard" else run / name
    flip(path) if how == "flipped" else path.unlink()
    log = Recorder()
    result = train_run(tiny(), "run", root=run.parent, resume=True, log=log)
    assert (name == "result.json" and how == "missing") or any(path.name in line for line in log.warnings)
    whole = read_json(finished / "result.json")
    assert {**result, "load": 0} == {**whole, "load": 0}
    assert (run / "questions.csv").read_bytes() == (finished / "questions.csv").read_bytes()
    assert (run / "tensorboard" / "complete.json").exists()


def test_results_are_refused_where_nothing_is_left_to_make_them_from(run):
    flip(run / "result.json")
    for step in steps(run):
        flip(step / FILES[0])
    before = contents(run)
    with pytest.raises(SettingError, match=r"result\.json is damaged.*no saved step is whole"):
        train_run(tiny(), "run", root=run.parent, resume=True)
    assert contents(run) == before


def test_a_changed_record_is_named_and_costs_no_weights(run):
    flip(run / "metrics.jsonl")
    (run / "result.json").unlink()
    before = contents(run)
    with pytest.raises(SettingError, match=r"metrics\.jsonl is damaged"):
        train_run(tiny(), "run", root=run.parent, resume=True)
    after = contents(run)
    assert {name for name in before if before[name] != after.get(name)} <= {
        name for name in before if name.startswith("tensorboard")
    }


def test_results_of_other_weights_are_asked_again(run, tmp_path):
    train_run(tiny(seed=1), "other", root=tmp_path)
    for name in ("methods.json", "methods.csv"):
        shutil.copy(run / name, tmp_path / "other" / name)
    entry = run_methods(tmp_path / "other", {"closed-book": ClosedBook()}, overwrite=False)
    splits = entry["methods"]["closed-book"]["query_modes"]["as-trained"]
    assert splits == read_json(tmp_path / "other/result.json")["splits"]


@pytest.mark.parametrize("name", ["methods.json", "methods.csv"])
def test_damaged_results_of_methods_are_asked_again(run, name):
    whole = contents(run)
    flip(run / name)
    run_methods(run, {"closed-book": ClosedBook()}, overwrite=False)
    assert contents(run) == whole


LINKED = (*WRITTEN, "tensorboard", "step-00000012", "step-00000012/weights.safetensors", "step-00000012/manifest.json")


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", LINKED)
def test_nothing_is_read_or_written_through_a_link_or_a_pipe(run, tmp_path, name, kind):
    path, outside = run / name, tmp_path / "outside"
    path.rename(outside)
    if kind == "link":
        path.symlink_to(outside)
    else:
        os.mkfifo(path)
    before = contents(outside) if outside.is_dir() else outside.read_bytes()
    if name.startswith(("metrics", "step")):
        (run / "result.json").unlink()
    log = Recorder()
    try:
        train_run(tiny(), "run", root=run.parent, resume=True, log=log)
    except SettingError as refused:
        log.warnings.append(str(refused))
    assert name == "environment.json" or any(path.name in line for line in log.warnings)
    assert (contents(outside) if outside.is_dir() else outside.read_bytes()) == before


def test_a_run_whose_folder_was_replaced_saves_nothing_into_the_new_one(tmp_path):
    other = tiny(learning_rate=1e-3)

    class Replace(Recorder):
        def record(self, entry):
            if entry["step"] == 4 and not (tmp_path / "old").exists():
                (tmp_path / "run").rename(tmp_path / "old")
                train_run(other, "run", root=tmp_path)

    with pytest.raises(SettingError, match="was removed or replaced while this run trained"):
        train_run(tiny(), "run", root=tmp_path, log=Replace())
    train_run(other, "whole", root=tmp_path)
    assert (steps(tmp_path / "run")[-1] / FILES[0]).read_bytes() == (
        steps(tmp_path / "whole")[-1] / FILES[0]
    ).read_bytes()
    assert train_run(other, "run", root=tmp_path, resume=True)["finished"]


def test_a_step_of_another_run_is_not_taken(tmp_path):
    with pytest.raises(StopRequested):
        train_run(tiny(), "run", root=tmp_path, stop=stop_after(7))
    train_run(tiny(learning_rate=1e-3), "other", root=tmp_path)
    shutil.copytree(steps(tmp_path / "other")[-1], tmp_path / "run" / steps(tmp_path / "other")[-1].name)
    log = Recorder()
    train_run(tiny(), "run", root=tmp_path, resume=True, log=log)
    assert any("it is of another run" in line for line in log.warnings)
    train_run(tiny(), "whole", root=tmp_path)
    assert (steps(tmp_path / "run")[-1] / FILES[0]).read_bytes() == (
        steps(tmp_path / "whole")[-1] / FILES[0]
    ).read_bytes()


def test_what_a_killed_process_left_half_written_is_removed_at_the_next_start(run):
    for name in (".result.json-ab12cd34", ".questions.csv-________"):
        (run / name).write_text("half")
    (run / "result.json").unlink()
    train_run(tiny(), "run", root=run.parent, resume=True)
    assert [path.name for path in run.glob(".*")] == []


# Hostile folders: someone's run that was downloaded. Seals and manifests are right, so that they alone say nothing.


def reseal(path: Path, change) -> None:
    values = read_json(path)
    change(values)
    write_json(path, values)


def rewrite_step(run: Path, name: str, data: bytes) -> None:
    for step in steps(run):
        (step / name).write_bytes(data)
        reseal(step / "manifest.json", lambda manifest: manifest["files"].update({name: sha256(data)}))


def as_safetensors(tensors: dict, folder: Path) -> bytes:
    save_file(tensors, folder / "x.safetensors")
    return (folder / "x.safetensors").read_bytes()


def weights_with(run: Path, change) -> bytes:
    tensors = load_file(steps(run)[-1] / FILES[0])
    change(tensors)
    return as_safetensors(tensors, run.parent)


HEAD = "network.head.weight"
HOSTILE_WEIGHTS = {
    "no safetensors": lambda run: b"\x80\x04\x95" + bytes(4000),
    "a huge header": lambda run: b"\xff" * 7 + b"\x7f" + bytes(4000),
    "another shape": lambda run: weights_with(run, lambda w: w.update({HEAD: torch.zeros(400, 16)})),
    "another type": lambda run: weights_with(run, lambda w: w.update({HEAD: w[HEAD].double()})),
    "NaN": lambda run: weights_with(run, lambda w: w[HEAD].fill_(float("nan"))),
    "a name more": lambda run: weights_with(run, lambda w: w.update({"\x1b[31mred": torch.zeros(1)})),
    "a name less": lambda run: weights_with(run, lambda w: w.pop("network.norm.weight")),
}


@pytest.mark.parametrize("make", HOSTILE_WEIGHTS.values(), ids=list(HOSTILE_WEIGHTS))
def test_hostile_weights_are_refused_in_one_line(run, capsys, make):
    rewrite_step(run, FILES[0], make(run))
    code, line = command(eval.__main__.main, [str(run)], capsys)
    assert code == 2
    assert line.startswith(("error: ", str(run)))
    assert "\x1b" not in line


HOSTILE_STATE = {
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "unknown keys": b'{"step": 12, "colour": 1}',
    "a text": b'{"step": "12"}',
}


@pytest.mark.parametrize("data", HOSTILE_STATE.values(), ids=list(HOSTILE_STATE))
def test_hostile_counters_are_refused_in_one_line(run, data):
    rewrite_step(run, FILES[2], data)
    (run / "result.json").unlink()
    log = Recorder()
    with contextlib.suppress(SettingError):
        train_run(tiny(), "run", root=run.parent, resume=True, log=log)
        assert "step-00000012 is damaged" in log.warnings[0]  # so the step before it was taken


def set_at(path: str, value):
    def change(values):
        *parents, last = path.split(".")
        for name in parents:
            values = values[name]
        values[last] = value

    return change


HOSTILE_SETTINGS = {
    "depth": ("model.depth", 10**9),
    "some depth": ("model.depth", 900),
    "width": ("model.width", 65_536),
    "recurrence": ("model.recurrence", 10**9),
    "entities": ("task.entities", 10**30),
    "copies": ("task.documents.copies", 10**9),
    "filler": ("task.documents.filler", 10**9),
    "names": ("task.names.max_length", 10**9),
    "identity": ("identity", []),
    "world": ("identity.world", 3),
}


@pytest.mark.parametrize(("path", "value"), HOSTILE_SETTINGS.values(), ids=list(HOSTILE_SETTINGS))
def test_hostile_settings_are_refused_before_anything_is_allocated(run, path, value):
    reseal(run / "config.json", set_at(path, value))
    with pytest.raises(SettingError):
        load_trained_model(run)


@pytest.mark.parametrize(
    "name", ["result.json", "methods.json", "environment.json", "vocabulary.json", "tensorboard/complete.json"]
)
@pytest.mark.parametrize("values", [{}, {"weights": [], "files": []}, {"words": 3, "methods": 1, "weights": "x"}])
def test_hostile_records_are_refused_or_made_again(run, name, values):
    before = (steps(run)[-1] / FILES[0]).read_bytes()
    write_json(run / name, values)
    for act in (lambda: train_run(tiny(), "run", root=run.parent, resume=True), lambda: run_methods(run, {})):
        with contextlib.suppress(SettingError):  # one line; any other error fails the test
            act()
    assert (steps(run)[-1] / FILES[0]).read_bytes() == before


def test_the_folder_of_a_run_holds_only_plain_files_that_others_may_read(finished):
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o444 for path in finished.rglob("*") if path.is_file()}
    assert modes == {0o444}


def test_every_json_file_is_sealed(finished):
    files = [path for path in finished.rglob("*.json") if path.name != FILES[2]]
    assert len(files) > 6
    for path in files:
        values = json.loads(path.read_text())
        assert values.pop("sha256") == digest_of(values), path


def test_a_run_has_an_identity_of_its_own_that_each_step_has_too(finished, tmp_path):
    train_run(tiny(), "again", root=tmp_path)
    first, again = read_identity(finished), read_identity(tmp_path / "again")
    assert first.run != again.run
    assert first.world == again.world
    assert {read_json(step / "manifest.json")["run"] for step in steps(finished)} == {first.run}
