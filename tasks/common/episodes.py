"""Episodes: in-context documents. Each states facts drawn at random, and then asks about them.

Every batch has new ones, so that a model learns to use its context (Lampinen et al. 2025b, 2509.16189).

A generator is given entities, numbers of relations and settings, and no fact of the world. So an episode states a true
fact exactly as often as each false one, and tells nothing about the world. If it avoided true facts, what never comes
up in a long run would be true.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import ClassVar, NamedTuple

import numpy as np

from config.validation import MAX_FACTS, require, require_at_least, require_at_most, require_share
from tasks.common.statements import Statements, StatementWriter
from tasks.corpus import NONE, TARGET, Documents, EpisodeSchedule
from tasks.vocabulary import SEPARATOR


@dataclass(frozen=True, kw_only=True)
class EpisodeConfig:
    """Settings of the episodes of every task. A task that has episodes adds its own."""

    main_settings: ClassVar = ()

    share: float = 0.0
    """share of the documents of a batch that are episodes"""
    only_steps: int = 0
    """steps at the start in which a batch holds episodes alone; a model then learns sooner to use its context"""
    filler_share: float = 0.5
    """share of the episodes with filler around each statement, as in plain documents"""
    own_entities: int = 0
    """entities (of codebooks: books) that episodes alone are about; 0: they are about those of the world"""

    def __post_init__(self):
        require(0 <= self.share < 1, "task.episodes.share", self.share, "0 or more and below 1")
        require_at_least(self, "task.episodes", 0, "only_steps", "own_entities")
        require_at_most(self, "task.episodes", MAX_FACTS, "own_entities")
        require_share(self, "task.episodes", "filler_share")

    def max_statements(self) -> int:
        """Statements in the longest episode, 0 where none is drawn."""
        return 0

    def entities(self, total: int) -> range:
        """The entities (of codebooks: books) that episodes are about, of so many in `total`.

        Entities of their own stand behind those of the world.
        """
        return range(total - self.own_entities if self.own_entities else 0, total)

    def schedule(
        self, *stages: Callable[[int, np.random.Generator], Documents], growth_steps: int | None = None
    ) -> EpisodeSchedule | None:
        """The episodes as a corpus has them, None where there are none. `stages` follow one another."""
        if not self.share:
            return None
        return EpisodeSchedule(self.share, stages, self.only_steps, growth_steps or 0)


class Statement(NamedTuple):
    """One statement of an episode."""

    source: int
    word: int
    target: int
    second_word: int = -1

    def inverse(self) -> "Statement":
        """The same fact by the inverse word."""
        return Statement(self.target, self.word ^ 1, self.source)


@dataclass
class Episode:
    """One episode: what it states, then what it asks. Only the answers of what it asks are ever targets."""

    stated: list[Statement] = field(default_factory=list)
    asked: list[Statement] = field(default_factory=list)


@dataclass(frozen=True)
class EpisodeGenerator(ABC):
    """Draws episodes one at a time, as many as a batch needs, and makes documents of them."""

    config: EpisodeConfig
    writer: StatementWriter

    @abstractmethod
    def draw_episode(self, random: Random) -> Episode:
        """One episode."""

    def draw(self, n: int, rng: np.random.Generator) -> Documents:
        """`n` episodes as documents."""
        random = Random(int(rng.integers(2**63)))  # several times faster than numpy, one number at a time
        return write_episodes([self.draw_episode(random) for _ in range(n)], self.config, self.writer, rng)


def write_episodes(
    episodes: list[Episode], config: EpisodeConfig, writer: StatementWriter, rng: np.random.Generator
) -> Documents:
    """The episodes as documents, in which only the targets of what is asked have a role."""
    # The statements of all episodes in one list; `rows`[n, m] are those of each episode, -1 behind its last.
    sizes = np.array([len(episode.stated) + len(episode.asked) for episode in episodes])
    statements = [statement for episode in episodes for statement in episode.stated + episode.asked]
    index, first = np.arange(sizes.max()), sizes.cumsum() - sizes
    rows = np.where(index < sizes[:, None], first[:, None] + index, -1)
    with_filler = rng.random(len(episodes)) < config.filler_share
    documents = writer.write(Statements(*np.array(statements).T), rows, rng, with_filler)
    num_stated = np.array([[len(episode.stated)] for episode in episodes])  # [n, 1]
    is_asked = (documents.tokens == SEPARATOR).cumsum(1) >= num_stated
    return replace(documents, roles=np.where(is_asked & (documents.roles == TARGET), documents.roles, np.int8(NONE)))
