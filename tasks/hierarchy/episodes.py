"""Episodes of categories: lines of links, most of them up to a property, and questions about what follows from them.

Which categories form a line is new in each episode. So a model learns to inherit in its context.
"""

from dataclasses import dataclass
from itertools import cycle, pairwise
from random import Random
from typing import NamedTuple

from config.validation import require, require_at_least, require_share
from tasks.common.episodes import Episode, EpisodeConfig, EpisodeGenerator, Statement
from tasks.hierarchy.world import IS_A, property_word, words_per_wording


@dataclass(frozen=True, kw_only=True)
class HierarchyEpisodeConfig(EpisodeConfig):
    """Settings of episodes of categories."""

    max_facts: int = 4
    """maximum of facts in one; it asks about each of them once"""
    min_facts: int = 1
    """minimum of facts in one that is not matched; their number is uniform between both"""
    hub_share: float = 0.1
    """share of the episodes with one line, whose categories own further properties, so that the relation matters"""
    matched_share: float = 0.85
    """share of the others with two lines or more, of one length and up to one relation: only the links lead to the
    right value. None where `max_facts` is below 4"""
    links_only_share: float = 0.6
    """share of the matched ones with links alone. They ask, by a word of its own, for the category two levels up (from
    6 facts on also three). If the word of a property marks the ends of lines, a model guesses among these for long"""
    inherited_share: float = 0.9
    """share asked of a category further down the line, among the facts that have one: for what that category inherits
    or, in lines of links alone, for the category so far above it"""
    rephrased_share: float = 0.25
    """share of the facts asked in another wording (words for several levels have one only)"""
    inverse_share: float = 0.5
    """share of the facts asked by the inverse word, among those not asked of a category further down"""
    stated_inverse_share: float = 0.1
    """share of the facts stated by the inverse word"""

    def __post_init__(self):
        super().__post_init__()
        require_share(self, "task.episodes", "hub_share", "matched_share", "links_only_share", "inherited_share")
        require_share(self, "task.episodes", "rephrased_share", "inverse_share", "stated_inverse_share")
        require_at_least(self, "task.episodes", 1, "max_facts")
        allowed = f"1 to task.episodes.max_facts ({self.max_facts})"
        require(1 <= self.min_facts <= self.max_facts, "task.episodes.min_facts", self.min_facts, allowed)
        minimum = sum(self.max_entities())
        enough = self.own_entities == 0 or self.own_entities >= minimum
        allowed = f"0, or {minimum} (five for two facts) or more"
        require(enough, "task.episodes.own_entities", self.own_entities, allowed)

    def max_entities(self) -> tuple[int, int]:
        """Categories and values enough for any episode: a line of links alone has one category more than facts."""
        return self.max_facts + self.max_facts // 2, self.max_facts

    def max_statements(self) -> int:
        return 2 * self.max_facts if self.share else 0


class UnusedEntities(NamedTuple):
    """Entities that an episode can still take, each once."""

    categories: list[int]
    values: list[int]


class Fact(NamedTuple):
    """A link or a property, by its forward word."""

    source: int
    word: int
    """in the wording in which the episode states it"""
    target: int
    heirs: tuple[int, ...] = ()
    """categories further down its line that it may be asked of, from the lowest up"""


@dataclass(frozen=True)
class HierarchyEpisodes(EpisodeGenerator):
    """Draws episodes of links and properties (f: filler; links: matched, links alone):

    mixed    [begin] B is-a A f [separator] D has-food W [separator] A has-colour V f
                 [separator] B has-colour V [separator] f A includes B [separator] W food-of D
    hub      [begin] f B is-a A [separator] B has-food W [separator] A has-colour V
                 [separator] W food-of B [separator] B has-colour V [separator] B is-a A f
    matched  [begin] D has-food W [separator] B is-a A [separator] C is-a D [separator] A has-food V
                 [separator] B has-food V [separator] A includes B [separator] C has-food W [separator] C is-a D
    links    [begin] B is-a A [separator] E is-a D [separator] C is-a B [separator] F is-a E
                 [separator] F is2-a D [separator] B includes C [separator] C is2-a A [separator] F is-a E
    """

    config: HierarchyEpisodeConfig
    depth: int
    relations: int
    wordings: int
    categories: range
    values: range
    """of all relations: an episode can state any of them by the word of any relation"""

    @property
    def words_per_wording(self) -> int:
        """Relation words of one wording."""
        return words_per_wording(self.relations)

    def draw_episode(self, random: Random) -> Episode:
        facts = self.draw_facts(random)
        # Each fact is asked about once: what was answered before would only have to be copied.
        stated = [self.state(fact, random) for fact in random.sample(facts, len(facts))]
        asked = [self.ask(fact, random) for fact in random.sample(facts, len(facts))]
        return Episode(stated, asked)

    def draw_facts(self, random: Random) -> list[Fact]:
        """The facts of one episode, line by line."""
        config = self.config
        unused = UnusedEntities(*map(random.sample, (self.categories, self.values), config.max_entities()))
        if random.random() < config.hub_share:
            return self.draw_hub(random.randint(config.min_facts, config.max_facts), unused, random)
        if config.max_facts >= 4 and random.random() < config.matched_share:  # room for two lines of two facts
            return self.draw_matched(unused, random)
        return self.draw_mixed(random.randint(config.min_facts, config.max_facts), unused, random)

    def draw_mixed(self, count: int, unused: UnusedEntities, random: Random) -> list[Fact]:
        """`count` facts in lines of any length; the last line is cut off where the facts end."""
        facts: list[Fact] = []
        while len(facts) < count:
            length = min(random.randint(1, self.depth + 1), count - len(facts))
            word = self.in_any_wording(property_word(random.randrange(self.relations)), random)
            facts += self.draw_line(length, word, unused, random)
        return facts

    def draw_hub(self, count: int, unused: UnusedEntities, random: Random) -> list[Fact]:
        """`count` facts: one line, then properties of its categories, each of another relation.

        If there are more facts than relations, the last ones are properties of other categories.
        """
        words = cycle([property_word(relation) for relation in random.sample(range(self.relations), self.relations)])
        length = min(random.randint(1, self.depth + 1), count)
        facts = self.draw_line(length, self.in_any_wording(next(words), random), unused, random)
        line = [fact.source for fact in facts]
        while len(facts) < count:
            word = self.in_any_wording(next(words), random)
            if len(facts) < self.relations:
                level = random.randrange(length)
                facts.append(Fact(line[level], word, unused.values.pop(), tuple(line[:level])))
            else:
                facts += self.draw_line(1, word, unused, random)
        return facts

    def draw_matched(self, unused: UnusedEntities, random: Random) -> list[Fact]:
        """Two lines or more of one length: of links alone, or all up to the same property word."""
        length = random.randint(2, min(self.depth + 1, self.config.max_facts // 2))
        lines = range(random.randint(2, self.config.max_facts // length))
        if random.random() < self.config.links_only_share:
            return [fact for _ in lines for fact in self.draw_links(length, unused, random)]
        word = self.in_any_wording(property_word(random.randrange(self.relations)), random)
        return [fact for _ in lines for fact in self.draw_line(length, word, unused, random)]

    def draw_line(self, length: int, word: int, unused: UnusedEntities, random: Random) -> list[Fact]:
        """Links from the lowest category up, then a property of the highest one: `length` facts."""
        line = [unused.categories.pop() for _ in range(length)]
        links = [Fact(child, self.in_any_wording(IS_A, random), parent) for child, parent in pairwise(line)]
        return [*links, Fact(line[-1], word, unused.values.pop(), tuple(line[:-1]))]

    def draw_links(self, length: int, unused: UnusedEntities, random: Random) -> list[Fact]:
        """`length` links from the lowest category up."""
        line = [unused.categories.pop() for _ in range(length + 1)]
        return [
            Fact(child, self.in_any_wording(IS_A, random), parent, tuple(line[:level]))
            for level, (child, parent) in enumerate(pairwise(line))
        ]

    def state(self, fact: Fact, random: Random) -> Statement:
        """The fact as the episode states it."""
        statement = Statement(fact.source, fact.word, fact.target)
        return statement.inverse() if random.random() < self.config.stated_inverse_share else statement

    def ask(self, fact: Fact, random: Random) -> Statement:
        """A statement whose target the episode asks for: of a category further down, or of the fact itself."""
        if fact.heirs and random.random() < self.config.inherited_share:
            index = random.randrange(len(fact.heirs))
            if fact.word % self.words_per_wording == IS_A:  # is2-a, is3-a, … stand behind the words of all wordings
                word = self.words_per_wording * self.wordings + len(fact.heirs) - index - 1
            else:
                word = self.rephrased(fact.word, random)
            return Statement(fact.heirs[index], word, fact.target)
        statement = Statement(fact.source, self.rephrased(fact.word, random), fact.target)
        return statement.inverse() if random.random() < self.config.inverse_share else statement

    def in_any_wording(self, word: int, random: Random) -> int:
        """A word of the first wording, in a wording at random."""
        return word + self.words_per_wording * random.randrange(self.wordings)

    def rephrased(self, word: int, random: Random) -> int:
        """The word, in another wording for `rephrased_share` of the facts."""
        if self.wordings == 1 or random.random() >= self.config.rephrased_share:
            return word
        shift = self.words_per_wording * random.randrange(1, self.wordings)
        return (word + shift) % (self.words_per_wording * self.wordings)
