"""In context: the premises of a question stand in its prompt, as training states them, among other facts.

    [begin] C q' D [separator] A r B [separator] B r' _

The accuracy is the share of such questions whose predicted name is an exact match (eval/evaluate.py). Models that do
not learn the inverse from training can derive it from a prompt (Lampinen et al. 2025a, 2505.00661).
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from config.validation import require, require_at_least
from eval.methods.prompting import PromptedMethod, question_rng, with_prompt
from eval.trained_model import TrainedModel
from tasks.corpus import SOURCE, TARGET, Corpus, Premises, Questions


@dataclass(frozen=True)
class InContext(PromptedMethod):
    """Prompts of a question's premises and distractors, in random order."""

    name: ClassVar = "in-context"

    distractors: int = 3
    """facts in the prompt that a question does not need"""

    def __post_init__(self):
        require_at_least(self, self.name, 0, "distractors")

    @staticmethod
    def fitting(corpus: Corpus, distractors: int = 3) -> "InContext":
        """With so many distractors or, in a smaller world, as many as it has for each of its questions."""
        available = (InContext.max_distractors(corpus.premises, split) for split in corpus.questions.values())
        return InContext(min(distractors, *available))

    @staticmethod
    def max_distractors(premises: Premises, questions: Questions) -> int:
        """The number of facts that every one of these questions has as distractors."""
        return len(np.unique(premises.fact)) - questions.premises.shape[1]

    def apply_prompt(self, trained: TrainedModel, questions: Questions) -> Questions:
        premises = trained.corpus.premises
        rows = self.choose_premises(premises, questions)
        return replace(questions, cloze=with_prompt(questions.cloze, premises.documents, rows))

    def choose_premises(self, premises: Premises, questions: Questions) -> np.ndarray:
        """The premises in the prompt of each question, int[q, m], in random order; -1 where there are fewer.

        They are those that the question needs, and distractors about other facts.
        """
        available = self.max_distractors(premises, questions)
        allowed = f"0 to {available}, the other facts"
        require(self.distractors <= available, f"{self.name}.distractors", self.distractors, allowed)
        chosen = np.full((len(questions), questions.premises.shape[1] + self.distractors), -1)
        for i, row in enumerate(questions.premises):
            rng, needed = question_rng(questions.cloze, i), row[row >= 0]
            distractors = self.draw_distractors(premises, needed, rng)
            chosen[i, : len(needed) + len(distractors)] = rng.permutation(np.concatenate([needed, distractors]))
        return chosen

    def draw_distractors(self, premises: Premises, needed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Premises about so many facts other than the `needed` ones: a matched chain, where there are chains, first."""
        chosen = matched_chain(premises, needed, self.distractors, rng)
        used = {int(premises.fact[row]) for row in [*needed, *chosen]}
        while len(chosen) < self.distractors:
            row = int(rng.integers(len(premises.fact)))
            if premises.fact[row] not in used:
                chosen.append(row)
                used.add(int(premises.fact[row]))
        return np.array(chosen, np.int64)


@dataclass(frozen=True)
class InContextNear(InContext):
    """As InContext, with distractors about the same names where possible."""

    name: ClassVar = "in-context-near"

    def draw_distractors(self, premises: Premises, needed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Premises that share a piece of a name with the `needed` ones, then others as InContext draws them."""
        documents = premises.documents
        pieces = np.where(np.isin(documents.roles, (SOURCE, TARGET)), documents.tokens, -1)  # [p, t]
        shares_piece = (np.isin(pieces, pieces[needed]) & (pieces >= 0)).any(1)
        near = rng.permutation(np.flatnonzero(shares_piece))
        chosen, used = [], set(premises.fact[needed].tolist())
        for row in [*near, *super().draw_distractors(premises, needed, rng)]:
            if len(chosen) < self.distractors and premises.fact[row] not in used:
                chosen.append(row)
                used.add(int(premises.fact[row]))
        return np.array(chosen, np.int64)


def matched_chain(premises: Premises, needed: np.ndarray, max_length: int, rng: np.random.Generator) -> list[int]:
    """A chain of premises about other facts, as long as the `needed` one and with the same word at its end.

    So neither chain gives the answer away by its length or word. Empty where premises form no chains, and where none
    matches. At most `max_length` premises of a chain are compared and taken.
    """
    length = min(len(needed), max_length)
    if premises.previous is None or not length:
        return []
    needed_facts = set(premises.fact[needed].tolist())
    ends = np.flatnonzero(premises.word == premises.word[needed[-1]])
    for end in rng.permutation(ends):
        chain = chain_to(premises, int(end), length)
        facts = set(premises.fact[chain].tolist())
        if len(chain) == len(facts) == length and not facts & needed_facts:
            return chain
    return []


def chain_to(premises: Premises, row: int, max_length: int) -> list[int]:
    """The premise `row` and those that lead to it, last one first."""
    chain = [row]
    while len(chain) < max_length and premises.previous[chain[-1]] >= 0:
        chain.append(int(premises.previous[chain[-1]]))
    return chain
