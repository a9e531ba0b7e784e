"""What an objective is: one factorisation of a document, for training and for questions alike.

Training calls `make_batch` and `loss`. Evaluation calls `query_modes`, `predict`, `answer_log_prob` and
`candidate_log_probs`. The class that trains is also asked, so the two cannot drift apart. A question comes as a Cloze,
which does not hold its answer.

causal.py and masked.py are the shortest objectives. They define `make_batch`, `visibility_of` and `make_query`. All
else has a default here:

    objective with                       overrides
    tokens in another order              make_batch and make_query; to_decoding_order, where names are reversed
    any order                            make_batch and make_query add positions and target_positions
    a visible prefix                     make_batch and make_query add its length; visibility_of is "explicit"
    longer documents                     max_length
    a loss weighted by 1/t               make_batch adds weights and num_maskable
    a second tower or head               extra_modules makes it; target_hidden uses it
    several query modes                  query_modes, each an objective on the same modules
    networks it makes no sense with      check_model refuses them; needs_trained_model, where it trains one further
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from model.config import ModelConfig
from model.objectives.batch import Batch, Tensors, to_tensors
from model.objectives.decoding import decode_greedily
from model.objectives.scoring import score_by_token, score_candidates, score_in_one_pass
from model.torch_types import Module, ModuleDict, Tensor
from model.visibility import Visibility
from tasks.corpus import Cloze, Documents
from tasks.vocabulary import Entities

AS_TRAINED = "as-trained"  # the query mode of most objectives
BATCH_KEYS = {  # how several processes share each one stands in batch.py
    # Of every batch (a belief state alone has no logit_positions). Flat positions are counted through [b, t].
    "tokens": "int[b, t], what the network is given, padded on the right",
    "lengths": "int[b], tokens before the padding",
    "targets": "int[n], the tokens to predict, which training counts; a query has none",
    "logit_positions": "int[n], flat and rising, the position that predicts each target; of a query, each next token",
    # Of those that need more:
    "weights": "float[n], what the loss of each target is multiplied by",
    "num_maskable": "int[b], tokens that could have been masked: the denominator of a weighted loss",
    "positions": "int[b, t], the position of each token, where they are not in their order",
    "target_positions": "int[b, t], the position that each token predicts, where that is not the next one",
    "prefix_lengths": "int[b], positions that see each other, from the first one on",
    "right_to_left": "bool[b], whether a position sees those right of it instead of left",
    "decoder_tokens": "int[b, s], what the decoder is given; logit_positions are counted through [b, s]",
    "prefix_ends": "int[n], flat, the last position left of each gap",
    "suffix_starts": "int[n], flat, the first position right of each gap",
    "is_next": "bool[n], whether the target follows the prefix; otherwise it precedes the suffix",
    "names": "int[m, k], the different names of a batch, each behind [begin]",
    "name_ends": "int[m], counted through [m, k], the last token of each name",
    "labels": "int[n], the row of `names` that each of logit_positions predicts",
    "questions": "int[q, t], prompts that a chain of thought is generated from",
    "question_lengths": "int[q], their tokens before the padding",
    "conclusions": "int[q, c], what a chain of thought is rewarded for ending in",
    "conclusion_lengths": "int[q], their tokens before the padding",
}


class Objective(ABC):
    """Base of the settings dataclasses in this folder: fields are settings, methods the contract."""

    summary: ClassVar[str] = ""
    """the line that `python -m train` lists"""
    needs_trained_model: ClassVar[bool] = False
    """whether it is meant for a network that is trained already (--from)"""
    scores_in_one_pass: ClassVar[bool] = False
    """whether a query with a whole name filled in scores it all: each token one position left of the next one's"""
    predicts_tokens: ClassVar[bool] = True
    """whether the network's logits mean anything; without, it is trained on representations alone"""

    def check_model(self, config: ModelConfig) -> None:
        """Raises SettingError where the network's settings make no sense with this objective."""
        return

    def extra_modules(self, config: ModelConfig, vocab_size: int, max_length: int) -> dict[str, Module]:
        """Further towers or heads by name, for documents of `max_length` tokens. They join the network in `modules`."""
        return {}

    def max_length(self, document_length: int) -> int:
        """Tokens in what `make_batch` or `make_query` makes of documents of `document_length` tokens."""
        return document_length

    @abstractmethod
    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        """The documents as a batch with targets. BATCH_KEYS are its keys."""

    def encode_batch(self, documents: Documents) -> Batch:
        """The documents as a batch in which nothing is masked and nothing predicted."""
        return {"tokens": documents.tokens, "lengths": documents.lengths}

    @abstractmethod
    def visibility_of(self, batch: Tensors) -> Visibility:
        """Which positions see which, in a batch or a query."""

    def target_hidden(self, modules: ModuleDict, batch: Tensors) -> Tensor:
        """The hidden states that the targets of a batch, or what a query asks for, are predicted from: [n, d]."""
        visibility, order = self.visibility_of(batch), (batch.get("positions"), batch.get("target_positions"))
        return modules["network"](batch["tokens"], visibility, *order, logit_positions=batch["logit_positions"])

    def loss(self, modules: ModuleDict, batch: Tensors) -> tuple[Tensor, int]:
        """The summed loss in nats, and its denominator: the number of targets, or of tokens that could be masked."""
        from torch.nn import functional as F

        logits, targets = modules["network"].logits(self.target_hidden(modules, batch)).float(), batch["targets"]
        if "weights" not in batch:
            return F.cross_entropy(logits, targets, reduction="sum"), len(targets)
        losses = F.cross_entropy(logits, targets, reduction="none")
        return (losses * batch["weights"]).sum(), int(batch["num_maskable"].sum())

    def query_modes(self) -> "dict[str, Objective]":
        """How the trained modules can be asked, by name: an objective each. Tables show the first one first."""
        return {AS_TRAINED: self}

    @abstractmethod
    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch | None:
        """A batch without targets that asks for token j of each open span, the first j being `prefix`[q, j].

        It is made as in training. None where the objective cannot be asked.
        """

    def to_decoding_order(self, cloze: Cloze, names: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Names [n, k] of `sizes`[n] tokens in the order in which they are decoded. It is its own inverse."""
        return names

    def token_log_probs(self, modules: ModuleDict, query: Batch) -> Tensor:
        """log p[n, v] of the tokens that a query asks for, in nats."""
        batch = to_tensors(query, next(modules.parameters()).device)
        return modules["network"].logits(self.target_hidden(modules, batch)).float().log_softmax(-1).detach()

    def predict(self, modules: ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray | None:
        """The prediction for each open span, int[q, k], decoded greedily; PAD behind the span.

        `candidates` are for objectives that can only choose among names. None where the objective cannot be asked.
        """
        return decode_greedily(self, modules, cloze)

    def answer_log_prob(
        self, modules: ModuleDict, cloze: Cloze, names: np.ndarray, candidates: Entities
    ) -> np.ndarray | None:
        """log p[q] of the whole of names[q, k] as the answer, in nats; tokens behind the span do not count."""
        score = score_in_one_pass if self.scores_in_one_pass else score_by_token
        return score(self, modules, cloze, names)

    def candidate_log_probs(self, modules: ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray | None:
        """log p[q, c] of each candidate's name as the whole answer, in nats; -inf where it does not fill the span."""
        return score_candidates(self, modules, cloze, candidates)
