"""`python -m train.sweeps.bench_engines`: what an engine costs, as the time of the same short runs by each, in turn."""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

import os
import shutil
import time
import uuid
from dataclasses import dataclass, replace
from statistics import median

from checkpoints.folder import run_folder
from config.cli import parse_arguments, refusals
from config.validation import SettingError, require_at_least
from train.presets import BIDIRECTIONAL
from train.signals import StopFlag, StopRequested, stop_on_signals
from train.sweeps.engine import train_all
from train.sweeps.settings import MultiRunConfig, with_steps


@dataclass(frozen=True)
class BenchEngines:
    """Time the same runs by the local pool and by a Ray of this machine, one after the other, several rounds."""

    runs: int = 10
    """runs in each round, of the bidirectional preset, each with a seed of its own"""
    steps: int = 300
    """optimiser steps of each"""
    rounds: int = 3
    """rounds of both"""
    jobs: int = 2
    """runs at once"""

    def __post_init__(self):
        require_at_least(self, "", 1, "runs", "steps", "rounds", "jobs")


def timed(settings: BenchEngines, engine: str, stop: StopFlag) -> tuple[float, float]:
    """Seconds from the start of an engine to the end of its last run, and how many of them it took to start."""
    prefix, config = f"bench-{uuid.uuid4().hex[:8]}", with_steps(BIDIRECTIONAL, settings.steps)
    runs = {f"{prefix}-{seed}": replace(config, seed=seed) for seed in range(settings.runs)}
    began = time.perf_counter()
    try:
        with MultiRunConfig(engine=engine, jobs=settings.jobs).open_engine(runs) as opened:
            started = time.perf_counter() - began
            _, failures = train_all(runs, opened, False, stop)
        if failures:
            raise SettingError(f"a run failed: {next(iter(failures.values()))}")
        return time.perf_counter() - began, started
    finally:
        for name in runs:
            shutil.rmtree(run_folder(name), ignore_errors=True)


def main(arguments: list[str]) -> None:
    with refusals():
        settings = parse_arguments(BenchEngines, arguments, "python -m train.sweeps.bench_engines")
    load, ratios = os.getloadavg()[0], []
    try:
        with refusals(), stop_on_signals() as stop:
            for _ in range(settings.rounds):
                (pool, _), (on_ray, started) = (timed(settings, engine, stop) for engine in ("pool", "ray"))
                ratios.append(on_ray / pool)
                print(f"pool {pool:.1f} s, Ray {on_ray:.1f} s, of which {started:.1f} to start: {ratios[-1]:.2f} times")
    except StopRequested as request:
        raise SystemExit(128 + request.args[0]) from None
    print(f"Ray takes {median(ratios):.2f} times as long for {settings.runs} runs of {settings.steps} steps (median)")
    print(f"{os.cpu_count()} cores; load {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    run_command(main)
