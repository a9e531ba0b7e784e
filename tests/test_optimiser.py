"""Our optimisers against those of torch, and which of them updates what."""

import pytest
import torch
from torch import nn

from model.build import build_modules
from model.objectives import OBJECTIVES
from tests.running import tiny
from train.config import TrainConfig
from train.optimiser import Optimiser, muon_, orthogonalise

SHAPES = [(16, 16), (32, 16), (16, 43), (43, 16)]


def made(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def modules_of(name: str = "causal", **network) -> nn.ModuleDict:
    return build_modules(tiny(network=network).model, OBJECTIVES[name](), tiny().task.build(0), 0)


def set_gradients(modules: nn.Module, seed: int) -> None:
    for i, parameter in enumerate(modules.parameters()):
        parameter.grad = made(1000 * seed + i, parameter.shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_muon_is_torchs_but_for_its_precision(shape):
    """torch.optim's multiplies in bfloat16, of eight bits: an entry of an update may differ by a few hundredths."""
    matrices = [nn.Parameter(made(i, shape)) for i in range(3)]
    theirs = [nn.Parameter(matrix.detach().clone()) for matrix in matrices]
    momenta, outside = [torch.zeros(shape) for _ in matrices], torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1)
    for step in range(5):
        before = [matrix.detach().clone() for matrix in matrices]
        for i, (matrix, other) in enumerate(zip(matrices, theirs)):
            matrix.grad = made(10 * step + i, shape)
            other.data.copy_(matrix.data)
            other.grad = matrix.grad.clone()
        with torch.no_grad():
            muon_(matrices, momenta, 0.02, 0.95, 0.1)
        outside.step()
        for matrix, other, old in zip(matrices, theirs, before):
            ours, reference = matrix - old, other - old
            assert (ours - reference).norm() < 0.02 * reference.norm()


def test_muon_in_double_precision_is_torchs_own_iteration(monkeypatch):
    """The same steps, written as torch.optim writes them, for one matrix."""
    a, b, c = 3.4445, -4.7750, 2.0315
    for shape in SHAPES:
        x = made(0, shape).double()
        y = x.T if shape[0] > shape[1] else x
        y = y / y.norm()
        for _ in range(5):
            gram = y @ y.T
            y = a * y + (b * gram + c * gram @ gram) @ y
        expected = y.T if shape[0] > shape[1] else y
        torch.testing.assert_close(orthogonalise(x[None])[0], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_of_an_update_are_about_one(shape):
    values = torch.linalg.svdvals(orthogonalise(made(0, (4, *shape))))
    assert values.min() > 0.4
    assert values.max() < 1.3


def test_adamw_is_torchs_to_the_bit():
    ours, theirs = modules_of(bias=True), modules_of(bias=True)
    config = TrainConfig(optimiser="adamw", learning_rate=0.01, weight_decay=0.3, beta1=0.8, beta2=0.95)
    optimiser = Optimiser(ours, config)
    groups = [
        {"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.3},
        {"params": [p for p in theirs.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    outside = torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.95), fused=True)
    for step in range(5):
        for modules in (ours, theirs):
            set_gradients(modules, step)
        for group in outside.param_groups:
            group["lr"] = 0.01 * (step + 1) / 5
        optimiser.step((step + 1) / 5)
        outside.step()
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters()))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_muon_updates_the_matrices_of_all_layers_and_nothing_else(name):
    modules = modules_of(name, bias=True, convolution=3 if name == "causal" else 1, position="learned")
    muon = {name for names in Optimiser(modules, TrainConfig()).stacks for name in names}
    for name, parameter in modules.named_parameters():
        is_matrix = parameter.ndim == 2 and "neighbours" not in name
        assert (name in muon) == (is_matrix and ".layers." in name), name
    assert not Optimiser(modules, TrainConfig(optimiser="adamw")).stacks


def test_a_step_of_muon_with_embedding_and_output_left_to_adamw_changes_each_parameter_once():
    modules = modules_of(bias=True)
    config = TrainConfig(muon_rate=0.02, learning_rate=7e-3, weight_decay=0.0)
    before = {name: parameter.detach().clone() for name, parameter in modules.named_parameters()}
    set_gradients(modules, 0)
    Optimiser(modules, config).step(0.5)
    for name, parameter in modules.named_parameters():
        change = (parameter.detach() - before[name]).square().mean().sqrt()
        if ".layers." in name and parameter.ndim == 2:
            rows, columns = parameter.shape
            expected = 0.5 * 0.02 * max(1, rows / columns) ** 0.5 * (min(rows, columns) / parameter.numel()) ** 0.5
            assert change == pytest.approx(expected, rel=0.25), name
        else:
            assert change == pytest.approx(0.5 * 7e-3, rel=0.01), name  # AdamW's first step is the rate


def test_a_parameter_without_a_gradient_is_left_as_it_is():
    modules = modules_of()
    set_gradients(modules, 0)
    left = dict(modules.named_parameters())["network.layers.0.attention.out.weight"]
    left.grad = None
    before = left.detach().clone()
    Optimiser(modules, TrainConfig()).step(1.0)
    assert torch.equal(left, before)
