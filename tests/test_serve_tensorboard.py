"""`make tensorboard`: runs under short names, models side by side, and a page that opens on what matters."""

import html
import json
import shutil
import sys
import time
import uuid

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from checkpoints.folder import ROOT
from config.validation import SettingError
from model.objectives.masked import Masked
from tests.running import command, tiny
from tests.test_tensorboard import served
from train.run import train_run
from train.serve_tensorboard import Logdir, Serve, main
from train.side_by_side import same_world


@pytest.fixture
def name():
    """Runs whose names begin so are removed from checkpoints/ at the end."""
    name = f"test-{uuid.uuid4().hex}"
    yield name
    for folder in ROOT.glob(f"{name}*"):
        shutil.rmtree(folder, ignore_errors=True)


def train_two(name: str) -> None:
    train_run(tiny(Masked()), f"{name}-a")
    train_run(tiny(), f"{name}-b")


def test_the_page_has_its_script_and_runs_have_short_names(name):
    train_two(name)
    call = [sys.executable, "-m", "train.serve_tensorboard", f"{name}-*", "--port", "0"]
    pair = f"{name}-b + {name}-a"
    with served(call) as read:
        page = read("").decode()
        assert page.index("tensorboard.js") < page.index("index.js")
        assert b"#custom_scalars" in read("tensorboard.js")
        runs, end = [], time.monotonic() + 60
        while pair not in runs and time.monotonic() < end:
            time.sleep(1)
            runs = json.loads(read("data/runs"))
    assert sorted(runs) == sorted([f"{name}-a", f"{name}-b", pair])


def test_models_of_one_world_are_shown_side_by_side_causal_first(name, tmp_path):
    train_two(name)
    train_run(tiny(seed=1), f"{name}-c")
    folders = Serve((f"{name}-*",)).folders()
    assert [folder.name for folder in folders] == [f"{name}-a", f"{name}-b", f"{name}-c"]
    assert [[folder.name for folder in group] for group in same_world(folders)] == [[f"{name}-b", f"{name}-a"]]
    logdir = Logdir(tmp_path)
    logdir.compare(folders)
    events = EventAccumulator(str(tmp_path / f"{name}-b + {name}-a")).Reload()
    pictures = [tag.partition("/")[2] for tag in events.Tags()["images"]]
    assert pictures == ["held out: inverse", "stated: forward"]
    text = events.Tensors("all models/text_summary")[0].tensor_proto.string_val[0].decode()
    head, _, first, *_ = html.unescape(text).splitlines()[2:]
    assert head.index(f"{name}-b") < head.index(f"{name}-a")
    assert first.startswith("| inverse |")
    assert first.count("✓") + first.count("✗") == 2


def test_a_run_that_begins_later_is_shown_and_one_that_is_replaced_is_compared_again(name, tmp_path):
    train_two(name)
    settings, logdir = Serve((f"{name}-*",)), Logdir(tmp_path)
    logdir.link(settings.folders())
    logdir.compare(settings.folders())
    before = dict(logdir.compared)
    train_run(tiny(seed=1), f"{name}-c")
    logdir.link(settings.folders())
    assert (tmp_path / f"{name}-c").resolve() == ROOT / f"{name}-c" / "tensorboard"
    logdir.compare(settings.folders())
    assert logdir.compared == before
    train_run(tiny(), f"{name}-b", overwrite=True)
    logdir.compare(settings.folders())
    assert logdir.compared.keys() == before.keys()
    assert logdir.compared != before


def test_a_name_of_no_run_is_refused_with_the_one_that_was_meant(name, capsys):
    train_run(tiny(), f"{name}-a")
    code, message = command(main, [f"{name}-z"], capsys)
    assert code == 2
    assert f"did you mean checkpoints/{name}-a?" in message
    code, message = command(main, [f"{name}-a", "--port", "70000"], capsys)
    assert (code, message.partition(". ")[0]) == (2, "error: port is 70000, but must be 0 to 65535")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(SettingError, match="must be a run in checkpoints/"):
        Serve((str(tmp_path),)).folders()
