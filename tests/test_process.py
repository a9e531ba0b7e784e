"""Commands as Unix tools: without streams, into pipes that close, at Ctrl-C, and with text that nobody may trust."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid

import pytest

from checkpoints.folder import ROOT
from config.process import GuardedFile, guarded, lose
from config.terminal import clean, is_clean, say
from tests.running import HOUSE, flags, python, tiny
from train.run import train_run

HOSTILE = "\x1b[31mred\x9b2J\r\u202eback"


@pytest.fixture(scope="module")
def name():
    """A finished run of this name in the real checkpoints/."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    train_run(tiny(), name)
    yield name
    shutil.rmtree(ROOT / name, ignore_errors=True)


def shell(command: str) -> subprocess.CompletedProcess:
    """The command line in bash, `python` being this one."""
    line = command.replace("python", sys.executable)
    return subprocess.run(["bash", "-c", line], cwd=HOUSE, capture_output=True, text=True, timeout=120)


def codes(command: str) -> list[int]:
    """The exit codes of all commands of a pipe; nothing of it may show a traceback."""
    ended = shell(f"{command}; echo ${{PIPESTATUS[@]}} >&2")
    *said, last = ended.stderr.splitlines()
    assert said == []
    return list(map(int, last.split()))


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("command", ["tasks show reversal", "eval RUN", "train --help"])
def test_a_command_works_without_standard_streams(name, command, closed):
    ended = shell(f"python -m {command.replace('RUN', f'checkpoints/{name}')} {closed}")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_file_of_a_run_gets_the_number_of_a_closed_stream(name):
    arguments = " ".join(flags(tiny()))
    ended = shell(f"python -m train {arguments} --name {name}-closed >&- 2>&- <&-")
    try:
        assert ended.returncode == 0
        assert json.loads((ROOT / f"{name}-closed" / "result.json").read_text())["finished"]
        assert (ROOT / f"{name}-closed" / "lock").read_text() == ""
    finally:
        shutil.rmtree(ROOT / f"{name}-closed", ignore_errors=True)


@pytest.mark.parametrize("command", ["tasks show reversal", "tasks shw 2>&1", "eval ask RUN < /dev/zero"])
def test_a_closed_pipe_ends_a_command_as_it_ends_other_tools(name, command):
    command = command.replace("< /dev/zero", f"< <(yes '{first_question(name)}')").replace("RUN", f"checkpoints/{name}")
    assert codes(f"python -m {command} | true")[0] == 128 + signal.SIGPIPE


def test_a_training_goes_on_to_its_end_once_nobody_reads_what_it_says(name):
    arguments = " ".join(flags(tiny()))
    try:
        assert codes(f"python -m train {arguments} --name {name}-pipe 2>&1 | head -1") == [0, 0]
        assert (ROOT / f"{name}-pipe" / "result.json").exists()
    finally:
        shutil.rmtree(ROOT / f"{name}-pipe", ignore_errors=True)


def test_a_result_that_cannot_be_written_is_said_in_one_line(name):
    ended = shell(f"python -m eval checkpoints/{name} --json > /dev/full")
    assert ended.returncode == 2
    assert ended.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        *[("tasks show reversal", seconds) for seconds in (0.2, 0.5, 1)],
        *[("eval RUN", seconds) for seconds in (0.2, 1, 2)],
        ("eval ask RUN", 3),
        *[("train causal --name NEW", seconds) for seconds in (0.3, 2)],
    ],
)
def test_ctrl_c_is_quiet_from_the_first_moment_on(name, command, seconds):
    words = command.replace("RUN", f"checkpoints/{name}").replace("NEW", f"{name}-new").split()
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-m", *words], cwd=HOUSE, **options)
    try:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGINT, 0)  # while it ended, and after that
        assert "Traceback" not in err
        assert "Exception" not in err
    finally:
        process.kill()
        shutil.rmtree(ROOT / f"{name}-new", ignore_errors=True)


def test_an_ignored_interrupt_stays_ignored(name):
    command = "trap '' INT; python -m tasks show reversal & sleep 0.7; kill -INT $!; wait $!"
    ended = shell(command)
    assert ended.returncode == 0
    assert "reversal, seed 0" in ended.stdout


def test_what_a_guarded_stream_cannot_write_is_lost(tmp_path):
    with open("/dev/full", "w") as full:
        stream = guarded(full, lose)
        print("a" * 100_000, "ä", file=stream, flush=True)
    with open(tmp_path / "file", "w", encoding="ascii") as file:
        print("ä", file=guarded(file, lose), flush=True)
    assert (tmp_path / "file").read_text() == "\\xe4\n"
    assert issubclass(GuardedFile, io.FileIO)


def test_control_characters_are_shown_as_escapes_and_other_text_as_it_is():
    assert clean(HOSTILE) == "\\x1b[31mred\\x9b2J\\r\\u202eback"
    assert clean("two\nlines") == "two\\nlines"
    assert clean("Łódź 北京 naïve – [/]x $\\frac{1}{$ 🙂") == "Łódź 北京 naïve – [/]x $\\frac{1}{$ 🙂"
    assert is_clean("Łódź")
    assert not is_clean(HOSTILE)


def test_a_line_for_the_user_is_one_line(capsys):
    say(f"error: {HOSTILE}\nsecond")
    assert capsys.readouterr().err == f"error: {clean(HOSTILE)}\\nsecond\n"


def first_question(name: str) -> str:
    """A question that the run can be asked."""
    said = shell(f"python -m eval ask checkpoints/{name} 'x teacher-of _'").stderr
    return f"{said.split('the nearest are ')[1].split(',')[0]} teacher-of _"


@pytest.mark.parametrize("place", ["key", "objective", "split"])
def test_no_file_of_a_run_moves_the_cursor(name, tmp_path, place):
    folder = shutil.copytree(ROOT / name, tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    if place == "key":
        config["model"][HOSTILE] = 1
    elif place == "objective":
        config["objective"]["name"] = HOSTILE
    (folder / "config.json").write_text(json.dumps(config))
    if place == "split":
        entry = json.loads((folder / "result.json").read_text())
        methods = {"closed-book": {"forward_passes": 1, "query_modes": {"as-trained": {HOSTILE: {"count": 0}}}}}
        (folder / "methods.json").write_text(
            json.dumps({"run": HOSTILE, "step": entry["steps"], "methods": {HOSTILE: methods["closed-book"]}})
        )
    ended = python("-m", "eval", "methods" if place == "split" else "ask", str(folder), *["q r _"] * (place != "split"))
    assert not set(ended.stdout + ended.stderr) & set("\x1b\x9b\r\u202e")


def test_terminals_are_not_needed_for_the_list_of_runs(name):
    damaged = ROOT / f"{name}-damaged"
    shutil.copytree(ROOT / name, damaged)
    (damaged / "config.json").write_text(f'{{"format": 2, "task": {{"name": "{HOSTILE!r}"}}}}')
    try:
        ended = python("-m", "eval", env=os.environ | {"COLUMNS": "80"})
    finally:
        shutil.rmtree(damaged)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = {line.split()[0]: line for line in ended.stdout.splitlines() if line.startswith("  test-")}
    assert lines[name].split()[1:] == ["reversal", "causal", "finished"]
    assert "damaged" in lines[f"{name}-damaged"]
    assert all(command in ended.stdout for command in ("eval RUN", "eval methods RUN", "eval ask RUN"))
    assert "\x1b" not in ended.stdout


@pytest.mark.parametrize(
    ("typed", "meant"), [("mehtods RUN", "methods"), ("RUNX", "checkpoints/RUN"), ("ask RUNX q", "checkpoints/RUN")]
)
def test_a_mistyped_command_or_run_is_answered_with_the_one_that_was_meant(name, typed, meant):
    ended = python("-m", "eval", *typed.replace("RUN", name).split())
    assert ended.returncode == 2
    assert ended.stderr.endswith(f"; did you mean {meant.replace('RUN', name)}?\n")


def test_no_name_of_a_users_file_moves_the_cursor(tmp_path):
    facts, relations = tmp_path / "facts.csv", tmp_path / "relations.csv"
    facts.write_text("head,relation,tail\n" + "".join(f"{HOSTILE[:9]}{i},r,b\x1b{i}\n" for i in range(6)))
    relations.write_text("relation,inverse\nr,q\n")
    files = ("--task.file", str(facts), "--task.relations", str(relations))
    for command in (("show", "triples"), ("export", "triples", "--out", str(tmp_path / "out"))):
        ended = python("-m", "tasks", *command, *files)
        assert ended.returncode == 0
        assert not set(ended.stdout + ended.stderr) & set("\x1b\x9b\r\u202e")
