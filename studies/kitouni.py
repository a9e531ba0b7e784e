"""The factorisation curse (Kitouni et al. 2024, 2406.05183): keys and values of two tokens, asked both ways.

One relation leads from a pool of keys to a pool of values. `forward` asks for a fact as stated, `inverse` by the
inverse word.

Published, forward / backward: next token 100/0, with token reversal 100/0; masked at 15 %: 21/22, 40 %: 17/16,
85 %: 27/28; at a uniform rate 100/100; permuted 100/100.
"""

from dataclasses import replace

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.permuted import Permuted
from model.objectives.reversed import Reversed
from tasks.corpus import ROLES
from train.presets import KITOUNI as BASE

ALL = tuple(ROLES)

VARIANTS = {
    "causal": replace(BASE, objective=Causal()),
    "reversed-token": replace(BASE, objective=Reversed(unit="token", direction=False)),
    "uniform": BASE,
    "permuted": replace(BASE, objective=Permuted()),
    "fixed-15": replace(BASE, objective=Masked(scheme="fixed", maskable=ALL, rate=0.15)),
    "fixed-40": replace(BASE, objective=Masked(scheme="fixed", maskable=ALL, rate=0.40)),
    "fixed-85": replace(BASE, objective=Masked(scheme="fixed", maskable=ALL, rate=0.85)),
}
TITLE = "What is varied: the objective and the masking rate. Names have two tokens"
