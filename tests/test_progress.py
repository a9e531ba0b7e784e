"""Asking a run shows how many questions are answered, and Ctrl-C ends it with one line and loses nothing."""

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from eval.__main__ import main
from eval.methods import METHODS
from eval.progress import QuestionProgress, duration
from eval.run_methods import JSON_FILE, Chunk, chunks_of, run_methods
from eval.trained_model import load_trained_model
from model.objectives.causal import Causal
from model.objectives.reversed import Reversed
from tests.running import tiny
from train.run import train_run

CHUNKS = [Chunk(20, 1), Chunk(10, 8)]  # four fifths of the work are in the second
KEPT = "the run is as it was"


@pytest.fixture
def at(monkeypatch):
    """Sets the clock, in seconds since the first question."""

    def at(seconds: float) -> None:
        monkeypatch.setattr("eval.progress.time", SimpleNamespace(monotonic=lambda: 1000 + seconds))

    at(0)
    return at


@pytest.mark.parametrize("objective", [Causal(), Reversed()], ids=["one query mode", "two query modes"])
def test_what_is_expected_is_what_is_asked(tmp_path, monkeypatch, objective):
    monkeypatch.setattr("eval.evaluate.CHUNK", 3)
    train_run(tiny(objective), "run", root=tmp_path)
    methods = {name: METHODS[name] for name in ("closed-book", "generate-and-verify")}
    expected, calls = [], []
    entry = run_methods(tmp_path / "run", methods, lambda: calls.append(len(expected)), expect=expected.extend)
    trained = load_trained_model(tmp_path / "run")[0]
    modes = trained.query_modes()
    assert sum(chunk.questions for chunk in expected) == 2 * len(modes) * sum(
        map(len, trained.corpus.questions.values())
    )
    assert calls == [len(expected)] * len(expected)
    assert max(chunk.questions for chunk in expected) == 3
    assert {chunk.passes for chunk in expected} == {result["forward_passes"] for result in entry["methods"].values()}
    assert len(chunks_of(trained, [METHODS["closed-book"]])) == len(expected) // 2


def test_without_a_terminal_lines_are_few_and_none_where_it_is_quick(at, capsys):
    with QuestionProgress("run", KEPT, Console(stderr=True, force_terminal=False)) as progress:
        progress.expect([Chunk(1, 1)] * 200)
        for second in range(200):
            at(second)
            progress.check()
            if second == 9:
                assert capsys.readouterr().err == ""
    assert capsys.readouterr().err.splitlines() == [
        f"question {second}/200 of run  about {duration(200 - second)} left" for second in (10, 20, 40, 80, 160)
    ]


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal_shows_a_bar_with_the_time_that_the_rest_of_the_work_takes(at, width):
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    progress = QuestionProgress("run", KEPT, console)
    progress.expect(CHUNKS)
    progress.check()
    assert progress.time_left() == "time left: soon"
    at(10)
    progress.check()
    console.print(*progress.bar.get_renderables())
    (line,) = console.file.getvalue().splitlines()
    assert line.split()[:2] == ["question", "20/30"]
    assert line.rstrip().endswith("about 40 s left")
    at(25)
    assert progress.time_left() == "about 25 s left"  # also before the next chunk


def interrupt_at(monkeypatch, call: int) -> None:
    """Ctrl-C before the chunk of this number."""
    calls = iter(range(call))

    def check(progress: QuestionProgress) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(QuestionProgress, "check", check)


def test_ctrl_c_between_two_methods_keeps_the_first(tmp_path, monkeypatch, capsys):
    train_run(tiny(Causal()), "run", root=tmp_path)
    folder = tmp_path / "run"
    first = len(chunks_of(load_trained_model(folder)[0], [METHODS["closed-book"]]))
    capsys.readouterr()
    interrupt_at(monkeypatch, first)
    with pytest.raises(KeyboardInterrupt):
        main(["methods", str(folder), "--methods", "closed-book", "generate-and-verify"])
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"stopped: {folder / JSON_FILE} keeps the methods that were finished\n")
    assert list(json.loads((folder / JSON_FILE).read_text())["methods"]) == ["closed-book"]


def test_ctrl_c_while_a_run_is_asked_changes_nothing(tmp_path, monkeypatch, capsys):
    train_run(tiny(Causal()), "run", root=tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    capsys.readouterr()
    interrupt_at(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        main([str(tmp_path / "run")])
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"stopped: {KEPT}\n")
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
