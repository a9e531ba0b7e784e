"""One slot of a relation word: the sets of entities that a counting answerer guesses among, by what is stated there."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.common.counts import Counts, bits_of, place_bit
from tasks.common.statement_reader import find_sorted

LEAST = "least often in that slot"
ANY_KIND = "of any name, least often in that slot"


@dataclass(frozen=True)
class Place:
    """One slot of one word, with all entities that can stand there for questions of one form."""

    counts: Counts
    word: int
    slot: int
    has_form: np.ndarray
    """bool[e]"""

    def sets(self) -> dict[str, np.ndarray]:
        """The entities, bool[e], that each strategy guesses among whatever the known entity is."""
        rarest, often = self.least_often(self.possible), self.times == self.times[self.possible].max(initial=0)
        return {
            LEAST: rarest,
            f"{LEAST}, stated as others there": self.like_stated(rarest, most=False),
            f"{LEAST}, stated as most others there": self.like_stated(rarest, most=True),
            "least often in that slot, stated where others there are": self.beside_stated(rarest),
            ANY_KIND: self.least_often(self.has_form),
            "most often in that slot": self.possible & often,
            "with one other in that slot": self.has_one_partner,
        }

    @cached_property
    def statements(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.counts.of_word(self.word, self.slot)

    @cached_property
    def times(self) -> np.ndarray:
        """int[e], how often each entity is stated there."""
        entity, _, count = self.statements
        return np.bincount(entity, count, self.counts.entities).astype(np.int64)

    @cached_property
    def possible(self) -> np.ndarray:
        """bool[e]: of the form, and of the kind of those stated there; if none is, of any kind."""
        kind, (_, kinds) = self.counts.kind_of_place(self.word, self.slot), self.counts.kinds
        return self.has_form & (kinds >= 0 if kind < 0 else kinds == kind)

    def least_often(self, entities: np.ndarray) -> np.ndarray:
        """Those of the `entities`, bool[e], that are never stated there or, where all are, least often."""
        return entities & (self.times == self.times[entities].min(initial=np.iinfo(np.int64).max))

    @cached_property
    def has_one_partner(self) -> np.ndarray:
        """bool[e]: stated there with a single other entity."""
        entity, _, _ = self.statements
        return self.possible & (np.bincount(entity, minlength=self.counts.entities) == 1)

    @cached_property
    def partner_profile(self) -> np.ndarray:
        """uint64[e], all places of the single other entity of each, as bits; none where it has several."""
        entity, partner, _ = self.statements
        profile = np.zeros(self.counts.entities, np.uint64)
        profile[entity] = self.counts.profile[partner]
        return np.where(self.has_one_partner, profile, np.uint64(0))

    def like_stated(self, entities: np.ndarray, most: bool) -> np.ndarray:
        """Those of the `entities`, bool[e], that stand in the same other places as one that is stated here.

        `most`: in the same as most of those. All of them where that leaves none.
        """
        alike = np.where(entities, self.num_alike, 0)
        wanted = max(int(alike.max()), 1) if most else 1
        return alike >= wanted if (alike >= wanted).any() else entities

    @cached_property
    def num_alike(self) -> np.ndarray:
        """int[e], how many entities that are stated here stand in the same other places."""
        profiles, number = np.unique(self.elsewhere[self.possible & (self.times > 0)], return_counts=True)
        if not len(profiles):
            return np.zeros(self.counts.entities, np.int64)
        alike = np.zeros(self.counts.entities, np.int64)
        position = find_sorted(profiles, self.elsewhere[self.possible])
        alike[self.possible] = np.where(position >= 0, number[position], 0)
        return alike

    def beside_stated(self, entities: np.ndarray) -> np.ndarray:
        """Those of the `entities`, bool[e], that stand in the one other place which is most typical of those here.

        It is the place whose share of those stated here exceeds its share of all possible ones the most.
        """
        profiles = self.elsewhere[self.possible]
        stated, excess = profiles[self.times[self.possible] > 0], {}
        for bit in bits_of(profiles):
            share_of_stated = np.count_nonzero(stated & bit) / max(len(stated), 1)
            excess[bit] = share_of_stated - np.count_nonzero(profiles & bit) / len(profiles)
        if not excess:
            return entities
        chosen = entities & ((self.elsewhere & max(excess, key=excess.get)) > 0)
        return chosen if chosen.any() else entities

    @cached_property
    def elsewhere(self) -> np.ndarray:
        """uint64[e], the other places in which each entity stands, as bits."""
        return self.counts.profile & ~place_bit(2 * self.word + self.slot)
