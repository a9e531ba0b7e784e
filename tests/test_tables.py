"""Terminals of any width: no number is cut, and step and time left are always seen."""

import io
import re
import time

import pytest
from rich.console import Console

from eval import report
from eval.report import print_methods, print_result
from eval.tables import print_table
from tasks import TASKS
from tasks.reversal import Reversal
from tests.running import tiny
from train.presets import PRESETS
from train.progress import Pace, Progress

SUMMARY = {"count": 200, "accuracy": 1.0, "low": 0.983, "high": 1.0, "chance": 0.0025, "elimination_baseline": 0.05}
SUMMARY |= {"link_baseline": 0.8076, "reciprocal_rank": 1.0, "token_accuracy": 0.995}
UNASKED = {"count": 0, "chance": 0.0025, "elimination_baseline": 0.05, "link_baseline": 0.8076}
WIDTHS = (24, 40, 60, 80, 200)


def on_screen(width: int, act) -> list[str]:
    """The lines that `act` prints on a console of this width."""
    console = Console(width=width, file=io.StringIO(), markup=False, emoji=False, highlight=False)
    act(console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_of_a_result_is_whole_at_any_width(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    splits = {"forward": SUMMARY, "backward": UNASKED, "inverse_of_a_long_name": SUMMARY}
    print_result("checkpoints/causal-0, step 700", {"splits": splits}, Reversal())
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    for number in ("100.0 %", "98.3–100.0", "99.5 %", "1.000", "0.25 %", "5.00 %", "80.76 %", "200"):
        assert len(re.findall(rf"(?<![\\d.]){re.escape(number)}", printed)) >= 2, number
    assert "…" not in printed


@pytest.mark.parametrize("name", TASKS)
def test_no_line_of_a_result_wraps_at_80_columns(name, monkeypatch, capsys):
    task = TASKS[name]()
    asked = {key: value for key, value in SUMMARY.items() if key != "token_accuracy"}
    splits = {split: asked if split in task.progress_splits else UNASKED for split in task.build(0).questions}
    monkeypatch.setenv("COLUMNS", "80")
    print_result(f"checkpoints/{name}-0", {"splits": splits}, task)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3 : 3 + len(splits)]] == list(splits)
    assert lines[3 + len(splits)] == report.LEGEND
    in_order = [split for split in task.split_help if split in splits]
    assert [line.split()[0] for line in lines[4 + len(splits) :]] == in_order


def test_names_of_several_tokens_have_a_column_at_80_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    splits = {"forward": SUMMARY, "backward": UNASKED, "wrong_frame": SUMMARY}
    print_result("title", {"splits": splits}, Reversal())
    assert capsys.readouterr().out.count("split") == 1  # one table


def test_the_held_out_split_stands_out_in_terminals_alone(monkeypatch):
    splits = {"forward": SUMMARY, "inverse": SUMMARY, "inverse_rl": SUMMARY}
    printed = {}
    for color_system in ("standard", None):
        console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=color_system, highlight=False)
        monkeypatch.setattr(report, "make_console", lambda console=console: console)
        print_result("title", {"splits": splits}, Reversal())
        printed[color_system] = console.file.getvalue()
    magenta = [line for line in printed["standard"].splitlines() if "\x1b[1;35m" in line]
    assert [re.sub(r"\x1b\[[\d;]*m", "", line).split()[0] for line in magenta] == ["inverse", "inverse_rl", "inverse"]
    assert "\x1b[" not in printed[None]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_method_has_its_column_at_any_width(width):
    method = {"forward_passes": 1234, "query_modes": {"as-trained": {"forward": SUMMARY, "inverse": SUMMARY}}}
    names = [f"retrieval-of-kind-{i}" for i in range(9)]
    entry = {"run": "causal-0", "step": 700, "methods": dict.fromkeys(names, method)}
    lines = on_screen(width, lambda console: print_methods(entry, console))
    assert sum(line.count("100.0") for line in lines) == 18
    assert sum(line.count("1234") for line in lines) == 9


def test_methods_stand_beside_their_baselines_and_a_choice_beside_its_own():
    choice = SUMMARY | {"chance": 1 / 6, "elimination_baseline": 0.1}
    summaries = {"closed-book": SUMMARY, "in-context": SUMMARY, "multiple-choice": choice}
    methods = {
        name: {"forward_passes": 1, "query_modes": {"as-trained": {"forward": summary, "backward": summary | UNASKED}}}
        for name, summary in summaries.items()
    }
    entry = {"run": "causal-0", "step": 700, "methods": methods}
    lines = [line.split() for line in on_screen(80, lambda console: print_methods(entry, console))]
    assert [line[:4] for line in lines if line[:1] == ["split"]] == [["split", "chance", "elim.", "link"]] * 2
    assert [line[1:] for line in lines if line[:1] == ["forward"] and "passes" not in line] == [
        ["0.25", "5.00", "80.76", "100.0", "100.0"],
        ["16.67", "10.00", "80.76", "100.0"],
    ]
    assert ["backward", "0.25", "5.00", "80.76", "–", "–"] in lines


def test_baselines_that_an_older_run_lacks_leave_an_empty_cell():
    older = {name: value for name, value in SUMMARY.items() if name != "link_baseline"}
    method = {"forward_passes": 1, "query_modes": {"as-trained": {"forward": older}}}
    entry = {"run": "causal-0", "step": 700, "methods": {"in-context": method}}
    lines = on_screen(80, lambda console: print_methods(entry, console))
    assert ["forward", "0.25", "5.00", "100.0"] in [line.split() for line in lines]


def test_columns_that_have_no_room_follow_in_a_further_table():
    def act(console):
        print_table(["name", "first", "second"], [["a", "1111111111", "2222222222"]], title="title", console=console)

    assert [line.split() for line in on_screen(26, act)][::3] == [["title"], ["a", "1111111111", "2222222222"]]
    lines = [line.split() for line in on_screen(20, act)]
    assert lines[0] == ["title"]
    assert [lines[1], lines[3], lines[4], lines[6]] == [
        ["name", "first"],
        ["a", "1111111111"],
        ["name", "second"],
        ["a", "2222222222"],
    ]


def test_markup_and_control_characters_are_shown_as_text():
    def act(console):
        print_table(["[bold]split"], [["[/]x"], ["\x1b[31mred"]], title="[red]\x1b]0;t", console=console)

    text = "\n".join(on_screen(40, act))
    assert all(shown in text for shown in ("[bold]split", "[/]x", "\\x1b[31mred", "[red]\\x1b]0;t"))
    assert "\x1b" not in text


PARTS = {"documents/s": "documents/s 12,345", "bar": "━", "loss": "loss 3.123", "in context": "in context 50 %"}


def progress_lines(preset: str, width: int, terminal: bool = True) -> list[str]:
    """What is shown of the progress of a run: in a terminal of this width, at the start, on the way and at the end."""
    config = PRESETS[preset][1]
    console = Console(width=width, file=io.StringIO(), force_terminal=terminal, color_system=None)
    progress, now = Progress(config, console), time.time()
    stated, held_out = config.task.progress_splits
    share = {"count": 2, "accuracy": 1.0}
    in_context = {"in-context": {held_out: {"count": 2, "accuracy": 0.5}}}
    evaluation = {"kind": "evaluation", "splits": {stated: share, held_out: share}}
    if preset == "in-context":
        evaluation["methods"] = in_context
    training = {"kind": "train", "loss": 3.123, "documents_per_second": 12345}
    steps = config.train.steps
    lines = []
    for step, seconds in ((0, 0), (steps // 2, 83), (steps, 166)):
        for entry in (training, evaluation)[step == 0 :]:
            progress.record(entry | {"step": step, "time": now + seconds})
        lines += on_screen(width, lambda screen: screen.print(*progress.bar.get_renderables()))
    assert len(lines) == 3
    return lines


@pytest.mark.parametrize("preset", ["causal", "bidirectional", "in-context", "hierarchy"])
@pytest.mark.parametrize("width", [33, 40, 60, 80, 100, 111, 128, 160])
def test_step_and_time_left_are_seen_at_any_width(preset, width):
    steps = PRESETS[preset][1].train.steps
    first, middle, last = progress_lines(preset, width)
    assert re.search(rf"\b0/{steps}\b.* time left: soon", first)
    assert re.search(rf"\b{steps // 2}/{steps}\b.* about 1 min 2\d s left", middle)
    assert re.search(rf"\b{steps}/{steps}\b.* asking all questions", last)
    assert "…" not in first + middle + last


@pytest.mark.parametrize(
    ("preset", "shown"),
    [
        ("causal", ["loss", "forward 100 %", "inverse 100 %"]),
        ("bidirectional", ["loss", "forward 100 %", "inverse 100 %"]),
        ("in-context", ["forward 100 %", "inverse 100 %", "in context 50 %"]),
    ],
)
def test_80_columns_hold_the_accuracies_beside_the_time_left(preset, shown):
    line = progress_lines(preset, 80)[1]
    assert all(text in line for text in shown), line


def test_documents_a_second_go_first_then_the_bar_then_the_loss():
    shown = [
        [name for name, text in PARTS.items() if text in progress_lines("in-context", width)[1]]
        for width in range(33, 160)
    ]
    assert [parts for i, parts in enumerate(shown) if i == 0 or parts != shown[i - 1]] == [
        [],
        ["in context"],
        ["loss", "in context"],
        ["bar", "loss", "in context"],
        ["documents/s", "bar", "loss", "in context"],
    ]


def test_where_there_is_no_terminal_a_line_is_printed_for_each_evaluation_with_the_time_left(capsys):
    progress_lines("causal", 80, terminal=False)
    first, middle, last = capsys.readouterr().err.splitlines()
    assert first == "step 0/400  forward 100.0 %  inverse 100.0 %"
    start = "step 200/400  loss 3.123  forward 100.0 %  inverse 100.0 %  documents/s 12,345  about 1 min 2"
    assert re.fullmatch(rf"{start}\d s left", middle)
    assert last == "step 400/400  loss 3.123  forward 100.0 %  inverse 100.0 %  documents/s 12,345"


def test_the_time_left_falls_between_entries_and_knows_nothing_from_before_a_resume():
    pace, now = Pace(tiny(steps=100)), time.time()
    pace.update({"step": 40, "time": now - 1000})
    assert pace.seconds_left() is None
    pace.update({"step": 50, "time": now})
    assert pace.seconds_left() is None
    pace.update({"step": 60, "time": now + 10})
    assert pace.seconds_left() == pytest.approx(40, abs=1)
    pace.start_time = pace.entries[0]["time"] = now - 25
    pace.update({"step": 60, "time": now - 15})
    assert pace.seconds_left() == pytest.approx(40 - 15, abs=1)
    pace.update({"step": 90, "time": now - 100 + 75})
    assert pace.seconds_left() == 0  # it takes longer than it seemed to
    assert pace.share_done == 0.9
