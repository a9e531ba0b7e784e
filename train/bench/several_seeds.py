"""Several seeds of a preset: stacked in one program, in processes at once, or one after another.

All ways alternate, round by round, so that a busy machine slows each of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection

import numpy as np
import torch
from rich.console import Console

from eval.tables import print_table
from train.bench.config import Bench
from train.bench.stacked import StackedSeeds
from train.bench.training_step import DEFAULTS, Step, preset_step
from train.config import RunConfig
from train.device import choose_device
from train.presets import PRESETS

Timer = Callable[[int], np.ndarray]
"""Takes so many steps, and returns the wall and the CPU seconds of a step of one seed: float[2]."""


def timer(step: Step, device: torch.device, seeds: int = 1) -> Timer:
    """That of a program that trains so many seeds."""

    def seconds(steps: int) -> np.ndarray:
        began = np.array([time.perf_counter(), time.process_time()])
        for _ in range(steps):
            step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (np.array([time.perf_counter(), time.process_time()]) - began) / (steps * seeds)

    return seconds


def serve(config: RunConfig, device: torch.device, messages: Connection) -> None:
    """A process that trains one seed: each number of steps that it receives. It ends at 0."""
    torch.set_num_threads(1)
    seconds = timer(*preset_step(config, device), device)
    messages.send("ready")
    while steps := messages.recv():
        messages.send(seconds(steps))


@contextmanager
def processes(config: RunConfig, device: torch.device, jobs: int) -> Iterator[Timer]:
    """The Timer of so many processes at once, each with a seed."""
    context = torch.multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(jobs)]
    workers = [context.Process(target=serve, args=(config, device, end), daemon=True) for _, end in pipes]
    for worker, (_, end) in zip(workers, pipes):
        worker.start()
        end.close()  # only the process keeps it open, so that its end is seen
    for messages, _ in pipes:
        messages.recv()

    def seconds(steps: int) -> np.ndarray:
        began = time.perf_counter()
        for messages, _ in pipes:
            messages.send(steps)
        cpu = np.mean([messages.recv()[1] for messages, _ in pipes])
        return np.array([(time.perf_counter() - began) / (steps * jobs), cpu])

    try:
        yield seconds
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def stacked_step(config: RunConfig, seeds: int, device: torch.device) -> Step:
    """The step of so many seeds in one program."""
    stacked, numbers = StackedSeeds.build(config, seeds, device), count()
    return lambda: stacked.step(next(numbers))


def measure(config: RunConfig, settings: Bench, device: torch.device) -> dict[str, np.ndarray]:
    """By way: the wall and the CPU seconds of a step of one seed, float[rounds, 2]."""
    with processes(config, device, settings.jobs) as in_processes:
        timers = {f"{settings.jobs} processes": in_processes}
        timers["one after another"] = timer(*preset_step(config, device), device)
        for seeds in settings.stacked:
            timers[f"{seeds} stacked"] = timer(stacked_step(config, seeds, device), device, seeds)
        for seconds in timers.values():
            seconds(1)  # the first step allocates
        rounds = [[seconds(settings.steps) for seconds in timers.values()] for _ in range(settings.rounds)]
    return dict(zip(timers, np.array(rounds).swapaxes(0, 1)))


def time_seeds(settings: Bench, console: Console) -> None:
    """Measures all ways for both presets, and prints the table."""
    device = choose_device(settings.device)
    torch.set_num_threads(settings.threads)
    for name in DEFAULTS:
        by_way = measure(PRESETS[name][1], settings, device)
        base = next(iter(by_way.values()))
        body = [[way, *cells(seconds, base)] for way, seconds in by_way.items()]
        print_table([name, "wall ms", "faster", "CPU ms", "faster"], body, console=console)
    print("A step of one seed. faster: than processes, median [min-max] of rounds.")


def cells(seconds: np.ndarray, base: np.ndarray) -> list[str]:
    """The cells of a way: wall and CPU milliseconds, each with the ratio of the `base` to it, float[rounds, 2]."""
    pairs = zip(1000 * np.median(seconds, axis=0), (base / seconds).T)
    ratios = [(f"{ms:.1f}", f"{np.median(r):.2f} [{r.min():.2f}-{r.max():.2f}]") for ms, r in pairs]
    return [*ratios[0], *ratios[1]]
