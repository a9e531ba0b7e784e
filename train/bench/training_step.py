"""One training step of our network against the same step of transformers' GPT-2 and BERT, and at the presets' size.

Both go through the one loop and differ in network and loss alone. They alternate, round by round, so that a busy
machine slows both.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from eval.tables import print_table
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors
from model.objectives.causal import Causal
from tasks.corpus import Corpus, Documents
from tasks.reversal import Reversal
from tasks.vocabulary import SPECIAL, Entities, Vocabulary
from train.bench.config import Bench, Comparison, comparisons
from train.config import RunConfig, TrainConfig
from train.counters import Counters
from train.loop import Loop
from train.optimiser import Optimiser
from train.presets import PRESETS
from train.progress import WARNINGS
from train.signals import NEVER

PRODUCT = 1024  # rows and columns of the matrices whose product measures the machine
IGNORED = -100  # transformers' label where there is no target
DEFAULTS = ("causal", "bidirectional")  # presets whose own step is timed, at the default size
FEW = 4  # documents, of a step that shows what does not depend on their number
CPU = torch.device("cpu")
Step = Callable[[], object]


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


def make_step(config: RunConfig, corpus: Corpus, modules: nn.ModuleDict, device: torch.device = CPU) -> Step:
    """The loop's step: batch, forward, loss, backward, clipping, optimiser."""
    trained = TrainedModel(corpus, config.objective, modules.to(device))
    loop = Loop(config, trained, None, "", device, WARNINGS, NEVER)
    loop.prepare()
    optimiser, counters = Optimiser(modules, config.train), Counters()
    return lambda: loop.step(optimiser, counters)


def both_steps(settings: Bench, comparison: Comparison) -> tuple[Step, Step]:
    """Our step and theirs."""
    corpus = make_corpus(settings, comparison.roles)
    train = TrainConfig(batch=settings.batch, optimiser="adamw", subset=1.0)
    theirs = TheirObjective(comparison.objective)
    our_modules = build_modules(settings.network, comparison.objective, corpus, seed=0)
    their_modules = nn.ModuleDict({"network": their_network(settings, comparison.their_model)})
    return (
        make_step(RunConfig(Reversal(), comparison.objective, train=train), corpus, our_modules),
        make_step(RunConfig(Reversal(), theirs, train=train), corpus, their_modules),  # a step builds no task
    )


def preset_step(config: RunConfig, device: torch.device = CPU) -> tuple[Step]:
    """The step of a run, on its own world."""
    corpus = config.task.build(config.seed)
    return (make_step(config, corpus, build_modules(config.model, config.objective, corpus, config.seed), device),)


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


def measure(settings: Bench, training_steps: tuple[Step, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds[rounds, n + 1] of each of n steps and of a large matrix product; operations[n + 1] in each."""
    square = torch.rand(PRODUCT, PRODUCT)
    # Counted in the first steps, which also allocate.
    operations = np.array([*map(count_operations, training_steps), 2 * PRODUCT**3])
    calls = (*training_steps, lambda: square @ square)
    seconds = [[cpu_seconds(call, settings.steps) for call in calls] for _ in range(settings.rounds)]
    return np.array(seconds), operations


def time_steps(settings: Bench, console: Console) -> None:
    """Measures every comparison and the steps of the presets, and prints the table."""
    body, rates = [], []
    rows = {comparison.name: partial(both_steps, settings, comparison) for comparison in comparisons(settings)}
    for name in DEFAULTS:
        config = PRESETS[name][1]
        few = replace(config, train=replace(config.train, batch=FEW))
        rows |= {
            f"preset {name}": partial(preset_step, config),
            f"preset {name}, batch {FEW}": partial(preset_step, few),
        }
    with console.status("") as status:
        for name, make_steps in rows.items():
            status.update(name)
            seconds, operations = measure(settings, make_steps())
            body.append([name, *cells(seconds, operations)])
            rates += [*(operations / seconds)[:, -1]]
    print_table(["step", "ours ms", "theirs ms", "theirs/ours", "share"], body, console=console)
    print("CPU time. theirs/ours: median [min-max] of rounds. share: rate of matrix")
    print(f"products in a step, of that of one large: {np.median(rates) / 1e9:.0f} GFLOP/s (float32, one thread).")


def cells(seconds: np.ndarray, operations: np.ndarray) -> list[str]:
    """The cells of a row, from what `measure` returns of our step, and of theirs where there is one."""
    rate = operations / seconds
    shares = ", ".join(f"{share:.0%}" for share in np.median(rate / rate[:, -1:], axis=0)[:-1])
    milliseconds = [f"{ms:.1f}" for ms in 1000 * np.median(seconds, axis=0)[:-1]]
    if len(milliseconds) == 1:
        return [*milliseconds, "", "", shares]
    ratio = seconds[:, 1] / seconds[:, 0]
    return [*milliseconds, f"{np.median(ratio):.2f} [{ratio.min():.2f}-{ratio.max():.2f}]", shares]
