"""The network computes what outside implementations compute from the same weights: GPT-2, Llama, torch's encoder."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from model.config import ModelConfig
from model.positions import Alibi
from model.transformer import Transformer
from model.visibility import CAUSAL, Visibility

B, T, WORDS = 4, 9, 23
GPT2_PARTS = {"norm": "layer", "feed_forward": "gelu", "bias": True}
LIKE_GPT2 = ModelConfig(width=16, heads=4, depth=3, position="learned", tied=True, **GPT2_PARTS)
LIKE_LLAMA = ModelConfig(
    width=16,
    heads=2,
    depth=3,
    position="rotary",
    norm="rms",
    feed_forward="swiglu",
    hidden=24,
    bias=False,
    rotary_base=10_000.0,
)
DRAW = torch.Generator().manual_seed(0)
TOKENS = torch.randint(WORDS, (B, T), generator=DRAW)
LENGTHS = torch.tensor([T, 5, 2, 1])
REAL = torch.arange(T) < LENGTHS[:, None]
VISIBILITIES = {"full": Visibility("full"), "full, padded": Visibility("full", LENGTHS)}


def with_random_weights(module: nn.Module) -> nn.Module:
    """Every weight drawn, norms and biases too, since zeros and ones would hide where they are swapped."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.3, generator=DRAW)
    return module.eval()


def network_with(settings: ModelConfig, weights: dict[str, Tensor]) -> Transformer:
    network = Transformer(settings, WORDS, T).eval()
    network.load_state_dict(weights)
    return network


@pytest.fixture(scope="module")
def gpt2() -> GPT2LMHeadModel:
    s = LIKE_GPT2
    shape = {"vocab_size": WORDS, "n_positions": T, "n_embd": s.width, "n_layer": s.depth, "n_head": s.heads}
    still = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "attn_implementation": "eager"}
    return with_random_weights(GPT2LMHeadModel(GPT2Config(**shape, **still)))


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    s = LIKE_LLAMA
    shape = {"vocab_size": WORDS, "hidden_size": s.width, "intermediate_size": s.hidden, "num_hidden_layers": s.depth}
    heads = {"num_attention_heads": s.heads, "max_position_embeddings": T, "tie_word_embeddings": False}
    as_published = {"rms_norm_eps": 1e-6, "rope_theta": s.rotary_base, "attn_implementation": "eager"}
    return with_random_weights(LlamaForCausalLM(LlamaConfig(**shape, **heads, **as_published)))


def from_gpt2(outside: GPT2LMHeadModel) -> Transformer:
    body, d = outside.transformer, LIKE_GPT2.width
    weights = {"embedding.weight": body.wte.weight, "position.table.weight": body.wpe.weight}
    for i, h in enumerate(body.h):
        joint = h.attn.c_attn  # maps stand transposed there, queries before keys before values
        maps = {
            "attention.query": (joint.weight[:, :d], joint.bias[:d]),
            "attention.key_value": (joint.weight[:, d:], joint.bias[d:]),
            "attention.out": (h.attn.c_proj.weight, h.attn.c_proj.bias),
            "feed_forward.up": (h.mlp.c_fc.weight, h.mlp.c_fc.bias),
            "feed_forward.out": (h.mlp.c_proj.weight, h.mlp.c_proj.bias),
        }
        for name, (weight, bias) in maps.items():
            weights |= {f"layers.{i}.{name}.weight": weight.T, f"layers.{i}.{name}.bias": bias}
        for name, norm in {"norm_attention": h.ln_1, "norm_feed_forward": h.ln_2}.items():
            weights |= {f"layers.{i}.{name}.weight": norm.weight, f"layers.{i}.{name}.bias": norm.bias}
    weights |= {"norm.weight": body.ln_f.weight, "norm.bias": body.ln_f.bias, "head.weight": outside.lm_head.weight}
    return network_with(LIKE_GPT2, weights)


def from_llama(outside: LlamaForCausalLM) -> Transformer:
    weights = {"embedding.weight": outside.model.embed_tokens.weight}
    for i, h in enumerate(outside.model.layers):
        own = {
            "norm_attention": h.input_layernorm.weight,
            "attention.query": h.self_attn.q_proj.weight,
            "attention.key_value": torch.cat([h.self_attn.k_proj.weight, h.self_attn.v_proj.weight]),
            "attention.out": h.self_attn.o_proj.weight,
            "norm_feed_forward": h.post_attention_layernorm.weight,
            "feed_forward.gate": h.mlp.gate_proj.weight,
            "feed_forward.up": h.mlp.up_proj.weight,
            "feed_forward.out": h.mlp.down_proj.weight,
        }
        weights |= {f"layers.{i}.{name}.weight": weight for name, weight in own.items()}
    weights |= {"norm.weight": outside.model.norm.weight, "head.weight": outside.lm_head.weight}
    return network_with(LIKE_LLAMA, weights)


def additive(visibility: Visibility) -> Tensor:
    """What transformers adds to scores [b, 1, t, s]: 0 where visible, the lowest number elsewhere."""
    seen = visibility.visible(B, T, TOKENS.device)
    seen = torch.ones(B, T, T, dtype=torch.bool) if seen is None else seen.expand(B, T, T)
    return torch.zeros(B, T, T).masked_fill(~seen, torch.finfo(torch.float32).min)[:, None]


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
    for outside, take in ((gpt2, from_gpt2), (llama, from_llama)):
        count = sum(parameter.numel() for parameter in take(outside).parameters())
        assert count == sum(parameter.numel() for parameter in outside.parameters())


def test_padding_changes_nothing_for_causal_as_in_gpt2(gpt2):
    network = from_gpt2(gpt2)
    ours, theirs = network.logits(network(TOKENS, CAUSAL)), gpt2(TOKENS, attention_mask=REAL.long()).logits
    assert_same(ours[REAL], theirs[REAL])


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
    settings = ModelConfig(width=16, heads=4, depth=2, position="none", **GPT2_PARTS)
    network = with_random_weights(Transformer(settings, WORDS, T))
    x = network.embedding(TOKENS)
    for layer in network.layers:
        x = encoder_like(layer)(x, src_key_padding_mask=~REAL if "padded" in name else None)
    seen = REAL if "padded" in name else torch.ones_like(REAL)
    assert_same(network(TOKENS, VISIBILITIES[name])[seen], network.norm(x)[seen])


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


def test_looking_left_alibi_is_that_of_bloom_but_for_what_softmax_ignores():
    heads, at = 4, torch.arange(T)[None]
    theirs = build_alibi_tensor(torch.ones(1, T, dtype=torch.long), heads, torch.float32).view(heads, 1, T)
    apart = Alibi(ModelConfig(heads=heads), T).bias(at, at)[0] - theirs
    for t in range(T):
        seen = apart[:, t, : t + 1]
        torch.testing.assert_close(seen, seen[:, :1].expand_as(seen))
