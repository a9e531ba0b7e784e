"""How many inference steps a causal model takes, in its prompt and closed book: the table of docs/results/prompts.md.

Each row takes several splits together, with both halves of their questions, and has one accuracy for each seed.
"""

from statistics import fmean

from tasks.common.chain_of_thought import RL_SUFFIX
from train.report.base import ELIMINATION, LINK, Row, Rows, baseline, markdown_table, number, over_seeds

MULTIPLE_CHOICE = ("multiple-choice-in-context", "multiple-choice")
QUESTIONS = {
    "two steps, syllogisms": ("syllogism", ("conclusion", "misleading")),
    "two steps, hierarchies": ("hierarchy", ("syllogism", "holdout")),
    "three steps, syllogisms": ("syllogism", ("chain",)),
    "three steps, hierarchies": ("hierarchy", ("chain", "holdout_chain")),
    "multiple choice, conclusions": ("syllogism", ("conclusion",), *MULTIPLE_CHOICE),
    "multiple choice, where training misleads": ("syllogism", ("misleading",), *MULTIPLE_CHOICE),
}
"""the task and the splits of each row, and its methods, if not those below"""
METHODS = ("in-context", "closed-book")


def inference_table(rows: Rows) -> str:
    """A row for each of QUESTIONS, a column for each method: mean with interval, each seed; in per cent."""
    body = []
    for label, (task, splits, *methods) in QUESTIONS.items():
        both = [pooled(rows, f"{task}-causal", method, splits) for method in methods or METHODS]
        baselines = (number(baseline(both[1], column)) for column in (ELIMINATION, LINK))
        body.append([label, *map(seeds_cell, both), *baselines])
    return markdown_table(["question", "in context", "closed book", "elimination", "link"], body)


def pooled(rows: Rows, variant: str, method: str, splits: tuple[str, ...]) -> Rows:
    """A row for each seed: these splits with both halves of their questions, taken together."""
    halves = {half for split in splits for half in (split, split + RL_SUFFIX)}
    found = [row for row in rows if (row["variant"], row["method"]) == (variant, method) and row["split"] in halves]
    return [together([row for row in found if row["seed"] == seed]) for seed in sorted({row["seed"] for row in found})]


def together(rows: Rows) -> Row:
    """Rows of one seed as one row. A baseline is that of their questions."""
    correct, count = (sum(row[column] for row in rows) for column in ("correct", "count"))
    known = {column: [row for row in rows if row[column] is not None] for column in (ELIMINATION, LINK)}
    means = {column: fmean([row[column] for row in of], [row["count"] for row in of]) for column, of in known.items()}
    return {"correct": correct, "count": count, "accuracy": correct / count} | means


def seeds_cell(rows: Rows, digits: int = 0) -> str:
    """Mean, interval and each seed with so many digits."""
    accuracy = over_seeds(rows)
    each = " ".join(number(row["accuracy"], digits) for row in rows)
    return f"**{number(accuracy.mean)}** ({accuracy.interval()}): {each}"
