"""A semantic hierarchy as a task."""

from tasks.hierarchy.task import Hierarchy

__all__ = ["Hierarchy"]
