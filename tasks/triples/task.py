"""The triples task: facts from a file, stated both ways or one way only, and asked in every direction.

Relations need not be bijections: every question lists all its right answers.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from config.validation import require, require_at_least
from tasks.common.names import syllables
from tasks.common.statements import Statements, StatementWriter, assign_to_documents
from tasks.corpus import Corpus, EpisodeSchedule, Premises
from tasks.reversal.episodes import ReversalEpisodeConfig, ReversalEpisodes
from tasks.task import Task
from tasks.triples.holdout import choose_one_way
from tasks.triples.notes import Notes
from tasks.triples.questions import SetQuestionBuilder, TriplesQuestions, TrueStatements
from tasks.triples.world import FileFacts, display_names, read_facts
from tasks.vocabulary import FILLER, OPEN, SPECIAL, Entities, Vocabulary


@dataclass(frozen=True, kw_only=True)
class Triples(Task):
    """Facts of your own, in words of any language (the reversal curse on real names: Berglund et al. 2023, 2309.12288).

    `file` has the columns head, relation, tail; `relations` the columns relation, inverse. A line may state its fact
    by the inverse word, too. A document, and a question of each split, for a fact stated only as `A r B` (f: filler):

        document        [begin] f A r B f f
        forward         [begin] A r _ f        as stated, last entity open: B, or another Y with A r Y
        backward        [begin] f _ r B        as stated, first entity open: A, or another X with X r B
        inverse         [begin] f B r' _       by the inverse word, never stated of any X: A, or another X
        wrong_frame     [begin] B r _ f f      how often such an X is predicted, where B r X is not true

    For a fact stated only as `B r' A`, swap A with B and r with r'. All other facts are stated both ways. Whole answer
    sets are stated one way only, so that no right answer to `B r' _` is ever stated by that word. A set is asked about
    once. Further documents and splits, with settings:

        episodes        [begin] C r D [separator] f E q F f [separator] F q' E [separator] C r D
        chain_of_thought
                        [begin] f B r' [separator] A r B [separator] B r' A [end]
                                               inverse_rl       B r' _   the reinforcement part of `inverse`

    Chance is the share of right answers among all entities. Where some answers are frequent, counting gets more;
    `notes` lists such answers.
    """

    held_out_splits: ClassVar = ("inverse",)
    progress_splits: ClassVar = ("forward", "inverse")
    input_settings: ClassVar = ("file", "relations")
    split_help: ClassVar = {
        "forward": "A r _   as stated, last entity open: every Y with A r Y is right",
        "backward": "_ r B   as stated, first entity open: every X with X r B is right",
        "inverse": "B r' _  by the inverse word, never stated of any right X: the reversal curse",
        "wrong_frame": "B r _   how often such an X is predicted, which is wrong",
    }

    episodes: ReversalEpisodeConfig = ReversalEpisodeConfig()
    """in-context documents, new ones in every batch"""
    file: str = "tasks/examples/facts.csv"
    """facts, a line each: UTF-8, comma-separated, with the columns head, relation and tail"""
    relations: str = "tasks/examples/relations.csv"
    """words for relations, a line each: the columns relation and inverse"""
    one_way_share: float = 0.5
    """share of the facts that are stated one way only, half of them by either word, as far as answer sets allow"""
    max_answers: int = 100
    """right answers that a question can have; facts with more are stated both ways"""

    def __post_init__(self):
        require(0 < self.one_way_share <= 1, "task.one_way_share", self.one_way_share, "above 0 and at most 1")
        require_at_least(self, "task", 1, "max_answers")

    def notes(self, max_lines: int = 20, facts: FileFacts | None = None) -> list[str]:
        """What a person should know about the files, at most `max_lines` lines of each sort.

        `facts`: those of the files where they have been read.
        """
        facts = facts or read_facts(self.file, self.relations)
        words, names, _ = self.displayed(facts)
        return Notes(facts, words, names).lines(max_lines)

    def read(self) -> FileFacts:
        """The facts of the files. Raises SettingError where they have too few names for episodes."""
        facts = read_facts(self.file, self.relations)
        if self.episodes.share and not self.episodes.own_entities:
            possible = len(facts.names) // 2
            allowed = f"1 to {possible}, two entities a fact, or task.episodes.own_entities be given"
            max_facts = self.episodes.max_facts
            require(max_facts <= possible, "task.episodes.max_facts", max_facts, allowed)
        return facts

    def displayed(self, facts: FileFacts) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Relation words, names and filler as they are shown, no two of them the same.

        Names of the file come first, then those of the entities that episodes alone are about.
        """
        taken = {*SPECIAL, OPEN}
        words, names = display_names(facts.relations.words, taken), display_names(facts.names, taken)
        further = display_names(syllables(self.episodes.own_entities), taken) if self.episodes.own_entities else ()
        return words, (*names, *further), display_names(FILLER, taken)

    def build(self, seed: int) -> Corpus:
        rng, facts = np.random.default_rng([seed, 0]), self.read()
        vocabulary, writer = self.vocabulary_and_writer(facts)
        forward_only, inverse_only = choose_one_way(facts, self.one_way_share, self.max_answers, rng)
        is_one_way = forward_only | inverse_only
        allowed = "larger, or the files others: every whole set of right answers is a larger share of its relation"
        require(bool(is_one_way.any()), "task.one_way_share", self.one_way_share, allowed)

        by_forward = Statements(facts.heads, 2 * facts.relation, facts.tails)
        true = by_forward + by_forward.inverse()
        is_stated = np.concatenate([~inverse_only, ~forward_only])
        stated, fact = true[is_stated], np.tile(np.arange(len(facts)), 2)[is_stated]
        assignment = assign_to_documents(len(stated), self.documents.copies, self.documents.statements, rng)
        documents = writer.write(stated, assignment, rng)

        questions = TriplesQuestions(
            builder=SetQuestionBuilder(writer, rng),
            true=TrueStatements.build(true, len(writer.entities)),
            stated=stated,
            assignment=assignment,
            copies=self.documents.copies,
            max_answers=self.max_answers,
        )
        corpus = Corpus(
            vocabulary=vocabulary,
            entities=writer.entities,
            relations=vocabulary.words[writer.first_word : writer.first_filler],
            inverse_relations=vocabulary.words[writer.first_word + 1 : writer.first_filler : 2],
            documents=documents,
            questions=questions.by_split(is_one_way[fact]),
            max_length=self.max_length(statement_length=3),
            premises=Premises(writer.write_plain(stated), fact),
            episodes=self.episode_schedule(writer),
            inferences=questions.inferences,
            notes=lambda: self.notes(facts=facts),
        )
        return self.complete(corpus, seed)

    def vocabulary_and_writer(self, facts: FileFacts) -> tuple[Vocabulary, StatementWriter]:
        """The vocabulary, in the order special tokens, relations, filler, names, and a writer. A name is one token."""
        words, names, filler = self.displayed(facts)
        vocabulary = Vocabulary((*SPECIAL, *words, *filler, *names))
        first_filler = len(SPECIAL) + len(words)
        tokens = first_filler + len(filler) + np.arange(len(names), dtype=np.int32)[:, None]
        writer = StatementWriter(
            entities=Entities(tokens, np.ones(len(names), np.int32), names),
            first_word=len(SPECIAL),
            words_per_wording=len(words),
            wordings=1,
            first_filler=first_filler,
            filler_words=len(filler),
            max_filler=self.documents.filler,
        )
        return vocabulary, writer

    def episode_schedule(self, writer: StatementWriter) -> EpisodeSchedule | None:
        """Episodes about the entities of the file, or about their own."""
        entities = self.episodes.entities(len(writer.entities))
        return ReversalEpisodes(self.episodes, writer, entities, writer.words_per_wording // 2).schedule()
