"""What --compile needs of a machine, checked before anything is trained."""

import logging
import os
import shutil
import sys
import warnings

from config.validation import SettingError
from train.config import TrainConfig


def require_compiler(config: TrainConfig) -> None:
    """Raises SettingError where the network is to be compiled for a CPU and there is no C++ compiler.

    The compiler is the one that torch looks for: $CXX, else the usual one of the system. Where there is one, torch then
    compiles without warnings of what it compiles less well: users of this program can do nothing about them.
    """
    if not config.compile:
        return
    from train.device import choose_device  # imports torch

    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if choose_device(config.device).type == "cpu" and shutil.which(compiler) is None:
        raise SettingError(
            f"compile is True, but needs a C++ compiler on a CPU, and {compiler} is not installed (CXX names another)"
        )
    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\._(dynamo|inductor)")
    for part in ("torch._dynamo", "torch._inductor"):
        logging.getLogger(part).setLevel(logging.ERROR)
