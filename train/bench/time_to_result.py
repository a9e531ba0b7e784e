"""Seconds until a model has learned a world: our command against a plain loop with transformers' Llama.

Each training is a program of its own, timed from its start: imports, the world or its files, training and evaluation.
Ours and Llama's take turns, so that a busy machine slows all. Llama has two: from our initial scale, and from its own.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console

from checkpoints.files import read_json
from checkpoints.folder import run_folder
from checkpoints.identity import read_identity
from checkpoints.record import read_metrics
from eval.tables import print_table
from model.build import build_modules
from tasks.corpus import Corpus
from tasks.export import write_files
from train.bench.config import Bench
from train.config import RunConfig
from train.presets import PRESETS

PROJECT = Path(__file__).parents[2]
LLAMA = Path(__file__).with_name("llama.py")
OWN_SCALE = 0.02  # standard deviation of the initial weights of every model of transformers, unless told otherwise
PROGRAMS = {"ours": "ours", "llama": "Llama, our scale", "llama-own-scale": "Llama, own scale"}
"""what is trained for each goal, in this order: the name in rows, and in the table"""


class Failed(Exception):
    """A training that ended with an error. Its text is one line for the user."""


@dataclass(frozen=True)
class Goal:
    """A result to reach."""

    arguments: tuple[str, ...]
    """what follows `python -m train`: a preset, and settings"""
    config: RunConfig
    """the run that these arguments make; its seed is replaced"""
    split: str
    """the questions"""
    level: float
    """the accuracy on them"""
    visibility: Literal["causal", "full"]
    """what a position of Llama sees"""

    @property
    def name(self) -> str:
        return f"{self.arguments[0]}, {self.level:.0%} {self.split}"


OFTEN = ("--train.evaluate-every", "50")  # as theirs
GOALS = (
    Goal(("causal", *OFTEN), PRESETS["causal"][1], "forward", 0.99, "causal"),
    Goal(("bidirectional", *OFTEN), PRESETS["bidirectional"][1], "inverse", 0.95, "full"),
)


@dataclass(frozen=True)
class Timing:
    """How long one training took."""

    step: int | None
    """the first evaluated step at which the level was reached, None where it was not"""
    seconds: float
    """wall seconds from the start of the program to that evaluation, infinite where the level was not reached"""
    last_step: int
    """the last step that the training could have taken"""
    cpu_seconds: float
    """CPU seconds of the whole program"""


def time_to_result(goals: tuple[Goal, ...], settings: Bench, console: Console) -> list[dict[str, Any]]:
    """Trains ours and theirs for every goal and seed, and prints a table a goal. A row for each training.

    Raises Failed.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(settings.jobs) as pool:
        futures = [pool.submit(alternate, goal, settings, Path(folder) / str(i)) for i, goal in enumerate(goals)]
        for goal, future in zip(goals, futures):
            timings = future.result()
            print_goal(goal, timings, console)
            rows += rows_of(goal, timings)
    print("ours: `python -m train`, all of its steps and final questions in its CPU seconds. Llama: that")
    print("of transformers in a plain loop with AdamW at a constant rate, which stops at the level. Its")
    print(f"initial weights have our standard deviation, or transformers' own of {OWN_SCALE}. One thread each.")
    return rows


def alternate(goal: Goal, settings: Bench, folder: Path) -> list[tuple[Timing, ...]]:
    """All PROGRAMS on each seed, one after the other. Raises Failed."""
    trainings = (train_ours, train_llama, partial(train_llama, initial_scale=OWN_SCALE))
    timings = []
    for seed in range(settings.seeds):
        corpus = goal.config.task.build(seed)
        exported = folder / str(seed)
        write_files(corpus, exported, overwrite=False)
        of_seed = []
        for name, train in zip(PROGRAMS.values(), trainings, strict=True):
            of_seed.append(train(goal, corpus, seed, exported, settings))
            seconds, at_step = cells(of_seed[-1])
            print(f"{goal.name}, seed {seed}, {name}: {seconds} s, step {at_step}", file=sys.stderr, flush=True)
        timings.append(tuple(of_seed))
    return timings


def train_ours(goal: Goal, corpus: Corpus, seed: int, folder: Path, settings: Bench) -> Timing:
    """Runs our command, and deletes its run. `corpus`: the world that it should train on. Raises Failed."""
    name = f"bench-{os.getpid()}-{goal.arguments[0]}-{seed}"
    command = ["-m", "train", *goal.arguments, *flags({"seed": seed, "name": name, "device": settings.device})]
    run = run_folder(name)
    try:
        start, cpu_seconds = run_program(command, folder / "ours")
        entries = [entry for entry in read_metrics(run) if entry["kind"] == "evaluation"]
        if read_identity(run).world != corpus.digest():
            raise Failed(f"{name} was trained on another world than the exported one")
        last_step = read_json(run / "result.json")["steps"]
    finally:
        shutil.rmtree(run, ignore_errors=True)
    points = [(entry["step"], entry["time"], entry["splits"][goal.split]["accuracy"]) for entry in entries]
    return Timing(*first_at(points, goal.level, start), last_step, cpu_seconds)


def train_llama(
    goal: Goal, corpus: Corpus, seed: int, folder: Path, settings: Bench, initial_scale: float | None = None
) -> Timing:
    """Runs Llama's loop on the corpus that `folder` holds as files. `initial_scale` None: ours. Raises Failed."""
    values = llama_size(goal.config, corpus) | {"visibility": goal.visibility, "split": goal.split}
    values |= {"level": goal.level, "seed": seed, "max-steps": settings.max_steps, "device": settings.device}
    values |= {"initial-scale": initial_scale} if initial_scale else {}
    start, cpu_seconds = run_program([str(LLAMA), str(folder), *flags(values)], folder / "llama")
    entries = [json.loads(line) for line in (folder / "llama.stdout").read_text().splitlines()]
    points = [(entry["step"], entry["time"], entry["accuracy"]) for entry in entries]
    return Timing(*first_at(points, goal.level, start), settings.max_steps, cpu_seconds)


def llama_size(config: RunConfig, corpus: Corpus) -> dict[str, float]:
    """llama.py's options for matrices of our shapes with our initial scale, and our batch."""
    model = config.model
    network = build_modules(model, config.objective, corpus, seed=0)["network"]
    inner = network.layers[0].feed_forward.out.in_features
    size = {"width": model.width, "depth": model.depth, "heads": model.heads, "inner": inner}
    return size | {"initial-scale": model.initial_scale or model.width**-0.5, "batch": config.train.batch}


def flags(values: dict[str, object]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def run_program(arguments: list[str], output: Path) -> tuple[float, float]:
    """Runs Python with these arguments: when it started, in seconds since 1970, and CPU seconds that it took.

    What it prints goes to files named like `output`. Raises Failed where it fails.
    """
    with open(f"{output}.stdout", "w") as stdout, open(f"{output}.stderr", "w+") as stderr:
        start = time.time()
        program = subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        if program.returncode:
            stderr.seek(0)
            last_line = (stderr.read().strip() or "it printed nothing").splitlines()[-1]
            raise Failed(f"python {' '.join(arguments)} ended with {program.returncode}: {last_line}")
    return start, usage.ru_utime + usage.ru_stime


def first_at(points: Iterable[tuple[int, float, float]], level: float, start: float) -> tuple[int | None, float]:
    """The step at which `level` is first reached, and seconds since `start`; None and infinity where it is not.

    `points`: step, time and accuracy of each evaluation.
    """
    return next(((step, now - start) for step, now, accuracy in points if accuracy >= level), (None, math.inf))


def print_goal(goal: Goal, timings: list[tuple[Timing, ...]], console: Console) -> None:
    """Prints the table of a goal: a row a seed, medians, and their ratios."""
    head = ["seed", *(cell for name in PROGRAMS.values() for cell in (f"{name}, s", "step"))]
    body = [
        [str(seed), *(cell for timing in of_seed for cell in cells(timing))] for seed, of_seed in enumerate(timings)
    ]
    seconds = np.median([[timing.seconds for timing in of_seed] for of_seed in timings], axis=0)
    cpu_seconds = np.median([[timing.cpu_seconds for timing in of_seed] for of_seed in timings], axis=0)
    foot = ["median", *(cell for median in seconds for cell in (format_seconds(median), ""))]
    print_table(head, body, foot=[foot], title=goal.name, console=console)
    ours, ours_cpu = seconds[0], cpu_seconds[0]
    for name, wall, cpu in list(zip(PROGRAMS.values(), seconds, cpu_seconds))[1:]:
        reached = np.isfinite([wall, ours]).all()
        ratio = f"{wall / ours:.1f} in seconds" if reached else "level not reached"
        print(f"{name} / ours, of medians: {ratio}, {cpu / ours_cpu:.1f} in CPU seconds")


def rows_of(goal: Goal, timings: list[tuple[Timing, ...]]) -> list[dict[str, Any]]:
    """A row for each training: the fields of Timing, and what it was."""
    return [
        {"goal": goal.name, "seed": seed, "program": program} | asdict(timing)
        for seed, of_seed in enumerate(timings)
        for program, timing in zip(PROGRAMS, of_seed, strict=True)
    ]


def cells(timing: Timing) -> tuple[str, str]:
    """Seconds to the level and the step at which it was reached, as a row shows them."""
    at_step = f"not in {timing.last_step}" if timing.step is None else str(timing.step)
    return format_seconds(timing.seconds), at_step


def format_seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if math.isfinite(seconds) else "-"
