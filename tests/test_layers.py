"""Our softmax and RMSNorm against torch's: values, gradients, and what is asked of them twice."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from model.config import ModelConfig
from model.layers import Normalise, RMSNorm
from model.softmax import LONG_ROW, ShortSoftmax, softmax

EPSILON = 1e-6  # Llama's
SCORE_SHAPES = [(1,), (4, 1), (2, 3, 5, 8), (3, LONG_ROW - 1), (3, LONG_ROW), (2, 2, LONG_ROW + 9)]
STATE_SHAPES = [(1, 8), (4, 7, 8), (2, 3, 5, 8), (6, 1)]


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_hidden(scores: Tensor) -> Tensor:
    """About half of the entries -inf, the first of each row never."""
    hidden = drawn(*scores.shape, seed=1) > 0
    hidden[..., 0] = False
    return scores.masked_fill(hidden, -torch.inf)


def values_and_gradients(function, *inputs: Tensor) -> list[Tensor]:
    """The output, and the gradient of its product with random numbers by every input."""
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    output = function(*inputs)
    (output * drawn(*output.shape, seed=2, dtype=output.dtype)).sum().backward()
    return [output.detach(), *(x.grad for x in inputs)]


@pytest.mark.parametrize("hide", [lambda scores: scores, with_hidden], ids=["all visible", "some hidden"])
@pytest.mark.parametrize("size", [1.0, 100.0])
@pytest.mark.parametrize("shape", SCORE_SHAPES)
def test_softmax_is_torchs(shape, size, hide):
    scores = hide(size * drawn(*shape))
    ours, theirs = (values_and_gradients(function, scores) for function in (softmax, lambda x: F.softmax(x, -1)))
    torch.testing.assert_close(ours, theirs)
    assert all(tensor.isfinite().all() for tensor in ours)
    assert not ours[0][scores.isinf()].any()
    assert not ours[1][scores.isinf()].any()


@pytest.mark.parametrize("shape", [(2, 3, 0), (2, 0, 3), (0, 5)])
def test_softmax_of_nothing_is_nothing(shape):
    output, gradient = values_and_gradients(softmax, torch.zeros(shape))
    assert output.shape == gradient.shape == shape


def test_only_short_rows_are_our_own(monkeypatch):
    monkeypatch.setattr(ShortSoftmax, "apply", lambda scores: "ours")
    assert softmax(drawn(2, LONG_ROW - 1)) == "ours"
    assert isinstance(softmax(drawn(2, LONG_ROW)), Tensor)


@pytest.mark.parametrize("shape", [(1,), (2, 3, 8)])
def test_the_gradients_of_softmax_are_those_of_differences(shape):
    scores = drawn(*shape, dtype=torch.float64).requires_grad_()
    assert gradcheck(ShortSoftmax.apply, scores)
    assert gradgradcheck(ShortSoftmax.apply, scores)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("shape", STATE_SHAPES)
def test_rms_norm_is_torchs(shape, size):
    x, weight = size * drawn(*shape), drawn(shape[-1], seed=3)

    def reference(x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, EPSILON)

    ours, theirs = (values_and_gradients(function, x, weight) for function in (Normalise.apply, reference))
    torch.testing.assert_close(ours, theirs)


def test_rms_norm_of_zeros_is_zero_with_a_finite_gradient():
    for tensor in values_and_gradients(Normalise.apply, torch.zeros(3, 8), drawn(8)):
        assert tensor.isfinite().all()
    assert not Normalise.apply(torch.zeros(3, 8), drawn(8)).any()


@pytest.mark.parametrize("shape", STATE_SHAPES)
def test_the_gradients_of_rms_norm_are_those_of_differences(shape):
    x, weight = drawn(*shape, dtype=torch.float64), drawn(shape[-1], seed=3, dtype=torch.float64)
    assert gradcheck(Normalise.apply, (x.requires_grad_(), weight.requires_grad_()))


def test_a_second_derivative_of_rms_norm_is_refused_rather_than_wrong():
    x, weight = drawn(2, 8).requires_grad_(), drawn(8, seed=3).requires_grad_()
    (first,) = torch.autograd.grad(Normalise.apply(x, weight).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_the_layer_starts_with_weights_of_one_and_is_torchs_layer():
    ours, theirs = RMSNorm(ModelConfig(width=16)), nn.RMSNorm(16, eps=EPSILON)
    assert {name: p.shape for name, p in ours.named_parameters()} == {"weight": theirs.weight.shape}
    x = drawn(4, 7, 16)
    torch.testing.assert_close(ours(x), theirs(x))
