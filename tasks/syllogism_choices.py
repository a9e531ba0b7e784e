"""The six conclusions that each question of the syllogism world can be answered with, and which of them is right."""

import numpy as np

from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Entities, Questions, blank, pack
from tasks.syllogism_chains import QUANTIFIERS
from tasks.vocabulary import SPECIAL

CANDIDATES = 2 * len(QUANTIFIERS)


def choices(entities: Entities, asked: Questions) -> tuple[Questions, np.ndarray]:
    """Six candidate conclusions for each question, and which of the six is right, int[q].

    Rows 6 i to 6 i + 5 are those of question i, each with its last class open, which alone is accepted:

        A all2-are C    A none2-are C    A some2-are C    C all2-are A    C none2-are A    C some2-are A

    The one with the highest log p(last class | the rest) is the choice (Lampinen et al. 2025a, 2505.00661). Chance is
    1/6; who knows no more than which class comes first is right one time in three.

    `X q2-are Y` says that two premises lead from X to Y, and that it follows from them that q of X are Y. Just one of
    the first three follows: whatever the classes hold, and even if some are empty. The last three are wrong, since no
    premises lead from C to A: that all C are A does not follow at all, that none or some are does, by conversion,
    but in the first figure the subject of the conclusion is that of the first premise.
    """
    rows = np.repeat(np.arange(len(asked)), CANDIDATES)
    candidate = np.tile(np.arange(CANDIDATES), len(asked))
    documents, width = asked.documents, asked.documents.tokens.shape[1]
    word = documents.tokens[documents.roles == RELATION] - len(SPECIAL)
    stated = documents.roles != NONE
    inside = np.arange(width) < documents.lengths[:, None]
    before, after = inside & (stated.cumsum(1) == 0), inside & ~stated & (stated.cumsum(1) > 0)
    ends = np.stack([named(entities, asked), asked.accepted[:, 0]])
    back = candidate // len(QUANTIFIERS)
    source, target = ends[back, rows], ends[1 - back, rows]
    chosen = word[rows] - word[rows] % len(QUANTIFIERS) + candidate % len(QUANTIFIERS) + len(SPECIAL)

    names, sizes = entities.tokens, entities.lengths
    within = np.arange(names.shape[1]) < sizes[:, None]
    columns = (
        (documents.tokens[rows], before[rows], NONE),
        (names[source], within[source], SOURCE),
        (chosen[:, None], np.ones((len(rows), 1), bool), RELATION),
        (names[target], within[target], TARGET),
        (documents.tokens[rows], after[rows], NONE),
    )
    tokens, present = (np.concatenate([column[k] for column in columns], axis=1) for k in (0, 1))
    roles = np.concatenate([np.full(values.shape, role, np.int8) for values, _, role in columns], axis=1)
    full, size = pack(tokens.astype(np.int32), roles, present), sizes[target]
    start = (full.roles == TARGET).argmax(1).astype(np.int32)
    even = np.full(len(rows), 1 / CANDIDATES)
    in_order = np.full(len(rows), 1 / len(QUANTIFIERS))
    accepted = target[:, None].astype(np.int32)
    why = asked.support[rows], asked.needs[rows]
    six = Questions(blank(full, start, size), start, size, accepted, *why, even, in_order)
    return six, word % len(QUANTIFIERS)


def named(entities: Entities, questions: Questions) -> np.ndarray:
    """The class that stands first in each question, int[q]."""
    documents, names = questions.documents, entities.tokens
    is_source = documents.roles == SOURCE
    only = pack(documents.tokens, documents.roles, is_source).tokens
    only = np.pad(only, ((0, 0), (0, names.shape[1] - only.shape[1])))
    _, same = np.unique(np.concatenate([names, only]), axis=0, return_inverse=True)
    entity = np.zeros(same.max(initial=0) + 1, np.int64)
    entity[same.ravel()[: len(names)]] = np.arange(len(names))
    return entity[same.ravel()[len(names) :]]
