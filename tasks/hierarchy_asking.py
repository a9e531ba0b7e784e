"""The facts of a forest, and what follows from them, as questions by split."""

from dataclasses import dataclass, replace

import numpy as np

from tasks import world
from tasks.asking import LAST, Asker, OneWay, own_first
from tasks.corpus import Questions
from tasks.hierarchy_telling import Telling
from tasks.statements import Statements, Writer, places


@dataclass(frozen=True)
class Asking:
    """Documents hold the statements `order`[n, m] of those that are told, each `renderings` times."""

    telling: Telling
    writer: Writer
    order: np.ndarray
    renderings: int

    def questions(self, rng: np.random.Generator) -> dict[str, Questions]:
        """By split."""
        telling, (belongs, seen) = self.telling, self.slots()
        once = np.flatnonzero(telling.ways.once & (telling.wordings > 1))
        other = rng.integers(1, max(2, telling.wordings), len(once))
        facts = {
            "stated": (telling.premises, np.arange(len(telling.premises))),
            "rephrased": (telling.reworded(once, other), once),
            "reversed": telling.back(~telling.ways.both),
        }
        splits = {
            split: self.ask(Asker, asked, rows[:, None], belongs & ~seen, rng)
            for split, (asked, rows) in facts.items()
            if len(rows)
        }
        example, apart = telling.example, telling.forest.apart[telling.heirs.source]
        far = (telling.needs >= 0).sum(1) > 2  # more than a link and what is owned there
        heirs = {
            "inherited": (telling.told, belongs & ~seen),
            "similar": (example & apart, belongs),
            "syllogism": (~example & ~apart & ~far, belongs),
            "chain": (~example & ~apart & far, belongs),
            "holdout": (~example & apart & ~far, belongs),
            "holdout_chain": (~example & apart & far, belongs),
        }
        return splits | {
            split: self.ask(OneWay, telling.heirs[of], telling.needs[of], left, rng)
            for split, (of, left) in heirs.items()
            if of.any()
        }

    def inferences(self) -> Questions:
        """Every fact by the inverse word and in all other wordings, and whatever is inherited."""
        telling, (belongs, seen) = self.telling, self.slots()
        back, rows = telling.back(np.ones(len(telling.premises), bool))
        again = np.tile(np.arange(len(telling.premises)), telling.wordings - 1)
        asked = back + telling.reworded(again, 1 + np.arange(len(again)) // len(telling.premises)) + telling.heirs
        rows = np.concatenate([rows, again])
        needs = np.full((len(asked), telling.needs.shape[1]), -1)
        needs[: len(rows), 0], needs[len(rows) :] = rows, telling.needs
        return self.ask(OneWay, asked, needs, belongs & ~seen, np.random.default_rng(0))

    def slots(self) -> tuple[np.ndarray, np.ndarray]:
        """Who belongs in the last slot of a word, and who is seen there: bool[2, word, entity], none for the first."""
        telling, facts = self.telling, np.arange(len(self.telling.premises))
        belongs, seen = np.zeros((2, 2, telling.words * telling.wordings, len(self.writer.entities)), bool)
        for shift in range(telling.wordings):
            one = telling.reworded(facts, shift)
            belongs[LAST, one.word, one.target] = belongs[LAST, world.inverse(one.word), one.source] = True
        seen[LAST, telling.stated.word, telling.stated.target] = True
        return belongs, seen

    def ask(
        self, kind: type[Asker], asked: Statements, needs: np.ndarray, left: np.ndarray, rng: np.random.Generator
    ) -> Questions:
        """What stands last in each statement. All children of a parent are right, those of one length of name."""
        one = kind(self.writer, left, self.support(needs), needs.astype(np.int32), rng).ask(LAST, asked)
        if not (includes := asked.word % self.telling.words == 1).any():
            return one
        children = self.telling.forest.children(np.where(includes, asked.source, 0))
        fits = includes[:, None] & (self.writer.entities.lengths[children] == one.size[:, None])
        accepted = np.where(fits, children, -1).astype(np.int32)
        accepted[~includes, 0] = asked.target[~includes]
        several = np.maximum(fits.sum(1), 1)  # either all of them were told so or none
        return replace(
            one,
            accepted=own_first(accepted, asked.target),
            chance=one.chance * several,
            chance_by_elimination=one.chance_by_elimination * several,
        )

    def support(self, needs: np.ndarray) -> np.ndarray:
        """The documents that hold each of the facts `needs`[q, m], in whichever words."""
        rows = self.telling.tellings()[needs]  # q m w
        rows = np.where(needs[..., None] >= 0, rows, -1)
        return places(self.order, rows, self.renderings).reshape(*needs.shape, -1)
