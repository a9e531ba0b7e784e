"""In context, among near distractors: the other facts in the prompt name what the question's own facts name.

An entity that stands there once is found by its name alone. Where it stands in several facts, the relation (or the
book) has to lead to the right one.
"""

from dataclasses import dataclass

import numpy as np

from eval.ways.in_context import InContext
from tasks.corpus import SOURCE, TARGET, Premises


@dataclass(frozen=True)
class NearContext(InContext):
    def others(self, premises: Premises, needed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`distractors` premises about other facts: those that share a word of a name with `needed`, as far as there
        are such, then others as InContext draws them."""
        told = premises.documents
        names = np.where(np.isin(told.roles, (SOURCE, TARGET)), told.tokens, -1)
        near = np.flatnonzero((np.isin(names, names[needed]) & (names >= 0)).any(1))
        taken, chosen = set(premises.fact[needed].tolist()), []
        for row in [*rng.permutation(near), *super().others(premises, needed, rng)]:
            if len(chosen) < self.distractors and premises.fact[row] not in taken:
                chosen.append(row)
                taken.add(int(premises.fact[row]))
        return np.array(chosen, np.int64)
