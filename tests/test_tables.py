"""Terminals of any width: no number is cut, and step and time left are always seen."""

import io
import re

import pytest
from rich.console import Console

from eval.report import print_by_query_mode, print_methods
from eval.tables import print_table
from train.presets import PRESETS
from train.progress import Progress

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
    print_by_query_mode("checkpoints/causal-0, step 700", {"as-trained": splits}, {"forward": "A r _  as stated"})
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    for number in ("100.0 %", "98.3–100.0", "99.5 %", "1.000", "0.25 %", "5.00 %", "80.76 %", "200"):
        assert len(re.findall(rf"(?<![\\d.]){re.escape(number)}", printed)) >= 2, number
    assert "…" not in printed


@pytest.mark.parametrize("width", WIDTHS)
def test_every_method_has_its_column_at_any_width(width):
    method = {"forward_passes": 1234, "query_modes": {"as-trained": {"forward": SUMMARY, "inverse": SUMMARY}}}
    names = [f"retrieval-of-kind-{i}" for i in range(9)]
    entry = {"run": "causal-0", "step": 700, "methods": dict.fromkeys(names, method)}
    lines = on_screen(width, lambda console: print_methods(entry, console))
    assert sum(line.count("100.0") for line in lines) == 18
    assert sum(line.count("1234") for line in lines) == 9


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


PARTS = {"documents/s": "documents/s 12,345", "bar": "━", "loss": "loss 3.123", "in context": "in context 50.0 %"}


def progress_line(preset: str, width: int) -> str:
    """What a terminal of this width shows of the progress of a run."""
    config = PRESETS[preset][1]
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    progress = Progress(config, console)
    stated, held_out = config.task.progress_splits
    share = {"count": 2, "accuracy": 1.0}
    in_context = {"in-context": {held_out: {"count": 2, "accuracy": 0.5}}}
    progress.record({"kind": "train", "step": 500, "loss": 3.123, "documents_per_second": 12345})
    progress.record(
        {"kind": "evaluation", "step": 500, "splits": {stated: share, held_out: share}}
        | ({"methods": in_context} if preset == "in-context" else {})
    )
    (line,) = on_screen(width, lambda screen: screen.print(*progress.bar.get_renderables()))
    return line


@pytest.mark.parametrize("preset", ["causal", "in-context"])
@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 111, 128, 160])
def test_step_and_time_left_are_seen_at_any_width(preset, width):
    line = progress_line(preset, width)
    assert re.search(r"\b500/\d+", line)
    assert "-:--:-- left" in line
    assert "…" not in line


def test_documents_a_second_go_first_then_the_bar_then_the_loss():
    shown = [
        [name for name, text in PARTS.items() if text in progress_line("in-context", width)] for width in range(30, 160)
    ]
    assert [parts for i, parts in enumerate(shown) if i == 0 or parts != shown[i - 1]] == [
        [],
        ["in context"],
        ["loss", "in context"],
        ["bar", "loss", "in context"],
        ["documents/s", "bar", "loss", "in context"],
    ]
