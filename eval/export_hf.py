"""`python -m eval export RUN --to hf DIR`: a run as a folder that transformers (Hugging Face) loads.

transformers itself is not needed to write it. The files:

config.json, model.safetensors      settings and weights in the layout of Llama or GPT-2 (hf_layouts.py)
tokenizer.json, tokenizer_config.json, generation_config.json
README.md                           what it was trained on, and how to ask it (model_card.py)
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from checkpoints.config import read_config_json, restore_config
from checkpoints.files import write_bytes
from config.validation import require
from eval.hf_layouts import choose_layout
from eval.model_card import first_example, model_card
from eval.trained_model import SECTIONS, TrainedModel, load_trained_model
from tasks.corpus import Corpus
from tasks.vocabulary import BEGIN, END, MASK, PAD, SPECIAL

FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "README.md",
)
# Their predictions are those of the network alone, over tokens in their order, each seeing what is left of it or all.
OBJECTIVES = (
    "causal",
    "masked",
    "diffusion",
    "reversed",
    "semantic-permutation",
    "infill",
    "masked-copy",
    "bico",
    "reinforced",
)
SPECIAL_IDS = {"bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": PAD}


@dataclass(frozen=True)
class Export:
    """Write a trained run as a folder that transformers (Hugging Face) loads: weights, tokenizer and model card."""

    run: Positional[Path]
    """a run: its name in checkpoints/ or its folder, such as causal-0"""
    dir: Positional[Path]
    """folder to write to; it is made where it is missing"""
    to: Literal["hf"] = "hf"
    """the form: hf is that of Hugging Face"""
    overwrite: bool = False
    """replace an earlier export in the folder"""


def export(folder: Path, out: Path, overwrite: bool = False) -> str:
    """Writes the run in `folder` into `out`, and returns a line about it.

    Raises SettingError, before anything is written, for a run that has no layout and where `out` may not be replaced.
    """
    config = read_config_json(folder)
    layout, objective = choose_layout(restore_config(config, SECTIONS)["model"]), config["objective"]["name"]
    allowed = f"one of {', '.join(OBJECTIVES)}: no layout of transformers computes what others predict"
    require(objective in OBJECTIVES, "objective", objective, allowed)
    require_free(out, overwrite)

    trained, step, _ = load_trained_model(folder)
    files = make_files(trained, config, folder.name, step, out)
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        write_bytes(out / name, files[name])
    return f"{folder.name}, step {step}, in {layout.name} layout: {out}/"


def require_free(out: Path, overwrite: bool) -> None:
    """Raises SettingError unless `out` is missing, empty or, with `overwrite`, an earlier export and nothing else."""
    if not out.exists() and not out.is_symlink():
        return
    require(out.is_dir(), "dir", str(out), "a folder")
    names = {path.name for path in out.iterdir()}
    require(overwrite or not names, "dir", str(out), "a new or empty folder (--overwrite replaces an earlier export)")
    others = sorted(name for name in names - set(FILES) if not name.startswith("."))
    allowed = f"a folder with an earlier export alone: it holds {', '.join(others[:3])}"
    require(not others and (not names or "model.safetensors" in names), "dir", str(out), allowed)


def make_files(trained: TrainedModel, config: dict[str, Any], name: str, step: int, out: Path) -> dict[str, bytes]:
    """The content of each of FILES, for a run of this name. `config`: what its config.json holds."""
    from safetensors.torch import save

    network, corpus = trained.modules["network"], trained.corpus
    layout, example = choose_layout(network.config), first_example(trained)
    shared = {"vocab_size": len(corpus.vocabulary), "tie_word_embeddings": network.config.tied, "dtype": "float32"}
    if example.sees_all:
        shared |= {"is_causal": False, "use_cache": False}  # transformers from version 5.2 on
    max_name = int(corpus.entities.lengths.max())
    settings = {
        "config.json": layout.config(network) | shared | SPECIAL_IDS,
        "tokenizer.json": tokenizer(corpus),
        "tokenizer_config.json": tokenizer_config(network.position.max_positions),
        "generation_config.json": {"do_sample": False, "max_new_tokens": max_name} | SPECIAL_IDS,
    }
    files = {file: json.dumps(values, indent=1, ensure_ascii=False).encode() for file, values in settings.items()}
    files["model.safetensors"] = save(layout.tensors(network), metadata={"format": "pt"})
    files["README.md"] = model_card(trained, example, config, name, step, out).encode()
    return files


def tokenizer(corpus: Corpus) -> dict[str, Any]:
    """tokenizer.json of the library tokenizers: each word of the world is a token, and [begin] comes first.

    The tokens of a name are separated by blanks or, as the project shows names, by "-". An unknown word is an error.
    """
    words = corpus.vocabulary.words
    separator = r"[\s-]+" if (corpus.entities.lengths > 1).any() else r"\s+"
    begin = SPECIAL[BEGIN]
    template = [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        # Words that hold a separator are found as they are, before the text is split.
        "added_tokens": [
            added_token(i, word) for i, word in enumerate(words) if i < len(SPECIAL) or re.search(separator, word)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": separator}, "behavior": "Removed", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template,
            "pair": [*template, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {begin: {"id": begin, "ids": [BEGIN], "tokens": [begin]}},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": corpus.vocabulary.ids, "unk_token": "[unknown]"},
    }


def added_token(i: int, word: str) -> dict[str, Any]:
    is_special = i < len(SPECIAL)
    token = {"id": i, "content": word, "single_word": not is_special, "lstrip": False, "rstrip": False}
    return token | {"normalized": False, "special": is_special}


def tokenizer_config(max_positions: int) -> dict[str, Any]:
    """What transformers adds to tokenizer.json. Token types are none of the inputs: GPT-2 would embed them."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[BEGIN],
        "eos_token": SPECIAL[END],
        "pad_token": SPECIAL[PAD],
        "mask_token": SPECIAL[MASK],
        "model_max_length": max_positions,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
    }
