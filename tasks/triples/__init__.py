"""Facts of your own, from a file, as a task."""

from tasks.triples.task import Triples

__all__ = ["Triples"]
