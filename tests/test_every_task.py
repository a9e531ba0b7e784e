"""What holds of every task: a new one is tested by its line in the registry, and by a small world of it below."""

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from config.override import override
from config.validation import SettingError
from eval.methods.in_context import InContext
from eval.methods.index import DocumentIndex
from tasks import TASKS
from tasks.common.episodes import EpisodeConfig
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus, Documents, Questions
from tasks.task import Task
from tasks.vocabulary import BEGIN, END, MASK, SEPARATOR, SPECIAL
from tests.reading import Statement, answered, inverse_word, premises, stated, statements
from train.batches import last_head, num_episodes

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=15)
# Small worlds of each task, by what differs from its defaults.
SMALL = {
    "reversal": {"entities": 24, "relations": 2, "one_way": 12, "unseen": 4, "names.max_length": 2},
    "syllogism": {"chains": 60, "held_out_share": 0.6, "names.max_length": 2},
    "codebook": {
        "books": 8, "symbols": 6, "length": 2, "encodings": 5, "questions_per_split": 16, "one_way": 4,
        "episodes.max_facts": 4,
    },
    "hierarchy": {"trees": 10, "names.max_length": 2},
    "triples": {},
}  # fmt: skip
EPISODES = {"episodes.share": 0.5}
CHAINS_OF_THOUGHT = {"chain_of_thought.rl_share": 0.5, "chain_of_thought.copies": 2}
WITH_EPISODES = [name for name in TASKS if type(TASKS[name]().episodes) is not EpisodeConfig]
every_task = pytest.mark.parametrize("name", TASKS)
every_task_with_episodes = pytest.mark.parametrize("name", WITH_EPISODES)
any_task, any_task_with_episodes = st.sampled_from(list(TASKS)), st.sampled_from(WITH_EPISODES)


def small(name: str, **changes) -> Task:
    if name not in WITH_EPISODES:
        changes = {setting: value for setting, value in changes.items() if setting not in EPISODES}
    return override(TASKS[name](), SMALL.get(name, {}) | {"documents.copies": 2} | changes)


def episodes(corpus: Corpus, n: int, seed: int = 0) -> Documents:
    return corpus.episodes.draw(n, np.random.default_rng(seed))


def rows(documents: Documents) -> list[bytes]:
    return [row[:length].tobytes() for row, length in zip(documents.tokens, documents.lengths)]


def same_questions(first: Questions, second: Questions) -> None:
    """Asserts that both ask the same, in the same words."""
    np.testing.assert_array_equal(first.accepted, second.accepted)
    np.testing.assert_array_equal(first.cloze.documents.tokens, second.cloze.documents.tokens)


# --- settings and splits ---


@every_task
def test_a_task_describes_its_splits_and_names_two_for_progress(name):
    task = TASKS[name]()
    splits = task.build(0).questions
    stated_split, held_out_split = task.progress_splits
    assert {stated_split, held_out_split} <= set(splits) <= set(task.split_help)
    assert held_out_split in task.held_out_splits
    assert stated_split not in task.held_out_splits


@every_task
def test_the_docstring_of_a_task_draws_every_split_and_every_kind_of_document(name):
    drawing = TASKS[name].__doc__
    for split in TASKS[name].split_help:
        assert split in drawing, split
    marks = ["[begin]", "chain_of_thought", "[separator]", "[end]", *["episode"] * (name in WITH_EPISODES)]
    for mark in marks:
        assert mark in drawing, mark


@every_task
def test_default_worlds_keep_the_elimination_baseline_low_and_ask_enough(name):
    """Five per cent, but for hierarchies: few values have a single owner with children, and counting finds them."""
    questions = TASKS[name]().build(0).questions
    held_out = [questions[split] for split in TASKS[name].held_out_splits]
    highest = 0.13 if name == "hierarchy" else 0.055
    assert max(split.elimination_baseline.mean() for split in held_out) <= highest
    assert sum(map(len, held_out)) >= 200


# Words, without the number of their wording, whose statements are about the entity behind them.
ABOUT_THE_TARGET = {
    "reversal": {"student-of", "child-of"},
    "syllogism": set(),
    "codebook": {"decodes-as"},
    "hierarchy": {"includes", "colour-of", "shape-of", "sound-of", "food-of"},
    "triples": {"has-capital", "has-code", "has-symbol"},
}


def heads(name: str, corpus: Corpus, row: int) -> set[str]:
    """The entities that a document states facts about, as a person reads it."""
    read = statements(corpus, corpus.documents.tokens[row])
    inverse = ABOUT_THE_TARGET.get(name, set())
    words = ((source, {word.removesuffix("-2") for word in words.split()}, target) for source, words, target in read)
    return {target if relation & inverse else source for source, relation, target in words if source and target}


@every_task
def test_both_statements_of_a_fact_are_about_one_entity(name):
    corpus = small(name).build(0)
    entity = [heads(name, corpus, row) for row in range(len(corpus.documents))]
    rank_of = dict(zip((head for (head,) in entity), last_head(corpus, 0).tolist()))
    assert len(set(rank_of.values())) == len(rank_of) > 1
    larger = small(name, **{"documents.statements": 2}, **CHAINS_OF_THOUGHT).build(0)
    for row, rank in enumerate(last_head(larger, 0).tolist()):
        ranks = [rank_of.get(head, len(larger.entities)) for head in heads(name, larger, row)]
        assert rank == max(ranks) or max(ranks) == len(larger.entities)  # a sequence that only a chain of thought has


REFUSED = {
    ("documents.filler", -1): "must be 0 or more",
    ("documents.statements", 0): "must be 1 or more",
    ("documents.copies", 0): "must be 1 or more",
    ("episodes.share", 1.0): "must be 0 or more and below 1",
    ("episodes.only_steps", -1): "must be 0 or more",
    ("episodes.filler_share", 2): "must be 0 to 1",
    ("episodes.own_entities", -1): "must be 0 or more",
    ("chain_of_thought.rl_share", 1.0): "must be 0 or more and below 1",
    ("chain_of_thought.copies", 1): "must be 0 where task.chain_of_thought.rl_share is 0",
    ("names.min_length", 0): "must be 1 or more",
    ("names.min_length", 2): "must be task.names.min_length",  # longer than the longest
}


@every_task
@pytest.mark.parametrize(("setting", "value"), REFUSED)
def test_a_common_setting_out_of_range_is_refused_by_name(name, setting, value):
    task = TASKS[name]()
    section = setting.partition(".")[0]
    if not hasattr(task, section):
        assert section == "names"  # of a task whose names are not made up
        return
    with pytest.raises(SettingError, match=rf"task\.{section}\.\w+ is .*{REFUSED[setting, value]}") as refused:
        override(task, {setting: value})
    assert "\n" not in str(refused.value)


# --- a corpus is a pure function of settings and seed ---


@every_task
def test_the_same_seed_builds_the_same_corpus_and_another_seed_another(name):
    task = small(name, **EPISODES, **CHAINS_OF_THOUGHT)
    first, again, other = (task.build(seed) for seed in (5, 5, 6))
    assert first.digest() == again.digest() != other.digest()
    np.testing.assert_array_equal(first.documents.roles, again.documents.roles)
    for split in first.questions:
        same_questions(first.questions[split], again.questions[split])


@every_task_with_episodes
def test_the_same_seed_draws_the_same_episodes_and_another_seed_others(name):
    first, again = (small(name, **EPISODES).build(5) for _ in range(2))
    assert rows(episodes(first, 8)) == rows(episodes(again, 8)) != rows(episodes(first, 8, seed=1))


@every_task_with_episodes
def test_episodes_change_nothing_else(name):
    without, with_episodes = small(name).build(3), small(name, **EPISODES).build(3)
    assert without.episodes is None
    assert without.digest() == with_episodes.digest()
    for split in without.questions:
        same_questions(without.questions[split], with_episodes.questions[split])


# --- documents ---


@few
@given(any_task, SEEDS)
def test_roles_mark_statements_and_nothing_else(name, seed):
    corpus = small(name).build(seed)
    documents = corpus.documents
    words = np.array([word in corpus.relations for word in corpus.vocabulary.words])
    is_entity_token = np.zeros(len(corpus.vocabulary), bool)
    is_entity_token[np.unique(corpus.entities.tokens[corpus.entities.tokens > 0])] = True
    np.testing.assert_array_equal(documents.roles == RELATION, words[documents.tokens])
    np.testing.assert_array_equal(np.isin(documents.roles, (SOURCE, TARGET)), is_entity_token[documents.tokens])
    assert (documents.roles[documents.tokens < len(SPECIAL)] == NONE).all()


@few
@given(any_task, SEEDS)
def test_no_document_or_question_exceeds_the_maximum_length(name, seed):
    try:
        corpus = small(name, **EPISODES, **CHAINS_OF_THOUGHT).build(seed)
    except SettingError:
        reject()  # so few questions that a part of them would be empty
    splits = [questions.cloze.documents for questions in corpus.questions.values()]
    drawn = [episodes(corpus, 40)] if corpus.episodes else []
    for documents in (corpus.documents, *drawn, *splits):
        assert documents.lengths.max() <= corpus.max_length


@few
@given(any_task_with_episodes, SEEDS)
def test_in_an_episode_only_the_answers_of_what_it_asks_have_a_role(name, seed):
    corpus = small(name, **EPISODES).build(seed)
    documents = episodes(corpus, 12, seed)
    for tokens, roles, length in zip(documents.tokens, documents.roles, documents.lengths):
        assert set(roles.tolist()) <= {NONE, TARGET}
        assert (roles[length:] == NONE).all()
        # Once one statement is asked, all that follow are.
        number = (tokens[:length] == SEPARATOR).cumsum()
        asked = sorted(set(number[roles[:length] == TARGET].tolist()))
        assert asked == list(range(asked[0], number.max() + 1))
        assert asked[0] > 0
        targets = [target for _, _, target in statements(corpus, tokens)[asked[0] :]]
        words = [corpus.vocabulary.words[token] for token in tokens[roles == TARGET]]
        assert "-".join(words) == "-".join(targets)


@every_task_with_episodes
def test_episodes_are_new_every_time(name):
    corpus = small(name, **EPISODES).build(0)
    drawn = rows(episodes(corpus, 200))
    assert len(set(drawn)) > 190


# --- questions ---


@few
@given(any_task, SEEDS)
def test_questions_hold_no_answer_and_each_has_documents_that_hold_its_premises(name, seed):
    corpus = small(name).build(seed)
    documents, texts = corpus.documents, premises(corpus)
    for split, questions in corpus.questions.items():
        cloze = questions.cloze
        assert (cloze.documents.tokens == MASK).sum() == cloze.size.sum()
        for i in range(0, len(questions), 7):
            needed = questions.premises[i] >= 0
            assert needed.any()
            for premise, support in zip(questions.premises[i][needed], questions.support_documents[i][needed]):
                held = [statements(corpus, documents.tokens[row]) for row in support[support >= 0]]
                assert bool(held) == (not split.startswith("unseen"))
                assert all(same_fact(corpus, texts[premise], document) for document in held)


def same_fact(corpus: Corpus, premise: Statement, document: list[Statement]) -> bool:
    """Whether one of the statements is about the two entities of a premise, in whichever words."""
    return any({premise[0], premise[2]} == {source, target} for source, _, target in document)


@few
@given(any_task, SEEDS)
def test_all_baselines_are_shares_and_chance_is_that_of_the_accepted_names(name, seed):
    corpus = small(name).build(seed)
    entities = corpus.entities
    for questions in corpus.questions.values():
        for i in range(0, len(questions), 7):
            possible = entities.lengths == questions.cloze.size[i]
            accepted = questions.accepted[i][questions.accepted[i] >= 0]
            if entities.alphabet is not None:
                possible &= entities.alphabet == entities.alphabet[accepted[0]]
            assert possible[accepted].all()
            assert questions.chance[i] == pytest.approx(len(accepted) / possible.sum())
            assert 0 <= questions.elimination_baseline[i] <= 1
            assert 0 <= questions.link_baseline[i] <= 1


@few
@given(any_task, st.booleans(), SEEDS)
def test_nothing_held_out_can_be_looked_up(name, with_chain_of_thought, seed):
    """No held-out statement stands in the documents, in what retrieval searches, or in a chain of thought."""
    try:
        corpus = small(name, **CHAINS_OF_THOUGHT if with_chain_of_thought else {}).build(seed)
    except SettingError:
        reject()  # so few questions that a part of them would be empty
    index = DocumentIndex.from_corpus(corpus).documents
    indexed = {statement for tokens in index.tokens for statement in readable(corpus, tokens)}
    assert indexed == {statement for tokens in corpus.documents.tokens for statement in readable(corpus, tokens)}
    for split in TASKS[name].held_out_splits:
        if split in corpus.questions:
            questions = corpus.questions[split]
            held_out = {statement for i in range(len(questions)) for statement in answered(corpus, questions, i)}
            assert not held_out & indexed


def readable(corpus: Corpus, tokens: np.ndarray) -> list[Statement]:
    """The whole statements of a row; in a chain of thought the first part is a question."""
    first = int((tokens == SEPARATOR).argmax()) if (tokens == END).any() else 0
    return statements(corpus, tokens[first + 1 :])


@few
@given(any_task, SEEDS)
def test_a_prompt_holds_the_premises_and_never_the_answer_of_a_held_out_question(name, seed):
    corpus = small(name).build(seed)
    texts = premises(corpus)
    for split in set(TASKS[name].held_out_splits) & set(corpus.questions):
        questions = corpus.questions[split][:20]
        method = InContext.fitting(corpus)
        prompts = method.choose_premises(corpus.premises, questions)
        for i, prompt in enumerate(prompts):
            needed = set(questions.premises[i][questions.premises[i] >= 0].tolist())
            assert needed <= set(prompt.tolist())
            assert len(set(prompt[prompt >= 0].tolist())) == (prompt >= 0).sum() == len(needed) + method.distractors
            shown = {texts[row] for row in prompt if row >= 0}
            assert not shown & set(answered(corpus, questions, i))


# --- inferences ---


@every_task
def test_all_inferences_follow_from_what_is_stated_and_the_held_out_ones_are_among_them(name):
    corpus = small(name).build(5)
    if corpus.inferences is None:
        pytest.skip("augmentation refuses a run of this task")
    inferences = corpus.inferences()
    same_questions(inferences, corpus.inferences())
    inferred = {statement for i in range(len(inferences)) for statement in answered(corpus, inferences, i)}
    world, texts = set(stated(corpus)), premises(corpus)
    for needed in inferences.premises:
        assert all(texts[row] in world for row in needed if row >= 0)
    for split in set(TASKS[name].held_out_splits) & set(corpus.questions) - {"latent"}:
        questions = corpus.questions[split]
        assert {answered(corpus, questions, i)[0] for i in range(len(questions))} <= inferred
    if name in ("reversal", "triples"):
        assert inferred >= {(target, inverse_word(corpus, word), source) for source, word, target in world}


def test_without_held_out_questions_there_is_nothing_to_divide():
    corpus = small("syllogism", held_out_share=0.0, **CHAINS_OF_THOUGHT).build(0)
    assert not (corpus.documents.tokens == END).any()
    assert (corpus.documents.tokens[:, 0] == BEGIN).all()


@every_task_with_episodes
def test_a_share_of_episodes_leaves_documents_of_the_world_in_every_batch(name):
    corpus = small(name, **{"episodes.share": 0.9}).build(0)
    with pytest.raises(SettingError, match=r"train.batch is 4"):
        num_episodes(corpus, 4)
    assert num_episodes(corpus, 20) == 18
