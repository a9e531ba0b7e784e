"""What every process but the first does where torchrun starts several for one run: the same steps, and nothing else."""

import contextlib
from typing import NoReturn

from config.cli import refusals
from config.terminal import say
from eval.trained_model import TrainedModel
from model.build import build_modules
from train.counters import Counters
from train.device import choose_device
from train.loop import Loop, NonFiniteStep
from train.optimiser import Optimiser
from train.processes import LOST, START, STEP, ProcessLost, SeveralProcesses, WeightsDiffer
from train.progress import Log
from train.signals import StopFlag, stop_on_signals


def follow() -> NoReturn:
    """Does what the first process says, and ends with its exit code."""
    processes = SeveralProcesses.join()
    try:
        with refusals(), stop_on_signals() as stop:
            code = take_part(processes, stop)
    except ProcessLost:
        say("error: the first process of this run has ended: --resume continues from the last save")
        raise SystemExit(LOST) from None
    processes.leave(code)
    raise SystemExit(code)


def take_part(processes: SeveralProcesses, stop: StopFlag) -> int:
    """Does what the first process says until it says to end, and with which exit code: returns that.

    A signal reaches all of them with the next step. The first process then saves, and ends the run.
    """
    while (command := processes.tell()) < 0:
        if command == START:
            loop, optimiser, counters = receive_loop(processes, stop)
            continue
        # What is raised is raised in all of them: the first one says it, and what comes next.
        with contextlib.suppress(NonFiniteStep, WeightsDiffer):
            loop.step(optimiser, counters) if command == STEP else processes.require_same(loop.trained.modules)
    return command


def receive_loop(processes: SeveralProcesses, stop: StopFlag) -> tuple[Loop, Optimiser, Counters]:
    """The loop of the first process, at the step where it starts, but without a folder."""
    import torch

    config, corpus, counters = processes.receive_start()
    torch.set_num_threads(config.train.threads)
    device = processes.choose_device(choose_device(config.train.device), config.train)
    modules = build_modules(config.model, config.objective, corpus, config.seed).to(device)
    optimiser = Optimiser(modules, config.train)
    processes.same_tensors(optimiser.tensors())
    trained = TrainedModel(corpus, config.objective, modules)
    loop = Loop(config, trained, None, "", device, Log(), stop, processes)
    loop.prepare()
    return loop, optimiser, counters
