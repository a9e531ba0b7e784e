"""Muon for the matrices of the layers, AdamW for all else, and the rate of both.

Neither is a torch.optim.Optimizer: its constructor imports torch._dynamo, which takes over a second. Both give what
torch.optim's give, to the last bits (tests/test_optimiser.py).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from train.config import TrainConfig

QUINTIC = (3.4445, -4.7750, 2.0315)  # a Newton-Schulz step that moves small singular values up fastest (Jordan 2024)
EPSILON = 1e-7  # of the norm that a gradient is divided by
ADAM_EPSILON = 1e-8

State = dict[str, Tensor]  # of one parameter


def rate_factor(step: int, targets: int, config: TrainConfig) -> float:
    """The learning rates of step 0, 1, … as a share of the highest, after so many target tokens.

    The share rises linearly over `warmup` steps. Then it falls as a cosine to `final_rate` at the end.
    """
    if step < config.warmup:
        return (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - 1 - config.warmup, 1)
    if config.targets is not None:
        progress = min(max(progress, targets / config.targets), 1)
    return config.final_rate + (1 - config.final_rate) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Optimiser:
    """Updates all parameters of `modules` from their gradients."""

    modules: nn.ModuleDict
    config: TrainConfig

    @cached_property
    def state(self) -> dict[str, State]:
        """By parameter: the means that its update is made of, which a saved step holds."""
        muon = {name for names in self.stacks for name in names}
        return {
            name: {"momentum": torch.zeros_like(parameter)} if name in muon else new_adamw_state(parameter)
            for name, parameter in self.modules.named_parameters()
        }

    def tensors(self) -> list[Tensor]:
        """All that a saved step holds: the parameters, then the state of each, in the same order in every process."""
        return [*self.parameters.values(), *(tensor for kept in self.state.values() for tensor in kept.values())]

    @cached_property
    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.modules.named_parameters())

    @cached_property
    def stacks(self) -> list[list[str]]:
        """The names of the matrices that Muon updates, those of one shape together; none where it is not used."""
        by_shape: dict[torch.Size, list[str]] = {}
        if self.config.optimiser == "muon":
            for name in layer_matrices(self.modules):
                by_shape.setdefault(self.parameters[name].shape, []).append(name)
        return list(by_shape.values())

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Updates every parameter that has a gradient, with `factor` times the highest rates."""
        config = self.config
        for names in self.stacks:
            trained = [name for name in names if self.parameters[name].grad is not None]
            if trained:
                matrices = [self.parameters[name] for name in trained]
                momenta = [self.state[name]["momentum"] for name in trained]
                muon_(matrices, momenta, factor * config.muon_rate, config.momentum, config.weight_decay)
        matrices = {name for names in self.stacks for name in names}
        others = {name: p for name, p in self.parameters.items() if name not in matrices and p.grad is not None}
        for decay, is_decayed in ((config.weight_decay, True), (0.0, False)):  # of biases and norms: none
            group = {name: p for name, p in others.items() if (p.ndim > 1) == is_decayed}
            if group:
                states = [self.state[name] for name in group]
                adamw_(list(group.values()), states, factor * config.adamw_rate, (config.beta1, config.beta2), decay)


def layer_matrices(modules: nn.ModuleDict) -> list[str]:
    """The names of the weights of all linear maps in layers: neither embeddings nor output matrices are among them."""
    return [
        f"{name}.weight"
        for name, module in modules.named_modules()
        if isinstance(module, nn.Linear) and ".layers." in name
    ]


def muon_(matrices: list[Tensor], momenta: list[Tensor], rate: float, momentum: float, decay: float) -> None:
    """One step of Muon on matrices[..., r, c] of one shape: all singular values of an update are about 1 (Jordan et al.
    2024; Liu et al. 2025, 2502.16982).

    In float32, and all matrices in one batched product: at these sizes several times faster than one by one in
    bfloat16.
    """
    gradients = [matrix.grad for matrix in matrices]
    torch._foreach_lerp_(momenta, gradients, 1 - momentum)
    update = torch.stack(torch._foreach_lerp(gradients, momenta, momentum))  # Nesterov
    rows, columns = update.shape[-2:]
    torch._foreach_mul_(matrices, 1 - rate * decay)
    step = orthogonalise(update.view(-1, rows, columns)).view_as(update).unbind()
    torch._foreach_add_(matrices, step, alpha=-rate * math.sqrt(max(1, rows / columns)))


def orthogonalise(x: Tensor, steps: int = 5) -> Tensor:
    """x[n, r, c] with singular values of about 1 and the same singular vectors, by Newton-Schulz steps."""
    a, b, c = QUINTIC
    is_tall = x.shape[1] > x.shape[2]
    x = x.mT if is_tall else x
    x = x / x.flatten(1).norm(dim=1).clamp(min=EPSILON)[:, None, None]
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


def new_adamw_state(parameter: Tensor) -> State:
    return {
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
        "step": torch.zeros((), device=parameter.device),
    }


def adamw_(
    parameters: list[Tensor], states: list[State], rate: float, betas: tuple[float, float], decay: float
) -> None:
    """One step of AdamW (Loshchilov & Hutter 2017, 1711.05101), in torch's own fused kernel."""
    mean, mean_square, step = ([state[key] for state in states] for key in ("exp_avg", "exp_avg_sq", "step"))
    torch._foreach_add_(step, 1)
    torch._fused_adamw_(
        parameters,
        [parameter.grad for parameter in parameters],
        mean,
        mean_square,
        [],
        step,
        lr=rate,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=decay,
        eps=ADAM_EPSILON,
        amsgrad=False,
        maximize=False,
    )
