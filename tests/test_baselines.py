"""Baselines against counts made word by word, and what counting all that a run draws adds to them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import train.count
from checkpoints.folder import read_csv
from config.override import override
from eval.metrics import wilson_interval
from model.objectives.causal import Causal
from tasks import TASKS
from tasks.common.baselines import Counted, count_strategies
from tasks.common.episodes import Episode, EpisodeConfig, EpisodeGenerator
from tasks.common.episodes import Statement as EpisodeStatement
from tasks.common.statement_reader import StatementReader
from tasks.corpus import Corpus, Questions
from tasks.reversal import Reversal
from tests.reading import OPEN, answers, inverse_word, question, stated, statements
from tests.test_every_task import CHAINS_OF_THOUGHT, EPISODES, SEEDS, every_task, small
from train.__main__ import main
from train.batches import subset_rows
from train.config import RunConfig, TrainConfig
from train.count import best_by_split, count_run, distinct_draws, draw_run
from train.presets import PRESETS

few = settings(max_examples=15)
any_task = st.sampled_from([name for name in TASKS if name != "codebook"])  # names of those are sequences
LAST_SLOT, FIRST_SLOT = 2, 0


def slot_of(asked: tuple[str, str, str]) -> int:
    return asked.index(OPEN)


def possible(corpus: Corpus, questions: Questions, i: int) -> set[str]:
    """The names that fit the open span."""
    return {corpus.entities.names[e] for e in np.flatnonzero(corpus.entities.lengths == questions.cloze.size[i])}


def mean_guess(guesses: list[tuple[set[str], set[str]]]) -> float:
    """How often uniform guesses are right, of pairs of the names to guess among and those that are right."""
    return float(np.mean([len(chosen & right) / max(len(chosen), 1) for chosen, right in guesses]))


# --- statements ---


@few
@given(st.sampled_from(list(TASKS)), st.integers(1, 3), SEEDS)
def test_statements_are_read_as_a_person_reads_them(name, per_document, seed):
    corpus = small(name, **{"documents.statements": per_document}).build(seed)
    read = StatementReader.build(corpus).read(corpus.documents)
    names = corpus.entities.names
    pairs = Counter((names[source], names[target]) for source, target in zip(read.source, read.target))
    by_person = stated(corpus)
    expected = Counter()
    for (source, _, target), times in by_person.items():
        expected[source, target] += times
    assert pairs == expected
    words = {number: set() for number in read.word.tolist()}
    for document, number in zip(read.document.tolist(), read.word.tolist()):
        row = corpus.documents.tokens[document, : corpus.documents.lengths[document]]
        words[number] |= {word for _, word, _ in statements(corpus, row)}
    assert len(words) == len({word for _, word, _ in by_person})
    assert all(len(same) == 1 for same in words.values()) or per_document > 1


def test_a_chain_of_thought_states_its_premises_and_its_answer():
    corpus = small("reversal", **CHAINS_OF_THOUGHT).build(0)
    rl_part, names = corpus.questions["inverse_rl"], corpus.entities.names
    read = StatementReader.build(corpus).read(corpus.documents)
    made = set(zip(read.source.tolist(), read.target.tolist()))
    for i in range(len(rl_part)):
        (known, _, _), answer = question(corpus, rl_part, i), rl_part.accepted[i, 0]
        assert (names.index(known), answer) in made
        assert (answer, names.index(known)) in made


# --- the elimination baseline ---


@few
@given(any_task, SEEDS)
def test_no_guess_by_counts_made_word_by_word_exceeds_the_elimination_baseline(name, seed):
    corpus = small(name).build(seed)
    world = stated(corpus)
    in_slot: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for statement, times in world.items():
        for slot in (FIRST_SLOT, LAST_SLOT):
            in_slot[statement[1], slot][statement[slot]] += times
    for questions in corpus.questions.values():
        never, most = [], []
        for i in range(len(questions)):
            asked, right = question(corpus, questions, i), set(answers(corpus, questions, i))
            fitting, counts = possible(corpus, questions, i), in_slot[asked[1], slot_of(asked)]
            never.append((fitting - set(counts), right))
            highest = max((counts[entity] for entity in fitting), default=0)
            if highest:
                most.append(({entity for entity in fitting if counts[entity] == highest}, right))
        baseline = questions.elimination_baseline.mean()
        assert baseline >= mean_guess(never) - 1e-9
        if len(most) == len(questions):
            assert baseline >= mean_guess(most) - 1e-9


@few
@given(SEEDS)
def test_strategies_about_pairs_leave_out_the_fact_that_is_asked_about(seed):
    corpus = Reversal(entities=12, relations=2, one_way=8).build(seed)
    counted = Counted.build(corpus, StatementReader.build(corpus).read(corpus.documents))
    together: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for (a, word, b), times in stated(corpus).items():
        together[a][a, word, b] += times
        together[b][a, word, b] += times
    for split, strategies in count_strategies(corpus, {"": counted}).items():
        guesses, questions = defaultdict(list), corpus.questions[split]
        for i in range(len(questions)):
            asked, right = question(corpus, questions, i), set(answers(corpus, questions, i))
            known = asked[2 - slot_of(asked)]
            relation = {asked[1], inverse_word(corpus, asked[1])}
            counts = Counter()
            for (a, word, b), times in together[known].items():
                other = b if a == known else a
                if not (other in right and word in relation):
                    counts[other] += times
            fitting = possible(corpus, questions, i)
            for choose in (min, max):
                wanted = choose(counts[entity] for entity in fitting)
                guesses[choose].append(({entity for entity in fitting if counts[entity] == wanted}, right))
        assert strategies["least often together"].mean() == pytest.approx(mean_guess(guesses[min]))
        assert strategies["most often together"].mean() == pytest.approx(mean_guess(guesses[max]))


def test_similar_is_beside_the_most_stated_value_and_others_beside_single_owners():
    """As an adversary counted: 10 % for the former, 5 % and more for the latter, on the default world."""
    questions = TASKS["hierarchy"]().build(0).questions
    assert 0.08 < questions["similar"].elimination_baseline.mean() < 0.12
    for split in ("syllogism", "chain", "holdout", "holdout_chain"):
        assert 0.05 < questions[split].elimination_baseline.mean() < 0.13


def test_wordings_of_one_word_are_also_counted_as_one():
    plain, reworded = (Reversal(one_way=100, wordings=wordings).build(0).questions for wordings in (1, 10))
    for split in ("inverse", "forward"):
        expected = plain[split].elimination_baseline.mean()
        assert reworded[split].elimination_baseline.mean() == pytest.approx(expected, abs=0.01)


# --- the undirected link ---


@few
@given(st.integers(1, 3), SEEDS)
def test_the_link_baseline_is_a_guess_among_partners_not_stated_as_another_answer(relations, seed):
    corpus = Reversal(entities=12, relations=relations, one_way=4 * relations).build(seed)
    world = stated(corpus)
    for questions in corpus.questions.values():
        for i in range(len(questions)):
            asked, right = question(corpus, questions, i), set(answers(corpus, questions, i))
            slot = slot_of(asked)
            known = asked[2 - slot]
            others = {s[slot] for s in world if s[1] == asked[1] and s[2 - slot] != known}
            partners = {b if a == known else a for a, _, b in world if known in (a, b)} - others
            expected = len(partners & right) / max(len(partners), 1)
            assert questions.link_baseline[i] == pytest.approx(expected)


def test_an_undirected_link_answers_most_inverse_questions_and_no_conclusion():
    default = Reversal().build(0).questions
    assert 0.7 < default["inverse"].link_baseline.mean() < 0.9
    assert default["wrong_frame"].link_baseline.mean() < 0.02
    assert Reversal(matching="disjoint").build(0).questions["inverse"].link_baseline.mean() > 0.7
    assert TASKS["triples"]().build(0).questions["inverse"].link_baseline.mean() > 0.98
    assert TASKS["syllogism"]().build(0).questions["conclusion"].link_baseline.mean() == 0


# --- all that a run draws ---


LARGER = {"reversal": {"entities": 60, "one_way": 40, "unseen": 40}}  # where a split would have a few questions


def small_run(name: str, steps: int = 150, seed: int = 0) -> RunConfig:
    task = small(name, **EPISODES, **LARGER.get(name, {}))
    return RunConfig(task, Causal(), train=TrainConfig(steps=steps, warmup=0), seed=seed)


def short_run(names: str) -> RunConfig:
    """The run of presets that draw the same, with few documents and steps."""
    config = distinct_draws()[names]
    task = next(task for task, kind in TASKS.items() if kind is type(config.task))
    steps = 60 if config.task.episodes.share and task != "reversal" else 150
    config = override(config, {"task.documents.copies": 2, "train.steps": steps, "train.warmup": 0, "seed": 1000})
    return override(config, {"task.episodes.only_steps": min(config.task.episodes.only_steps, steps // 3)})


@every_task
def test_counting_all_that_a_run_of_a_small_world_draws_gets_no_more_than_the_baseline(name):
    above = {split: row for split, row in best_by_split(count_run(small_run(name))).items() if not row["within"]}
    assert not above


@pytest.mark.parametrize("names", distinct_draws())
def test_counting_gets_no_more_than_the_baseline_for_any_preset(names):
    above = [row for row in best_by_split(count_run(short_run(names))).values() if not row["within"]]
    assert not above


def test_every_preset_is_counted_once_with_those_that_draw_the_same():
    groups = [names.split(", ") for names in distinct_draws()]
    assert sorted(name for group in groups for name in group) == sorted(PRESETS)
    assert next(group for group in groups if "masked" in group)[:2] == ["bidirectional", "masked"]
    assert ["causal"] in groups  # the same task, but fewer steps
    assert ["bico"] in groups  # without a subset


def test_documents_of_the_subset_are_drawn_more_often():
    config = short_run("causal")
    corpus = config.task.build(config.seed)
    _, draws, _ = draw_run(corpus, config)
    in_subset = np.isin(np.arange(len(draws)), subset_rows(corpus, config.train.subset, config.seed))
    assert draws[in_subset].min() > draws[~in_subset].max()


@dataclass(frozen=True)
class AnythingBut(EpisodeGenerator):
    """Draws episodes that state any pair by any word, but none of some statements."""

    avoided: set[tuple[int, int, int]]

    def draw_episode(self, random):
        while True:
            source, target = random.sample(range(len(self.writer.entities)), 2)
            statement = EpisodeStatement(source, random.randrange(self.writer.words_per_wording), target)
            if statement[:3] not in self.avoided:
                return Episode([statement], [statement])


@pytest.mark.parametrize("tells", [True, False])
def test_episodes_that_avoid_what_is_true_are_found_by_counting(tells):
    task = Reversal(entities=30, relations=2, one_way=30)
    corpus, reader = task.build(0), StatementReader.build(task.build(0))
    ids = {name: i for i, name in enumerate(corpus.entities.names)}
    by_number = [(ids[a], corpus.relations.index(word), ids[b]) for a, word, b in stated(corpus)]
    true = {*by_number, *((b, word ^ 1, a) for a, word, b in by_number)}
    assert len(true) == 2 * 60
    _, writer = task.names.build(corpus.relations, 30, task.documents, np.random.default_rng([0, 0]))
    np.testing.assert_array_equal(writer.entities.tokens, corpus.entities.tokens)
    draw = AnythingBut(EpisodeConfig(), writer, true if tells else set()).draw
    episodes = reader.read(draw(20_000, np.random.default_rng(0)))
    counted = Counted.by_wording(corpus, reader.read(corpus.documents), episodes=episodes)
    best = max(values.mean() for values in count_strategies(corpus, counted)["inverse"].values())
    questions = corpus.questions["inverse"]
    _, high = wilson_interval(questions.elimination_baseline.mean() * len(questions), len(questions))
    assert (best > 0.8) if tells else (best <= high)


def test_a_run_counts_each_document_as_often_as_it_draws_it():
    config = override(small_run("reversal", steps=40), {"train.subset": 1})
    corpus = config.task.build(0)
    world, draws, episodes = draw_run(corpus, config)
    half = config.train.batch // 2
    assert draws.sum() == 40 * half  # one statement a document
    assert len(draws) == len(corpus.documents) == len(world.word)
    assert draws.max() - draws.min() <= 1  # epochs follow one another
    assert len(episodes.word) >= 2 * 40 * half  # each states a fact and asks about it


def test_the_command_prints_every_split_and_writes_every_strategy(tmp_path, capsys):
    file = tmp_path / "counts.csv"
    main(["count", "in-context", "--train.steps", "3", "--train.warmup", "0", "--task.entities", "40",
          "--task.one-way", "40", "--task.unseen", "10", "--csv", str(file)])  # fmt: skip
    shown = capsys.readouterr().out
    for split in ("forward", "backward", "inverse", "wrong_frame", "unseen_forward", "unseen_inverse"):
        assert f"{split}: elimination baseline" in shown
    header, *rows = file.read_text().splitlines()
    assert header == "split,count,strategy,accuracy,elimination_baseline,low,high,link_baseline,within"
    assert len(rows) > 6 * 20


def test_all_presets_are_counted_in_one_command_with_a_row_for_each_split(tmp_path, capsys, monkeypatch):
    small_presets = {name: ("", small_run("reversal", steps=30)) for name in ("one", "the same")}
    small_presets["another"] = "", small_run("syllogism", steps=30)
    monkeypatch.setattr(train.count, "PRESETS", small_presets)
    file = tmp_path / "counts.csv"
    main(["count", "all", "--seed", "1000", "--csv", str(file)])
    rows, shown = read_csv(file), capsys.readouterr().out
    config = replace(small_presets["one"][1], seed=1000)
    for best in best_by_split(count_run(config)).values():
        row = next(row for row in rows if (row["preset"], row["split"]) == ("one, the same", best["split"]))
        assert (row["strategy"], row["accuracy"]) == (best["strategy"], str(best["accuracy"]))
        assert f"{100 * best['accuracy']:.2f} within" in shown
    assert len(rows) == len({(row["preset"], row["split"]) for row in rows})
    assert {row["preset"] for row in rows} == {"one, the same", "another"}
    assert all(row["seed"] == "1000" and row["machine"] and row["torch"] for row in rows)


def test_a_preset_that_is_not_known_cannot_be_counted(capsys):
    with pytest.raises(SystemExit):
        main(["count", "nothing"])
    assert "preset is 'nothing', but must be one of" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["count"])
    assert "kitouni-relationship, all" in capsys.readouterr().err
