"""Episodes of codebooks: entries are defined at random, and then used at once."""

from dataclasses import dataclass
from functools import cached_property
from random import Random

from config.validation import require_at_least, require_share
from tasks.codebook.world import DECODES, ENCODES, MEANS, Alphabets
from tasks.common.episodes import Episode, EpisodeConfig, EpisodeGenerator, Statement


@dataclass(frozen=True, kw_only=True)
class CodebookEpisodeConfig(EpisodeConfig):
    """Settings of episodes of codebooks."""

    max_facts: int = 8
    """maximum of definitions in one; their number is uniform, from 1 on"""
    max_books: int = 4
    """maximum of books that they are of; their number is uniform, from 1 on"""
    max_questions: int = 4
    """maximum of questions in one; each begins with another of its definitions"""
    single_symbol_share: float = 0.25
    """share of the questions that ask about one symbol; the others ask about whole sequences"""
    decode_share: float = 0.5
    """share of the questions that decode; the others encode"""
    stated_decode_share: float = 0.5
    """share of the definitions that are stated as decodings of one symbol"""
    hub_share: float = 0.5
    """share of the episodes whose books define the same plain symbols, so that the book matters, too"""

    def __post_init__(self):
        super().__post_init__()
        shares = ("single_symbol_share", "decode_share", "stated_decode_share", "hub_share")
        require_share(self, "task.episodes", *shares)
        require_at_least(self, "task.episodes", 1, "max_facts", "max_books", "max_questions")

    def max_statements(self) -> int:
        return self.max_facts + min(self.max_questions, self.max_facts) if self.share else 0


@dataclass(frozen=True)
class CodebookEpisodes(EpisodeGenerator):
    """Draws episodes of entries of books of the world, or of their own.

        [begin] f a r means X [separator] Y r decodes-as b f [separator] a b r encodes-as X Y [separator] Y X r …

    Symbols of a sequence are different, where the book defines as many. The entities of the writer are single plain
    symbols, as many codes, and all sequences that an episode can hold.
    """

    config: CodebookEpisodeConfig
    books: range
    """books that the definitions are of"""
    alphabets: Alphabets
    first_verb: int
    """relation word of the first verb"""

    def draw_episode(self, random: Random) -> Episode:
        definitions = self.draw_definitions(random.randint(1, self.config.max_facts), random)
        decode_share, count = self.config.stated_decode_share, min(self.config.max_questions, len(definitions))
        return Episode(
            [self.decode_some(definition, decode_share, random) for definition in definitions],
            [self.draw_question(first, definitions, random) for first in random.sample(definitions, count)],
        )

    def draw_definitions(self, count: int, random: Random) -> list[Statement]:
        """`count` definitions, in which each book is a bijection."""
        books = random.sample(self.books, random.randint(1, min(self.config.max_books, len(self.books))))
        symbols = self.alphabets.symbols
        plain, code = range(symbols), range(symbols, 2 * symbols)  # their entities
        hub_symbols = random.sample(plain, count) if random.random() < self.config.hub_share else None
        entries = {book: zip(hub_symbols or random.sample(plain, count), random.sample(code, count)) for book in books}
        definitions = []
        for book in random.choices(books, k=count):
            source, target = next(entries[book])
            definitions.append(Statement(source, book, target, self.first_verb + MEANS))
        return definitions

    def draw_question(self, first: Statement, definitions: list[Statement], random: Random) -> Statement:
        """A question about the definition `first`, or about a sequence that begins with its symbol."""
        is_single = random.random() < self.config.single_symbol_share
        encoding = first if is_single else self.draw_encoding(first, definitions, random)
        return self.decode_some(encoding, self.config.decode_share, random)

    def draw_encoding(self, first: Statement, definitions: list[Statement], random: Random) -> Statement:
        """A sequence that begins with the symbol of `first` and goes on with others of its book, and its code.

        It starts again from the first symbol where the book defines no more.
        """
        others = [definition for definition in definitions if definition.word == first.word and definition != first]
        length = self.alphabets.length
        entries = [first, *random.sample(others, min(len(others), length - 1))]
        entries = (entries * length)[:length]
        source = self.sequence_entity[tuple(entry.source for entry in entries)]
        target = self.sequence_entity[tuple(entry.target for entry in entries)]
        return Statement(source, first.word, target, self.first_verb + ENCODES)

    def decode_some(self, encoding: Statement, share: float, random: Random) -> Statement:
        """A definition or encoding as it is, or in a `share` of the cases as a decoding."""
        if random.random() >= share:
            return encoding
        return Statement(encoding.target, encoding.word, encoding.source, self.first_verb + DECODES)

    @cached_property
    def sequence_entity(self) -> dict[tuple[int, ...], int]:
        """The entity of each sequence, by the entities of its symbols."""
        single = 2 * self.alphabets.symbols  # come first, and are numbered as their tokens are
        sequences = self.writer.entities.tokens[single:] - self.alphabets.first_symbol
        return {tuple(sequence): single + i for i, sequence in enumerate(sequences.tolist())}
