"""Episodes of unrelated facts: each is stated once, and then asked for, as stated or by the inverse word.

Which facts stand together is new in each episode. A single pairing can come again in a long run, by chance.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from config.validation import require, require_at_least, require_share
from tasks.common.episodes import Episode, EpisodeConfig, EpisodeGenerator, Statement
from tasks.corpus import EpisodeSchedule


@dataclass(frozen=True, kw_only=True)
class ReversalEpisodeConfig(EpisodeConfig):
    """Settings of episodes of unrelated facts."""

    max_facts: int = 4
    """maximum of facts in one"""
    min_facts: int = 1
    """minimum of facts in one; their number is uniform between both"""
    hub_share: float = 0.5
    """share of the episodes whose facts all have one entity in common, so that the relation matters, too"""
    growth_steps: int | None = None
    """steps over which the maximum of facts grows from `min_facts` to `max_facts`; None: it does not grow"""
    questions_per_fact: int = 1
    """questions about each fact, each time all of them in another order"""

    def __post_init__(self):
        super().__post_init__()
        require_share(self, "task.episodes", "hub_share")
        require_at_least(self, "task.episodes", 1, "max_facts", "growth_steps", "questions_per_fact")
        allowed = f"1 to task.episodes.max_facts ({self.max_facts})"
        require(1 <= self.min_facts <= self.max_facts, "task.episodes.min_facts", self.min_facts, allowed)
        allowed = "left out where task.episodes.min_facts is task.episodes.max_facts"
        grows = self.growth_steps is None or self.min_facts < self.max_facts
        require(grows, "task.episodes.growth_steps", self.growth_steps, allowed)
        enough = self.own_entities == 0 or self.own_entities >= 2 * self.max_facts
        allowed = f"0, or {2 * self.max_facts} (two a fact) or more"
        require(enough, "task.episodes.own_entities", self.own_entities, allowed)

    def max_statements(self) -> int:
        return (1 + self.questions_per_fact) * self.max_facts if self.share else 0


@dataclass(frozen=True)
class ReversalEpisodes(EpisodeGenerator):
    """Draws episodes of facts about entities of the world, or about their own.

    [begin] A r B [separator] f C q' D f [separator] B r' A [separator] C q' D …
    """

    config: ReversalEpisodeConfig
    entities: range
    """entities that the facts are about"""
    relations: int
    """relations, whose words are numbered from 0 in pairs"""
    symmetric: frozenset[int] = frozenset()
    """relations whose two words are the same"""

    def schedule(self) -> EpisodeSchedule | None:
        """The episodes as a corpus has them, with more and more facts over `growth_steps`."""
        config = self.config
        smallest = config.min_facts if config.growth_steps else config.max_facts
        stages = (
            replace(self, config=replace(config, max_facts=max_facts, growth_steps=None)).draw
            for max_facts in range(smallest, config.max_facts + 1)
        )
        return config.schedule(*stages, growth_steps=config.growth_steps)

    def draw_episode(self, random: Random) -> Episode:
        facts = self.draw_facts(random.randint(self.config.min_facts, self.config.max_facts), random)
        stated = [inverse_half(fact, random) for fact in facts]
        # Each round asks in another order, and each fact once: what was answered before would only have to be copied.
        rounds = [random.sample(stated, len(stated)) for _ in range(self.config.questions_per_fact)]
        return Episode(stated, [inverse_half(fact, random) for asked in rounds for fact in asked])

    def draw_facts(self, count: int, random: Random) -> list[Statement]:
        """`count` facts by their forward word, no two of which answer the same question."""
        relations = self.relations
        hub, *others = random.sample(self.entities, 2 * count)
        is_hub_episode = random.random() < self.config.hub_share and len(self.hub_sides) >= self.config.max_facts
        if is_hub_episode:  # the hub is the head, or the tail, of at most one fact of each relation
            sides = random.sample(self.hub_sides, count)
            return [
                Statement(hub, 2 * relation, other) if is_head else Statement(other, 2 * relation, hub)
                for (relation, is_head), other in zip(sides, others)
            ]
        heads, tails = [hub, *others[: count - 1]], others[count - 1 :]
        return [Statement(head, 2 * random.randrange(relations), tail) for head, tail in zip(heads, tails)]

    @cached_property
    def hub_sides(self) -> list[tuple[int, int]]:
        """Each relation with 0 and 1, for a hub that is its tail or its head: the same side of a symmetric one."""
        relations = range(self.relations)
        return [(r, is_head) for r in relations for is_head in (0, 1) if not (is_head and r in self.symmetric)]


def inverse_half(fact: Statement, random: Random) -> Statement:
    """The fact as it is or by the inverse word, each half of the time."""
    return fact.inverse() if random.random() < 0.5 else fact
