"""Runs that are killed by SIGKILL again and again, and resumed each time."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from checkpoints.steps import steps
from tests.chaos.runs import Chaos, Undisturbed, chaos_config, differences, progress, resume
from tests.running import in_child

FINISHED, KILLED = 0, -signal.SIGKILL


def kill_at(seconds: float, act: Callable[[], None]) -> int:
    """Runs `act` in a child, which is killed after so many seconds. Returns its exit status."""

    def child() -> None:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        act()

    return in_child(child)


def moment_of(folder: Path) -> str:
    """Where a killed run was, by what it left."""
    if not (folder / "config.json").exists():
        return "at the start"
    if list(folder.glob(".step-*")):
        return "in a save"
    if (folder / "result.json").exists():
        return "after the result, before the view was whole"
    if (folder / "questions.csv").exists():
        return "between questions and result"
    return "in training or evaluation" if steps(folder) else "before the first save"


def kills(settings: Chaos, rng: random.Random, whole: Undisturbed) -> Iterator[str]:
    """Kills runs until there were enough kills. Yields every difference."""
    moments: Counter[str] = Counter()
    for run in count():
        config, name = chaos_config(rng), f"killed-{run}"
        folder, expected = whole.root / name, whole.of(config)
        began = time.monotonic()
        if in_child(partial(resume, config, f"timed-{run}", whole.root)) != FINISHED:
            yield f"run {run}: the undisturbed run failed"
        duration = time.monotonic() - began
        while sum(moments.values()) < settings.kills:
            ended = kill_at(rng.uniform(0, 1.1 * duration), partial(resume, config, name, whole.root))
            if ended != KILLED:
                break
            moments[moment_of(folder)] += 1
            progress(f"{sum(moments.values())} of {settings.kills} kills")
        if ended not in (FINISHED, KILLED):
            yield f"run {run}: it ended with {ended}"
        resume(config, name, whole.root)
        yield from (f"run {run}: {name} differs" for name in differences(folder, expected))
        if sum(moments.values()) >= settings.kills:
            print(f"\nkilled {', '.join(f'{number} x {moment}' for moment, number in moments.most_common())}")
            return
