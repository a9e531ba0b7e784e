"""The triples task: facts from a file, stated both ways or one way only, and asked in every direction.

Relations need not be bijections: every question lists all its right answers.
"""

import shlex
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from config.validation import did_you_mean, require, require_at_least
from tasks.common.statements import Statements, assign_to_documents
from tasks.corpus import Corpus, EpisodeSchedule, Premises
from tasks.reversal.episodes import ReversalEpisodeConfig, ReversalEpisodes
from tasks.task import Task
from tasks.triples.documents import DisplayedWords, TriplesWriter
from tasks.triples.holdout import choose_one_way
from tasks.triples.notes import Notes
from tasks.triples.questions import SetQuestionBuilder, TriplesQuestions, TrueStatements
from tasks.triples.world import FileFacts, read_facts

EXAMPLE = "tasks/examples/facts.csv"
EXAMPLE_RELATIONS = "tasks/examples/relations.csv"
EXAMPLE_NAMES = (
    "France",
)  # at every seed, training states `Paris capital-of France` and never `France has-capital Paris`


@dataclass(frozen=True, kw_only=True)
class Triples(Task):
    """Facts of your own, in words of any language (the reversal curse on real names: Berglund et al. 2023, 2309.12288).

    `file` has the columns head, relation, tail; `relations` the columns relation, inverse. Columns are separated by
    commas, semicolons, tabs or `|`. A line may state its fact by the inverse word, too. A file whose first line is
    three cells separated by tabs has no header: every line is a fact. Without `relations`, the inverse word of r is
    `inverse-of-r`. A document, and a question of each split, for a fact stated only as `A r B` (f: filler):

        document        [begin] f A r B f f
        forward         [begin] A r _ f        as stated, last entity open: B, or another Y with A r Y
        backward        [begin] f _ r B        as stated, first entity open: A, or another X with X r B
        inverse         [begin] f B r' _       by the inverse word, never stated of any X: A, or another X
        wrong_frame     [begin] B r _ f f      how often such an X is predicted, where B r X is not true

    For a fact stated only as `B r' A`, swap A with B and r with r'. All other facts are stated both ways. Whole answer
    sets are stated one way only, so that no right answer to `B r' _` is ever stated by that word. A set is asked about
    once. `wrong_frame` is asked where some `B r Y` is stated, and left out where no tail of a relation is a head of it.

    A symmetric relation, such as `married-to`, is its own inverse: r' is r. Its two-way facts are stated in both
    directions. Its one-way facts have the inverse question `B r _`, and no wrong frame.

    Further documents and splits, with settings:

        episodes        [begin] C r D [separator] f E q F f [separator] F q' E [separator] C r D
        chain_of_thought
                        [begin] f B r' [separator] A r B [separator] B r' A [end]
                                               inverse_rl       B r' _   the reinforcement part of `inverse`

    Chance is the share of right answers among all entities. Where some answers are frequent, counting gets more;
    `notes` lists such answers.
    """

    held_out_splits: ClassVar = ("inverse",)
    mistake_splits: ClassVar = ("wrong_frame",)
    progress_splits: ClassVar = ("forward", "inverse")
    input_settings: ClassVar = ("file", "relations")
    split_help: ClassVar = {
        "forward": "A r _   as stated, last entity open: every Y with A r Y is right",
        "backward": "_ r B   as stated, first entity open: every X with X r B is right",
        "inverse": "B r' _  by the inverse word, never stated of any right X: the reversal curse",
        "wrong_frame": "B r _   how often such an X is predicted instead of a stated Y",
    }

    episodes: ReversalEpisodeConfig = ReversalEpisodeConfig()
    """in-context documents, new ones in every batch"""
    file: str = EXAMPLE
    """facts, a line each, with the columns head, relation and tail; or a triple file: tabs and no header"""
    relations: str | None = None
    """words for relations, a line each: the columns relation and inverse; None: inverse words are made"""
    encoding: str | None = None
    """of both files, such as cp1252; None: UTF-8; a byte order mark (UTF-8, UTF-16) rules over it"""
    one_way_share: float = 0.5
    """share of the facts that are stated one way only, half of them by either word, as far as answer sets allow"""
    one_way_names: tuple[str, ...] = EXAMPLE_NAMES
    """names whose facts are stated by the forward word only, and so asked by the inverse one; for all others it is
    drawn. The default is meant for the bundled facts"""
    max_answers: int = 100
    """right answers that a question can have; facts with more are stated both ways"""

    def __post_init__(self):
        require(0 < self.one_way_share <= 1, "task.one_way_share", self.one_way_share, "above 0 and at most 1")
        require_at_least(self, "task", 1, "max_answers")
        require(is_encoding(self.encoding), "task.encoding", self.encoding, "one that Python knows, such as cp1252")

    def inputs(self) -> dict[str, str]:
        """The files of facts and relations; the bundled table of relations, too, as a copy of the facts has none."""
        relations = self.relations_file()
        return super().inputs() | ({} if relations is None else {"relations": relations})

    def relations_file(self) -> str | None:
        """The table of relations. The bundled facts have their own."""
        return EXAMPLE_RELATIONS if self.relations is None and self.file == EXAMPLE else self.relations

    def named_entities(self, facts: FileFacts) -> frozenset[int]:
        """The entities of `one_way_names`. Raises SettingError for a name that is not in the file."""
        known = [name for name in self.one_way_names if name in facts.names]
        for name in self.one_way_names if self.one_way_names != EXAMPLE_NAMES else ():
            allowed = f"names in {self.file}{did_you_mean(name, facts.names)}"
            require(name in known, "task.one_way_names", name, allowed)
        return frozenset(map(facts.names.index, known))

    def read(self) -> FileFacts:
        """The facts of the files. Raises SettingError where they have too few names for episodes."""
        facts = read_facts(self.file, self.relations_file(), self.encoding)
        if self.episodes.share and not self.episodes.own_entities:
            possible = len(facts.names) // 2
            allowed = f"1 to {possible}, two entities a fact, or task.episodes.own_entities be given"
            max_facts = self.episodes.max_facts
            require(max_facts <= possible, "task.episodes.max_facts", max_facts, allowed)
        return facts

    def build(self, seed: int) -> Corpus:
        rng, facts = np.random.default_rng([seed, 0]), self.read()
        words = DisplayedWords.of(facts, self.episodes.own_entities)
        writer = TriplesWriter.of(words, facts, self.documents)
        forward_only, inverse_only = choose_one_way(
            facts, self.one_way_share, self.max_answers, rng, self.named_entities(facts)
        )
        is_one_way = forward_only | inverse_only
        allowed = "larger, or the files others: every whole set of right answers is a larger share of its relation"
        require(bool(is_one_way.any()), "task.one_way_share", self.one_way_share, allowed)

        by_forward = Statements(facts.heads, 2 * facts.relation, facts.tails)
        true = by_forward + by_forward.inverse()
        is_own_inverse = facts.is_symmetric & (facts.heads == facts.tails)
        is_stated = np.concatenate([~inverse_only, ~(forward_only | is_own_inverse)])
        stated, fact = true[is_stated], np.tile(np.arange(len(facts)), 2)[is_stated]
        assignment = assign_to_documents(len(stated), self.documents.copies, self.documents.statements, rng)
        documents = writer.write(stated, assignment, rng)

        questions = TriplesQuestions(
            builder=SetQuestionBuilder(writer, rng),
            true=TrueStatements.build(true, len(writer.entities), writer.word_index),
            stated=stated,
            assignment=assignment,
            copies=self.documents.copies,
            max_answers=self.max_answers,
        )
        corpus = Corpus(
            vocabulary=words.vocabulary(),
            entities=writer.entities,
            relations=words.relations,
            inverse_relations=words.inverse_relations,
            symmetric_relations=words.symmetric_relations,
            documents=documents,
            questions=questions.by_split(is_one_way[fact]),
            max_length=self.max_length(statement_length=3),
            premises=Premises(writer.write_plain(stated), fact),
            episodes=self.episode_schedule(writer, facts),
            inferences=questions.inferences,
        )
        corpus = self.complete(corpus, seed)
        notes = Notes(facts, words, self.file, self.max_answers)
        return replace(
            corpus,
            notes=lambda: [*notes.overview(is_one_way, corpus.questions), *notes.counts(self.show_command())],
            all_notes=notes.lines,
        )

    def show_command(self) -> str:
        """What prints all notes about the files."""
        file = None if self.file == EXAMPLE else self.file
        given = {"file": file, "relations": self.relations, "encoding": self.encoding}
        flags = (f"--task.{name} {shlex.quote(value)}" for name, value in given.items() if value is not None)
        return " ".join(("python -m tasks show triples --notes", *flags))

    def episode_schedule(self, writer: TriplesWriter, facts: FileFacts) -> EpisodeSchedule | None:
        """Episodes about the entities of the file, or about their own."""
        entities, is_symmetric = self.episodes.entities(len(writer.entities)), facts.relations.is_symmetric
        symmetric = frozenset(np.flatnonzero(is_symmetric).tolist())
        return ReversalEpisodes(self.episodes, writer, entities, len(is_symmetric), symmetric).schedule()


def is_encoding(name: str | None) -> bool:
    try:
        b" ".decode(name or "utf-8")
    except (LookupError, ValueError):
        return False
    return True
