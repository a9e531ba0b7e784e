"""Seeds trained in one program get what runs of their own get, to rounding."""

import pytest
import torch

from config.validation import SettingError
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tests.running import tiny
from train.bench import several_seeds
from train.bench.__main__ import main
from train.bench.stacked import StackedSeeds
from train.config import RunConfig
from train.counters import Counters
from train.loop import Loop
from train.optimiser import Optimiser
from train.progress import WARNINGS
from train.signals import NEVER

SEEDS, STEPS = 3, 4
CPU = torch.device("cpu")
# Names of one and two tokens, so that documents and their numbers of targets differ from seed to seed.
NAMES = {"names.min_length": 1, "names.max_length": 2}
EVERY_TARGET = Masked(scheme="uniform", maskable=("source", "relation", "target"))


def config_of(objective, **train) -> RunConfig:
    network = {"depth": 2, "norm": "rms"}
    return tiny(objective, seed=5, network=network, world=NAMES, **train)


def train_alone(config: RunConfig, seed: int) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The losses of a run of one seed by the loop's own step, and its weights at the end."""
    corpus = config.task.build(seed)
    modules = build_modules(config.model, config.objective, corpus, seed).train()
    run = RunConfig(config.task, config.objective, config.model, config.train, seed)
    loop = Loop(run, TrainedModel(corpus, config.objective, modules), None, "", CPU, WARNINGS, NEVER)
    optimiser, losses = Optimiser(modules, config.train), []
    for step in range(STEPS):
        counters = Counters(step=step)
        loop.step(optimiser, counters)
        losses.append(counters.training_entry()["loss"])
    return losses, dict(modules.named_parameters())


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
@pytest.mark.parametrize("objective", [Causal(), Masked(), EVERY_TARGET], ids=["causal", "masked", "uniform"])
def test_each_seed_is_trained_as_it_would_be_alone(objective, optimiser):
    config = config_of(objective, optimiser=optimiser, clip=0.5)  # every gradient is longer than that
    stacked = StackedSeeds.build(config, SEEDS, CPU)
    assert any((stacked.batch(step)["weights"] == 0).any() for step in range(STEPS))  # seeds with fewer targets
    losses = torch.tensor([stacked.step(step) for step in range(STEPS)])
    weights = dict(stacked.modules.named_parameters())
    for i in range(SEEDS):
        losses_alone, weights_alone = train_alone(config, config.seed + i)
        torch.testing.assert_close(losses[:, i], torch.tensor(losses_alone))
        for name, weight in weights_alone.items():
            torch.testing.assert_close(weights[name].view(SEEDS, *weight.shape)[i], weight, msg=name)


def test_the_table_has_every_way(monkeypatch, capsys):
    monkeypatch.setattr(several_seeds, "DEFAULTS", ("causal",))
    monkeypatch.setattr(several_seeds, "PRESETS", {"causal": ("", config_of(Causal()))})
    main(["--rows=seeds", "--rounds=2", "--steps=1", "--jobs=1", "--stacked", "1", "2"])
    lines = capsys.readouterr().out.splitlines()
    for way in ("1 processes", "one after another", "1 stacked", "2 stacked"):
        (row,) = [line.removeprefix(way).split() for line in lines if line.startswith(way)]
        assert float(row[0]) > 0  # milliseconds
    assert max(map(len, lines)) <= 80


def test_a_network_without_a_stacked_form_is_refused():
    with pytest.raises(SettingError, match="model"):
        StackedSeeds.build(tiny(), SEEDS, CPU)  # its norm is a layer norm
