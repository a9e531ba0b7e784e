"""Fixed and uniform masking rates against the length of names, at equal targets (Kitouni et al. 2024, 2406.05183).

A fixed rate p masks a whole name of n tokens with probability p^n, so the questions are hardly ever trained. Names of n
tokens get n times the targets, because a document has that many more.
"""

from config.override import override
from model.objectives.masked import Masked
from tasks.corpus import ROLES
from train.presets import KITOUNI as BASE

ALL = tuple(ROLES)
RATES = {"uniform": Masked(scheme="uniform", maskable=ALL)} | {
    f"fixed-{rate}": Masked(scheme="fixed", maskable=ALL, rate=rate / 100) for rate in (15, 40, 85)
}
TARGETS = 750_000  # for each token of a name

VARIANTS = {
    f"{rate}-{length}": override(
        BASE,
        {
            "objective": objective,
            "task.names.min_length": length,
            "task.names.max_length": length,
            "train.steps": 60_000,
            "train.targets": TARGETS * length,
        },
    )
    for length in (1, 2, 4, 8)
    for rate, objective in RATES.items()
}
TITLE = "What is varied: the masking rate and the length of names"
AXES = dict.fromkeys(RATES, "tokens of a name")
