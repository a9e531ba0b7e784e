"""Tables of accuracy in a terminal: by split, and by split and method."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from config.terminal import clean
from eval.evaluate import Summary, from_entry
from eval.examples import RIGHT, WRONG
from eval.tables import make_console, print_line, print_table
from model.objectives.base import AS_TRAINED
from tasks.common.chain_of_thought import RL_SUFFIX
from tasks.task import Task

LEGEND = "95 %: interval; baselines: chance, elimination, link; MRR: mean reciprocal rank"
HELD_OUT = "bold magenta"  # what is of a held-out split, in terminals with colours
EXAMPLE_STYLES = {RIGHT: "bold green", WRONG: "bold red"}
CANNOT_BE_ASKED = "cannot be asked"
HEADINGS = {
    "token_accuracy": "by\ntoken",
    "reciprocal_rank": "MRR",
    "chance": "chance",
    "elimination_baseline": "elim.",
    "link_baseline": "link",
    "count": "count",
}
BASELINES = ("chance", "elimination_baseline", "link_baseline")
Cells = dict[str, tuple[str, ...]]
"""of the baselines, by split"""


def percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"


def print_result(title: str, entry: dict[str, Any], task: Task) -> None:
    """A table for each query mode closed book, then for other methods, as result.json holds them; the splits' help.

    Held-out splits stand out in colour.
    """
    console, modes, methods = make_console(), from_entry(entry), entry.get("methods", {})
    closed_book = f"{title}{', closed book' * bool(methods)}"
    tables = {f"{closed_book}{f', query mode {mode}' * (len(modes) > 1)}": splits for mode, splits in modes.items()}
    tables |= {f"{title}, {name.replace('-', ' ')}": splits for name, splits in methods.items()}
    for table_title, splits in tables.items():
        print_splits(table_title, splits, task, console)
    print_line(LEGEND, console)
    shown = [split for split in task.split_help if any(split in splits for splits in tables.values())]
    width = max(map(len, shown), default=0)
    for split in shown:
        console.print(Text(f"  {split:{width}}  {task.split_help[split]}", split_style(split, task)))


def print_examples(texts: dict[str, str]) -> None:
    """Prints the sentences that `eval.examples.describe` made."""
    for name, text in texts.items():
        make_console().print(Text.assemble((f"{name}: ", EXAMPLE_STYLES[name]), clean(text)))


def print_next(commands: Iterable[str]) -> None:
    """Prints commands that are worth trying, a line each."""
    for i, command in enumerate(commands):
        print_line(f"{'Next: ' if i == 0 else '':7}{command}", wrap=False)


def print_splits(title: str, splits: dict[str, Summary], task: Task, console: Console) -> None:
    """A row for each split: accuracy with its 95 % interval, other measures, baselines, and how many were asked.

    Of what only some summaries have, the columns are shown where one does: accuracy by token, where names have several,
    the mean reciprocal rank (MRR), and the link baseline.
    """
    head = {"split": "split", "accuracy": "accuracy", "interval": "95 %"}
    head |= {
        name: text for name, text in HEADINGS.items() if any(line.get(name) is not None for line in splits.values())
    }
    lines = [split_cells(split, summary) for split, summary in splits.items()]
    body = [[line[name] for name in head] for line in lines]
    styles = [split_style(split, task) for split in splits]
    print_table([*head.values()], body, title=title, row_styles=styles, console=console)


def split_style(split: str, task: Task) -> str:
    return HELD_OUT if split.removesuffix(RL_SUFFIX) in task.held_out_splits else ""


def split_cells(split: str, summary: Summary) -> dict[str, str]:
    """What is shown of the summary of a split, by column."""
    cells = {"split": split, "accuracy": CANNOT_BE_ASKED, "interval": "", "count": str(summary["count"])}
    if was_asked(summary):
        interval = f"{100 * summary['low']:.1f}–{100 * summary['high']:.1f}"
        cells |= {"accuracy": percent(summary["accuracy"]), "interval": interval}
    rank = summary.get("reciprocal_rank")
    cells |= {"reciprocal_rank": "" if rank is None else f"{rank:.3f}", "token_accuracy": ""}
    digits = {"token_accuracy": 1, "chance": 2, "elimination_baseline": 2, "link_baseline": 2}
    return cells | {name: percent(summary.get(name), places) for name, places in digits.items()}


def print_methods(entry: dict[str, Any], console: Console | None = None) -> None:
    """Tables for each query mode: a row for each split, a column for each baseline and method; in per cent.

    `entry`: what methods.json holds. Methods with other baselines, such as a choice among statements, have a table of
    their own. Methods that retrieve have two more numbers: accuracy where all premises were retrieved, and how often
    they were.
    """
    console = console or make_console()
    methods = entry["methods"]
    query_modes = dict.fromkeys(mode for method in methods.values() for mode in method["query_modes"])
    for query_mode in query_modes:
        by_mode = {name: method["query_modes"].get(query_mode, {}) for name, method in methods.items()}
        suffix = "" if query_mode == AS_TRAINED else f", query mode {query_mode}"
        for columns, baselines in by_baselines(by_mode):
            names = [name.replace("-", "\n") for name in columns]
            passes = [str(methods[name]["forward_passes"]) for name in columns]
            print_table(
                ["split", *(HEADINGS[name] for name in BASELINES), *names],
                [
                    [split.replace("_", " "), *baselines[split], *(cell(column[split]) for column in columns.values())]
                    for split in baselines
                ],
                foot=[["forward passes", *("" for _ in BASELINES), *passes]],
                title=f"{entry['run']}, step {entry['step']}{suffix}: exact match, %",
                console=console,
            )
    if any(has_retrieved(method) for method in methods.values()):
        print_line("below: where all premises were retrieved / how often they were", console)


def by_baselines(methods: dict[str, dict[str, Summary]]) -> Iterator[tuple[dict[str, dict[str, Summary]], Cells]]:
    """Methods that answered anything, with their summaries by split; those of equal baselines together, with them."""
    groups: dict[tuple[Any, ...], dict[str, dict[str, Summary]]] = {}
    for name, splits in methods.items():
        if any(map(was_asked, splits.values())):
            cells = tuple((split, baseline_cells(summary)) for split, summary in splits.items())
            groups.setdefault(cells, {})[name] = splits
    for cells, group in groups.items():
        yield group, dict(cells)


def baseline_cells(summary: Summary) -> tuple[str, ...]:
    """Those of BASELINES, in per cent."""
    return tuple("" if summary.get(name) is None else f"{100 * summary[name]:.2f}" for name in BASELINES)


def was_asked(summary: Summary | None) -> bool:
    return summary is not None and summary["count"] > 0


def has_retrieved(method: dict[str, Any]) -> bool:
    return any("retrieved" in summary for splits in method["query_modes"].values() for summary in splits.values())


def cell(summary: Summary | None) -> str:
    """An accuracy; below it, where a method retrieves, that with all premises and the share of such questions."""
    if not was_asked(summary):
        return "–"
    accuracy = f"{100 * summary['accuracy']:.1f}"
    if "retrieved" not in summary:
        return accuracy
    retrieved = summary["retrieved"]
    with_premises = f"{100 * summary['correct_where_retrieved'] / retrieved:.0f}" if retrieved else "–"
    return f"{accuracy}\n{with_premises}/{100 * retrieved / summary['count']:.0f}"
