"""Evaluation of hand-made predictions: summaries with intervals and baselines, and questions that cannot be asked."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from eval.evaluate import (
    apply_prompt,
    evaluate,
    from_entry,
    inference_mode,
    predict_all,
    predict_split,
    summarize,
    to_entry,
)
from eval.methods.closed_book import ClosedBook
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.in_context import InContext
from eval.metrics import wilson_interval
from eval.trained_model import TrainedModel
from model.build import build_modules
from model.config import ModelConfig
from model.objectives.base import Objective
from model.objectives.bico import Bico
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import Corpus
from tasks.hierarchy import Hierarchy
from tasks.triples import Triples
from tests.test_metrics import CORPUS


def untrained(objective: Objective, corpus: Corpus = CORPUS) -> TrainedModel:
    return TrainedModel(corpus, objective, build_modules(ModelConfig(width=16), objective, corpus, 0).eval())


@dataclass(frozen=True)
class Knows(ClosedBook):
    """Predicts the accepted name of each question, but for the first `num_wrong` of each split."""

    num_wrong: int

    def predict(self, trained, questions, scores=None):
        predictions = trained.corpus.entities.tokens[questions.accepted[:, 0]].copy()
        predictions[: self.num_wrong, 0] = 0
        return predictions

    def answer_log_prob(self, trained, questions, names):
        return np.full(len(questions), -0.5, np.float32)

    def candidate_log_probs(self, trained, questions, candidates):
        scores = np.full((len(questions), len(candidates)), -2.0, np.float32)
        scores[:, 0] = -1.0
        return scores


def without_ranks(summaries: dict) -> dict:
    """Summaries as `evaluate` makes them, which ranks nothing."""
    return {
        mode: {split: {name: value for name, value in summary.items() if name != "reciprocal_rank"}
               for split, summary in splits.items()}
        for mode, splits in summaries.items()
    }  # fmt: skip


@pytest.mark.parametrize("num_wrong", [0, 2, 6])
def test_evaluation_counts_right_predictions(num_wrong):
    trained, method = untrained(Masked()), Knows(num_wrong)
    splits = evaluate(trained, method)
    assert splits.keys() == CORPUS.questions.keys()
    for summary in splits.values():
        correct = 6 - num_wrong
        assert (summary["correct"], summary["count"], summary["accuracy"]) == (correct, 6, correct / 6)
        assert summary["log_prob"] == -0.5
        assert summary["chance"] == pytest.approx(1 / 6)  # half of the twelve names have the answer's length
        assert (summary["low"], summary["high"]) == wilson_interval(correct, 6)
    rows = predict_all(trained, method)
    assert without_ranks(summarize(trained, rows)) == {"as-trained": splits}
    assert {row["rank"] for row in rows} <= {1, 2}  # entity 0 has a higher score than all others
    assert evaluate(trained, method, limit=4).keys() == CORPUS.questions.keys()
    assert evaluate(trained, method, limit=4)["inverse"]["count"] == 4


def test_the_mean_reciprocal_rank_is_of_all_questions_that_were_asked():
    rows = predict_all(untrained(Masked()), Knows(0))
    summaries = summarize(untrained(Masked()), rows)["as-trained"]
    for split, summary in summaries.items():
        ranks = [row["rank"] for row in rows if row["split"] == split]
        assert summary["reciprocal_rank"] == pytest.approx(sum(1 / rank for rank in ranks) / 6)
    assert {round(12 * summary["reciprocal_rank"]) for summary in summaries.values()} > {6}  # some answers come first
    cannot_be_asked = summarize(untrained(Causal()), predict_all(untrained(Causal())))["as-trained"]["backward"]
    assert "reciprocal_rank" not in cannot_be_asked


def test_a_row_holds_the_question_the_answer_and_how_the_prediction_scores():
    (row, *_) = predict_all(untrained(Masked()), Knows(0))
    columns = "split query_mode question answer prediction correct log_prob rank token_accuracy"
    assert " ".join(row) == columns
    assert row["prediction"] == row["answer"]
    assert row["correct"] == row["token_accuracy"] == 1


# Two categories and a deeper one have every value, so that inverse questions have several answers.
SEVERAL = Hierarchy(trees=6, documents=DocumentConfig(copies=1))
LONG_NAMES = replace(SEVERAL, names=NameConfig(min_length=2, max_length=2))


@pytest.mark.parametrize("task", [SEVERAL, LONG_NAMES], ids=["one token", "two tokens"])
@pytest.mark.parametrize("method", [ClosedBook(), InContext(1)], ids=["closed book", "in context"])
def test_all_accepted_names_are_shown_and_their_probabilities_summed(task, method):
    trained = untrained(Causal(), task.build(0))
    questions = trained.corpus.questions["inverse"]
    num_accepted = (questions.accepted >= 0).sum(1)
    assert set(num_accepted.tolist()) > {1}
    entities, prompted = trained.corpus.entities, apply_prompt(trained, method, questions)
    with inference_mode(trained):
        each = [method.answer_log_prob(trained, prompted, entities.tokens[column]) for column in questions.accepted.T]
    expected = np.log((np.exp(each).T * (questions.accepted >= 0)).sum(1))
    rows = predict_split(trained, method, questions)
    assert [row["log_prob"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-4)
    summary = evaluate(trained, method)["inverse"]  # without the scores of all candidates
    assert summary["log_prob"] == pytest.approx(expected.mean(), abs=1e-4)
    for row, accepted in zip(rows, questions.accepted):
        assert row["answer"].split(" | ") == [entities.names[entity] for entity in accepted if entity >= 0]


def test_of_candidates_that_are_verified_the_best_accepted_one_counts():
    trained = untrained(Causal(), Triples(documents=DocumentConfig(copies=1)).build(0))
    questions = trained.corpus.questions["inverse"]
    questions = questions[(questions.accepted >= 0).sum(1).argsort()[-2:]]
    with inference_mode(trained):
        scores = GenerateAndVerify().candidate_log_probs(trained, questions, trained.corpus.entities)
    for row, row_scores, accepted in zip(
        predict_split(trained, GenerateAndVerify(), questions), scores, questions.accepted
    ):
        assert row["log_prob"] == pytest.approx(max(row_scores[accepted[accepted >= 0]]))


def test_a_model_with_two_query_modes_is_summarised_in_both():
    trained = untrained(Bico())
    rows = predict_all(trained)
    summaries = summarize(trained, rows)
    assert list(summaries) == ["as-trained", "left-to-right"]
    for query_mode, model in trained.query_modes().items():
        for split, summary in evaluate(model).items():
            assert without_ranks(summaries)[query_mode][split] == pytest.approx(summary)
    assert len(rows) == 2 * sum(map(len, CORPUS.questions.values()))
    assert summaries["as-trained"]["backward"]["count"] == len(CORPUS.questions["backward"])
    assert summaries["left-to-right"]["backward"]["count"] == 0
    entry = to_entry(summaries)
    assert entry["splits"] == summaries["as-trained"]  # tables show the first query mode
    assert from_entry(json.loads(json.dumps(entry))) == summaries


def test_a_model_with_one_query_mode_has_its_splits_in_an_entry_once():
    summaries = {"as-trained": evaluate(untrained(Causal()))}
    assert list(to_entry(summaries)) == ["splits"]
    assert from_entry(to_entry(summaries)) == summaries


def test_a_split_that_cannot_be_asked_has_no_accuracy_instead_of_zero():
    summary = evaluate(untrained(Causal()))["backward"]
    assert summary["count"] == 0
    assert (summary["accuracy"], summary["low"], summary["high"], summary["log_prob"]) == (None,) * 4
    rows = [row for row in predict_all(untrained(Causal())) if row["split"] == "backward"]
    assert len(rows) == len(CORPUS.questions["backward"])
    assert not any("prediction" in row for row in rows)


def test_evaluation_may_be_stopped_between_chunks_and_leaves_training_mode_as_it_was():
    trained = untrained(Causal())
    trained.modules.train()

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(trained, check=stop)
    evaluate(trained)
    assert trained.modules.training
