"""One run on several devices, a process each: `torchrun --nproc-per-node 2 -m train causal`.

Every process makes the whole batches of a step, and computes the loss of its share of their rows. The gradients are
summed over all processes, so that all take the same step. The first process alone has the run folder, asks questions
and prints. It tells the others what comes next, and follow.py is what they do.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from config.validation import require
from model.objectives.batch import Batch, share_rows
from tasks.corpus import Corpus
from train.config import RunConfig, TrainConfig
from train.counters import Counters
from train.signals import SIGNALS, StopFlag

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

STEP, COMPARE, START = -1, -2, -3  # what the first process tells; other numbers are exit codes: the run ends
LOST = 4  # exit code
WAIT = timedelta(days=1)  # for the first process, which evaluates and asks questions meanwhile
TORCHRUN = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}


class ProcessLost(Exception):
    """Another process of the run has ended."""


class WeightsDiffer(Exception):
    """The processes of the run have different weights."""


def num_processes() -> int:
    """How many processes torchrun started for this run; 1 without torchrun."""
    return int(os.environ["WORLD_SIZE"]) if os.environ.keys() >= TORCHRUN else 1


def is_first() -> bool:
    """Whether this is the first process of the run, or its only one."""
    return num_processes() == 1 or os.environ["RANK"] == "0"


def ignore_termination() -> None:
    """Lets this process, which is about to end, do so by itself.

    torchrun sends SIGTERM to all processes as soon as one of them ends with an error.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def without_questions(corpus: Corpus) -> Corpus:
    """What training reads of a corpus: all that the other processes need. Without its functions, it can be sent."""
    return replace(corpus, questions={}, premises=None, inferences=None, notes=list, all_notes=list, choices=None)


class OneProcess:
    """A run on one device. The methods are what training needs of several processes, and do nothing here."""

    rank: int = 0
    """the number of this process, from 0"""
    size: int = 1
    """how many processes there are"""

    def choose_device(self, device: "torch.device", config: TrainConfig) -> "torch.device":
        """The device of this process, where the run has `device`. Raises SettingError where not every one has some."""
        return device

    def share(self, batches: list[Batch]) -> list[Batch]:
        """The rows of each batch that this process trains on."""
        return batches

    def start(self, config: RunConfig, corpus: Corpus, counters: Counters, tensors: "list[Tensor]") -> None:
        """Gives the others what to train, and the weights and the optimiser's state to go on from, `tensors`."""

    def begin_step(self) -> None:
        """Lets the others take the next step, too."""

    def backward(
        self, modules: "nn.ModuleDict", loss: "Tensor", denominator: float, stop: StopFlag
    ) -> "tuple[Tensor | float, float]":
        """Leaves in the parameters the gradient of the loss of all processes, divided by all their denominators.

        Returns both sums. A signal that one process got is in the flags of all afterwards.
        """
        (loss / max(denominator, 1)).backward()
        return loss.detach(), denominator

    def require_same(self, modules: "nn.ModuleDict") -> None:
        """Raises WeightsDiffer unless the weights of all processes are the same, bit for bit."""


ONE_PROCESS = OneProcess()


@dataclass
class SeveralProcesses(OneProcess):
    """The processes that torchrun started, seen from one of them. Where another one is gone, ProcessLost is raised."""

    rank: int
    size: int
    group: Any = None
    """what sums gradients: NCCL on GPUs; None: Gloo, as for everything else"""
    is_lost: bool = False
    """whether one of them is gone, so that nothing can be told any more"""

    @classmethod
    def join(cls) -> "SeveralProcesses":
        """Waits until all processes are there."""
        import torch.distributed as dist

        dist.init_process_group("gloo", timeout=WAIT)
        return cls(dist.get_rank(), dist.get_world_size())

    def leave(self, code: int) -> None:
        """Lets all end: those who follow with the exit code `code`."""
        import torch.distributed as dist

        ignore_termination()
        with contextlib.suppress(ProcessLost):
            if self.rank == 0:
                self.tell(code)
        if not self.is_lost:
            dist.destroy_process_group()

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Raises ProcessLost where another process is gone."""
        if self.is_lost:
            raise ProcessLost
        try:
            yield
        except RuntimeError:  # of torch.distributed, with a text about sockets
            self.is_lost = True
            ignore_termination()
            raise ProcessLost("another process of this run has ended") from None

    def tell(self, command: int | None = None) -> int:
        """What the first process tells all: STEP, COMPARE, START or an exit code. The others wait for it."""
        import torch
        import torch.distributed as dist

        told = torch.tensor([0 if command is None else command])
        with self.connected():
            dist.broadcast(told, 0)
        return int(told)

    def choose_device(self, device: "torch.device", config: TrainConfig) -> "torch.device":
        import torch

        require(config.batch >= self.size, "train.batch", config.batch, f"{self.size} or more: a document a process")
        require(device.type != "mps", "device", device.type, "cpu or cuda where torchrun starts several processes")
        if device.type == "cpu":
            return device
        needed, found = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        allowed = f"cpu, or torchrun must start one process at most for each GPU: {found} here"
        require(needed <= found, "device", device.type, allowed)
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return torch.device("cuda", torch.cuda.current_device())

    def share(self, batches: list[Batch]) -> list[Batch]:
        shares, before = [], 0
        for batch in batches:  # the next one's first row is for the process that follows
            shares.append(share_rows(batch, (self.rank - before) % self.size, self.size))
            before += len(batch["tokens"])
        return [share for share in shares if len(share["tokens"]) or len(share.get("questions", ()))] or shares[:1]

    def start(self, config: RunConfig, corpus: Corpus, counters: Counters, tensors: "list[Tensor]") -> None:
        import torch.distributed as dist

        self.tell(START)
        with self.connected():
            dist.broadcast_object_list([config, without_questions(corpus), counters], 0)
        self.same_tensors(tensors)

    def receive_start(self) -> tuple[RunConfig, Corpus, Counters]:
        """What the first process gives in `start`, which `same_tensors` must follow."""
        import torch.distributed as dist

        given: list[Any] = [None, None, None]
        with self.connected():
            dist.broadcast_object_list(given, 0)
        return tuple(given)

    def same_tensors(self, tensors: "list[Tensor]") -> None:
        """Copies the tensors of the first process to those of all others."""
        import torch.distributed as dist

        self.group = dist.new_group(backend="nccl") if tensors[0].is_cuda else None
        with self.connected():
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0, group=self.group)

    def begin_step(self) -> None:
        self.tell(STEP)

    def backward(
        self, modules: "nn.ModuleDict", loss: "Tensor", denominator: float, stop: StopFlag
    ) -> "tuple[Tensor | float, float]":
        import torch
        import torch.distributed as dist

        loss.backward()
        parameters = list(modules.parameters())
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        trained = [float(p.grad is not None) for p in parameters]
        signals = [float(stop.signal_number == number) for number in SIGNALS]
        further = [*trained, *signals, denominator]
        parts = [*gradients, loss.new_tensor(further), loss.detach()]
        sums = torch.cat([part.flatten() for part in parts])
        with self.connected():
            dist.all_reduce(sums, group=self.group)
        *sums, further = sums.split([*(p.numel() for p in parameters), len(further) + 1])
        *flags, denominator, loss = further.tolist()
        torch._foreach_div_(sums, max(denominator, 1))
        for parameter, gradient, is_trained in zip(parameters, sums, flags):
            parameter.grad = gradient.view_as(parameter) if is_trained else None
        raised = [number for number, count in zip(SIGNALS, flags[len(parameters) :]) if count]
        stop.signal_number = stop.signal_number or next(iter(raised), None)
        return loss, denominator

    def require_same(self, modules: "nn.ModuleDict") -> None:
        import torch
        import torch.distributed as dist

        if self.is_lost:
            return  # what is left is saved
        if self.rank == 0:
            self.tell(COMPARE)
        bits = torch.stack([p.detach().view(torch.int32).sum(dtype=torch.int64) for p in modules.parameters()]).cpu()
        both = torch.cat([bits, -bits])
        with self.connected():
            dist.all_reduce(both, dist.ReduceOp.MAX)
        highest, lowest = both[: len(bits)], -both[len(bits) :]
        if not torch.equal(highest, lowest):
            raise WeightsDiffer("its processes have different weights, so nothing more is saved")


@contextlib.contextmanager
def together() -> Iterator[OneProcess]:
    """Joins the processes that torchrun started, as the first of them. When it ends, so do the others."""
    if num_processes() == 1:
        yield ONE_PROCESS
        return
    processes, code = SeveralProcesses.join(), 1
    try:
        yield processes
        code = 0
    except SystemExit as end:
        code = end.code or 0
        raise
    finally:
        processes.leave(code)
