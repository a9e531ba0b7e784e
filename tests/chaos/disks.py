"""A disk that is full from a random write on: a message with a path, and nothing lost."""

import errno
import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.chaos.runs import Chaos, Undisturbed, chaos_config, differences, progress, resume
from tests.running import WRITES, Recorder, in_child
from train.config import RunConfig
from train.run import train_run

REFUSED, WITHOUT_PATH = 2, 3


def disks(settings: Chaos, rng: random.Random, whole: Undisturbed) -> Iterator[str]:
    """Fills the disk at random writes. Yields every difference."""
    config = chaos_config(rng)
    expected = whole.of(config)
    calls = number_of_writes(config, whole.root)
    for trial, moment in enumerate(sorted(rng.sample(range(calls), settings.disks))):
        name = f"full-{trial}"
        ended = in_child(partial(with_full_disk, moment, partial(resume, config, name, whole.root)))
        if ended != REFUSED:
            yield f"write {moment} of {calls}: it ended with {ended}, not with a message that names a path"
        resume(config, name, whole.root)
        yield from (f"write {moment} of {calls}: {part} differs" for part in differences(whole.root / name, expected))
        progress(f"{trial + 1} of {settings.disks} full disks")


def number_of_writes(config: RunConfig, root: Path) -> int:
    """Calls that a full disk lets fail, in a whole run."""
    total = [0]

    def counting(function: Callable) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            total[0] += 1
            return function(*arguments, **options)

        return call

    saved = {name: getattr(os, name) for name in WRITES}
    for name, function in saved.items():
        setattr(os, name, counting(function))
    try:
        train_run(config, "counted", root=root, log=Recorder())
    finally:
        for name, function in saved.items():
            setattr(os, name, function)
    return total[0]


def with_full_disk(moment: int, act: Callable[[], None]) -> None:
    """In a child: runs `act`, where no write from the `moment`-th on succeeds, and ends with a status of its own."""
    calls = count()

    def failing(function: Callable) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) >= moment:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments, **options)

        return call

    for name in WRITES:
        setattr(os, name, failing(getattr(os, name)))
    try:
        act()
    except OSError as error:
        os._exit(REFUSED if error.filename else WITHOUT_PATH)
