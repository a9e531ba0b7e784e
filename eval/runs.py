"""The runs in checkpoints/, a line each, and the one that a mistyped name could mean."""

import re
from collections.abc import Iterable
from pathlib import Path

from checkpoints.config import read_config_json
from checkpoints.folder import ROOT, run_folder
from config.terminal import clean
from config.validation import SettingError, nearest_choice


def print_runs() -> None:
    """Prints name, task, objective and state of every run, one line each. A run that cannot be read is named."""
    names = run_names()
    print("\nruns in checkpoints/" if names else "\nno runs in checkpoints/ yet: python -m train causal")
    width = max(map(len, names), default=0)
    for name in names:
        print(f"  {clean(name):{width}}  {clean(describe(name))}")


def run_names() -> list[str]:
    """All folders in checkpoints/ that are runs, damaged ones too."""
    return sorted(path.parent.name for path in ROOT.glob("*/config.json") if not path.parent.name.startswith("."))


def describe(name: str) -> str:
    """Task, objective and state of a run, or why it cannot be read."""
    try:
        folder = run_folder(name)
        config = read_config_json(folder)
        task, objective = (config[section]["name"] for section in ("task", "objective"))
    except (SettingError, OSError, LookupError, TypeError, RecursionError) as error:
        return f"damaged: {error}".replace(f"{ROOT}/", "checkpoints/")
    state = "finished" if (folder / "result.json").is_file() else "not finished"
    return f"{task:11} {objective:20} {state}"


def find_run(given: str | Path) -> Path:
    """The folder of a run, given as a path or by its name in checkpoints/. Raises SettingError where there is none."""
    if not is_run(given):
        target = make_target(str(given))
        hint = f"; make {target} trains it" if target else similar_run(str(given))
        raise SettingError(f"{given} is no run folder: it does not exist{hint}")
    path = Path(given)
    return path if path.exists() else ROOT / path


def make_target(name: str) -> str | None:
    """The make target that trains the run of this name, with its variables. None where there is none."""
    if name in ("capitals-causal-0", "capitals-bidirectional-0"):
        return "capitals"
    found = re.fullmatch(r"(causal|bidirectional)-(\d+)", name)
    return f"train-{found[1]}" + f" SEED={found[2]}" * (found[2] != "0") if found else None


def is_run(given: str | Path) -> bool:
    """Whether something exists by this path, or by this name in checkpoints/."""
    path = Path(given)
    return path.exists() or (len(path.parts) == 1 and (ROOT / path / "config.json").exists())


def similar_run(given: str, commands: Iterable[str] = ()) -> str:
    """The end of a message: the run or command that was meant. Empty where none is like `given`."""
    candidates = {name: name for name in commands} | {name: f"checkpoints/{name}" for name in run_names()}
    nearest = nearest_choice(given.rstrip("/").rpartition("/")[2], candidates)
    return f"; did you mean {candidates[nearest]}?" if nearest else ""
