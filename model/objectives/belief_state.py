"""Belief state: both ends of a gap are predicted from the tokens left and right of it (Hu et al. 2024, 2410.23506).

One tower reads forward, a second one backward. From a prefix and a suffix, both predict the token that follows the
prefix and the one that precedes the suffix. Every pair of a prefix and a suffix has its targets, and they are counted
so: a token is a target once for each such pair.
"""

from dataclasses import dataclass

import numpy as np

from config.validation import require
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, fill_in, flat_positions
from model.torch_types import Module, ModuleDict, Tensor
from model.visibility import CAUSAL, Visibility
from tasks.common.segments import concatenate, of_documents, special
from tasks.corpus import NONE, Cloze, Documents
from tasks.vocabulary import END


@dataclass(frozen=True)
class BeliefState(Objective):
    """
    input     [begin]  f  A  r  B  [end]

    target     prefix       suffix         next  previous
               [begin] f     r B [end]      A      A
               [begin] f     B [end]        A      r
               [begin] f A   B [end]        r      r         and so on, for every pair

    Any question can be asked: the tokens left of its open span are the prefix, those right of it the suffix.
    """

    summary = "both ends of a gap are predicted from the tokens left and right of it"

    def check_model(self, config: ModelConfig) -> None:
        allowed = "1 for a belief state: one tower looks to the right"
        require(config.convolution == 1, "model.convolution", config.convolution, allowed)

    def extra_modules(self, config: ModelConfig, vocab_size: int, max_length: int) -> dict[str, Module]:
        from model.objectives.belief import Belief
        from model.transformer import Transformer

        return {"backward": Transformer(config, vocab_size, max_length, with_head=False), "belief": Belief(config)}

    def max_length(self, document_length: int) -> int:
        return document_length + 1

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        ended = with_end(documents)
        t = ended.tokens.shape[1]
        document, target = np.nonzero(ended.roles != NONE)  # [m], the position of each target in its document
        position = np.arange(t)
        # As the next token, a target follows one prefix; every later position starts a suffix.
        after = (position > target[:, None]) & (position < ended.lengths[document, None])  # [m, t]
        as_next, suffix_start = np.nonzero(after)
        # As the previous token, it precedes one suffix; every earlier position ends a prefix.
        before = position < target[:, None]  # [m, t]
        as_previous, prefix_end = np.nonzero(before)
        pairs = np.concatenate([as_next, as_previous])  # [n], the target of each pair
        prefix_end = np.concatenate([target[as_next] - 1, prefix_end])
        suffix_start = np.concatenate([suffix_start, target[as_previous] + 1])
        return {
            "tokens": ended.tokens,
            "lengths": ended.lengths,
            "prefix_ends": document[pairs] * t + prefix_end,
            "suffix_starts": document[pairs] * t + suffix_start,
            "is_next": np.arange(len(pairs)) < len(as_next),
            "targets": ended.tokens[document[pairs], target[pairs]],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return CAUSAL

    def target_hidden(self, modules: ModuleDict, batch: Tensors) -> Tensor:
        import torch

        position = torch.arange(batch["tokens"].shape[1], device=batch["tokens"].device)
        anticausal = Visibility("explicit", batch["lengths"], (position >= position[:, None])[None])
        forward = modules["network"](batch["tokens"], self.visibility_of(batch)).flatten(0, 1)
        backward = modules["backward"](batch["tokens"], anticausal).flatten(0, 1)
        return modules["belief"](forward[batch["prefix_ends"]], backward[batch["suffix_starts"]], batch["is_next"])

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        filled, position = fill_in(cloze, prefix)
        ended = with_end(filled)
        t = ended.tokens.shape[1]
        return {
            "tokens": ended.tokens,
            "lengths": ended.lengths,
            "prefix_ends": flat_positions(position - 1, t),
            "suffix_starts": flat_positions(cloze.start + cloze.size, t),
            "is_next": np.ones(len(cloze), bool),
        }


def with_end(documents: Documents) -> Documents:
    """The documents with [end], so that there is a suffix behind the last token, too."""
    return concatenate(of_documents(documents), special(END, np.ones(len(documents), bool)))
