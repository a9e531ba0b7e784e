"""`make tensorboard`: TensorBoard on runs under short names, opened on what matters, with models side by side."""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

import contextlib
import io
import shutil
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from tyro.conf import Positional

from checkpoints.folder import ROOT
from checkpoints.view import VIEW
from config.cli import parse_arguments, refusals
from config.terminal import say
from config.validation import SettingError, require
from eval.runs import find_run, run_names

SECONDS = 2  # between two looks for new values and new runs; a page asks for them every 5 (SCRIPT)
SCRIPT = Path(__file__).with_name("tensorboard.js")
FAILED = 2  # exit code


@dataclass(frozen=True)
class Serve:
    """Show runs in TensorBoard, at localhost."""

    names: Positional[tuple[str, ...]] = ()
    """runs in checkpoints/, or patterns such as `compare-*`; none: all runs, those too that begin later"""
    port: int = 6006
    """at localhost; 0: any that is free"""

    def __post_init__(self):
        require(0 <= self.port < 1 << 16, "port", self.port, f"0 to {(1 << 16) - 1}")

    def folders(self) -> list[Path]:
        """The folders of the runs that exist now. Raises SettingError for a name or pattern of none."""
        if not self.names:
            return [ROOT / name for name in run_names()]
        folders = []
        for name in self.names:
            matching = [ROOT / run for run in run_names() if fnmatchcase(run, name)]
            folders += matching or [find_run(name)]
            require((folders[-1] / "config.json").exists(), "names", name, "a run in checkpoints/")
        return list(dict.fromkeys(folders))


def serve(settings: Serve) -> None:
    """Serves until it is interrupted. Raises SettingError for runs that do not exist, and where it cannot begin."""
    from tensorboard.program import TensorBoard

    with tempfile.TemporaryDirectory(prefix="tensorboard-", ignore_cleanup_errors=True) as name:
        logdir = Logdir(Path(name))
        logdir.link(settings.folders())
        threading.Thread(target=keep_up_to_date, args=(settings, logdir), daemon=True).start()
        board = TensorBoard(assets_zip_provider=assets)
        board.configure(logdir=name, reload_interval=SECONDS, host="localhost", port=settings.port)
        if board.main():  # it has said why
            raise SystemExit(FAILED)


class Logdir:
    """The folder that TensorBoard reads: a link to the view of each run, and views of models side by side."""

    def __init__(self, path: Path):
        self.path = path
        self.finished: dict[Path, int] = {}  # when each run ended
        self.compared: dict[str, list[int]] = {}  # when the runs of each side-by-side view ended

    def link(self, folders: list[Path]) -> None:
        """Links the view of each run that has begun to write one, by the run's name."""
        for folder in folders:
            link = self.path / folder.name
            if (folder / VIEW).is_dir() and not link.is_symlink():
                link.symlink_to(folder.resolve() / VIEW)

    def compare(self, folders: list[Path]) -> None:
        """Writes a view of each group of finished runs of one world, and again once one of them was replaced."""
        results = {folder: folder / "result.json" for folder in folders}
        finished = {folder: result.stat().st_mtime_ns for folder, result in results.items() if result.exists()}
        if finished == self.finished:
            return
        from train.side_by_side import same_world, write_side_by_side

        self.finished = finished
        for group in same_world(list(finished)):
            name, ended = " + ".join(folder.name for folder in group), [finished[folder] for folder in group]
            if self.compared.get(name) != ended:
                self.compared[name] = ended
                shutil.rmtree(self.path / name, ignore_errors=True)
                try:
                    write_side_by_side(group, self.path / name)
                except SettingError as error:
                    say(f"{name} cannot be shown side by side: {error}")


def keep_up_to_date(settings: Serve, logdir: Logdir) -> None:
    """Shows what begins or ends while TensorBoard runs. A run that is just being replaced is looked at again later."""
    while True:
        with contextlib.suppress(SettingError, OSError):
            folders = settings.folders()
            logdir.link(folders)
            logdir.compare(folders)
        time.sleep(SECONDS)


def assets() -> BinaryIO:
    """TensorBoard's web page with SCRIPT in front of its own one, as a zip file."""
    from tensorboard.assets import get_default_assets_zip_provider

    result = io.BytesIO()
    with get_default_assets_zip_provider()() as file, zipfile.ZipFile(file) as own, zipfile.ZipFile(result, "w") as new:
        for path in own.namelist():
            data = own.read(path)
            if path == "index.html":
                data = data.replace(
                    b"<script src=", b'<script src="%s"></script><script src=' % SCRIPT.name.encode(), 1
                )
            new.writestr(path, data)
        new.write(SCRIPT, SCRIPT.name)
    result.seek(0)
    return result


def main(arguments: list[str]) -> None:
    settings = parse_arguments(Serve, arguments, "python -m train.serve_tensorboard")
    with refusals():
        serve(settings)


if __name__ == "__main__":
    run_command(main, goes_on_unread=True)
