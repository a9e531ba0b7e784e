"""Episodes of chains: premises are stated, and then conclusions from them are asked for.

So a model learns to reason from its context (Lampinen et al. 2025b, 2509.16189).
"""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from config.validation import require, require_share
from tasks.common.episodes import Episode, EpisodeConfig, EpisodeGenerator, Statement
from tasks.syllogism.world import ALL, QUANTIFIERS, conclusion_word, premise_word


@dataclass(frozen=True, kw_only=True)
class SyllogismEpisodeConfig(EpisodeConfig):
    """Settings of episodes of chains."""

    max_facts: int = 4
    """maximum of premises in one; where chains are not matched, their number is uniform, from 1 on"""
    conclusion_share: float = 0.85
    """share of the premises after the first of a chain for which a conclusion with the same last class is asked,
    and not the premise itself"""
    first_premise_share: float = 0.35
    """share of the first premises of chains, of two premises or more, that are asked for"""
    misleading_share: float = 0.25
    """share of the episodes that state a class to be near one that no premise is about"""
    matched_share: float = 0.75
    """share of the episodes with matched chains: two or more, all of one length and one quantifier. So no word leads to
    the right one. Each has two premises or more; there are none where `max_facts` is below 4"""
    all_quantifier_share: float = 0.6
    """share of the episodes with no quantifier but `all`, beside those that draw it by chance. Where other quantifiers
    mark the ends of chains, a model guesses among the ends for many steps"""

    def __post_init__(self):
        super().__post_init__()
        require_share(self, "task.episodes", "conclusion_share", "first_premise_share", "misleading_share")
        require_share(self, "task.episodes", "matched_share", "all_quantifier_share")
        allowed = "2 or more: a conclusion needs two premises"
        require(self.max_facts >= 2, "task.episodes.max_facts", self.max_facts, allowed)
        max_classes = self.max_classes()
        enough = self.own_entities == 0 or self.own_entities >= max_classes
        allowed = f"0, or {max_classes} (two a premise, and one) or more"
        require(enough, "task.episodes.own_entities", self.own_entities, allowed)

    def max_classes(self) -> int:
        """Classes that one episode can be about."""
        return 2 * self.max_facts + 1

    def max_statements(self) -> int:
        return 2 * self.max_facts + 1 if self.share else 0


class EpisodeChain(NamedTuple):
    """One chain of an episode."""

    length: int
    """premises in it"""
    quantifier: int
    """the quantifier of its conclusion"""
    classes: list[int]
    """in order, one more than premises"""

    def statement(self, start: int, end: int) -> Statement:
        """The statement that leads from one class to a later one: a premise where it is the next one."""
        quantifier = premise_word(self.quantifier, is_first=start == 0, is_last=end == self.length)
        return Statement(self.classes[start], conclusion_word(quantifier, end - start), self.classes[end])


@dataclass(frozen=True)
class SyllogismEpisodes(EpisodeGenerator):
    """Draws episodes of chains of different classes.

    [begin] f B none-are C [separator] D some-are E [separator] A all-are B f [separator] A none2-are C …
    """

    config: SyllogismEpisodeConfig
    max_chain_length: int
    """premises in the longest chains of the world"""
    classes: range
    """classes that the chains are drawn from"""

    def draw_episode(self, random: Random) -> Episode:
        chains, distant_class = self.draw_chains(random)
        stated = [chain.statement(i, i + 1) for chain in chains for i in range(chain.length)]
        stated += self.draw_neutral(chains, distant_class, random)
        # Each statement is asked for once: what was answered before would only have to be copied.
        asked = [statement for chain in chains for statement in self.draw_questions(chain, random)]
        random.shuffle(stated)
        random.shuffle(asked)
        return Episode(stated, asked)

    def draw_chains(self, random: Random) -> tuple[list[EpisodeChain], int]:
        """The chains of one episode, and a class that is in none of them."""
        is_matched = self.config.max_facts >= 4 and random.random() < self.config.matched_share
        lengths = self.draw_matched_lengths(random) if is_matched else self.draw_lengths(random)
        quantifiers = self.draw_quantifiers(len(lengths), is_matched, random)
        distant_class, *classes = random.sample(self.classes, 1 + sum(lengths) + len(lengths))
        chains = []
        for length, quantifier in zip(lengths, quantifiers):
            chains.append(EpisodeChain(length, quantifier, classes[: length + 1]))
            classes = classes[length + 1 :]
        return chains, distant_class

    def draw_matched_lengths(self, random: Random) -> list[int]:
        """Two chains or more, all of one length, of two premises or more."""
        max_facts = self.config.max_facts
        length = random.randint(2, min(self.max_chain_length, max_facts // 2))
        return [length] * random.randint(2, max_facts // length)

    def draw_lengths(self, random: Random) -> list[int]:
        """Chains of any length; the last one is cut off where the premises end."""
        remaining, lengths = random.randint(1, self.config.max_facts), []
        while remaining:
            lengths.append(min(random.randint(1, self.max_chain_length), remaining))
            remaining -= lengths[-1]
        return lengths

    def draw_quantifiers(self, chains: int, is_matched: bool, random: Random) -> list[int]:
        """The quantifier of each chain."""
        if random.random() < self.config.all_quantifier_share:
            return [ALL] * chains
        if is_matched:
            return [random.randrange(len(QUANTIFIERS))] * chains
        return [random.randrange(len(QUANTIFIERS)) for _ in range(chains)]

    def draw_neutral(self, chains: list[EpisodeChain], distant_class: int, random: Random) -> list[Statement]:
        """The neutral statement, if there is one: a first class and the distant class are near, in either order.

        It is about the chain of a random premise.
        """
        if random.random() >= self.config.misleading_share:
            return []
        chain = random.choices(chains, [chain.length for chain in chains])[0]
        pair = [chain.classes[0], distant_class]
        random.shuffle(pair)
        return [Statement(pair[0], len(QUANTIFIERS) * self.max_chain_length, pair[1])]

    def draw_questions(self, chain: EpisodeChain, random: Random) -> list[Statement]:
        """What is asked about one chain: premises, and conclusions from two of its premises or more.

        Each class after the second one is the answer of one question.
        """
        asked = []
        if chain.length == 1 or random.random() < self.config.first_premise_share:
            asked.append(chain.statement(0, 1))
        for end in range(2, chain.length + 1):
            is_conclusion = random.random() < self.config.conclusion_share
            asked.append(chain.statement(random.randrange(end - 1) if is_conclusion else end - 1, end))
        return asked
