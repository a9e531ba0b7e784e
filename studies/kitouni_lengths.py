"""Fixed and uniform masking rates against the length of names, at equal targets (Kitouni et al. 2024, 2406.05183).

A fixed rate p hides a name of n tokens whole with probability p^n, so what is asked is hardly ever trained. Names of n
tokens get n times the targets, since a document has that many more.
"""

from dataclasses import replace

from model.objectives.masked import Masked
from tasks.corpus import ROLES
from train.presets import KITOUNI as BASE

ALL = tuple(ROLES)
RATES = {"uniform": Masked(hide="uniform", spans=ALL)} | {
    f"fixed-{rate}": Masked(hide="fixed", spans=ALL, rate=rate / 100) for rate in (15, 40, 85)
}
TARGETS = 750_000  # a token of a name

VARIANTS = {
    f"{rate}-{length}": replace(
        BASE,
        objective=objective,
        task=replace(BASE.task, shortest_name=length, longest_name=length),
        train=replace(BASE.train, steps=60_000, targets=TARGETS * length),
    )
    for length in (1, 2, 4, 8)
    for rate, objective in RATES.items()
}
