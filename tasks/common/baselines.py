"""The baselines of a corpus: what guessing, counting and an undirected link get, computed from its documents.

Chance is a uniform guess among all names that fit the open span. A task computes it with its questions.

The elimination baseline is the best that counting gets: the strategy of a counting answerer with the highest mean on
the split. It is a bound, so the best of many is taken, even where they differ by chance.

The link baseline is an undirected link after elimination. It knows which entities are stated together, but neither the
order nor the word. It guesses among the partners of the known entity that are not stated as another answer.
"""

from dataclasses import dataclass, replace

import numpy as np

from tasks.common.asked import Asked, Pairs, groups, part_of
from tasks.common.counting_answerer import CountingAnswerer
from tasks.common.counts import Counts
from tasks.common.statement_reader import StatementReader, Triples
from tasks.corpus import Corpus

ARGUED = "argued by the task"
FAMILY = "with one other in that slot, which stands in a second one, too"  # the best second slot is taken


@dataclass(frozen=True)
class Counted:
    """What documents state, and what questions ask, with the same numbers for words."""

    answerer: CountingAnswerer
    asked: Asked
    """the questions of all splits, one split after another"""

    @staticmethod
    def build(
        corpus: Corpus,
        world: Triples,
        count: np.ndarray | int = 1,
        episodes: Triples | None = None,
        merge_wordings: bool = False,
    ) -> "Counted":
        """`count`[n]: how often each statement of the `world` is drawn. `merge_wordings`: synonyms are one word."""
        reader = StatementReader.build(corpus)
        questions = {split: reader.read(part.cloze.documents) for split, part in corpus.questions.items()}
        parts = {"world": world} | ({"episodes": episodes} if episodes is not None else {}) | questions
        if merge_wordings:
            parts = {name: part._replace(word=reader.in_first_wording(part.word)) for name, part in parts.items()}
        words = np.unique(np.concatenate([np.unique(part.word) for part in parts.values()]))
        entities = corpus.entities
        counts = Counts.build(parts["world"], words, len(entities), count)
        further = None if episodes is None else Counts.build(parts["episodes"], words, len(entities))
        asked = [Asked.build(parts[split], words, part, entities) for split, part in corpus.questions.items()]
        relation = reader.in_first_wording(words)
        for word, inverse in inverse_words(corpus, reader, questions):
            relation[np.isin(relation, [word, inverse])] = min(word, inverse)
        return Counted(CountingAnswerer(entities, counts, relation, further), Asked.concatenate(asked))

    @staticmethod
    def by_wording(
        corpus: Corpus, world: Triples, count: np.ndarray | int = 1, episodes: Triples | None = None
    ) -> "dict[str, Counted]":
        """Counts of each word by itself and, where some are synonyms, of synonyms as one word.

        The keys are suffixes for the names of strategies.
        """
        counted = {"": Counted.build(corpus, world, count, episodes)}
        if corpus.meanings is not None:
            counted[", wordings as one"] = Counted.build(corpus, world, count, episodes, merge_wordings=True)
        return counted


def with_baselines(corpus: Corpus) -> Corpus:
    """The corpus with the elimination and the link baseline of each question.

    What a task has put in as elimination baseline is one more strategy.
    """
    counted = Counted.by_wording(corpus, StatementReader.build(corpus).read(corpus.documents))
    strategies, last = count_strategies(corpus, counted), list(counted.values())[-1]
    link = by_split(corpus, link_baseline(last.answerer, last.asked))
    questions = {
        split: replace(
            part, elimination_baseline=max(strategies[split].values(), key=np.mean), link_baseline=link[split]
        )
        for split, part in corpus.questions.items()
    }
    return replace(corpus, questions=questions)


def count_strategies(corpus: Corpus, counted: dict[str, Counted]) -> dict[str, dict[str, np.ndarray]]:
    """For each split and strategy how probable an accepted answer is, float[q]."""
    strategies = {split: {ARGUED: part.elimination_baseline} for split, part in corpus.questions.items()}
    for suffix, each in counted.items():
        families = {}
        for name, values in each.answerer.strategies(each.asked).items():
            for split, part in by_split(corpus, values).items():
                if isinstance(name, int):
                    families.setdefault(split, []).append(part)
                else:
                    strategies[split][name + suffix] = part
        for split, members in families.items():
            strategies[split][FAMILY + suffix] = max(members, key=np.mean)
    return strategies


def by_split(corpus: Corpus, values: np.ndarray) -> dict[str, np.ndarray]:
    """The values of the questions of all splits, one split after another, as those of each split."""
    ends = np.cumsum([len(part) for part in corpus.questions.values()])
    return dict(zip(corpus.questions, np.split(values, ends[:-1])))


def inverse_words(corpus: Corpus, reader: StatementReader, questions: dict[str, Triples]) -> list[tuple[int, int]]:
    """Pairs of a word and its inverse, in the first wording, as far as questions have an inverse form.

    `questions`: those of each split as they are read.
    """
    pairs = set()
    for split, part in corpus.questions.items():
        if part.inverse_form is not None:
            words, rows = np.unique(questions[split].word, return_index=True)
            inverse = reader.read(part.inverse_form.documents[rows]).word
            pairs |= set(zip(*(reader.in_first_wording(word).tolist() for word in (words, inverse))))
    return sorted(pairs)


def link_baseline(answerer: CountingAnswerer, asked: Asked) -> np.ndarray:
    """How often an undirected link answers each question after elimination, float[q].

    A partner of the known entity is ruled out where another statement has it in the open slot of the asked word.
    """
    order = np.lexsort((asked.form, asked.slot, asked.word))
    asked, entities = asked.where(order), len(answerer.entities)
    pairs = Pairs.build(asked, answerer.world)
    partners, by_word = pairs.merged(entities), pairs.in_place(2 * asked.word + asked.slot).merged(entities)
    result = np.zeros(len(order))
    for rows in groups(asked):
        place, part, stated = answerer.place(asked, rows.start), part_of(partners, rows), part_of(by_word, rows)
        own = np.zeros(len(part.row), np.int64)
        key, stated_key = (pair.row * entities + pair.entity for pair in (part, stated))
        own[np.isin(key, stated_key)] = stated.count
        left = part.where(place.possible[part.entity] & (place.times[part.entity] == own))
        correct = np.bincount(left.row[left.is_accepted(asked.where(rows))], minlength=rows.stop - rows.start)
        count = np.bincount(left.row, minlength=rows.stop - rows.start)
        result[order[rows]] = correct / np.maximum(count, 1)
    return result
