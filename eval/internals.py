"""What a network computes when it is asked one question: logits, attention and embeddings, with names of tokens."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from config.validation import SettingError
from eval.evaluate import inference_mode
from eval.trained_model import TrainedModel
from model.objectives.batch import Batch, Tensors, to_tensors
from tasks.vocabulary import PAD

MAX_NAMES = 6  # that are shown of a tuple


class ShortRepr:
    """A dataclass that shows shapes of tensors and the first names of tuples."""

    def __repr__(self) -> str:
        parts = (f"{field.name}={shortened(getattr(self, field.name))}" for field in fields(self))
        return f"{type(self).__name__}({', '.join(parts)})"


def shortened(value: object) -> str:
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, tuple) and len(value) > MAX_NAMES:
        return f"({', '.join(map(repr, value[:MAX_NAMES]))}, … {len(value)} in all)"
    return repr(value)


@dataclass(frozen=True, eq=False, repr=False)
class Logits(ShortRepr):
    """The logits when one question is asked, a row for each position."""

    values: Tensor
    """float[t, v], in nats, not normalised: the softmax of a row is the probability of each word"""
    tokens: tuple[str, ...]
    """the t tokens of the input, at the positions of the rows"""
    words: tuple[str, ...]
    """the v words of the vocabulary, those of the columns"""
    asked: int
    """the row that predicts the (first) open token"""


@dataclass(frozen=True, eq=False, repr=False)
class Attention(ShortRepr):
    """The attention weights when one question is asked."""

    weights: Tensor
    """float[layers, heads, t, t], query by key: a row sums to 1. A layer that is used again counts again"""
    tokens: tuple[str, ...]
    """the t tokens of the input, those of the rows and of the columns"""
    asked: int | None
    """the row that predicts the (first) open token; None where a decoder predicts it"""


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings(ShortRepr):
    """The vectors that a network starts from, width d."""

    matrix: Tensor
    """float[v, d], a row for each token"""
    tokens: tuple[str, ...]
    """the v words of the vocabulary, special tokens first"""
    entity_matrix: Tensor
    """float[e, d], a row for each entity: the mean of its name's tokens"""
    entities: tuple[str, ...]
    """the e names of the entities"""


def logits(trained: TrainedModel, query: Batch) -> Logits:
    """The logits for a query of one question, at every position of the network's input.

    An encoder's are at the positions of its decoder. A belief state predicts from the two ends of a gap, and has one
    row. Raises SettingError for an objective that does not predict tokens.
    """
    if not trained.objective.predicts_tokens:
        raise SettingError("a model trained with this objective predicts representations of names: it has no logits")
    query, tokens, asked = at_every_position(query)
    with inference_mode(trained):
        hidden = trained.objective.target_hidden(trained.modules, on_device(trained, query))
        values = trained.modules["network"].logits(hidden).float()
    return Logits(values.cpu().clone(), words_of(trained, tokens), trained.corpus.vocabulary.words, asked)


def at_every_position(query: Batch) -> tuple[Batch, np.ndarray, int]:
    """The query for logits at all t positions instead of one, the tokens [t], and which of them was asked for."""
    if "logit_positions" not in query:
        return query, query["tokens"].ravel()[query["prefix_ends"]], 0
    tokens = query.get("decoder_tokens", query["tokens"])[0]
    return query | {"logit_positions": np.arange(len(tokens))}, tokens, int(query["logit_positions"][0])


def attention(trained: TrainedModel, query: Batch) -> Attention:
    """The attention weights for a query of one question: of the network's own positions, without a decoder's."""
    weights: list[Tensor] = []  # of each layer, [1, heads, t, t]
    with inference_mode(trained):
        batch = on_device(trained, query)
        trained.modules["network"](
            batch["tokens"],
            trained.objective.visibility_of(batch),
            batch.get("positions"),
            batch.get("target_positions"),
            attention_weights=weights,
        )
    predicting = query.get("logit_positions", query.get("prefix_ends"))
    asked = None if "decoder_tokens" in query else int(predicting[0])
    return Attention(torch.cat(weights).cpu().clone(), words_of(trained, query["tokens"][0]), asked)


def embeddings(trained: TrainedModel) -> Embeddings:
    """The embeddings of all tokens and entities."""
    matrix, entities = trained.modules["network"].embedding.weight.detach().cpu().clone(), trained.corpus.entities
    return Embeddings(matrix, trained.corpus.vocabulary.words, entity_embeddings(trained), entities.names)


def entity_embeddings(trained: TrainedModel) -> Tensor:
    """The mean embedding of each entity's tokens, float[e, d]."""
    matrix = trained.modules["network"].embedding.weight.detach().cpu()
    tokens = torch.from_numpy(trained.corpus.entities.tokens).long()  # [e, k]
    is_token = (tokens != PAD)[..., None]
    return (matrix[tokens] * is_token).sum(1) / is_token.sum(1)


def words_of(trained: TrainedModel, tokens: np.ndarray) -> tuple[str, ...]:
    return tuple(trained.corpus.vocabulary.words[token] for token in tokens)


def on_device(trained: TrainedModel, query: Batch) -> Tensors:
    return to_tensors(query, next(trained.modules.parameters()).device)
