"""What every objective prepares is what it says, and what it answers is what its network says, whole names and all."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from config.validation import SettingError
from eval.evaluate import exact_match
from model.objectives import OBJECTIVES
from model.objectives.base import Objective
from model.objectives.batch import Batch, Tensors, to_tensors
from model.objectives.belief_state import BeliefState
from model.objectives.bico import Bico
from model.objectives.both_directions import BothDirections
from model.objectives.causal import Causal
from model.objectives.diffusion import Diffusion
from model.objectives.infill import Infill
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.masked_copy import MaskedCopy
from model.objectives.permuted import Permuted
from model.objectives.prefix import Prefix
from model.objectives.reversed import Reversed
from model.objectives.span_denoising import SpanDenoising, cut_out
from model.visibility import Visibility
from tasks.corpus import NONE, RELATION, ROLES, SOURCE, TARGET, Corpus, Documents, Entities, Questions, blank
from tasks.vocabulary import BEGIN, END, MASK, PAD, SPECIAL, Vocabulary
from tests.examples import batch, corpus, modules, some_documents

MODES = ["confidence", "left-to-right", "at-once"]
OBJECTS = {name: objective() for name, objective in OBJECTIVES.items()} | {
    "masked, see causal": Masked(see="causal"),
    "masked, left-to-right": Masked(unmask="left-to-right"),
    "masked, at-once": Masked(unmask="at-once"),
    "diffusion, one pass": Diffusion(unmask_steps=1),
    "reversed by token": Reversed(unit="token"),
    "reversed by segment": Reversed(unit="segment", direction=False),
    "reversed, delimited": Reversed(delimiter=True),
    "reversed by token, delimited": Reversed(unit="token", delimiter=True, direction=False),
}
PREPARED = OBJECTS | {  # these ask as the others do
    "masked, uniform": Masked(hide="uniform"),
    "masked, fixed": Masked(hide="fixed", rate=0.5),
    "masked, all spans": Masked(spans=tuple(ROLES)),
    "infill, always": Infill(share=1.0),
    "masked-copy, uniform": MaskedCopy(hide="uniform", spans=tuple(ROLES)),
    "masked-copy, all": MaskedCopy(predict="all"),
    "bico, uniform": Bico(hide="uniform", spans=tuple(ROLES)),
    "span-denoising, uniform": SpanDenoising(hide="uniform", spans=tuple(ROLES)),
}
# Every way in which they can be asked, by the name of what trains and that of the way where there are several.
ASKED = {
    name if len(objective.query_modes()) == 1 else f"{name}, {way}": (objective, asked)
    for name, objective in OBJECTS.items()
    for way, asked in objective.query_modes().items()
}
SPLITS = ["forward", "backward", "inverse", "wrong_frame"]  # of these, only backward asks for what stands first


def can_be_asked(name: str, split: str) -> bool:
    if "own-order" in name:
        return split == "backward"
    only_what_stands_last = name in ("causal", "reinforced", "prefix", "joint-embedding") or (
        "left-to-right" in name and "masked" not in name
    )
    return split != "backward" or not only_what_stands_last


FIRST_AND_LAST = ["backward", "inverse"]
CAN_BE_ASKED = [(name, split) for name in ASKED for split in FIRST_AND_LAST if can_be_asked(name, split)]
CANNOT = [(name, split) for name in ASKED for split in SPLITS if not can_be_asked(name, split)]
WRITING = [(name, split) for name, split in CAN_BE_ASKED if name != "joint-embedding"]
STEP_BY_STEP = [(name, split) for name, split in WRITING if type(ASKED[name][1]).answer is Objective.answer]
CHAINED = ["causal", "masked", "masked, see causal", "masked, left-to-right", "masked, at-once"]
KNOWING = [name for name in CHAINED if "see" not in name]
MIXED = corpus(max_name_length=2, one_way=12)  # names of one and of two tokens
LONG = corpus(min_name_length=2, max_name_length=2)

every_objective = pytest.mark.parametrize("objective", PREPARED.values(), ids=PREPARED)
every_question = pytest.mark.parametrize(("name", "split"), CAN_BE_ASKED)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def names_of(of: Corpus, questions: Questions) -> np.ndarray:
    """The right names[q, k], PAD after the answer span."""
    return of.entities.tokens[questions.accepted[:, 0]][:, : questions.size.max()]


# What is prepared, drawn


WORDS = Vocabulary((*SPECIAL, *("f", "g", "A", "a1", "a2", "r", "B", "b1", "b2", "C", "q", "D", "E", "s", "F")))
ROLE = {"A": SOURCE, "a": SOURCE, "C": SOURCE, "E": SOURCE, "r": RELATION, "q": RELATION, "s": RELATION}
ROLE |= dict.fromkeys("BbDF", TARGET)
MANY = 400  # times a document is prepared, so that all that can come of a small one does


def told(text: str) -> Documents:
    """A document of one row, as its words say."""
    words = text.split()
    roles = [ROLE.get(word[0], NONE) for word in words]
    tokens = [WORDS.ids[word] for word in words]
    return Documents(np.array([tokens], np.int32), np.array([len(words)], np.int32), np.array([roles], np.int8))


def several(text: str) -> Documents:
    """The same document many times, and a longer one after them."""
    one, longer = told(text), told(f"{text} f g f")
    rows = np.array([0] * MANY + [1])
    tokens, roles = (
        np.concatenate([np.pad(getattr(one, name), ((0, 0), (0, 3))), getattr(longer, name)])[rows]
        for name in ("tokens", "roles")
    )
    return Documents(tokens, np.array([one.lengths[0], longer.lengths[0]], np.int32)[rows], roles)


def line(row: np.ndarray) -> str:
    return WORDS.text(row)


def marks(t: int, at: dict[int, str]) -> str:
    return " ".join(at.get(i, ".") for i in range(t))


def draw(made: Batch, b: int) -> str:
    """Document b of a batch, line by line: input, whatever else the network is told, and the target of each place."""
    length = int(made["lengths"][b])
    lines, words = [line(made["tokens"][b])], [WORDS.words[i] for i in made["targets"]]
    if "front" in made:
        t, backs = made["tokens"].shape[1], made["back"]
        for place, back, is_next, word in zip(made["front"], backs, made["is_next"], words):
            if place // t == b:
                beginning, end = made["tokens"][b, : place % t + 1], made["tokens"][b, back % t :]
                lines.append(f"{line(beginning)} … {line(end)} {'next' if is_next else 'previous'} {word}")
        return "\n".join(lines)
    if "label" in made:
        words = ["-".join(line(name[1:]).split()) for name in made["names"][made["label"]]]
    if "reach" in made:
        first, rest = made["tokens"][b, : made["reach"][b]], made["tokens"][b, made["reach"][b] :]
        lines = [f"{line(first)} | {line(rest)}"]
    if "to_left" in made:
        lines.append(" ".join(">" if made["to_left"][b] else "<" for _ in range(length)))
    if "positions" in made:
        lines.append(" ".join(map(str, made["positions"][b, :length])))
        lines.append(" ".join([*map(str, made["target_positions"][b, : length - 1]), "."]))
    if "written" in made:
        lines.append(line(made["written"][b]))
        length = len(lines[-1].split())
    t = made.get("written", made["tokens"]).shape[1]
    here = {place % t: word for place, word in zip(made["logit_positions"].tolist(), words) if place // t == b}
    lines.append(marks(length, here))
    return "\n".join(lines)


def plain(drawing: str) -> str:
    """A drawing without the spaces that align it."""
    return "\n".join(" ".join(row.split()) for row in drawing.strip().split("\n"))


DOCUMENT, NAMES = "[begin] f A r B f", "[begin] f a1 a2 r B f"
AS_TOLD = """
    [begin]  f  A  r  B  f
       .     A  r  B  .  .
"""
# What each makes of a document: all of it, or, before an ellipsis, some of it.
DRAWN = {
    "causal": (Causal(), DOCUMENT, [AS_TOLD]),
    "masked": (Masked(), DOCUMENT, ["""
        [begin]  f  A  r  [mask]  f
           .     .  .  .    B     .
    """, """
        [begin]  f  [mask]  r  B  f
           .     .    A     .  .  .
    """]),
    "masked, a name of two tokens": (Masked(spans=("source",)), NAMES, ["""
        [begin]  f  [mask]  [mask]  r  B  f
           .     .    a1      a2    .  .  .
    """]),
    "diffusion": (Diffusion(), DOCUMENT, ["""
        [begin]  f  [mask]  r  [mask]  f
           .     .    A     .    B     .
    """, """
        [begin]  f  [mask]  [mask]  [mask]  f
           .     .    A       r       B     .
    """, """
        [begin]  f  A  r  B  f
           .     .  .  .  .  .
    """, ...]),
    "permuted": (Permuted(), DOCUMENT, ["""
        [begin]  B  f  r  A  f
           0     4  1  3  2  5
           4     1  3  2  5  .
           B     .  r  A  .  .
    """, ...]),
    "permuted, a short one": (Permuted(), "[begin] r B", ["""
        [begin]  r  B
           0     1  2
           1     2  .
           r     B  .
    """, """
        [begin]  B  r
           0     2  1
           2     1  .
           B     r  .
    """]),
    "reversed by entity": (Reversed(), NAMES, ["""
        [begin]  [forward]  f  a1  a2  r  B  f
           .         .      a1 a2  r   B  .  .
    """, """
        [begin]  [reversed]  f  B  r  a1  a2  f
           .         .       B  r  a1 a2  .   .
    """]),
    "reversed by token": (Reversed(unit="token", direction=False), NAMES, ["""
        [begin]  f  a1  a2  r  B  f
           .     a1 a2  r   B  .  .
    """, """
        [begin]  f  B  r  a2  a1  f
           .     B  r  a2 a1  .   .
    """]),
    "reversed by segment": (Reversed(unit="segment", max_segment=2), "[begin] A r B", ["""
        [begin]  [forward]  A  r  B
           .         A      r  B  .
    """, """
        [begin]  [reversed]  B  r  A
           .         B       r  A  .
    """, """
        [begin]  [reversed]  r  B  A
           .         r       B  A  .
    """, """
        [begin]  [reversed]  B  A  r
           .         B       A  r  .
    """]),
    "reversed, delimited": (Reversed(delimiter=True), NAMES, ["""
        [begin]  [forward]  f  a1  a2  r  B  f
           .         .      a1 a2  r   B  .  .
    """, """
        [begin]  [reversed]  f  B  [delimiter]  r  a1  a2  [delimiter]  f
           .         .       B  .       r       a1 a2  .        .       .
    """]),
    "reversed by token, delimited, undirected": (Reversed("token", direction=False, delimiter=True), NAMES, ["""
        [begin]  f  a1  a2  r  B  f
           .     a1 a2  r   B  .  .
    """, """
        [begin]  f  B  [delimiter]  r  a2  a1  [delimiter]  f
           .     B  .       r       a2 a1  .        .       .
    """]),
    "both-directions": (BothDirections(), DOCUMENT, ["""
        [begin]  f  A  r  B  f
           <     <  <  <  <  <
           .     A  r  B  .  .
    """, """
        [begin]  f  A  r  B  f
           >     >  >  >  >  >
           .     .  .  A  r  B
    """]),
    "both-directions, nothing after": (BothDirections(), "[begin] A r B", ["""
        [begin]  A  r  B
           <     <  <  <
           A     r  B  .
    """, """
        [begin]  A  r  B
           >     >  >  >
           .     .  A  r
    """]),
    "prefix": (Prefix(), DOCUMENT, ["""
        [begin] | f  A  r  B  f
           .      A  r  B  .  .
    """, """
        [begin]  f | A  r  B  f
           .     A   r  B  .  .
    """, """
        [begin]  f  A | r  B  f
           .     .  r   B  .  .
    """, """
        [begin]  f  A  r | B  f
           .     .  .  B   .  .
    """, """
        [begin]  f  A  r  B | f
           .     .  .  .  .   .
    """]),
    "infill": (Infill(), DOCUMENT, [AS_TOLD, """
        [begin]  [sentinel-0]  f  [sentinel-1]  r  B  f  [sentinel-2]  A
           .          .        .        r       B  .  .        A       .
    """, """
        [begin]  [sentinel-0]  f  A  [sentinel-1]  f  [sentinel-2]  r  B
           .          .        A  .        .       .        r       B  .
    """, """
        [begin]  [sentinel-0]  [sentinel-1]  f  A  r  B  f  [sentinel-2]
           .          .              .       A  r  B  .  .        .
    """, """
        [begin]  [sentinel-0]  [sentinel-1]  [sentinel-2]  f  A  r  B  f
           .          .              .             .       A  r  B  .  .
    """, ...]),
    "masked-copy": (MaskedCopy(), DOCUMENT, ["""
        [begin]  f  [mask]  r  B  f  [end]  f  A  r  B  f
           .     .    .     .  .  .    .    A  .  .  .  .
    """, """
        [begin]  f  A  r  [mask]  f  [end]  f  A  r  B  f
           .     .  .  .    .     .    .    .  .  B  .  .
    """]),
    "masked-copy, all": (MaskedCopy(predict="all"), DOCUMENT, ["""
        [begin]  f  [mask]  r  B  f  [end]  f  A  r  B  f
           .     .    .     .  .  .    .    A  r  B  .  .
    """, """
        [begin]  f  A  r  [mask]  f  [end]  f  A  r  B  f
           .     .  .  .    .     .    .    A  r  B  .  .
    """]),
    "bico": (Bico(), DOCUMENT, ["""
        [begin]  f  [mask]  r  B  f
           .     A    .     .  .  .
    """, """
        [begin]  f  A  r  [mask]  f
           .     .  .  B    .     .
    """]),
    "span-denoising": (SpanDenoising(), "[begin] f A r b1 b2 f", ["""
        [begin]  f  A  r  [sentinel-0]  f
        [sentinel-0]  b1  b2
             b1       b2   .
    """, """
        [begin]  f  [sentinel-0]  r  b1  b2  f
        [sentinel-0]  A
             A        .
    """]),
    "span-denoising, tokens": (SpanDenoising(hide="uniform", spans=tuple(ROLES)), DOCUMENT, ["""
        [begin]  f  [sentinel-0]  r  [sentinel-1]  f
        [sentinel-0]  A  [sentinel-1]  B
             A        .       B        .
    """, """
        [begin]  f  A  [sentinel-0]  f
        [sentinel-0]  r  B
             r        B  .
    """, ...]),
    "belief-state": (BeliefState(), "[begin] A r B", ["""
        [begin]  A  r  B  [end]
        [begin]      …  r  B [end]  next      A
        [begin]      …     B [end]  next      A
        [begin]      …       [end]  next      A
        [begin] A    …     B [end]  next      r
        [begin] A    …       [end]  next      r
        [begin] A r  …       [end]  next      B
        [begin]      …  r  B [end]  previous  A
        [begin]      …     B [end]  previous  r
        [begin] A    …     B [end]  previous  r
        [begin]      …       [end]  previous  B
        [begin] A    …       [end]  previous  B
        [begin] A r  …       [end]  previous  B
    """]),
    "joint-embedding": (JointEmbedding(), "[begin] f A r b1 b2 [separator] C q D", ["""
        [begin]  f  A    r    b1  b2  [separator]  C  q  D
           .     .  .  b1-b2  .   .        .       .  D  .
    """]),
}  # fmt: skip


DRAWN_KINDS = {type(objective) for objective, _, _ in DRAWN.values()}


@pytest.mark.parametrize(("objective", "document", "drawings"), DRAWN.values(), ids=DRAWN)
def test_what_is_prepared_is_what_is_drawn(objective, document, drawings):
    made = objective.make_batch(several(document), rng())
    found = {draw(made, b) for b in range(MANY if "front" not in made else 2)}
    expected = {plain(drawing) for drawing in drawings if drawing is not ...}
    assert expected <= found
    assert ... in drawings or expected == found


def test_what_is_drawn_is_registered():
    assert set(OBJECTIVES.values()) >= DRAWN_KINDS


# What is asked, drawn, after the first token of the answer is said


LAST, FIRST = ("[begin] f A r b1 b2 g", 4), ("[begin] f a1 a2 r B g", 2)
FROM_LEFT = """
    [begin] f A r b1 [mask] g
       .    . . . ^    .    .
"""
PANELS = {
    "causal": (FROM_LEFT, None),
    "prefix": ("""
        [begin] f A r | b1 [mask] g
           .    . . .   ^    .    .
    """, None),
    "infill, left-to-right": (FROM_LEFT, None),
    "bico, left-to-right": (FROM_LEFT, None),
    "masked": ("""
        [begin] f A r b1 [mask] g
           .    . . . .    ^    .
    """, """
        [begin] f a1 [mask] r B g
           .    . .    ^    . . .
    """),
    "masked, at-once": ("""
        [begin] f A r [mask] [mask] g
           .    . . .   .      ^    .
    """, """
        [begin] f [mask] [mask] r B g
           .    .   .      ^    . . .
    """),
    "diffusion": ("""
        [begin] f A r b1 [mask] g
           .    . . . .    ^    .
    """, """
        [begin] f a1 [mask] r B g
           .    . .    ^    . . .
    """),
    "permuted": ("""
        [begin] f A r g b1 [mask]
           0    1 2 3 6 4    5
           1    2 3 6 4 5    .
           .    . . . . ^    .
    """, """
        [begin] f r B g a1 [mask]
           0    1 4 5 6 2    3
           1    4 5 6 2 3    .
           .    . . . . ^    .
    """),
    "reversed, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "reversed, own-order": (None, """
        [begin] [reversed] g B r a1 [mask] f
           .        .      . . . ^    .    .
    """),
    "reversed by token, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "reversed by token, own-order": (None, """
        [begin] [reversed] g B r a2 [mask] f
           .        .      . . . ^    .    .
    """),
    "reversed by segment, left-to-right": (FROM_LEFT, None),
    "reversed by segment, own-order": (None, """
        [begin] g B r a1 [mask] f
           .    . . . ^    .    .
    """),
    "reversed, delimited, left-to-right": ("""
        [begin] [forward] f A r b1 [mask] g
           .        .     . . . ^    .    .
    """, None),
    "reversed, delimited, own-order": (None, """
        [begin] [reversed] g B [delimiter] r a1 [mask] [delimiter] f
           .        .      . .      .      . ^    .         .      .
    """),
    "both-directions": ("""
        [begin] f A r b1 [mask] g
           <    < < < <    <    <
           .    . . . ^    .    .
    """, """
        [begin] f [mask] a2 r B g
           >    >    >   >  > > >
           .    .    .   ^  . . .
    """),
    "infill, as-trained": ("""
        [begin] [sentinel-0] f A r [sentinel-1] g [sentinel-2] b1 [mask]
           .         .       . . .       .      .       .      ^    .
    """, """
        [begin] [sentinel-0] f [sentinel-1] r B g [sentinel-2] a1 [mask]
           .         .       .       .      . . .       .      ^    .
    """),
    "masked-copy": ("""
        [begin] f A r [mask] [mask] g [end] f A r b1 [mask] g
           .    . . .    .     .    .      .      . . . ^    .    .
    """, """
        [begin] f [mask] [mask] r B g [end] f a1 [mask] r B g
           .    .    .     .    . . .      .      . ^    .    . . .
    """),
    "bico, as-trained": ("""
        [begin] f A r b1 [mask] g
           .    . . . ^    .    .
    """, """
        [begin] f a1 [mask] r B g
           .    . ^    .    . . .
    """),
    "span-denoising": ("""
        [begin] f A r [sentinel-0] g
        [sentinel-0] b1
              .      ^
    """, """
        [begin] f [sentinel-0] r B g
        [sentinel-0] a1
              .      ^
    """),
    "belief-state": ("""
        [begin] f A r b1 [mask] g [end]
        [begin] f A r b1  …  g [end]  next  ^
    """, """
        [begin] f a1 [mask] r B g [end]
        [begin] f a1  …  r B g [end]  next  ^
    """),
    "joint-embedding": ("""
        [begin] f A r [mask] [mask] g
           .    . . ^    .     .    .
    """, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PANELS)
def test_what_is_asked_is_what_is_drawn(name):
    for (document, start), drawing in zip((LAST, FIRST), PANELS[name]):
        full, at, size = told(document), np.array([start], np.int32), np.array([2], np.int32)
        unknown, chance = np.full((1, 1), -1, np.int32), np.zeros(1)
        questions = Questions(blank(full, at, size), at, size, unknown, unknown, unknown, chance, chance)
        asked = ASKED[name][1]
        first = asked.to_decoding_order(questions, full.tokens[:, start : start + 2], size)[:, :1]
        asking = asked.make_query(questions, first)
        if drawing is None:
            assert asking is None
        else:
            assert draw(asking | {"targets": np.zeros(1, int)}, 0).replace("[pad]", "^") == plain(drawing)


def test_what_is_drawn_is_drawn_in_every_way_it_is_asked():
    defaults = [objective() for objective in DRAWN_KINDS]
    assert {name for name, (trained, _) in ASKED.items() if trained in defaults} <= PANELS.keys()


# What is prepared


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_a_batch_follows_from_documents_and_seed_and_leaves_both_as_they_were(objective, statements):
    documents = corpus(max_name_length=2, statements=statements).documents
    for array in (documents.tokens, documents.lengths, documents.roles):
        array.setflags(write=False)
    once, again = objective.make_batch(documents, rng()), objective.make_batch(documents, rng())
    assert once.keys() == again.keys() >= {"tokens", "lengths"}
    assert all(np.array_equal(once[key], again[key]) for key in once)


@pytest.mark.parametrize("hide", ["span", "uniform", "fixed"])
def test_another_seed_hides_other_tokens(hide):
    masked, documents = Masked(hide=hide), MIXED.documents
    assert not np.array_equal(
        masked.make_batch(documents, rng(0))["tokens"], masked.make_batch(documents, rng(1))["tokens"]
    )


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_places_that_predict_rise_within_the_batch_and_have_a_target_each(objective, statements):
    made = objective.make_batch(corpus(statements=statements).documents, rng())
    assert len(made["targets"])
    if isinstance(objective, BeliefState):  # its pairs are made by hand below
        return
    assert made["logit_positions"].shape == made["targets"].shape
    assert (np.diff(made["logit_positions"]) > 0).all()
    assert made["logit_positions"][0] >= 0
    assert made["logit_positions"][-1] < made.get("written", made["tokens"]).size


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_targets_are_tokens_of_statements_never_special_and_never_filler(objective, statements):
    documents = corpus(max_name_length=2, statements=statements).documents
    stated = set(documents.tokens[documents.roles != NONE].tolist())
    elsewhere = set(documents.tokens[documents.roles == NONE].tolist())
    assert not stated & elsewhere
    assert set(objective.make_batch(documents, rng())["targets"].tolist()) <= stated


@every_objective
@pytest.mark.parametrize("statements", [1, 2])
def test_no_batch_is_longer_than_the_network_was_told(objective, statements):
    of = corpus(max_name_length=2, statements=statements)
    longest = objective.max_length(of.longest)
    for seed in range(5):
        made = objective.make_batch(of.documents, rng(seed))
        assert all(made[key].shape[1] <= longest for key in ("tokens", "written") if key in made)
        assert made["lengths"].max() <= made["tokens"].shape[1]


def without_statements() -> Documents:
    stated = some_documents(MIXED)
    return Documents(stated.tokens, stated.lengths, np.zeros_like(stated.roles))


@every_objective
def test_a_document_without_a_statement_has_no_target(objective):
    made = objective.make_batch(without_statements(), rng())
    assert made.get("logit_positions", made.get("front")).size == made["targets"].size == 0


@every_objective
def test_documents_are_prepared_alike_whatever_their_tokens_are(objective):
    documents = MIXED.documents
    once = objective.make_batch(documents, rng())
    again = objective.make_batch(
        replace(documents, tokens=np.where(documents.roles != NONE, 39, documents.tokens)), rng()
    )
    same = once.keys() - {"tokens", "written", "targets", "names", "last", "label"}
    assert all(np.array_equal(once[key], again[key]) for key in same)
    assert len(once["targets"]) == len(again["targets"])


@pytest.mark.parametrize("statements", [1, 2])
def test_causal_predicts_every_token_of_a_statement_from_the_place_before_it(statements):
    documents = corpus(max_name_length=2, statements=statements).documents
    made = Causal().make_batch(documents, rng())
    assert np.array_equal(made["tokens"], documents.tokens)
    assert np.array_equal(made["logit_positions"] + 1, np.flatnonzero(documents.roles != NONE))
    assert np.array_equal(made["targets"], documents.tokens[documents.roles != NONE])


@pytest.mark.parametrize("hide", ["span", "uniform", "fixed"])
@pytest.mark.parametrize(
    "spans", [("source",), ("relation",), ("target",), ("source", "target"), tuple(ROLES)], ids="+".join
)
@pytest.mark.parametrize("statements", [1, 2])
def test_masked_hides_its_targets_under_mask_and_changes_nothing_else(statements, spans, hide):
    documents = corpus(max_name_length=2, statements=statements, copies=8).documents
    made = Masked(hide=hide, spans=spans, rate=0.3 if hide == "fixed" else Masked.rate).make_batch(documents, rng())
    hidden = np.zeros(documents.tokens.size, bool)
    hidden[made["logit_positions"]] = True
    assert np.array_equal(made["targets"], documents.tokens.ravel()[hidden])
    assert np.array_equal(made["tokens"].ravel(), np.where(hidden, MASK, documents.tokens.ravel()))
    assert set(documents.roles.ravel()[hidden].tolist()) == {ROLES[name] for name in spans}


@pytest.mark.parametrize(
    ("spans", "statements"), [(("source", "target"), 1), (tuple(ROLES), 1), (("target",), 2), (("source", "target"), 2)]
)
def test_masked_span_hides_one_whole_span_of_each_statement_all_equally_often(spans, statements):
    documents = corpus(max_name_length=2, statements=statements, copies=40).documents
    documents = documents[np.flatnonzero((documents.roles == RELATION).sum(1) == statements)]
    hidden = Masked(spans=spans).make_batch(documents, rng())["tokens"] == MASK
    may, times = np.isin(documents.roles, [ROLES[name] for name in spans]), np.zeros((statements, len(spans)))
    for roles, here, taken in zip(documents.roles, may, hidden):
        ends = np.flatnonzero(np.diff(roles)) + 1
        runs = [run for run in np.split(np.arange(len(roles)), ends) if here[run[0]]]
        whole = [i for i, run in enumerate(runs) if taken[run].all()]
        assert taken.sum() == sum(len(runs[i]) for i in whole)
        assert [i // len(spans) for i in whole] == list(range(statements))
        times[range(statements), np.array(whole) % len(spans)] += 1
    share = 1 / len(spans)
    assert np.abs(times / len(documents) - share).max() <= 4 * (share * (1 - share) / len(documents)) ** 0.5


@pytest.mark.parametrize(
    ("masked", "mean", "spread"),
    [
        (Masked(hide="uniform"), 0.5, (1 / 12 + 1 / 6 / 20) ** 0.5),
        (Masked(hide="fixed"), 0.15, (0.15 * 0.85 / 20) ** 0.5),
        (Masked(hide="fixed", rate=0.6), 0.6, (0.6 * 0.4 / 20) ** 0.5),
    ],
    ids=["uniform", "fixed", "fixed at 0.6"],
)
def test_masked_hides_tokens_at_its_rate(masked, mean, spread):
    documents = corpus(min_name_length=10, max_name_length=10, copies=20).documents
    share = (masked.make_batch(documents, rng())["tokens"] == MASK).sum(1) / 20
    assert share.mean() == pytest.approx(mean, abs=4 * spread / len(documents) ** 0.5)
    assert share.std() == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"rate": 0.0}, "objective.rate"), ({"rate": 1.1}, "objective.rate"), ({"spans": ()}, "objective.spans")],
)
def test_masked_refuses_what_hides_nothing_or_more_than_all(settings, named):
    with pytest.raises(SettingError, match=named):
        Masked(**settings)


@pytest.mark.parametrize("statements", [1, 2])
def test_permuted_stands_in_some_order_and_aims_at_what_comes_next(statements):
    documents = corpus(max_name_length=2, statements=statements).documents
    made = Permuted().make_batch(documents, rng())
    t, orders = documents.tokens.shape[1], made["positions"]
    at = np.arange(t)
    assert np.array_equal(np.sort(orders, axis=1), np.tile(at, (len(orders), 1)))
    assert (orders[:, 0] == 0).all()
    padding = at >= documents.lengths[:, None]
    assert np.array_equal(orders[padding], np.tile(at, (len(orders), 1))[padding])
    assert np.array_equal(made["tokens"], np.take_along_axis(documents.tokens, orders, 1))
    assert np.array_equal(made["target_positions"][:, :-1], orders[:, 1:])
    aimed = (
        np.unravel_index(made["logit_positions"], orders.shape)[0],
        made["target_positions"].ravel()[made["logit_positions"]],
    )
    assert np.array_equal(made["targets"], documents.tokens[aimed])
    assert len(aimed[0]) == (documents.roles != NONE).sum()
    assert len(np.unique(orders, axis=0)) > len(orders) / 3


def test_permuted_takes_every_order_equally_often():
    made = Permuted().make_batch(
        Documents(*(np.repeat(a, 6000, 0) for a in vars(told("[begin] A r B")).values())), rng()
    )
    _, times = np.unique(made["positions"], axis=0, return_counts=True)
    assert len(times) == 6
    assert np.abs(times / 6000 - 1 / 6).max() < 4 * (1 / 6 * 5 / 6 / 6000) ** 0.5


@pytest.mark.parametrize("split", SPLITS)
def test_permuted_asks_for_the_open_span_last(split):
    questions = MIXED.questions[split]
    for j, given in enumerate((np.zeros((len(questions), 0), int), names_of(MIXED, questions)[:, :1])):
        asking = Permuted().make_query(questions, given)
        t = asking["tokens"].shape[1]
        for q, (place, length) in enumerate(
            zip(asking["logit_positions"] - np.arange(len(questions)) * t, questions.documents.lengths)
        ):
            start, size = questions.start[q], questions.size[q]
            span = list(range(start, start + size))
            others = [i for i in range(length) if i not in span]
            assert asking["positions"][q, :length].tolist() == others + span
            assert asking["target_positions"][q, place] == start + min(j, size - 1)


@pytest.mark.parametrize("objective", [Reversed(), BothDirections()], ids=["reversed", "both-directions"])
@pytest.mark.parametrize("count", [1, 2, 47, 48])
def test_half_of_the_documents_are_turned(objective, count):
    made = objective.make_batch(MIXED.documents[np.arange(count)], rng())
    turned = made["to_left"] if "to_left" in made else (made["tokens"] == WORDS.ids["[reversed]"]).any(1)
    assert turned.sum() == count // 2


def test_infill_cuts_its_share_of_the_documents():
    documents = corpus(copies=40).documents
    for share in (0.2, 0.5, 1.0):
        cut = (Infill(share=share).make_batch(documents, rng())["tokens"] == WORDS.ids["[sentinel-2]"]).any(1)
        assert cut.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / len(documents)) ** 0.5)


def test_span_denoising_leaves_runs_beyond_the_fourth():
    document = told("[begin] f A r B [separator] C q D [separator] E s F")
    source, written = cut_out(document, np.isin(document.roles, (SOURCE, TARGET)))
    assert line(source.tokens[0]) == (
        "[begin] f [sentinel-0] r [sentinel-1] [separator] [sentinel-2] q [sentinel-3] [separator] E s F"
    )
    assert line(written.tokens[0]) == "[sentinel-0] A [sentinel-1] B [sentinel-2] C [sentinel-3] D"
    assert np.array_equal(source.lengths, [13])
    assert written.lengths == [8]


@pytest.mark.parametrize("statements", [1, 2])
def test_belief_state_pairs_every_beginning_with_every_end(statements):
    documents = corpus(max_name_length=2, statements=statements).documents
    made, pairs = BeliefState().make_batch(documents, rng()), set()
    for b, (tokens, length, roles) in enumerate(zip(documents.tokens, documents.lengths, documents.roles)):
        for front in range(length):
            for back in range(front + 2, length + 1):  # [end] stands at `length`
                between = [(front + 1, True), (back - 1, False)]
                pairs |= {(b, front, back, is_next, tokens[p]) for p, is_next in between if roles[p] != NONE}
    t = made["tokens"].shape[1]
    assert (made["front"] // t == made["back"] // t).all()
    found = zip(made["front"] // t, made["front"] % t, made["back"] % t, made["is_next"], made["targets"])
    found = list(map(tuple, found))
    assert len(found) == len(set(found))
    assert set(found) == pairs


@pytest.mark.parametrize("statements", [1, 2])
def test_joint_embedding_tells_the_name_that_follows_from_all_names_of_the_batch(statements):
    of = corpus(max_name_length=2, statements=statements)
    documents, made = of.documents, JointEmbedding().make_batch(of.documents, rng())
    known = {tuple(name[name != PAD].tolist()) for name in of.entities.tokens}
    follow = []
    for b, (tokens, roles) in enumerate(zip(documents.tokens, documents.roles)):
        for i in np.flatnonzero((roles[1:] == TARGET) & (roles[:-1] != TARGET)):
            size = next(k for k in range(1, 9) if i + 1 + k == len(roles) or roles[i + 1 + k] != TARGET)
            follow.append((b * len(tokens) + i, tuple(tokens[i + 1 : i + 1 + size].tolist())))
    names = [tuple(name[name != PAD].tolist()) for name in made["names"]]
    assert {name[0] for name in names} == {BEGIN}
    assert len(set(names)) == len(names)
    assert {name[1:] for name in names} == {name for _, name in follow} <= known
    assert [(at, names[label][1:]) for at, label in zip(made["logit_positions"].tolist(), made["label"])] == follow
    width = made["names"].shape[1]
    assert made["last"].tolist() == [m * width + len(name) - 1 for m, name in enumerate(names)]


# What cannot be


REFUSED = {
    ("permuted", "position"),
    *((name, "convolution") for name in ("permuted", "both-directions", "belief-state")),
}


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("settings", [{"position": "none"}, {"convolution": 3}, {"recurrence": 2}], ids=str)
def test_a_network_that_makes_no_sense_is_refused_and_every_other_trains(name, settings):
    (setting,) = settings
    if (name, setting) in REFUSED:
        with pytest.raises(SettingError, match=f"model.{setting}"):
            modules(OBJECTS[name], MIXED, **settings)
        return
    of = modules(OBJECTS[name], MIXED, **settings)
    loss, count = OBJECTS[name].loss(of, batch(OBJECTS[name], some_documents(MIXED)))
    loss.backward()
    assert 0 < loss.item() / count < 20
    assert all(p.grad is not None and p.grad.isfinite().all() for p in of.parameters() if heard(OBJECTS[name], of, p))


def heard(objective: Objective, of: nn.ModuleDict, parameter: Tensor) -> bool:
    """Whether the objective has a use for it."""
    return not (isinstance(objective, JointEmbedding) and parameter is of["network"].head.weight)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Reversed(max_segment=0), "objective.longest_segment"),
        (lambda: Reversed(max_segment=2), "objective.longest_segment"),  # which only segments have
        (lambda: Masked(rate=0.5), "objective.rate"),  # which only a fixed one is
        (lambda: Masked(hide="uniform", rate=0.5), "objective.rate"),
        (lambda: Infill(share=0.0), "objective.share"),
        (lambda: Infill(share=1.1), "objective.share"),
        (lambda: Diffusion(least=0.0), "objective.least"),
        (lambda: Diffusion(least=1.0), "objective.least"),
        (lambda: Diffusion(unmask_steps=0), "objective.unmask_steps"),
        (lambda: JointEmbedding(temperature=0.0), "objective.temperature"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_make_no_sense_are_refused(make, named):
    with pytest.raises(SettingError, match=named):
        make()


# What is not told: a prediction never hangs on the token that it predicts


FIRST_OF_ITS_OWN, ANOTHER = 60, 50
LARGE = corpus(entities=120, statements=2, min_name_length=2, max_name_length=2, pieces=120)


def each_token_once(documents: Documents) -> Documents:
    """The documents with every token of a statement another one."""
    tokens = documents.tokens.copy()
    stated = documents.roles != NONE
    tokens[stated] = FIRST_OF_ITS_OWN + np.arange(stated.sum())
    return replace(documents, tokens=tokens)


def predicted(objective: Objective, made: Tensors) -> Tensor:
    """The tokens [n, k] that each of the n predictions of a batch is about."""
    return made["names"][made["label"]][:, 1:] if "label" in made else made["targets"][:, None]


def still_hidden(objective: Objective, made: Tensors, token: int) -> bool:
    """Whether a batch does not show the token, as a copy that is not masked there does."""
    return not isinstance(objective, MaskedCopy) or (made["tokens"] == token).sum() == 1


@every_objective
@pytest.mark.parametrize("seed", [0, 1])
@torch.no_grad()
def test_no_prediction_hangs_on_the_token_it_predicts(objective, seed):
    documents, of = each_token_once(some_documents(LARGE)), modules(objective, LARGE)
    made = batch(objective, documents, seed)
    before, about = objective.target_hidden(of, made), predicted(objective, made)
    hidden, news = 0, 0
    for b, p in np.argwhere(documents.roles != NONE):
        token, tokens = int(documents.tokens[b, p]), documents.tokens.copy()
        tokens[b, p] = ANOTHER
        other = batch(objective, replace(documents, tokens=tokens), seed)
        after, its_own = objective.target_hidden(of, other), (about == token).any(1)
        assert torch.equal(predicted(objective, other)[its_own] == ANOTHER, about[its_own] == token)
        if still_hidden(objective, made, token):
            hidden += int(its_own.sum())
            assert torch.equal(after[its_own], before[its_own])
        news += int((after != before).any(-1).sum())
    assert hidden
    assert news  # what is not predicted but seen does make a difference


# What is lost


PER_TARGET = ("logit_positions", "front", "back", "is_next", "targets", "weights")


def alone(made: Tensors, b: int) -> Tensors:
    """Document b of a batch, without the others and without padding."""
    t, length = made.get("written", made["tokens"]).shape[1], int(made["lengths"][b])
    own, some = made.get("front", made.get("logit_positions")) // t == b, {}
    for key, values in made.items():
        some[key] = values[own] if key in PER_TARGET else values[b : b + 1]
        if key in ("logit_positions", "front", "back"):
            width = t if "written" in made else length
            some[key] = some[key] % t
            assert (some[key] < width).all()
        elif key in ("tokens", "positions", "target_positions"):
            some[key] = some[key][:, :length]
    return some


@pytest.mark.parametrize("name", [name for name in PREPARED if name != "joint-embedding"])
@torch.no_grad()
def test_loss_is_the_sum_over_documents_asked_alone(name):
    objective, documents = PREPARED[name], some_documents(MIXED)
    made, of = batch(objective, documents), modules(objective, MIXED)
    each = [objective.loss(of, alone(made, b)) for b in range(len(documents))]
    loss, denominator = objective.loss(of, made)
    assert loss.item() == pytest.approx(sum(loss.item() for loss, _ in each), rel=1e-5)
    assert denominator == sum(count for _, count in each) > 0


@pytest.mark.parametrize("name", [name for name in PREPARED if name != "joint-embedding"])
@torch.no_grad()
def test_loss_is_the_negative_log_probability_of_the_targets(name):
    objective = PREPARED[name]
    made, of = batch(objective, some_documents(MIXED)), modules(objective, MIXED)
    logp = of["network"].logits(objective.target_hidden(of, made)).log_softmax(-1)
    each = -logp[torch.arange(len(logp)), made["targets"]] * made.get("weights", torch.ones(1))
    loss, denominator = objective.loss(of, made)
    assert loss.item() == pytest.approx(each.sum().item(), rel=1e-5)
    assert denominator == int(made.get("num_maskable", torch.tensor(len(logp))).sum())


@torch.no_grad()
def test_joint_embedding_loses_what_its_score_of_the_names_of_the_batch_says():
    of, documents = modules(JointEmbedding(), MIXED), some_documents(MIXED)
    made, total = batch(JointEmbedding(), documents), 0.0
    vectors = []
    for name in made["names"]:
        name = name[name != PAD][None]
        vectors.append(of["network"](name, Visibility("causal"))[0, -1])
    for at, label in zip(made["logit_positions"].tolist(), made["label"].tolist()):
        b, place = divmod(at, made["tokens"].shape[1])
        state = of["predictor"](of["network"](made["tokens"][b : b + 1, : place + 1], Visibility("causal"))[0, -1])
        like = torch.stack([F.cosine_similarity(state, vector, dim=0) for vector in vectors]) / 0.1
        total -= like.log_softmax(0)[label].item()
    loss, denominator = JointEmbedding().loss(of, made)
    assert loss.item() == pytest.approx(total, rel=1e-4)
    assert denominator == len(made["logit_positions"]) == 4


@every_objective
def test_loss_of_no_target_is_nothing_and_moves_nothing(objective):
    made, of = batch(objective, without_statements()), modules(objective, MIXED)
    loss, denominator = objective.loss(of, made)
    loss.backward()
    assert (loss.item(), denominator) == (0, 0)
    assert not any(p.grad is not None and p.grad.count_nonzero() for p in of.parameters())


def test_diffusion_weighs_a_target_by_how_rarely_it_is_hidden():
    documents = several("[begin] f A r B f")
    made = Diffusion(least=0.2).make_batch(documents, rng())
    rows, could = made["logit_positions"] // made["tokens"].shape[1], (documents.roles != NONE).sum(1)
    assert np.array_equal(made["num_maskable"], could)
    assert ((made["weights"] >= 1) & (made["weights"] <= 5)).all()
    for b in range(len(documents)):
        assert len(set(made["weights"][rows == b].tolist())) <= 1
    assert made["weights"].sum() == pytest.approx(could.sum(), rel=0.1)


@torch.no_grad()
def test_diffusion_loses_in_expectation_what_any_order_loses():
    count, losses = 40_000, torch.tensor([0.0, 0.2, 1.0, 3.0])  # of a target, by how many are hidden with it

    def say(tokens: Tensor) -> Tensor:
        exact_match = (-losses)[(tokens == MASK).sum(1)].exp()[:, None, None]
        return torch.cat([exact_match, 1 - exact_match], dim=-1).log().expand(-1, tokens.shape[1], -1)

    documents = Documents(*(np.repeat(array, count, axis=0) for array in vars(told("[begin] A r B")).values()))
    made = Diffusion(least=1e-4).make_batch(documents, rng())
    made["targets"] = made["targets"] * 0  # the network is as sure of any token: the first of its two
    loss, denominator = Diffusion().loss(saying(say), to_tensors(made, torch.device("cpu")))
    assert denominator == 3 * count
    assert loss.item() / count == pytest.approx(losses.sum().item(), rel=0.03)


# What is asked


@pytest.mark.parametrize(("name", "split"), CANNOT)
@torch.no_grad()
def test_what_cannot_be_asked_has_no_answer_and_no_score(name, split):
    (trained, asked), questions = ASKED[name], MIXED.questions[split]
    of = modules(trained, MIXED)
    assert asked.make_query(questions, np.zeros((len(questions), 0), int)) is None
    assert asked.predict(of, questions, MIXED.entities) is None
    assert asked.answer_log_prob(of, questions, names_of(MIXED, questions), MIXED.entities) is None
    assert asked.candidate_log_probs(of, questions, MIXED.entities) is None


@every_question
@torch.no_grad()
def test_whatever_can_be_asked_gets_an_answer_of_the_length_of_its_span(name, split):
    (trained, asked), questions = ASKED[name], MIXED.questions[split]
    assert set(questions.size) == {1, 2}
    said = asked.predict(modules(trained, MIXED), questions, MIXED.entities)
    assert said.shape == (len(questions), 2)
    assert (said[questions.size == 1, 1] == PAD).all()


@every_question
@torch.no_grad()
def test_questions_asked_together_are_answered_as_alone(name, split):
    (trained, asked), questions = ASKED[name], MIXED.questions[split]
    of, names = modules(trained, MIXED), names_of(MIXED, questions)
    together = asked.predict(of, questions, MIXED.entities)
    logp = asked.answer_log_prob(of, questions, names, MIXED.entities)
    for i in range(0, len(questions), 2):
        one = questions[[i]]
        answer = asked.predict(of, one, MIXED.entities)[0]
        assert together[i].tolist() == np.pad(answer, (0, 2 - len(answer))).tolist()
        assert asked.answer_log_prob(of, one, names[[i]], MIXED.entities) == pytest.approx(logp[i], rel=1e-4)


@every_question
def test_asking_reads_nothing_of_what_is_right(name, split):
    asked, questions = ASKED[name][1], MIXED.questions[split]
    nothing = {key: getattr(questions, key) * 0 for key in ("accepted", "support", "chance", "elimination_baseline")}
    for given in (np.zeros((len(questions), 0), int), names_of(MIXED, questions)[:, :1]):
        asking, again = asked.make_query(questions, given), asked.make_query(replace(questions, **nothing), given)
        assert asking.keys() == again.keys()
        assert all(np.array_equal(asking[key], again[key]) for key in asking)


@every_question
@torch.no_grad()
def test_tokens_beyond_the_span_do_not_count(name, split):
    (trained, asked), questions = ASKED[name], MIXED.questions[split]
    of, names = modules(trained, MIXED), names_of(MIXED, questions)
    more = np.where(np.arange(2) < questions.size[:, None], names, END)
    assert not np.array_equal(names, more)
    logp = [asked.answer_log_prob(of, questions, either, MIXED.entities) for either in (names, more)]
    np.testing.assert_array_equal(*logp)


@every_question
def test_what_is_said_backwards_is_heard_the_right_way_round(name, split):
    asked, questions = ASKED[name][1], MIXED.questions[split]
    names = names_of(MIXED, questions)
    turned = asked.to_decoding_order(questions, names, questions.size)
    assert np.array_equal(asked.to_decoding_order(questions, turned, questions.size), names)
    backwards = split == "backward" and (name == "both-directions" or ("by token" in name and "own-order" in name))
    assert np.array_equal(turned != names, (names[:, ::-1] != names) & (questions.size == 2)[:, None] & backwards)


@torch.no_grad()
def chained_by_hand(name: str, of: nn.ModuleDict, questions: Questions, i: int, answer: list[int]) -> float:
    """log p of `answer` to question i, one token after another, from the document alone and no code of objectives."""
    network, document = of["network"], questions.documents.tokens[i, : questions.documents.lengths[i]].tolist()
    start, total = questions.start[i], 0.0
    for j, token in enumerate(answer):
        if j and "at-once" not in name:
            document[start + j - 1] = answer[j - 1]
        hidden = network(torch.tensor([document]), Visibility("causal" if "causal" in name else "full"))
        place = start + j - 1 if name == "causal" else start + j
        total += float(network.logits(hidden)[0, place].log_softmax(-1)[token])
    return total


@pytest.mark.parametrize(("name", "split"), [(n, split) for n in CHAINED for split in SPLITS if can_be_asked(n, split)])
@torch.no_grad()
def test_log_probability_is_chained_over_the_whole_name(name, split):
    (trained, asked), questions = ASKED[name], MIXED.questions[split]
    of, names = modules(trained, MIXED), names_of(MIXED, questions)
    said = asked.answer_log_prob(of, questions, names, MIXED.entities)
    by_hand = [chained_by_hand(name, of, questions, i, names[i, : questions.size[i]]) for i in range(len(questions))]
    np.testing.assert_allclose(said, by_hand, rtol=1e-5)


@every_question
@torch.no_grad()
def test_score_is_the_log_probability_of_every_name_that_fits_the_span(name, split):
    (trained, asked), questions, entities = ASKED[name], MIXED.questions[split], MIXED.entities
    of = modules(trained, MIXED)
    score = asked.candidate_log_probs(of, questions, entities)
    tiled = [np.tile(entity, (len(questions), 1)) for entity in entities.tokens]
    each = np.stack([asked.answer_log_prob(of, questions, names, entities) for names in tiled], axis=1)
    fits = entities.lengths == questions.size[:, None]
    np.testing.assert_allclose(score[fits], each[fits], rtol=1e-4)
    assert fits.any(0).all()
    assert (score[~fits] == -np.inf).all()


@pytest.mark.parametrize(("name", "split"), WRITING)
@torch.no_grad()
def test_names_share_at_most_all_there_is(name, split):
    (trained, asked), questions = ASKED[name], MIXED.questions[split]
    share = np.exp(asked.candidate_log_probs(modules(trained, MIXED), questions, MIXED.entities)).sum(1)
    assert ((share > 0) & (share < 1)).all()


def all_pairs(of: Corpus) -> Entities:
    words = len(of.vocabulary)
    pairs = np.indices((words, words)).reshape(2, -1).T
    return Entities(pairs, np.full(len(pairs), 2), tuple(map(str, pairs)))


@pytest.mark.parametrize(("name", "split"), WRITING)
@torch.no_grad()
def test_all_that_could_be_said_shares_exactly_all_there_is(name, split):
    (trained, asked), questions = ASKED[name], LONG.questions[split]
    share = np.exp(asked.candidate_log_probs(modules(trained, LONG), questions, all_pairs(LONG))).sum(1)
    np.testing.assert_allclose(share, 1, rtol=1e-4)


@pytest.mark.parametrize("of", [MIXED, LONG], ids=["mixed", "long"])
@torch.no_grad()
def test_joint_embedding_shares_all_there_is_among_the_names_that_fit(of):
    for split in ("forward", "inverse", "wrong_frame"):
        score = JointEmbedding().candidate_log_probs(modules(JointEmbedding(), of), of.questions[split], of.entities)
        np.testing.assert_allclose(np.exp(score).sum(1), 1, rtol=1e-5)


@every_question
@torch.no_grad()
def test_an_answer_of_one_token_is_the_likeliest_of_all(name, split):
    (trained, asked), of = ASKED[name], corpus()
    network, questions, words = modules(trained, of), of.questions[split], len(of.vocabulary)
    everything = Entities(np.arange(words)[:, None], np.ones(words, int), of.vocabulary.words)
    candidates = of.entities if name == "joint-embedding" else everything
    said = asked.predict(network, questions, candidates)
    score = asked.candidate_log_probs(network, questions, candidates)
    assert said[:, 0].tolist() == candidates.tokens[score.argmax(1), 0].tolist()


@torch.no_grad()
def test_joint_embedding_chooses_the_name_that_scores_best():
    of, questions = modules(JointEmbedding(), MIXED), MIXED.questions["inverse"]
    said = JointEmbedding().predict(of, questions, MIXED.entities)
    best = JointEmbedding().candidate_log_probs(of, questions, MIXED.entities).argmax(1)
    assert said.tolist() == MIXED.entities.tokens[best].tolist()
    assert len(set(best.tolist())) > 1
    unknown = np.full((len(questions), 2), END)
    assert (JointEmbedding().answer_log_prob(of, questions, unknown, MIXED.entities) == -np.inf).all()


# What is answered, by networks made by hand


class Saying(nn.Module):
    """A network that gives the logits say(tokens[b, t]) -> [b, t, v], whatever is visible."""

    def __init__(self, say: Callable[[Tensor], Tensor]):
        super().__init__()
        self.say, self.somewhere = say, nn.Parameter(torch.zeros(1))

    def forward(self, tokens: Tensor, visibility: Visibility, *order: Tensor | None, at: Tensor) -> Tensor:
        return self.say(tokens).flatten(0, 1)[at]

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden


def saying(say: Callable[[Tensor], Tensor]) -> nn.ModuleDict:
    return nn.ModuleDict({"network": Saying(say)})


def answered(questions: Questions, names: np.ndarray) -> Tensor:
    """The documents[q, t] with their answers names[q, k] in."""
    tokens = questions.documents.tokens.copy()
    for i, (start, size) in enumerate(zip(questions.start, questions.size)):
        tokens[i, start : start + size] = names[i, :size]
    return torch.from_numpy(tokens).long()


def sure_of(tokens: Tensor, sureness: float | Tensor) -> Tensor:
    """Logits [b, t, v] for one token at each place, the surer the larger."""
    return F.one_hot(tokens, 100) * torch.as_tensor(sureness, dtype=torch.float32)[..., None]


@pytest.mark.parametrize(("name", "split"), [(n, split) for n in KNOWING for split in SPLITS if can_be_asked(n, split)])
def test_a_network_that_knows_is_heard_whole(name, split):
    questions = MIXED.questions[split]
    known = answered(questions, names_of(MIXED, questions))
    # A causal network says at each place what comes next, a masked one what stands there.
    known = known.roll(-1, dims=1) if name == "causal" else known
    said = ASKED[name][1].predict(saying(lambda tokens: sure_of(known, 9.0)), questions, MIXED.entities)
    assert said.tolist() == names_of(MIXED, questions).tolist()
    assert exact_match(MIXED, questions, said).all()
    said[:, 0] = END
    assert not exact_match(MIXED, questions, said).any()


@pytest.mark.parametrize(("name", "split"), STEP_BY_STEP)
def test_a_model_that_knows_is_heard_whole_in_whatever_order_it_speaks(name, split, monkeypatch):
    asked, questions = ASKED[name][1], MIXED.questions[split]
    names, given = names_of(MIXED, questions), []
    said = asked.to_decoding_order(questions, names, questions.size)

    def knows(self, of: nn.ModuleDict, asking: Batch) -> Tensor:
        given.append(asking)
        return sure_of(torch.from_numpy(said[:, len(given) - 1]).long(), 9.0)

    monkeypatch.setattr(type(asked), "log_probabilities", knows)
    assert asked.predict(modules(asked, MIXED), questions, MIXED.entities).tolist() == names.tolist()
    assert len(given) == 2
    for asking, expected in zip(given, (said[:, :0], said[:, :1])):
        again = asked.make_query(questions, expected)
        assert all(np.array_equal(asking[key], again[key]) for key in again)


@pytest.mark.parametrize(("name", "split"), [(n, split) for n in KNOWING for split in SPLITS if can_be_asked(n, split)])
def test_a_network_is_shown_the_question_and_what_it_has_said_but_never_the_answer(name, split):
    questions, shown = LONG.questions[split], []
    places = questions.start[:, None] + np.arange(2)
    rows = np.arange(len(questions))[:, None]
    assert (questions.documents.tokens[rows, places] == MASK).all()

    def listen(tokens: Tensor) -> Tensor:
        shown.append(tokens.numpy())
        return sure_of(torch.full_like(tokens, END), 9.0)

    assert (ASKED[name][1].predict(saying(listen), questions, LONG.entities) == END).all()
    assert len(shown) >= 2
    for tokens in shown:
        assert np.isin(tokens[rows, places], [MASK, END]).all()
        open_again = tokens.copy()
        open_again[rows, places] = MASK
        assert np.array_equal(open_again, questions.documents.tokens)
    assert (shown[0][rows, places] == MASK).all()


@torch.no_grad()
def test_what_stands_in_the_blank_tells_a_causal_network_nothing():
    of, questions = modules(Causal(), LONG), LONG.questions["inverse"]
    cheating = answered(questions, names_of(LONG, questions)).numpy()
    documents = Documents(cheating, questions.documents.lengths, questions.documents.roles)
    filled = replace(questions, documents=documents)
    assert np.array_equal(*(Causal().predict(of, asked, LONG.entities) for asked in (filled, questions)))
    scores = [Causal().candidate_log_probs(of, asked, LONG.entities) for asked in (filled, questions)]
    assert np.array_equal(*scores)


def leaning(questions: Questions, names: np.ndarray, on: int) -> Callable[[Tensor], Tensor]:
    """Sure of the name's token `on`; of the other one only once that stands there, else it would say END."""
    known, rows = answered(questions, names), torch.arange(len(questions))
    sure, other = (torch.from_numpy(questions.start + j).long() for j in (on, 1 - on))

    def say(tokens: Tensor) -> Tensor:
        seen = tokens[rows, sure] == known[rows, sure]
        would, sureness = known.clone(), torch.full(known.shape, 9.0)
        would[rows, other] = torch.where(seen, known[rows, other], END)
        sureness[rows, other] = 5.0
        return sure_of(would, sureness)

    return say


@pytest.mark.parametrize(
    ("mode", "on", "heard"),
    [
        ("confidence", 0, [True, True]),
        ("confidence", 1, [True, True]),
        ("left-to-right", 0, [True, True]),
        ("left-to-right", 1, [False, True]),
        ("at-once", 0, [True, False]),
        ("at-once", 1, [False, True]),
    ],
)
@pytest.mark.parametrize("split", SPLITS)
def test_masked_fills_a_span_in_the_order_it_names(split, mode, on, heard):
    questions, names = LONG.questions[split], names_of(LONG, LONG.questions[split])
    said = Masked(unmask=mode).predict(saying(leaning(questions, names, on)), questions, LONG.entities)
    assert ((said == names) == heard).all()
    assert np.where(heard, END, said).tolist() == np.full_like(said, END).tolist()


def test_surest_first_is_surest_in_each_question_not_in_all():
    questions, names = LONG.questions["inverse"], names_of(LONG, LONG.questions["inverse"])
    half = len(questions) // 2
    by = [leaning(questions, names, on) for on in (0, 1)]
    said = Masked().predict(
        saying(lambda tokens: torch.cat([by[0](tokens)[:half], by[1](tokens)[half:]])), questions, LONG.entities
    )
    assert said.tolist() == names.tolist()


def test_surest_first_hears_the_rest_of_a_span_where_mask_itself_is_said():
    questions, names = LONG.questions["inverse"], names_of(LONG, LONG.questions["inverse"])
    names = np.stack([np.full(len(names), MASK), names[:, 1]], axis=1)
    assert Masked().predict(saying(leaning(questions, names, 0)), questions, LONG.entities).tolist() == names.tolist()


@torch.no_grad()
def test_how_a_span_is_filled_makes_no_difference_to_one_token():
    of = corpus()
    network, questions = modules(Masked(), of), of.questions["inverse"]
    said = [Masked(unmask=mode).predict(network, questions, of.entities).tolist() for mode in MODES]
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize(
    ("passes", "size", "open_at"),
    [(8, 3, [3, 2, 1]), (3, 3, [3, 2, 1]), (2, 3, [3, 1]), (1, 3, [3]), (3, 4, [4, 2, 1]), (2, 5, [5, 2])],
)
def test_diffusion_unmasks_an_even_share_a_pass_the_surest_first(passes, size, open_at):
    of = corpus(min_name_length=size, max_name_length=size)
    questions, shown = of.questions["inverse"], []
    names = names_of(of, questions)
    places, rows = questions.start[:, None] + np.arange(size), np.arange(len(questions))[:, None]
    known, sureness = answered(questions, names), torch.full(questions.documents.tokens.shape, 9.0)
    sureness[rows, places] = torch.arange(size, dtype=torch.float32) + 1  # the last token is the surest

    def say(tokens: Tensor) -> Tensor:
        shown.append((tokens.numpy()[rows, places] == MASK).tolist())
        return sure_of(known, sureness)

    said = Diffusion(unmask_steps=passes).predict(saying(say), questions, of.entities)
    assert said.tolist() == names.tolist()
    assert shown == [[[j < left for j in range(size)]] * len(questions) for left in open_at]
