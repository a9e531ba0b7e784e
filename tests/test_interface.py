"""A run as a Python object gives what the commands give; training from Python is the training of the command."""

import os
import shutil
import signal
import sys
import warnings
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from checkpoints.config import read_config_json
from checkpoints.folder import as_csv, parse_csv, run_folder, unescape_formula
from config.validation import SettingError
from eval import load
from eval.ask import ask
from eval.evaluate import CLOSED_BOOK, predict_all
from eval.interface import make_query
from eval.internals import attention, embeddings, logits
from eval.methods.in_context import InContext
from eval.methods.index import bm25_index
from eval.methods.retrieval import LexicalRetrieval
from eval.questions import SplitQuestions, without_filler
from eval.text import encode, parse_question
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.masked import Masked
from model.objectives.span_denoising import SpanDenoising
from tests import examples
from tests.running import contents, tiny
from tests.test_evaluate import untrained
from tests.test_every_task import every_task, small
from train import preset, train
from train.run import train_run
from train.signals import StopFlag, stop_on_interrupt

TWO_TOKENS = {"names.min_length": 1, "names.max_length": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of runs, in place of checkpoints/: `causal`, and `masked` with names of one and two tokens."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eval.runs.ROOT", root)
        patch.setattr(run_folder, "__defaults__", (root,))
        train_run(tiny(), "causal")
        train_run(tiny(Masked(), world=TWO_TOKENS), "masked")
        yield root


@pytest.fixture
def run(root):
    return load("causal")


# --- asking ---


def test_a_run_is_loaded_by_name_or_folder_and_shown_in_a_line(run, root, monkeypatch):
    assert repr(run) == "<Run causal: reversal, causal, step 12>"
    monkeypatch.chdir(root)
    relative = load("./causal")
    monkeypatch.chdir("/")
    assert relative.result == run.result
    with pytest.raises(SettingError, match=r"^causl is no run folder.*did you mean checkpoints/causal\?$"):
        load("causl")


def test_answers_are_those_of_the_command_and_shown_a_line_each(run):
    question = run.questions["forward"][0].text
    prompt, expected = ask(run.trained, question, best=3)
    answers = run.ask(question, best=3)
    assert (list(answers), answers.prompt, answers.question) == (expected, prompt, question)
    first, *lines = repr(answers).splitlines()
    assert first == question
    assert [line.split()[2] for line in lines] == [answer.entity for answer in expected]


def test_a_context_or_a_method_makes_the_prompt(run):
    question, statement = "{} teacher-of _", "{} teacher-of {}"
    first, second, third = run.trained.corpus.entities.names[:3]
    question, statement = question.format(first), statement.format(second, third)
    for context in ([statement], statement):
        assert run.ask(question, context=context).prompt == f"[begin] {statement} [separator] {question}"
    assert run.logits(question, context=[statement]).tokens[:5] == ("[begin]", *statement.split(), "[separator]")
    retrieved = run.ask(question, method="lexical-retrieval").prompt
    assert retrieved.count("[separator]") == LexicalRetrieval().documents
    one = run.ask(question, method=LexicalRetrieval(documents=1)).prompt
    assert one.count("[separator]") == run.attention(question, method=LexicalRetrieval(1)).tokens.count("[separator]")
    assert one.count("[separator]") == 1


def test_generate_and_verify_gives_the_probability_of_the_entity_behind_each_name(run):
    first, second = run.trained.corpus.entities.names[:2]
    verified = run.ask(f"{first} student-of _", method="generate-and-verify", best=12)
    stated = {answer.entity: answer.probability for answer in run.ask(f"{second} teacher-of _", best=12)}
    assert {answer.entity: answer.probability for answer in verified}[second] == pytest.approx(stated[first], rel=1e-4)


@pytest.mark.parametrize(
    ("method", "question", "options", "message"),
    [
        ("ask", "x", {}, "^question is 'x', but must be an entity"),
        ("logits", "nobody teacher-of _", {}, "^'nobody' is no entity of this world; the nearest are"),
        ("ask", "_ teacher-of A", {}, "must be the last word$"),
        ("logits", "_ teacher-of A", {}, "must be the last word$"),
        ("attention", "_ teacher-of A", {}, "must be the last word$"),
        ("ask", "A teacher-of _", {"best": 0}, "^best is 0, but must be 1 or more$"),
        ("ask", "A teacher-of _", {"context": ["x"]}, "^context is 'x', but must be"),
        ("ask", "A teacher-of _", {"method": "lexical-retreival"}, r"did you mean lexical-retrieval\?$"),
        ("attention", "A teacher-of _", {"method": InContext()}, "^method is 'in-context', but must be one of"),
        (
            "ask",
            "A teacher-of _",
            {"context": ["x"], "method": "dense-retrieval"},
            "^method is 'dense-retrieval', but must be left out where a context is given$",
        ),
        ("logits", "A teacher-of _", {"size": 2}, r"^size is 2, but must be one of \[1\]"),
    ],
)
def test_bad_input_is_refused_in_one_line(run, method, question, options, message):
    name = run.trained.corpus.entities.names[0]
    with pytest.raises(SettingError, match=message) as refused:
        getattr(run, method)(question.replace("A", name), **options)
    assert "\n" not in str(refused.value)


def test_an_unknown_split_is_refused(run):
    with pytest.raises(SettingError, match=r"^split is 'invers', but must be one of .*did you mean inverse\?$"):
        run.questions["invers"]
    assert "invers" not in run.questions


def test_a_warning_of_the_import_of_bm25s_is_not_shown(monkeypatch, tmp_path):
    """In a notebook without ipywidgets, tqdm gives one."""
    lines = ("import warnings", "warnings.warn('no bar')", "class BM25:", "    index = lambda *_, **__: None")
    (tmp_path / "bm25s.py").write_text("\n".join(lines))
    monkeypatch.delitem(sys.modules, "bm25s", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bm25_index.__wrapped__(examples.corpus())
    assert sys.modules.pop("bm25s").__file__ == str(tmp_path / "bm25s.py")


# --- inside ---


def question_for(trained) -> str:
    first = trained.corpus.entities.names[0]
    return f"{first} teacher-of _"


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if OBJECTIVES[name] is not JointEmbedding])
def test_the_row_that_is_asked_gives_the_probabilities_of_the_objective(name):
    trained = untrained(OBJECTIVES[name]())
    model, query = make_query(trained, question_for(trained), CLOSED_BOOK, None)
    result = logits(model, query)
    assert result.values.shape == (len(result.tokens), len(result.words))
    assert result.words == trained.corpus.vocabulary.words
    expected = model.objective.token_log_probs(model.modules, query)[0]
    assert torch.allclose(result.values[result.asked].log_softmax(-1), expected, atol=1e-5)
    assert f"values=[{len(result.tokens)}, {len(result.words)}]" in repr(result)


def test_a_model_that_predicts_no_tokens_has_no_logits():
    trained = untrained(JointEmbedding())
    with pytest.raises(SettingError, match=r"it has no logits$"):
        logits(*make_query(trained, question_for(trained), CLOSED_BOOK, None))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_row_of_attention_sums_to_one(name):
    trained = untrained(OBJECTIVES[name]())
    result = attention(*make_query(trained, question_for(trained), CLOSED_BOOK, None))
    config, t = trained.modules["network"].config, len(result.tokens)
    assert result.weights.shape == (config.depth, config.heads, t, t)
    assert torch.allclose(result.weights.sum(-1), torch.ones(config.depth, config.heads, t))


def test_a_causal_model_attends_to_nothing_on_the_right_and_a_masked_one_does():
    on_right = {}
    for objective in (Causal(), Masked()):
        trained = untrained(objective)
        weights = attention(*make_query(trained, question_for(trained), CLOSED_BOOK, None)).weights
        on_right[type(objective)] = weights.triu(1).sum().item()
    assert on_right[Causal] == 0 < on_right[Masked]


def test_the_asked_token_is_where_each_model_predicts_the_answer(root):
    causal, masked = load("causal"), load("masked")
    first = causal.logits(question_for(causal.trained))
    assert (first.tokens[first.asked], first.tokens[first.asked + 1]) == ("teacher-of", "[mask]")
    short = masked.logits(question_for(masked.trained))
    long = masked.logits(question_for(masked.trained), size=2)
    assert (short.tokens.count("[mask]"), long.tokens.count("[mask]")) == (1, 2)
    assert short.tokens[short.asked] == long.tokens[long.asked] == "[mask]"
    assert long.tokens[long.asked - 1] == "teacher-of"
    for run in (causal, masked):
        question = question_for(run.trained)
        assert run.attention(question).asked == run.logits(question).asked
    decoder = untrained(SpanDenoising())
    assert attention(*make_query(decoder, question_for(decoder), CLOSED_BOOK, None)).asked is None


def test_embeddings_have_a_row_for_each_word_and_the_mean_of_each_name(root):
    run = load("masked")
    result, corpus = run.embeddings(), run.trained.corpus
    assert result.tokens == corpus.vocabulary.words
    assert result.matrix.shape == (len(result.tokens), 16)
    assert result.entities == corpus.entities.names
    assert {len(name.split("-")) for name in result.entities} == {1, 2}
    for name, vector in zip(result.entities, result.entity_matrix, strict=True):
        rows = [result.tokens.index(word) for word in name.split("-")]
        assert torch.allclose(vector, result.matrix[rows].mean(0), atol=1e-6)
    assert f"… {len(result.tokens)} in all" in repr(result)
    result.matrix.zero_()  # a copy
    assert embeddings(run.trained).matrix.any()


# --- questions ---


@every_task
def test_the_text_of_a_question_can_be_typed_and_is_the_same_statement(name):
    corpus = small(name).build(0)
    for split, questions in corpus.questions.items():
        listed = SplitQuestions(split, corpus, questions, [])
        bare = without_filler(questions.cloze)
        assert len(listed) == len(questions)
        for i in range(min(len(listed), 20)):
            cloze = encode(corpus, parse_question(corpus, listed[i].text), int(questions.cloze.size[i]))
            n = bare.documents.lengths[i]
            np.testing.assert_array_equal(cloze.documents.tokens[0, 1:], bare.documents.tokens[i, :n])
            assert cloze.start[0] == bare.start[i] + 1
            assert set(listed[i].accepted) <= set(corpus.entities.names)
            assert listed[i].accepted


def test_predictions_are_those_of_the_run(root):
    for name in ("causal", "masked"):
        run = load(name)
        rows = predict_all(run.trained)
        for split, questions in run.questions.items():
            expected = [row for row in rows if row["split"] == split]
            assert [question.document for question in questions] == [row["question"] for row in expected]
            assert [question.prediction for question in questions] == [row.get("prediction") for row in expected]
            for question, row in zip(questions, expected, strict=True):
                assert question.correct == row.get("correct")
                if question.prediction is not None:
                    assert question.correct == (question.prediction in question.accepted)
                    assert np.isclose(np.log(question.probability), row["log_prob"], atol=1e-3)
            summary = run.result["splits"][split]
            assert sum(bool(question.correct) for question in questions) == summary["correct"]


def test_questions_are_a_sequence_that_can_be_read(run):
    inverse = run.questions["inverse"]
    assert inverse[-1] == inverse[len(inverse) - 1] == list(inverse)[-1]
    assert inverse[1:3] == [inverse[1], inverse[2]]
    with pytest.raises(IndexError):
        inverse[len(inverse)]
    first = inverse[0]
    assert f"  {first.text}  accepted: {first.accepted[0]}  predicted: {first.prediction}" in repr(inverse)
    assert repr(inverse).startswith("inverse (")
    assert repr(inverse) in repr(run.questions)


def test_a_run_that_is_not_finished_has_questions_without_predictions(root, tmp_path):
    unfinished = shutil.copytree(root / "causal", tmp_path / "unfinished")
    (unfinished / "result.json").unlink()
    run = load(unfinished)
    assert run.questions["forward"][0].accepted
    assert {question.prediction for question in run.questions["forward"]} == {None}
    with pytest.raises(SettingError, match="not finished"):
        _ = run.result


def test_predictions_that_were_changed_are_refused_and_removed_ones_are_none(root, tmp_path):
    changed = shutil.copytree(root / "causal", tmp_path / "changed")
    with open(changed / "questions.csv", "a") as file:
        file.write("\n")
    with pytest.raises(SettingError, match=r"questions\.csv is damaged"):
        _ = load(changed).questions
    (changed / "questions.csv").unlink()
    assert load(changed).questions["forward"][0].prediction is None


@pytest.mark.parametrize("name", ["=1+1", "+a", "-b", "@c", "'d", "e", ""])
def test_a_name_that_looks_like_a_formula_is_read_as_it_was(name):
    (row,) = parse_csv(as_csv([{"prediction": name}]).encode())
    assert unescape_formula(row["prediction"]) == name


def test_settings_and_results_are_those_of_the_folder(run):
    assert run.config == read_config_json(run.folder)
    assert run.config["train"]["steps"] == 12
    assert set(run.result["splits"]) == set(run.questions)


# --- training ---


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("causl", {}, r"^preset is 'causl', but must be one of .*did you mean causal\?$"),
        ("causal", {"train.stepz": 3}, r"^causal has no setting 'train.stepz'; did you mean train.steps\?$"),
        ("causal", {"train.steps": "many"}, "^train.steps is 'many', but must be a whole number$"),
        ("causal", {"train.steps": 0}, "^train.steps is 0, but must be 1 or more$"),
        (
            "causal",
            {"train.steps": 20, "train.warmup": 21},
            r"^train.warmup is 21, but must be 0 to",
        ),
        ("causal", {"task.name": "hierarchy"}, "^causal has no setting 'task.name'"),
        ("causal", {"format": 1}, "^causal has no setting 'format'"),
        ("causal", {"task": 1}, "^causal has no setting 'task'"),
        ("bidirectional", {"objective.maskable": ("x",)}, "^objective.maskable is 'x', but must be one of"),
        ("causal", {"seed": -1}, "^seed is -1"),
    ],
)
def test_settings_that_do_not_exist_or_are_not_allowed_are_refused(name, changes, message):
    with pytest.raises(SettingError, match=message) as refused:
        preset(name, changes)
    assert "\n" not in str(refused.value)


def test_a_preset_with_changes_is_the_preset_otherwise():
    default, changed = preset("bidirectional"), preset("bidirectional", {"train.steps": 50, "model.width": 32})
    assert changed.train == replace(default.train, steps=50, warmup=50)
    assert changed.model == replace(default.model, width=32)
    assert (changed.task, changed.objective, changed.seed) == (default.task, default.objective, default.seed)
    assert preset("bidirectional", {"objective.maskable": ("source",)}).objective.maskable == ("source",)


def test_training_from_python_is_that_of_the_command_and_happens_once(root, capsys):
    run = train(tiny(), name="again")
    assert run.folder == root / "again"
    assert (run.folder / "metrics.jsonl").exists()
    first, again = load("causal"), contents(run.folder)
    assert run.result["weights"] == first.result["weights"]
    assert "step 12/12" in capsys.readouterr().err
    assert train(tiny(), name="again").result == run.result
    assert contents(run.folder) == again
    assert capsys.readouterr().err == ""
    with pytest.raises(SettingError, match=r"train.steps was 12, is 13"):
        train(tiny(steps=13), name="again")
    assert contents(run.folder) == again
    assert train(tiny(steps=13), name="again", overwrite=True).step == 13


def test_an_interrupt_saves_the_run_and_the_same_call_continues(root, monkeypatch, capsys):
    checks, check = count(), StopFlag.check

    def interrupted(flag: StopFlag) -> None:
        if next(checks) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        check(flag)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(StopFlag, "check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tiny(), name="interrupted")
    assert "stopped and saved: the same call continues" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
    stopped = load("interrupted")
    assert 0 < stopped.step < 12
    run = train(tiny(), name="interrupted")
    assert (run.step, run.result["weights"]) == (12, load("causal").result["weights"])


def test_a_second_interrupt_does_not_wait():
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal_number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
