"""`make bench`: one training step of our network against the same step of transformers' GPT-2 and BERT.

Both sides go through the one loop and differ in network and loss alone; rounds take turns, so that a busy
machine slows both. To add a row: a line in ROWS.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from eval.trained import Trained
from model.assemble import assemble
from model.objectives.batch import Arrays, Tensors
from model.objectives.causal import Causal
from model.objectives.contract import Objective
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Entities
from tasks.reversal import Reversal
from tasks.settings import require
from tasks.vocabulary import SPECIAL, Vocabulary
from train.loop import Counters, Loop
from train.optimiser import make_optimiser
from train.settings import Config, TrainSettings

IGNORED = -100  # transformers' label of what is no target
STATEMENT = (SOURCE, RELATION, TARGET)
DEFAULT = (NONE, NONE, *STATEMENT, NONE, NONE, NONE)  # as in the default world: 3 places of 8
ALL = ("source", "relation", "target")


@dataclass(frozen=True)
class Bench:
    """Time one training step of ours and of transformers, forward to optimiser, on one thread of a CPU."""

    width: int = 128
    """features of a position"""
    depth: int = 4
    """layers"""
    heads: int = 4
    """attention heads a layer"""
    positions: int = 16
    """tokens a document"""
    batch: int = 256
    """documents a step"""
    words: int = 512
    """tokens in the vocabulary"""
    rate: float = 0.15
    """share of tokens hidden, in the row with a fixed rate"""
    rounds: int = 9
    """times that ours, theirs and the matrix product take turns, for each row"""
    steps: int = 3
    """optimiser steps of each in a round"""
    matrix: int = 1024
    """rows and columns of the product by which the machine's rate is measured"""

    def __post_init__(self):
        for name in ("positions", "batch", "rounds", "steps", "matrix"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.words > len(SPECIAL), "words", self.words, f"above {len(SPECIAL)}, the special tokens")
        self.network()  # checks the rest

    def network(self) -> NetworkSettings:
        """What GPT-2 is too: learned positions, layer norm, gelu, the embedding as output matrix, no dropout."""
        return NetworkSettings(self.width, self.depth, self.heads, position="learned", tied=True)


@dataclass(frozen=True)
class Row:
    name: str
    objective: Objective
    their: str  # GPT-2 or BERT
    roles: tuple[int, ...] = STATEMENT  # of the tokens of every document, over and over


def rows(settings: Bench) -> list[Row]:
    return [
        Row("next token, all", Causal(), "GPT-2"),
        Row("next token, 3 in 8", Causal(), "GPT-2", DEFAULT),
        Row(f"masked, {settings.rate:.0%}", Masked("fixed", ALL, settings.rate), "BERT"),
        Row("masked, any rate", Masked("uniform", ALL), "BERT"),
    ]


@dataclass(frozen=True)
class Theirs:
    """transformers' model and loss, as much of an objective as the loop asks for: the same documents, the same tokens hidden, the same targets."""

    ours: Objective

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        """`tokens` and `targets` of ours, and `labels`[b, t]: each target where it stands in the document."""
        arrays = self.ours.prepare(documents, rng)
        labels = np.full(documents.tokens.shape, IGNORED, np.int32)
        # GPT-2 shifts the labels itself.
        labels.ravel()[arrays["at"] + isinstance(self.ours, Causal)] = arrays["targets"]
        return {"tokens": arrays["tokens"], "labels": labels, "targets": arrays["targets"]}

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """Their mean loss in nats as a sum, and the number of targets."""
        count = len(batch["targets"])
        return modules["network"](input_ids=batch["tokens"], labels=batch["labels"]).loss * count, count


def their_network(settings: Bench, kind: str) -> nn.Module:
    """GPT-2 or BERT of our size, at its fastest: fused attention and gelu, no dropout, no cache of keys."""
    import transformers

    transformers.logging.set_verbosity_error()
    common = {"vocab_size": settings.words, "attn_implementation": "sdpa"}
    if kind == "GPT-2":
        size = {"n_embd": settings.width, "n_layer": settings.depth, "n_head": settings.heads}
        fast = {"activation_function": "gelu_pytorch_tanh", "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
        config = transformers.GPT2Config(**common, **size, **fast, n_positions=settings.positions, use_cache=False)
        return transformers.GPT2LMHeadModel(config)
    size = {"hidden_size": settings.width, "num_hidden_layers": settings.depth, "num_attention_heads": settings.heads}
    size |= {"intermediate_size": 4 * settings.width, "max_position_embeddings": settings.positions}
    fast = {"hidden_act": "gelu_pytorch_tanh", "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    return transformers.BertForMaskedLM(transformers.BertConfig(**common, **size, **fast))


def make_corpus(settings: Bench, roles: tuple[int, ...]) -> Corpus:
    """32 batches of documents of random words, all of the full length."""
    shape = (32 * settings.batch, settings.positions)
    tokens = np.random.default_rng(0).integers(len(SPECIAL), settings.words, shape, dtype=np.int32)
    lengths = np.full(shape[0], shape[1], np.int32)
    documents = Documents(tokens, lengths, np.broadcast_to(np.resize(roles, shape[1]).astype(np.int8), shape))
    words = tuple(f"word-{i}" for i in range(settings.words - len(SPECIAL)))
    nobody = Entities(np.zeros((0, 1), np.int32), np.zeros(0, np.int32), ())
    return Corpus(Vocabulary(SPECIAL + words), nobody, (), documents, {})


class Stepper:
    """A model with the loop that steps it."""

    def __init__(self, settings: Bench, corpus: Corpus, objective: Objective, modules: nn.ModuleDict):
        config = Config(Reversal(), objective, train=TrainSettings(batch=settings.batch))  # a step builds no task
        trained, quiet = Trained(corpus, objective, modules.train()), lambda *_: None
        self.loop = Loop(config, trained, Path(), torch.device("cpu"), report=quiet, check=quiet, warn=quiet)
        self.optimiser, self.counters = make_optimiser(modules, config.train), Counters()

    def seconds(self, steps: int) -> float:
        """Seconds a step, over `steps` steps."""
        began = time.perf_counter()
        for _ in range(steps):
            self.loop.step(self.optimiser, self.counters)
        return (time.perf_counter() - began) / steps

    def products(self) -> int:
        """Multiplications and additions in the matrix products of a step, by the shapes they are called with.

        Two for each of m·k·n; torch counts all but the attention of a CPU, whose two products need five backwards.
        """
        attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        count = {
            attention: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
            backward: lambda out, q, k, v, *_, **__: sdpa_backward_flop_count(out, q, k, v),
        }
        with FlopCounterMode(display=False, custom_mapping=count) as counter:
            self.loop.step(self.optimiser, self.counters)
        return counter.get_total_flops()


def steppers(settings: Bench, row: Row) -> tuple[Stepper, Stepper]:
    """Ours and theirs."""
    corpus, theirs = make_corpus(settings, row.roles), nn.ModuleDict({"network": their_network(settings, row.their)})
    ours = assemble(settings.network(), row.objective, corpus, seed=0)
    return Stepper(settings, corpus, row.objective, ours), Stepper(settings, corpus, Theirs(row.objective), theirs)


def product_rate(n: int) -> float:
    """Multiplications and additions a second in a float32 product of n by n matrices."""
    a, b = torch.ones(n, n), torch.ones(n, n)
    began = time.perf_counter()
    a @ b
    return 2 * n**3 / (time.perf_counter() - began)


def measure(settings: Bench, row: Row) -> list[str]:
    """A line of the table."""
    pair = steppers(settings, row)
    count = [side.products() for side in pair]
    for side in pair:
        side.seconds(1)  # the first ones allocate
    took = np.array([[*(side.seconds(settings.steps) for side in pair), product_rate(settings.matrix)]
                     for _ in range(settings.rounds)])  # fmt: skip
    ratio = took[:, 1] / took[:, 0]
    share = np.median(count / (took[:, :2] * took[:, 2:]), axis=0)
    return [
        row.name,
        row.their,
        *(f"{1000 * seconds:.1f}" for seconds in np.median(took[:, :2], axis=0)),
        f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]",
        " / ".join(f"{100 * each:.0f}" for each in share),
    ]
