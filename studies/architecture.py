"""Masking and visibility are two things: next token or masked, causal or full visibility, and what lies between.

Next-token prediction with full visibility has nothing to predict, because the target would be visible. `prefix` is the
closest to it: the tokens before the target all see each other.
"""

from dataclasses import replace

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.prefix import Prefix
from studies.objectives import BASE

VARIANTS = {
    "next-token-causal": replace(BASE, objective=Causal()),
    "next-token-prefix": replace(BASE, objective=Prefix()),
    "masked-causal": replace(BASE, objective=Masked(visibility="causal")),
    "masked-full": replace(BASE, objective=Masked()),
}
TITLE = "What is varied: what is predicted, and what attention may see"
