"""Documents of throwaway facts beside facts from a file, where a head and a relation may have several tails."""

from dataclasses import dataclass

import numpy as np

from tasks.in_context import FactsInContext, Throwaway
from tasks.statements import Statements, Writer
from tasks.triples_asking import Answers

DENSEST = 0.2  # share of true pairs up to which those that are not are soon found


@dataclass(frozen=True)
class FileThrowaway(Throwaway):
    """As Throwaway draws them, but none is among the true statements that `answers` knows."""

    answers: Answers

    @staticmethod
    def of(settings: FactsInContext, writer: Writer, relations: int, named: int, answers: Answers) -> "FileThrowaway":
        """`named`: the entities of the file; those that such documents have of their own come after them."""
        entities = len(writer.entities)
        pool = np.arange(named, entities) if settings.context_own else np.arange(entities)
        nothing = np.broadcast_to(-1, (relations, entities))  # one tail a head is not enough to tell what is true
        return FileThrowaway(settings, writer, nothing, pool, answers)

    def facts(self, n: int, rng: np.random.Generator) -> Statements:
        told = super().facts(n, rng)
        while (true := self.answers.true(told).any(1)).any():
            anew = super().facts(int(true.sum()), rng)
            for part, new in zip(told.ends(), anew.ends()):
                part[true] = new
        return told
