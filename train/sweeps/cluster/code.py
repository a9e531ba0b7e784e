"""The project's own code as it travels to the nodes of a cluster: a copy, so what is edited meanwhile stays here."""

import shutil
from pathlib import Path

from checkpoints.folder import ROOT as CHECKPOINTS

ROOT = CHECKPOINTS.parent
PACKAGES = ("config", "eval", "model", "tasks", "train")
SUFFIXES = (".py", ".csv", ".js")


def copy_code(folder: Path) -> None:
    """Copies what a run imports and reads into a new folder. Run folders are left out."""
    folder.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=other_files)
    (folder / CHECKPOINTS.name).mkdir()
    for path in CHECKPOINTS.glob("*.py"):
        shutil.copy(path, folder / CHECKPOINTS.name)


def other_files(folder: str, names: list[str]) -> list[str]:
    """Those of the names in a folder that are neither folders nor files with one of SUFFIXES."""
    kept = {name for name in names if name.endswith(SUFFIXES) or (Path(folder) / name).is_dir()} - {"__pycache__"}
    return [name for name in names if name not in kept]
