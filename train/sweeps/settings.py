"""Settings of every command that trains several runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from config.validation import require, require_at_least
from train.config import RunConfig

if TYPE_CHECKING:
    from train.sweeps.engine import Engine


@dataclass(frozen=True, kw_only=True)
class MultiRunConfig:
    """Settings of every command that trains several runs."""

    main_settings: ClassVar = ("seeds", "jobs", "steps", "name", "table", "variants", "objectives", "values", "only")
    main_settings += ("engine",)

    seeds: int = 5
    """worlds, each for every variant"""
    first_seed: int = 0
    """the first of them"""
    jobs: int | None = None
    """runs at once; None: one a core and, on a GPU, at most eight; on Ray as many as all of its nodes hold"""
    engine: Literal["pool", "ray"] = "pool"
    """what trains the runs: processes of this machine, or Ray, on one machine or many (docs/cluster.md)"""
    address: str | None = None
    """of a Ray cluster, such as 10.0.0.1:6379, or auto: the one that this machine is part of; None: Ray starts here"""
    gpu_share: float | None = None
    """share of a GPU that Ray gives each run; None: an eighth where there is one that runs may use, else none"""
    steps: int | None = None
    """optimiser steps of every variant; None: its own"""
    targets: int | None = None
    """target tokens after which every variant ends, before its steps are over; None: its own"""
    name: str | None = None
    """folder in checkpoints/ for table and figure, and what the runs' names begin with; None: the command's own"""
    overwrite: bool = False
    """train all runs again from the start"""
    table: bool = False
    """train nothing: table and figure of what is finished"""
    merge: Path | None = None
    """results.csv of runs trained elsewhere, whose other seeds and variants are added to table and figure (not to
    curves)"""

    def __post_init__(self):
        require_at_least(self, "", 1, "seeds", "jobs", "steps", "targets")
        require(not (self.table and self.overwrite), "table", True, "given without overwrite")
        for name in ("address", "gpu_share"):
            given = getattr(self, name)
            require(given is None or self.engine == "ray", name, given, "left out without --engine ray")
        require(self.gpu_share is None or 0 <= self.gpu_share <= 1, "gpu_share", self.gpu_share, "0 to 1")

    def all_seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.seeds)

    def open_engine(self, runs: dict[str, RunConfig]) -> Engine:
        """What trains these runs. Raises SettingError where it cannot."""
        from train.sweeps.engine import open_engine

        options = {} if self.engine == "pool" else {"address": self.address, "gpu_share": self.gpu_share}
        return open_engine(self.engine, runs.values(), self.jobs, **options)

    def with_budget(self, config: RunConfig) -> RunConfig:
        """The run with the steps and targets that these settings give."""
        train = config.train if self.targets is None else replace(config.train, targets=self.targets)
        return with_steps(replace(config, train=train), self.steps)


def with_steps(config: RunConfig, steps: int | None) -> RunConfig:
    """The run with another number of steps; None: as it is."""
    if steps is None:
        return config
    return replace(config, train=replace(config.train, steps=steps, warmup=min(config.train.warmup, steps)))
