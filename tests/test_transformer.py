"""Every shortcut of the network gives the numbers of the long way round, and its weights come from (seed, name)."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.build import initialise
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from model.positions import POSITIONS
from model.short_conv import Mix, ShortConv
from model.transformer import Memory, Transformer
from model.visibility import CAUSAL, Visibility
from tests.examples import VISIBILITIES, corpus, modules, visible

B, T, WORDS = 4, 7, 40
TOKENS = torch.randint(WORDS, (B, T), generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([T, 5, 3, 1])
PLACES = {
    "as many in each row": torch.tensor([2, T, 2 * T + 1, 3 * T]),
    "none in some rows": torch.tensor([T, T + 2, T + 4, 3 * T + 6]),
    "one": torch.tensor([2 * T + 2]),
    "all but one": torch.arange(1, B * T),
    "all": torch.arange(B * T),
    "none": torch.empty(0, dtype=torch.long),
}


def network_at(position: str, **settings) -> Transformer:
    """Room for twice the length, so that documents can be moved."""
    larger = corpus(filler=8)
    assert larger.longest >= 2 * T
    return modules(Causal(), larger, position=position, **settings)["network"]


def anywhere(seed: int) -> Tensor:
    """Positions [b, t] in no order, of documents twice as long."""
    draw = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(2 * T, generator=draw)[:T] for _ in range(B)])


def some_memory() -> Memory:
    hidden = torch.randn(B, 5, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    return Memory(hidden, torch.tensor([5, 3, 1, 4]))


def decoder_at(position: str, **settings) -> Transformer:
    """As `network_at`, with layers that gather from a memory too."""
    of = network_at(position, **settings)
    decoder = Transformer(of.settings, WORDS, of.length, cross_attention=True).eval()
    initialise(nn.ModuleDict({"decoder": decoder}), of.settings, 0)
    return decoder


def weights_of(of: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in of.named_parameters()}


def gradients(network: Transformer, hidden: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Of the summed cross-entropy at `hidden`[n, d], by parameter; 0 where none arrives."""
    network.zero_grad()
    F.cross_entropy(network.logits(hidden), targets, reduction="sum").backward()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in network.named_parameters()}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", VISIBILITIES)
@pytest.mark.parametrize("places", PLACES)
def test_the_last_layer_at_some_places_is_the_whole_one_there(places, kind, position):
    network, visibility, at = network_at(position), VISIBILITIES[kind](LENGTHS, T), PLACES[places]
    some, whole = network(TOKENS, visibility, at=at), network(TOKENS, visibility).flatten(0, 1)[at]
    torch.testing.assert_close(some, whole, atol=1e-6, rtol=1e-5)
    targets = torch.arange(len(at)) % WORDS
    trimmed, full = gradients(network, some, targets), gradients(network, whole, targets)
    # A gradient is summed in another order; its rounding is of the size of the largest terms, not of the sum.
    for name, one in trimmed.items():
        torch.testing.assert_close(one, full[name], atol=1e-5, rtol=1e-5)
    assert bool(len(at)) == any(gradient.any() for gradient in full.values())


MORE = {
    "convolution 3": ({"convolution": 3}, {}),
    "convolution 4": ({"convolution": 4}, {}),
    "recurrence": ({"recurrence": 3}, {}),
    "any order": ({}, {"positions": anywhere(0), "target_positions": anywhere(1)}),
    "any order, one head": ({"heads": 1}, {"positions": anywhere(0), "target_positions": anywhere(1)}),
    "memory": ({}, {"memory": some_memory()}),
    "all at once": (
        {"convolution": 3, "recurrence": 2},
        {"positions": anywhere(0), "target_positions": anywhere(1), "memory": some_memory()},
    ),
}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", ["causal", "full, padded", "prefix, padded"])
@pytest.mark.parametrize("more", MORE)
def test_the_last_layer_at_some_places_is_the_whole_one_there_whatever_the_network_is_told(more, kind, position):
    settings, given = MORE[more]
    network = (decoder_at if "memory" in given else network_at)(position, **settings)
    visibility = VISIBILITIES[kind](LENGTHS, T)
    whole, plain = network(TOKENS, visibility, **given), network(TOKENS, visibility, **given, weights=[])
    torch.testing.assert_close(plain, whole, atol=1e-5, rtol=1e-5)
    for at in (PLACES["none in some rows"], PLACES["all but one"], PLACES["none"]):
        some, those = network(TOKENS, visibility, **given, at=at), whole.flatten(0, 1)[at]
        torch.testing.assert_close(some, those, atol=1e-5, rtol=1e-5)
        targets = torch.arange(len(at)) % WORDS
        trimmed = gradients(network, some, targets)
        full = gradients(network, network(TOKENS, visibility, **given).flatten(0, 1)[at], targets)
        for name, one in trimmed.items():
            torch.testing.assert_close(one, full[name], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", VISIBILITIES)
def test_plain_attention_is_the_fast_one_and_its_weights_are_shares_of_what_is_visible(kind, position):
    network, visibility, weights = network_at(position), VISIBILITIES[kind](LENGTHS, T), []
    plain = network(TOKENS, visibility, weights=weights)
    torch.testing.assert_close(plain, network(TOKENS, visibility), atol=1e-5, rtol=1e-5)
    assert len(weights) == network.settings.depth
    seen = visible(visibility, B, T)[:, None].expand(B, network.settings.heads, T, T)
    for of_layer in weights:
        torch.testing.assert_close(of_layer.sum(-1), torch.ones(B, network.settings.heads, T))
        assert torch.equal(of_layer > 0, seen)
        assert not of_layer[~seen].any()


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", VISIBILITIES)
def test_weights_at_some_places_are_those_of_the_whole_layer_there(kind, position):
    network, visibility = network_at(position), VISIBILITIES[kind](LENGTHS, T)
    whole, some, columns = [], [], torch.tensor([3, 1, 2, 0])
    network(TOKENS, visibility, weights=whole)
    network(TOKENS, visibility, at=torch.arange(B) * T + columns, weights=some)
    torch.testing.assert_close(some[0], whole[0])
    torch.testing.assert_close(some[1][:, :, 0], whole[1][torch.arange(B), :, columns])


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", ["causal", "full, padded", "prefix, padded"])
def test_positions_count_from_0_unless_said(kind, position):
    network, visibility = network_at(position), VISIBILITIES[kind](LENGTHS, T)
    said = network(TOKENS, visibility, positions=torch.arange(T).repeat(B, 1))
    torch.testing.assert_close(said, network(TOKENS, visibility))


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"learned"}))
@pytest.mark.parametrize("kind", ["causal", "full, padded", "prefix, padded"])
def test_only_distances_matter(kind, position):
    network, visibility = network_at(position), VISIBILITIES[kind](LENGTHS, T)
    moved = torch.arange(T) + torch.arange(B)[:, None] + 2
    torch.testing.assert_close(
        network(TOKENS, visibility, positions=moved), network(TOKENS, visibility), atol=1e-5, rtol=1e-5
    )


def test_a_learned_position_is_a_place():
    network = network_at("learned")
    assert not torch.allclose(network(TOKENS, CAUSAL, positions=torch.arange(T)[None] + 2), network(TOKENS, CAUSAL))


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"none"}))
def test_order_matters_where_positions_are_known(position):
    network, everyone = network_at(position, depth=1), VISIBILITIES["full"](LENGTHS, T)
    assert (network(TOKENS.flip(1), everyone).flip(1) - network(TOKENS, everyone)).abs().max() > 0.01


def test_order_does_not_matter_where_they_are_not():
    network, everyone = network_at("none"), VISIBILITIES["full"](LENGTHS, T)
    torch.testing.assert_close(network(TOKENS.flip(1), everyone).flip(1), network(TOKENS, everyone))


@pytest.mark.parametrize("position", POSITIONS)
def test_each_row_may_stand_elsewhere(position):
    network, visibility = network_at(position), VISIBILITIES["full, padded"](LENGTHS, T)
    stretched = torch.arange(T) * torch.tensor([1, 2, 1, 2])[:, None]
    together = network(TOKENS, visibility, positions=stretched, at=torch.arange(1, B * T))
    for b in range(1, B):
        alone = VISIBILITIES["full, padded"](LENGTHS[b : b + 1], T)
        expected = network(TOKENS[b : b + 1], alone, positions=stretched[b : b + 1])[0]
        torch.testing.assert_close(together[b * T - 1 : (b + 1) * T - 1], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", ["causal", "full, padded", "prefix, padded"])
def test_to_predict_where_one_stands_is_to_stand_there(kind, position):
    network, visibility, positions = network_at(position), VISIBILITIES[kind](LENGTHS, T), anywhere(0)
    torch.testing.assert_close(
        network(TOKENS, visibility, positions, predict=positions), network(TOKENS, visibility, positions)
    )


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"learned", "none"}))
def test_half_of_the_heads_look_from_where_they_aim_and_the_others_from_where_they_stand(position):
    network, everyone = network_at(position, depth=1, heads=4, width=32), VISIBILITIES["full"](LENGTHS, T)
    stand, aim = torch.arange(T).repeat(B, 1), anywhere(1)
    ((own,), (aimed,)) = weights_at(network, everyone, stand), weights_at(network, everyone, stand, aim)
    torch.testing.assert_close(aimed[:, 2:], own[:, 2:])
    for t in range(T):
        moved = stand.clone()
        moved[:, t] = aim[:, t]  # token t stands where it aims: it sees the others as the aiming heads do
        (there,) = weights_at(network, everyone, moved)
        others = torch.arange(T) != t
        shares = [part[:, :2, t, others] / part[:, :2, t, others].sum(-1, keepdim=True) for part in (aimed, there)]
        torch.testing.assert_close(*shares, atol=1e-6, rtol=1e-4)
        assert not torch.allclose(there[:, :2, t], own[:, :2, t], atol=1e-3)


def weights_at(network: Transformer, visibility: Visibility, *order: Tensor) -> list[Tensor]:
    weights: list[Tensor] = []
    network(TOKENS, visibility, *order, weights=weights)
    return weights


def test_a_learned_position_gives_half_of_the_features_to_where_it_aims():
    network, stand, aim = network_at("learned"), anywhere(0), anywhere(1)
    x, table = torch.zeros(B, T, 16), network.position.table
    embedded = network.position.embed(x, stand, aim)
    assert torch.equal(embedded[..., :8], table(aim)[..., :8])
    assert torch.equal(embedded[..., 8:], table(stand)[..., 8:])


@pytest.mark.parametrize("position", sorted(POSITIONS.keys() - {"learned"}))
def test_only_distances_matter_where_places_aim_too(position):
    network, stand, aim = network_at(position), anywhere(0), anywhere(1)
    here, there = (network(TOKENS, CAUSAL, stand // 2 + k, predict=aim // 2 + k) for k in (0, 3))
    torch.testing.assert_close(here, there, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("times", [2, 3])
def test_recurrence_is_the_same_layers_again_and_again(times, cross_attention):
    make, given = (decoder_at, {"memory": some_memory()}) if cross_attention else (network_at, {})
    network, deep = make("rotary", recurrence=times), make("rotary", depth=2 * times)
    own = network.state_dict()
    again = {
        name: own[".".join(["layers", str(int(name.split(".")[1]) % 2), *name.split(".")[2:]])]
        for name in deep.state_dict()
        if name.startswith("layers")
    }
    deep.load_state_dict(own | again)
    visibility = VISIBILITIES["full, padded"](LENGTHS, T)
    torch.testing.assert_close(network(TOKENS, visibility, **given), deep(TOKENS, visibility, **given))
    assert weights_of(network).keys() == weights_of(make("rotary")).keys()
    weights: list[Tensor] = []
    network(TOKENS, visibility, **given, weights=weights)
    assert len(weights) == 2 * times


@pytest.mark.parametrize("kind", ["causal", "full", "full, padded"])
@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_convolution_is_that_of_torch(count, kind):
    channels, visibility, draw = 6, VISIBILITIES[kind](LENGTHS, T), torch.Generator().manual_seed(0)
    mix = ShortConv(ModelConfig(convolution=count), channels)
    with torch.no_grad():
        mix.own.copy_(torch.randn(channels, generator=draw))
        mix.neighbours.copy_(torch.randn(count - 1, channels, generator=draw))
    x = torch.randn(B, T, channels, generator=draw)
    ours = mix(x, visibility.taps(count, B, T, x.device))
    right = 0 if kind == "causal" else (count - 1) // 2
    left = count - 1 - right
    kernel = torch.cat([mix.neighbours[:left], mix.own[None], mix.neighbours[left:]]).T[:, None]
    for b in range(B):
        length = int(LENGTHS[b]) if "padded" in kind else T
        padded = F.pad(x[b, :length].T, (left, right))
        theirs = F.conv1d(padded[None], kernel, groups=channels)[0].T
        torch.testing.assert_close(ours[b, :length], theirs)


@pytest.mark.parametrize("t", [1, 3, 7])
@pytest.mark.parametrize("kind", VISIBILITIES)
@pytest.mark.parametrize("count", [2, 5])
def test_the_gradient_of_a_convolution_is_that_of_its_differences(count, kind, t):
    draw = torch.Generator().manual_seed(0)
    x, own, neighbours = (
        torch.randn(*shape, dtype=torch.float64, generator=draw, requires_grad=True)
        for shape in ((B, t, 3), (3,), (count - 1, 3))
    )
    taps = VISIBILITIES[kind](LENGTHS.clamp(max=t), t).taps(count, B, t, x.device)
    assert torch.autograd.gradcheck(lambda *given: Mix.apply(*given, taps), (x, own, neighbours))


def test_convolution_mixes_queries_keys_and_values_and_nothing_of_the_memory():
    decoder = decoder_at("rotary", convolution=3)
    mixing = {name.rsplit(".", 1)[0] for name in weights_of(decoder) if "mix" in name}
    assert mixing == {f"layers.{i}.attention.mix_{part}" for i in (0, 1) for part in ("query", "key_value")}
    before = decoder(TOKENS, CAUSAL, memory=some_memory())
    for name in mixing:
        mix = decoder.get_submodule(name)
        with torch.no_grad():
            kept = mix.neighbours.clone()
            mix.neighbours.zero_()
            assert not torch.allclose(decoder(TOKENS, CAUSAL, memory=some_memory()), before, atol=1e-4)
            mix.neighbours.copy_(kept)


@dataclass(frozen=True)
class WithMore(Causal):
    """The causal objective and a part it has no use for."""

    def extra_modules(self, settings: ModelConfig, words: int, length: int) -> dict[str, nn.Module]:
        return {"another": nn.Linear(settings.width, settings.width)}


def same(some: dict[str, Tensor], others: dict[str, Tensor]) -> set[str]:
    return {name for name in some if name in others and torch.equal(some[name], others[name])}


@pytest.mark.parametrize("position", POSITIONS)
def test_causal_and_masked_start_from_the_same_weights(position):
    causal, masked = (weights_of(modules(objective, corpus(), position=position)) for objective in (Causal(), Masked()))
    assert same(causal, masked) == causal.keys() == masked.keys()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_network_is_the_same_whatever_else_an_objective_brings(objective):
    own = weights_of(modules(OBJECTIVES[objective](), corpus()))
    plain = weights_of(modules(Causal(), corpus()))
    assert plain.keys() <= own.keys()
    longer = {name for name in plain if own[name].shape != plain[name].shape}  # tables of places
    assert same(plain, own) == plain.keys() - longer


def test_a_part_added_changes_no_other():
    plain, more = (weights_of(modules(objective, corpus())) for objective in (Causal(), WithMore()))
    assert same(plain, more) == plain.keys()
    assert more.keys() - plain.keys() == {"another.weight", "another.bias"}


def test_a_layer_added_changes_others_only_by_the_scale_that_depth_sets():
    shallow, deep = (weights_of(modules(Causal(), corpus(), depth=depth)) for depth in (2, 8))
    scaled = {name for name in shallow if name.endswith("out.weight")}
    assert same(shallow, deep) == shallow.keys() - scaled
    assert scaled == {f"network.layers.{i}.{part}.out.weight" for i in (0, 1) for part in ("attention", "feed_forward")}
    for name in scaled:
        torch.testing.assert_close(shallow[name], 2 * deep[name])


def test_another_seed_draws_other_weights():
    of = [weights_of(modules(Causal(), corpus(), seed=seed)) for seed in (0, 0, 1)]
    assert same(of[0], of[1]) == of[0].keys()
    assert same(of[0], of[2]) == {name for name in of[0] if "norm" in name or name.endswith("bias")}


@pytest.mark.parametrize(
    "settings",
    [{}, {"bias": True, "norm": "layer", "feed_forward": "gelu"}, {"convolution": 9}, {"recurrence": 4}],
)
@pytest.mark.parametrize("position", POSITIONS)
def test_every_weight_is_drawn_as_said(position, settings):
    own = weights_of(modules(Causal(), corpus(), width=64, depth=2, position=position, **settings))
    for name, weight in own.items():
        if name.endswith("bias"):
            assert not weight.any()
        elif weight.ndim == 1:
            assert torch.equal(weight, torch.ones_like(weight))
        else:
            std = 0.3 if name.endswith("neighbours") else 1 / 8
            if name.endswith("out.weight"):
                std /= 2 * settings.get("recurrence", 1) ** 0.5
            assert weight.std() == pytest.approx(std, rel=3 / weight.numel() ** 0.5), name
    assert settings.get("bias") or not any(name.endswith("bias") for name in own)


def test_different_weights_are_drawn_differently():
    first, second = (modules(Causal(), corpus())["network"].layers[i].attention.query.weight for i in (0, 1))
    assert torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].abs() < 0.3


def test_assembling_consumes_no_shared_randomness():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    modules(WithMore(), corpus())
    assert torch.equal(torch.get_rng_state(), before)


def test_tied_means_one_matrix():
    tied, own = (modules(Causal(), corpus(), tied=tied)["network"] for tied in (True, False))
    assert tied.head.weight is tied.embedding.weight
    assert own.head.weight is not own.embedding.weight
    assert weights_of(own).keys() - weights_of(tied).keys() == {"head.weight"}
    hidden = tied(TOKENS, CAUSAL)
    torch.testing.assert_close(tied.logits(hidden), hidden @ tied.embedding.weight.T)


def test_dropout_is_for_training_only():
    dropping, plain = (modules(Causal(), corpus(), dropout=dropout)["network"] for dropout in (0.5, 0.0))
    assert torch.equal(dropping(TOKENS, CAUSAL), plain(TOKENS, CAUSAL))
    dropping.train()
    assert not torch.equal(dropping(TOKENS, CAUSAL), dropping(TOKENS, CAUSAL))
    plain.train()
    assert torch.equal(plain(TOKENS, CAUSAL), plain(TOKENS, CAUSAL))
