"""Methods of answering: models made by hand, whose predictions are known, answer by each of them."""

import json
import os
import shutil
import time
import uuid
from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
import pytest
import torch
from torch import nn

from checkpoints import folder as folders
from config.validation import SettingError
from eval.__main__ import main
from eval.ask import TypedContext, ask
from eval.evaluate import apply_prompt, evaluate, predict_all
from eval.methods import METHODS
from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext, InContextNear
from eval.methods.index import DocumentIndex
from eval.methods.multiple_choice import MultipleChoice, MultipleChoiceInContext
from eval.methods.retrieval import DenseRetrieval, LexicalRetrieval, OracleRetrieval, represent
from eval.run_methods import method_settings, run_methods
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.config import ModelConfig
from model.objectives import OBJECTIVES
from model.objectives.base import Objective
from model.objectives.causal import Causal
from model.visibility import Visibility
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import NONE, TARGET, Cloze, Corpus, Documents, Questions
from tasks.reversal import Reversal
from tasks.syllogism import Syllogism
from tasks.vocabulary import MASK, Entities
from tests.reading import OPEN, Statement, answered, inverse_word, premises, question, statements
from tests.running import python, tiny
from tests.test_reversal import facts
from train.run import train_run

WORLD = Reversal(
    entities=16,
    relations=2,
    one_way=10,
    unseen=4,
    documents=DocumentConfig(copies=3),
    names=NameConfig(max_length=2, pieces=40),
)
CORPUS = WORLD.build(1)


def prompt_and_question(corpus: Corpus, cloze: Cloze, i: int) -> tuple[list[Statement], Statement]:
    """The statements in the prompt of question i, and the question."""
    tokens = cloze.documents.tokens[i, : cloze.documents.lengths[i]]
    *stated, query = statements(corpus, tokens)
    return stated, tuple(OPEN if "[mask]" in part else part for part in query)


@dataclass(frozen=True)
class ReadsPrompt:
    """An objective that knows only what a prompt states, and inverts it where that helps."""

    corpus: Corpus

    def predict(self, modules: nn.ModuleDict, cloze: Cloze, candidates: Entities) -> np.ndarray:
        predictions = np.zeros((len(cloze), int(cloze.size.max())), np.int64)
        for i in range(len(cloze)):
            name = self.answer(*prompt_and_question(self.corpus, cloze, i))
            if name is not None:
                tokens = candidates.tokens[candidates.names.index(name)][: cloze.size[i]]
                predictions[i, : len(tokens)] = tokens
        return predictions

    def answer(self, stated: list[Statement], query: Statement) -> str | None:
        for source, word, target in stated:
            for first, relation, last in ((source, word, target), (target, inverse_word(self.corpus, word), source)):
                if relation == query[1] and first == query[0]:
                    return last
                if relation == query[1] and last == query[2]:
                    return first
        return None

    def answer_log_prob(self, modules, cloze, names, candidates):
        return np.zeros(len(cloze), np.float32)

    def candidate_log_probs(self, modules, cloze, candidates):
        return np.zeros((len(cloze), len(candidates)), np.float32)

    def max_length(self, document_length: int) -> int:
        return document_length

    def query_modes(self):
        return {"as-trained": self}


@dataclass(frozen=True)
class KnowsStatements(ReadsPrompt):
    """Expects the last entity of a statement that training states in these words, and of no other one."""

    surprise: float = 5.0

    def answer_log_prob(self, modules, cloze, names, candidates):
        documents = self.corpus.documents
        rows = zip(documents.tokens, documents.lengths)
        stated = {statement for row, length in rows for statement in statements(self.corpus, row[:length])}
        log_probs = []
        for i in range(len(cloze)):
            tokens = cloze.documents.tokens[i, : cloze.documents.lengths[i]].copy()
            start, size = cloze.start[i], cloze.size[i]
            tokens[start : start + size] = names[i, :size]
            log_probs.append(-0.1 if statements(self.corpus, tokens)[0] in stated else -self.surprise)
        return np.array(log_probs, np.float32)


def trained(objective: Objective | ReadsPrompt, corpus: Corpus = CORPUS, **network) -> TrainedModel:
    """A model of an objective; one made by hand has the modules of a causal one, which it does not use."""
    trainable = objective if isinstance(objective, Objective) else Causal()
    modules = build_modules(ModelConfig(**{"width": 16} | network), trainable, corpus, 0)
    return TrainedModel(corpus, objective, modules.eval())


READER, KNOWER, NETWORK = trained(ReadsPrompt(CORPUS)), trained(KnowsStatements(CORPUS)), trained(Causal())


def prompt(cloze: Cloze, i: int) -> list[Statement]:
    """The statements in the prompt of question i."""
    return prompt_and_question(CORPUS, cloze, i)[0]


def needed(questions: Questions, i: int) -> Statement:
    """The premise of question i."""
    return premises(CORPUS)[questions.premises[i, 0]]


# --- prompts ---


def test_a_model_that_reads_its_prompt_answers_in_context_and_never_closed_book():
    closed_book, in_context = evaluate(READER), evaluate(READER, InContext(5))
    for split in ("forward", "backward", "inverse", "unseen_forward", "unseen_inverse"):
        assert closed_book[split]["correct"] == 0
        assert in_context[split]["accuracy"] == 1
    assert in_context["wrong_frame"]["correct"] == 0


@pytest.mark.parametrize("distractors", [0, 3])
def test_a_prompt_in_context_holds_the_premise_and_so_many_other_facts(distractors):
    positions = set()
    for questions in CORPUS.questions.values():
        prompted = InContext(distractors).apply_prompt(READER, questions)
        for i in range(len(questions)):
            stated, premise = prompt(prompted.cloze, i), needed(questions, i)
            assert len(facts(CORPUS, WORLD, stated)) == len(stated) == 1 + distractors
            assert stated.count(premise) == 1
            positions.add(stated.index(premise))
    assert positions == set(range(1 + distractors))  # in random order


def pieces(fact: Statement) -> set[str]:
    """The words of both names."""
    return {*fact[0].split("-"), *fact[2].split("-")}


def test_near_distractors_share_a_piece_of_a_name_with_the_premise():
    num_near = 0
    for questions in CORPUS.questions.values():
        prompted = InContextNear(2).apply_prompt(READER, questions)
        for i in range(len(questions)):
            stated, premise = prompt(prompted.cloze, i), needed(questions, i)
            assert len(facts(CORPUS, WORLD, stated)) == len(stated) == 3
            assert stated.count(premise) == 1
            near = [other for other in premises(CORPUS) if pieces(other) & pieces(premise)]
            possible = facts(CORPUS, WORLD, near) - facts(CORPUS, WORLD, [premise])
            chosen = [other for other in stated if other != premise and pieces(other) & pieces(premise)]
            assert len(chosen) == min(2, len(possible))
            num_near += len(chosen)
    assert num_near > 0


@pytest.mark.parametrize(
    "method", [InContext(2), InContextNear(2), OracleRetrieval(2), LexicalRetrieval(2), DenseRetrieval(2)]
)
def test_a_prompt_is_the_same_whichever_questions_are_asked_beside_it(method):
    questions = CORPUS.questions["inverse"]
    together, alone = method.apply_prompt(NETWORK, questions).cloze, questions.cloze
    for i in range(len(questions)):
        single, n = method.apply_prompt(NETWORK, questions[i : i + 1]).cloze, together.documents.lengths[i]
        assert single.documents.lengths[0] == n
        np.testing.assert_array_equal(single.documents.tokens[0, :n], together.documents.tokens[i, :n])
        # The question stays as it is: its open span moved along.
        start, size = alone.start[i], alone.size[i]
        moved = together.documents.tokens[i, together.start[i] : together.start[i] + size]
        np.testing.assert_array_equal(moved, alone.documents.tokens[i, start : start + size])
        assert prompt_and_question(CORPUS, together, i)[1] == question(CORPUS, questions, i)
        roles = together.documents.roles[i, : n - alone.documents.lengths[i] + 1]
        assert (roles == NONE).all()


@pytest.mark.parametrize("method", [InContext(6), OracleRetrieval(6), LexicalRetrieval(10)])
def test_no_prompt_holds_the_statement_that_is_asked_of_one_way_facts(method):
    questions = CORPUS.questions["inverse"]
    prompted = method.apply_prompt(READER, questions)
    for i in range(len(questions)):
        (statement,) = answered(CORPUS, questions, i)
        assert statement not in prompt(prompted.cloze, i)


def test_a_prompt_longer_than_learned_positions_is_refused():
    learned = trained(Causal(), position="learned")
    message = r"a prompt has \d+ tokens, but this network has \d+ positions: ask with fewer"
    with pytest.raises(SettingError, match=message):
        evaluate(learned, InContext(6))
    with pytest.raises(SettingError, match=message):
        evaluate(learned, ChainOfThought())
    first, second = CORPUS.entities.names[:2]
    with pytest.raises(SettingError, match=message):
        ask(learned, f"{first} teacher-of _", TypedContext((f"{first} teacher-of {second}",) * 9))
    evaluate(NETWORK, InContext(6))  # rotary positions have no end


# --- retrieval ---


def test_documents_with_the_same_statements_are_one_entry_and_none_is_lost():
    index, documents = DocumentIndex.from_corpus(CORPUS), CORPUS.documents
    stated = [tuple(statements(CORPUS, row[:n])) for row, n in zip(documents.tokens, documents.lengths)]
    entries = [tuple(statements(CORPUS, row[:n])) for row, n in zip(index.documents.tokens, index.documents.lengths)]
    assert len(set(entries)) == len(entries) == len(set(stated))
    assert [entries[entry] for entry in index.entry] == stated


def test_an_oracle_puts_one_document_with_the_premise_among_others():
    method = OracleRetrieval(3)
    for split, questions in CORPUS.questions.items():
        prompted, retrieved = method.apply_prompt(READER, questions), method.all_retrieved(READER, questions)
        for i in range(len(questions)):
            stated, is_stated = prompt(prompted.cloze, i), not split.startswith("unseen")
            assert len(stated) == len(set(stated)) == 3 + is_stated
            assert stated.count(needed(questions, i)) == is_stated == retrieved[i]
    splits = evaluate(READER, method)
    assert splits["inverse"]["accuracy"] == 1
    assert splits["unseen_inverse"]["correct"] == 0


def test_an_oracle_refuses_more_distractors_than_a_small_world_has():
    world = Reversal(entities=4, relations=1, one_way=1, two_way=0, documents=DocumentConfig(copies=16))
    model = trained(Causal(), world.build(0))
    message = r"oracle-retrieval.distractors is 1, but must be 0 to 0, the other documents"
    with pytest.raises(SettingError, match=message):
        evaluate(model, OracleRetrieval(1))
    assert evaluate(model, OracleRetrieval(0))["inverse"]["count"] == 1


@pytest.mark.parametrize("method", [LexicalRetrieval(4), DenseRetrieval(4), OracleRetrieval(1)])
def test_whether_the_premise_was_retrieved_is_counted_right(method):
    model = NETWORK if isinstance(method, DenseRetrieval) else READER
    for questions in CORPUS.questions.values():
        prompted, retrieved = method.apply_prompt(model, questions), method.all_retrieved(model, questions)
        in_prompt = [needed(questions, i) in prompt(prompted.cloze, i) for i in range(len(questions))]
        assert retrieved.tolist() == in_prompt


def test_lexical_retrieval_finds_each_statement_whose_words_are_asked():
    rows = [row for row in predict_all(READER, LexicalRetrieval(4)) if row["split"] == "forward"]
    assert len(rows) == len(CORPUS.questions["forward"])
    assert all(row["correct"] and row["retrieved"] for row in rows)


def test_the_document_that_shares_most_words_with_the_question_stands_next_to_it():
    questions = CORPUS.questions["inverse"]
    prompted = LexicalRetrieval(12).apply_prompt(READER, questions)
    for i in range(len(questions)):
        source, word, _ = question(CORPUS, questions, i)
        words = {*source.split("-"), word}
        shared = [len(words & (pieces(other) | {other[1]})) for other in prompt(prompted.cloze, i)]
        assert shared[-1] == max(shared)


def test_lexical_retrieval_takes_the_best_by_bm25():
    questions, index = CORPUS.questions["inverse"], DocumentIndex.from_corpus(CORPUS)
    entries = LexicalRetrieval(3).retrieve(READER, index, questions)
    texts = [row[:n].tolist() for row, n in zip(index.documents.tokens, index.documents.lengths)]
    mean_length = np.mean([len(text) for text in texts])
    frequency = Counter(word for text in texts for word in set(text))
    documents = questions.cloze.documents
    for i, retrieved in enumerate(entries):
        words = documents.tokens[i][(documents.roles[i] != NONE) & (documents.tokens[i] != MASK)].tolist()
        scores = np.zeros(len(texts))
        for word in words:
            rarity = np.log(1 + (len(texts) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            for entry, text in enumerate(texts):
                count = text.count(word)
                scores[entry] += rarity * count / (count + 1.5 * (1 - 0.75 + 0.75 * len(text) / mean_length))
        np.testing.assert_allclose(scores[retrieved], np.sort(scores)[::-1][:3], rtol=1e-4)


def test_dense_retrieval_takes_the_nearest():
    questions, index = CORPUS.questions["inverse"], DocumentIndex.from_corpus(CORPUS)
    entries = DenseRetrieval(5).retrieve(NETWORK, index, questions)
    vectors, stored = (represent(NETWORK, documents) for documents in (questions.cloze.documents, index.documents))
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, rtol=1e-5)
    for vector, retrieved in zip(vectors, entries):
        similarity = stored @ vector
        others = np.delete(similarity, retrieved)
        assert (np.diff(similarity[retrieved]) <= 1e-6).all()
        assert others.max() <= similarity[retrieved].min() + 1e-6


class OneHot(nn.Module):
    """A network whose hidden state is the token itself."""

    def forward(self, tokens: torch.Tensor, visibility: Visibility) -> torch.Tensor:
        return nn.functional.one_hot(tokens, len(CORPUS.vocabulary)).float()


def test_dense_retrieval_by_a_known_representation_takes_what_shares_most_words():
    modules = nn.ModuleDict({"network": OneHot()})
    modules.register_parameter("unused", nn.Parameter(torch.zeros(1)))  # tells the device
    questions, index = CORPUS.questions["inverse"], DocumentIndex.from_corpus(CORPUS)
    entries = DenseRetrieval(3).retrieve(TrainedModel(CORPUS, Causal(), modules), index, questions)

    def words(documents: Documents, i: int) -> set[int]:
        tokens, roles = documents.tokens[i], documents.roles[i]
        return set(tokens[(roles != NONE) & (tokens != MASK)].tolist())

    stored = [words(index.documents, entry) for entry in range(len(index))]
    for i, retrieved in enumerate(entries):
        query = words(questions.cloze.documents, i)
        cosine = np.array([len(query & other) / (len(query) * len(other)) ** 0.5 for other in stored])
        np.testing.assert_allclose(cosine[retrieved], np.sort(cosine)[::-1][:3], rtol=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_represents_documents_for_dense_retrieval(name):
    entries = DenseRetrieval(2).retrieve(
        trained(OBJECTIVES[name]()), DocumentIndex.from_corpus(CORPUS), CORPUS.questions["inverse"]
    )
    assert entries.shape == (len(CORPUS.questions["inverse"]), 2)


def test_jax_where_it_is_installed_stays_off_the_gpu(tmp_path):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("")
    (tmp_path / "jax" / "lax.py").write_text("import os\nprint('jax on', os.environ.get('JAX_PLATFORMS'))")
    build = "from tasks.reversal import Reversal; corpus = Reversal(entities=16, relations=2, one_way=10).build(1)"
    index = "from eval.methods.index import bm25_index; bm25_index(corpus)"
    code = f"import train.__main__; {build}; print('ready'); {index}"
    ended = python("-c", code, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert ended.stdout.splitlines() == ["ready", "jax on cpu"], ended.stderr


# --- generate and verify ---


def test_a_model_that_knows_stated_facts_alone_verifies_every_inverse():
    method = GenerateAndVerify()
    splits = evaluate(KNOWER, method)
    assert splits["inverse"]["accuracy"] == 1
    assert splits["inverse"]["log_prob"] == pytest.approx(-0.1)
    assert splits["backward"]["count"] == 0  # has no inverse form
    assert splits["unseen_inverse"]["log_prob"] == pytest.approx(-5)
    assert method.forward_passes(KNOWER) == 8  # of 16 names half have one token and half two


def test_a_candidate_s_score_is_that_of_the_statement_it_completes():
    questions = CORPUS.questions["inverse"]
    scores = GenerateAndVerify().candidate_log_probs(NETWORK, questions, CORPUS.entities)
    form, network = questions.inverse_form, NETWORK.modules["network"]
    for i in range(0, len(questions), 3):
        for entity in range(len(CORPUS.entities)):
            size = questions.cloze.size[i]
            if CORPUS.entities.lengths[entity] != size:
                assert scores[i, entity] == -np.inf
                continue
            tokens = form.documents.tokens[i, : form.documents.lengths[i]].copy()
            tokens[form.start[i] : form.start[i] + size] = CORPUS.entities.tokens[entity, :size]
            with torch.no_grad():
                hidden = network(torch.from_numpy(tokens[None]).long(), Causal().visibility_of({}))
                log_probs = network.logits(hidden)[0].log_softmax(-1)
            known = np.flatnonzero(form.documents.roles[i, : len(tokens)] == TARGET)
            expected = sum(float(log_probs[position - 1, tokens[position]]) for position in known)
            assert scores[i, entity] == pytest.approx(expected, rel=1e-4)


def test_generate_and_verify_can_be_limited_to_some_splits():
    limited = GenerateAndVerify(splits=("inverse", "none of this task"))
    rows = predict_all(KNOWER, limited)
    assert rows == [row for row in predict_all(KNOWER, GenerateAndVerify()) if row["split"] == "inverse"]
    assert limited.forward_passes(KNOWER) <= GenerateAndVerify().forward_passes(KNOWER)
    assert {split for split, summary in evaluate(KNOWER, limited).items() if summary["count"]} == {"inverse"}
    assert method_settings(GenerateAndVerify()) == {}
    assert method_settings(limited) == {"splits": ["inverse", "none of this task"]}


def test_a_thousand_candidates_a_question_take_well_under_a_second():
    world = Reversal(entities=1000, relations=1, one_way=20, documents=DocumentConfig(copies=1))
    model = trained(Causal(), world.build(0), width=ModelConfig().width)
    questions = model.corpus.questions["inverse"]
    began = time.process_time()
    with torch.no_grad():
        GenerateAndVerify().candidate_log_probs(model, questions, model.corpus.entities)
    assert (time.process_time() - began) / len(questions) < 0.5


# --- multiple choice ---


class ChoosesHalf(MultipleChoice):
    """The right statement is more probable than the others, of every second question, by one nat."""

    def choice_log_probs(self, trained, questions):
        _, right = trained.corpus.choices(questions)
        log_probs, i = np.zeros((len(questions), 6)), np.arange(len(questions))
        log_probs[i, (right + i % 2) % 6] = 1
        return log_probs


SYLLOGISM = Syllogism(chains=96).build(0)
REASONER = trained(Causal(), SYLLOGISM, heads=2)


def test_a_right_choice_is_a_right_prediction_and_chance_is_one_in_six():
    for split, summary in evaluate(REASONER, ChoosesHalf()).items():
        n = len(SYLLOGISM.questions[split])
        assert summary["correct"] == (n + 1) // 2
        assert (summary["chance"], summary["elimination_baseline"]) == pytest.approx((1 / 6, 1 / 3))
        assert summary["log_prob"] == pytest.approx(summary["correct"] / n - np.log(np.e + 5), abs=1e-4)
    assert ChoosesHalf().forward_passes(REASONER) == 6


@pytest.mark.parametrize("method", [MultipleChoice(), MultipleChoiceInContext(2)])
def test_the_most_probable_statement_is_chosen(method):
    prompted = apply_prompt(REASONER, method, SYLLOGISM.questions["trained"])
    predictions, (candidates, right) = method.predict(REASONER, prompted), SYLLOGISM.choices(prompted)
    names = SYLLOGISM.entities.tokens[candidates.accepted[:, 0]]
    log_probs = [
        Causal().answer_log_prob(REASONER.modules, candidates.cloze[[row]], names[[row]], SYLLOGISM.entities)[0]
        for row in range(len(candidates))
    ]
    chosen = np.reshape(log_probs, (-1, 6)).argmax(1)
    assert 0 < (chosen == right).mean() < 1
    np.testing.assert_array_equal((predictions != 0).any(1), chosen == right)


def test_a_task_without_statements_to_choose_from_cannot_be_asked_so():
    assert all(summary["count"] == 0 for summary in evaluate(NETWORK, MultipleChoice()).values())


# --- the command ---


@pytest.fixture(scope="module")
def run():
    """The folder of a tiny run of a world with episodes."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    train_run(tiny(world={"unseen": 3, "episodes.share": 0.5}), name)
    yield folders.ROOT / name
    shutil.rmtree(folders.ROOT / name)


def test_every_method_runs_with_its_own_settings_and_its_results_are_kept(run, capsys):
    options = ["--in-context.distractors", "2", "--lexical-retrieval.documents", "3"]
    main(["methods", str(run), *options, "--generate-and-verify.splits", "inverse"])
    printed = capsys.readouterr().out
    methods = json.loads((run / "methods.json").read_text())["methods"]
    assert list(methods) == list(METHODS)
    assert methods["in-context"]["settings"] == {"distractors": 2}
    assert methods["in-context-near"]["settings"] == {"distractors": 3}
    assert methods["lexical-retrieval"]["settings"] == {"documents": 3}
    assert methods["generate-and-verify"]["settings"] == {"splits": ["inverse"]}
    assert methods["generate-and-verify"]["forward_passes"] == 12
    result = json.loads((run / "result.json").read_text())
    assert methods["closed-book"]["query_modes"]["as-trained"] == result["splits"]
    for name in METHODS.keys() - {"multiple-choice", "multiple-choice-in-context"}:  # this task offers no choices
        assert all(word in " ".join(printed.split()) for word in name.split("-"))
    rows = (run / "methods.csv").read_text().splitlines()
    columns = "method,split,query_mode,question,answer,prediction,correct,log_prob,rank,retrieved"
    assert rows[0] == columns
    counts = Counter(row.split(",")[0] for row in rows[1:])
    num_questions = counts["closed-book"]
    assert counts == dict.fromkeys(METHODS, num_questions) | {"generate-and-verify": counts["generate-and-verify"]}
    assert 0 < counts["generate-and-verify"] < num_questions


def test_a_method_runs_again_only_where_its_settings_changed_and_others_stay(run):
    first = run_methods(run, METHODS)["methods"]
    rows = (run / "methods.csv").read_text().splitlines()
    written = (run / "methods.json").stat().st_mtime_ns
    entry = run_methods(run, {"in-context": METHODS["in-context"]}, overwrite=False)
    assert entry["methods"].keys() == {"in-context"}
    assert (run / "methods.json").stat().st_mtime_ns == written
    run_methods(run, {"in-context": InContext(1)}, overwrite=False)
    after = json.loads((run / "methods.json").read_text())["methods"]
    assert after["in-context"]["settings"] == {"distractors": 1}
    del after["in-context"], first["in-context"]
    assert after == first
    kept = (run / "methods.csv").read_text().splitlines()
    assert len(kept) == len(rows)
    assert all(row.startswith("in-context,") for row in set(rows) - set(kept))


def test_a_method_is_registered_by_its_name_and_its_fields_are_options(run, capsys):
    for name, method in METHODS.items():
        assert isinstance(method, AnswerMethod)
        assert method.name == name
    with pytest.raises(SystemExit):
        main(["methods", "--help"])
    printed = capsys.readouterr().out
    for name, method in METHODS.items():
        for field in fields(method):
            assert f"--{name}.{field.name}" in printed


def test_metrics_record_the_accuracy_in_context(run):
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    evaluations = [entry for entry in entries if entry["kind"] == "evaluation"]
    assert evaluations
    assert all(set(entry["methods"]) == {"in-context"} for entry in evaluations)
    assert all(entry["methods"]["in-context"].keys() == entry["splits"].keys() for entry in evaluations)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "by-heart"], "methods is 'by-heart', but must be one of closed-book, in-context"),
        (["--in-context.distractors", "-1"], "in-context.distractors is -1, but must be 0 or more"),
        (["--in-context-near.distractors", "500"], "in-context-near.distractors is 500, but must be 0 to"),
        (["--oracle-retrieval.distractors", "500"], "oracle-retrieval.distractors is 500, but must be 0 to"),
        (["--lexical-retrieval.documents", "0"], "lexical-retrieval.documents is 0, but must be 1 or more"),
        (["--oracle-retrieval.distractor", "1"], "did you mean --oracle-retrieval.distractors"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(run, arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["methods", str(run), *arguments])
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_missing_run_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["methods", str(tmp_path / "nothing")])
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_question_is_asked_behind_typed_statements_or_retrieved_documents(run, capsys):
    world = tiny(world={"unseen": 3, "episodes.share": 0.5})
    a, b, c = world.task.build(world.seed).entities.names[:3]
    main(["ask", str(run), f"{b} student-of _", "--context", f"{a} teacher-of {b}", f"{c} child-of {a}"])
    prompt = f"[begin] {a} teacher-of {b} [separator] {c} child-of {a} [separator] {b} student-of _"
    assert f"prompt: {prompt}" in " ".join(capsys.readouterr().out.split())
    main(["ask", str(run), f"{b} student-of _", "--retrieve", "lexical", "--documents", "2"])
    assert capsys.readouterr().out.count("[separator]") == 2
    main(["ask", str(run), f"{b} student-of _", "--chain-of-thought"])
    assert f"prompt: [begin] {b} student-of" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--context", "A teacher-of _"],
        ["--context", "A likes B"],
        ["--context", "A"],
        ["--context", "A teacher-of B", "--retrieve", "dense"],
        ["--context", "A teacher-of B", "--chain-of-thought"],
        ["--retrieve", "lexical", "--chain-of-thought"],
        ["--verify", "--context", "A teacher-of B"],
        ["--verify", "--retrieve", "dense"],
        ["--verify", "--chain-of-thought"],
        ["--retrieve", "lexical", "--documents", "0"],
    ],
)
def test_a_prompt_that_makes_no_sense_is_refused(run, arguments):
    world = tiny(world={"unseen": 3, "episodes.share": 0.5})
    a, b = world.task.build(world.seed).entities.names[:2]
    with pytest.raises(SystemExit) as ended:
        main(["ask", str(run), f"{b} student-of _", *(text.replace("A", a).replace("B", b) for text in arguments)])
    assert ended.value.code == 2
