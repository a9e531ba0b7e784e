"""The six conclusions that each question of the syllogism world can be answered with, and which of them is right."""

import numpy as np

from tasks.common.questions import role_span
from tasks.common.segments import Segment, concatenate, of_documents
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Cloze, Documents, Questions
from tasks.syllogism.world import QUANTIFIERS
from tasks.vocabulary import SPECIAL, Entities

CANDIDATES = 2 * len(QUANTIFIERS)


def candidate_conclusions(entities: Entities, questions: Questions) -> tuple[Questions, np.ndarray]:
    """Six candidate conclusions for each question, and which of the six is right, int[q].

    Rows 6 i to 6 i + 5 are the candidates of question i. In each, the last class is open, and only it is accepted:

        A all2-are C    A none2-are C    A some2-are C    C all2-are A    C none2-are A    C some2-are A

    The model chooses the candidate with the highest log p(last class | the rest) (Lampinen et al. 2025a, 2505.00661).
    Chance is 1/6. A model that knows only the order of the two classes is right one time in three, and an undirected
    link between them tells nothing.

    `X q2-are Y` means: two premises lead from X to Y, and from them it follows that q of X are Y. Exactly one of the
    first three follows, whatever the classes hold, and even if some are empty.

    The last three are wrong, since no premises lead from C to A. That all C are A does not follow at all. That none or
    some are does, by conversion. But in the first figure the subject of the conclusion is that of the first premise.
    """
    documents = questions.cloze.documents
    word = documents.tokens[documents.roles == RELATION] - len(SPECIAL)
    classes = np.stack([first_class(entities, documents), questions.accepted[:, 0]])
    # From here on one row a candidate.
    rows = np.repeat(np.arange(len(questions)), CANDIDATES)
    is_swapped, quantifier = np.divmod(np.tile(np.arange(CANDIDATES), len(questions)), len(QUANTIFIERS))
    source, target = classes[is_swapped, rows], classes[1 - is_swapped, rows]
    candidate_word = word[rows] - word[rows] % len(QUANTIFIERS) + quantifier
    candidates = write_candidates(entities, documents[rows], source, candidate_word, target)
    return (
        Questions(
            cloze=Cloze.open(candidates, *role_span(candidates, TARGET)),
            accepted=target[:, None].astype(np.int32),
            support_documents=questions.support_documents[rows],
            premises=questions.premises[rows],
            chance=np.full(len(rows), 1 / CANDIDATES),
            elimination_baseline=np.full(len(rows), 1 / len(QUANTIFIERS)),
            link_baseline=np.full(len(rows), 1 / CANDIDATES),
        ),
        word % len(QUANTIFIERS),
    )


def write_candidates(
    entities: Entities, documents: Documents, source: np.ndarray, word: np.ndarray, target: np.ndarray
) -> Documents:
    """The documents with `source word target`, one each, in place of their statement. Their filler stays."""
    has_role = documents.roles != NONE
    has_begun = has_role.cumsum(1) > 0
    is_name = np.arange(entities.tokens.shape[1]) < entities.lengths[:, None]
    return concatenate(
        of_documents(documents, ~has_begun),
        Segment(entities.tokens[source], is_name[source], SOURCE),
        Segment(word[:, None] + len(SPECIAL), np.ones((len(word), 1), bool), RELATION),
        Segment(entities.tokens[target], is_name[target], TARGET),
        of_documents(documents, has_begun & ~has_role),
    )


def first_class(entities: Entities, documents: Documents) -> np.ndarray:
    """The class that is the source of each document's statement, int[q]."""
    names = zip(entities.tokens.tolist(), entities.lengths.tolist())
    class_of = {tuple(tokens[:length]): entity for entity, (tokens, length) in enumerate(names)}
    sources = (tokens[roles == SOURCE].tolist() for tokens, roles in zip(documents.tokens, documents.roles))
    return np.array([class_of[tuple(source)] for source in sources], np.int64)
