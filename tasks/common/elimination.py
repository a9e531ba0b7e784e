"""The elimination baseline, once further documents state answers of the reinforcement part (chain_of_thought.py).

A model can learn which entities were never an answer to a relation word, and guess among them.
"""

from collections import defaultdict
from dataclasses import replace
from itertools import groupby, pairwise

from tasks.corpus import RELATION, TARGET, Documents, Questions
from tasks.vocabulary import Entities

Tokens = tuple[int, ...]
Group = tuple[Tokens, int]  # relation words and the length of the answer, within which one answer excludes another


def update_elimination_baseline(
    documents: Documents, entities: Entities, splits: dict[str, tuple[Questions, Questions]]
) -> dict[str, Questions]:
    """The test part of each split, with the elimination baseline that is left.

    `splits`: test part and reinforcement part of each. `documents`: those of training, without chain of thought, which
    state the answers of the reinforcement part on top. An entity that is stated as one answer is no candidate for
    another.
    """
    stated = stated_answers(documents)
    excluded: dict[Group, set[int]] = defaultdict(set)
    for _, rl_part in splits.values():
        for group, answers in candidate_answers(rl_part, entities, stated):
            excluded[group] |= answers
    updated = {}
    for split, (questions, _) in splits.items():
        baseline = questions.elimination_baseline.astype(float)
        for i, (group, answers) in enumerate(candidate_answers(questions, entities, stated)):
            if baseline[i] > 0:
                num_candidates = len(answers) / baseline[i] - len(excluded[group])
                baseline[i] = len(answers - excluded[group]) / max(num_candidates, 1)
        updated[split] = replace(questions, elimination_baseline=baseline)
    return updated


def candidate_answers(
    questions: Questions, entities: Entities, stated: set[tuple[Tokens, Tokens]]
) -> list[tuple[Group, set[int]]]:
    """By question: its group, and those accepted answers that are never stated behind its relation words."""
    names = [tuple(row[:length]) for row, length in zip(entities.tokens.tolist(), entities.lengths)]
    documents = questions.cloze.documents
    by_question = []
    for tokens, roles, size, accepted in zip(
        documents.tokens, documents.roles, questions.cloze.size, questions.accepted
    ):
        words = tuple(tokens[roles == RELATION].tolist())
        answers = {entity for entity in accepted if entity >= 0 and (words, names[entity]) not in stated}
        by_question.append(((words, int(size)), answers))
    return by_question


def stated_answers(documents: Documents) -> set[tuple[Tokens, Tokens]]:
    """The relation words of every statement, and the name behind them, as tokens."""
    answers = set()
    for tokens, roles in zip(documents.tokens.tolist(), documents.roles.tolist()):
        runs = [
            (role, tuple(token for token, _ in run))
            for role, run in groupby(zip(tokens, roles), key=lambda pair: pair[1])
        ]
        answers |= {
            (words, name)
            for (role, words), (next_role, name) in pairwise(runs)
            if (role, next_role) == (RELATION, TARGET)
        }
    return answers
