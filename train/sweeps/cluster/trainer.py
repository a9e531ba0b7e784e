"""What a process of the cluster does: it trains runs one after another, and says what happens to whoever asks.

This module imports nothing that a node could lack: the node says first which versions it has.
"""

from __future__ import annotations

import os
import platform
import queue
import signal
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train.sweeps.cluster.order import Order

POLL_SECONDS = 10.0  # for the first message, before an answer without any
PACKAGES = ("torch", "numpy")


def versions() -> dict[str, str]:
    """The versions that a run's weights depend on, by name; "none" for what is not installed."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "none"
    return found


class Trainer:
    """A process that trains runs. Its methods are called in threads of their own."""

    def __init__(self, uses_gpu: bool):
        self.messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.flag: Any = None
        self.is_stopped = False
        if not uses_gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""

    def describe(self) -> tuple[str, dict[str, str]]:
        """The id of the node and its versions."""
        import ray

        return ray.get_runtime_context().get_node_id(), versions()

    def train(self, order: Order) -> None:
        """Trains a run to its end. The messages about it end with "ended"."""
        from train.signals import StopFlag
        from train.sweeps.cluster.remote_run import carry_out

        self.flag = StopFlag(signal.SIGTERM if self.is_stopped else None)
        try:
            carry_out(order, lambda event, value: self.messages.put((event, value)), self.flag)
        finally:
            self.messages.put(("ended", None))

    def poll(self) -> list[tuple[str, Any]]:
        """The messages since the last call. Waits up to POLL_SECONDS for the first."""
        messages = []
        try:
            messages.append(self.messages.get(timeout=POLL_SECONDS))
            while True:
                messages.append(self.messages.get_nowait())
        except queue.Empty:
            return messages

    def stop(self) -> None:
        """Makes the run save and end, and every later one, too."""
        self.is_stopped = True
        if self.flag is not None:
            self.flag.signal_number = signal.SIGTERM
