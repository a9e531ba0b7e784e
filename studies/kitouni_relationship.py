"""Non-reciprocal relationships (Kitouni et al. 2024, 2406.05183): does reversed text teach false statements?

One relation in chains A → B → C, so that `B r _` is C and never A. Reversed by entity, `A r B` reads as `B r A`. That
is a false statement, unless a delimiter or a direction token marks reversed text.

Published, entity reversal: 54/53 with 44 % wrong inferences without a delimiter; 100/100 and 0 with one.
"""

from dataclasses import replace

from model.objectives.causal import Causal
from model.objectives.reversed import Reversed
from train.presets import KITOUNI_RELATIONSHIP as BASE

VARIANTS = {
    "causal": replace(BASE, objective=Causal()),
    "no-delimiter": replace(BASE, objective=Reversed(direction=False)),
    "delimiter": replace(BASE, objective=Reversed(direction=False, delimiter=True)),
    "direction-token": replace(BASE, objective=Reversed(direction=True)),
}
TITLE = "What is varied: how reversed text is marked"
