"""No state depends, in value or in gradient, on a position that it may not see; on those that it may see it does."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.objectives import OBJECTIVES
from model.objectives.batch import Tensors
from model.objectives.belief_state import BeliefState
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.objectives.span_denoising import SpanDenoising
from model.positions import POSITIONS
from model.transformer import Memory
from model.visibility import CAUSAL, Visibility
from tests.examples import VISIBILITIES, batch, corpus, modules, some_documents, visible

OBJECTS = {name: objective() for name, objective in OBJECTIVES.items()}
OBJECTS["masked, causal visibility"] = Masked(visibility="causal")
# Where a visible position sees more than the one that sees it may see, two layers pass that on: see below.
CLOSED = [name for name in VISIBILITIES if not name.startswith("scattered")]
PATHS = ["whole", "trimmed", "plain"]  # through the network: all of it, the last layer at some positions, inspection
# Of the network's settings, those that information can pass through.
SETTINGS = {position: {"position": position} for position in POSITIONS} | {
    "convolution 3": {"convolution": 3},
    "convolution 4": {"convolution": 4},
    "recurrence": {"depth": 1, "recurrence": 2},
}
# The path that training takes with all of them; the others, which share their code, with some.
CASES = [(settings, "trimmed") for settings in SETTINGS]
CASES += [(settings, path) for settings in ("rotary", "relative", "convolution 3") for path in ("whole", "plain")]
REFUSED = {("permuted", "none")} | {
    (name, f"convolution {size}") for name in ("permuted", "both-directions", "belief-state") for size in (3, 4)
}

DOCUMENTS = some_documents(corpus())[np.array([0, 3])]
TOKENS, LENGTHS = (torch.from_numpy(array).long() for array in (DOCUMENTS.tokens, DOCUMENTS.lengths))
B, T = TOKENS.shape


Order = tuple[Tensor | None, Tensor | None]
LEFT_TO_RIGHT: Order = (None, None)


def order_of(made: Tensors) -> Order:
    """Positions and target positions of a batch, where tokens are not in their order."""
    return made.get("positions"), made.get("target_positions")


def run(
    network: nn.Module, tokens: Tensor, visibility: Visibility, path: str, order: Order = LEFT_TO_RIGHT
) -> tuple[Tensor, Tensor]:
    """Hidden states [n, d] by one of the paths through the network, and their positions [n], counted through [b, t]."""
    flat = torch.arange(tokens.numel())
    if path == "whole":
        return network(tokens, visibility, *order).flatten(0, 1), flat
    if path == "plain":
        return network(tokens, visibility, *order, attention_weights=[]).flatten(0, 1), flat
    flat = flat[flat % 5 != 0]
    return network(tokens, visibility, *order, logit_positions=flat), flat


def with_another_token(tokens: Tensor, s: int, network: nn.Module) -> Tensor:
    """The documents with another token at position s of each."""
    changed = tokens.clone()
    changed[:, s] = (changed[:, s] + 7) % network.embedding.num_embeddings
    return changed


def depends_in_value(network: nn.Module, tokens: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
    """bool[n, s]: whether another token at s changes a state by as much as a bit; and the states' positions [n]."""
    before, flat = run(network, tokens, *more)
    after = [run(network, with_another_token(tokens, s, network), *more)[0] for s in range(tokens.shape[1])]
    return torch.stack([(hidden != before).any(-1) for hidden in after], dim=1), flat


def reached(hidden: Tensor, flat: Tensor, t: int, inputs: Tensor, s: int) -> Tensor:
    """bool[n, s]: whether the state at position flat[n] of [b, t] has any gradient in inputs, of [b, s, d] numbers."""
    directions = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0))
    depends = torch.zeros(len(flat), s, dtype=torch.bool)
    for n, (state, direction) in enumerate(zip(hidden, directions)):
        (gradient,) = torch.autograd.grad(state @ direction, inputs, retain_graph=True)
        gradient = gradient.view(-1, s, gradient.shape[-1])
        document = flat[n] // t
        depends[n] = (gradient[document] != 0).any(-1)
        gradient[document] = 0
        assert not gradient.any(), "documents of a batch see one another"
    return depends


def depends_in_gradient(network: nn.Module, tokens: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
    """bool[n, s]: whether a state has any gradient in the embedding at s; and the states' positions [n]."""
    embedding, (b, t) = network.embedding, tokens.shape
    of_words, of_places = embedding.weight, nn.Parameter(embedding.weight.detach()[tokens.flatten()])
    embedding.weight = of_places
    hidden, flat = run(network, torch.arange(b * t).view(b, t), *more)
    embedding.weight = of_words
    return reached(hidden, flat, t, of_places, t), flat


def assert_depends_on_what_is_visible(
    network: nn.Module, tokens: Tensor, visibility: Visibility, path: str, order: Order = LEFT_TO_RIGHT
) -> None:
    is_visible = visible(visibility, *tokens.shape).flatten(0, 1)
    for dependence in (depends_in_value, depends_in_gradient):
        depends, flat = dependence(network, tokens, visibility, path, order)
        assert torch.equal(depends, is_visible[flat]), dependence.__name__


@pytest.mark.parametrize(
    ("name", "settings", "path"),
    [(name, *case) for name in OBJECTS for case in CASES if (name, case[0]) not in REFUSED],
)
def test_every_objective_sees_what_it_may_see_and_nothing_else(name, settings, path):
    objective = OBJECTS[name]
    made, network = batch(objective, DOCUMENTS), modules(objective, corpus(), **SETTINGS[settings])["network"]
    visibility = objective.visibility_of(made)
    assert_depends_on_what_is_visible(network, made["tokens"], visibility, path, order_of(made))


@pytest.mark.parametrize(("settings", "path"), CASES)
@pytest.mark.parametrize("name", CLOSED)
def test_every_pattern_shows_what_is_visible_and_nothing_else(name, settings, path):
    network = modules(Causal(), corpus(), **SETTINGS[settings])["network"]
    assert_depends_on_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), path)


@pytest.mark.parametrize(("settings", "path"), [case for case in CASES if case[0] != "recurrence"])
@pytest.mark.parametrize("name", ["scattered", "scattered, padded"])
def test_one_layer_shows_what_is_visible_however_scattered(name, settings, path):
    network = modules(Causal(), corpus(), **SETTINGS[settings], depth=1)["network"]
    assert_depends_on_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), path)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", CLOSED)
def test_other_positions_and_target_positions_make_nothing_else_visible(name, position):
    network = modules(Causal(), corpus(), position=position)["network"]
    generator = torch.Generator().manual_seed(0)
    shuffled = torch.stack([torch.randperm(T, generator=generator) for _ in range(B)])
    order = shuffled, shuffled.roll(-1, 1)
    assert_depends_on_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), "trimmed", order)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("name", VISIBILITIES)
def test_a_neighbour_is_mixed_in_where_all_that_see_a_position_see_it_too(name, size):
    visibility = VISIBILITIES[name](LENGTHS, T)
    is_visible, taps = visible(visibility, B, T), visibility.taps(size, B, T, torch.device("cpu"))
    right = (size - 1) // 2 if visibility.pattern == "full" else 0
    assert [offset for offset, _ in taps] == [offset for offset in range(right - size + 1, right + 1) if offset]
    for offset, present in taps:
        for b in range(B):
            for s in range(T):
                neighbour = s + offset
                if 0 <= neighbour < T:
                    allowed = all(is_visible[b, t, neighbour] for t in range(T) if is_visible[b, t, s])
                    assert allowed if present is None else present.expand(B, T)[b, s] == allowed


# What further towers see


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("position", POSITIONS)
def test_the_backward_tower_of_belief_state_sees_what_stands_to_the_right(position, path):
    made, model, calls = batch(BeliefState(), DOCUMENTS), modules(BeliefState(), corpus(), position=position), []
    hook = model["backward"].register_forward_pre_hook(lambda module, arguments: calls.append(arguments))
    BeliefState().target_hidden(model, made)
    hook.remove()
    ((tokens, visibility),) = calls
    index = torch.arange(tokens.shape[1])
    is_token = index < made["lengths"][:, None, None]
    assert not is_token.all()
    expected = (index >= index[:, None]) & is_token | (index == index[:, None])
    assert torch.equal(visible(visibility, *tokens.shape), expected)
    assert_depends_on_what_is_visible(model["backward"], tokens, visibility, path)


@pytest.mark.parametrize(("settings", "path"), CASES)
def test_a_decoder_sees_its_earlier_tokens_and_all_of_the_memory_but_its_padding(settings, path):
    made = batch(SpanDenoising(scheme="uniform"), DOCUMENTS)
    decoder = modules(SpanDenoising(), corpus(), **SETTINGS[settings])["decoder"]
    tokens, lengths = made["decoder_tokens"], made["lengths"]
    encoded = torch.randn(B, made["tokens"].shape[1], 16, generator=torch.Generator().manual_seed(0))
    memory = Memory(encoded.requires_grad_(), lengths)

    def with_memory(tokens: Tensor, visibility: Visibility, *order: Any, **more: Any) -> Tensor:
        return decoder(tokens, visibility, *order, memory=memory, **more)

    with_memory.embedding = decoder.embedding
    assert tokens.shape[1] > 2
    assert_depends_on_what_is_visible(with_memory, tokens, CAUSAL, path)
    hidden, flat = run(with_memory, tokens, CAUSAL, path)
    is_token = torch.arange(encoded.shape[1]) < lengths[:, None]
    assert not is_token.all()
    t, s = tokens.shape[1], encoded.shape[1]
    assert torch.equal(reached(hidden, flat, t, encoded, s), is_token[flat // t])
    with torch.no_grad():
        hidden, _ = run(with_memory, tokens, CAUSAL, path)
        encoded[~is_token] += 1
        assert torch.equal(run(with_memory, tokens, CAUSAL, path)[0], hidden)
        encoded[:, 0] += 1
        assert not (run(with_memory, tokens, CAUSAL, path)[0] == hidden).all(-1).any()


@pytest.mark.parametrize("name", OBJECTS)
@torch.no_grad()
def test_padding_changes_no_prediction_of_any_objective(name):
    objective = OBJECTS[name]
    made, model = batch(objective, DOCUMENTS), modules(objective, corpus())
    is_padding = torch.arange(made["tokens"].shape[1]) >= made["lengths"][:, None]
    other = made | {"tokens": torch.where(is_padding, 20, made["tokens"])}
    assert not torch.equal(other["tokens"], made["tokens"])
    assert torch.equal(objective.target_hidden(model, other), objective.target_hidden(model, made))


def test_two_layers_pass_on_what_a_visible_position_sees():
    network, visibility = modules(Causal(), corpus())["network"], VISIBILITIES["scattered"](LENGTHS, T)
    once = visible(visibility, B, T)
    twice = (once.float() @ once.float()).bool()
    assert not torch.equal(once, twice)
    assert torch.equal(depends_in_value(network, TOKENS, visibility, "whole")[0], twice.flatten(0, 1))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", VISIBILITIES)
def test_documents_of_a_batch_never_change_one_another(name, position):
    network, visibility = modules(Causal(), corpus(), position=position)["network"], VISIBILITIES[name](LENGTHS, T)
    other = torch.cat([TOKENS[:1].flip(1), TOKENS[1:]])
    before, after = network(TOKENS, visibility), network(other, visibility)
    assert torch.equal(before[1:], after[1:])
    assert not torch.equal(before[0], after[0])


@pytest.mark.parametrize("objective", OBJECTS.values(), ids=OBJECTS)
def test_every_position_sees_itself_and_none_of_a_document_sees_padding(objective):
    made = batch(objective, DOCUMENTS)
    is_visible = visible(objective.visibility_of(made), *made["tokens"].shape)
    is_token = torch.arange(made["tokens"].shape[1]) < made["lengths"][:, None]
    assert not is_token.all()
    assert is_visible.diagonal(dim1=1, dim2=2).all()
    assert not (is_visible & is_token[:, :, None] & ~is_token[:, None, :]).any()


@pytest.mark.parametrize("name", VISIBILITIES)
def test_every_position_sees_itself_whatever_the_pattern(name):
    assert visible(VISIBILITIES[name](LENGTHS, T), B, T).diagonal(dim1=1, dim2=2).all()


@pytest.mark.parametrize("name", [name for name in VISIBILITIES if "padded" in name])
def test_no_position_of_a_document_sees_padding_whatever_the_pattern(name):
    is_token = torch.arange(T) < LENGTHS[:, None]
    is_visible = visible(VISIBILITIES[name](LENGTHS, T), B, T)
    assert not (is_visible & is_token[:, :, None] & ~is_token[:, None, :]).any()


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (
            lambda t, s, length, made, b: s <= t,
            [
                "causal",
                "masked, causal visibility",
                "permuted",
                "reversed",
                "semantic-permutation",
                "infill",
                "masked-copy",
                "belief-state",
                "joint-embedding",
            ],
        ),
        (
            lambda t, s, length, made, b: s < length or s == t,
            ["masked", "diffusion", "bico", "span-denoising"],
        ),
        (
            lambda t, s, length, made, b: ((s <= t or s < made["prefix_lengths"][b]) and s < length) or s == t,
            ["prefix"],
        ),
        (
            lambda t, s, length, made, b: ((s >= t if made["right_to_left"][b] else s <= t) and s < length) or s == t,
            ["both-directions"],
        ),
    ],
    ids=["left", "all", "prefix", "one side"],
)
def test_an_objective_has_the_visibility_of_its_rule(rule, names):
    for name in names:
        for seed in range(3):
            made = batch(OBJECTS[name], DOCUMENTS, seed)
            t, lengths = made["tokens"].shape[1], made["lengths"].tolist()
            expected = [[[rule(i, s, n, made, b) for s in range(t)] for i in range(t)] for b, n in enumerate(lengths)]
            assert torch.equal(visible(OBJECTS[name].visibility_of(made), B, t), torch.tensor(expected)), name


def test_explicit_is_what_is_allowed_without_padding_and_with_oneself():
    allowed = torch.zeros(2, 3, 3, dtype=torch.bool)
    allowed[0, 0, 2] = allowed[1, 0, 1] = allowed[1, 0, 2] = True
    is_visible = visible(Visibility("explicit", torch.tensor([3, 2]), allowed), 2, 3)
    assert is_visible.int().tolist() == [[[1, 0, 1], [0, 1, 0], [0, 0, 1]], [[1, 1, 0], [0, 1, 0], [0, 0, 1]]]
