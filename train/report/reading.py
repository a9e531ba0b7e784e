"""Reading results.csv: every cell typed, and refused where it is impossible."""

import csv
import json
import math
from pathlib import Path
from typing import Any

from checkpoints.folder import read_csv
from config.terminal import is_clean
from config.validation import SettingError, require

TEXT_COLUMNS = ("run", "task", "objective", "variant", "settings", "method", "query_mode", "split")
INTEGER_COLUMNS = ("seed", "correct", "count", "steps", "target_tokens", "parameters")
OPTIONAL_INTEGER_COLUMNS = ("steps_to_90", "targets_to_90", "retrieved", "correct_where_retrieved")
FLOAT_COLUMNS = ("chance", "elimination_baseline", "seconds")
IDENTITY = ("variant", "seed", "method", "query_mode", "split")  # no two rows have the same
ACCURACY = ("accuracy", "low", "high")  # empty where nothing can be asked
PROVENANCE = ("machine", "torch", "commit")  # as environment.json has them
# Columns that files of earlier versions lack: numbers and texts.
LATER_FLOAT_COLUMNS = ("link_baseline", "reciprocal_rank", "load")
SHARE_COLUMNS = (*ACCURACY, "chance", "elimination_baseline", "link_baseline", "token_accuracy", "reciprocal_rank")


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.csv. Raises SettingError where it is none, or has a row twice."""
    require(path.is_file(), "merge", str(path), "an existing results.csv")
    identities, rows = set(), []
    try:
        for cells in read_csv(path):
            rows.append(read_row(cells))
            identity = tuple(rows[-1][column] for column in IDENTITY)
            if identity in identities:
                raise ValueError(f"it has two rows of {', '.join(map(str, identity))}")
            identities.add(identity)
    except KeyError as error:
        raise SettingError(f"merge is {str(path)!r}, which is no results.csv: it lacks the column {error}") from None
    except (ValueError, csv.Error, RecursionError) as error:
        raise SettingError(f"merge is {str(path)!r}, which is no valid results.csv: {error}") from None
    require(bool(rows), "merge", str(path), "a results.csv with rows")
    return rows


def read_row(cells: dict[str, str]) -> dict[str, Any]:
    """The typed cells of a row. Raises KeyError for a missing column, ValueError for an impossible cell."""
    if None in cells or None in cells.values():
        raise ValueError(f"the row of {cells['run']} has more or fewer cells than the first line")
    if not isinstance(json.loads(cells["settings"]), dict):
        raise ValueError(f"the settings of {cells['run']} are no JSON object")
    row = {column: cells[column] for column in TEXT_COLUMNS}
    row |= {column: read_number(cells, column, int) for column in INTEGER_COLUMNS}
    row |= {column: read_number(cells, column, int, cells[column] != "") for column in OPTIONAL_INTEGER_COLUMNS}
    row |= {column: read_number(cells, column, float, row["count"] != 0) for column in ACCURACY}
    row |= {column: read_number(cells, column, float) for column in FLOAT_COLUMNS}
    row |= {column: read_number(cells, column, float, bool(cells.get(column))) for column in LATER_FLOAT_COLUMNS}
    row["token_accuracy"] = read_number(cells, "token_accuracy", float, cells["token_accuracy"] != "")
    row |= {column: cells.get(column, "") for column in PROVENANCE}
    require_possible(row)
    return {column: row[column] for column in dict.fromkeys((*cells, *row)) if column in row}


def read_number(cells: dict[str, str], column: str, number_type: type, is_given: bool = True) -> Any:
    """The number in a cell; None unless it is given. Raises ValueError where the cell holds none."""
    try:
        return number_type(cells[column]) if is_given else None
    except ValueError:
        allowed = "a whole number" if number_type is int else "a number"
        require(False, f"the row of {cells['run']}: {column}", cells[column], allowed)


def require_possible(row: dict[str, Any]) -> None:
    """Raises ValueError where no run can have made this row."""
    what = f"the row of {row['run']}"
    for column in (*TEXT_COLUMNS, *PROVENANCE):
        require(is_clean(row[column]), f"{what}: {column}", row[column], "without control characters")
    for column in SHARE_COLUMNS:
        require(row[column] is None or 0 <= row[column] <= 1, f"{what}: {column}", row[column], "0 to 1")
    for column in (*INTEGER_COLUMNS, *OPTIONAL_INTEGER_COLUMNS, "seconds", "load"):
        possible = row[column] is None or 0 <= row[column] < math.inf
        require(possible, f"{what}: {column}", row[column], "a number, 0 or more")
    require(row["correct"] <= row["count"], f"{what}: correct", row["correct"], f"count ({row['count']}) at most")
    if row["count"]:
        share, (accuracy, low, high) = row["correct"] / row["count"], (row[column] for column in ACCURACY)
        same = math.isclose(accuracy, share, abs_tol=1e-6)
        require(same, f"{what}: accuracy", accuracy, f"correct / count ({share:.6g})")
        require(low <= accuracy <= high, f"{what}: low to high", (low, high), f"around accuracy ({accuracy:.6g})")
    retrieved, correct = row["retrieved"] or 0, row["correct_where_retrieved"] or 0
    consistent = correct <= min(retrieved, row["correct"]) and retrieved <= row["count"]
    require(consistent, f"{what}: correct_where_retrieved", correct, "retrieved at most, and correct at most")
