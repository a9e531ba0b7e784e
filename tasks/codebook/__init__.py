"""Codebooks as a task: entries that are defined, and never used."""

from tasks.codebook.task import Codebook

__all__ = ["Codebook"]
