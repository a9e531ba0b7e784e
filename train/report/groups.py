"""Rows of a sweep, grouped by variant, method and query mode."""

from collections.abc import Iterable
from typing import NamedTuple

from eval.methods.closed_book import ClosedBook
from model.objectives.base import AS_TRAINED
from train.report.base import Row, Rows

USUAL = (ClosedBook.name, AS_TRAINED)  # method and query mode that a label leaves out


class Group(NamedTuple):
    """What one row of a table is about."""

    variant: str
    method: str
    query_mode: str

    def label(self) -> str:
        further = (part for part in (self.method, self.query_mode) if part not in USUAL)
        return ", ".join([self.variant, *further])


Groups = dict[Group, Rows]


def group_rows(rows: Rows) -> Groups:
    """The rows by group, in the order of the rows."""
    groups: Groups = {}
    for row in rows:
        groups.setdefault(Group(row["variant"], row["method"], row["query_mode"]), []).append(row)
    return groups


def splits_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["split"] for row in rows))


def of_split(rows: Iterable[Row], split: str) -> Rows:
    return [row for row in rows if row["split"] == split]
