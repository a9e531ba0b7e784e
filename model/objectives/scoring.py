"""How likely names are as answers: log-probabilities of whole names, in nats."""

import numpy as np

from model.objectives.queryable import Queryable
from model.torch_types import ModuleDict
from tasks.corpus import Cloze
from tasks.vocabulary import Entities


def score_by_token(objective: Queryable, modules: ModuleDict, cloze: Cloze, names: np.ndarray) -> np.ndarray | None:
    """log p[q] of names[q, k] as answers, in a pass for each token. None where the objective cannot be asked."""
    names = objective.to_decoding_order(cloze, names, cloze.size)
    total = np.zeros(len(cloze), np.float32)
    for j in range(int(cloze.size.max(initial=1))):
        query = objective.make_query(cloze, names[:, :j])
        if query is None:
            return None
        log_probs = objective.token_log_probs(modules, query)
        total += np.where(j < cloze.size, log_probs[np.arange(len(names)), names[:, j]].cpu().numpy(), 0)
    return total


def score_in_one_pass(objective: Queryable, modules: ModuleDict, cloze: Cloze, names: np.ndarray) -> np.ndarray | None:
    """The same in one pass, for objectives where `scores_in_one_pass`."""
    query = objective.make_query(cloze, names)
    if query is None:
        return None
    j = np.arange(names.shape[1])
    in_span = j < cloze.size[:, None]
    first = query["logit_positions"] - (cloze.size - 1)  # the query asks for the last token of each name
    logit_positions = first[:, None] + j  # [q, k]
    log_probs = objective.token_log_probs(modules, query | {"logit_positions": logit_positions[in_span]}).cpu().numpy()
    by_token = np.zeros(names.shape, np.float32)
    by_token[in_span] = log_probs[np.arange(len(log_probs)), names[in_span]]
    return by_token.sum(1)


def score_candidates(
    objective: Queryable, modules: ModuleDict, cloze: Cloze, candidates: Entities
) -> np.ndarray | None:
    """log p[q, c] of each candidate's name as the whole answer; -inf where it does not fill the span."""
    scores = np.full((len(cloze), len(candidates)), -np.inf, np.float32)
    for size in np.unique(cloze.size):
        rows, columns = np.flatnonzero(cloze.size == size), np.flatnonzero(candidates.lengths == size)
        of_size = score_names(objective, modules, cloze[rows], candidates.tokens[columns, :size])
        if of_size is None:
            return None
        scores[np.ix_(rows, columns)] = of_size
    return scores


def score_names(objective: Queryable, modules: ModuleDict, cloze: Cloze, names: np.ndarray) -> np.ndarray | None:
    """log p[q, c] of each of names[c, k], where every open span has k tokens: a pass for each different beginning."""
    count, size = names.shape
    names = objective.to_decoding_order(cloze, names, np.full(count, size))
    scores = np.zeros((len(cloze), count), np.float32)
    for j in range(size):
        beginnings, beginning_of = np.unique(names[:, :j], axis=0, return_inverse=True)
        for i, beginning in enumerate(beginnings):
            query = objective.make_query(cloze, np.tile(beginning, (len(cloze), 1)))
            if query is None:
                return None
            log_probs = objective.token_log_probs(modules, query).cpu().numpy()
            # All at once where all begin alike: adding to a list of columns takes far longer than a forward pass.
            columns = slice(None) if len(beginnings) == 1 else np.flatnonzero(beginning_of.ravel() == i)
            scores[:, columns] += log_probs.take(names[columns, j], axis=1)
    return scores
