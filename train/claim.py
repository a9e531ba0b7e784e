"""Whose a run folder is: a run goes on in its own, begins in a free one, and leaves that of another run alone."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from checkpoints import steps
from config.validation import SettingError, require
from train.config import RunConfig, refuse_other_settings

LEFTOVERS = re.compile(r"lock|vocabulary\.json|inputs|environment\.json")  # of a start that failed


def claim_folder(
    folder: Path, config: RunConfig, write_new: Callable[[], None], *, resume: bool, overwrite: bool
) -> None:
    """Makes the folder this run's own. Raises SettingError where it is another's.

    `write_new` writes the first files of a run that is not resumed.
    """
    if not is_resumed(folder, config, resume=resume, overwrite=overwrite):
        empty_folder(folder)
        write_new()


def is_resumed(folder: Path, config: RunConfig, *, resume: bool, overwrite: bool) -> bool:
    """Whether the run in the folder goes on; otherwise it begins, in place of all there is. Raises SettingError."""
    if not os.path.lexists(folder / "config.json"):
        foreign = [path.name for path in folder.iterdir() if not LEFTOVERS.fullmatch(path.name)]
        allowed = f"free, but {folder} holds {foreign[0] if foreign else ''} and is no run"
        require(not foreign, "name", folder.name, allowed)
    elif resume and not overwrite:
        refuse_other_settings(folder, config)
        return True
    elif not overwrite:
        finished = "is finished: --once keeps it, --overwrite replaces it"
        hint = finished if (folder / "result.json").exists() else "is not finished: --resume continues it"
        raise SettingError(f"{folder} {hint}, --name trains another run")
    return False


def empty_folder(folder: Path) -> None:
    """Deletes everything in a run folder but its lock.

    result.json goes first, so that it never stands for what is gone, and config.json last.
    """
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == "config.json", path.name != "result.json")):
        if path.name != "lock":
            steps.remove(path)
