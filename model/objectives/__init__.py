"""The ways of factorising a document. contract.py says what one is; causal.py and masked.py are the shortest.

To add one: a file with a frozen settings dataclass that is an Objective, and one line here.
"""

from model.objectives.causal import Causal
from model.objectives.masked import Masked

OBJECTIVES = {"causal": Causal, "masked": Masked}
