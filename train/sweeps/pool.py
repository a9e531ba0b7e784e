"""The engine of one machine: a process for each run, and one thread each."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from checkpoints.folder import locked, run_folder
from config.process import guard_streams
from config.validation import SettingError
from eval.run_methods import run_methods
from train.config import RunConfig
from train.signals import StopFlag, signals_blocked, stop_on_signals
from train.sweeps.engine import WAIT_SECONDS, Engine, MethodSet
from train.sweeps.report import MessageLog, report_end

PRELOADED = ["train.__main__", "train.sweeps.pool", "train.run", "train.attention_maps"]
PRELOADED += ["torch.utils.tensorboard", "safetensors.torch"]
RUNS_PER_GPU = 8
LOCK_SECONDS = 60  # how long a worker waits for a folder in which a worker of a killed command still saves


@dataclass(eq=False)
class Worker:
    """A process that trains one run."""

    process: multiprocessing.Process
    """the process"""
    messages: Connection
    """of pairs: what happened ("entry", "done" or "failed"), and the entry, the result or the reason"""


class Pool(Engine):
    """A process for each run, forked from a server. `jobs` None: see `default_jobs`."""

    def __init__(self, runs: list[RunConfig], jobs: int | None):
        self.limit = jobs or default_jobs(runs)
        self.running: dict[str, Worker] = {}

    @property
    def jobs(self) -> int:
        return self.limit

    @cached_property
    def context(self) -> Any:
        """The context in which workers start: a server that imports once what each of them would import.

        The server starts no thread and uses no GPU, so it can be forked. It ends with the last of its processes.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        # Each by itself: starting the tracker unblocks signals.
        for ensure_running in (resource_tracker.ensure_running, forkserver.ensure_running):
            with signals_blocked():
                ensure_running()  # the server imports while this process does
        return context

    def start(self, name: str, config: RunConfig, overwrite: bool, methods: MethodSet) -> None:
        messages, worker_end = self.context.Pipe(duplex=False)
        with worker_end:  # only the process keeps it open, so that its end is seen
            arguments = (name, config, overwrite, methods, worker_end)
            process = self.context.Process(target=train_worker, args=arguments)
            process.start()
        self.running[name] = Worker(process, messages)

    def receive(self) -> Iterator[tuple[str, str, Any]]:
        """At most one message of each run."""
        names = {worker.messages: name for name, worker in self.running.items()}
        for messages in connection.wait(names, timeout=WAIT_SECONDS):
            name = names[messages]
            try:
                yield name, *messages.recv()
            except (EOFError, OSError):  # it ended, an OSError: within a message
                messages.close()
                self.running.pop(name).process.join()
                yield name, "ended", None

    def stop(self) -> None:
        for worker in self.running.values():
            worker.process.terminate()

    def __exit__(self, *_: object) -> None:
        """Nothing is left to end: the server ends with the last worker."""


def train_worker(name: str, config: RunConfig, overwrite: bool, methods: MethodSet, messages: Connection) -> None:
    """Trains one run in its own process, and applies methods to it. Saves and ends when a process above it is gone.

    The parent's SIGTERM is what stops it. Ctrl-C and the end of the terminal stay blocked: they reach the parent.
    """
    from train.run import train_run

    folder = run_folder(name)
    guard_streams()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # also where the parent was started with SIGTERM ignored

    def send(event: str, value: Any) -> None:
        with contextlib.suppress(OSError):  # nobody reads it
            messages.send((event, value))

    def train() -> dict[str, Any]:
        with stop_on_signals() as stop:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            threading.Thread(target=stop_without_parent, args=[stop, os.getppid()], daemon=True).start()
            wait_until_free(folder, stop)
            result = train_run(config, name, resume=True, overwrite=overwrite, log=MessageLog(send), stop=stop)
            if methods:
                run_methods(folder, methods, stop.check, overwrite=False)
        return result

    report_end(train, send, folder)


def stop_without_parent(stop: StopFlag, server: int) -> None:
    """Waits for the end of the command, or of the server with this id that forked this process, then sets `stop`."""
    while os.getppid() == server and not connection.wait([multiprocessing.parent_process().sentinel], timeout=1):
        pass
    stop.signal_number = signal.SIGTERM


def wait_until_free(folder: Path, stop: StopFlag) -> None:
    """Waits up to LOCK_SECONDS while another process holds the run folder. If it still does, the run will say so."""
    deadline = time.monotonic() + LOCK_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        stop.check()
        try:
            with locked(folder):
                return
        except SettingError as problem:
            if "in use" not in str(problem):
                return
            time.sleep(0.2)


def default_jobs(runs: Iterable[RunConfig]) -> int:
    """Runs at once: one for each core, but few where they share a GPU, each with a context in its memory."""
    from train.device import choose_device, num_cores

    on_cpu = all(config.train.device == "cpu" for config in runs) or choose_device("auto").type == "cpu"
    return num_cores() if on_cpu else min(num_cores(), RUNS_PER_GPU)
