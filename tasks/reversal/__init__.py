"""The reversal curse as a task."""

from tasks.reversal.task import Reversal

__all__ = ["Reversal"]
