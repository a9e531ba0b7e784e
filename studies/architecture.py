"""Masking and direction are two things: next token or masked, causal or full visibility, and what lies between.

Next-token prediction with full visibility has nothing to predict: the answer would be in sight. `prefix` comes as near
as can be: all that stands before the target sees all of itself.
"""

from dataclasses import replace

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.prefix import Prefix
from studies.objectives import BASE

VARIANTS = {
    "next-token-causal": replace(BASE, objective=Causal()),
    "next-token-prefix": replace(BASE, objective=Prefix()),
    "masked-causal": replace(BASE, objective=Masked(see="causal")),
    "masked-full": replace(BASE, objective=Masked()),
}
