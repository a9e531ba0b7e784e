"""Where a run trains, and on which machine with which versions it did."""

import platform
import sys
from typing import Any

import numpy
import torch

from config.validation import require


def choose_device(name: str) -> torch.device:
    """`auto`: cuda, else mps, else cpu. Raises SettingError where this machine lacks the named one."""
    is_available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    available = [device for device in is_available if is_available[device]]
    if name == "auto":
        return torch.device(available[0])
    require(name in available, "device", name, f"one this machine has: {', '.join(available)}")
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
