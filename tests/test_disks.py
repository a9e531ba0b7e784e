"""A disk that is really full and one that is read-only: a message with a path, and nothing lost.

Both are small file systems in memory, which only root may mount. Elsewhere these tests are left out, and test_bad_input
tries a limit on the size of files instead.
"""

import contextlib
import errno
import subprocess
from pathlib import Path

import pytest

from checkpoints import steps
from eval.__main__ import main
from eval.trained_model import load_trained_model
from tests.running import Recorder, command, contents, record, stop_after, tiny
from train.run import train_run
from train.signals import StopRequested
from train.tensorboard import TensorBoardWriter

CONFIG = tiny(save_every=2, keep=1)
MOMENTS = {"before the first save": 0, "after one": 4, "after the last step": 12, "in the questions": None}
FILLER = "filler"


@pytest.fixture
def disk(tmp_path):
    """The folder of a file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", folder)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def fill(disk: Path) -> None:
    """Writes a file until nothing more fits."""
    with contextlib.suppress(OSError), open(disk / FILLER, "wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


class FullFrom(Recorder):
    """Fills the disk at the first entry of this step or, without one, at the first question after the last step."""

    def __init__(self, disk: Path, step: int | None):
        super().__init__()
        self.disk, self.step = disk, step

    def record(self, entry: dict) -> None:
        super().record(entry)
        if self.step is not None and entry["step"] >= self.step:
            fill(self.disk)

    def asked(self, answered: int, total: int) -> None:
        if self.step is None:
            fill(self.disk)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_full_disk_is_named_and_the_run_goes_on_once_there_is_room(disk, monkeypatch, moment):
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)
    whole = train_run(CONFIG, "whole", root=disk, log=Recorder())
    with pytest.raises(OSError, match="No space left") as refused:
        train_run(CONFIG, "run", root=disk, log=FullFrom(disk, MOMENTS[moment]))
    assert refused.value.errno == errno.ENOSPC
    assert Path(refused.value.filename).is_relative_to(disk / "run")
    saved = steps.load(disk / "run", pytest.fail)
    assert (saved is not None) == (moment != "before the first save")
    (disk / FILLER).unlink()
    again = train_run(CONFIG, "run", root=disk, log=Recorder(), resume=True)
    assert again["weights"] == whole["weights"]
    assert record(disk / "run") == record(disk / "whole")
    assert (disk / "run/questions.csv").read_bytes() == (disk / "whole/questions.csv").read_bytes()


def test_a_read_only_disk_is_named_and_nothing_on_it_changes(disk, capsys):
    train_run(CONFIG, "finished", root=disk, log=Recorder())
    with pytest.raises(StopRequested):
        train_run(CONFIG, "stopped", root=disk, log=Recorder(), stop=stop_after(12))
    before = contents(disk)
    mount("-o", "remount,ro", disk)
    for name in ("new", "stopped"):
        with pytest.raises(OSError, match="Read-only file system") as refused:
            train_run(CONFIG, name, root=disk, log=Recorder(), resume=True)
        assert Path(refused.value.filename).is_relative_to(disk / name)
    entity = load_trained_model(disk / "finished")[0].corpus.entities.names[0]
    for arguments in ([str(disk / "finished")], ["ask", str(disk / "finished"), f"{entity} teacher-of _"]):
        assert command(main, arguments, capsys) == (0, "")
    code, err = command(main, ["methods", str(disk / "finished"), "--methods", "closed-book"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert str(disk / "finished") in err
    assert "Read-only file system" in err
    assert contents(disk) == before
    mount("-o", "remount,rw", disk)
    assert train_run(CONFIG, "stopped", root=disk, log=Recorder(), resume=True)["finished"]
