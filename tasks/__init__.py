"""Worlds of facts, as documents to train on and questions to ask. numpy only.

To add a task: a package with a subclass of Task (task.py), and one line here.
"""

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
