"""`make chaos`: kills, damaged files and full disks at random moments. No run may end otherwise than undisturbed.

What differs from the undisturbed run is printed, and the exit code is 1. A seed draws all moments but those of kills,
which depend on the clock.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

from config.cli import parse_arguments
from tests.chaos.damages import damages
from tests.chaos.disks import disks
from tests.chaos.kills import kills
from tests.chaos.runs import Chaos, Undisturbed

PARTS = {"kills": kills, "damages": damages, "disks": disks}


def main(arguments: list[str]) -> None:
    settings = parse_arguments(Chaos, arguments, "python -m tests.chaos")
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Undisturbed(Path(folder))
        for part in settings.parts:
            began = time.monotonic()
            for difference in PARTS[part](settings, random.Random(settings.seed), whole):
                failures += 1
                print(f"\n{difference}")
            print(f"\n{part}: {time.monotonic() - began:.0f} s, {failures} failures so far")
    raise SystemExit(failures > 0)


if __name__ == "__main__":
    main(sys.argv[1:])
