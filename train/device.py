"""Where a run trains, and what it ran on."""

import platform
import sys
from typing import Any

import numpy
import torch

from tasks.settings import require


def choose_device(name: str) -> torch.device:
    """`auto`: cuda, else mps, else cpu. Raises SettingError where the named one is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, is_there in there.items() if is_there)
    require(there[name], "device", name, f"one this machine has: {', '.join(k for k, v in there.items() if v)}")
    return torch.device(name)


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and machine, for environment.json."""
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
    }
