"""The table of times until a result: medians, steps, and ratios seed by seed."""

from tests.time_table import time_table


def row(program: str, seed: int, seconds: float, step: int) -> dict[str, str]:
    return {
        "goal": "causal, 99% forward",
        "seed": str(seed),
        "program": program,
        "seconds": str(seconds),
        "step": str(step),
    }


def test_ratios_are_of_each_seed_and_their_median_is_first():
    rows = [row("ours", 0, 10.0, 600), row("llama", 0, 20.0, 900)]
    rows += [
        row("ours", 1, 12.0, 600),
        row("llama", 1, 36.0, 1100),
        row("ours", 2, 10.0, 600),
        row("llama", 2, 50.0, 1000),
    ]
    cells = [cell.strip() for cell in time_table(rows).splitlines()[2].strip("|").split("|")]
    assert cells == [
        *("causal, 99 % forward", "10.0 12.0 10.0", "10.0", "600"),
        *("20.0 36.0 50.0", "36.0", "900 to 1,100", "**3.0**: 2.0 3.0 5.0"),
    ]
