"""Where a run trains, and on which machine with which versions it did."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import torch

from checkpoints.files import read_json, write_json
from config.process import num_cores
from config.validation import require

ROOT = Path(__file__).parent.parent
COMMIT = "BOTH_WAYS_COMMIT"  # environment variable


def choose_device(name: str) -> torch.device:
    """`auto`: cuda, else mps, else cpu. Raises SettingError where this machine lacks the named one."""
    is_available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    available = [device for device in is_available if is_available[device]]
    if name == "auto":
        return torch.device(available[0])
    require(name in available, "device", name, f"one this machine has: {', '.join(available)}")
    return torch.device(name)


def environment(device: torch.device, processes: int) -> dict[str, Any]:
    """Versions, machine and the number of processes that train together, for environment.json."""
    processor = torch.cuda.get_device_name() if device.type == "cuda" else cpu_name()
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "machine": f"{processor}, {num_cores()} cores",
        "device": device.type,
        "processes": processes,
        "commit": commit(),
    }


def provenance(device: torch.device) -> dict[str, Any]:
    """Machine, torch and commit, as rows of results have them."""
    made_by = environment(device, processes=1)
    return {column: made_by[column] for column in ("machine", "torch", "commit")}


def note_processes(folder: Path, processes: int, warn: Callable[[str], None]) -> None:
    """Warns where a run goes on with another number of processes than it had, and notes the new one."""
    made_by = read_json(folder / "environment.json")
    before = made_by.get("processes", 1)
    if before != processes:
        warn(
            f"{folder} goes on with another number of processes ({before} before, {processes} now): the weights are "
            "the same to rounding, not to the bit"
        )
        write_json(folder / "environment.json", made_by | {"processes": processes})


@cache
def cpu_name() -> str:
    """The model of the processor or, where the system does not say, its architecture."""
    if sys.platform == "darwin":
        return output_of("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    info = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return model[1] if model else platform.processor() or platform.machine()


@cache
def commit() -> str:
    """The git commit of this code, with a + where files have changed since. Empty where it is in no repository.

    A copy of the code that was sent here has it in the environment.
    """
    if not (ROOT / ".git").exists():  # a repository further up is another project's
        return os.environ.get(COMMIT, "")
    head = output_of("git", "rev-parse", "--short=12", "HEAD")
    changed = output_of("git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if head and changed else head


def output_of(*command: str) -> str:
    """What a command prints; nothing where it fails or does not exist."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def load_average() -> float:
    """Processes that ran or waited to run on this machine, on average over the last minute."""
    return round(os.getloadavg()[0], 2)
