"""How facts are told and asked: which statements there are, the documents that hold them, the questions by split."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tasks import world
from tasks.asking import FIRST, LAST, Asker
from tasks.corpus import Documents, Premises, Questions
from tasks.facts import Facts
from tasks.statements import Statements, Writer, in_documents, places


class Telling(Protocol):
    """The settings that say how, as Reversal has them."""

    told_back: float
    bridge: str
    new: int
    tell: str
    statements: int
    renderings: int


@dataclass(frozen=True)
class Told:
    documents: Documents
    questions: dict[str, Questions]
    premises: Premises
    inferences: Callable[[], Questions]


def tell(settings: Telling, facts: Facts, writer: Writer, rng: np.random.Generator, added: np.random.Generator) -> Told:
    """The facts as documents, and what is asked about them. What settings add is drawn from `added`, so that the rest
    stays as it is without."""
    named = len(writer.entities)
    stated, one_way = facts.statements()
    held = stated[one_way]
    back = added.permutation(len(one_way)) < round(settings.told_back * len(one_way))
    told_back = len(stated) + np.arange(back.sum())
    stated += held[back].turned()
    new = facts.kept_back()
    premises, first_new = stated + new, len(stated)
    untold = facts.untold(stated if settings.tell == "old" else premises, named)
    written = stated + bridges(settings.bridge, stated, writer.words * writer.wordings)
    if settings.tell == "new":
        written = new

    order = in_documents(len(written), settings.renderings, settings.statements, rng)
    documents = writer.write(written, order, rng)

    def holding(rows: np.ndarray, told: bool) -> np.ndarray:
        """The documents that hold each of the statements `rows`[q], int[q, 1, s]; none where they are not `told`."""
        return places(order, rows, settings.renderings)[:, None] if told else np.zeros((len(rows), 1, 0), np.int32)

    support = holding(one_way, settings.tell == "old")
    ask = Asker(writer, untold, support, one_way[:, None], rng).ask
    questions = {
        "forward": ask(LAST, held),
        "backward": ask(FIRST, held),
        "inverse": ask(LAST, held.turned()),
        "wrong_frame": ask(LAST, Statements(held.target, held.word, held.source)),
    }
    if settings.bridge != "none":
        questions["echo"] = ask(LAST, held.turned(), said=held.target)
    if back.any():
        both = np.concatenate([support[back], holding(told_back, settings.tell == "old")], axis=2)
        questions["inverse_told"] = replace(questions["inverse"][back], support=both)
        questions["inverse"] = questions["inverse"][~back]
    if settings.new:
        rows = np.arange(len(new))
        ask = Asker(writer, untold, holding(rows, settings.tell == "new"), first_new + rows[:, None], added).ask
        questions["new_forward"] = ask(LAST, new)
        questions["new_inverse"] = ask(LAST, new.turned())

    def inferences() -> Questions:
        """What documents tell, turned round."""
        told, first = (new, first_new) if settings.tell == "new" else (stated, 0)
        rows = np.arange(len(told))
        asker = Asker(writer, untold, holding(rows, True), first + rows[:, None], np.random.default_rng(0))
        return asker.ask(LAST, told.turned())

    asked = {split: of for split, of in questions.items() if len(of)}
    return Told(documents, asked, Premises(writer.bare(premises), facts.of(premises)), inferences)


def bridges(kind: str, stated: Statements, words: int) -> Statements:
    """A document for each statement that leads back to its source without naming its target; `words` are the relation
    words there are, after which the one that names stands.

    Composed: `r' A r A`, "the student of A's teacher is A". Were it `A r r' A`, it would begin as a statement does, and
    what to say after `A r` could not be known.
    """
    if kind == "none":
        return Statements(*np.zeros((3, 0), np.int64))
    if kind == "naive":
        return Statements(stated.source, np.full(len(stated), words), stated.source)
    return Statements(stated.source, stated.word, stated.source, before=world.inverse(stated.word))
