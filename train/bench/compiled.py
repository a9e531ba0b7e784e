"""What --compile brings on a CPU core: steps of a preset, plain and compiled in turn."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import Console

from eval.tables import print_table
from train.bench.config import Bench
from train.bench.training_step import DEFAULTS, cpu_seconds, preset_step
from train.config import RunConfig
from train.presets import PRESETS

FIRST = 20  # steps that are not among the timed ones: batches of other shapes may need compiling, too


def time_compiled(settings: Bench, console: Console) -> None:
    """Prints how long compiling takes, what it takes off a step, and after how many steps it has paid."""
    body = []
    with console.status("") as status:
        for name in DEFAULTS:
            status.update(name)
            compiling, seconds = measure(settings, PRESETS[name][1])
            body.append([name, *cells(compiling, seconds)])
    print_table(
        ["preset", "compile s", "plain ms", "compiled ms", "compiled/plain", "pays after"], body, console=console
    )
    print(f"compile s: what the first {FIRST} steps take longer. In the first row, torch")
    print("starts its compiler, too.")
    print("CPU time of a step; compiled/plain: median [min-max] of rounds.")


def measure(settings: Bench, config: RunConfig) -> tuple[float, np.ndarray]:
    """Seconds that compiling takes, and CPU seconds[rounds, 2] of a plain step and of a compiled one.

    Compiling is wall time, since torch does part of it in other processes.
    """
    steps = [*preset_step(config), *preset_step(replace(config, train=replace(config.train, compile=True)))]
    plain, compiled = (wall_seconds(step, FIRST) for step in steps)
    seconds = [[cpu_seconds(step, settings.steps) for step in steps] for _ in range(settings.rounds)]
    return compiled - plain, np.array(seconds)


def wall_seconds(call: Callable[[], object], times: int) -> float:
    """Seconds that so many calls take together."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - began


def cells(compiling: float, seconds: np.ndarray) -> list[str]:
    """The cells of a row, from what `measure` returns."""
    plain, compiled = np.median(seconds, axis=0)
    ratio = seconds[:, 1] / seconds[:, 0]
    pays = f"{compiling / (plain - compiled):,.0f} steps" if compiled < plain else "never"
    milliseconds = [f"{1000 * time:.1f}" for time in (plain, compiled)]
    return [f"{compiling:.1f}", *milliseconds, f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]", pays]
