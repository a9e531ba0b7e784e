"""Syllogisms as a task."""

from tasks.syllogism.task import Syllogism

__all__ = ["Syllogism"]
