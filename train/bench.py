"""`make bench`: one training step of our network against the same step of transformers' GPT-2 and BERT.

Both go through the one loop and differ in network and loss alone; they take turns round by round, so that a
busy machine slows both. To add a comparison: a line in `rows`.
"""

import importlib.util
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from eval.trained import Trained
from model.assemble import assemble
from model.objectives.batch import Arrays, Tensors
from model.objectives.causal import Causal
from model.objectives.contract import Objective
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from tasks.cli import parse, refusals, refuse
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Entities
from tasks.reversal import Reversal
from tasks.settings import require
from tasks.vocabulary import SPECIAL, Vocabulary
from train.loop import Counters, Loop
from train.optimiser import make_optimiser
from train.settings import Config, TrainSettings

IGNORED = -100  # transformers' label of what is no target
STATEMENT = (SOURCE, RELATION, TARGET)
AMONG_FILLERS = (NONE, NONE, *STATEMENT, NONE, NONE, NONE)  # as in the default world


@dataclass(frozen=True)
class Bench:
    """Time one training step of ours and of transformers', from batch to optimiser, on one thread of a CPU."""

    width: int = 128
    """features of a position"""
    depth: int = 4
    """layers"""
    heads: int = 4
    """attention heads a layer; width is divided among them"""
    positions: int = 16
    """tokens a document"""
    batch: int = 256
    """documents a step"""
    words: int = 512
    """tokens in the vocabulary"""
    rate: float = 0.15
    """share of tokens hidden, in the row with a fixed rate"""
    rounds: int = 9
    """times that ours, theirs and the matrix product take turns, in each row"""
    steps: int = 3
    """optimiser steps of each in a round"""
    product: int = 1024
    """rows and columns of the matrices whose product measures the machine"""

    def __post_init__(self):
        for name in ("batch", "rounds", "steps", "product"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.positions >= 3, "positions", self.positions, "3 or more, the length of a statement")
        require(self.words > len(SPECIAL), "words", self.words, f"above {len(SPECIAL)}, the special tokens")
        _ = self.network, rows(self)  # which check the rest

    @property
    def network(self) -> NetworkSettings:
        """GPT-2's: learned positions, layer norm, gelu, the embedding as output matrix; no dropout."""
        return NetworkSettings(self.width, self.depth, self.heads, position="learned", tied=True)


@dataclass(frozen=True)
class Row:
    """A comparison: our objective, on documents whose tokens have `roles` over and over, with GPT-2 or BERT."""

    name: str
    objective: Objective
    against: str
    roles: tuple[int, ...] = STATEMENT


def rows(settings: Bench) -> list[Row]:
    spans, rate = ("source", "relation", "target"), settings.rate
    return [
        Row("next token, every place", Causal(), "GPT-2"),
        Row("next token, 3 places in 8", Causal(), "GPT-2", AMONG_FILLERS),
        Row(f"masked, {rate:.0%} of places", Masked("fixed", spans, rate), "BERT"),
        Row("masked, uniform rate", Masked("uniform", spans), "BERT"),
    ]


def make_corpus(settings: Bench, roles: tuple[int, ...]) -> Corpus:
    """Documents of random words, 32 batches of them, all of full length."""
    shape = (32 * settings.batch, settings.positions)
    tokens = np.random.default_rng(0).integers(len(SPECIAL), settings.words, shape, dtype=np.int32)
    lengths = np.full(shape[0], settings.positions, np.int32)
    documents = Documents(tokens, lengths, np.broadcast_to(np.resize(roles, settings.positions), shape))
    words = (*SPECIAL, *(f"word-{i}" for i in range(len(SPECIAL), settings.words)))
    return Corpus(Vocabulary(words), Entities(tokens[:0], lengths[:0], ()), (), documents, {})


@dataclass(frozen=True)
class Theirs:
    """What the loop asks of an objective, by transformers' model and loss, with the targets of `ours`."""

    ours: Objective

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        """`tokens`[b, t] and `targets`[n] of ours, and `labels`[b, t]: targets where they stand in the document."""
        batch = self.ours.prepare(documents, rng)
        labels = np.full(documents.tokens.shape, IGNORED, np.int32)
        stand = batch["at"] + isinstance(self.ours, Causal)  # GPT-2 shifts its labels itself
        labels.ravel()[stand] = batch["targets"]
        return {"tokens": batch["tokens"], "labels": labels, "targets": batch["targets"]}

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """Their mean loss as a sum, in nats, and the number of targets."""
        count = len(batch["targets"])
        return modules["network"](input_ids=batch["tokens"], labels=batch["labels"]).loss * count, count


def their_network(settings: Bench, kind: str) -> nn.Module:
    """GPT-2 or BERT of our size, at its fastest: fused attention and gelu, no dropout, no cache, no padding."""
    import transformers  # main refuses where it is missing

    size = {
        "vocab_size": settings.words,
        "hidden_size": settings.width,
        "num_hidden_layers": settings.depth,
        "num_attention_heads": settings.heads,
        "max_position_embeddings": settings.positions,
    }
    plain = {"attn_implementation": "sdpa", "use_cache": False}
    plain |= dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    if kind == "GPT-2":
        plain |= dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        config = transformers.GPT2Config(**size, **plain, activation_function="gelu_pytorch_tanh")
        return transformers.GPT2LMHeadModel(config)
    plain |= dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
    size["intermediate_size"] = 4 * settings.width
    return transformers.BertForMaskedLM(transformers.BertConfig(**size, **plain, hidden_act="gelu_pytorch_tanh"))


class Stepper:
    """A model in the loop, step by step."""

    def __init__(self, settings: Bench, corpus: Corpus, objective: Objective | Theirs, modules: nn.ModuleDict):
        config = Config(Reversal(), objective, train=TrainSettings(batch=settings.batch))  # a step builds no task
        trained, nothing = Trained(corpus, objective, modules.train()), lambda *_: None
        self.loop = Loop(config, trained, Path(), torch.device("cpu"), report=nothing, check=nothing, warn=nothing)
        self.optimiser, self.counters = make_optimiser(modules, config.train), Counters()

    def step(self) -> None:
        """Batch, forward, loss, backward, clipping, optimiser: what a run does between two entries of its record."""
        self.loop.step(self.optimiser, self.counters)

    def work(self) -> int:
        """Floating-point operations in a step's matrix products: 2 m k n for each, by the shapes it is called with.

        Torch counts them, all but a CPU's fused attention: two products forwards and five, one of them again,
        backwards.
        """
        fused = torch.ops.aten
        formulas = {
            fused._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
            fused._scaled_dot_product_flash_attention_for_cpu_backward: (
                lambda gradient, q, k, v, *_, **__: sdpa_backward_flop_count(gradient, q, k, v)
            ),
        }
        with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
            self.step()
        return counter.get_total_flops()


def steppers(settings: Bench, row: Row) -> tuple[Stepper, Stepper]:
    """Ours and theirs."""
    corpus = make_corpus(settings, row.roles)
    ours = assemble(settings.network, row.objective, corpus, seed=0)
    theirs = nn.ModuleDict({"network": their_network(settings, row.against)})
    return Stepper(settings, corpus, row.objective, ours), Stepper(settings, corpus, Theirs(row.objective), theirs)


def seconds(what: Callable[[], object], times: int) -> float:
    """Seconds of this process on its core that `what` takes; what others do meanwhile counts little."""
    began = time.process_time()
    for _ in range(times):
        what()
    return (time.process_time() - began) / times


def measure(settings: Bench, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Seconds[rounds, 3] of a step of ours, of theirs and of the matrix product; work[3] in each, in operations."""
    ours, theirs = steppers(settings, row)
    square = torch.rand(settings.product, settings.product)
    work = np.array([ours.work(), theirs.work(), 2 * settings.product**3])  # the first step also allocates
    turns = [(ours.step, settings.steps), (theirs.step, settings.steps), (lambda: square @ square, settings.steps)]
    return np.array([[seconds(*turn) for turn in turns] for _ in range(settings.rounds)]), work


def cells(row: Row, took: np.ndarray, work: np.ndarray) -> list[str]:
    """A measured row, as a person reads it."""
    rate, ratio = work / took, took[:, 1] / took[:, 0]
    share = np.median(rate[:, :2] / rate[:, 2:], axis=0)
    return [
        row.name,
        row.against,
        *(f"{1000 * s:.1f}" for s in np.median(took[:, :2], axis=0)),
        f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]",
        f"{share[0]:.0%}, {share[1]:.0%}",
    ]


def bench(settings: Bench) -> None:
    """Measures every row and prints the table."""
    torch.set_num_threads(1)
    console = Console()
    table = Table(caption="ms: one step. theirs/ours: median of rounds [lowest-highest].\n"
                  "share: matrix products of ours, theirs, at the rate of one large product.")  # fmt: skip
    for name in ("step", "against", "ours ms", "theirs ms", "theirs/ours", "share"):
        table.add_column(name, justify="left" if name in ("step", "against") else "right")
    rates = []
    with console.status("") as status:
        for row in rows(settings):
            status.update(f"{row.name}, ours and {row.against}")
            took, work = measure(settings, row)
            rates += list(work[2] / took[:, 2])
            table.add_row(*cells(row, took, work))
    console.print(table)
    print(f"one large product: {np.median(rates) / 1e9:.0f} GFLOP/s in float32 on one thread; {machine()}")


def machine() -> str:
    """What it was measured on."""
    import transformers

    return (
        f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}"
    )


def main(arguments: list[str]) -> None:
    with refusals():
        settings = parse(Bench, arguments, "python -m train.bench")
    if importlib.util.find_spec("transformers") is None:
        refuse("transformers is not installed: `make bench` installs it, and so does requirements-dev.txt")
    bench(settings)


if __name__ == "__main__":
    main(sys.argv[1:])
