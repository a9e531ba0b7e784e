"""What transformers (Hugging Face) calls the settings and weights of our network: Llama's layout, and GPT-2's.

A layout computes the same logits as our network. What it lacks is refused, setting by setting.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from config.validation import require
from model.config import ModelConfig
from model.torch_types import Module, Tensor

Parts = dict[str, dict[str, Tensor]]
"""Weight and bias of each part by its name in the layout"""


class Layout(NamedTuple):
    """One of transformers' models."""

    name: str
    settings: dict[str, str]
    """settings of our network that it stands for, besides the position scheme"""
    config: Callable[[Module], dict[str, Any]]
    """what its config.json says of a network's size"""
    tensors: Callable[[Module], dict[str, Tensor]]
    """a network's weights by their names in the layout"""


def choose_layout(config: ModelConfig) -> Layout:
    """The layout of networks with these settings. Raises SettingError for what neither of them has."""
    allowed = "'rotary' (Llama's layout) or 'learned' (GPT-2's layout)"
    require(config.position in LAYOUTS, "model.position", config.position, allowed)
    layout = LAYOUTS[config.position]
    for setting, value in layout.settings.items():
        allowed = f"{value!r} in {layout.name} layout, that of model.position {config.position!r}"
        require(getattr(config, setting) == value, f"model.{setting}", getattr(config, setting), allowed)
    for setting in ("convolution", "recurrence"):
        value = getattr(config, setting)
        require(value == 1, f"model.{setting}", value, f"1 in {layout.name} layout")
    return layout


def llama_config(network: Module) -> dict[str, Any]:
    """Llama's settings. That of rotary positions stands twice, since transformers 4 and 5 have other names for it."""
    config = network.config
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": config.width,
        "intermediate_size": network.layers[0].feed_forward.up.out_features,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.heads,
        "max_position_embeddings": network.position.max_positions,
        "rope_theta": config.rotary_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "attention_bias": config.bias,
        "mlp_bias": config.bias,
        "attention_dropout": config.dropout,
    }


def llama_tensors(network: Module) -> dict[str, Tensor]:
    parts = {"model.embed_tokens": parameters(network.embedding), "model.norm": parameters(network.norm)}
    heads = network.config.heads
    for i, layer in enumerate(network.layers):
        attention, feed_forward = layer.attention, layer.feed_forward
        key_value = parameters(attention.key_value)
        key, value = ({kind: tensor.chunk(2)[j] for kind, tensor in key_value.items()} for j in (0, 1))
        of_layer = {
            "input_layernorm": parameters(layer.norm_attention),
            "self_attn.q_proj": in_halves(parameters(attention.query), heads),
            "self_attn.k_proj": in_halves(key, heads),
            "self_attn.v_proj": value,
            "self_attn.o_proj": parameters(attention.out),
            "post_attention_layernorm": parameters(layer.norm_feed_forward),
            "mlp.gate_proj": parameters(feed_forward.gate),
            "mlp.up_proj": parameters(feed_forward.up),
            "mlp.down_proj": parameters(feed_forward.out),
        }
        parts |= {f"model.layers.{i}.{name}": part for name, part in of_layer.items()}
    return join(parts, network)


def gpt2_config(network: Module) -> dict[str, Any]:
    config = network.config
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": config.width,
        "n_inner": network.layers[0].feed_forward.up.out_features,
        "n_layer": config.depth,
        "n_head": config.heads,
        "n_positions": network.position.max_positions,
        "layer_norm_epsilon": network.norm.eps,
        "activation_function": "gelu_new",
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
    }


def gpt2_tensors(network: Module) -> dict[str, Tensor]:
    parts = {
        "transformer.wte": parameters(network.embedding),
        "transformer.wpe": parameters(network.position.table),
        "transformer.ln_f": with_bias(network.norm),
    }
    for i, layer in enumerate(network.layers):
        attention, feed_forward = layer.attention, layer.feed_forward
        of_layer = {
            "ln_1": with_bias(layer.norm_attention),
            "attn.c_attn": transposed(attention.query, attention.key_value),
            "attn.c_proj": transposed(attention.out),
            "ln_2": with_bias(layer.norm_feed_forward),
            "mlp.c_fc": transposed(feed_forward.up),
            "mlp.c_proj": transposed(feed_forward.out),
        }
        parts |= {f"transformer.h.{i}.{name}": part for name, part in of_layer.items()}
    return join(parts, network)


def parameters(module: Module) -> dict[str, Tensor]:
    """Weight and bias of a linear map or norm; its weight alone, where it has no bias."""
    return {kind: parameter.detach() for kind, parameter in module.named_parameters()}


def with_bias(module: Module) -> dict[str, Tensor]:
    """The same, with a bias of 0 where it has none."""
    found = parameters(module)
    return {"bias": found["weight"].new_zeros(len(found["weight"]))} | found


def transposed(*maps: Module) -> dict[str, Tensor]:
    """Linear maps [out, in] of one input as one, as GPT-2 stores it: weight [in, out], and a bias."""
    import torch

    joined = [with_bias(linear) for linear in maps]
    return {
        "weight": torch.cat([part["weight"] for part in joined]).mT,
        "bias": torch.cat([part["bias"] for part in joined]),
    }


def in_halves(part: dict[str, Tensor], heads: int) -> dict[str, Tensor]:
    """Of each head, first features 0, 2, 4, … and then 1, 3, 5, …

    Ours are rotated in pairs of neighbours, those of transformers in pairs of feature i and feature i + half.
    """
    from einops import rearrange

    pattern = "(h half two) ... -> (h two half) ..."
    return {kind: rearrange(tensor, pattern, h=heads, two=2) for kind, tensor in part.items()}


def join(parts: Parts, network: Module) -> dict[str, Tensor]:
    """All tensors by name, with the output matrix where it is not the embedding."""
    if not network.config.tied:
        parts = parts | {"lm_head": parameters(network.head)}
    return {f"{name}.{kind}": tensor.contiguous() for name, part in parts.items() for kind, tensor in part.items()}


LAYOUTS = {  # by position scheme
    "rotary": Layout("Llama's", {"norm": "rms", "feed_forward": "swiglu"}, llama_config, llama_tensors),
    "learned": Layout("GPT-2's", {"norm": "layer", "feed_forward": "gelu"}, gpt2_config, gpt2_tensors),
}
