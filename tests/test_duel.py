"""Several runs asked beside each other: in a session, by flags and in pipes; what is marked right, and what is said."""

import io
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from checkpoints.folder import ROOT
from config.validation import SettingError
from eval.__main__ import main
from eval.ask import answer_probabilities
from eval.duel import Ask, load_contenders, require_one_world
from eval.duel_session import COMMANDS, Duel
from eval.duel_view import Column, bar, print_columns
from eval.known import Known
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.runs import find_run
from eval.text import ParsedQuestion, parse_question
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tests.reading import answers, question, stated
from tests.running import HOUSE, command, tiny
from tests.test_every_task import every_task, small
from train.run import train_run

WORLD = tiny().task
KNOWN = Known.of(WORLD.build(0), WORLD)
INVERSE = KNOWN.held_out()[0]  # such as `wuve student-of _`
FACT = KNOWN.premises(INVERSE)[0]  # `tewo teacher-of wuve`
(ANSWER,) = KNOWN.right_answers(INVERSE)
STATED = f"{FACT.rpartition(' ')[0]} _"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[str, str]:
    """The folders of a causal and a bidirectional run of one world."""
    root = tmp_path_factory.mktemp("duel")
    for name, objective in (("causal", Causal()), ("masked", Masked())):
        train_run(tiny(objective), name, root=root)
    return str(root / "causal"), str(root / "masked")


@pytest.fixture
def duel(runs, monkeypatch) -> Duel:
    monkeypatch.setenv("COLUMNS", "80")
    return Duel(load_contenders([Path(run) for run in runs]), Ask(runs))


# --- what is known ---


@every_task
def test_what_is_stated_and_what_splits_accept_is_right_but_for_mistakes(name):
    task = small(name)
    corpus = task.build(0)
    known = Known.of(corpus, task)
    for source, words, target in list(stated(corpus))[:100]:
        for typed, answer in ((f"{source} {words} _", target), (f"_ {words} {target}", source)):
            assert answer in known.right_answers(parse_question(corpus, typed))
    for split, questions in corpus.questions.items():
        for i in range(min(len(questions), 20)):
            right = known.right_answers(parse_question(corpus, " ".join(question(corpus, questions, i))))
            accepted = set(answers(corpus, questions, i))
            assert accepted.isdisjoint(right) if split in task.mistake_splits else accepted <= right
    assert known.right_answers(ParsedQuestion(None, ("never",), corpus.entities.names[0])) == set()


@every_task
def test_held_out_questions_are_not_stated_and_what_they_follow_from_is(name):
    task = small(name)
    corpus = task.build(0)
    known, facts = Known.of(corpus, task), {" ".join(fact) for fact in stated(corpus)}
    asked = known.held_out()
    assert len(set(asked)) == len(asked) > 3
    for held_out in asked[:20]:
        assert parse_question(corpus, str(held_out)) == held_out
        assert not {str(held_out.filled(answer)) for answer in known.right_answers(held_out)} & facts
        assert known.premises(held_out)
        assert set(known.premises(held_out)) <= facts
        first, second = known.how_stated(held_out)
        assert known.premises(held_out)[0] in first
        assert second.startswith("never stated: ")


def test_names_in_plain_letters_are_proposed_first():
    task = small("triples")
    plain = [str(held_out).isascii() for held_out in Known.of(task.build(0), task).held_out()]
    assert plain == sorted(plain, reverse=True)
    assert {True, False} == set(plain)


def test_a_statement_in_the_prompt_says_what_is_right_in_either_wording():
    corpus = KNOWN.corpus
    other = next(name for name in corpus.entities.names if name not in (ANSWER, INVERSE.source))
    relation = FACT.split()[1]
    assert KNOWN.inverse_form(INVERSE) == ParsedQuestion(None, (relation,), INVERSE.source)
    for text in (f"{other} {relation} {INVERSE.source}", str(INVERSE.filled(other))):
        context = [parse_question(corpus, text, "context")]
        assert KNOWN.right_answers(INVERSE, context) == {other}
    unrelated = parse_question(corpus, f"{INVERSE.source} {relation} {other}", "context")
    assert KNOWN.right_answers(INVERSE, [unrelated]) == {ANSWER}


# --- runs and questions ---


def test_leading_arguments_that_name_runs_are_runs_and_the_others_questions(runs):
    for given in (("a b _",), ("a b _", "x y _"), (), ("",), ("a b",)):
        folders, questions = Ask((*runs, *given)).split()
        assert (list(map(str, folders)), questions) == (list(runs), given)
    with pytest.raises(SettingError, match=r"^nowhere is no run folder"):
        Ask((runs[0], "nowhere", "a b _")).split()
    with pytest.raises(SettingError, match=r"^a b _ is no run folder"):
        Ask(("a b _",)).split()
    with pytest.raises(SettingError, match="runs is"):
        Ask(())


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("causal-0", "train-causal"),
        ("bidirectional-30", "train-bidirectional SEED=30"),
        ("capitals-causal-0", "capitals"),
        ("capitals-bidirectional-0", "capitals"),
    ],
)
def test_a_run_that_a_make_target_trains_is_missed_with_that_target(name, target, tmp_path, monkeypatch):
    monkeypatch.setattr("eval.runs.ROOT", tmp_path)
    with pytest.raises(SettingError, match=rf"^{name} is no run folder: it does not exist; make {target} trains it$"):
        find_run(name)
    makefile = (HOUSE / "Makefile").read_text()
    assert f"\n{target.split()[0]}: " in makefile


def test_runs_of_different_worlds_are_refused_in_one_line(runs, tmp_path, capsys):
    others = {"seed": tiny(Masked(), seed=1), "facts": tiny(Masked(), world={"one_way": 6})}
    for name, config in others.items():
        train_run(config, name, root=tmp_path)
    for name, how in (("seed", "seed 0 and 1"), ("facts", "task.one_way 4 and 6")):
        code, err = command(main, ["ask", *runs, str(tmp_path / name), str(INVERSE)], capsys)
        line = f"error: causal and {name} learned different worlds ({how}), but must be runs of one world\n"
        assert (code, err) == (2, line)
    require_one_world([Path(run) for run in runs])


# --- the view ---


def test_both_answers_stand_beside_each_other_with_what_training_states(runs, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    main(["ask", *runs, str(INVERSE), STATED])
    first, second = capsys.readouterr().out.split("\n\n")
    title, training, never, heads, *rows = first.splitlines()
    assert title.strip() == str(INVERSE)
    assert training.strip() == f"training stated: {FACT}"
    assert never.strip() == f"never stated:    {INVERSE.filled(ANSWER)}"
    assert "  causal  " in heads
    assert heads.rstrip().endswith("  masked")
    assert all(row.count(" % ") == 2 for row in rows[:5])
    assert first.count("✓ right") + first.count("✗ wrong") == 2
    assert second.splitlines()[1].strip() == f"training stated: {FACT}"
    assert "never" not in second
    assert "\x1b" not in first + second  # a pipe has no colours
    assert max(map(cell_len, (first + second).splitlines())) <= 80


def view(columns: list[Column], right: set[str], width: int, encoding: str = "utf-8", colour: bool = False) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    console = Console(file=file, width=width, force_terminal=colour, color_system="standard" if colour else None)
    print_columns(columns, right, console)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


SHARES = {"ka": 0.7, "lo": 0.2, "mi": 0.06, "nu": 0.03, "po": 0.01, "ro": 0.0}


@pytest.mark.parametrize(
    ("right", "verdict", "marked"),
    [
        ({"ka"}, "✓ right", {"✓": ["ka"], "✗": []}),
        ({"lo"}, "✗ wrong", {"✓": ["lo"], "✗": ["ka"]}),
        ({"ka", "mi"}, "✓ right", {"✓": ["ka", "mi"], "✗": []}),
        ({"ro"}, "✗ wrong", {"✓": ["ro"], "✗": ["ka"]}),
        (set(), "", {"✓": [], "✗": []}),
    ],
)
def test_right_and_wrong_are_told_by_signs_and_words_and_colours(right, verdict, marked):
    head, *rows = view([Column("run", SHARES)], right, 80).splitlines()
    assert head.strip() == f"{verdict}  run".strip()
    for sign, names in marked.items():
        assert [row.split()[1] for row in rows if row.startswith(sign)] == names
    assert len(rows) == 5 + ("ro" in right)
    assert ("rank 6" in rows[-1]) == ("ro" in right)
    coloured = view([Column("run", SHARES)], right, 80, colour=True)
    assert ("\x1b[1;32m" in coloured, "\x1b[1;31m" in coloured) == (bool(right), bool(right) and "ka" not in right)
    plain = view([Column("run", SHARES)], right, 80, "ascii")
    assert plain.isascii()
    assert ("+ ka" in plain, "x ka" in plain) == ("ka" in right, bool(right) and "ka" not in right)


def test_a_bar_is_as_long_as_its_share():
    assert bar(1, 8, ascii_only=False) == "█" * 8
    assert bar(0.5, 8, ascii_only=True) == "####"
    assert bar(0.5 + 1 / 16, 8, ascii_only=False) == "████▌"
    assert bar(0, 8, ascii_only=False) == bar(0, 8, ascii_only=True) == ""


@pytest.mark.parametrize("width", [20, 40, 50, 80, 120])
@pytest.mark.parametrize("name", ["ka", "Saint Vincent and the Grenadines", "東京都" * 5, "x" * 60])
def test_the_layout_fits_every_width_and_cuts_no_name(width, name):
    columns = [Column("one", {name: 0.5} | SHARES), Column("two", SHARES), Column("three", refusal="cannot be asked")]
    for chosen in (columns[:1], columns[:2], columns):
        lines = view(chosen, {"ka"}, width).splitlines()
        assert max(map(cell_len, lines)) <= width
        text = "".join("".join(lines).split())
        assert sum(text.count(sign) for sign in set(name.replace(" ", ""))) >= len(name.replace(" ", ""))
    beside = any("one" in line and "two" in line for line in view(columns[:2], {"ka"}, width).splitlines())
    assert beside == (width >= (80 if len(name) > 2 else 40))


def test_a_model_that_cannot_be_asked_says_so_and_the_other_answers(runs, capsys):
    typed = f"_ {' '.join(INVERSE.words)} {INVERSE.source}"
    main(["ask", *runs, typed])
    out = capsys.readouterr().out
    assert "cannot be asked" in " ".join(out.split())
    assert out.count(" % ") >= 5
    code, err = command(main, ["ask", runs[0], typed], capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert "cannot be asked" in err


def test_what_training_states_of_a_wrong_prediction_is_said_once(duel, capsys):
    (source, target), facts = next((tuple(pair), facts) for pair, facts in KNOWN.stated.items() if len(facts) == 2)
    words = next(fact.words for fact in facts)
    wrong = next(
        ParsedQuestion(*ends)
        for ends in ((source, words, target), (target, words, source))
        if ParsedQuestion(*ends) not in facts
    )
    asked = ParsedQuestion(wrong.source, words, None)
    duel.print_mistakes(asked, [Column("one", {wrong.target: 1.0}), Column("two", {wrong.target: 1.0})], {"right"})
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{wrong}: not stated, but: ")
    duel.print_mistakes(asked, [Column("one", {wrong.target: 1.0})], {wrong.target})
    assert capsys.readouterr().out == ""


# --- prompts and commands ---


def test_verify_scores_each_name_in_the_inverse_statement(duel):
    inverse = KNOWN.inverse_form(INVERSE)
    trained = duel.contenders[0].trained
    _, verified = answer_probabilities(trained, INVERSE, GenerateAndVerify(), inverse)
    for name in list(verified)[:3]:
        statement = inverse.filled(name)
        _, forward = answer_probabilities(trained, ParsedQuestion(name, statement.words, None))
        assert verified[name] == pytest.approx(forward[INVERSE.source], rel=1e-4)
    assert set(verified) == set(KNOWN.corpus.entities.names)


@every_task
def test_every_held_out_question_with_an_inverse_word_can_be_verified(name):
    from tests.test_evaluate import untrained

    task = small(name)
    corpus = task.build(0)
    known, trained = Known.of(corpus, task), untrained(Causal(), corpus)
    asked = [held_out for held_out in known.held_out() if known.inverse_form(held_out)][:1]
    assert bool(asked) == (name != "syllogism")
    for held_out in asked:
        _, verified = answer_probabilities(trained, held_out, GenerateAndVerify(), known.inverse_form(held_out))
        assert known.right_answers(held_out) <= set(verified)


def test_commands_change_the_prompt_and_answer_the_last_question_again(duel, capsys):
    lines = [str(INVERSE), f":context {FACT}; {FACT}", ":retrieve lexical", ":verify", ":retrieve off", ":context"]
    texts = []
    for line in lines:
        assert duel.run([line]) == 0
        texts.append(" ".join(capsys.readouterr().out.split()))
    assert all(f"{INVERSE}" in text and text.count(" % ") >= 10 for text in texts)
    closed, context, retrieved, verified, off, emptied = texts
    assert f"prompt: [begin] {FACT} [separator] {FACT} [separator] {INVERSE}" in context
    assert "(lexical retrieval)" in retrieved
    assert retrieved.count("[separator]") == 4
    assert "(generate and verify)" in verified
    assert f"each name completes {KNOWN.inverse_form(INVERSE)}" in verified
    assert closed == off == emptied
    assert "prompt" not in closed


def test_flags_do_what_the_commands_do(runs, duel, capsys):
    for flags, line in (
        (["--context", FACT], f":context {FACT}"),
        (["--retrieve", "dense"], ":retrieve dense"),
        (["--verify"], ":verify"),
    ):
        main(["ask", *runs, str(INVERSE), *flags])
        by_flag = capsys.readouterr().out
        duel.num_answered = 0
        duel.last, duel.settings = INVERSE, Ask(runs)
        duel.run([line])
        assert capsys.readouterr().out == by_flag


def test_what_is_refused_is_one_line_and_the_session_goes_on_as_it_was(duel, capsys):
    bad = ["x", "nobody teacher-of _", ":contxt", ":", ":context a b", ":retrieve all", f":context {INVERSE}"]
    assert duel.run([*bad, str(INVERSE), ":quit", str(INVERSE)]) == len(bad)
    out, err = capsys.readouterr()
    assert err.count("\n") == err.count("error: ") == len(bad)
    assert "did you mean context?" in err
    assert out.splitlines().count(str(INVERSE)) == 1  # closed book, as before, and nothing after :quit
    assert "prompt" not in out


def test_help_lists_every_command_and_next_proposes_another_question(duel, capsys):
    duel.run([":help"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [f":{name}" for name in COMMANDS]
    proposals = [duel.proposal]
    for _ in range(2):
        duel.run([":next"])
        proposals.append(duel.proposal)
        premise, question = capsys.readouterr().out.splitlines()
        assert question.split(maxsplit=1) == ["try:", str(duel.proposal)]
        assert premise == f"training stated: {KNOWN.premises(duel.proposal)[0]}"
    assert proposals == KNOWN.held_out()[:3]


def test_lines_of_a_pipe_are_answered_and_commands_are_carried_out(runs, capsys, monkeypatch):
    lines = f"{INVERSE}\n\n:context {FACT}\nnobody teacher-of _\n:quit\n{STATED}\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    with pytest.raises(SystemExit) as ended:
        main(["ask", *runs])
    out, err = capsys.readouterr()
    assert (ended.value.code, err.count("\n")) == (2, 1)
    assert out.count(f"training stated: {FACT}") == 2
    assert STATED not in out
    assert "try:" not in out


# --- a terminal ---


class Terminal:
    """`python -m eval ask …` in a terminal of 80 x 24."""

    def __init__(self, *arguments: str):
        self.parent, child = pty.openpty()
        environment = os.environ | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
        words = [sys.executable, "-m", "eval", "ask", *arguments]
        streams = {"stdin": child, "stdout": child, "stderr": child}
        self.process = subprocess.Popen(words, cwd=HOUSE, env=environment, start_new_session=True, **streams)
        os.close(child)
        self.text = ""

    def read_until(self, end: str) -> str:
        """What it shows up to `end`."""
        deadline = time.monotonic() + 120
        while end not in self.text:
            ready, _, _ = select.select([self.parent], [], [], max(deadline - time.monotonic(), 0))
            assert ready, self.text
            try:
                self.text += os.read(self.parent, 1 << 16).decode()
            except OSError:  # it has ended
                break
        shown, self.text = self.text, ""
        return shown

    def type(self, keys: str) -> None:
        os.write(self.parent, keys.encode())

    def end(self) -> int:
        code = self.process.wait(60)
        os.close(self.parent)
        return code


@pytest.mark.parametrize("keys", ["\x04", "\x03", ":quit\r"], ids=["Ctrl-D", "Ctrl-C", ":quit"])
def test_a_terminal_proposes_answers_in_colour_and_ends_quietly(runs, keys):
    terminal = Terminal(*runs)
    try:
        begun = terminal.read_until("? ")
        while not begun.endswith("? "):
            begun += terminal.read_until("? ")
        assert f"training stated: {FACT}" in begun
        assert str(INVERSE) in begun
        terminal.type("\r")  # an empty line asks what is proposed
        shown = terminal.read_until("\r\n? ")
        assert "never stated" in shown
        assert "\x1b[1;3" in shown
        terminal.type("nonsense\r")
        assert "error: question is 'nonsense'" in terminal.read_until("\r\n? ")
        if keys == "\x03":
            time.sleep(0.5)  # until it waits for a key: what comes before waits for the next one
            os.killpg(terminal.process.pid, signal.SIGINT)
        else:
            terminal.type(keys)
        assert "Traceback" not in terminal.read_until("nothing more")
        assert terminal.end() == 0
    finally:
        terminal.process.kill()


def test_make_asks_the_default_runs_and_says_which_target_trains_a_missing_one(tmp_path):
    shutil.copy2(HOUSE / "Makefile", tmp_path)
    alone = ["env", "-u", "MAKEFLAGS", "-u", "ARGS"]  # not with the variables of the make that runs the tests
    call = [*alone, "make", "--no-print-directory", "-o", ".venv/ready"]

    def asked(*words: str) -> str:
        return subprocess.check_output([*call, "RUN=echo", "ask", *words], cwd=tmp_path, text=True).strip()

    assert asked() == "eval ask causal-0 bidirectional-0"
    assert asked("RUNS=a b c", "ARGS=--verify") == "eval ask a b c --verify"
    name = f"bidirectional-{uuid.uuid4().int % 10**9 + 1000}"
    assert not (ROOT / name).exists()
    ended = subprocess.run(
        [*call, f"RUN={sys.executable} -m", "ask", f"RUNS={name}"], cwd=HOUSE, capture_output=True, text=True
    )
    assert ended.returncode == 2
    first, *rest = ended.stderr.splitlines()
    assert first.endswith(f"does not exist; make train-bidirectional SEED={name.partition('-')[2]} trains it")
    assert all(re.match(r"make(\[\d+\])?: ", line) for line in rest)
