"""Span denoising: an encoder reads a document with spans cut out, a decoder writes them (T5, Raffel et al. 2019)."""

from dataclasses import dataclass

import numpy as np

from model.config import ModelConfig
from model.objectives.batch import Batch, Tensors, flat_positions, interleave
from model.objectives.causal import Causal
from model.objectives.masking import Masking, run_starts
from model.torch_types import Module, ModuleDict, Tensor
from model.visibility import CAUSAL, Visibility
from tasks.common.segments import Segment, pack
from tasks.corpus import NONE, Cloze, Documents
from tasks.vocabulary import MASK, SENTINELS


@dataclass(frozen=True)
class SpanDenoising(Masking):
    """
    document          [begin]  f  A  r  b1 b2  f

    encoder  input    [begin]  f  A  r  [sentinel-0]  f
    decoder  input    [sentinel-0]  b1  b2
             target        b1       b2   .

    Each run of masked tokens is one sentinel, which does not tell its length. Runs beyond the fourth stay. Any question
    can be asked: its open span is a sentinel.
    """

    summary = "an encoder reads a document with spans cut out, a decoder writes them"

    def extra_modules(self, config: ModelConfig, vocab_size: int, max_length: int) -> dict[str, Module]:
        from model.transformer import Transformer

        return {"decoder": Transformer(config, vocab_size, max_length, cross_attention=True, with_head=False)}

    def max_length(self, document_length: int) -> int:
        return document_length + len(SENTINELS)

    def make_batch(self, documents: Documents, rng: np.random.Generator) -> Batch:
        source, cut = cut_out(documents, self.is_masked(documents.roles, rng))
        decoder_batch = Causal().make_batch(cut, rng)
        return {
            "tokens": source.tokens,
            "lengths": source.lengths,
            "decoder_tokens": cut.tokens,
            "logit_positions": decoder_batch["logit_positions"],
            "targets": decoder_batch["targets"],
        }

    def visibility_of(self, batch: Tensors) -> Visibility:
        return Visibility("full", batch["lengths"])

    def target_hidden(self, modules: ModuleDict, batch: Tensors) -> Tensor:
        from model.transformer import Memory

        memory = Memory(modules["network"](batch["tokens"], self.visibility_of(batch)), batch["lengths"])
        return modules["decoder"](
            batch["decoder_tokens"], CAUSAL, memory=memory, logit_positions=batch["logit_positions"]
        )

    def make_query(self, cloze: Cloze, prefix: np.ndarray) -> Batch:
        source, _ = cut_out(cloze.documents, cloze.documents.tokens == MASK)
        sentinel = np.full((len(cloze), 1), SENTINELS[0], np.int32)
        decoder_tokens = np.concatenate([sentinel, prefix.astype(np.int32)], axis=1)
        position = np.minimum(prefix.shape[1], cloze.size - 1)
        return {
            "tokens": source.tokens,
            "lengths": source.lengths,
            "decoder_tokens": decoder_tokens,
            "logit_positions": flat_positions(position, decoder_tokens.shape[1]),
        }


def cut_out(documents: Documents, is_masked: np.ndarray) -> tuple[Documents, Documents]:
    """The documents with a sentinel for each run of masked tokens [b, t], and those runs, each behind its sentinel."""
    is_masked = is_masked & documents.is_token()
    starts = run_starts(is_masked, is_masked)
    run = starts.cumsum(1) - 1  # [b, t], number of the run, from 0
    has_sentinel = run < len(SENTINELS)
    is_masked, starts = is_masked & has_sentinel, starts & has_sentinel
    sentinel = np.array(SENTINELS, np.int32)[run.clip(0, len(SENTINELS) - 1)]
    source = pack(
        np.where(starts, sentinel, documents.tokens),
        np.where(starts, NONE, documents.roles),
        documents.is_token() & (starts | ~is_masked),
    )
    cut = interleave(Segment(sentinel, starts), Segment(documents.tokens, is_masked, documents.roles))
    return source, cut
