"""The network computes what outside implementations compute from the same weights: GPT-2, Llama, torch's encoder."""

import pytest
import torch
import transformers  # its models are imported where they are used: collecting tests then takes seconds less
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import ModelConfig
from model.positions import Alibi
from model.transformer import Transformer
from model.visibility import CAUSAL, Visibility

B, T, VOCAB_SIZE = 4, 9, 23
GPT2_PARTS = {"norm": "layer", "feed_forward": "gelu", "bias": True}
LIKE_GPT2 = ModelConfig(width=16, heads=4, depth=3, position="learned", tied=True, **GPT2_PARTS)
LIKE_LLAMA = ModelConfig(
    width=16,
    heads=2,
    depth=3,
    position="rotary",
    norm="rms",
    feed_forward="swiglu",
    feed_forward_width=24,
    bias=False,
    rotary_base=10_000.0,
)
GENERATOR = torch.Generator().manual_seed(0)
TOKENS = torch.randint(VOCAB_SIZE, (B, T), generator=GENERATOR)
LENGTHS = torch.tensor([T, 5, 2, 1])
IS_TOKEN = torch.arange(T) < LENGTHS[:, None]
VISIBILITIES = {"full": Visibility("full"), "full, padded": Visibility("full", LENGTHS)}


def with_random_weights(module: nn.Module) -> nn.Module:
    """Every weight drawn, norms and biases too, since zeros and ones would hide where they are swapped."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.3, generator=GENERATOR)
    return module.eval()


def network_with(config: ModelConfig, weights: dict[str, Tensor]) -> Transformer:
    network = Transformer(config, VOCAB_SIZE, T).eval()
    network.load_state_dict(weights)
    return network


@pytest.fixture(scope="module")
def gpt2() -> nn.Module:
    config = LIKE_GPT2
    shape = {"vocab_size": VOCAB_SIZE, "n_positions": T, "n_embd": config.width}
    shape |= {"n_layer": config.depth, "n_head": config.heads}
    no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    config = transformers.GPT2Config(**shape, **no_dropout, attn_implementation="eager")
    return with_random_weights(transformers.GPT2LMHeadModel(config))


@pytest.fixture(scope="module")
def llama() -> nn.Module:
    config = LIKE_LLAMA
    shape = {"vocab_size": VOCAB_SIZE, "hidden_size": config.width, "intermediate_size": config.feed_forward_width}
    shape |= {"num_hidden_layers": config.depth, "num_attention_heads": config.heads, "max_position_embeddings": T}
    as_published = {"rms_norm_eps": 1e-6, "rope_theta": config.rotary_base, "tie_word_embeddings": False}
    config = transformers.LlamaConfig(**shape, **as_published, attn_implementation="eager")
    return with_random_weights(transformers.LlamaForCausalLM(config))


def from_gpt2(outside: nn.Module) -> Transformer:
    body, d = outside.transformer, LIKE_GPT2.width
    weights = {"embedding.weight": body.wte.weight, "position.table.weight": body.wpe.weight}
    for i, block in enumerate(body.h):
        joint = block.attn.c_attn  # its maps are transposed, queries before keys before values
        maps = {
            "attention.query": (joint.weight[:, :d], joint.bias[:d]),
            "attention.key_value": (joint.weight[:, d:], joint.bias[d:]),
            "attention.out": (block.attn.c_proj.weight, block.attn.c_proj.bias),
            "feed_forward.up": (block.mlp.c_fc.weight, block.mlp.c_fc.bias),
            "feed_forward.out": (block.mlp.c_proj.weight, block.mlp.c_proj.bias),
        }
        for name, (weight, bias) in maps.items():
            weights |= {f"layers.{i}.{name}.weight": weight.T, f"layers.{i}.{name}.bias": bias}
        for name, norm in {"norm_attention": block.ln_1, "norm_feed_forward": block.ln_2}.items():
            weights |= {f"layers.{i}.{name}.weight": norm.weight, f"layers.{i}.{name}.bias": norm.bias}
    weights |= {"norm.weight": body.ln_f.weight, "norm.bias": body.ln_f.bias, "head.weight": outside.lm_head.weight}
    return network_with(LIKE_GPT2, weights)


def in_pairs(weight: Tensor) -> Tensor:
    """Of each head, features i and i + half next to each other: ours are rotated in pairs, transformers' in halves."""
    return rearrange(weight, "(h two d) c -> (h d two) c", h=LIKE_LLAMA.heads, two=2)


def from_llama(outside: nn.Module) -> Transformer:
    weights = {"embedding.weight": outside.model.embed_tokens.weight}
    for i, block in enumerate(outside.model.layers):
        maps = {
            "norm_attention": block.input_layernorm.weight,
            "attention.query": in_pairs(block.self_attn.q_proj.weight),
            "attention.key_value": torch.cat([in_pairs(block.self_attn.k_proj.weight), block.self_attn.v_proj.weight]),
            "attention.out": block.self_attn.o_proj.weight,
            "norm_feed_forward": block.post_attention_layernorm.weight,
            "feed_forward.gate": block.mlp.gate_proj.weight,
            "feed_forward.up": block.mlp.up_proj.weight,
            "feed_forward.out": block.mlp.down_proj.weight,
        }
        weights |= {f"layers.{i}.{name}.weight": weight for name, weight in maps.items()}
    weights |= {"norm.weight": outside.model.norm.weight, "head.weight": outside.lm_head.weight}
    return network_with(LIKE_LLAMA, weights)


def additive(visibility: Visibility) -> Tensor:
    """What transformers adds to scores [b, 1, t, s]: 0 where visible, the lowest number elsewhere."""
    visible = visibility.visible(B, T, TOKENS.device)
    visible = torch.ones(B, T, T, dtype=torch.bool) if visible is None else visible.expand(B, T, T)
    return torch.zeros(B, T, T).masked_fill(~visible, torch.finfo(torch.float32).min)[:, None]


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    assert theirs.std() > 0.3, "the weights should make a difference"
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_causal_is_gpt2(gpt2):
    network = from_gpt2(gpt2)
    assert_same(network.logits(network(TOKENS, CAUSAL)), gpt2(TOKENS).logits)


def test_causal_is_llama(llama):
    network = from_llama(llama)
    assert_same(network.logits(network(TOKENS, CAUSAL)), llama(TOKENS).logits)


def test_no_parameter_is_left_over(gpt2, llama):
    for outside, convert in ((gpt2, from_gpt2), (llama, from_llama)):
        count = sum(parameter.numel() for parameter in convert(outside).parameters())
        assert count == sum(parameter.numel() for parameter in outside.parameters())


def test_padding_changes_nothing_for_causal_as_in_gpt2(gpt2):
    network = from_gpt2(gpt2)
    ours, theirs = network.logits(network(TOKENS, CAUSAL)), gpt2(TOKENS, attention_mask=IS_TOKEN.long()).logits
    assert_same(ours[IS_TOKEN], theirs[IS_TOKEN])


@pytest.mark.parametrize("name", VISIBILITIES)
def test_full_is_gpt2_without_its_causal_mask(gpt2, name):
    network, visibility = from_gpt2(gpt2), VISIBILITIES[name]
    theirs = gpt2(TOKENS, attention_mask=additive(visibility)).logits
    assert_same(network.logits(network(TOKENS, visibility)), theirs)
    assert not torch.allclose(theirs[0], gpt2(TOKENS).logits[0], atol=0.1), "the outside mask had no effect"


@pytest.mark.parametrize("name", VISIBILITIES)
def test_full_is_llama_without_its_causal_mask(llama, name):
    network, visibility = from_llama(llama), VISIBILITIES[name]
    theirs = llama(TOKENS, attention_mask=additive(visibility)).logits
    assert_same(network.logits(network(TOKENS, visibility)), theirs)
    assert not torch.allclose(theirs[0], llama(TOKENS).logits[0], atol=0.1), "the outside mask had no effect"


@pytest.mark.parametrize("name", VISIBILITIES)
def test_full_is_a_transformer_encoder_of_torch(name):
    config = ModelConfig(width=16, heads=4, depth=2, position="none", **GPT2_PARTS)
    network = with_random_weights(Transformer(config, VOCAB_SIZE, T))
    x = network.embedding(TOKENS)
    for layer in network.layers:
        x = encoder_like(layer)(x, src_key_padding_mask=~IS_TOKEN if "padded" in name else None)
    compared = IS_TOKEN if "padded" in name else torch.ones_like(IS_TOKEN)
    assert_same(network(TOKENS, VISIBILITIES[name])[compared], network.norm(x)[compared])


def encoder_like(layer: nn.Module) -> nn.TransformerEncoderLayer:
    """torch's encoder layer with a layer's weights."""
    d, heads = layer.attention.out.in_features, layer.attention.heads
    gelu = {"activation": lambda x: F.gelu(x, approximate="tanh"), "norm_first": True}
    outside = nn.TransformerEncoderLayer(d, heads, 4 * d, dropout=0.0, batch_first=True, **gelu).eval()
    joint = outside.self_attn
    with torch.no_grad():
        joint.in_proj_weight.copy_(torch.cat([layer.attention.query.weight, layer.attention.key_value.weight]))
        joint.in_proj_bias.copy_(torch.cat([layer.attention.query.bias, layer.attention.key_value.bias]))
    joint.out_proj.load_state_dict(layer.attention.out.state_dict())
    outside.norm1.load_state_dict(layer.norm_attention.state_dict())
    outside.norm2.load_state_dict(layer.norm_feed_forward.state_dict())
    outside.linear1.load_state_dict(layer.feed_forward.up.state_dict())
    outside.linear2.load_state_dict(layer.feed_forward.out.state_dict())
    return outside


def test_alibi_to_the_left_is_that_of_bloom_but_for_what_softmax_ignores():
    heads, position = 4, torch.arange(T)[None]
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    theirs = build_alibi_tensor(torch.ones(1, T, dtype=torch.long), heads, torch.float32).view(heads, 1, T)
    difference = Alibi(ModelConfig(heads=heads), T).bias(position, position)[0] - theirs
    for t in range(T):
        to_left = difference[:, t, : t + 1]
        torch.testing.assert_close(to_left, to_left[:, :1].expand_as(to_left))
