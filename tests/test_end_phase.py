"""The questions after the last step show how many are answered, and can be stopped and continued."""

import io
from itertools import pairwise
from types import SimpleNamespace

import pytest
from rich.console import Console

from eval.progress import duration
from model.objectives.causal import Causal
from model.objectives.reversed import Reversed
from tests.running import Recorder, contents, record, tiny
from train.progress import Progress
from train.run import train_run
from train.signals import StopFlag, StopRequested

EPISODES = {"episodes.share": 0.5, "unseen": 2, "episodes.max_facts": 2}


class Answered(Recorder):
    """Keeps what a run reports of its questions, and stops it at the `limit`-th report."""

    def __init__(self, limit: int | None = None):
        super().__init__()
        self.reports: list[tuple[int, int]] = []
        self.limit, self.stop = limit, StopFlag()

    def asked(self, answered: int, total: int) -> None:
        self.reports.append((answered, total))
        if len(self.reports) == self.limit:
            self.stop.signal_number = 2


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("eval.evaluate.CHUNK", 3)


@pytest.mark.parametrize(
    ("config", "rounds"), [(tiny(Reversed()), 2), (tiny(Causal(), world=EPISODES), 2), (tiny(Causal()), 1)]
)
def test_every_question_of_every_query_mode_and_method_is_counted(tmp_path, config, rounds):
    log = Answered()
    result = train_run(config, "run", root=tmp_path, log=log)
    total = rounds * sum(map(len, config.task.build(0).questions.values()))
    answered = [report[0] for report in log.reports]
    assert {report[1] for report in log.reports} == {total}
    assert (answered[0], answered[-1]) == (0, total)
    assert answered == sorted(set(answered))
    assert max(after - before for before, after in pairwise(answered)) == 3
    assert ("methods" in result) == (config.task.episodes.share > 0)


def test_a_stop_between_two_questions_loses_nothing(tmp_path):
    config = tiny(Causal(), world=EPISODES)
    whole = train_run(config, "whole", root=tmp_path, log=Recorder())
    stopped = Answered(limit=4)
    with pytest.raises(StopRequested):
        train_run(config, "stopped", root=tmp_path, log=stopped, stop=stopped.stop)
    assert 0 < stopped.reports[-1][0] < stopped.reports[-1][1]
    assert not (tmp_path / "stopped" / "result.json").exists()
    again = train_run(config, "stopped", root=tmp_path, log=Recorder(), resume=True)
    assert again["weights"] == whole["weights"]
    assert again["splits"] == whole["splits"]
    assert record(tmp_path / "stopped") == record(tmp_path / "whole")
    files = ("questions.csv", "vocabulary.json")
    assert [contents(tmp_path / "stopped")[file] for file in files] == [
        contents(tmp_path / "whole")[file] for file in files
    ]


def report_at(progress: Progress, monkeypatch, seconds: range) -> None:
    """A report at each of these seconds, one question answered a second, of 200."""
    for second in seconds:
        clock = SimpleNamespace(monotonic=lambda second=second: 1000 + second, time=lambda: 0)
        monkeypatch.setattr("train.progress.time", clock)
        monkeypatch.setattr("eval.progress.time", clock)
        progress.asked(second, 200)


def test_without_a_terminal_lines_are_few_and_none_where_it_is_quick(capsys, monkeypatch):
    with Progress(tiny()) as progress:
        report_at(progress, monkeypatch, range(10))
        assert capsys.readouterr().err == ""
        report_at(progress, monkeypatch, range(201))
    assert capsys.readouterr().err.splitlines() == [
        f"question {second}/200 after the last step  about {duration(200 - second)} left"
        for second in (10, 20, 40, 80, 160)
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_terminal_shows_questions_in_the_bar(monkeypatch, width):
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    progress = Progress(tiny(), console)
    progress.record({"kind": "train", "step": 12, "loss": 3.123, "documents_per_second": 12345, "time": 0})
    report_at(progress, monkeypatch, range(0, 101, 50))
    console.print(*progress.bar.get_renderables())
    (line,) = console.file.getvalue().splitlines()
    assert line.startswith("question 100/200 " if width > 40 else "100/200 ")
    assert line.rstrip().endswith(" left")
    assert ("after the last step" in line) == (width > 40)
    assert len(line) <= width
