"""What a process of the cluster is given to train a run."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Order:
    """A run to train, with all that it needs of the machine that orders it."""

    name: str
    """the run's name"""
    config: Any
    """its RunConfig"""
    methods: dict[str, Any]
    """methods to apply at its end, by name"""
    files: dict[str, bytes]
    """what its folder holds already, by path; nothing for a new run"""
    inputs: dict[str, bytes]
    """the user's files that its world is read from, by setting"""
    base_run: dict[str, bytes]
    """the files of the run that it starts from, by path; nothing where there is none"""
    root: str
    """the folder of its run folder there, which messages name"""
