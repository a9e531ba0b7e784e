"""Writing on: token after token at the end of a text, by any objective that can be asked for what comes last."""

import numpy as np
import torch
from torch import nn

from model.objectives.contract import Objective
from tasks.corpus import NONE, SOURCE, Documents, Questions
from tasks.vocabulary import END, MASK, PAD


def write_on(
    objective: Objective, modules: nn.ModuleDict, texts: Documents, most: int, sample: bool = False
) -> np.ndarray | None:
    """What is written after each text, int[n, w], PAD after [end]; up to `most` tokens, the likeliest ones or, with
    `sample`, drawn from what the model expects by torch's generator. None where the objective cannot be asked so."""
    said = np.zeros((len(texts), 0), np.int64)
    tokens = np.pad(texts.tokens, ((0, 0), (0, most)), constant_values=PAD)
    roles = np.pad(np.where(texts.roles == NONE, texts.roles, SOURCE), ((0, 0), (0, most)))
    rows, ended = np.arange(len(texts)), np.zeros(len(texts), bool)
    for j in range(most):
        place = texts.lengths + j
        tokens[rows, place] = MASK
        t = int(place.max()) + 1
        shown = Documents(tokens[:, :t], place + 1, roles[:, :t])
        asking = objective.ask(open_end(shown, place), np.zeros((len(texts), 0), np.int64))
        if asking is None:
            return None
        expected = objective.log_probabilities(modules, asking)
        token = torch.multinomial(expected.exp(), 1) if sample else expected.argmax(-1, keepdim=True)
        token = np.where(ended, PAD, token[:, 0].cpu().numpy())
        tokens[rows, place], said = token, np.concatenate([said, token[:, None]], axis=1)
        ended |= token == END
        if ended.all():
            break
    return said


def open_end(documents: Documents, place: np.ndarray) -> Questions:
    """The documents as questions, one token at `place`[n] open."""
    n = len(documents)
    nothing = np.full((n, 1), -1)
    one = np.ones(n, np.int32)
    return Questions(documents, place, one, nothing, nothing[:, None], nothing, np.zeros(n), np.zeros(n))
