"""Tables in Markdown that are made of rows. `python -m tests.doc_tables` writes them anew in README.md and docs/.

A comment above a table names a results.csv and a part of its report, and is not shown where Markdown is rendered:

    <!-- table: docs/kitouni.csv, accuracies -->

What a part is:

    accuracies, costs     the two tables of a sweep, best inverse first; with ` in order` behind it, in that of the rows
    seeds                 the table of a comparison, with a column for each seed
    summary               the same without the seeds, with intervals and baselines
    prompts               closed book against in context: the causal run of each task, a row for each of PROMPTED
    phases                steps to a level and on the plateau, of rows that train/report/plateau.py wrote
    inference             in context and closed book, by the number of inference steps (inference_table.py)
    replay                what is left of old facts after new ones, by the share of documents that replay old ones
    levels                when each trial of the recipe reaches its goal (level_table.py)
    times                 seconds until a result, ours against transformers' Llama (time_table.py)
    study times           runs, steps and minutes of each study; the file is a pattern (time_table.py)
    ranks                 mean reciprocal rank of the right answer, over seeds, by variant and split
    counts                what counting all that a run draws gets, of rows that `python -m train count all` wrote
    bridges               means of each bridge on the splits that need two facts and more
    panel NAME            the table of a panel of the study
    lines LABEL; LABEL    these lines of each panel that has the first of them: a row a panel, a column a line
    rows A; B | X; Y      variants A and B, columns X and Y. A variant of another file is FILE:A. A column is `steps`, a
                          split with interval and seeds, or `SPLIT mean`, or `SPLIT seed 0`. A title follows ` as `.
"""

import importlib
import re
from pathlib import Path
from statistics import fmean
from types import ModuleType

from checkpoints.folder import read_csv
from eval.metrics import t_interval
from tests.inference_table import inference_table, seeds_cell
from tests.level_table import level_table
from tests.time_table import study_times, time_table
from train.report.base import BASELINES, ELIMINATION, LINK, Rows, baseline, markdown_table, number, over_seeds
from train.report.by_seed import BySeed
from train.report.by_variant import ByVariant
from train.report.panels import LABEL, panel_table
from train.report.phases import phase_table, read_phases
from train.report.reading import read_results

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TABLE = re.compile(r"^<!-- table: (\S+), (.+) -->\n((?:\|.*\n)*)", re.MULTILINE)

PROMPTED = {
    ("reversal", "inverse"): "the inverse of a one-way fact",
    ("codebook", "latent"): "an entry defined and never used",
    ("codebook", "decode"): "decoding a book stated one way",
    ("syllogism", "conclusion"): "a conclusion from two premises",
    ("hierarchy", "syllogism"): "a property inherited over one link",
}
"""the held-out question of each row, by task and split"""
BRIDGES = {
    "closed book": ("causal", "closed-book"),
    "in context": ("causal", "in-context"),
    "chain of thought, supervised": ("chain-of-thought", "chain-of-thought"),
    "chain of thought, reinforced": ("reinforced", "chain-of-thought"),
    "augmentation": ("augmented", "augmentation"),
}
"""variant and method of each row"""
SYLLOGISMS = ("conclusion", "misleading", "chain")
HIERARCHIES = ("syllogism", "chain", "holdout", "holdout_chain", "similar", "inverse")
SEVERAL_FACTS = [*(("syllogism", split) for split in SYLLOGISMS), *(("hierarchy", split) for split in HIERARCHIES)]
"""task and split of each column"""
REPLAYED = {
    (objective, split): f"{objective}, {title}"
    for objective in ("causal", "masked")
    for split, title in (("forward", "old"), ("unseen_forward", "new"), ("unseen_inverse", "inverse of new"))
}
"""the title of each column, by objective and split"""


def study_of(rows_file: Path) -> ModuleType | None:
    """The study that a file of rows has its name of."""
    name = rows_file.stem.replace("-", "_")
    return importlib.import_module(f"studies.{name}") if (ROOT / "studies" / f"{name}.py").exists() else None


def rows_in_order(rows_file: Path) -> Rows:
    """The rows, variants in the order of the study."""
    rows, study = read_results(rows_file), study_of(rows_file)
    if study is None:
        return rows
    order = list(study.VARIANTS)
    return sorted(rows, key=lambda row: (order.index(row["variant"]), row["seed"]))


def build_table(rows_file: Path, part: str) -> str:
    """The table that a comment asks for."""
    if part == "study times":
        return study_times(sorted(rows_file.parent.glob(rows_file.name)))
    if part.startswith("panel "):
        return panel_table(study_of(rows_file).PANELS[part.removeprefix("panel ")].lines(read_results(rows_file)))
    if part in SHORT_TABLES:
        return SHORT_TABLES[part](read_results(rows_file))
    if part in TABLES_OF_CELLS:
        return TABLES_OF_CELLS[part](read_csv(rows_file))
    if part.startswith("rows "):
        return chosen_table(rows_file, *(names.split("; ") for names in part.removeprefix("rows ").split(" | ")))
    if part.startswith("lines "):
        return lines_table(study_of(rows_file), read_results(rows_file), part.removeprefix("lines ").split("; "))
    if part == "seeds":
        tables = {"seeds": BySeed().markdown(read_results(rows_file)).split("\n\n")[0]}
    else:
        ranked = not part.endswith(" in order")
        accuracies, _, costs = ByVariant(ranked).markdown(rows_in_order(rows_file)).split("\n\n")
        tables = {"accuracies": accuracies, "costs": costs}
    return tables[part.removesuffix(" in order")].strip() + "\n"


def summary_table(rows: Rows) -> str:
    """A row for each variant and split: mean with interval, and the baselines, in per cent."""
    body = []
    for variant, split in dict.fromkeys((row["variant"], row["split"]) for row in rows):
        of_split = [row for row in rows if (row["variant"], row["split"]) == (variant, split)]
        baselines = (number(baseline(of_split, column), digits=2) for column in BASELINES.values())
        body.append([variant, split, mean_cell(of_split), *baselines])
    return markdown_table(["model", "split", "exact match (95 %)", "chance", "elimination", "link"], body, 2)


def prompts_table(rows: Rows) -> str:
    """A row for each of PROMPTED, in per cent."""
    body = []
    for (task, split), question in PROMPTED.items():
        causal = [row for row in rows if (row["variant"], row["split"]) == (f"{task}-causal", split)]
        closed_book, in_context = (
            [row for row in causal if row["method"] == method] for method in ("closed-book", "in-context")
        )
        baselines = (number(baseline(closed_book, column)) for column in (ELIMINATION, LINK))
        body.append([task, question, mean_cell(closed_book), *baselines, mean_cell(in_context)])
    return markdown_table(["task", "held-out question", "closed book", "elimination", "link", "in context"], body, 2)


def bridges_table(rows: Rows) -> str:
    """A row for each of BRIDGES, a column for each of SEVERAL_FACTS: means over seeds in per cent."""
    body = []
    for label, (variant, method) in BRIDGES.items():
        cells = []
        for task, split in SEVERAL_FACTS:
            selection = f"{task}-{variant}", method, split
            found = over_seeds([row for row in rows if (row["variant"], row["method"], row["split"]) == selection])
            cells.append("–" if found is None else number(found.mean, digits=0))
        body.append([label, *cells])
    return markdown_table(["", *(f"{task}: {split}" for task, split in SEVERAL_FACTS)], body)


def replay_table(rows: Rows) -> str:
    """A row for each share of documents replayed, a column for each of REPLAYED: mean and interval, in per cent."""
    shares = {"before": "base", "none": "replay-0"} | {f"{share} %": f"replay-{share}" for share in (10, 50)}
    body = []
    for label, variant in shares.items():
        selections = [(f"{objective}-{variant}", split) for objective, split in REPLAYED]
        cells = [mean_cell([row for row in rows if (row["variant"], row["split"]) == of]) for of in selections]
        body.append([label, *cells])
    return markdown_table(["documents replayed", *REPLAYED.values()], body)


def ranks_table(rows: Rows) -> str:
    """A row for each variant, a column for each split: mean reciprocal rank over seeds, with its interval by t."""
    cells: dict[str, dict[str, Rows]] = {}
    for row in rows:
        cells.setdefault(row["variant"], {}).setdefault(row["split"], []).append(row)
    splits = list(dict.fromkeys(row["split"] for row in rows))
    return markdown_table(
        ["variant", *splits],
        [[variant, *(rank_cell(of_variant[split]) for split in splits)] for variant, of_variant in cells.items()],
    )


def rank_cell(rows: Rows) -> str:
    """Mean reciprocal rank of rows that differ in their seed alone."""
    ranks = [row["reciprocal_rank"] for row in rows if row["count"]]
    if not ranks:
        return "–"
    low, high = t_interval(ranks)
    return f"{fmean(ranks):.3f} ({low:.3f}–{high:.3f})"


def counts_table(rows: list[dict[str, str]]) -> str:
    """A row for each preset and split: the best strategy, what it gets, and the baselines, in per cent."""
    body, before = [], ""
    for row in rows:
        counting, elimination, low, high, link = (
            float(row[column]) for column in ("accuracy", ELIMINATION, "low", "high", LINK)
        )
        interval = f"{number(elimination, 2)} ({number(low)}–{number(high)})"
        cells = [number(counting, 2) + " **above**" * (row["within"] == "0"), interval, number(link, 2), row["count"]]
        body.append([row["preset"] if row["preset"] != before else "", row["split"], row["strategy"], *cells])
        before = row["preset"]
    head = ["preset", "split", "best strategy of counting", "counting", "elimination", "link", "questions"]
    return markdown_table(head, body, text_columns=3)


SHORT_TABLES = {
    "summary": summary_table,
    "prompts": prompts_table,
    "bridges": bridges_table,
    "replay": replay_table,
    "inference": inference_table,
    "ranks": ranks_table,
}


TABLES_OF_CELLS = {
    "phases": lambda cells: phase_table(read_phases(cells)),
    "counts": counts_table,
    "levels": level_table,
    "times": time_table,
}
"""parts of files that are no results.csv"""


def mean_cell(rows: Rows) -> str:
    """Mean over seeds and its interval, in per cent."""
    accuracy = over_seeds(rows)
    return "cannot be asked" if accuracy is None else f"{number(accuracy.mean)} ({accuracy.interval()})"


def lines_table(study: ModuleType, rows: Rows, labels: list[str]) -> str:
    """The lines with these labels, of each panel that has the first: mean, interval, each seed; its baselines last."""
    body = []
    for title, panel in study.PANELS.items():
        line_of = {line[LABEL]: line for line in panel.lines(rows)}
        if labels[0] in line_of:
            cells = [line_cell(line_of.get(label)) for label in labels]
            baselines = (line_of[labels[0]][name] for name in ("elimination baseline", "link baseline"))
            body.append([f"{title}: {panel.split}", *cells, *baselines])
    return markdown_table(["task: question", *labels, f"elimination, {labels[0]}", "link"], body)


def line_cell(line: dict[str, str] | None) -> str:
    return f"**{line['mean']}** ({line['95 % interval']}): {line['each seed']}" if line else "–"


def chosen_table(rows_file: Path, variants: list[str], columns: list[str]) -> str:
    """A row for each variant, closed book, then the baselines of the columns that are splits."""
    columns = {name: title or name for name, _, title in (column.partition(" as ") for column in columns)}
    all_rows, body = [], []
    for entry in variants:
        source, _, title = entry.partition(" as ")
        file, _, variant = source.rpartition(":")
        rows = read_results(ROOT / file if file else rows_file)
        rows = [row for row in rows if (row["variant"], row["method"]) == (variant, "closed-book")]
        body.append([title or variant, *(chosen_cell(rows, column) for column in columns)])
        all_rows += rows
    for name, key in BASELINES.items():
        body.append([name, *(number(baseline(asked_rows(all_rows, column), key), digits=2) for column in columns)])
    return markdown_table(["variant", *columns.values()], body)


def asked_rows(rows: Rows, column: str) -> Rows:
    """The rows of a split, or of one seed of it, that can be asked: in the first query mode of each variant."""
    split, _, which = column.partition(" ")
    rows = [row for row in rows if row["split"] == split and row["count"]]
    if which.startswith("seed "):
        rows = [row for row in rows if row["seed"] == int(which.removeprefix("seed "))]
    query_mode = {row["variant"]: row["query_mode"] for row in reversed(rows)}
    return [row for row in rows if row["query_mode"] == query_mode[row["variant"]]]


def chosen_cell(rows: Rows, column: str) -> str:
    """What a column has of the rows of a variant."""
    if column == "steps":
        return f"{rows[0]['steps']:,}"
    asked = asked_rows(rows, column)
    accuracy = over_seeds(asked)
    if accuracy is None:
        return "cannot be asked"
    if " " in column:
        return number(accuracy.mean)
    return seeds_cell(asked, digits=1)


def rebuild(text: str) -> str:
    """The text with each table that a comment names made anew."""
    return TABLE.sub(lambda found: found[0].removesuffix(found[3]) + build_table(ROOT / found[1], found[2]), text)


def tables_without_rows(text: str) -> list[str]:
    """The tables that no comment names."""
    return re.findall(r"^\|.*\n\|[ :|-]+\n(?:\|.*\n)*", TABLE.sub("", text), re.MULTILINE)


if __name__ == "__main__":
    for page in PAGES:
        before = page.read_text()
        page.write_text(rebuild(before))
        print(f"{page.relative_to(ROOT)}: {len(TABLE.findall(before))} tables of rows; without rows:")
        for table in tables_without_rows(before):
            print(f"    {table.splitlines()[0][:110]}")
