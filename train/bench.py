"""`make bench`: one training step of our network against the same step of transformers' GPT-2 and BERT.

Both go through the one loop and differ in network and loss alone. They alternate, round by round, so that a busy
machine slows both. To add a comparison: a line in `comparisons`.
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

from config.cli import escape_unprintable, parse_arguments, refusals, refuse
from config.validation import require_at_least
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Corpus, Documents
from tasks.reversal import Reversal
from tasks.vocabulary import SPECIAL, Entities, Vocabulary
from train.config import RunConfig, TrainConfig
from train.counters import Counters
from train.loop import Loop
from train.optimiser import make_optimiser
from train.progress import WARNINGS
from train.signals import NEVER

PRODUCT = 1024  # rows and columns of the matrices whose product measures the machine
IGNORED = -100  # transformers' label where there is no target
STATEMENT = (SOURCE, RELATION, TARGET)
WITH_FILLER = (NONE, NONE, *STATEMENT, NONE, NONE, NONE)  # as in the default world


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
    vocab_size: int = 512
    """tokens in the vocabulary"""
    rate: float = 0.15
    """share of tokens masked, in the comparison with a fixed rate"""
    rounds: int = 15
    """rounds of ours, theirs and a large matrix product, in each comparison"""
    steps: int = 2
    """steps of each in a round"""

    def __post_init__(self):
        minima = {"positions": 3, "batch": 1, "vocab_size": len(SPECIAL) + 1, "rounds": 1, "steps": 1}
        for name, minimum in minima.items():
            require_at_least(self, "", minimum, name)
        _ = self.network, comparisons(self)  # these check the rest

    @property
    def network(self) -> ModelConfig:
        """GPT-2's: learned positions, layer norm, gelu, biases, the embedding as output matrix; no dropout."""
        return ModelConfig(
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            position="learned",
            norm="layer",
            feed_forward="gelu",
            bias=True,
            tied=True,
            dropout=0.0,
        )


@dataclass(frozen=True)
class Comparison:
    """Our step against that of one of transformers' models."""

    name: str
    """as the table shows it"""
    objective: Objective
    """what both are trained with"""
    their_model: str
    """the class in transformers"""
    roles: tuple[int, ...] = STATEMENT
    """roles of the tokens of a document, over and over"""


def comparisons(settings: Bench) -> list[Comparison]:
    """All comparisons, in the order of the table."""
    fixed = Masked(scheme="fixed", maskable=tuple(ROLES), rate=settings.rate)
    uniform = Masked(scheme="uniform", maskable=tuple(ROLES))
    return [
        Comparison("next token, GPT-2", Causal(), "GPT2LMHeadModel"),
        Comparison("3 tokens in 8, GPT-2", Causal(), "GPT2LMHeadModel", WITH_FILLER),
        Comparison(f"masked {settings.rate:.0%}, BERT", fixed, "BertForMaskedLM"),
        Comparison("masked uniform, BERT", uniform, "BertForMaskedLM"),
    ]


def their_network(settings: Bench, name: str) -> nn.Module:
    """transformers' model of that name in our size, at its fastest: fused attention and gelu, no dropout, no cache.

    GPT-2 has as many parameters as ours. BERT has one more linear map and norm, before the output matrix.
    """
    import transformers  # only here and in tests; main refuses where it is not installed

    transformers.logging.set_verbosity_error()  # it warns of its own defaults
    model = getattr(transformers, name)
    size = {"vocab_size": settings.vocab_size, "hidden_size": settings.width, "intermediate_size": 4 * settings.width}
    size |= {"num_hidden_layers": settings.depth, "num_attention_heads": settings.heads}
    size |= {"max_position_embeddings": settings.positions}
    fused = dict.fromkeys(("activation_function", "hidden_act"), "gelu_pytorch_tanh") | {"attn_implementation": "sdpa"}
    dropouts = ("embd_pdrop", "resid_pdrop", "attn_pdrop", "hidden_dropout_prob", "attention_probs_dropout_prob")
    absent = dict.fromkeys(dropouts, 0.0) | dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    return model(model.config_class(**size, **fused, **absent, use_cache=False))


@dataclass(frozen=True)
class TheirObjective:
    """An objective for the loop, with transformers' model and loss."""

    ours: Objective
    """the objective whose targets it has"""

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        """`tokens`[b, t] and `targets`[n] of ours, and `labels`[b, t]: the targets at their positions."""
        batch = self.ours.make_batch(documents, rng)
        labels = np.full(documents.tokens.shape, IGNORED, np.int32)
        target_positions = batch["logit_positions"] + isinstance(self.ours, Causal)  # GPT-2 shifts its labels itself
        labels.ravel()[target_positions] = batch["targets"]
        return {"tokens": batch["tokens"], "labels": labels, "targets": batch["targets"]}

    def loss(self, modules: nn.ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """Their mean loss as a sum, in nats, and the number of targets."""
        count = len(batch["targets"])
        return modules["network"](input_ids=batch["tokens"], labels=batch["labels"]).loss * count, count


def make_corpus(settings: Bench, roles: tuple[int, ...]) -> Corpus:
    """Documents of random words, 32 batches of them, all of full length."""
    shape = (32 * settings.batch, settings.positions)
    tokens = np.random.default_rng(0).integers(len(SPECIAL), settings.vocab_size, shape, dtype=np.int32)
    lengths = np.full(shape[0], settings.positions, np.int32)
    documents = Documents(tokens, lengths, np.broadcast_to(np.resize(roles, settings.positions), shape))
    words = (*SPECIAL, *(f"word-{i}" for i in range(len(SPECIAL), settings.vocab_size)))
    entities = Entities(tokens[:0], lengths[:0], ())
    return Corpus(
        vocabulary=Vocabulary(words),
        entities=entities,
        relations=(),
        documents=documents,
        questions={},
        max_length=settings.positions,
    )


def make_step(
    corpus: Corpus, objective: Objective | TheirObjective, modules: nn.ModuleDict, batch: int
) -> Callable[[], None]:
    """The loop's step: batch, forward, loss, backward, clipping, optimiser."""
    config = RunConfig(Reversal(), objective, train=TrainConfig(batch=batch))  # a step builds no task
    trained = TrainedModel(corpus, objective, modules.train())
    loop = Loop(config, trained, Path(), torch.device("cpu"), WARNINGS, NEVER)
    optimiser, counters = make_optimiser(modules, config.train), Counters()
    return lambda: loop.step(optimiser, counters)


def count_operations(step: Callable[[], None]) -> int:
    """Floating-point operations in the matrix products of a step: 2 m k n each, by the shapes they are called with.

    Torch counts all but the fused attention of a CPU. That has two products in the forward pass and five in the
    backward pass, one of them repeated.
    """
    forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    formulas = {
        forward: lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value),
        backward: lambda grad, query, key, value, *_, **__: sdpa_backward_flop_count(grad, query, key, value),
    }
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        step()
    return counter.get_total_flops()


def cpu_seconds(call: Callable[[], object], times: int) -> float:
    """CPU seconds that a call takes: other programs on the machine hardly count."""
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times


def measure(settings: Bench, comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Seconds[rounds, 3] of a step of ours, of theirs and of the large product; operations[3] in each."""
    corpus, square = make_corpus(settings, comparison.roles), torch.rand(PRODUCT, PRODUCT)
    our_modules = build_modules(settings.network, comparison.objective, corpus, seed=0)
    ours = make_step(corpus, comparison.objective, our_modules, settings.batch)
    their_modules = nn.ModuleDict({"network": their_network(settings, comparison.their_model)})
    theirs = make_step(corpus, TheirObjective(comparison.objective), their_modules, settings.batch)
    # Counted in the first steps, which also allocate.
    operations = np.array([count_operations(ours), count_operations(theirs), 2 * PRODUCT**3])
    calls = (ours, theirs, lambda: square @ square)
    seconds = [[cpu_seconds(call, settings.steps) for call in calls] for _ in range(settings.rounds)]
    return np.array(seconds), operations


def bench(settings: Bench) -> None:
    """Measures every comparison and prints the table."""
    import transformers

    console, table, rates = Console(markup=False, highlight=False), Table(), []
    for name in ("step", "ours ms", "theirs ms", "theirs/ours", "share"):
        table.add_column(name, justify="left" if name == "step" else "right", no_wrap=True)
    with console.status("") as status:
        for comparison in comparisons(settings):
            status.update(comparison.name)
            seconds, operations = measure(settings, comparison)
            ratio, rate = seconds[:, 1] / seconds[:, 0], operations / seconds  # [rounds], [rounds, 3]
            ms, share = 1000 * np.median(seconds, axis=0), np.median(rate / rate[:, 2:], axis=0)
            ratios = f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]"
            table.add_row(comparison.name, f"{ms[0]:.1f}", f"{ms[1]:.1f}", ratios, f"{share[0]:.0%}, {share[1]:.0%}")
            rates += [*rate[:, 2]]
    console.print(table)
    print("theirs/ours: median [min-max] of rounds. share: rate of matrix products over")
    print(f"a step, of that of one large product: {np.median(rates) / 1e9:.0f} GFLOP/s (float32, one thread).")
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")


def main(arguments: list[str]) -> None:
    with refusals():
        settings = parse_arguments(Bench, arguments, "python -m train.bench")
    if importlib.util.find_spec("transformers") is None:
        refuse("transformers is not installed: `make bench` installs it, and so does requirements-dev.txt")
    torch.set_num_threads(1)
    bench(settings)


if __name__ == "__main__":
    escape_unprintable()
    main(sys.argv[1:])
