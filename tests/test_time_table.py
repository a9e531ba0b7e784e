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
    seconds = {"ours": (10.0, 12.0, 10.0), "llama": (20.0, 36.0, 50.0), "llama-own-scale": (40.0, 60.0, 70.0)}
    steps = {"ours": (600, 600, 600), "llama": (900, 1100, 1000), "llama-own-scale": (2750, 2000, 3000)}
    rows = [row(program, seed, seconds[program][seed], steps[program][seed]) for seed in range(3) for program in steps]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in time_table(rows).splitlines()[2:]]
    ours = ["causal, 99 % forward", "10.0 12.0 10.0", "10.0", "600"]
    assert table == [
        [*ours, "ours", "20.0 36.0 50.0", "36.0", "900 to 1,100", "**3.0**: 2.0 3.0 5.0"],
        [*ours, "its own", "40.0 60.0 70.0", "60.0", "2,000 to 3,000", "**5.0**: 4.0 5.0 7.0"],
    ]


def test_a_level_that_was_not_reached_is_a_dash():
    never = {"seconds": "inf", "step": "", "last_step": "6000"}
    rows = [row(program, seed, 10.0, 600) for seed in range(3) for program in ("ours", "llama", "llama-own-scale")]
    rows = [made | (never if made["program"] == "llama-own-scale" and made["seed"] != "1" else {}) for made in rows]
    rows = [made | (never if made["program"] == "llama" and made["seed"] == "2" else {}) for made in rows]
    _, _, our_scale, own_scale = (line.strip("| ").split(" | ") for line in time_table(rows).splitlines())
    assert our_scale[5:] == ["10.0 10.0 –", "10.0", "600; 1 of 3 seeds not in 6,000", "**1.0**: 1.0 1.0 –"]
    assert own_scale[5:] == ["– 10.0 –", "–", "600; 2 of 3 seeds not in 6,000", "**–**: – 1.0 –"]
