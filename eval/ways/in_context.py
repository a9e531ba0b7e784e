"""In context: the facts that a question needs stand in its prompt, as they were told, among others.

The same facts that training cannot turn round are turned round here (Lampinen et al. 2025a, 2505.00661).
"""

from dataclasses import dataclass

import numpy as np

from eval.trained import Trained
from eval.ways.prompted import Prompted, drawn, with_prompt
from tasks.corpus import Corpus, Premises, Questions
from tasks.settings import require


@dataclass(frozen=True)
class InContext(Prompted):
    distractors: int = 3
    """facts in the prompt that a question does not need"""

    def __post_init__(self):
        require(self.distractors >= 0, "distractors", self.distractors, "0 or more")

    @staticmethod
    def fitting(corpus: Corpus, distractors: int = 3) -> "InContext":
        """With so many distractors or, in a smaller world, as many as every question of it leaves."""
        most = min(InContext.most(corpus.premises, of) for of in corpus.questions.values())
        return InContext(min(distractors, most))

    @staticmethod
    def most(premises: Premises, questions: Questions) -> int:
        """Facts that none of these questions needs, at least."""
        return len(np.unique(premises.fact)) - questions.needs.shape[1]

    def prompt(self, trained: Trained, questions: Questions) -> Questions:
        premises = trained.corpus.premises
        return with_prompt(questions, premises.documents, self.rows(premises, questions))

    def rows(self, premises: Premises, questions: Questions) -> np.ndarray:
        """Premises in front of each question, int[q, m]: those it needs and distractors about other facts, in any
        order; -1 where fewer."""
        most = self.most(premises, questions)
        require(self.distractors <= most, "distractors", self.distractors, f"0 to {most}, the facts that are left")
        found = np.full((len(questions), questions.needs.shape[1] + self.distractors), -1)
        for i, needs in enumerate(questions.needs):
            rng, needed = drawn(questions, i), needs[needs >= 0]
            others = self.others(premises, needed, rng)
            found[i, : len(needed) + len(others)] = rng.permutation(np.concatenate([needed, others]))
        return found

    def others(self, premises: Premises, needed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Premises about as many other facts. Where what follows from lines of facts is asked, the first of them are
        another line, as long and with the same word at its end, so that neither leads to the answer by itself."""
        fact, taken, chosen = premises.fact, set(premises.fact[needed].tolist()), []
        if premises.before is not None and len(needed) and self.distractors:
            steps = min(len(needed), self.distractors)
            same = np.flatnonzero(premises.word == premises.word[needed[-1]])
            for row in rng.permutation(same):
                line = line_to(premises, int(row), steps)
                if len(line) == steps and len(taken | set(fact[line].tolist())) == len(taken) + steps:
                    chosen += line
                    taken |= set(fact[line].tolist())
                    break
        while len(chosen) < self.distractors:
            one = int(rng.integers(len(fact)))
            if fact[one] not in taken:
                chosen.append(one)
                taken.add(int(fact[one]))
        return np.array(chosen, np.int64)


def line_to(premises: Premises, row: int, longest: int) -> list[int]:
    """The premise `row` and what leads to it, backwards, up to so many."""
    line = [row]
    while len(line) < longest and premises.before[line[-1]] >= 0:
        line.append(int(premises.before[line[-1]]))
    return line
