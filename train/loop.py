"""The one loop. Every objective goes through it, and two runs differ in their settings alone."""

import contextlib
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from checkpoints import steps
from checkpoints.config import restore
from checkpoints.folder import RunLock
from checkpoints.record import Metrics
from config.validation import SettingError
from eval.evaluate import evaluate, to_entry
from eval.methods.in_context import InContext
from eval.trained_model import TrainedModel, copy_tensors, load_weights, max_step_bytes
from model.objectives.batch import Tensors, to_tensors
from train.batches import make_batches
from train.config import RunConfig
from train.counters import Counters
from train.optimiser import Optimiser, rate_factor
from train.processes import ONE_PROCESS, OneProcess, ProcessLost
from train.progress import Log
from train.signals import StopFlag, StopRequested


class NonFiniteStep(Exception):
    """A step that would have made weights NaN or infinite, and was not taken."""


INTERRUPTIONS = (StopRequested, NonFiniteStep, ProcessLost)  # after which a run can be resumed


@dataclass(frozen=True)
class Loop:
    """One training, from its first step or its last saved one to its end."""

    config: RunConfig
    """what defines the run"""
    trained: TrainedModel
    """the model that is trained, with the corpus it is trained on"""
    lock: RunLock | None
    """held on the run folder, for the record and the saved steps; None where single steps are taken, and not `run`"""
    run_id: str
    """the identity of the run, which each saved step gets"""
    device: torch.device
    """where the model is"""
    log: Log
    """takes every entry of the record, also those from before a resume"""
    stop: StopFlag
    """read between steps and between chunks of questions"""
    processes: OneProcess = ONE_PROCESS
    """those that train this run together"""

    @property
    def folder(self) -> Path:
        """The run folder."""
        assert self.lock is not None, "a run has a folder"
        return self.lock.folder

    def run(self) -> Counters:
        """Trains to the end. Where it raises one of INTERRUPTIONS, the steps that were taken are saved."""
        config, optimiser = self.config.train, Optimiser(self.trained.modules, self.config.train)
        counters = self.restore(optimiser)
        self.processes.start(self.config, self.trained.corpus, counters, optimiser.tensors())
        self.prepare()
        with Metrics(self.folder, counters.metrics_bytes, counters.metrics_sha256) as metrics:
            for entry in metrics.entries():
                self.log.record(entry)
            began = time.perf_counter() - counters.seconds
            try:
                while True:
                    ended = self.has_ended(counters)
                    if ended or counters.step % config.evaluate_every == 0:
                        self.evaluate(counters, metrics)
                    counters.seconds = time.perf_counter() - began
                    if ended or (counters.step % config.save_every == 0 and counters.step > 0):
                        self.save(optimiser, counters)
                    if ended:
                        return counters
                    self.stop.check()
                    self.processes.begin_step()
                    self.step(optimiser, counters)
                    if counters.step % config.log_every == 0 or self.has_ended(counters):
                        entry = counters.training_entry()
                        self.record(entry, counters, metrics)
            except INTERRUPTIONS:
                self.save(optimiser, counters)
                raise

    def prepare(self) -> None:
        """Compiles the network where the settings say so, and lets dropout work."""
        if self.config.train.compile:
            self.trained.modules["network"].compile(dynamic=True)
        self.trained.modules.train()

    def has_ended(self, counters: Counters) -> bool:
        """Whether all steps are taken, or as many target tokens predicted as the settings say."""
        config = self.config.train
        enough_targets = config.targets is not None and counters.target_tokens >= config.targets
        return enough_targets or counters.step == config.steps

    def step(self, optimiser: Optimiser, counters: Counters) -> None:
        """One step: batches, loss over all their targets, gradient, new weights. Raises NonFiniteStep."""
        began = time.perf_counter()
        config, modules = self.config.train, self.trained.modules
        batches = make_batches(self.trained.corpus, self.config.objective, config, self.config.seed, counters.step)
        self.seed_dropout(counters.step)
        loss, denominator = self.loss([to_tensors(batch, self.device) for batch in self.processes.share(batches)])
        parameters = optimiser.parameters.values()  # a walk through all modules takes as long as a layer
        for parameter in parameters:
            parameter.grad = None
        loss, denominator = self.processes.backward(modules, loss, denominator, self.stop)
        gradient_norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        loss = float(loss)
        require_finite(counters.step, loss, denominator, gradient_norm.item())
        factor = rate_factor(counters.step, counters.target_tokens, config)
        optimiser.step(factor)
        counters.learning_rate = factor * config.adamw_rate
        targets = sum(batch["targets"].size for batch in batches)
        counters.gradient_norm = gradient_norm.item()
        counters.add_step(config.batch, targets, loss, denominator, time.perf_counter() - began)

    def seed_dropout(self, step: int) -> None:
        """Seeds torch's global generator, the only one that dropout draws from: other numbers in each process."""
        # Seeding those of all devices takes a tenth of a millisecond.
        seed_generator = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seed_generator((self.config.seed << 32) + (self.processes.rank << 26) + step)

    def loss(self, batches: list[Tensors]) -> tuple[Tensor, float]:
        """The loss summed over all batches, and what to divide it by."""
        objective, modules = self.config.objective, self.trained.modules
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.train.precision == "bfloat16"):
            losses, denominators = zip(*(objective.loss(modules, batch) for batch in batches))
        return sum(losses), sum(denominators)

    def record(self, entry: dict[str, Any], counters: Counters, metrics: Metrics) -> None:
        """Adds an entry to the record. Raises SettingError where the folder may be another run's by now."""
        self.lock.require_held()
        counters.metrics_bytes, counters.metrics_sha256 = metrics.append(entry)
        self.log.record(entry)

    def evaluate(self, counters: Counters, metrics: Metrics) -> None:
        """Adds an entry of evaluation on all splits to the record, once a step."""
        if counters.evaluated == counters.step:
            return
        summaries = self.summaries()
        counters.evaluated = counters.step
        self.record(counters.evaluation_entry(summaries), counters, metrics)

    def summaries(self) -> dict[str, Any]:
        """The summary of every split in all query modes, as `to_entry` makes it.

        A model trained on episodes is evaluated in context, too, in its first query mode: `methods` holds that.
        """
        limit, models = self.config.train.evaluate_questions, self.trained.query_modes()
        closed_book = {mode: evaluate(model, limit=limit, check=self.stop.check) for mode, model in models.items()}
        entry = to_entry(closed_book)
        if self.trained.corpus.episodes:
            model = next(iter(models.values()))
            with contextlib.suppress(SettingError):  # learned positions can be fewer than a prompt's tokens
                in_context = evaluate(model, InContext.fitting(model.corpus), limit, self.stop.check)
                entry["methods"] = {InContext.name: in_context}
        return entry

    def save(self, optimiser: Optimiser, counters: Counters) -> None:
        """Saves weights, the optimiser's state of each by name, and the counters."""
        weights = dict(self.trained.modules.named_parameters())
        state = {f"{name}/{key}": value for name, kept in optimiser.state.items() for key, value in kept.items()}
        self.processes.require_same(self.trained.modules)
        self.lock.require_held()
        steps.save(self.folder, counters.step, weights, state, asdict(counters), self.config.train.keep, self.run_id)
        self.log.saved(counters.step)

    def restore(self, optimiser: Optimiser) -> Counters:
        """Counters, weights and state of the newest whole step; the counters of a new run where there is none."""
        modules = self.trained.modules
        saved = steps.load(self.folder, self.log.warn, self.run_id, max_step_bytes(modules))
        if saved is None:
            return Counters()
        load_weights(modules, saved.weights, self.folder)
        state = {f"{name}/{key}": value for name, kept in optimiser.state.items() for key, value in kept.items()}
        copy_tensors(state, saved.state, f"the optimiser's state in {self.folder}")
        return restore(Counters, saved.counters, f"{self.folder}, counters of step {saved.step}")


def require_finite(step: int, loss: float, denominator: float, gradient_norm: float) -> None:
    """Raises NonFiniteStep unless loss and gradient are finite."""
    if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
        raise NonFiniteStep(
            f"step {step} was not taken: its loss is {loss / max(denominator, 1):.3g} and its gradient's norm "
            f"{gradient_norm:.3g} (a lower train.learning_rate may help)"
        )
