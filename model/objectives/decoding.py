"""How several tokens are decoded, left to right or the surest ones first, and how prompts are continued."""

import numpy as np

from model.objectives.batch import Batch
from model.objectives.queryable import Queryable
from model.torch_types import ModuleDict
from tasks.corpus import NONE, SOURCE, Cloze, Documents
from tasks.vocabulary import END, MASK, PAD


def decode_greedily(objective: Queryable, modules: ModuleDict, cloze: Cloze) -> np.ndarray | None:
    """The prediction for each open span, int[q, k], PAD behind it: the most likely token, one after another.

    None where the objective cannot be asked.
    """
    predictions = np.zeros((len(cloze), 0), np.int64)
    for _ in range(int(cloze.size.max(initial=1))):
        query = objective.make_query(cloze, predictions)
        if query is None:
            return None
        token = objective.token_log_probs(modules, query).argmax(-1, keepdim=True)
        predictions = np.concatenate([predictions, token.cpu().numpy()], axis=1)
    predictions = np.where(np.arange(predictions.shape[1]) < cloze.size[:, None], predictions, PAD)
    return objective.to_decoding_order(cloze, predictions, cloze.size)


def iterative_unmask(objective: Queryable, modules: ModuleDict, cloze: Cloze, passes: int) -> np.ndarray:
    """The prediction for each open span, int[q, k], PAD behind it, the surest tokens first (Mask-Predict,
    Ghazvininejad et al. 2019, 1904.09324).

    Each of the `passes` decodes an equal share of what is still masked, so that the last one leaves nothing.
    """
    tokens, t = cloze.documents.tokens.copy(), cloze.documents.tokens.shape[1]
    row, j = np.arange(len(cloze))[:, None], np.arange(cloze.size.max(initial=1))
    in_span = j < cloze.size[:, None]  # [q, k], as all below
    position = cloze.start[:, None] + np.where(in_span, j, 0)
    is_open = in_span.copy()
    for passes_left in range(passes, 0, -1):
        if not is_open.any():
            break
        query: Batch = {
            "tokens": tokens,
            "lengths": cloze.documents.lengths,
            "logit_positions": (row * t + position)[is_open],
        }
        log_prob, likeliest = most_likely(objective, modules, query, is_open)
        decoded = is_open & surest(log_prob, -(-is_open.sum(1, keepdims=True) // passes_left))  # rounded up
        rows, columns = np.nonzero(decoded)
        tokens[rows, position[rows, columns]] = likeliest[rows, columns]
        is_open &= ~decoded
    return np.where(in_span, tokens[row, position], PAD)


def most_likely(
    objective: Queryable, modules: ModuleDict, query: Batch, is_open: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The log-probability of the most likely token wherever `is_open`[q, k], and the token: [q, k] each."""
    best = objective.token_log_probs(modules, query).max(-1)
    log_prob, token = np.full(is_open.shape, -np.inf), np.zeros(is_open.shape, np.int64)
    log_prob[is_open], token[is_open] = best.values.cpu().numpy(), best.indices.cpu().numpy()
    return log_prob, token


def surest(log_prob: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The `count`[q, 1] highest in each row of log_prob[q, k], bool[q, k]; of equal ones the first."""
    rank = np.argsort(np.argsort(-log_prob, axis=1, kind="stable"), axis=1)
    return rank < count


def generate(
    objective: Queryable, modules: ModuleDict, prompts: Documents, max_tokens: int, sample: bool = False
) -> np.ndarray | None:
    """A continuation of each prompt, int[n, w], PAD behind [end]. None where the objective cannot be asked for it.

    It has up to `max_tokens` tokens, the most likely ones or, with `sample`, drawn by torch's generator.
    """
    import torch

    room = ((0, 0), (0, max_tokens))
    tokens = np.pad(prompts.tokens, room, constant_values=PAD)
    # Of roles it matters only whether a token is part of a statement. The open one is not, so nothing is stated behind.
    roles = np.pad(np.where(prompts.roles == NONE, prompts.roles, SOURCE), room)
    generated = np.full((len(prompts), max_tokens), PAD, np.int64)
    row, longest = np.arange(len(prompts)), 0  # those that have not ended
    while len(row) and longest < max_tokens:
        position = prompts.lengths[row] + longest
        tokens[row, position] = MASK
        t = int(position.max()) + 1
        documents = Documents(tokens[row, :t], position + 1, roles[row, :t])
        one, none = np.ones(len(row), np.int32), np.zeros((len(row), 0), np.int64)
        query = objective.make_query(Cloze(documents, position, one), none)
        if query is None:
            return None
        log_probs = objective.token_log_probs(modules, query)
        token = torch.multinomial(log_probs.exp(), 1) if sample else log_probs.argmax(-1, keepdim=True)
        tokens[row, position] = generated[row, longest] = token = token[:, 0].cpu().numpy()
        row, longest = row[token != END], longest + 1
    return generated[:, :longest]
