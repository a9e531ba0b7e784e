"""The codebook task: books that replace one symbol by another, defined entry by entry and used to encode sequences."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from config.validation import MAX_FACTS, require, require_at_least, require_at_most, require_share
from tasks.codebook.documents import CodebookDocuments, CodebookStatements
from tasks.codebook.episodes import CodebookEpisodeConfig, CodebookEpisodes
from tasks.codebook.world import DECODES, VERBS, Alphabets, count_sequences, draw_books
from tasks.common.statements import StatementWriter
from tasks.corpus import Corpus, EpisodeSchedule
from tasks.task import Task
from tasks.vocabulary import FILLER, SPECIAL, Vocabulary

MAX_SEQUENCES = 100_000  # of one alphabet: each is an entity, and a model's prediction is compared with all of them


@dataclass(frozen=True, kw_only=True)
class Codebook(Task):
    """Entries that are defined and never used (Lampinen et al. 2025b, 2509.16189), learned from scratch.

    Two alphabets share no symbol: plain a b c …, code X Y Z …. Each book is a bijection between them. Symbols of a
    sequence are different. A book's used entries stand in encodings; its latent entries are defined, and never used.
    Two-way books are also stated by `decodes-as`; one-way books never are.

    Documents, and a question of each split. Book r is one-way, book s is two-way, and symbols c and e of r are latent
    (f: filler):

        document        [begin] f a r means X f                 a definition; all entries have one
                        [begin] a b d r encodes-as X Y W f      an encoding of used entries
                        [begin] f U V W s decodes-as a b d      a decoding, for each encoding of a two-way book
        define          [begin] f a r means _                   as stated: X
        encode          [begin] b a d r encodes-as _ f          used entries in a combination never stated: Y X W
        decode_stated   [begin] V U W s decodes-as _            the same, decoded, in a two-way book: b a d
        latent          [begin] f c a e r encodes-as _          two latent entries or more: Z X T
        decode          [begin] X Y W r decodes-as _ f          a stated encoding, decoded, in a one-way book: a b d

    Further documents and splits, with settings:

        episodes        [begin] a r means Z [separator] f X r decodes-as c f [separator] c a r encodes-as X Z
        chain_of_thought
                        [begin] f c a e r encodes-as [separator] c r means Z [separator] a r means X [separator]
                            e r means T [separator] c a e r encodes-as Z X T [end]
                                               latent_rl, decode_rl: the reinforcement part of both splits

    Chance is a uniform guess among all sequences of the answer's alphabet, or among its symbols. Counts are of whole
    names. What symbols tell is argued here, and the elimination baseline is the better of both. A uniform guess among:

        encode, decode_stated   sequences of used symbols that are not stated with the book
        latent                  codes that no encoding of the book shows, for its latent symbols; the others are given
        decode                  sequences that are encoded with the book, since none is stated as a decoding
        define                  nothing: it is stated
    """

    main_settings: ClassVar = ("books", "symbols", "length", "latent_share", "one_way")
    held_out_splits: ClassVar = ("latent", "decode")
    progress_splits: ClassVar = ("encode", "latent")
    split_help: ClassVar = {
        "define": "a r means _           as stated",
        "encode": "b a d r encodes-as _  used entries, combination never stated",
        "decode_stated": "V U W s decodes-as _  the same, in a book with stated decodings",
        "latent": "c a e r encodes-as _  entries that are defined and never used",
        "decode": "X Y W r decodes-as _  a stated encoding; r states no decoding",
    }

    episodes: CodebookEpisodeConfig = CodebookEpisodeConfig()
    """in-context documents, new ones in every batch"""
    books: int = 20
    """codebooks, each with a word of its own"""
    symbols: int = 12
    """plain symbols, and as many code symbols; each book has an entry for each"""
    length: int = 3
    """symbols of a sequence"""
    latent_share: float = 0.5
    """share of the entries of each book that are defined and never used"""
    min_latent: int = 2
    """minimum of latent entries in a `latent` question; with one, the elimination baseline is 1 in as many codes as are
    latent"""
    one_way: int = 10
    """books whose encodings are never stated as decodings"""
    encodings: int = 60
    """encodings stated with each book"""
    questions_per_split: int = 240
    """questions of each split, evenly over its books, or as many as there are"""

    def __post_init__(self):
        require_at_least(self, "task", 1, "books", "encodings", "questions_per_split")
        require_at_least(self, "task", 2, "length")
        for names in (("symbols",), ("books", "encodings", "length"), ("books", "questions_per_split", "length")):
            require_at_most(self, "task", MAX_FACTS, *names)
        require(self.symbols >= self.length, "task.symbols", self.symbols, f"task.length ({self.length}) or more")
        allowed = f"such that there are at most {MAX_SEQUENCES:,} sequences of task.length ({self.length}) symbols"
        possible = count_sequences(self.symbols, self.length) <= MAX_SEQUENCES
        require(possible, "task.symbols", self.symbols, allowed)
        self.require_entries()
        allowed = f"0 to {self.books}, the books there are"
        require(0 <= self.one_way <= self.books, "task.one_way", self.one_way, allowed)
        possible = not self.episodes.share or self.episodes.max_facts <= self.symbols
        allowed = f"1 to {self.symbols}, the entries of a book"
        require(possible, "task.episodes.max_facts", self.episodes.max_facts, allowed)

    def require_entries(self) -> None:
        """Raises SettingError unless used and latent entries suffice for the encodings and questions."""
        require_share(self, "task", "latent_share")
        allowed = f"such that {self.length} or more of {self.symbols} entries are used, as many as a sequence has"
        require(self.used >= self.length, "task.latent_share", self.latent_share, allowed)
        allowed = f"1 to {self.length}, the symbols of a sequence"
        require(1 <= self.min_latent <= self.length, "task.min_latent", self.min_latent, allowed)
        allowed = f"such that {self.min_latent} (task.min_latent) or more of {self.symbols} entries are latent, or none"
        possible = self.latent == 0 or self.latent >= self.min_latent
        require(possible, "task.latent_share", self.latent_share, allowed)
        max_encodings = count_sequences(self.used, self.length) - 1
        possible = self.used <= self.encodings <= max_encodings
        limits = f"one a used entry or more, and not all sequences of {self.used} used entries"
        require(possible, "task.encodings", self.encodings, f"{self.used} to {max_encodings}: {limits}")

    @property
    def latent(self) -> int:
        """Entries of each book that are defined and never used."""
        return round(self.latent_share * self.symbols)

    @property
    def used(self) -> int:
        """Entries of each book that encodings use."""
        return self.symbols - self.latent

    def build(self, seed: int) -> Corpus:
        rng = np.random.default_rng([seed, 0])
        first_verb = self.books + self.episodes.own_entities
        relations = (*(f"book{i}" for i in range(first_verb)), *VERBS)
        alphabets = Alphabets(self.symbols, self.length, len(SPECIAL) + len(relations) + len(FILLER))
        writer = self.writer(alphabets, len(relations))
        # Rounded up. `decode_stated` takes its questions from two-way books alone.
        per_book = -(-self.questions_per_split // max(1, self.books - self.one_way))
        books = draw_books(
            alphabets,
            books=self.books,
            latent=self.latent,
            min_latent=self.min_latent,
            encodings=self.encodings,
            questions=per_book,
            rng=rng,
        )
        statements = CodebookStatements(books, alphabets, first_verb, self.one_way)
        content = CodebookDocuments.draw(statements, writer, self.documents, self.questions_per_split, rng)
        corpus = Corpus(
            vocabulary=Vocabulary((*SPECIAL, *relations, *FILLER, *alphabets.words)),
            entities=writer.entities,
            relations=relations,
            inverse_relations=(VERBS[DECODES],),
            documents=content.documents,
            questions=content.questions(rng),
            max_length=self.max_length(2 * self.length + 2),
            premises=content.premises(),
            episodes=self.episode_schedule(alphabets, writer),
            inferences=content.inferences,
        )
        return self.complete(corpus, seed)

    def writer(self, alphabets: Alphabets, words: int) -> StatementWriter:
        """A writer of statements, in a vocabulary in the order special tokens, relation words, filler, symbols."""
        return StatementWriter(
            entities=alphabets.entities(),
            first_word=len(SPECIAL),
            words_per_wording=words,
            wordings=1,
            first_filler=len(SPECIAL) + words,
            filler_words=len(FILLER),
            max_filler=self.documents.filler,
        )

    def episode_schedule(self, alphabets: Alphabets, writer: StatementWriter) -> EpisodeSchedule | None:
        """Episodes about the books of the world, or about their own."""
        if not self.episodes.share:
            return None
        first_verb = self.books + self.episodes.own_entities
        episodes = CodebookEpisodes(
            config=self.episodes,
            writer=replace(writer, entities=alphabets.episode_entities()),
            books=self.episodes.entities(first_verb),
            alphabets=alphabets,
            first_verb=first_verb,
        )
        return self.episodes.schedule(episodes.draw)
