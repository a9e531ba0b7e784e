"""The runs that have a name: `python -m train NAME`. To add one: a line in PRESETS.

Both share task, network, batches and rates; steps are what each needs, found on seeds of 1000 and above.
"""

from dataclasses import replace

from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.reversal import Reversal
from train.settings import Config, TrainSettings

CAUSAL = Config(Reversal(), Causal(), train=TrainSettings(steps=3000))
BIDIRECTIONAL = replace(CAUSAL, objective=Masked(), train=TrainSettings(steps=5000))

PRESETS: dict[str, tuple[str, Config]] = {
    "causal": ("next token, each position sees what is left of it", CAUSAL),
    "bidirectional": ("one entity masked, each position sees all", BIDIRECTIONAL),
}
