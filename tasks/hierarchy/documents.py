"""How the facts of a forest become training documents: in which wordings, by which words, and with which examples."""

from dataclasses import dataclass

import numpy as np

from tasks.common.statements import DocumentConfig, Statements, StatementWriter, assign_to_documents, find_documents
from tasks.corpus import Documents, Premises
from tasks.hierarchy.world import IS_A, Forest, Inheritance


@dataclass(frozen=True)
class StatementPlan:
    """How training states each fact of a forest.

    All links to one parent are stated alike. So training states all accepted answers of an inverse question, or none.
    """

    wording: np.ndarray
    """int[n], each fact's first wording"""
    single_wording: np.ndarray
    """bool[n], whether training states it in that wording only; it states the others in all wordings"""
    two_way: np.ndarray
    """bool[n], whether training states it by the inverse word, too"""

    @staticmethod
    def draw(
        facts: Statements, wordings: int, single_wording_share: float, two_way_share: float, rng: np.random.Generator
    ) -> "StatementPlan":
        """Spread evenly over relations. Facts stated in a single wording are spread evenly over wordings, too."""
        # The statements of one group are stated alike: all links to one parent, or a single property.
        first_property = facts.source.max() + 1
        stated_alike = np.where(facts.word == IS_A, facts.target, first_property + np.arange(len(facts)))
        _, first, group = np.unique(stated_alike, return_index=True, return_inverse=True)
        relation = facts.word[first] // 2  # [g], as all until the groups are spread over their facts
        rank, size = random_ranks(relation, rng)
        single_wording = rank < np.round(single_wording_share * size)
        other_rank, _ = random_ranks(relation, rng)
        two_way = other_rank < np.round(two_way_share * size)
        return StatementPlan((rank % wordings)[group], single_wording[group], two_way[group])


def random_ranks(group: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """For each element, of `group`[n]: its rank in a random order of that group, and the group's size, int[n]."""
    order, size = np.lexsort((rng.random(len(group)), group)), np.bincount(group)
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - (size.cumsum() - size)[group[order]]
    return rank, size[group]


@dataclass(frozen=True)
class HierarchyDocuments:
    """Training documents about a forest, and the statements that they are made of."""

    forest: Forest
    plan: StatementPlan
    writer: StatementWriter
    config: DocumentConfig
    wordings: int
    words_per_wording: int
    facts: Statements
    """each fact once, by its forward word, in its first wording"""
    inheritance: Inheritance
    inherited: Statements
    """what categories inherit, q statements, in the wording of the fact"""
    is_example: np.ndarray
    """bool[q], whether training states the fact of all its heirs but the held-out ones"""
    stated: Statements
    """all that training states"""
    stated_fact: np.ndarray
    """int[s], the fact that each of these states; -1 for what is inherited"""
    assignment: np.ndarray
    """int[n, m], which stated statements each document holds"""
    documents: Documents

    @staticmethod
    def draw(
        forest: Forest,
        plan: StatementPlan,
        writer: StatementWriter,
        config: DocumentConfig,
        *,
        wordings: int,
        words_per_wording: int,
        inherited_share: float,
        rng: np.random.Generator,
    ) -> "HierarchyDocuments":
        """`inherited_share`: the share of each level's facts that are examples."""
        facts = reworded(forest.facts(), plan.wording, words_per_wording, wordings)
        inheritance = forest.inheritance()
        inherited = Statements(inheritance.heir, facts.word[inheritance.fact], facts.target[inheritance.fact])
        is_example = draw_examples(forest, inheritance, inherited_share, rng)
        is_stated = is_example & ~forest.held_out[inheritance.heir]
        stated, stated_fact = training_statements(
            facts, plan, inherited[is_stated], inheritance.fact[is_stated], words_per_wording, wordings
        )
        assignment = assign_to_documents(len(stated), config.copies, config.statements, rng)
        return HierarchyDocuments(
            forest=forest,
            plan=plan,
            writer=writer,
            config=config,
            wordings=wordings,
            words_per_wording=words_per_wording,
            facts=facts,
            inheritance=inheritance,
            inherited=inherited,
            is_example=is_example,
            stated=stated,
            stated_fact=stated_fact,
            assignment=assignment,
            documents=writer.write(stated, assignment, rng),
        )

    def premises(self) -> Premises:
        """The facts. The premise before a fact about a category is a link from one of its children."""
        link_to = np.full(len(self.forest), -1)
        links = np.flatnonzero(self.facts.word % self.words_per_wording == IS_A)[::-1]
        link_to[self.facts.target[links]] = links
        plain = self.writer.write_plain(self.facts)
        return Premises(plain, np.arange(len(self.facts)), self.facts.word, link_to[self.facts.source])

    def support_documents(self, facts: np.ndarray) -> np.ndarray:
        """The documents that hold each of `facts`[q, m] (-1: none), by either word and in any wording: int[q, m, s]."""
        rows = np.where(facts[..., None] >= 0, self.statements_of_facts()[facts], -1)  # [q, m, w]
        return find_documents(self.assignment, rows, self.config.copies).reshape(*facts.shape, -1)

    def statements_of_facts(self) -> np.ndarray:
        """The rows of `stated` that state each fact, int[n, w]; -1 where fewer."""
        by_fact = self.stated_fact.argsort(kind="stable")
        count = np.bincount(self.stated_fact[self.stated_fact >= 0], minlength=len(self.facts))
        first = (self.stated_fact < 0).sum() + count.cumsum() - count
        rank = np.arange(count.max())
        row = by_fact[np.minimum(first[:, None] + rank, len(by_fact) - 1)]
        return np.where(rank < count[:, None], row, -1)

    def inverse_statements(self, chosen: np.ndarray) -> tuple[Statements, np.ndarray]:
        """The facts that are `chosen`, bool[n], by the inverse word, and their rows.

        Of the links to one parent only the first, since all children are right.
        """
        rows = np.flatnonzero(chosen)
        rows = rows[np.unique(self.facts.target[rows], return_index=True)[1]]
        return self.facts[rows].inverse(), rows

    def reworded(self, rows: np.ndarray, shift: np.ndarray | int) -> Statements:
        """The facts `rows`[q] in the wording that comes `shift`[q] after their first one."""
        return reworded(self.facts[rows], shift, self.words_per_wording, self.wordings)


def draw_examples(
    forest: Forest, inheritance: Inheritance, inherited_share: float, rng: np.random.Generator
) -> np.ndarray:
    """bool[q], whether each inherited fact is an example: that `inherited_share` of the facts of each level.

    Only facts with heirs that are not held out can be examples.
    """
    candidates = np.unique(inheritance.fact[~forest.held_out[inheritance.heir]])
    rank, size = random_ranks(forest.level[forest.facts().source[candidates]], rng)
    return np.isin(inheritance.fact, candidates[rank < np.round(inherited_share * size)])


def training_statements(
    facts: Statements,
    plan: StatementPlan,
    examples: Statements,
    example_of: np.ndarray,
    words_per_wording: int,
    wordings: int,
) -> tuple[Statements, np.ndarray]:
    """All that training states, and the fact that each of it states, int[s]; -1 for `examples`.

    `example_of`[e]: the fact that each example is inherited from. It is stated in the same wordings as that fact.
    """
    two_way = np.flatnonzero(plan.two_way)
    first = facts + examples + facts[two_way].inverse()
    first_fact = np.concatenate([np.arange(len(facts)), np.full(len(examples), -1), two_way])
    planned_as = np.concatenate([np.arange(len(facts)), example_of, two_way])
    # Behind the statements in their first wording stand those in each further one.
    repeated = np.flatnonzero(~plan.single_wording[planned_as])
    rows = np.concatenate([np.arange(len(first)), np.tile(repeated, wordings - 1)])
    shift = np.concatenate([np.zeros(len(first), np.int64), np.repeat(np.arange(1, wordings), len(repeated))])
    return reworded(first[rows], shift, words_per_wording, wordings), first_fact[rows]


def reworded(statements: Statements, shift: np.ndarray | int, words_per_wording: int, wordings: int) -> Statements:
    """The statements in the wording that comes `shift`[n] after theirs."""
    wording, first_word = np.divmod(statements.word, words_per_wording)
    word = first_word + words_per_wording * ((wording + shift) % wordings)
    return Statements(statements.source, word, statements.target)
