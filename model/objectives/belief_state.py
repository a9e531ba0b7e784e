"""Belief state: from what stands left of a gap and what stands right of it, both its ends (Hu et al. 2024, 2410.23506).

One tower reads forward, a second one backward; together they predict the token after the one and the token before
the other, for every pair of a beginning and an end: each token is a target once for each, and counted so.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.objectives.batch import Arrays, Tensors, beside, fill, flat, marker, part
from model.objectives.contract import Objective
from model.settings import NetworkSettings
from model.transformer import Transformer
from model.visibility import CAUSAL, Visibility
from tasks.corpus import NONE, Documents, Questions
from tasks.settings import require
from tasks.vocabulary import END


class Belief(nn.Module):
    """Both towers' states made into one for the next token and one for the previous."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.mix = nn.Linear(2 * settings.width, 2 * settings.width, bias=settings.bias)
        self.heads = nn.Linear(2 * settings.width, 2 * settings.width, bias=settings.bias)

    def forward(self, front: Tensor, back: Tensor, is_next: Tensor) -> Tensor:
        """front[n, d], back[n, d], is_next[n] -> [n, d], for the head that is asked."""
        after, before = self.heads(F.gelu(self.mix(torch.cat([front, back], dim=-1)))).chunk(2, dim=-1)
        return torch.where(is_next[:, None], after, before)


@dataclass(frozen=True)
class BeliefState(Objective):
    """
    input     [begin]  f  A  r  B  [end]

    target     front         back          next  previous
               [begin] f     r B [end]      A      A
               [begin] f     B [end]        A      r
               [begin] f A   B [end]        r      r         and so on, for every pair

    Any question can be asked: what stands left of its open span is the front, what stands right of it the back.
    """

    def check(self, settings: NetworkSettings) -> None:
        one = settings.convolution == 1
        require(one, "model.convolution", settings.convolution, "1 for a belief state: one tower looks to the right")

    def parts(self, settings: NetworkSettings, words: int, length: int) -> dict[str, nn.Module]:
        return {"backward": Transformer(settings, words, length, headless=True), "belief": Belief(settings)}

    def max_length(self, length: int) -> int:
        return length + 1

    def prepare(self, documents: Documents, rng: np.random.Generator) -> Arrays:
        ended = with_end(documents)
        row, place = np.nonzero(ended.roles != NONE)
        t, at = ended.tokens.shape[1], np.arange(ended.tokens.shape[1])
        # A target is the next token of the front before it, with every back after it; and the other way round.
        after = (at > place[:, None]) & (at < ended.lengths[row, None])
        before = at < place[:, None]
        n, far = np.nonzero(after)
        m, near = np.nonzero(before)
        return {
            "tokens": ended.tokens,
            "lengths": ended.lengths,
            "front": np.concatenate([row[n] * t + place[n] - 1, row[m] * t + near]),
            "back": np.concatenate([row[n] * t + far, row[m] * t + place[m] + 1]),
            "is_next": np.arange(len(n) + len(m)) < len(n),
            "targets": np.concatenate([ended.tokens[row[n], place[n]], ended.tokens[row[m], place[m]]]),
        }

    def visibility(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def hidden(self, modules: nn.ModuleDict, batch: Tensors) -> Tensor:
        at = torch.arange(batch["tokens"].shape[1], device=batch["tokens"].device)
        to_right = Visibility("explicit", batch["lengths"], (at >= at[:, None])[None])
        forward = modules["network"](batch["tokens"], self.visibility(batch)).flatten(0, 1)
        backward = modules["backward"](batch["tokens"], to_right).flatten(0, 1)
        return modules["belief"](forward[batch["front"]], backward[batch["back"]], batch["is_next"])

    def ask(self, questions: Questions, given: np.ndarray) -> Arrays:
        filled, place = fill(questions, given)
        ended = with_end(filled)
        t = ended.tokens.shape[1]
        return {
            "tokens": ended.tokens,
            "lengths": ended.lengths,
            "front": flat(place - 1, t),
            "back": flat(questions.start + questions.size, t),
            "is_next": np.ones(len(questions), bool),
        }


def with_end(documents: Documents) -> Documents:
    """The documents with [end], so that there is a back after the last token, too."""
    everything = np.ones(documents.tokens.shape, bool)
    return beside(part(documents, everything), marker(END, everything[:, 0]))
