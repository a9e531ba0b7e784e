"""The one loop. Every objective goes through it; whatever differs between two runs is in their settings."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from checkpoints import steps
from checkpoints.folder import Metrics, read_metrics
from eval.score import as_entry, evaluate
from eval.trained import Trained, load_weights
from eval.ways.in_context import InContext
from model.objectives.batch import to_tensors
from tasks.settings import SettingError
from train.batches import make_batches
from train.optimiser import learning_rate, make_optimiser
from train.settings import Config


class Stopped(Exception):
    """The run was asked to stop."""


class NotFinite(Exception):
    """A step that would have made weights NaN or infinite, and was not taken."""


@dataclass
class Counters:
    """What a run has done so far; saved with every step, so that a resumed run goes on counting."""

    step: int = 0
    documents: int = 0
    target_tokens: int = 0
    seconds: float = 0.0  # in the loop: training, evaluation and saving
    evaluated: int = -1  # the last step at which the splits were asked
    metrics_bytes: int = 0  # length of the record
    gradient_norm: float = 0.0  # at the last step
    # Since the last entry of the record:
    loss: float = 0.0
    denominator: float = 0.0
    new_documents: int = 0
    new_targets: int = 0
    new_seconds: float = 0.0


@dataclass(frozen=True)
class Loop:
    """One training, from its first step or its last saved one to its end.

    `report` is given every entry of the record, those from before a resume too; `check` is called between
    steps and between chunks of questions, and raises Stopped where the run is to stop.
    """

    config: Config
    trained: Trained
    folder: Path
    device: torch.device
    report: Callable[[dict[str, Any]], None]
    check: Callable[[], None]
    warn: Callable[[str], None]

    def run(self) -> Counters:
        """Trains to the end. Where it raises Stopped or NotFinite, the step it came to is saved first."""
        settings, modules = self.config.train, self.trained.modules
        optimiser = make_optimiser(modules, settings)
        counters = self.restore(optimiser)
        if settings.compile:
            modules["network"].compile(dynamic=True)
        modules.train()
        with Metrics(self.folder, counters.metrics_bytes) as metrics:
            for entry in read_metrics(self.folder):
                self.report(entry)
            began = time.perf_counter() - counters.seconds
            try:
                while True:
                    at_end = self.at_end(counters)
                    if at_end or counters.step % settings.evaluate_every == 0:
                        self.evaluate(counters, metrics)
                    counters.seconds = time.perf_counter() - began
                    if at_end or (counters.step % settings.save_every == 0 and counters.step > 0):
                        self.save(optimiser, counters)
                    if at_end:
                        return counters
                    self.check()
                    self.step(optimiser, counters)
                    if counters.step % settings.log_every == 0 or self.at_end(counters):
                        self.log(optimiser, counters, metrics)
            except (Stopped, NotFinite):
                self.save(optimiser, counters)
                raise

    def at_end(self, counters: Counters) -> bool:
        settings = self.config.train
        enough = settings.targets is not None and counters.target_tokens >= settings.targets
        return enough or counters.step == settings.steps

    def step(self, optimiser: torch.optim.Optimizer, counters: Counters) -> None:
        """One step: its batches, their loss over all targets, the gradient, the weights."""
        began = time.perf_counter()
        config, settings, modules = self.config, self.config.train, self.trained.modules
        arrays = make_batches(self.trained.corpus, config.objective, settings.batch, config.seed, counters.step)
        batches = [to_tensors(each, self.device) for each in arrays]
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(counters.step, counters.target_tokens, settings)
        # For dropout, which takes no generator. (To seed those of all devices takes a tenth of a millisecond a step.)
        seed_device = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seed_device((config.seed << 32) + counters.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            losses, denominators = zip(*(config.objective.loss(modules, batch) for batch in batches))
        loss, denominator = sum(losses), sum(denominators)
        optimiser.zero_grad()
        (loss / max(denominator, 1)).backward()
        norm = torch.nn.utils.clip_grad_norm_(modules.parameters(), settings.clip)
        loss = loss.item()
        if not (math.isfinite(loss) and torch.isfinite(norm)):
            raise NotFinite(
                f"step {counters.step} was not taken: its loss is {loss / max(denominator, 1):.3g} and its gradient's "
                f"norm {norm.item():.3g} (a lower train.learning_rate may help)"
            )
        optimiser.step()
        targets = sum(batch["targets"].numel() for batch in batches)
        counters.step += 1
        counters.documents += settings.batch
        counters.target_tokens += targets
        counters.gradient_norm = norm.item()
        counters.loss += loss
        counters.denominator += denominator
        counters.new_documents += settings.batch
        counters.new_targets += targets
        counters.new_seconds += time.perf_counter() - began

    def log(self, optimiser: torch.optim.Optimizer, counters: Counters, metrics: Metrics) -> None:
        """An entry of training: means since the last one."""
        entry = {
            "kind": "train",
            "step": counters.step,
            "time": time.time(),
            "loss": counters.loss / max(counters.denominator, 1),
            "learning_rate": optimiser.param_groups[0]["lr"],
            "gradient_norm": counters.gradient_norm,
            "documents": counters.documents,
            "target_tokens": counters.target_tokens,
            "documents_per_second": counters.new_documents / counters.new_seconds,
            "targets_per_second": counters.new_targets / counters.new_seconds,
        }
        counters.loss = counters.denominator = counters.new_seconds = 0.0
        counters.new_documents = counters.new_targets = 0
        counters.metrics_bytes = metrics.append(entry)
        self.report(entry)

    def evaluate(self, counters: Counters, metrics: Metrics) -> None:
        """An entry of evaluation, once a step: all splits."""
        if counters.evaluated == counters.step:
            return
        limit = self.config.train.evaluate_questions
        found = {asked: evaluate(one, limit=limit, between=self.check) for asked, one in self.trained.asked().items()}
        if self.trained.corpus.drawn:  # trained to use a prompt: whether it does is part of how far it has come
            first = next(iter(self.trained.asked().values()))
            with contextlib.suppress(SettingError):  # the prompt can be longer than learned positions know
                found["in-context"] = evaluate(first, InContext.fitting(first.corpus), limit, self.check)
        counters.evaluated = counters.step
        done = {"documents": counters.documents, "target_tokens": counters.target_tokens, "seconds": counters.seconds}
        entry = {"kind": "evaluation", "step": counters.step, "time": time.time(), **done, **as_entry(found)}
        counters.metrics_bytes = metrics.append(entry)
        self.report(entry)

    def save(self, optimiser: torch.optim.Optimizer, counters: Counters) -> None:
        """Weights, the optimiser's memory of each by name, and the counters."""
        named = dict(self.trained.modules.named_parameters())
        memory = {
            f"{name}/{key}": value
            for name, parameter in named.items()
            for key, value in optimiser.state[parameter].items()
        }
        steps.save(self.folder, counters.step, named, memory, dataclasses.asdict(counters), self.config.train.keep)

    def restore(self, optimiser: torch.optim.Optimizer) -> Counters:
        """Counters, weights and memory of the newest whole step; those of a new run where there is none."""
        saved = steps.load(self.folder, self.warn)
        if saved is None:
            return Counters()
        _, weights, memory, counters = saved
        load_weights(self.trained.modules, weights, self.folder)
        for name, parameter in self.trained.modules.named_parameters():
            own = {key.removeprefix(f"{name}/"): value for key, value in memory.items() if key.startswith(f"{name}/")}
            optimiser.state[parameter] = {k: v.to(parameter.device) for k, v in own.items()}
        return Counters(**counters)
