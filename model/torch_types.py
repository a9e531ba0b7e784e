"""Names of torch's types for annotations, in modules that can be imported without torch.

Importing torch takes two seconds. What lists, explains or checks settings does without: it imports torch's types from
here, and torch itself inside the functions that compute with it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import Module, ModuleDict

    Device = torch.device
else:
    Device = Module = ModuleDict = Tensor = Any
