"""One torch thread, and hypothesis without a clock: the machine may be busy."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("calm", deadline=None, max_examples=30)
settings.load_profile("calm")
