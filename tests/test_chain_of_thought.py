"""Chain of thought: its documents, the division that keeps them from the test part, generation, and rewards."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from config.override import override
from config.validation import SettingError
from eval.evaluate import evaluate
from eval.methods.chain_of_thought import ChainOfThought
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.config import ModelConfig
from model.objectives import reinforced
from model.objectives.causal import Causal
from model.objectives.decoding import generate
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.reinforced import Reinforced
from tasks.codebook import Codebook
from tasks.common.chain_of_thought import (
    RL_SUFFIX,
    ChainOfThoughtConfig,
    ask_after,
    chain_of_thought_documents,
    generation_prompts,
)
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, RELATION, TARGET, Corpus, Documents, Questions
from tasks.hierarchy import Hierarchy
from tasks.reversal import Reversal
from tasks.syllogism import Syllogism
from tasks.task import Task
from tasks.vocabulary import BEGIN, END, FILLER, MASK, PAD, SEPARATOR

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=25)
TWICE = DocumentConfig(copies=2)
WORLDS: dict[str, Task] = {
    "reversal": Reversal(
        entities=16, relations=2, one_way=12, documents=TWICE, names=NameConfig(max_length=2, pieces=40)
    ),
    "codebook": Codebook(books=8, symbols=6, length=2, encodings=5, questions_per_split=16, one_way=4, documents=TWICE),
    "syllogism": Syllogism(chains=40, held_out_share=0.6, documents=TWICE, names=NameConfig(max_length=2)),
}


def with_rl(task: Task, share: float = 0.5, copies: int = 1) -> Task:
    return replace(task, chain_of_thought=ChainOfThoughtConfig(rl_share=share, copies=copies))


def parts(corpus: Corpus, tokens: np.ndarray) -> list[str]:
    """What stands between the [separator]s of a row, without filler, [begin] and [end]."""
    words = corpus.vocabulary.text(tokens[tokens != BEGIN]).replace("[end]", "")
    return [" ".join(word for word in part.split() if word not in FILLER) for part in words.split("[separator]")]


def answered(corpus: Corpus, questions: Questions, i: int) -> str:
    """Question i with its answer, without filler."""
    documents = questions.cloze.documents
    row = documents.tokens[i, : documents.lengths[i]]
    answer = corpus.entities.names[questions.accepted[i, 0]].replace("-", " ")
    (text,) = parts(corpus, row[row != MASK])
    return f"{text} {answer}"


def all_answered(corpus: Corpus, split: str) -> set[str]:
    questions = corpus.questions.get(split)
    return set() if questions is None else {answered(corpus, questions, i) for i in range(len(questions))}


def premise_texts(corpus: Corpus, rows: np.ndarray) -> list[str]:
    documents = corpus.premises.documents
    return [corpus.vocabulary.text(documents.tokens[row]) for row in rows if row >= 0]


def needed(corpus: Corpus, splits: list[str]) -> set[int]:
    """The premises that questions of these splits need."""
    found = (corpus.questions[split].premises for split in splits if split in corpus.questions)
    return {int(row) for rows in found for row in rows[rows >= 0]}


@few
@given(st.sampled_from(list(WORLDS)), SEEDS, st.floats(0.2, 0.8), st.integers(0, 3))
def test_no_chain_of_thought_touches_the_test_part(name, seed, share, copies):
    task = WORLDS[name]
    before, test_splits = task.build(seed), list(task.held_out_splits)
    try:
        corpus = with_rl(task, share, copies).build(seed)
    except SettingError:
        reject()  # so few questions that a part of them would be empty
    rl_splits = [split + RL_SUFFIX for split in test_splits]
    assert not needed(corpus, rl_splits) & needed(corpus, test_splits)
    rl_part, test_part = (
        set().union(*(all_answered(corpus, split) for split in part)) for part in (rl_splits, test_splits)
    )
    held_out = set().union(*(all_answered(before, split) for split in test_splits))
    assert rl_part | test_part == held_out
    assert not rl_part & test_part
    assert abs(len(rl_part) - share * len(held_out)) <= 1 + len(test_splits)
    stated = {part for tokens in corpus.documents.tokens for part in parts(corpus, tokens)}
    assert not stated & test_part
    assert rl_part <= stated or not copies
    # What is not held out is as it was, and so are the documents before those with a chain of thought.
    width = before.documents.tokens.shape[1]
    np.testing.assert_array_equal(corpus.documents.tokens[: len(before.documents), :width], before.documents.tokens)
    assert len(corpus.documents) - len(before.documents) == copies * len(rl_part)
    for split in set(before.questions) - set(test_splits):
        np.testing.assert_array_equal(before.questions[split].accepted, corpus.questions[split].accepted)
    assert corpus.max_length >= corpus.documents.lengths.max()


def test_the_elimination_baseline_counts_the_statements_of_chains_of_thought():
    """Half of the held-out answers are stated in them, which leaves half as many to guess among."""
    task = Reversal(one_way=100)
    before, after = (world.build(0).questions["inverse"].elimination_baseline.mean() for world in (task, with_rl(task)))
    assert before == pytest.approx(0.1, rel=0.1)
    assert after == pytest.approx(0.2, rel=0.2)


def test_a_world_too_small_to_divide_is_refused():
    task = Codebook(books=3, symbols=6, length=2, encodings=5, questions_per_split=16, one_way=1, documents=TWICE)
    message = r"task.chain_of_thought.rl_share is 0.5, but must be such that a part of the \d+ questions of"
    with pytest.raises(SettingError, match=message):
        with_rl(task, copies=0).build(0)


@pytest.mark.parametrize("name", WORLDS)
def test_a_chain_of_thought_is_the_question_its_premises_and_the_question_answered(name):
    corpus = WORLDS[name].build(3)
    for split in WORLDS[name].held_out_splits:
        questions = corpus.questions[split]
        documents = chain_of_thought_documents(corpus, questions)
        rows = zip(documents.tokens, documents.roles, documents.lengths)
        for i, (tokens, roles, length) in enumerate(rows):
            question, *premises, conclusion = parts(corpus, tokens)
            assert conclusion == answered(corpus, questions, i)
            assert premises == premise_texts(corpus, questions.premises[i])
            assert conclusion.startswith(question)
            assert tokens[length - 1] == END
            first = int((tokens == SEPARATOR).argmax())
            assert (roles[: first + 1] == NONE).all()
            assert (roles[first + 1 : length] != NONE).all()  # the model writes all of it
            assert (roles[: length - 1][tokens[: length - 1] == SEPARATOR][1:] == RELATION).all()


def test_where_several_answers_are_right_chains_of_thought_end_in_each_of_them():
    task = with_rl(Hierarchy(documents=DocumentConfig(copies=1)), copies=3)
    corpus = task.build(0)
    questions = corpus.questions["inverse" + RL_SUFFIX]
    questions = questions[(questions.accepted >= 0).sum(1) > 1]
    assert len(questions)
    with_end = corpus.documents[(corpus.documents.tokens == END).any(1)]
    conclusions = {parts(corpus, row)[-1].strip() for row in with_end.tokens}
    for i, accepted in enumerate(questions.accepted):
        question = answered(corpus, questions, i).split()[:-1]
        names = [corpus.entities.names[entity] for entity in accepted[accepted >= 0]]
        assert {" ".join([*question, name]) for name in names} <= conclusions


# --- generation ---


@dataclass(frozen=True)
class Memorised(Causal):
    """Predicts the next token of a document that begins like its prompt, and PAD where none does."""

    documents: tuple[tuple[int, ...], ...] = ()

    def token_log_probs(self, modules, query):
        t = query["tokens"].shape[1]
        predicted = np.zeros(len(query["logit_positions"]), np.int64)
        for i, (row, position) in enumerate(zip(*np.divmod(query["logit_positions"], t))):
            prefix = tuple(query["tokens"][row, : position + 1].tolist())
            matches = [row for row in self.documents if row[: len(prefix)] == prefix and len(row) > len(prefix)]
            predicted[i] = matches[0][len(prefix)] if matches else PAD
        return torch.nn.functional.one_hot(torch.from_numpy(predicted), 200).float().log()


def memorised(documents: Documents) -> Memorised:
    rows = zip(documents.tokens, documents.lengths)
    return Memorised(documents=tuple(tuple(row[:length].tolist()) for row, length in rows))


@pytest.mark.parametrize("name", WORLDS)
def test_a_correct_chain_of_thought_leads_to_the_answer_and_a_missing_one_does_not(name):
    corpus = WORLDS[name].build(3)
    questions = corpus.questions[WORLDS[name].held_out_splits[0]]
    corpus = replace(corpus, questions={"held_out": questions})
    documents = chain_of_thought_documents(corpus, questions)
    half = len(documents) // 2
    for trained_on, share in ((documents, 1.0), (documents[:half], half / len(documents))):
        modules = build_modules(ModelConfig(), Causal(), corpus, 0)
        trained = TrainedModel(corpus, memorised(trained_on), modules)
        assert evaluate(trained, ChainOfThought())["held_out"]["accuracy"] == pytest.approx(share)
        assert evaluate(trained)["held_out"]["accuracy"] == 0.0  # closed book, it predicts no answer


def test_a_question_stands_behind_what_was_generated_up_to_its_last_separator():
    cloze = WORLDS["reversal"].build(0).questions["inverse"].cloze[:3]
    word, name = 60, 61
    generated = np.array(
        [
            [word, name, SEPARATOR, name, word, END],
            [word, SEPARATOR, END, SEPARATOR, name, PAD],
            [word, name, word, word, word, name],
        ]
    )
    continued = [[word, name, SEPARATOR], [word, SEPARATOR], []]
    again, prompts = ask_after(cloze, generated), generation_prompts(cloze)
    for i in range(3):
        tokens, prompt = again.documents.tokens[i].tolist(), prompts.tokens[i, : prompts.lengths[i]].tolist()
        assert prompt[-1] == SEPARATOR
        before = slice(0, cloze.start[i])
        has_role = cloze.documents.roles[i, before] != NONE
        restated = cloze.documents.tokens[i, before][has_role].tolist()
        assert tokens[: again.start[i]] == prompt + continued[i] + restated
        assert tokens[again.start[i] : again.start[i] + again.size[i]] == [MASK] * again.size[i]


THREE = ((1, 50, 51, END), (1, 52, 53, 54, 55, END), (1, 56, END))
PROMPTS = Documents(np.array([row[:2] for row in THREE], np.int32), np.full(3, 2, np.int32), np.zeros((3, 2), np.int8))


def test_generation_ends_at_end_or_at_the_maximum_of_tokens():
    model = Memorised(documents=THREE)
    assert generate(model, None, PROMPTS, 2).tolist() == [[51, END], [53, 54], [END, PAD]]
    assert generate(model, None, PROMPTS, 9).tolist() == [[51, END, PAD, PAD], [53, 54, 55, END], [END, PAD, PAD, PAD]]
    assert generate(model, None, PROMPTS[:1], 9).tolist() == [[51, END]]
    assert generate(model, None, PROMPTS[:0], 9).shape == (0, 0)


def test_what_has_ended_is_no_longer_computed():
    class Counted(Memorised):
        def token_log_probs(self, modules, query):
            asked.append(len(query["tokens"]))
            return super().token_log_probs(modules, query)

    asked = []
    generate(Counted(documents=THREE), None, PROMPTS, 9)
    assert asked == [3, 2, 1, 1]


def test_an_objective_that_cannot_generate_is_asked_without_a_chain_of_thought():
    corpus, objective = WORLDS["reversal"].build(0), JointEmbedding()
    modules = build_modules(ModelConfig(width=16), objective, corpus, 0).eval()
    trained = TrainedModel(corpus, objective, modules)
    assert evaluate(trained, ChainOfThought(), limit=4).keys() == corpus.questions.keys()


# --- rewards ---


def test_only_what_ends_in_the_whole_conclusion_is_rewarded():
    conclusions = np.array([[SEPARATOR, 20, 30, 40, END], [SEPARATOR, 21, END, 0, 0]])
    lengths = np.array([5, 3])
    generated = np.array([[7, SEPARATOR, 20, 30, 40, END], [SEPARATOR, 21, END, PAD, PAD, PAD]])
    assert reinforced.ends_in(generated, conclusions, lengths).tolist() == [1, 1]
    for row, position in ((0, 1), (0, 3), (0, 4), (1, 1)):
        changed = generated.copy()
        changed[row, position] = 99
        assert reinforced.ends_in(changed, conclusions, lengths)[row] == 0
    assert reinforced.ends_in(generated[:, :3], conclusions, lengths).tolist() == [0, 1]  # too short, and just enough


@pytest.fixture
def corpus() -> Corpus:
    return with_rl(WORLDS["reversal"], copies=2).build(0)


def two_of_each_kind(corpus: Corpus) -> Documents:
    """Two plain documents, and the last two, which have a chain of thought."""
    return corpus.documents[np.array([0, 1, len(corpus.documents) - 2, len(corpus.documents) - 1])]


def test_targets_of_a_chain_of_thought_are_all_that_the_model_writes(corpus):
    documents = corpus.documents[-2:]
    batch = Causal().make_batch(documents, np.random.default_rng(0))
    rows, positions = np.divmod(batch["logit_positions"], documents.tokens.shape[1])
    for i, (tokens, length) in enumerate(zip(documents.tokens, documents.lengths)):
        first = int((tokens == SEPARATOR).argmax())
        np.testing.assert_array_equal(positions[rows == i], np.arange(first, length - 1))
    assert (documents.roles == TARGET).any()


def test_reinforced_is_given_questions_and_conclusions_and_no_chain_of_thought(corpus):
    documents = two_of_each_kind(corpus)
    batch = Reinforced().make_batch(documents, np.random.default_rng(0))
    plain = Causal().make_batch(documents[:2], np.random.default_rng(0))
    assert all(np.array_equal(batch[key], plain[key]) for key in plain)
    for i in (0, 1):
        question, _, conclusion = parts(corpus, documents.tokens[2 + i])
        assert parts(corpus, batch["questions"][i, : batch["question_lengths"][i]]) == [question, ""]
        ending = batch["conclusions"][i, : batch["conclusion_lengths"][i]]
        assert parts(corpus, ending) == ["", conclusion]
        assert ending[-1] == END


def test_what_is_rewarded_becomes_likelier_and_what_is_not_less_likely(corpus, monkeypatch):
    objective = Reinforced(samples=2, max_tokens=40)
    arrays = objective.make_batch(two_of_each_kind(corpus)[2:3], np.random.default_rng(0))
    good = arrays["conclusions"][0, : arrays["conclusion_lengths"][0]]
    bad = np.append(good[:-1][::-1], END)
    generated = np.stack([good, bad]).astype(np.int64)
    monkeypatch.setattr(reinforced, "generate", lambda *_, **__: generated)
    modules = build_modules(ModelConfig(width=16), objective, corpus, 0)
    batch = {key: torch.from_numpy(value) for key, value in arrays.items()}

    def log_prob(continuation: np.ndarray) -> float:
        prompt = arrays["questions"][0, : arrays["question_lengths"][0]]
        tokens = torch.from_numpy(np.concatenate([prompt, continuation])[None].astype(np.int64))
        with torch.no_grad():
            states = modules["network"](tokens, objective.visibility_of({}))
            log_probs = modules["network"].logits(states).log_softmax(-1)[0, :-1]
        return float(log_probs.gather(-1, tokens[0, 1:, None])[-len(continuation) :].sum())

    before = log_prob(good), log_prob(bad)
    objective.policy_loss(modules, batch).backward()
    with torch.no_grad():
        for parameter in modules.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
    assert log_prob(good) > before[0]
    assert log_prob(bad) < before[1]
    generated[1] = good  # all right: nothing to choose between
    modules.zero_grad()
    objective.policy_loss(modules, batch).backward()
    assert all(parameter.grad is None or (parameter.grad == 0).all() for parameter in modules.parameters())


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda: ChainOfThoughtConfig(rl_share=1.0), "task.chain_of_thought.rl_share"),
        (lambda: ChainOfThoughtConfig(copies=3), "task.chain_of_thought.copies"),
        (lambda: ChainOfThoughtConfig(rl_share=0.5, copies=-1), "task.chain_of_thought.copies"),
        (lambda: override(Reversal(), {"chain_of_thought.copies": 1}), "task.chain_of_thought.copies"),
        (lambda: Reinforced(samples=1), "objective.samples"),
        (lambda: Reinforced(max_tokens=0), "objective.max_tokens"),
        (lambda: Reinforced(reward_weight=0.0), "objective.reward_weight"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, setting):
    with pytest.raises(SettingError, match=rf"{setting} is"):
        make()
