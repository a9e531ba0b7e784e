"""A tiny run in two processes, as torchrun would start them, and what can happen to one of them in the middle."""

import multiprocessing
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from checkpoints.folder import run_folder
from tests.running import flags
from train import finish, recorded, run
from train.__main__ import main
from train.config import RunConfig
from train.counters import Counters
from train.loop import Loop
from train.optimiser import Optimiser
from train.signals import SIGNALS
from train.tensorboard import TensorBoardWriter

SIZE = 2
SECONDS = 120  # in which a process must have ended

# Forked from a process that has imported all this and computed nothing: where there is a GPU, torch must not have
# started threads before.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.two_processes", "train.follow"])


@dataclass(frozen=True)
class Event:
    """What happens to the process `rank` before it takes a step."""

    step: int
    rank: int
    act: Callable[[Loop], object]


def send_signal(number: int, loop: Loop) -> None:
    os.kill(os.getpid(), number)


def change_a_weight(loop: Loop) -> None:
    next(loop.trained.modules.parameters()).data.view(-1)[0] += 1e-6


def break_the_loss(loop: Loop) -> None:
    """Every loss is NaN from now on."""
    loss = Loop.loss

    def broken(loop: Loop, batches: list) -> tuple:
        total, denominator = loss(loop, batches)
        return total * float("nan"), denominator

    Loop.loss = broken


@dataclass(frozen=True)
class Ended:
    """How both processes ended."""

    codes: list[int]
    errors: list[str]
    """what each wrote to standard error"""


def train_in_two(root: Path, config: RunConfig, name: str, *further: str, event: Event | None = None) -> Ended:
    """Trains the run root/<name>/ by the command line; with --resume, by the name alone."""
    settings = flags(config)[:1] if "--resume" in further else flags(config)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        variables = {"WORLD_SIZE": SIZE, "LOCAL_WORLD_SIZE": SIZE, "MASTER_PORT": free.getsockname()[1]}
    with TemporaryDirectory() as folder:
        outputs = [Path(folder) / str(rank) for rank in range(SIZE)]
        processes = []
        for rank, output in enumerate(outputs):
            own = variables | {"RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1"}
            texts = {variable: str(value) for variable, value in own.items()}
            arguments = [*settings, "--name", name, *further]
            processes.append(context.Process(target=train_as, args=(root, arguments, texts, output, event)))
            processes[-1].start()
        for process in processes:
            process.join()
        return Ended([process.exitcode for process in processes], [output.read_text() for output in outputs])


def train_as(root: Path, arguments: list[str], variables: dict[str, str], output: Path, event: Event | None) -> None:
    """Ends this process as the command line does, with its standard error in `output`."""
    code = 1
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # the server of a pool, which may have forked this, blocks them
    signal.alarm(SECONDS)  # SIGALRM ends it
    sys.stdout, sys.stderr = open(os.devnull, "w"), open(output, "w")  # noqa: SIM115, as they stay open
    os.environ |= variables
    for module in (run, recorded, finish):
        module.run_folder = lambda name: run_folder(name, root)
    TensorBoardWriter.finish = lambda *_: None  # figures take longer than the training
    take_step = Loop.step

    def step(loop: Loop, optimiser: Optimiser, counters: Counters) -> Any:
        if event is not None and (event.step, event.rank) == (counters.step, loop.processes.rank):
            event.act(loop)
        take_step(loop, optimiser, counters)

    Loop.step = step
    try:
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
