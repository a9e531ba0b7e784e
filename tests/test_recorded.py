"""`--resume --name NAME` takes the settings of a run from its folder, and `--from` is named where they must differ."""

import pytest

from checkpoints.folder import run_folder
from checkpoints.steps import FILES, steps
from model.objectives.masked import Masked
from tasks.syllogism import Syllogism
from tests.running import command, flags, stop_after, tiny
from train.__main__ import main
from train.run import train_run
from train.signals import StopRequested
from train.tensorboard import TensorBoardWriter


@pytest.fixture(autouse=True)
def runs(monkeypatch, tmp_path):
    """The folder in which command lines keep their runs."""
    for module in ("run", "recorded", "finish"):
        monkeypatch.setattr(f"train.{module}.run_folder", lambda name, root=tmp_path: run_folder(name, root))
    monkeypatch.setattr(TensorBoardWriter, "finish", lambda *_: None)
    return tmp_path


def stopped(config, root, name="run") -> None:
    with pytest.raises(StopRequested):
        train_run(config, name, root=root, stop=stop_after(7))


def final_weights(folder) -> bytes:
    return (steps(folder)[-1] / FILES[0]).read_bytes()


@pytest.mark.parametrize(
    ("preset", "config"),
    [
        ("causal", tiny(seed=3, network={"depth": 2})),
        ("bidirectional", tiny(Masked(scheme="uniform"))),
        ("causal", tiny().__class__(Syllogism(chains=24), tiny().objective, tiny().model, tiny().train)),
    ],
    ids=["network", "objective", "task"],
)
def test_a_resumed_run_needs_none_of_its_settings_again(runs, capsys, preset, config):
    stopped(config, runs)
    train_run(config, "whole", root=runs)
    assert command(main, [preset, "--resume", "--name", "run"], capsys)[0] == 0
    assert final_weights(runs / "run") == final_weights(runs / "whole")


def test_the_default_name_is_found_by_preset_and_seed(runs, capsys):
    stopped(tiny(seed=5), runs, "causal-5")
    assert command(main, ["causal", "--resume", "--seed", "5"], capsys)[0] == 0
    assert (runs / "causal-5" / "result.json").exists()


def test_settings_that_change_no_weight_may_differ(runs, capsys):
    stopped(tiny(), runs)
    train_run(tiny(), "whole", root=runs)
    free = ["--train.keep", "5", "--train.save-every", "3", "--train.log-every", "1", "--train.threads", "1"]
    assert command(main, ["causal", "--resume", "--name", "run", *free], capsys)[0] == 0
    assert final_weights(runs / "run") == final_weights(runs / "whole")


def test_a_setting_that_is_given_and_differs_is_refused_by_name(runs, capsys):
    stopped(tiny(), runs)
    code, line = command(main, ["causal", "--resume", "--name", "run", "--train.batch", "9"], capsys)
    assert code == 2
    assert "train.batch was 8, is 9" in line


def test_more_steps_are_refused_with_what_trains_further(runs, capsys):
    train_run(tiny(), "run", root=runs)
    code, line = command(main, ["causal", "--resume", "--name", "run", "--train.steps", "20"], capsys)
    assert code == 2
    assert (
        f"train.steps was 12, is 20 (--overwrite replaces it, --name trains another run, --from {runs / 'run'}" in line
    )


@pytest.mark.parametrize("name", ["rum", "causal-9"])
def test_a_name_that_is_no_run_is_an_error_and_no_new_run(runs, capsys, name):
    code, line = command(main, [*flags(tiny()), "--resume", "--name", name], capsys)
    assert code == 2
    assert f"there is no {name} in {runs}" in line
    assert not (runs / name).exists()


def test_a_preset_of_another_objective_is_refused(runs, capsys):
    stopped(tiny(Masked()), runs)
    code, line = command(main, ["causal", "--resume", "--name", "run"], capsys)
    assert code == 2
    assert f"preset is 'causal', but must be one with the objective of {runs / 'run'}, masked" in line


def test_a_run_ends_with_all_that_it_was_trained_for(runs, capsys):
    config = tiny(world={"episodes.share": 0.5, "unseen": 2})
    result = train_run(config, "run", root=runs)
    assert set(result["methods"]) == {"in-context"}
    assert result["methods"]["in-context"]["unseen_inverse"]["count"] == 2
    main(["causal", "--resume", "--name", "run"])
    shown = capsys.readouterr().out
    assert shown.index("run, closed book") < shown.index("run, in context")  # nearest to the prompt
