"""Worlds of facts, as documents to train on and questions to ask. numpy only.

To add a task: a package with a subclass of Task (task.py), and one line here.
"""

import sys

from config.process import exit_at_interrupt

if sys.argv[0] == "-m":  # this is the command `python -m tasks`, before __main__.py
    exit_at_interrupt()

from tasks.codebook import Codebook
from tasks.hierarchy import Hierarchy
from tasks.reversal import Reversal
from tasks.syllogism import Syllogism
from tasks.triples import Triples

TASKS = {
    "reversal": Reversal,
    "syllogism": Syllogism,
    "codebook": Codebook,
    "hierarchy": Hierarchy,
    "triples": Triples,
}
