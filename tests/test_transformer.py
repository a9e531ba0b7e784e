"""Every shortcut of the network gives the numbers of the direct computation, and its weights come from (seed, name)."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.nn import functional as F

from model.build import initialise
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.positions import POSITIONS
from model.rows import rows_of_targets
from model.short_conv import Mix, ShortConv
from model.transformer import Memory, Transformer
from model.visibility import CAUSAL, Visibility
from tests.examples import VISIBILITIES, corpus, modules, visible

B, T, VOCAB_SIZE = 4, 7, 40
TOKENS = torch.randint(VOCAB_SIZE, (B, T), generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([T, 5, 3, 1])
SELECTIONS = {
    "as many in each row": torch.tensor([2, T, 2 * T + 1, 3 * T]),
    "none in some rows": torch.tensor([T, T + 2, T + 4, 3 * T + 6]),
    "one": torch.tensor([2 * T + 2]),
    "all but one": torch.arange(1, B * T),
    "all": torch.arange(B * T),
    "none": torch.empty(0, dtype=torch.long),
}


def network_with(position: str, **settings: Any) -> Transformer:
    """A network for documents of twice the length, so that documents can be moved."""
    longer = corpus({"documents.filler": 8})
    assert longer.max_length >= 2 * T
    return modules(Causal(), longer, position=position, **settings)["network"]


def random_positions(seed: int) -> Tensor:
    """Positions [b, t] in no order, of documents twice as long."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(2 * T, generator=generator)[:T] for _ in range(B)])


def random_memory() -> Memory:
    hidden = torch.randn(B, 5, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    return Memory(hidden, torch.tensor([5, 3, 1, 4]))


def decoder_with(position: str, **settings: Any) -> Transformer:
    """As `network_with`, with layers that attend to a memory, too."""
    network = network_with(position, **settings)
    decoder = Transformer(network.config, VOCAB_SIZE, network.max_length, cross_attention=True).eval()
    initialise(nn.ModuleDict({"decoder": decoder}), network.config, 0)
    return decoder


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def gradients(network: Transformer, hidden: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Of the summed cross-entropy at `hidden`[n, d], by parameter; 0 where none arrives."""
    network.zero_grad()
    F.cross_entropy(network.logits(hidden), targets, reduction="sum").backward()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in network.named_parameters()}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pattern", VISIBILITIES)
@pytest.mark.parametrize("selection", SELECTIONS)
def test_the_last_layer_at_some_positions_equals_the_whole_layer(selection, pattern, position):
    network, visibility, flat = (
        network_with(position),
        VISIBILITIES[pattern](LENGTHS, T),
        SELECTIONS[selection],
    )
    trimmed, whole = network(TOKENS, visibility, logit_positions=flat), network(TOKENS, visibility).flatten(0, 1)[flat]
    torch.testing.assert_close(trimmed, whole, atol=1e-6, rtol=1e-5)
    targets = torch.arange(len(flat)) % VOCAB_SIZE
    trimmed_gradients, whole_gradients = gradients(network, trimmed, targets), gradients(network, whole, targets)
    # A gradient is summed in another order; its rounding is of the size of the largest terms, not of the sum.
    for name, gradient in trimmed_gradients.items():
        torch.testing.assert_close(gradient, whole_gradients[name], atol=1e-5, rtol=1e-5)
    assert bool(len(flat)) == any(gradient.any() for gradient in whole_gradients.values())


@pytest.mark.parametrize(("t", "columns"), [(4, 2), (5, 5), (8, 4), (40, 2)])
def test_few_targets_have_as_many_columns_as_are_fast_in_documents_long_enough_for_them(t, columns):
    _, own = rows_of_targets(torch.tensor([1, t, t + 2]), None, 2, t)
    assert own.shape == (2, columns)
    assert own.positions[:, :2].tolist() == [[1, 0], [0, 2]]
    x = torch.randn(3, 5)
    assert torch.equal(own.gather(own.scatter(x)), x)


@pytest.mark.parametrize("pattern", VISIBILITIES)
@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_no_target_depends_on_is_not_computed(selection, pattern):
    network, visibility, flat = network_with("rotary"), VISIBILITIES[pattern](LENGTHS, T), SELECTIONS[selection]
    computed = []
    for layer in network.layers:
        layer.feed_forward.register_forward_hook(lambda module, inputs, x: computed.append(len(x)))
    network(TOKENS, visibility, logit_positions=flat)
    columns, is_target = torch.arange(T), torch.zeros(B, T, dtype=torch.bool)
    is_target.view(-1)[flat] = True
    if pattern.startswith("causal"):
        expected = sum(int(columns[row].max()) + 1 for row in is_target if row.any())
    elif "padded" in pattern:
        expected = int(((columns < LENGTHS[:, None]) | is_target).sum())
    else:
        expected = B * T
    assert computed == [expected, len(flat)]


MORE = {
    "convolution 3": ({"convolution": 3}, {}),
    "convolution 4": ({"convolution": 4}, {}),
    "recurrence": ({"recurrence": 3}, {}),
    "any order": ({}, {"positions": random_positions(0), "target_positions": random_positions(1)}),
    "any order, one head": ({"heads": 1}, {"positions": random_positions(0), "target_positions": random_positions(1)}),
    "memory": ({}, {"memory": random_memory()}),
    "all at once": (
        {"convolution": 3, "recurrence": 2},
        {"positions": random_positions(0), "target_positions": random_positions(1), "memory": random_memory()},
    ),
}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pattern", ["causal", "full, padded", "prefix, padded"])
@pytest.mark.parametrize("more", MORE)
def test_the_last_layer_at_some_positions_equals_the_whole_layer_whatever_the_network_is_given(more, pattern, position):
    settings, inputs = MORE[more]
    network = (decoder_with if "memory" in inputs else network_with)(position, **settings)
    visibility = VISIBILITIES[pattern](LENGTHS, T)
    whole, plain = network(TOKENS, visibility, **inputs), network(TOKENS, visibility, **inputs, attention_weights=[])
    torch.testing.assert_close(plain, whole, atol=1e-5, rtol=1e-5)
    for name in ("none in some rows", "all but one", "none"):
        flat = SELECTIONS[name]
        trimmed = network(TOKENS, visibility, **inputs, logit_positions=flat)
        torch.testing.assert_close(trimmed, whole.flatten(0, 1)[flat], atol=1e-5, rtol=1e-5)
        targets = torch.arange(len(flat)) % VOCAB_SIZE
        trimmed_gradients = gradients(network, trimmed, targets)
        whole_gradients = gradients(network, network(TOKENS, visibility, **inputs).flatten(0, 1)[flat], targets)
        for parameter, gradient in trimmed_gradients.items():
            torch.testing.assert_close(gradient, whole_gradients[parameter], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize(
    ("pattern", "settings"),
    [
        ("causal", {"position": "rotary"}),
        ("full, padded", {"position": "rotary", "convolution": 3}),
        ("causal", {"position": "relative", "convolution": 5}),
    ],
)
def test_the_compiled_network_is_one_graph_for_documents_of_every_length(pattern, settings):
    network, compiled, graphs = network_with(**settings), network_with(**settings), CompileCounter()
    compiled.compile(dynamic=True, fullgraph=True, backend=graphs)  # it raises where the graph breaks
    for t in (T, T + 2):
        tokens, flat = torch.arange(3 * t).view(3, t), torch.tensor([1, 3, t, t + 4, 2 * t + 1])
        visibility = VISIBILITIES[pattern](torch.tensor([t, 5, 3]), t)
        plain, ours = (each.train()(tokens, visibility, logit_positions=flat) for each in (network, compiled))
        torch.testing.assert_close(ours, plain)
        targets = torch.arange(len(flat))
        torch.testing.assert_close(gradients(compiled, ours, targets), gradients(network, plain, targets))
    assert graphs.frame_count == 1
    compiled.eval()(tokens, visibility, logit_positions=flat[:2])
    assert graphs.frame_count == 1  # questions are not asked often enough to compile for them


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pattern", VISIBILITIES)
def test_plain_attention_is_the_fast_one_and_its_weights_are_shares_of_what_is_visible(pattern, position):
    network, visibility = network_with(position), VISIBILITIES[pattern](LENGTHS, T)
    weights: list[Tensor] = []
    plain = network(TOKENS, visibility, attention_weights=weights)
    torch.testing.assert_close(plain, network(TOKENS, visibility), atol=1e-5, rtol=1e-5)
    assert len(weights) == network.config.depth
    is_visible = visible(visibility, B, T)[:, None].expand(B, network.config.heads, T, T)
    for layer_weights in weights:
        torch.testing.assert_close(layer_weights.sum(-1), torch.ones(B, network.config.heads, T))
        assert torch.equal(layer_weights > 0, is_visible)
        assert not layer_weights[~is_visible].any()


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pattern", VISIBILITIES)
def test_weights_at_some_positions_equal_those_of_the_whole_layer(pattern, position):
    network, visibility = network_with(position), VISIBILITIES[pattern](LENGTHS, T)
    whole, trimmed, targets = [], [], torch.tensor([3, 1, 2, 0])
    network(TOKENS, visibility, attention_weights=whole)
    flat = torch.arange(B) * T + targets
    network(TOKENS, visibility, logit_positions=flat, attention_weights=trimmed)
    reached = visibility.reached(flat, B, T)
    in_first = torch.ones(B, T, dtype=torch.bool) if reached is None else reached
    first, whole_first = (weights[0].transpose(1, 2)[in_first] for weights in (trimmed, whole))
    torch.testing.assert_close(first, whole_first)
    torch.testing.assert_close(trimmed[1][:, :, 0], whole[1][torch.arange(B), :, targets])


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pattern", ["causal", "full, padded", "prefix, padded"])
def test_positions_count_from_0_by_default(pattern, position):
    network, visibility = network_with(position), VISIBILITIES[pattern](LENGTHS, T)
    from_zero = network(TOKENS, visibility, positions=torch.arange(T).repeat(B, 1))
    torch.testing.assert_close(from_zero, network(TOKENS, visibility))


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"learned"}))
@pytest.mark.parametrize("pattern", ["causal", "full, padded", "prefix, padded"])
def test_only_distances_matter(pattern, position):
    network, visibility = network_with(position), VISIBILITIES[pattern](LENGTHS, T)
    moved = torch.arange(T) + torch.arange(B)[:, None] + 2
    torch.testing.assert_close(
        network(TOKENS, visibility, positions=moved), network(TOKENS, visibility), atol=1e-5, rtol=1e-5
    )


def test_learned_positions_are_absolute():
    network, moved = network_with("learned"), torch.arange(T)[None] + 2
    assert not torch.allclose(network(TOKENS, CAUSAL, positions=moved), network(TOKENS, CAUSAL))


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"none"}))
def test_order_matters_with_a_position_scheme(position):
    network, visibility = network_with(position, depth=1), VISIBILITIES["full"](LENGTHS, T)
    assert (network(TOKENS.flip(1), visibility).flip(1) - network(TOKENS, visibility)).abs().max() > 0.01


def test_order_does_not_matter_without_one():
    network, visibility = network_with("none"), VISIBILITIES["full"](LENGTHS, T)
    torch.testing.assert_close(network(TOKENS.flip(1), visibility).flip(1), network(TOKENS, visibility))


@pytest.mark.parametrize("position", POSITIONS)
def test_each_row_may_have_other_positions(position):
    network, visibility = network_with(position), VISIBILITIES["full, padded"](LENGTHS, T)
    stretched = torch.arange(T) * torch.tensor([1, 2, 1, 2])[:, None]
    together = network(TOKENS, visibility, positions=stretched, logit_positions=torch.arange(1, B * T))
    for b in range(1, B):
        alone = VISIBILITIES["full, padded"](LENGTHS[b : b + 1], T)
        expected = network(TOKENS[b : b + 1], alone, positions=stretched[b : b + 1])[0]
        torch.testing.assert_close(together[b * T - 1 : (b + 1) * T - 1], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pattern", ["causal", "full, padded", "prefix, padded"])
def test_target_positions_that_are_the_tokens_own_change_nothing(pattern, position):
    network, visibility, positions = network_with(position), VISIBILITIES[pattern](LENGTHS, T), random_positions(0)
    torch.testing.assert_close(
        network(TOKENS, visibility, positions, target_positions=positions), network(TOKENS, visibility, positions)
    )


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"learned", "none"}))
def test_half_of_the_heads_attend_from_the_target_position_and_the_others_from_the_position(position):
    network, visibility = network_with(position, depth=1, heads=4, width=32), VISIBILITIES["full"](LENGTHS, T)
    positions, target_positions = torch.arange(T).repeat(B, 1), random_positions(1)
    (plain,) = attention_weights(network, visibility, positions)
    (with_targets,) = attention_weights(network, visibility, positions, target_positions)
    torch.testing.assert_close(with_targets[:, 2:], plain[:, 2:])
    for t in range(T):
        moved = positions.clone()
        moved[:, t] = target_positions[:, t]  # token t moves to its target: it attends to the others as those heads do
        (after_move,) = attention_weights(network, visibility, moved)
        others = torch.arange(T) != t
        to_others = (weights[:, :2, t, others] for weights in (with_targets, after_move))
        shares = [weights / weights.sum(-1, keepdim=True) for weights in to_others]
        torch.testing.assert_close(*shares, atol=1e-6, rtol=1e-4)
        assert not torch.allclose(after_move[:, :2, t], plain[:, :2, t], atol=1e-3)


def attention_weights(network: Transformer, visibility: Visibility, *order: Tensor) -> list[Tensor]:
    weights: list[Tensor] = []
    network(TOKENS, visibility, *order, attention_weights=weights)
    return weights


def test_learned_positions_give_half_of_the_features_to_the_target_position():
    network, positions, target_positions = network_with("learned"), random_positions(0), random_positions(1)
    x, table = torch.zeros(B, T, 16), network.position.table
    embedded = network.position.embed(x, positions, target_positions)
    assert torch.equal(embedded[..., :8], table(target_positions)[..., :8])
    assert torch.equal(embedded[..., 8:], table(positions)[..., 8:])


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"learned"}))
def test_only_distances_matter_with_target_positions_too(position):
    network, positions, target_positions = network_with(position), random_positions(0) // 2, random_positions(1) // 2
    original = network(TOKENS, CAUSAL, positions, target_positions=target_positions)
    moved = network(TOKENS, CAUSAL, positions + 3, target_positions=target_positions + 3)
    torch.testing.assert_close(original, moved, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cross_attention", [False, True])
@pytest.mark.parametrize("times", [2, 3])
def test_recurrence_is_the_same_layers_again_and_again(times, cross_attention):
    make, inputs = (decoder_with, {"memory": random_memory()}) if cross_attention else (network_with, {})
    network, deep = make("rotary", recurrence=times), make("rotary", depth=2 * times)
    weights = network.state_dict()
    repeated = {
        name: weights[".".join(["layers", str(int(name.split(".")[1]) % 2), *name.split(".")[2:]])]
        for name in deep.state_dict()
        if name.startswith("layers")
    }
    deep.load_state_dict(weights | repeated)
    visibility = VISIBILITIES["full, padded"](LENGTHS, T)
    torch.testing.assert_close(network(TOKENS, visibility, **inputs), deep(TOKENS, visibility, **inputs))
    assert weights_of(network).keys() == weights_of(make("rotary")).keys()
    by_layer: list[Tensor] = []
    network(TOKENS, visibility, **inputs, attention_weights=by_layer)
    assert len(by_layer) == 2 * times


@pytest.mark.parametrize("pattern", ["causal", "full", "full, padded"])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_convolution_is_that_of_torch(size, pattern):
    channels, visibility, generator = 6, VISIBILITIES[pattern](LENGTHS, T), torch.Generator().manual_seed(0)
    mix = ShortConv(ModelConfig(convolution=size), channels)
    with torch.no_grad():
        mix.own.copy_(torch.randn(channels, generator=generator))
        mix.neighbours.copy_(torch.randn(size - 1, channels, generator=generator))
    x = torch.randn(B, T, channels, generator=generator)
    ours = mix(x, visibility.taps(size, B, T, x.device))
    right = 0 if pattern == "causal" else (size - 1) // 2
    left = size - 1 - right
    kernel = torch.cat([mix.neighbours[:left], mix.own[None], mix.neighbours[left:]]).T[:, None]
    for b in range(B):
        length = int(LENGTHS[b]) if "padded" in pattern else T
        padded = F.pad(x[b, :length].T, (left, right))
        theirs = F.conv1d(padded[None], kernel, groups=channels)[0].T
        torch.testing.assert_close(ours[b, :length], theirs)


@pytest.mark.parametrize("t", [1, 3, 7])
@pytest.mark.parametrize("pattern", VISIBILITIES)
@pytest.mark.parametrize("size", [2, 5])
def test_the_gradient_of_a_convolution_is_that_of_its_differences(size, pattern, t):
    generator = torch.Generator().manual_seed(0)
    x, weight, neighbour_weights = (
        torch.randn(*shape, dtype=torch.float64, generator=generator, requires_grad=True)
        for shape in ((B, t, 3), (3,), (size - 1, 3))
    )
    taps = VISIBILITIES[pattern](LENGTHS.clamp(max=t), t).taps(size, B, t, x.device)
    assert torch.autograd.gradcheck(lambda *inputs: Mix.apply(*inputs, taps), (x, weight, neighbour_weights))


def test_convolution_mixes_queries_keys_and_values_and_nothing_of_the_memory():
    decoder = decoder_with("rotary", convolution=3)
    mixing = {name.rsplit(".", 1)[0] for name in weights_of(decoder) if "mix" in name}
    assert mixing == {f"layers.{i}.attention.mix_{part}" for i in (0, 1) for part in ("query", "key_value")}
    before = decoder(TOKENS, CAUSAL, memory=random_memory())
    for name in mixing:
        mix = decoder.get_submodule(name)
        with torch.no_grad():
            original = mix.neighbours.clone()
            mix.neighbours.zero_()
            assert not torch.allclose(decoder(TOKENS, CAUSAL, memory=random_memory()), before, atol=1e-4)
            mix.neighbours.copy_(original)


@dataclass(frozen=True)
class WithExtraModule(Causal):
    """The causal objective and a module that it does not use."""

    def extra_modules(self, config: ModelConfig, vocab_size: int, max_length: int) -> dict[str, nn.Module]:
        return {"extra": nn.Linear(config.width, config.width)}


def equal_weights(first: dict[str, Tensor], second: dict[str, Tensor]) -> set[str]:
    """The names of weights that both have, and that are equal."""
    return {name for name in first if name in second and torch.equal(first[name], second[name])}


@pytest.mark.parametrize("position", POSITIONS)
def test_causal_and_masked_start_from_the_same_weights(position):
    causal, masked = (weights_of(modules(objective, corpus(), position=position)) for objective in (Causal(), Masked()))
    assert equal_weights(causal, masked) == causal.keys() == masked.keys()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_network_is_the_same_whatever_modules_an_objective_adds(name):
    weights, plain = weights_of(modules(OBJECTIVES[name](), corpus())), weights_of(modules(Causal(), corpus()))
    assert plain.keys() <= weights.keys()
    longer = {parameter for parameter in plain if weights[parameter].shape != plain[parameter].shape}  # of positions
    assert equal_weights(plain, weights) == plain.keys() - longer


def test_an_added_module_changes_no_other():
    plain, more = (weights_of(modules(objective, corpus())) for objective in (Causal(), WithExtraModule()))
    assert equal_weights(plain, more) == plain.keys()
    assert more.keys() - plain.keys() == {"extra.weight", "extra.bias"}


def test_an_added_layer_changes_others_only_by_the_scale_that_depth_sets():
    shallow, deep = (weights_of(modules(Causal(), corpus(), depth=depth)) for depth in (2, 8))
    scaled = {name for name in shallow if name.endswith("out.weight")}
    assert equal_weights(shallow, deep) == shallow.keys() - scaled
    assert scaled == {f"network.layers.{i}.{part}.out.weight" for i in (0, 1) for part in ("attention", "feed_forward")}
    for name in scaled:
        torch.testing.assert_close(shallow[name], 2 * deep[name])


def test_another_seed_draws_other_weights():
    first, again, other = (weights_of(modules(Causal(), corpus(), seed=seed)) for seed in (0, 0, 1))
    assert equal_weights(first, again) == first.keys()
    assert equal_weights(first, other) == {name for name in first if "norm" in name or name.endswith("bias")}


@pytest.mark.parametrize(
    "settings",
    [{}, {"bias": True, "norm": "layer", "feed_forward": "gelu"}, {"convolution": 9}, {"recurrence": 4}],
)
@pytest.mark.parametrize("position", POSITIONS)
def test_every_weight_is_drawn_as_documented(position, settings):
    weights = weights_of(modules(Causal(), corpus(), width=64, depth=2, position=position, **settings))
    for name, weight in weights.items():
        if name.endswith("bias"):
            assert not weight.any()
        elif weight.ndim == 1:
            assert torch.equal(weight, torch.ones_like(weight))
        else:
            std = 0.3 if name.endswith("neighbours") else 1 / 8
            if name.endswith("out.weight"):
                std /= 2 * settings.get("recurrence", 1) ** 0.5
            assert weight.std() == pytest.approx(std, rel=3 / weight.numel() ** 0.5), name
    assert settings.get("bias") or not any(name.endswith("bias") for name in weights)


def test_different_weights_are_drawn_differently():
    first, second = (modules(Causal(), corpus())["network"].layers[i].attention.query.weight for i in (0, 1))
    assert torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].abs() < 0.3


def test_building_modules_consumes_no_shared_randomness():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    modules(WithExtraModule(), corpus())
    assert torch.equal(torch.get_rng_state(), before)


def test_tied_means_one_matrix():
    tied, untied = (modules(Causal(), corpus(), tied=tied)["network"] for tied in (True, False))
    assert tied.head.weight is tied.embedding.weight
    assert untied.head.weight is not untied.embedding.weight
    assert weights_of(untied).keys() - weights_of(tied).keys() == {"head.weight"}
    hidden = tied(TOKENS, CAUSAL)
    torch.testing.assert_close(tied.logits(hidden), hidden @ tied.embedding.weight.T)


def test_dropout_is_for_training_only():
    dropping, plain = (modules(Causal(), corpus(), dropout=dropout)["network"] for dropout in (0.5, 0.0))
    assert torch.equal(dropping(TOKENS, CAUSAL), plain(TOKENS, CAUSAL))
    dropping.train()
    assert not torch.equal(dropping(TOKENS, CAUSAL), dropping(TOKENS, CAUSAL))
    plain.train()
    assert torch.equal(plain(TOKENS, CAUSAL), plain(TOKENS, CAUSAL))
