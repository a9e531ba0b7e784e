"""The end of a run or a study: a right and a wrong question in words, and commands that are valid as they stand."""

import re
import shlex
import shutil
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

import eval.__main__
import train.__main__
from checkpoints import folder as folders
from checkpoints.config import changes
from checkpoints.files import write_json
from config.cli import parse_arguments
from config.override import override
from eval.examples import RIGHT, WRONG, choose_examples, describe
from eval.run_methods import RunMethods
from eval.text import encode, parse_question, render_question
from eval.trained_model import load_trained_model
from model.objectives.bico import Bico
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks import TASKS
from tests.running import HOUSE, WORLD, command, flags, tiny
from tests.test_every_task import small
from train import finish
from train.next_commands import LENGTH, next_commands, study_commands
from train.presets import PRESETS, with_task
from train.run import train_run

CORPUS = WORLD.build(0)
STATED = {"splits": {"forward": {"accuracy": 1.0, "count": 4}}, "steps": 12}


def answered(corpus, correct: dict[str, str], mode: str = "as-trained") -> list[dict[str, str]]:
    """Rows of questions.csv: of each split, a question for each sign, which is right where the sign is 1."""
    rows = []
    for split, signs in correct.items():
        questions = corpus.questions[split]
        for i, sign in enumerate(signs):
            right = corpus.entities.names[questions.accepted[i, 0]]
            wrong = next(name for name in corpus.entities.names if name != right)
            prediction = {"1": right, "0": wrong, "-": ""}[sign]
            row = {
                "question": render_question(corpus, questions.cloze, i),
                "answer": right,
                "prediction": prediction,
                "correct": sign.strip("-"),
                "log_prob": "-1.0",
            }
            rows.append({"split": split, "query_mode": mode} | row)
    return rows


def chosen(forward: str, inverse: str, corpus=CORPUS, task=WORLD):
    return choose_examples(corpus, task, answered(corpus, {"forward": forward, "inverse": inverse}))


# --- one right and one wrong question ---


def test_the_wrong_question_is_held_out_and_the_right_one_states_the_same_fact():
    found = chosen("1111", "1000")
    right, wrong = found[RIGHT], found[WRONG]
    assert (right.split, wrong.split) == ("forward", "inverse")
    assert right.premises == wrong.premises
    source, _, target = right.premises[0].split()
    assert (right.question.prediction, wrong.question.accepted) == (target, (source,))
    assert (right.score, wrong.score) == ("4 of 4", "1 of 4")


@pytest.mark.parametrize(
    ("forward", "inverse", "right", "wrong"),
    [
        ("1111", "1111", "inverse", None),  # all right: the held-out one shows it
        ("1111", "1110", "inverse", "inverse"),
        ("1011", "1111", "inverse", "forward"),
        ("0000", "0000", None, "inverse"),
        ("0000", "0100", "inverse", "inverse"),  # nothing else is right
        ("1111", "----", "forward", None),  # an objective that cannot be asked
        ("----", "----", None, None),
    ],
)
def test_of_what_there_is_the_held_out_question_is_shown_first(forward, inverse, right, wrong):
    found = chosen(forward, inverse)
    assert {name: example.split for name, example in found.items()} == {
        name: split for name, split in ((RIGHT, right), (WRONG, wrong)) if split
    }


def test_the_first_query_mode_is_the_one_that_is_shown():
    splits = {"forward": "1", "inverse": "0"}
    other = {"forward": "0", "inverse": "1"}
    rows = answered(CORPUS, splits, "both") + answered(CORPUS, other, "last")
    assert choose_examples(CORPUS, WORLD, rows) == choose_examples(CORPUS, WORLD, answered(CORPUS, splits))


def test_names_that_every_keyboard_has_come_first():
    task = TASKS["triples"]()
    corpus = task.build(0)
    task = replace(task, one_way_names=())
    asked = [example.question for example in chosen("1" * 100, "0" * 100, corpus, task).values()]
    assert all("".join((question.text, *question.accepted)).isascii() for question in asked)


def test_the_bundled_facts_are_told_by_their_best_known_example():
    task = TASKS["triples"]()
    corpus = task.build(0)
    found = chosen("1" * len(corpus.questions["forward"]), "0" * len(corpus.questions["inverse"]), corpus, task)
    assert (found[RIGHT].question.text, found[WRONG].question.text) == ("Paris capital-of _", "France has-capital _")


def test_both_are_told_as_sentences():
    found = chosen("11", "00")
    premise, wrong = found[RIGHT].premises[0], found[WRONG]
    source, word, target = premise.split()
    assert describe(found) == {
        RIGHT: f"training stated '{premise}'. Asked '{source} {word} _', the model predicts {target} "
        "(forward: 2 of 2 right).",
        WRONG: f"asked '{wrong.question.text}', the model predicts {wrong.question.prediction}, not {source} "
        "(inverse: 0 of 2 right).",
    }
    only_wrong = describe({WRONG: wrong}, "closed book")
    assert only_wrong[WRONG].startswith(f"training stated '{premise}'. Asked ")
    assert only_wrong[WRONG].endswith("(closed book, inverse: 0 of 2 right).")
    many = replace(wrong, question=replace(wrong.question, accepted=("a", "b", "c", "d", "e")))
    assert ", not a or b or c or 2 more (" in describe({WRONG: many})[WRONG]


def test_a_prediction_that_a_spreadsheet_would_take_for_a_formula_is_shown_as_it_is():
    rows = answered(CORPUS, {"forward": "1", "inverse": "0"})
    rows[1]["prediction"] = folders.escape_formula("-5")
    assert rows[1]["prediction"] == "'-5"
    assert choose_examples(CORPUS, WORLD, rows)[WRONG].question.prediction == "-5"


@pytest.mark.parametrize("name", TASKS)
def test_questions_and_premises_of_every_task_can_be_typed(name):
    task = small(name)
    corpus = task.build(0)
    rows = answered(corpus, dict.fromkeys(corpus.questions, "10"))
    for example in choose_examples(corpus, task, rows).values():
        parsed = parse_question(corpus, example.question.text)
        i = int(not example.question.correct)
        questions = corpus.questions[example.split]
        given = encode(corpus, parsed, int(questions.cloze.size[i]))
        asked = corpus.vocabulary.text(given.documents.tokens[0]).replace("[begin] ", "")
        assert asked in corpus.vocabulary.text(questions.cloze.documents.tokens[i])
        assert example.premises
        for premise in example.premises:
            parse_question(corpus, premise, "context")


# --- what to try next ---


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr("train.next_commands.ROOT", tmp_path)
    return tmp_path


def finished(root: Path, name: str, config) -> None:
    """The two files of a finished run that are looked at."""
    (root / name).mkdir()
    write_json(root / name / "config.json", config.json())
    (root / name / "result.json").write_text("{}")


def arguments_of(command_line: str) -> list[str]:
    """The arguments of a command, after it was read by the command that it starts. Raises SystemExit where invalid."""
    words = shlex.split(command_line)
    if words[0] == "make":
        assert f"\n{words[1]}: " in (HOUSE / "Makefile").read_text()
        assert all(re.fullmatch(r"RUNS=[\w. -]+", word) for word in words[2:])
        return words
    assert words[:2] == ["python", "-m"]
    match words[2:]:
        case ["train", preset, *rest]:
            train.__main__.parse_run(train.__main__.Arguments, preset, PRESETS[preset][1], rest)
        case ["eval", "ask", *rest]:
            parse_arguments(eval.__main__.Ask, rest, "ask")
        case ["eval", "methods", *rest]:
            parse_arguments(RunMethods, rest, "methods")
        case _:
            raise AssertionError(command_line)
    return words


def after(preset: str, config, name: str, result=STATED, forward="11", inverse="00") -> list[str]:
    """The next commands of a run in a small world, each of which is valid."""
    corpus = config.task.build(0)
    stated, held_out = config.task.progress_splits
    found = choose_examples(corpus, config.task, answered(corpus, {stated: forward, held_out: inverse}))
    if stated != "forward":
        result = {"splits": {stated: result["splits"]["forward"]}, "steps": result["steps"]}
    commands = next_commands(preset, config, name, result, found)
    assert 2 <= len(commands) <= 3
    for command_line in commands:
        arguments_of(command_line)
    return commands


CAUSAL, BIDIRECTIONAL = PRESETS["causal"][1], PRESETS["bidirectional"][1]


def test_a_causal_run_alone_is_followed_by_the_bidirectional_one_and_the_reverse(root):
    first, second, third = after("causal", CAUSAL, "causal-0")
    assert first == "python -m train bidirectional"
    assert second == 'python -m eval ask causal-0 "wuve student-of _"'
    assert third == "python -m eval methods causal-0"
    (root / "bidirectional-0").mkdir()
    write_json(root / "bidirectional-0" / "config.json", BIDIRECTIONAL.json())
    assert after("causal", CAUSAL, "causal-0")[0] == "python -m train bidirectional --resume"  # it was stopped
    assert after("bidirectional", replace(BIDIRECTIONAL, seed=3), "bidirectional-3")[0] == (
        "python -m train causal --seed 3"
    )
    assert after("masked", BIDIRECTIONAL, "masked-0")[0] == "python -m train causal"


def test_both_are_asked_together_once_both_are_finished(root):
    finished(root, "causal-0", CAUSAL)
    finished(root, "bidirectional-0", BIDIRECTIONAL)
    for preset, config in (("causal", CAUSAL), ("bidirectional", BIDIRECTIONAL)):
        assert after(preset, config, f"{preset}-0") == [
            "python -m eval ask causal-0 bidirectional-0",
            f"python -m eval methods {preset}-0",
            'make tensorboard RUNS="causal-0 bidirectional-0"',
        ]


@pytest.mark.parametrize("state", ["another world", "another seed", "damaged"])
def test_what_cannot_be_compared_is_neither_asked_nor_trained_over(root, state):
    other = {"another world": replace(BIDIRECTIONAL, task=WORLD), "another seed": replace(BIDIRECTIONAL, seed=1)}
    finished(root, "bidirectional-0", other.get(state, BIDIRECTIONAL))
    if state == "damaged":
        (root / "bidirectional-0" / "config.json").write_text("{")
    assert not any("bidirectional" in command_line for command_line in after("causal", CAUSAL, "causal-0"))


def test_a_run_trained_on_episodes_is_asked_with_its_premises_in_the_prompt(root):
    for preset in ("in-context", "syllogism"):
        commands = after(preset, PRESETS[preset][1], f"{preset}-0")
        asked = arguments_of(commands[0])
        context = asked[asked.index("--context") + 1 :]
        assert len(context) == (1 if preset == "in-context" else 2)
        assert commands[1:] == [f"python -m eval methods {preset}-0", f'make tensorboard RUNS="{preset}-0"']


def test_a_run_trained_on_chains_of_thought_is_asked_for_one(root):
    task = {"chain_of_thought.rl_share": 0.5, "chain_of_thought.copies": 1}
    config = replace(CAUSAL, task=override(WORLD, task))
    assert "--chain-of-thought" in after("causal", config, "causal-0", inverse="0")[1]


def test_a_run_of_own_facts_is_followed_by_one_with_the_same_facts_and_its_names_are_quoted(root):
    commands = after("triples", PRESETS["triples"][1], "triples-0")
    assert commands[0] == "python -m train bidirectional --task triples"
    assert arguments_of(commands[1])[5].endswith(" _")


def test_a_run_that_ended_too_early_is_followed_by_a_longer_one(root):
    early = {"splits": {"forward": {"accuracy": 0.1, "count": 4}}, "steps": 50}
    config = replace(CAUSAL, train=replace(CAUSAL.train, steps=50, warmup=50))
    assert after("causal", config, "causal-0", early)[0] == "python -m train causal --name causal-0-long"
    as_long = early | {"steps": CAUSAL.train.steps}  # longer is no better known than anything else
    assert after("causal", CAUSAL, "causal-0", as_long)[0] == "python -m train bidirectional"


def test_other_objectives_are_asked_and_compared_by_methods_alone(root):
    config = replace(CAUSAL, objective=Bico())
    assert [arguments_of(line)[2:4] for line in after("bico", config, "bico-0")[:2]] == [
        ["eval", "ask"],
        ["eval", "methods"],
    ]


@pytest.mark.parametrize(
    ("preset", "changed"),
    [
        ("causal", {"task.entities": 30, "task.one_way": 10, "task.names.max_length": 2, "seed": 4}),
        ("causal", {"model.depth": 3, "model.tied": True, "model.position": "learned", "train.precision": "bfloat16"}),
        ("bidirectional", {"train.optimiser": "adamw", "train.subset": 1.0, "train.learning_rate": 0.002}),
        ("bidirectional", {"objective.scheme": "uniform", "objective.maskable": ("source", "relation", "target")}),
        ("triples", {"task.relations": "tasks/examples/relations.csv", "task.one_way_share": 0.25}),
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_the_other_run_has_the_same_world_network_and_rates(root, preset, changed, early):
    config = override(PRESETS[preset][1], changed)
    result = {"splits": {"forward": {"accuracy": 0.0 if early else 1.0, "count": 1}}, "steps": 1}
    words = arguments_of(after(preset, config, "mine", result)[0])
    assert words[2:4] == ["train", preset if early else "causal" if preset == "bidirectional" else "bidirectional"]
    parsed = train.__main__.parse_run(train.__main__.Arguments, words[3], PRESETS[words[3]][1], words[4:])
    differing = set(changes(parsed.config.json(), config.json()))
    assert {name for name in differing if not name.startswith("objective.")} <= LENGTH
    assert not early or not differing
    assert parsed.name == ("mine-long" if early else f"{words[3]}-mine")


def test_a_study_is_followed_by_both_models_of_its_first_seed():
    runs = {"c-1": replace(CAUSAL, seed=1), "c-2": replace(CAUSAL, seed=2), "b-1": replace(BIDIRECTIONAL, seed=1)}
    assert study_commands(runs) == ["python -m eval ask c-1 b-1", 'make tensorboard RUNS="c-1 b-1"']
    assert study_commands({"c-2": runs["c-2"]}) == ["python -m eval methods c-2", 'make tensorboard RUNS="c-2"']
    other_world = with_task(BIDIRECTIONAL, "syllogism")
    assert study_commands({"c": CAUSAL, "b": other_world})[0] == "python -m eval methods c"
    many = {f"c-{i}": override(CAUSAL, {"model.depth": i}) for i in range(1, 7)}
    assert study_commands(many)[1] == "make tensorboard"
    assert study_commands({}) == []
    for command_line in (*study_commands(runs), *study_commands(many)):
        arguments_of(command_line)


@pytest.mark.parametrize(
    ("prefix", "on_path", "shown"),
    [
        (".venv", "elsewhere", ".venv/bin/python"),  # not activated
        (".venv", None, ".venv/bin/python"),
        (".venv", ".venv", "python"),  # activated
        ("elsewhere", "other", "python"),  # an environment that is not the project's
    ],
)
def test_python_is_named_so_that_the_one_of_the_project_runs(tmp_path, monkeypatch, prefix, on_path, shown):
    for name in (".venv", "elsewhere", "other"):
        (tmp_path / name / "bin").mkdir(parents=True)
    monkeypatch.setattr(finish, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
    monkeypatch.setattr(shutil, "which", lambda _: on_path and str(tmp_path / on_path / "bin" / "python"))
    assert finish.as_typed("python -m eval ask a") == f"{shown} -m eval ask a"
    assert finish.as_typed('make tensorboard RUNS="python"') == 'make tensorboard RUNS="python"'


def test_a_study_ends_with_where_its_outputs_are(capsys):
    finish.print_study_finish("compare", {"compare-causal-0": CAUSAL, "compare-bidirectional-0": BIDIRECTIONAL})
    *outputs, asked, board = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in outputs] == [
        f"checkpoints/compare/{name}" for name in ("table.md", "figure.svg", "results.csv")
    ]
    assert asked.endswith("-m eval ask compare-causal-0 compare-bidirectional-0")
    assert board == '       make tensorboard RUNS="compare-causal-0 compare-bidirectional-0"'


# --- the whole end ---


@pytest.fixture
def name():
    """A free name for a run in checkpoints/."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    for path in folders.ROOT.glob(f"{name}*"):
        shutil.rmtree(path)


def printed(arguments: list[str], capsys) -> str:
    capsys.readouterr()
    train.__main__.main(arguments)
    return capsys.readouterr().out


@pytest.mark.parametrize("objective", [Causal(), Masked()])
def test_a_run_ends_with_its_table_two_questions_and_commands_and_so_does_its_resume(objective, name, capsys):
    arguments = [*flags(tiny(objective)), "--name", name]
    out = printed(arguments, capsys)
    assert out.startswith(f"checkpoints/{name}\nsplit ")
    wrong = re.search(r"\n(?:Right: .*\n(?:.+\n)*)?Wrong: (?:.+\n)+?Next:  (.*)\n {7}", out)
    assert wrong, out
    assert "python -m train " in wrong[1]
    assert len(re.findall(r"^(?:Next: | {6}) (?:\S*python|make) ", out, re.MULTILINE)) == 3
    assert printed([arguments[0], "--name", name, "--resume"], capsys) == out


def test_all_that_a_run_was_trained_for_is_in_its_table_the_special_one_last(name, capsys):
    config = tiny(world={"unseen": 4, "episodes.share": 0.5, "episodes.max_facts": 2})
    out = printed([*flags(config), "--name", name], capsys)
    titles = re.findall(rf"^checkpoints/{name}.*$", out, re.MULTILINE)
    assert titles == [f"checkpoints/{name}, closed book", f"checkpoints/{name}, in context"]
    assert "(closed book, " in out.replace("\n", " ")


def test_the_question_that_is_suggested_is_answered(name, capsys):
    out = printed([*flags(tiny()), "--name", name], capsys)
    question = re.search(rf'python -m eval ask {name} "(.*)"', out)[1]
    code, err = command(eval.__main__.main, ["ask", name, question], capsys)
    assert (code, err) == (0, "")


def test_a_run_of_the_bundled_facts_can_be_loaded_and_resumed(tmp_path):
    config = replace(tiny(), task=TASKS["triples"]())
    result = train_run(config, "run", root=tmp_path)
    assert load_trained_model(tmp_path / "run").step == result["steps"]
    assert train_run(config, "run", root=tmp_path, resume=True) == result
