"""Augmentation: what a model infers in context from its training documents becomes training documents."""

from dataclasses import replace

import numpy as np
import pytest

from checkpoints import steps
from checkpoints.files import read_json
from config.validation import SettingError
from eval.trained_model import load_trained_model
from tests.running import record, stop_after, tiny
from train.augment import infer
from train.config import TrainConfig
from train.run import train_run
from train.signals import StopFlag, StopRequested


def test_what_a_run_infers_is_trained_and_counted_and_a_resumed_run_goes_on_with_it(tmp_path):
    world = {"episodes.share": 0.25}
    train_run(tiny(world=world), "first", root=tmp_path)
    config = tiny(world=world, init_from=str(tmp_path / "first"), augment=2)
    result = train_run(config, "whole", root=tmp_path)
    corpus = config.task.build(config.seed)
    inferred = read_json(tmp_path / "whole/inferred.json")
    assert result["inferred"] == {name: inferred[name] for name in ("count", "correct")}
    assert inferred["count"] == len(corpus.inferences())
    rows = (tmp_path / "whole/inferred.csv").read_text().splitlines()[1:]
    assert len(rows) == inferred["count"]
    assert sum(row.endswith(",1") for row in rows) == inferred["correct"]
    with pytest.raises(StopRequested):
        train_run(config, "halves", root=tmp_path, stop=stop_after(7))
    train_run(config, "halves", root=tmp_path, resume=True)
    assert record(tmp_path / "halves") == record(tmp_path / "whole")
    weights = [steps.path_of(tmp_path / name, 12) / "weights.safetensors" for name in ("whole", "halves")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    # A run is read with what it was trained on, so that what training states can be looked up.
    trained = load_trained_model(tmp_path / "whole").trained
    assert len(trained.corpus.documents) == len(corpus.documents) + inferred["count"]


def test_without_augmentation_nothing_is_inferred(tmp_path):
    train_run(tiny(), "first", root=tmp_path)
    result = train_run(tiny(init_from=str(tmp_path / "first")), "plain", root=tmp_path)
    assert "inferred" not in result
    assert not list((tmp_path / "plain").glob("inferred*"))


def test_a_run_that_was_trained_on_another_world_is_refused(tmp_path):
    train_run(tiny(), "first", root=tmp_path)
    config = tiny(init_from=str(tmp_path / "first"), augment=2)
    for other in (replace(config, seed=1), replace(config, task=replace(config.task, one_way=3))):
        with pytest.raises(SettingError, match=r"train.augment: .* was trained on other documents"):
            train_run(other, f"other-{other.seed}", root=tmp_path)


def test_what_is_inferred_does_not_depend_on_how_many_are_asked_at_once(tmp_path, monkeypatch):
    config = tiny(world={"episodes.share": 0.25, "names.min_length": 1, "names.max_length": 2})
    train_run(config, "first", root=tmp_path)
    corpus = config.task.build(config.seed)
    together, _ = infer(corpus, tmp_path / "first", StopFlag())
    monkeypatch.setattr("eval.evaluate.CHUNK", 1)  # chunks of other widths
    one_by_one, _ = infer(corpus, tmp_path / "first", StopFlag())
    np.testing.assert_array_equal(together.tokens, one_by_one.tokens)


@pytest.mark.parametrize("given", [{"augment": 1}, {"augment": -1, "init_from": "x"}])
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(SettingError, match=r"train.augment is"):
        TrainConfig(**given)
