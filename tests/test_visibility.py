"""No position is told anything, in value or in gradient, by one it may not see; by those it may see it is."""

import pytest
import torch
from torch import Tensor, nn

from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.positions import POSITIONS
from model.visibility import Visibility
from tests.examples import VISIBILITIES, batch, corpus, modules, some_documents, visible

OBJECTS = {name: objective() for name, objective in OBJECTIVES.items()} | {"masked, see causal": Masked(see="causal")}
# Where the one seen sees more than the one who looks may see, news travels on through two layers: see below.
CLOSED = [name for name in VISIBILITIES if not name.startswith("scattered")]
PATHS = ["whole", "trimmed", "plain"]  # through the network: all of it, the last layer at some places, inspection

DOCUMENTS = some_documents(corpus())
TOKENS, LENGTHS = (torch.from_numpy(array).long() for array in (DOCUMENTS.tokens, DOCUMENTS.lengths))
B, T = TOKENS.shape


def look(network: nn.Module, tokens: Tensor, visibility: Visibility, path: str) -> tuple[Tensor, Tensor]:
    """The hidden states[n, d] by one of the paths through the network, and their places[n] in [b, t]."""
    every = torch.arange(tokens.numel())
    if path == "whole":
        return network(tokens, visibility).flatten(0, 1), every
    if path == "plain":
        return network(tokens, visibility, weights=[]).flatten(0, 1), every
    some = every[every % 5 != 0]
    return network(tokens, visibility, at=some), some


def with_another(tokens: Tensor, s: int, network: nn.Module) -> Tensor:
    """The documents with another token at position s of each."""
    other = tokens.clone()
    other[:, s] = (other[:, s] + 7) % network.embedding.num_embeddings
    return other


def told_by_value(network: nn.Module, tokens: Tensor, visibility: Visibility, path: str) -> tuple[Tensor, Tensor]:
    """told[n, s]: whether another token at s changes the state at place n of [b, t] by as much as a bit; places[n]."""
    before, places = look(network, tokens, visibility, path)
    after = [look(network, with_another(tokens, s, network), visibility, path)[0] for s in range(tokens.shape[1])]
    return torch.stack([(hidden != before).any(-1) for hidden in after], dim=1), places


def told_by_gradient(network: nn.Module, tokens: Tensor, visibility: Visibility, path: str) -> tuple[Tensor, Tensor]:
    """told[n, s]: whether the state at place n of [b, t] has any gradient in the embedding at s; places[n]."""
    embedded = []
    hook = network.embedding.register_forward_hook(lambda module, given, x: embedded.append(x))
    hidden, places = look(network, tokens, visibility, path)
    hook.remove()
    direction = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0))
    told = torch.zeros(len(places), tokens.shape[1], dtype=torch.bool)
    for n, (state, along) in enumerate(zip(hidden, direction)):
        (gradient,) = torch.autograd.grad(state @ along, embedded, retain_graph=True)
        row = places[n] // tokens.shape[1]
        told[n] = (gradient[row] != 0).any(-1)
        gradient[row] = 0
        assert not gradient.any(), "documents of a batch see one another"
    return told, places


def assert_told_what_is_visible(network: nn.Module, tokens: Tensor, visibility: Visibility, path: str) -> None:
    seen = visible(visibility, *tokens.shape).flatten(0, 1)
    for told_by in (told_by_value, told_by_gradient):
        told, places = told_by(network, tokens, visibility, path)
        assert torch.equal(told, seen[places]), told_by.__name__


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("objective", OBJECTS.values(), ids=OBJECTS)
def test_every_objective_is_told_what_it_may_see_and_nothing_else(objective, position, path):
    made = batch(objective, DOCUMENTS)
    network = modules(objective, corpus(), position=position)["network"]
    assert_told_what_is_visible(network, made["tokens"], objective.visibility(made), path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", CLOSED)
def test_every_kind_tells_what_is_visible_and_nothing_else(name, position, path):
    network = modules(Causal(), corpus(), position=position)["network"]
    assert_told_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", ["scattered", "scattered, padded"])
def test_one_layer_tells_what_is_visible_however_scattered(name, position, path):
    network = modules(Causal(), corpus(), position=position, depth=1)["network"]
    assert_told_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), path)


def test_two_layers_pass_on_what_a_seen_position_sees():
    network, visibility = modules(Causal(), corpus())["network"], VISIBILITIES["scattered"](LENGTHS, T)
    once = visible(visibility, B, T)
    twice = (once.float() @ once.float()).bool()
    assert not torch.equal(once, twice)
    assert torch.equal(told_by_value(network, TOKENS, visibility, "whole")[0], twice.flatten(0, 1))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", VISIBILITIES)
def test_documents_of_a_batch_never_change_one_another(name, position):
    network, visibility = modules(Causal(), corpus(), position=position)["network"], VISIBILITIES[name](LENGTHS, T)
    other = torch.cat([TOKENS[:1].flip(1), TOKENS[1:]])
    before, after = network(TOKENS, visibility), network(other, visibility)
    assert torch.equal(before[1:], after[1:])
    assert not torch.equal(before[0], after[0])


@pytest.mark.parametrize("objective", OBJECTS.values(), ids=OBJECTS)
def test_every_position_sees_itself_and_none_that_is_real_sees_padding(objective):
    made = batch(objective, DOCUMENTS)
    seen = visible(objective.visibility(made), *made["tokens"].shape)
    real = torch.arange(made["tokens"].shape[1]) < made["lengths"][:, None]
    assert not real.all()
    assert seen.diagonal(dim1=1, dim2=2).all()
    assert not (seen & real[:, :, None] & ~real[:, None, :]).any()


@pytest.mark.parametrize("name", VISIBILITIES)
def test_every_position_sees_itself_whatever_the_kind(name):
    assert visible(VISIBILITIES[name](LENGTHS, T), B, T).diagonal(dim1=1, dim2=2).all()


@pytest.mark.parametrize("name", [name for name in VISIBILITIES if "padded" in name])
def test_no_real_position_sees_padding_whatever_the_kind(name):
    real = torch.arange(T) < LENGTHS[:, None]
    assert not (visible(VISIBILITIES[name](LENGTHS, T), B, T) & real[:, :, None] & ~real[:, None, :]).any()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("causal", lambda t, s, length: s <= t),
        ("masked", lambda t, s, length: s < length or s == t),
        ("masked, see causal", lambda t, s, length: s <= t),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_sees_whom_is_what_the_name_says(name, rule):
    said = [[[rule(t, s, length) for s in range(T)] for t in range(T)] for length in LENGTHS.tolist()]
    seen = visible(OBJECTS[name].visibility(batch(OBJECTS[name], DOCUMENTS)), B, T)
    assert torch.equal(seen, torch.tensor(said))


def test_explicit_is_what_is_allowed_without_padding_and_with_oneself():
    allowed = torch.zeros(2, 3, 3, dtype=torch.bool)
    allowed[0, 0, 2] = allowed[1, 0, 1] = allowed[1, 0, 2] = True
    seen = visible(Visibility("explicit", torch.tensor([3, 2]), allowed), 2, 3)
    assert seen.int().tolist() == [[[1, 0, 1], [0, 1, 0], [0, 0, 1]], [[1, 1, 0], [0, 1, 0], [0, 0, 1]]]
