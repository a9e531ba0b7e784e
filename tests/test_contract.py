"""The contract carries what is not there yet: five objectives as tests, through the same loop and evaluation."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.assemble import assemble
from model.objectives import OBJECTIVES
from model.objectives.batch import Arrays, Tensors
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from model.transformer import Transformer
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions
from tasks.reversal import Reversal
from tasks.vocabulary import MASK, SEPARATOR
from train.run import train_run
from train.settings import Config, TrainSettings

WORLD = Reversal(entities=12, relations=2, one_way=4, renderings=2, longest_name=2, filler=1)


def turned(documents: Documents) -> Documents:
    """The documents right to left, padding where it was."""
    place = documents.lengths[:, None] - 1 - np.arange(documents.tokens.shape[1])
    place = np.where(place < 0, np.arange(documents.tokens.shape[1]), place)
    tokens, roles = (np.take_along_axis(a, place, 1) for a in (documents.tokens, documents.roles))
    return Documents(tokens, documents.lengths, roles)


@dataclass(frozen=True)
class RightToLeft(Causal):
    """Another order: tokens are turned, for training and for asking, so the first entity can be asked."""

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        return super().prepare(turned(documents), rng)

    def ask(self, modules: nn.ModuleDict, questions: Questions, given: np.ndarray) -> Tensor | None:
        start = questions.documents.lengths - questions.start - questions.size
        return super().ask(modules, replace(questions, documents=turned(questions.documents), start=start), given)


@dataclass(frozen=True)
class Prefix(Causal):
    """Prefix visibility: everything before the last statement word sees itself whole."""

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        reach = rng.integers(1, documents.lengths)
        arrays = super().prepare(documents, rng)
        keep = arrays["at"] % documents.tokens.shape[1] >= reach[arrays["at"] // documents.tokens.shape[1]] - 1
        return arrays | {"at": arrays["at"][keep], "targets": arrays["targets"][keep], "reach": reach}

    def visibility(self, batch: Tensors) -> Visibility:
        if "reach" not in batch:
            return CAUSAL
        at = torch.arange(batch["tokens"].shape[1])
        allowed = (at[None, :] <= at[:, None]) | (at[None, None, :] < batch["reach"][:, None, None])
        return Visibility("explicit", batch["lengths"], allowed)


@dataclass(frozen=True)
class Diffusion(Masked):
    """A weighted loss: 1/t for each hidden token, over all that could have been hidden."""

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        rate = rng.uniform(0.1, 1, (len(documents), 1))
        may = documents.roles != NONE
        hidden = may & (rng.random(may.shape) < rate)
        at = np.flatnonzero(hidden)
        weights = np.broadcast_to(1 / rate, may.shape).ravel()[at].astype(np.float32)
        arrays = {"tokens": np.where(hidden, np.int32(MASK), documents.tokens), "lengths": documents.lengths}
        return arrays | {"at": at, "targets": documents.tokens.ravel()[at], "weights": weights, "could": may.sum(1)}

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        network = modules["network"]
        hidden = network(batch["tokens"], self.visibility(batch), at=batch["at"])
        each = F.cross_entropy(network.logits(hidden), batch["targets"], reduction="none")
        return (each * batch["weights"]).sum(), int(batch["could"].sum())


@dataclass(frozen=True)
class TwoTowers(Masked):
    """A second tower, whose output joins the network's."""

    def parts(self, settings: NetworkSettings) -> dict[str, nn.Module]:
        return {"second": Transformer(settings, 200, self.max_length(20))}

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        seen = [modules[n](batch["tokens"], self.visibility(batch), at=batch["at"]) for n in ("network", "second")]
        logits = modules["network"].logits(sum(seen))
        return F.cross_entropy(logits, batch["targets"], reduction="sum"), len(batch["targets"])


@dataclass(frozen=True)
class MaskedCopy(Causal):
    """A masked copy in the prompt: twice the length, loss on the clean copy alone."""

    def max_length(self, length: int) -> int:
        return 2 * length + 1

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        hidden = Masked().hidden(documents.roles, rng)
        return super().prepare(self.with_copy(documents, hidden), rng)

    def with_copy(self, documents: Documents, hidden: np.ndarray) -> Documents:
        copy = np.where(hidden, np.int32(MASK), documents.tokens)
        between = np.full((len(documents), 1), SEPARATOR, np.int32)
        tokens = np.concatenate([copy, between, documents.tokens], 1)
        roles = np.concatenate([np.zeros_like(documents.roles), between * 0, documents.roles], 1).astype(np.int8)
        return Documents(tokens, documents.lengths + copy.shape[1] + 1, roles)

    def ask(self, modules: nn.ModuleDict, questions: Questions, given: np.ndarray) -> Tensor | None:
        documents = self.with_copy(questions.documents, questions.documents.tokens == MASK)
        start = questions.start + questions.documents.tokens.shape[1] + 1
        return super().ask(modules, replace(questions, documents=documents, start=start.astype(np.int32)), given)


@pytest.mark.parametrize("later", [RightToLeft, Prefix, Diffusion, TwoTowers, MaskedCopy])
def test_loop_and_evaluation_take_a_later_objective_as_it_is(later, monkeypatch, tmp_path):
    monkeypatch.setitem(OBJECTIVES, "later", later)
    train = TrainSettings(steps=20, warmup=2, batch=16, log_every=5, evaluate_every=10)
    config = Config(WORLD, later(), NetworkSettings(width=16), train)
    losses: list[float] = []
    result = train_run(config, "run", root=tmp_path, report=lambda entry: losses.append(entry.get("loss", np.inf)))
    assert losses[-2] < losses[1]  # it learns
    splits = result["splits"]
    assert splits["forward"]["count"] == (0 if later is RightToLeft else 4)
    assert splits["backward"]["count"] == (4 if issubclass(later, RightToLeft | Masked) else 0)


@pytest.mark.parametrize("later", [RightToLeft, Prefix, Diffusion, TwoTowers, MaskedCopy])
def test_an_added_part_changes_no_initial_weight_of_the_network(later):
    corpus = WORLD.build(0)
    plain = dict(assemble(NetworkSettings(width=16), Causal(), corpus, 0).named_parameters())
    for name, parameter in assemble(NetworkSettings(width=16), later(), corpus, 0).named_parameters():
        if name in plain and parameter.shape == plain[name].shape:
            assert torch.equal(parameter, plain[name])
