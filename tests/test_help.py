"""`--help` shows the main settings on one screen and says how to see all, `--help-all` shows every one."""

import re

import pytest

import eval.__main__
import tasks.__main__
import train.__main__
from train.presets import PRESETS
from train.sweeps.ablate import setting_names

MAX_LINES, COLUMNS = 59, 80
ENDING = "All settings: python -m {} --help-all"
OWN_NAMES = {"train.init_from": "from", "train.device": "device", "train.precision": "precision"}
OWN_NAMES |= {"train.compile": "compile"}


@pytest.fixture
def shown(monkeypatch, capsys):
    """What a command prints in a terminal of 80 columns before it ends with 0."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))

    def shown(main, *arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        assert not ended.value.code
        return capsys.readouterr().out

    return shown


def options(text: str) -> set[str]:
    """The names of the options that help lists, without those that turn one off."""
    return set(re.findall(r"^[│ ]*(?:-h, )?--(\w[\w.-]*)", text, re.MULTILINE))


def settings_of(preset: str) -> set[str]:
    """The options of all settings of a preset."""
    names = {OWN_NAMES.get(name, name) for name in setting_names(PRESETS[preset][1])}
    return {name.replace("_", "-") for name in names}


@pytest.mark.parametrize("preset", PRESETS)
def test_help_fits_a_screen_and_says_how_to_see_all(shown, preset):
    lines = shown(train.__main__.main, preset, "--help").splitlines()
    assert lines[-1] == ENDING.format(f"train {preset}")
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= COLUMNS
    listed = options("\n".join(lines))
    assert {"model.width", "model.depth", "model.position", "train.steps", "train.batch", "device", "from"} <= listed
    assert listed < options(shown(train.__main__.main, preset, "--help-all"))


@pytest.mark.parametrize("preset", PRESETS)
def test_all_help_lists_every_setting_with_a_default_and_an_explanation(shown, preset):
    text = shown(train.__main__.main, preset, "--help-all")
    own = {"help", "task", "name", "resume", "once", "overwrite"}
    assert settings_of(preset) | own == options(text)
    assert "All settings" not in text
    for entry in re.split(r"\n[│ ]*(?=--\w)", text)[1:]:
        words = " ".join(entry.replace("│", " ").split())
        assert re.match(r"--\S+ .*[a-z]{2}.* \(default: [^)]*\)", words), words


def test_a_setting_that_short_help_leaves_out_is_accepted(capsys):
    with pytest.raises(SystemExit):
        train.__main__.main(["masked", "--train.clip", "0"])
    assert capsys.readouterr().err.startswith("error: train.clip is 0.0, but must be above 0")


def test_a_refusal_names_the_help_that_lists_every_setting(capsys):
    with pytest.raises(SystemExit):
        train.__main__.main(["causal", "--model.dpeth", "3"])
    assert capsys.readouterr().err.endswith("All settings: python -m train causal --help-all\n")


@pytest.mark.parametrize(
    ("main", "arguments", "listed"),
    [
        (tasks.__main__.main, ["show", "hierarchy"], "task.wordings"),
        (train.__main__.main, ["ablate"], "merge"),
        (train.__main__.main, ["compare"], "causal-steps"),
        (eval.__main__.main, ["methods"], "in-context.distractors"),
        (eval.__main__.main, ["RUN"], "json"),
    ],
)
def test_every_command_takes_both(shown, main, arguments, listed):
    assert options(shown(main, *arguments, "--help")) > {"help"}
    assert listed in options(shown(main, *arguments, "--help-all"))


@pytest.mark.parametrize("main", [tasks.__main__.main, train.__main__.main, eval.__main__.main])
def test_commands_are_listed_by_either(main, capsys):
    main(["--help"])
    listed = capsys.readouterr().out
    main(["--help-all"])
    assert capsys.readouterr().out == listed != ""
