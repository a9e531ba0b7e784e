"""A run folder that is filled from elsewhere: only what changed travels, and a kill leaves a run that can continue."""

import errno
import os
import shutil
import signal
from functools import partial
from itertools import count

import pytest

from checkpoints import steps
from checkpoints.folder import locked
from checkpoints.transfer import Changes, Watch, files_of, read_files, step_of, write_changes, write_new_files
from config.validation import SettingError
from tests.running import CHANGES, Recorder, before_each, contents, in_child, record, stop_after, tiny
from train.run import train_run
from train.signals import StopRequested

CONFIG = tiny(save_every=4, keep=2)


class Sender(Recorder):
    """Keeps what each save changed in a run folder."""

    def __init__(self, folder):
        super().__init__()
        self.watch, self.sent = Watch(folder), []

    def saved(self, step: int) -> None:
        self.sent.append(self.watch.changes())


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """The folder of a run, and what changed in it at each save and after its end."""
    root = tmp_path_factory.mktemp("elsewhere")
    sender = Sender(root / "run")
    train_run(CONFIG, "run", root=root, log=sender)
    return root / "run", [*sender.sent, sender.watch.changes()]


def write(folder, changes: list[Changes]) -> None:
    folder.mkdir(exist_ok=True)
    with locked(folder) as lock:
        for change in changes:
            write_changes(lock, change)


def test_what_arrives_is_the_run(sent, tmp_path):
    elsewhere, changes = sent
    write(tmp_path / "run", changes)
    assert contents(tmp_path / "run") == contents(elsewhere)
    assert [path.name for path in steps.steps(tmp_path / "run")] == ["step-00000008", "step-00000012"]
    assert train_run(CONFIG, "run", root=tmp_path, resume=True)["steps"] == 12  # it is read, and whole


def test_only_what_changed_travels(sent):
    _, (first, second, third, end) = sent
    assert {"config.json", "vocabulary.json", "step-00000004/manifest.json"} <= first.files.keys()
    for changes in (second, third):
        assert not {"config.json", "vocabulary.json", "environment.json"} & changes.files.keys()
        assert len({step_of(path) for path in changes.files} - {None}) == 1
    assert {step_of(path) for path in third.gone} == {"step-00000004"}
    assert {"result.json", "questions.csv"} <= end.files.keys()
    assert not {step_of(path) for path in end.files} - {None}


def test_a_folder_in_which_nothing_happens_has_no_changes(sent):
    elsewhere, _ = sent
    watch = Watch(elsewhere)
    assert watch.changes() == Changes({})
    os.utime(elsewhere / "step-00000008" / "state.json")  # a step is sent whole
    assert {path.partition("/")[0] for path in watch.changes().files} == {"step-00000008"}
    assert watch.changes() == Changes({})


def test_a_run_goes_on_from_what_arrived_with_the_same_weights(sent, tmp_path):
    elsewhere, changes = sent
    for arrived in range(len(changes)):
        folder = tmp_path / f"after-{arrived}" / "run"
        folder.parent.mkdir()
        write(folder, changes[:arrived])
        begun = Recorder()
        train_run(CONFIG, "run", root=folder.parent, resume=True, log=begun)
        assert contents(folder)["step-00000012/weights.safetensors"] == final_weights(elsewhere)
        assert record(folder) == record(elsewhere)
        assert not begun.warnings


def final_weights(folder) -> bytes:
    return (folder / "step-00000012" / "weights.safetensors").read_bytes()


def test_a_kill_while_files_are_written_leaves_a_run_that_can_continue(sent, tmp_path):
    elsewhere, changes = sent

    def killed(folder, last, moment) -> None:
        for name, function in before_each(CHANGES, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)).items():
            setattr(os, name, function)
        write(folder, [last])

    moments = 0
    for arrived, last in enumerate(changes):
        for moment in count(0, 3):
            folder = tmp_path / f"{arrived}-{moment}" / "run"
            folder.parent.mkdir()
            write(folder, changes[:arrived])
            was_killed = in_child(partial(killed, folder, last, moment)) != 0
            assert all(steps.damage(path) is None for path in steps.steps(folder))
            if (folder / "result.json").exists():
                assert read_files(folder).keys() >= set(files_of(elsewhere)) - {"methods.json"}
            moments += was_killed
            if moment % 4 == 0 or not was_killed:
                train_run(CONFIG, "run", root=folder.parent, resume=True)
                assert final_weights(folder) == final_weights(elsewhere)
            shutil.rmtree(folder.parent)
            if not was_killed:
                break
    assert moments > 20


def test_a_run_that_was_stopped_arrives_with_its_last_save(tmp_path):
    sender = Sender(tmp_path / "elsewhere" / "run")
    with pytest.raises(StopRequested):
        train_run(CONFIG, "run", root=tmp_path / "elsewhere", log=sender, stop=stop_after(30))
    write(tmp_path / "run", sender.sent)
    assert contents(tmp_path / "run").keys() >= {"config.json", "metrics.jsonl"}
    assert [path.name for path in steps.steps(tmp_path / "run")] == [
        path.name for path in steps.steps(tmp_path / "elsewhere" / "run")
    ]


def test_a_folder_that_is_another_runs_by_now_is_not_written(sent, tmp_path):
    _, changes = sent
    folder = tmp_path / "run"
    folder.mkdir()
    with locked(folder) as lock:
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "lock").touch()
        with pytest.raises(SettingError, match="was removed or replaced"):
            write_changes(lock, changes[0])
    assert contents(folder) == {}


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "lock"])
def test_no_path_leads_out_of_the_folder(tmp_path, path):
    for changes in (Changes({path: b""}), Changes({}, (path,))):
        with pytest.raises(SettingError, match="must be one inside a run folder"):
            write(tmp_path, [changes])
    with pytest.raises(SettingError, match="must be one inside the folder"):
        write_new_files(tmp_path, {path: b""})


def test_an_error_names_the_file_that_cannot_be_written(sent, tmp_path, monkeypatch):
    _, changes = sent

    def full_disk(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("checkpoints.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left") as error:
        write(tmp_path / "run", changes[:1])
    assert error.value.filename == str(tmp_path / "run" / "vocabulary.json")
    assert not list((tmp_path / "run").glob(".*"))


def test_a_damaged_step_stays_where_it_is(sent, tmp_path):
    elsewhere, _ = sent
    folder = shutil.copytree(elsewhere, tmp_path / "run")
    (folder / "step-00000012").rename(folder / "step-00000012-damaged")
    assert not any(path.startswith("step-00000012") for path in files_of(folder))
    assert step_of("step-00000008/state.json") == "step-00000008"
    assert step_of("step-00000008") is None
    assert step_of("config.json") is None
