"""Objectives: the ways to factorise a document. base.py defines one; causal.py and masked.py are the shortest.

To add one: a file with a frozen settings dataclass that is an Objective, and a line here. It imports torch inside the
functions that compute with it, since lists and help texts do without (model/torch_types.py).
"""

from model.objectives.belief_state import BeliefState
from model.objectives.bico import Bico
from model.objectives.both_directions import BothDirections
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.infill import Infill
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from model.objectives.permuted import Permuted
from model.objectives.prefix import Prefix
from model.objectives.reinforced import Reinforced
from model.objectives.reversed import Reversed
from model.objectives.semantic_permutation import SemanticPermutation
from model.objectives.span_denoising import SpanDenoising

OBJECTIVES = {
    "causal": Causal,
    "masked": Masked,
    "diffusion": Diffusion,
    "permuted": Permuted,
    "reversed": Reversed,
    "semantic-permutation": SemanticPermutation,
    "both-directions": BothDirections,
    "prefix": Prefix,
    "infill": Infill,
    "masked-copy": MaskedCopy,
    "bico": Bico,
    "span-denoising": SpanDenoising,
    "belief-state": BeliefState,
    "joint-embedding": JointEmbedding,
    "reinforced": Reinforced,
}
