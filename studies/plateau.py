"""How long training stands on its plateau, by how many facts come first; and what is left of old facts after new ones.

`OBJECTIVE-SHARE`: the run begins with documents about some of the entities, SHARE of all documents. With `power-law`,
all come from the first step on, at unequal frequencies (Zucchet et al. 2025, 2503.21676).

`OBJECTIVE-base` leaves 100 facts out. `OBJECTIVE-replay-P` starts from it and is trained on these alone, but for P per
cent of its documents, which state old facts again. Its `forward` is about old facts, its `unseen_forward` about new.

`python -m train.report.plateau checkpoints/plateau` makes a table and a figure of the curves.
"""

from dataclasses import replace

from config.override import override
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.masked import Masked
from model.objectives.permuted import Permuted
from tasks.corpus import ROLES
from train.config import RunConfig
from train.presets import PLAIN, preset_of, with_own_training

OBJECTIVES = {
    "causal": Causal(),
    "masked": Masked(),
    "uniform": Masked(scheme="uniform", maskable=tuple(ROLES)),
    "diffusion": Diffusion(),
    "permuted": Permuted(),
}
STEPS = {"causal": 700, "masked": 1200, "uniform": 5000, "diffusion": 5000, "permuted": 5000}
EVALUATE_EVERY = {"causal": 50, "masked": 50, "uniform": 250, "diffusion": 250, "permuted": 250}
SHARES = {
    "all": {"train.subset": 1.0},
    "half": {"train.subset": 0.5},
    "sixth": {"train.subset": 0.16},
    "twentieth": {"train.subset": 0.05},
    "power-law": {"train.subset": 1.0, "train.power_law": 1.0},
}
REPLAY = (0, 10, 50)  # per cent
NEW_FACTS = replace(PLAIN, steps=300, learning_rate=1e-3, evaluate_every=50)


def base(name: str) -> RunConfig:
    """The preset of an objective with the steps that it gets here, and batches of half as many documents."""
    slow = with_own_training(Diffusion())  # a uniform rate has diffusion's rates, as in studies/objectives.py
    preset = replace(slow if name == "uniform" else preset_of(type(OBJECTIVES[name])), objective=OBJECTIVES[name])
    length = {"train.batch": 96, "train.steps": STEPS[name], "train.evaluate_every": EVALUATE_EVERY[name]}
    return override(preset, length)


def replayed(name: str, per_cent: int) -> RunConfig:
    """The training on new facts that follows the base run."""
    train = replace(NEW_FACTS, init_from=f"{name}-base")
    changes = {"task.unseen": 100, "task.train_on": "unseen", "task.replay": per_cent / 100, "train": train}
    return override(base(name), changes)


VARIANTS = {f"{name}-{share}": override(base(name), SHARES[share]) for name in OBJECTIVES for share in SHARES}
for name in ("causal", "masked"):
    VARIANTS[f"{name}-base"] = override(base(name), {"task.unseen": 100})
    VARIANTS |= {f"{name}-replay-{per_cent}": replayed(name, per_cent) for per_cent in REPLAY}
TITLE = "What is varied: which facts come first, and how many old ones are replayed"


def quick(config: RunConfig) -> RunConfig:
    """Half the world, half the steps."""
    halved = {f"task.{count}": getattr(config.task, count) // 2 for count in ("entities", "one_way", "unseen")}
    return override(config, halved | {"train.steps": config.train.steps // 2})
