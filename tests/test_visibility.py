"""No position is told anything, in value or in gradient, by one it may not see; by those it may see it is."""

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

OBJECTS = {name: objective() for name, objective in OBJECTIVES.items()} | {"masked, see causal": Masked(see="causal")}
# Where the one seen sees more than the one who looks may see, news travels on through two layers: see below.
CLOSED = [name for name in VISIBILITIES if not name.startswith("scattered")]
PATHS = ["whole", "trimmed", "plain"]  # through the network: all of it, the last layer at some places, inspection
# Of the settings of the network, those that say through what news travels.
SETTINGS = {position: {"position": position} for position in POSITIONS} | {
    "convolution 3": {"convolution": 3},
    "convolution 4": {"convolution": 4},
    "recurrence": {"depth": 1, "recurrence": 2},
}
# The path that training takes with every one of them; the others, which share their code, with some.
LOOKS = [(name, "trimmed") for name in SETTINGS]
LOOKS += [(name, path) for name in ("rotary", "relative", "convolution 3") for path in ("whole", "plain")]
REFUSED = {("permuted", "none")} | {
    (name, f"convolution {count}") for name in ("permuted", "both-directions", "belief-state") for count in (3, 4)
}

DOCUMENTS = some_documents(corpus())[np.array([0, 3])]
TOKENS, LENGTHS = (torch.from_numpy(array).long() for array in (DOCUMENTS.tokens, DOCUMENTS.lengths))
B, T = TOKENS.shape


Order = tuple[Tensor | None, Tensor | None]
AS_THEY_STAND: Order = (None, None)


def order(made: Tensors) -> Order:
    """Where the tokens of a batch stand and what they aim at, where that is not the next one."""
    return made.get("positions"), made.get("predict")


def look(
    network: nn.Module, tokens: Tensor, visibility: Visibility, path: str, ordered: Order = AS_THEY_STAND
) -> tuple[Tensor, Tensor]:
    """The hidden states[n, d] by one of the paths through the network, and their places[n] in [b, t]."""
    every = torch.arange(tokens.numel())
    if path == "whole":
        return network(tokens, visibility, *ordered).flatten(0, 1), every
    if path == "plain":
        return network(tokens, visibility, *ordered, weights=[]).flatten(0, 1), every
    some = every[every % 5 != 0]
    return network(tokens, visibility, *ordered, at=some), some


def with_another(tokens: Tensor, s: int, network: nn.Module) -> Tensor:
    """The documents with another token at position s of each."""
    other = tokens.clone()
    other[:, s] = (other[:, s] + 7) % network.embedding.num_embeddings
    return other


def told_by_value(network: nn.Module, tokens: Tensor, *more) -> tuple[Tensor, Tensor]:
    """told[n, s]: whether another token at s changes the state at place n of [b, t] by as much as a bit; places[n]."""
    before, places = look(network, tokens, *more)
    after = [look(network, with_another(tokens, s, network), *more)[0] for s in range(tokens.shape[1])]
    return torch.stack([(hidden != before).any(-1) for hidden in after], dim=1), places


def reached(hidden: Tensor, places: Tensor, t: int, sources: Tensor) -> Tensor:
    """reached[n, s]: whether the state at place n of [b, t] has any gradient in sources[b, s, d]."""
    direction = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0))
    told = torch.zeros(len(places), sources.shape[1], dtype=torch.bool)
    for n, (state, along) in enumerate(zip(hidden, direction)):
        (gradient,) = torch.autograd.grad(state @ along, sources, retain_graph=True)
        row = places[n] // t
        told[n] = (gradient[row] != 0).any(-1)
        gradient[row] = 0
        assert not gradient.any(), "documents of a batch see one another"
    return told


def told_by_gradient(network: nn.Module, tokens: Tensor, *more) -> tuple[Tensor, Tensor]:
    """told[n, s]: whether the state at place n of [b, t] has any gradient in the embedding at s; places[n]."""
    embedded = []
    hook = network.embedding.register_forward_hook(lambda module, given, x: embedded.append(x))
    hidden, places = look(network, tokens, *more)
    hook.remove()
    return reached(hidden, places, tokens.shape[1], embedded[0]), places


def assert_told_what_is_visible(
    network: nn.Module, tokens: Tensor, visibility: Visibility, path: str, ordered: Order = AS_THEY_STAND
) -> None:
    seen = visible(visibility, *tokens.shape).flatten(0, 1)
    for told_by in (told_by_value, told_by_gradient):
        told, places = told_by(network, tokens, visibility, path, ordered)
        assert torch.equal(told, seen[places]), told_by.__name__


@pytest.mark.parametrize(
    ("name", "settings", "path"),
    [(name, *look) for name in OBJECTS for look in LOOKS if (name, look[0]) not in REFUSED],
)
def test_every_objective_is_told_what_it_may_see_and_nothing_else(name, settings, path):
    objective = OBJECTS[name]
    made, network = batch(objective, DOCUMENTS), modules(objective, corpus(), **SETTINGS[settings])["network"]
    assert_told_what_is_visible(network, made["tokens"], objective.visibility(made), path, order(made))


@pytest.mark.parametrize(("settings", "path"), LOOKS)
@pytest.mark.parametrize("name", CLOSED)
def test_every_kind_tells_what_is_visible_and_nothing_else(name, settings, path):
    network = modules(Causal(), corpus(), **SETTINGS[settings])["network"]
    assert_told_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), path)


@pytest.mark.parametrize(("settings", "path"), [look for look in LOOKS if look[0] != "recurrence"])
@pytest.mark.parametrize("name", ["scattered", "scattered, padded"])
def test_one_layer_tells_what_is_visible_however_scattered(name, settings, path):
    network = modules(Causal(), corpus(), **SETTINGS[settings], depth=1)["network"]
    assert_told_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), path)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", CLOSED)
def test_nobody_is_told_more_for_standing_elsewhere_and_aiming_anywhere(name, position):
    network = modules(Causal(), corpus(), position=position)["network"]
    draw = torch.Generator().manual_seed(0)
    shuffled = torch.stack([torch.randperm(T, generator=draw) for _ in range(B)])
    aimed = shuffled, shuffled.roll(-1, 1)
    assert_told_what_is_visible(network, TOKENS, VISIBILITIES[name](LENGTHS, T), "trimmed", aimed)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("name", VISIBILITIES)
def test_a_neighbour_is_mixed_in_where_all_who_see_a_position_see_it_too(name, count):
    visibility = VISIBILITIES[name](LENGTHS, T)
    seen, taps = visible(visibility, B, T), visibility.taps(count, B, T, torch.device("cpu"))
    right = (count - 1) // 2 if visibility.kind == "full" else 0
    assert [offset for offset, _ in taps] == [o for o in range(right - count + 1, right + 1) if o]
    for offset, kept in taps:
        for b in range(B):
            for s in range(T):
                there = s + offset
                if 0 <= there < T:
                    may = all(seen[b, t, there] for t in range(T) if seen[b, t, s])
                    assert may if kept is None else kept.expand(B, T)[b, s] == may


# What further towers are told


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("position", POSITIONS)
def test_the_backward_tower_of_belief_state_is_told_what_stands_to_the_right(position, path):
    made, of, given = batch(BeliefState(), DOCUMENTS), modules(BeliefState(), corpus(), position=position), []
    hook = of["backward"].register_forward_pre_hook(lambda module, arguments: given.append(arguments))
    BeliefState().target_hidden(of, made)
    hook.remove()
    ((tokens, visibility),) = given
    at = torch.arange(tokens.shape[1])
    real = at < made["lengths"][:, None, None]
    assert not real.all()
    expected = (at >= at[:, None]) & real | (at == at[:, None])
    assert torch.equal(visible(visibility, *tokens.shape), expected)
    assert_told_what_is_visible(of["backward"], tokens, visibility, path)


@pytest.mark.parametrize(("settings", "path"), LOOKS)
def test_a_decoder_is_told_what_it_wrote_and_all_of_the_memory_but_its_padding(settings, path):
    made, of = batch(SpanDenoising(hide="uniform"), DOCUMENTS), modules(SpanDenoising(), corpus(), **SETTINGS[settings])
    decoder, written, lengths = of["decoder"], made["written"], made["lengths"]
    of_encoder = torch.randn(B, made["tokens"].shape[1], 16, generator=torch.Generator().manual_seed(0))
    memory = Memory(of_encoder.requires_grad_(), lengths)

    def remembering(tokens: Tensor, visibility: Visibility, *ordered, **more) -> Tensor:
        return decoder(tokens, visibility, *ordered, memory=memory, **more)

    remembering.embedding = decoder.embedding
    assert written.shape[1] > 2
    assert_told_what_is_visible(remembering, written, CAUSAL, path)
    hidden, places = look(remembering, written, CAUSAL, path)
    real = torch.arange(of_encoder.shape[1]) < lengths[:, None]
    assert not real.all()
    assert torch.equal(reached(hidden, places, written.shape[1], memory.hidden), real[places // written.shape[1]])
    with torch.no_grad():
        hidden, _ = look(remembering, written, CAUSAL, path)
        of_encoder[~real] += 1
        assert torch.equal(look(remembering, written, CAUSAL, path)[0], hidden)
        of_encoder[:, 0] += 1
        assert not (look(remembering, written, CAUSAL, path)[0] == hidden).all(-1).any()


@pytest.mark.parametrize("name", OBJECTS)
@torch.no_grad()
def test_padding_changes_no_prediction_of_any_objective(name):
    objective = OBJECTS[name]
    made, of = batch(objective, DOCUMENTS), modules(objective, corpus())
    padding = torch.arange(made["tokens"].shape[1]) >= made["lengths"][:, None]
    other = made | {"tokens": torch.where(padding, 20, made["tokens"])}
    assert not torch.equal(other["tokens"], made["tokens"])
    assert torch.equal(objective.target_hidden(of, other), objective.target_hidden(of, made))


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
    ("rule", "names"),
    [
        (
            lambda t, s, length, made, b: s <= t,
            [
                "causal",
                "masked, see causal",
                "permuted",
                "reversed",
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
            lambda t, s, length, made, b: ((s <= t or s < made["reach"][b]) and s < length) or s == t,
            ["prefix"],
        ),
        (
            lambda t, s, length, made, b: ((s >= t if made["to_left"][b] else s <= t) and s < length) or s == t,
            ["both-directions"],
        ),
    ],
    ids=["left", "all", "prefix", "one side"],
)
def test_who_sees_whom_is_what_the_name_says(rule, names):
    for name in names:
        for seed in range(3):
            made = batch(OBJECTS[name], DOCUMENTS, seed)
            t, lengths = made["tokens"].shape[1], made["lengths"].tolist()
            said = [[[rule(i, s, n, made, b) for s in range(t)] for i in range(t)] for b, n in enumerate(lengths)]
            assert torch.equal(visible(OBJECTS[name].visibility(made), B, t), torch.tensor(said)), name


def test_explicit_is_what_is_allowed_without_padding_and_with_oneself():
    allowed = torch.zeros(2, 3, 3, dtype=torch.bool)
    allowed[0, 0, 2] = allowed[1, 0, 1] = allowed[1, 0, 2] = True
    seen = visible(Visibility("explicit", torch.tensor([3, 2]), allowed), 2, 3)
    assert seen.int().tolist() == [[[1, 0, 1], [0, 1, 0], [0, 0, 1]], [[1, 1, 0], [0, 1, 0], [0, 0, 1]]]
