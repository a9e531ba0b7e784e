"""A command line that cannot be run is refused in one line, with setting and what is allowed; nothing is lost."""

import io
import json
import math
import os
import resource
import shutil
import uuid
from dataclasses import fields
from functools import partial
from itertools import count

import pytest
import torch

import eval.__main__
import tasks.__main__
import train.__main__
from checkpoints.files import digest_of
from checkpoints.folder import ROOT, run_folder
from checkpoints.steps import load, path_of, steps
from config.validation import SettingError
from model.objectives.bico import Bico
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks import TASKS
from tasks.common.episodes import EpisodeConfig
from tests.running import Recorder, command, contents, flags, python, stop_after, tiny
from train.loop import NonFiniteStep
from train.presets import PRESETS, with_task
from train.run import train_run
from train.signals import StopRequested

CAUSAL = flags(tiny())
NAMES = ("../x", "a/b", ".hidden", "..", ".", "a b", "ä", "a\n")
NAMES += ("steps", "steps.py", "config", "__init__", "__pycache__")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    root = tmp_path_factory.mktemp("runs")
    train_run(tiny(), "finished", root=root)
    return root / "finished"


@pytest.fixture
def runs(monkeypatch, tmp_path, finished):
    """The folder in which command lines keep their runs. One is `finished`, and must not change."""
    runs = tmp_path / "runs"
    for module in ("run", "recorded", "finish"):
        monkeypatch.setattr(f"train.{module}.run_folder", lambda name: run_folder(name, runs))
    shutil.copytree(finished, runs / "finished")
    yield runs
    assert contents(runs / "finished") == contents(finished)


@pytest.fixture
def broken(tmp_path, finished):
    """The folder of a run to be damaged."""
    return shutil.copytree(finished, tmp_path / "elsewhere" / "broken")


@pytest.fixture
def name():
    """A run of this name in the real checkpoints/ is gone afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    shutil.rmtree(ROOT / name, ignore_errors=True)


@pytest.fixture
def refusal(capsys):
    """The one line with which a command line is refused."""

    def line(main, arguments) -> str:
        code, err = command(main, arguments, capsys)
        assert code == 2
        return the_error(err)

    return line


def the_error(err: str) -> str:
    """The one line of stderr that is no progress."""
    lines = [line for line in err.splitlines() if not line.startswith("step ")]
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("--train.stepz 3", ["--train.stepz", "--train.steps"]),
        ("--objective.rate 0.5", ["--objective.rate"]),
        ("--task.entities 0", ["task.entities is 0", "3 or more"]),
        ("--task.entities -5", ["task.entities is -5", "3 or more"]),
        ("--task.one-way 25", ["task.one_way is 25", "1 to 24"]),
        ("--task.relations 0", ["task.relations is 0", "1 or more"]),
        ("--task.matching ring", ["matching", "ring", "chain", "disjoint"]),
        (
            "--task.names.min-length 2 --task.names.max-length 2 --task.names.pieces 2",
            ["task.names.pieces is 2", "12 names", "give 4"],
        ),
        ("--task.documents.copies 0", ["task.documents.copies is 0", "1 or more"]),
        ("--task.documents.copiez 2", ["--task.documents.copiez", "--task.documents.copies"]),
        ("--task.episodes.share 1", ["task.episodes.share is 1", "below 1"]),
        ("--task.chain-of-thought.copies 1", ["task.chain_of_thought.copies is 1", "rl_share is 0"]),
        ("--model.width 15", ["model.width is 15", "a multiple of model.heads (2)"]),
        ("--model.dropout 1", ["model.dropout is 1", "below 1"]),
        ("--model.dropout nan", ["model.dropout is nan", "below 1"]),
        ("--train.steps 0", ["train.steps is 0", "1 or more"]),
        ("--train.warmup 13", ["train.warmup is 13", "0 to train.steps (12)"]),
        ("--train.learning-rate -1", ["train.learning_rate is -1", "above 0"]),
        ("--train.learning-rate nan", ["train.learning_rate is nan", "above 0"]),
        ("--train.learning-rate inf", ["train.learning_rate is inf"]),
        ("--train.learning-rate fast", ["--train.learning-rate", "fast", "must be a number or None"]),
        ("--train.steps many", ["--train.steps", "many", "must be a whole number"]),
        ("--train.batch 1.5", ["--train.batch", "1.5", "must be a whole number"]),
        ("--train.steps", ["--train.steps"]),
        ("--task.two-way many", ["--task.two-way", "many", "must be a whole number or None"]),
        ("--compile maybe", ["maybe"]),
        ("--device tpu", ["--device", "tpu", "cuda"]),
        ("--device cup", ["--device is 'cup'", "did you mean cpu?"]),
        ("--task revrsal", ["--task is 'revrsal'", "did you mean reversal?"]),
        ("--seed -1", ["seed is -1", "0 to 4294967295"]),
        ("--seed x", ["--seed", "x", "must be a whole number"]),
        ("--from missing", ["--from", "missing", "no run folder"]),
    ],
)
def test_an_impossible_setting_is_named_with_what_is_allowed(runs, refusal, wrong, named):
    line = refusal(train.__main__.main, [*CAUSAL, "--name", "finished", "--overwrite", *wrong.split()])
    assert all(word in line for word in named), line


def test_an_unknown_preset_is_answered_with_the_known_ones(runs, refusal):
    line = refusal(train.__main__.main, ["causl"])
    assert all(word in line for word in ("causl", "bidirectional", "compare", "did you mean causal?"))
    assert "did you mean causal?" in refusal(train.__main__.main, ["count", "causl"])


def test_the_settings_of_the_other_objective_are_checked_too(runs, refusal):
    masked = [*flags(tiny(Masked())), "--name", "finished", "--overwrite"]
    assert "objective.rate is 0" in refusal(train.__main__.main, [*masked, "--objective.rate", "0"])
    line = refusal(train.__main__.main, [*masked, "--objective.maskable", "sauce"])
    assert all(word in line for word in ("--objective.maskable", "sauce", "source", "target"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("--seeds 0", "seeds is 0"),
        ("--jobs 0", "jobs is 0"),
        ("--first-seed -1", "seed is -1"),
        ("--first-sed 1", "--first-seed"),
        ("--name ../x", "name is '../x'"),
    ],
)
def test_comparing_refuses_as_training_does(refusal, wrong, named):
    assert named in refusal(train.__main__.main, ["compare", *wrong.split()])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("export reversal --out OUT --seed -1", "seed"),
        ("export reversal --out OUT --task.entities 0", "task.entities is 0"),
        ("export reversal", "--out"),
        ("export nothing", "task is 'nothing'"),
        ("export reversal --out FILE/below", "FILE"),
    ],
)
def test_exporting_refuses_as_training_does(refusal, tmp_path, arguments, named):
    (tmp_path / "FILE").write_text("mine")
    arguments = arguments.replace("OUT", str(tmp_path / "out")).replace("FILE", str(tmp_path / "FILE"))
    assert named in refusal(tasks.__main__.main, arguments.split())
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_refusal_is_the_same_whatever_the_terminal_can_draw(monkeypatch, refusal, encoding):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    line = refusal(train.__main__.main, [*CAUSAL, "--train.stepz", "3"])
    assert "--train.stepz" in line
    assert "did you mean --train.steps" in line


@pytest.mark.parametrize("wrong", ["--train.batch 1000000000000", "--train.batch 100000000000000"])
def test_settings_that_need_too_much_memory_are_refused_in_one_line(runs, refusal, wrong):
    line = refusal(train.__main__.main, ["causal", "--name", "large", *wrong.split()])
    assert "these settings need more memory than there is" in line


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_terminal_that_cannot_draw_every_character_shows_the_others(finished, encoding):
    ended = python("-m", "eval", str(finished), env=os.environ | {"PYTHONIOENCODING": encoding})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ("–" if encoding == "utf-8" else "\\u2013") in ended.stdout


def test_another_task_keeps_what_all_tasks_have(runs, capsys):
    short = ["--train.steps", "2", "--train.warmup", "1", "--train.batch", "8", "--device", "cpu"]
    for name, task in (("two-words", "--task triples"), ("one-word", "--task=triples")):
        arguments = ["in-context", *task.split(), "--name", name, *short, "--task.documents.copies", "3"]
        code, _ = command(train.__main__.main, arguments, capsys)
        assert code == 0
        config = json.loads((runs / name / "config.json").read_text())
        assert config["task"]["name"] == "triples"
        assert config["task"]["episodes"]["share"] == PRESETS["in-context"][1].task.episodes.share
        assert config["task"]["documents"]["copies"] == 3
        assert "in-context" in json.loads((runs / name / "metrics.jsonl").read_text().splitlines()[-1])["methods"]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("preset", ["in-context", "reinforced", "coda-forno-small"])
def test_every_preset_can_be_given_every_task(preset, name):
    config = PRESETS[preset][1]
    task = with_task(config, name).task
    assert type(task) is TASKS[name]
    assert (task.documents, task.chain_of_thought) == (config.task.documents, config.task.chain_of_thought)
    for field in fields(EpisodeConfig):
        assert getattr(task.episodes, field.name) == getattr(config.task.episodes, field.name)
    for field in {field.name for field in fields(task)} - {"documents", "chain_of_thought", "episodes"}:
        assert getattr(task, field) == getattr(TASKS[name](), field)


def test_an_objective_for_a_trained_network_warns_where_none_is_given(tmp_path):
    log = Recorder()
    train_run(tiny(), "trained", root=tmp_path)
    for base_run in (str(tmp_path / "trained"), None):
        train_run(tiny(Bico(), init_from=base_run), f"bico-{base_run is None}", root=tmp_path, log=log)
    assert log.warnings == [
        "this objective needs a trained network, and this one starts untrained: give a run with --from"
    ]


def test_a_run_without_a_target_warns(tmp_path):
    log = Recorder()
    train_run(tiny(Masked(scheme="fixed", rate=1e-9)), "run", root=tmp_path, log=log)
    assert log.warnings == ["no token was ever a target: nothing was learned"]


def test_a_user_sees_one_line_and_no_traceback():
    ended = python("-m", "train", *CAUSAL, "--task.entities", "0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "task.entities is 0, but must be 3 or more" in the_error(ended.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(SettingError, match=r"^name is .*, but must be "):
        run_folder(name, tmp_path)


@pytest.mark.parametrize("name", ["", *NAMES, "/tmp/absolute", "x" * 101])
def test_a_run_is_not_trained_under_such_a_name(runs, refusal, name):
    before = sorted(path.name for path in (*runs.iterdir(), *runs.parent.iterdir()))
    line = refusal(train.__main__.main, [*CAUSAL, "--name", name])
    assert f"name is {name!r}" in line
    assert sorted(path.name for path in (*runs.iterdir(), *runs.parent.iterdir())) == before


@pytest.mark.parametrize("flag", [[], ["--resume"], ["--overwrite"]])
def test_a_link_is_no_run(runs, refusal, broken, flag):
    before = contents(broken)
    (runs / "linked").symlink_to(broken)
    try:
        assert "link" in refusal(train.__main__.main, [*CAUSAL, "--name", "linked", *flag])
    finally:
        (runs / "linked").unlink()
    assert contents(broken) == before


@pytest.mark.parametrize("flag", [[], ["--resume"], ["--overwrite"]])
def test_a_foreign_folder_is_not_touched(runs, refusal, flag):
    (runs / "foreign").mkdir(exist_ok=True)
    (runs / "foreign" / "thesis.txt").write_text("mine")
    line = refusal(train.__main__.main, [*CAUSAL, "--name", "foreign", *flag])
    assert ("there is no foreign" if "--resume" in flag else "thesis.txt") in line
    assert contents(runs / "foreign") == {"thesis.txt": b"mine"}


@pytest.mark.parametrize("flag", [[], ["--resume"], ["--overwrite"]])
def test_a_file_of_the_name_is_not_touched(runs, refusal, flag):
    (runs / "file").write_text("mine")
    line = refusal(train.__main__.main, [*CAUSAL, "--name", "file", *flag])
    assert (f"there is no file in {runs}" if "--resume" in flag else str(runs / "file")) in line
    assert (runs / "file").read_text() == "mine"


def as_config(change) -> bytes:
    values = tiny().json()
    change(values)
    return json.dumps(values | {"sha256": digest_of(values)}).encode()


BROKEN = {
    "empty": (b"", "config.json is damaged"),
    "garbage": (b"\x80\x04\x95garbage", "config.json is damaged"),
    "a list": (b"[1]", "config.json is 'list', but must be a JSON object"),
    "another format": (as_config(lambda c: c.update(format=99)), "format is 99, but must be 3"),
    "an earlier version": (b'{"format": 1, "seed": 0}', "was made by an earlier version"),
    "changed by hand": (as_config(lambda c: None).replace(b'"depth": 1', b'"depth": 2'), "it was changed after it was"),
    "an unknown setting": (as_config(lambda c: c["task"].update(size=3)), "task.size is 3"),
    "an unknown nested setting": (as_config(lambda c: c["task"]["names"].update(size=3)), "task.names.size is 3"),
    "a missing setting": (as_config(lambda c: c["model"].pop("depth")), "model.depth"),
    "a wrong type": (as_config(lambda c: c["model"].update(depth="2")), "depth is '2', but must be a whole number"),
    "an impossible value": (as_config(lambda c: c["task"].update(entities=0)), "task.entities is 0"),
    "an unknown name": (as_config(lambda c: c["objective"].update(name="telepathy")), "objective.name is 'telepathy'"),
    "an impossible seed": (as_config(lambda c: c.update(seed=-1)), "seed is -1"),
}


@pytest.mark.parametrize(("data", "named"), BROKEN.values(), ids=list(BROKEN))
@pytest.mark.parametrize("use", ["eval", "ask", "from"])
def test_a_config_that_cannot_be_used_is_named(runs, refusal, broken, use, data, named):
    (broken / "config.json").write_bytes(data)
    before = contents(broken)
    main, arguments = {
        "eval": (eval.__main__.main, [str(broken)]),
        "ask": (eval.__main__.main, ["ask", str(broken), "a teacher-of _"]),
        "from": (train.__main__.main, [*CAUSAL, "--name", "finished", "--overwrite", "--from", str(broken)]),
    }[use]
    assert named in refusal(main, arguments)
    assert contents(broken) == before


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 99}'])
def test_a_run_with_a_config_that_cannot_be_read_is_not_resumed(monkeypatch, refusal, broken, data):
    monkeypatch.setattr("train.run.run_folder", lambda name: run_folder(name, broken.parent))
    (broken / "config.json").write_bytes(data)
    before = contents(broken)
    assert "error: " in refusal(train.__main__.main, [*CAUSAL, "--name", "broken", "--resume"])
    assert contents(broken) == before


@pytest.mark.parametrize("arguments", [["nowhere"], ["ask", "nowhere", "a b _"]], ids=["eval", "ask"])
def test_a_folder_that_does_not_exist_is_named(refusal, tmp_path, arguments):
    arguments = [str(tmp_path / word) if word == "nowhere" else word for word in arguments]
    assert f"{tmp_path / 'nowhere'} is no run folder" in refusal(eval.__main__.main, arguments)


def test_a_run_without_a_saved_step_is_named(refusal, broken):
    for step in steps(broken):
        shutil.rmtree(step)
    assert f"{broken} holds no whole saved step" in refusal(eval.__main__.main, [str(broken)])


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("", "an entity, a relation word and an entity"),
        ("_ teacher-of _", "one entity being _"),
        ("nobody teacher-of _", "'nobody' is no entity"),
        ("ENTITY loves _", "'loves' is no relation word"),
        ("_ teacher-of ENTITY", "cannot be asked"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_what_can(runs, refusal, question, named):
    entity = tiny().task.build(0).entities.names[0]
    assert named in refusal(eval.__main__.main, ["ask", str(runs / "finished"), question.replace("ENTITY", entity)])


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_the_machine_lacks_is_named_with_those_it_has(runs, monkeypatch, refusal, device):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    line = refusal(train.__main__.main, [*CAUSAL, "--name", "finished", "--overwrite", "--device", device])
    assert f"device is '{device}', but must be one this machine has: cpu" in line


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, refusal, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("train.run.run_folder", partial(run_folder, root=tmp_path / "file"))
    line = refusal(train.__main__.main, [*CAUSAL, "--name", "run"])
    assert str(tmp_path / "file") in line
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("file", ["lock", "config.json", "metrics.jsonl", "manifest.json"])
def test_a_file_that_may_not_be_written_is_named(monkeypatch, refusal, tmp_path, file):
    monkeypatch.setattr("train.run.run_folder", partial(run_folder, root=tmp_path))

    def guarded_open(path, *arguments, **options):
        if file in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return builtin_open(path, *arguments, **options)

    def guarded_os_open(path, flags, *arguments, **options):
        if file in str(path) and flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "Permission denied", str(path))
        return os_open(path, flags, *arguments, **options)

    builtin_open, os_open, os_replace = open, os.open, os.replace
    monkeypatch.setattr("os.open", guarded_os_open)
    monkeypatch.setattr("checkpoints.steps.open", guarded_open, raising=False)
    monkeypatch.setattr("os.replace", lambda a, b: guarded_open(b) if file in str(b) else os_replace(a, b))
    line = refusal(train.__main__.main, [*CAUSAL, "--name", "run"])
    assert file in line
    assert "Permission denied" in line


def test_a_full_disk_is_reported_in_one_line_and_costs_no_saved_step(name):
    config = tiny(network={"width": 128})
    with pytest.raises(StopRequested):
        train_run(config, name, stop=stop_after(4 + 2))
    before = contents(path_of(ROOT / name, 2))
    largest = max(map(len, before.values()))
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (largest - 1, largest - 1))  # bytes a file
    ended = python("-m", "train", *flags(config), "--name", name, "--resume", preexec_fn=limit)
    assert ended.returncode == 2
    assert "too large" in the_error(ended.stderr)
    assert contents(path_of(ROOT / name, 2)) == before
    assert load(ROOT / name, pytest.fail)[0] == 2
    assert [path.name for path in (ROOT / name).glob(".*")] == []
    train_run(config, name, resume=True)


def test_a_disk_that_figures_fill_costs_no_training(name):
    # Bytes a file: more than a saved step, less than the figures.
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (60_000, 60_000))
    ended = python("-m", "train", *CAUSAL, "--name", name, preexec_fn=limit)
    assert ended.returncode == 2
    assert "too large" in the_error(ended.stderr)
    assert load(ROOT / name, pytest.fail)[0] == 12
    assert train_run(tiny(), name, resume=True)["finished"]


def finite(tensors: dict[str, torch.Tensor]) -> bool:
    return all(tensor.isfinite().all() for tensor in tensors.values())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("train.learning-rate", "1e30"),
        ("train.learning-rate", "1e38"),
        ("train.learning-rate", "1e300"),
        ("train.weight-decay", "1e300"),
        ("model.initial-scale", "1e38"),
    ],
)
def test_numbers_too_large_for_weights_are_refused_or_leave_finite_ones(runs, capsys, setting, value):
    code, err = command(
        train.__main__.main, [*CAUSAL, "--name", "wild", "--train.warmup", "0", f"--{setting}", value], capsys
    )
    line = the_error(err)
    assert code in (2, 3)
    if code == 2:
        assert setting.replace("-", "_") in line
    else:
        assert "was not taken" in line
        _, weights, state, *_ = load(runs / "wild", pytest.fail)
        assert finite(weights)
        assert finite(state)


def test_a_loss_that_is_not_finite_ends_with_the_steps_before_it_saved(runs, capsys, monkeypatch):
    monkeypatch.setattr(Causal, "loss", breaks_at(4, lambda total, _: total * math.nan))
    code, err = command(train.__main__.main, [*CAUSAL, "--name", "wild"], capsys)
    line = the_error(err)
    assert code == 3
    assert all(words in line for words in ("step 3 was not taken", "loss is nan", "saved in checkpoints/wild"))
    step, weights, state, *_ = load(runs / "wild", pytest.fail)
    assert step == 3
    assert finite(weights)
    assert finite(state)
    assert not (runs / "wild" / "result.json").exists()


def breaks_at(call: int, breaking):
    """Causal.loss, but that its `call`-th loss goes through `breaking`, with the modules."""
    loss, calls = Causal.loss, count(1)

    def breaks(self, modules, batch):
        total, denominator = loss(self, modules, batch)
        return (breaking(total, modules) if next(calls) == call else total), denominator

    return breaks


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_step_that_is_not_finite_is_not_taken(monkeypatch, tmp_path, what, value):
    with pytest.raises(StopRequested):
        train_run(tiny(), "before", root=tmp_path, stop=stop_after(4 + 3))

    def breaking(total, modules):
        if what == "loss":
            return total * value
        next(modules.parameters()).register_hook(lambda gradient: gradient * value)
        return total

    monkeypatch.setattr(Causal, "loss", breaks_at(4, breaking))
    with pytest.raises(NonFiniteStep, match="step 3 was not taken"):
        train_run(tiny(), "run", root=tmp_path)
    for file in ("weights.safetensors", "state.safetensors"):
        saved = [path_of(tmp_path / name, 3) / file for name in ("before", "run")]
        assert saved[0].read_bytes() == saved[1].read_bytes()
