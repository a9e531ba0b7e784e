"""What --compile brings on a CPU core: steps of a preset, plain and compiled in turn."""

import time
from dataclasses import replace

import numpy as np
from rich.console import Console

from eval.tables import print_table
from train.bench.config import Bench
from train.bench.training_step import DEFAULTS, cpu_seconds, preset_step
from train.config import RunConfig
from train.presets import PRESETS

WARM_UP = 20  # steps before the timed ones: batches differ in their numbers of rows, and the first ones allocate


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
    print("compile s: until the first step. The first row has the start of the compiler.")
    print("CPU time of a step; compiled/plain: median [min-max] of rounds.")


def measure(settings: Bench, config: RunConfig) -> tuple[float, np.ndarray]:
    """Seconds until the first compiled step, and CPU seconds[rounds, 2] of a plain step and of a compiled one."""
    steps = [*preset_step(config), *preset_step(replace(config, train=replace(config.train, compile=True)))]
    steps[0]()
    began = time.perf_counter()
    steps[1]()
    compiling = time.perf_counter() - began
    for step in steps:
        cpu_seconds(step, WARM_UP)
    seconds = [[cpu_seconds(step, settings.steps) for step in steps] for _ in range(settings.rounds)]
    return compiling, np.array(seconds)


def cells(compiling: float, seconds: np.ndarray) -> list[str]:
    """The cells of a row, from what `measure` returns."""
    plain, compiled = np.median(seconds, axis=0)
    ratio = seconds[:, 1] / seconds[:, 0]
    pays = f"{compiling / (plain - compiled):,.0f} steps" if compiled < plain else "never"
    milliseconds = [f"{1000 * time:.1f}" for time in (plain, compiled)]
    return [f"{compiling:.1f}", *milliseconds, f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]", pays]
