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
from tasks.cli import parse, refusals, refuse, show_what_the_terminal_can
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Corpus, Documents, Entities
from tasks.reversal import Reversal
from tasks.settings import require
from tasks.vocabulary import SPECIAL, Vocabulary
from train.loop import Counters, Loop
from train.optimiser import make_optimiser
from train.settings import Config, TrainSettings

PRODUCT = 1024  # rows and columns of the matrices whose product measures the machine
IGNORED = -100  # transformers' label of what is no target
EVERYWHERE = (SOURCE, RELATION, TARGET)
IN_FILLER = (NONE, NONE, *EVERYWHERE, NONE, NONE, NONE)  # as in the default world


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
    rounds: int = 15
    """times that ours, theirs and a large matrix product take turns, in each row"""
    steps: int = 2
    """steps of each in a round"""

    def __post_init__(self):
        least = {"positions": 3, "batch": 1, "words": len(SPECIAL) + 1, "rounds": 1, "steps": 1}
        for name, number in least.items():
            require(getattr(self, name) >= number, name, getattr(self, name), f"{number} or more")
        _ = self.network, rows(self)  # these check the rest

    @property
    def network(self) -> NetworkSettings:
        """GPT-2's: learned positions, layer norm, gelu, biases, the embedding as output matrix; no dropout."""
        like = {"position": "learned", "norm": "layer", "feed_forward": "gelu", "bias": True, "tied": True}
        return NetworkSettings(width=self.width, depth=self.depth, heads=self.heads, **like, dropout=0.0)


@dataclass(frozen=True)
class Row:
    """A comparison with `theirs`, on documents whose tokens have `roles` over and over."""

    name: str
    objective: Objective
    theirs: str
    roles: tuple[int, ...] = EVERYWHERE


def rows(settings: Bench) -> list[Row]:
    spans = tuple(ROLES)
    return [
        Row("next token, GPT-2", Causal(), "GPT2LMHeadModel"),
        Row("3 tokens in 8, GPT-2", Causal(), "GPT2LMHeadModel", IN_FILLER),
        Row(f"masked {settings.rate:.0%}, BERT", Masked("fixed", spans, settings.rate), "BertForMaskedLM"),
        Row("masked uniform, BERT", Masked("uniform", spans), "BertForMaskedLM"),
    ]


def their_network(settings: Bench, name: str) -> nn.Module:
    """transformers' model of that name in our size, at its fastest: fused attention and gelu, no dropout, no cache.

    GPT-2 has as many parameters as ours; BERT has a map and a norm more before the output matrix.
    """
    import transformers  # only here and in tests; main says so where it is missing

    transformers.logging.set_verbosity_error()  # it warns of its own defaults
    model = getattr(transformers, name)
    size = {"vocab_size": settings.words, "hidden_size": settings.width, "intermediate_size": 4 * settings.width}
    size |= {"num_hidden_layers": settings.depth, "num_attention_heads": settings.heads}
    size |= {"max_position_embeddings": settings.positions}
    fused = dict.fromkeys(("activation_function", "hidden_act"), "gelu_pytorch_tanh") | {"attn_implementation": "sdpa"}
    dropouts = ("embd_pdrop", "resid_pdrop", "attn_pdrop", "hidden_dropout_prob", "attention_probs_dropout_prob")
    off = dict.fromkeys(dropouts, 0.0) | dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    return model(model.config_class(**size, **fused, **off, use_cache=False))


@dataclass(frozen=True)
class Theirs:
    """What the loop asks of an objective, by transformers' model and loss, for the targets of `ours`."""

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


def make_corpus(settings: Bench, roles: tuple[int, ...]) -> Corpus:
    """Documents of random words, 32 batches of them, all of full length."""
    shape = (32 * settings.batch, settings.positions)
    tokens = np.random.default_rng(0).integers(len(SPECIAL), settings.words, shape, dtype=np.int32)
    lengths = np.full(shape[0], settings.positions, np.int32)
    documents = Documents(tokens, lengths, np.broadcast_to(np.resize(roles, settings.positions), shape))
    words = (*SPECIAL, *(f"word-{i}" for i in range(len(SPECIAL), settings.words)))
    return Corpus(
        Vocabulary(words), Entities(tokens[:0], lengths[:0], ()), (), documents, {}, documents.tokens.shape[1]
    )


def stepper(corpus: Corpus, objective: Objective | Theirs, modules: nn.ModuleDict, batch: int) -> Callable[[], None]:
    """The loop's step: batch, forward, loss, backward, clipping, optimiser."""
    config = Config(Reversal(), objective, train=TrainSettings(batch=batch))  # a step builds no task
    trained, nothing = Trained(corpus, objective, modules.train()), lambda *_: None
    loop = Loop(config, trained, Path(), torch.device("cpu"), report=nothing, check=nothing, warn=nothing)
    optimiser, counters = make_optimiser(modules, config.train), Counters()
    return lambda: loop.step(optimiser, counters)


def work(step: Callable[[], None]) -> int:
    """Floating-point operations in the matrix products of a step: 2 m k n each, by the shapes they are called with.

    Torch counts all but a CPU's fused attention: two products forwards, and five, one of them again, backwards.
    """
    forwards = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    backwards = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    formulas = {
        forwards: lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value),
        backwards: lambda grad, query, key, value, *_, **__: sdpa_backward_flop_count(grad, query, key, value),
    }
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        step()
    return counter.get_total_flops()


def seconds(what: Callable[[], object], times: int) -> float:
    """Seconds on its core that `what` takes: what other programs do meanwhile counts little."""
    began = time.process_time()
    for _ in range(times):
        what()
    return (time.process_time() - began) / times


def measure(settings: Bench, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Seconds[rounds, 3] of a step of ours, of theirs and of the large product; operations[3] in each."""
    corpus, square = make_corpus(settings, row.roles), torch.rand(PRODUCT, PRODUCT)
    network = assemble(settings.network, row.objective, corpus, seed=0)
    ours = stepper(corpus, row.objective, network, settings.batch)
    network = nn.ModuleDict({"network": their_network(settings, row.theirs)})
    theirs = stepper(corpus, Theirs(row.objective), network, settings.batch)
    operations = np.array([work(ours), work(theirs), 2 * PRODUCT**3])  # in first steps, which also allocate
    turns = (ours, theirs, lambda: square @ square)
    took = [[seconds(what, settings.steps) for what in turns] for _ in range(settings.rounds)]
    return np.array(took), operations


def bench(settings: Bench) -> None:
    """Measures every row and prints the table."""
    import transformers

    console, table, rates = Console(markup=False, highlight=False), Table(), []
    for name in ("step", "ours ms", "theirs ms", "theirs/ours", "share"):
        table.add_column(name, justify="left" if name == "step" else "right", no_wrap=True)
    with console.status("") as status:
        for row in rows(settings):
            status.update(row.name)
            took, operations = measure(settings, row)
            ratio, rate = took[:, 1] / took[:, 0], operations / took
            ms, share = 1000 * np.median(took, axis=0), np.median(rate / rate[:, 2:], axis=0)
            spread = f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]"
            table.add_row(row.name, f"{ms[0]:.1f}", f"{ms[1]:.1f}", spread, f"{share[0]:.0%}, {share[1]:.0%}")
            rates += [*rate[:, 2]]
    console.print(table)
    print("theirs/ours: median [least-most] of rounds. share: rate of matrix products over")
    print(f"a step, of that of one large product: {np.median(rates) / 1e9:.0f} GFLOP/s (float32, one thread).")
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")


def main(arguments: list[str]) -> None:
    with refusals():
        settings = parse(Bench, arguments, "python -m train.bench")
    if importlib.util.find_spec("transformers") is None:
        refuse("transformers is not installed: `make bench` installs it, and so does requirements-dev.txt")
    torch.set_num_threads(1)
    bench(settings)


if __name__ == "__main__":
    show_what_the_terminal_can()
    main(sys.argv[1:])
