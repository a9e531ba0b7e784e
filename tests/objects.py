"""Every objective with the settings that tests go through, how each can be asked, and batches as drawings."""

import numpy as np

from model.objectives import OBJECTIVES
from model.objectives.batch import Batch
from model.objectives.bico import Bico
from model.objectives.diffusion import Diffusion
from model.objectives.infill import Infill
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from model.objectives.reversed import Reversed
from model.objectives.semantic_permutation import SemanticPermutation
from model.objectives.span_denoising import SpanDenoising
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Corpus, Documents, Questions
from tasks.vocabulary import SPECIAL, Vocabulary
from tests.examples import corpus

ALL_ROLES = tuple(ROLES)
OBJECTS = {name: objective() for name, objective in OBJECTIVES.items()} | {
    "masked, causal visibility": Masked(visibility="causal"),
    "masked, left-to-right": Masked(decoding="left-to-right"),
    "masked, at-once": Masked(decoding="at-once"),
    "diffusion, one pass": Diffusion(max_unmask_steps=1),
    "reversed by token": Reversed(unit="token"),
    "reversed by segment": Reversed(unit="segment", direction=False),
    "reversed, delimited": Reversed(delimiter=True),
    "reversed by token, delimited": Reversed(unit="token", delimiter=True, direction=False),
    "semantic-permutation, directed": SemanticPermutation(direction=True),
}
TRAINED = OBJECTS | {  # these are asked as the others are
    "masked, uniform": Masked(scheme="uniform"),
    "masked, fixed": Masked(scheme="fixed", rate=0.5),
    "masked, all roles": Masked(maskable=ALL_ROLES),
    "infill, always": Infill(share=1.0),
    "masked-copy, uniform": MaskedCopy(scheme="uniform", maskable=ALL_ROLES),
    "masked-copy, all": MaskedCopy(targets="all"),
    "bico, uniform": Bico(scheme="uniform", maskable=ALL_ROLES),
    "span-denoising, uniform": SpanDenoising(scheme="uniform", maskable=ALL_ROLES),
}
# Every objective in each of its query modes: what trains, and what is asked. The mode is named where there are several.
QUERY_MODES = {
    name if len(trained.query_modes()) == 1 else f"{name}, {mode}": (trained, queried)
    for name, trained in OBJECTS.items()
    for mode, queried in trained.query_modes().items()
}
SPLITS = ["forward", "backward", "inverse", "wrong_frame"]  # of these, only backward asks for the first entity

MIXED = corpus({"names.max_length": 2, "one_way": 12})  # names of one and of two tokens
LONG = corpus({"names.min_length": 2, "names.max_length": 2})


def can_be_asked(name: str, split: str) -> bool:
    if "reversed-order" in name:
        return split == "backward"
    only_the_last_entity = name in ("causal", "reinforced", "prefix", "joint-embedding") or (
        "left-to-right" in name and "masked" not in name
    )
    return split != "backward" or not only_the_last_entity


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def right_names(world: Corpus, questions: Questions) -> np.ndarray:
    """The right names[q, k], PAD behind the answer span."""
    return world.entities.tokens[questions.accepted[:, 0]][:, : questions.cloze.size.max()]


# Documents and batches as text

WORDS = Vocabulary((*SPECIAL, *("f", "g", "A", "a1", "a2", "r", "B", "b1", "b2", "C", "q", "D", "E", "s", "F")))
ROLE = {"A": SOURCE, "a": SOURCE, "C": SOURCE, "E": SOURCE, "r": RELATION, "q": RELATION, "s": RELATION}
ROLE |= dict.fromkeys("BbDF", TARGET)
MANY = 400  # copies of a document, so that all that can come of a small one does


def document(text: str) -> Documents:
    """A document of one row, as its words say."""
    words = text.split()
    roles = [ROLE.get(word[0], NONE) for word in words]
    tokens = [WORDS.ids[word] for word in words]
    return Documents(np.array([tokens], np.int32), np.array([len(words)], np.int32), np.array([roles], np.int8))


def many(text: str) -> Documents:
    """The same document many times, and a longer one after them."""
    return (document(text) + document(f"{text} f g f"))[np.array([0] * MANY + [1])]


def line(row: np.ndarray) -> str:
    return WORDS.text(row)


def draw(made: Batch, b: int) -> str:
    """Document b of a batch, line by line: input, what else the network is given, and the target of each position."""
    length = int(made["lengths"][b])
    words = [WORDS.words[i] for i in made["targets"]]
    if "prefix_ends" in made:
        return "\n".join([line(made["tokens"][b]), *draw_gaps(made, b, words)])
    if "labels" in made:
        words = ["-".join(line(name[1:]).split()) for name in made["names"][made["labels"]]]
    lines = [line(made["tokens"][b])]
    if "prefix_lengths" in made:
        prefix, rest = np.split(made["tokens"][b], [made["prefix_lengths"][b]])
        lines = [f"{line(prefix)} | {line(rest)}"]
    if "right_to_left" in made:
        lines.append(" ".join(">" if made["right_to_left"][b] else "<" for _ in range(length)))
    if "positions" in made:
        lines.append(" ".join(map(str, made["positions"][b, :length])))
        lines.append(" ".join([*map(str, made["target_positions"][b, : length - 1]), "."]))
    if "decoder_tokens" in made:
        lines.append(line(made["decoder_tokens"][b]))
        length = len(lines[-1].split())
    t = made.get("decoder_tokens", made["tokens"]).shape[1]
    targets = {flat % t: word for flat, word in zip(made["logit_positions"].tolist(), words) if flat // t == b}
    lines.append(" ".join(targets.get(i, ".") for i in range(length)))
    return "\n".join(lines)


def draw_gaps(made: Batch, b: int, words: list[str]) -> list[str]:
    """The pairs of prefix and suffix of document b, and the target of each."""
    t, lines = made["tokens"].shape[1], []
    for prefix_end, suffix_start, is_next, word in zip(
        made["prefix_ends"], made["suffix_starts"], made["is_next"], words
    ):
        if prefix_end // t == b:
            prefix, suffix = made["tokens"][b, : prefix_end % t + 1], made["tokens"][b, suffix_start % t :]
            lines.append(f"{line(prefix)} … {line(suffix)} {'next' if is_next else 'previous'} {word}")
    return lines


def plain(drawing: str) -> str:
    """A drawing without the spaces that align it."""
    return "\n".join(" ".join(row.split()) for row in drawing.strip().split("\n"))
