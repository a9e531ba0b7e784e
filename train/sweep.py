"""`python -m train sweep FILE.py`: the runs that a Python file lists, one process each, with table and figure.

The file is code, and is run. It holds

    VARIANTS: dict[str, Config]          a name for each; the seed is the sweep's
    def quick(config) -> Config          what `--quick` makes of each (optional)
    WAYS: dict[str, way]                 ways of answering that are put to each run (optional; eval/ways/)
    WAYS: dict[str, dict[str, way]]      the same by variant; to one that is not named, none
    SHOWN: dict[str, Panel]              what table and figure show instead of all (optional; panels.py)

Where a variant's `train.origin` is another variant's name, it starts from that one's weights at the same seed.
"""

import os
import re
import runpy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from checkpoints.folder import run_folder
from eval.ways import WAYS
from eval.ways.closed_book import ClosedBook
from tasks.settings import SettingError, require
from train.panels import Panel, Shown
from train.settings import EVERY_SECTION, Config
from train.study import Several, Study
from train.wide import draw, markdown, print_table


@dataclass(frozen=True)
class Sweep(Several):
    """Train every variant that a file lists, as checkpoints/<name>-<variant>-<seed>. What is finished is kept, what is
    not goes on. The file is Python code, and is run."""

    file: Positional[Path]
    """a .py file with VARIANTS, such as studies/objectives.py"""
    only: tuple[str, ...] = ()
    """variants to train; none named: all. The table shows what is finished of the others, too"""
    quick: bool = False
    """two seeds of what the file's `quick` makes of every variant"""


def sweep(settings: Sweep, check: Callable[[], None]) -> None:
    """Trains what is not trained yet, then writes and prints the table. Raises SettingError for a file that is none."""
    listed = read(settings.file)
    for key in settings.only:
        require(key in listed["VARIANTS"], "only", key, f"one of {', '.join(listed['VARIANTS'])}")
    variants, worlds = listed["VARIANTS"], settings.worlds()
    name = settings.name or settings.file.stem.replace("_", "-")
    if settings.quick:
        require("quick" in listed, "quick", True, f"left out: {settings.file} has no function of that name")
        variants, worlds = made_quick(settings.file, listed["quick"], variants), worlds[:2]
        name = f"{name}-quick" if settings.name is None else name
    chosen = settings.only or tuple(variants)
    runs, variant = {}, {}
    for seed in worlds:
        for key, config in variants.items():
            run, config = f"{name}-{key}-{seed}", settings.budgeted(config)
            origin = config.train.origin
            if origin in variants:
                origin = os.path.relpath(run_folder(f"{name}-{origin}-{seed}"))
            if origin is not None and key in chosen and config.train.origin not in chosen:
                there = (Path(origin) / "result.json").is_file()
                require(there, "train.origin", config.train.origin, "a variant that is trained, too, or a finished run")
            runs[run] = replace(config, seed=seed, train=replace(config.train, origin=origin))
            variant[run] = key
    trained = {run for run in runs if variant[run] in chosen}
    every = {key: ways_of(listed["WAYS"], key) for key in variants}
    if "SHOWN" in listed:
        shown = Shown(listed["SHOWN"])
        present = shown.markdown, shown.draw, shown.print_table
    else:
        present = markdown, draw, print_table
    Study(name, runs, variant, trained, settings, every.__getitem__).carry_out(check, *present)


def ways_of(listed: dict[str, Any], variant: str) -> dict[str, ClosedBook]:
    """The ways that are put to the runs of a variant."""
    by_variant = any(isinstance(one, dict) for one in listed.values())
    return listed.get(variant, {}) if by_variant else listed


def made_quick(file: Path, quick: Callable[[Config], Config], variants: dict[str, Config]) -> dict[str, Config]:
    """The variants as the file's own function shortens them."""
    return checked(file, run_code(f"{file}: quick", lambda: {key: quick(config) for key, config in variants.items()}))


def read(file: Path) -> dict[str, Any]:
    """What a sweep file defines."""
    require(file.suffix == ".py" and file.is_file(), "file", str(file), "a Python file that is there")
    listed = run_code(str(file), lambda: runpy.run_path(str(file)))
    checked(file, listed.get("VARIANTS"))
    variants, ways, shown = listed["VARIANTS"], listed.setdefault("WAYS", {}), listed.get("SHOWN", {})
    if not isinstance(ways, dict) or len({isinstance(one, dict) for one in ways.values()}) > 1:
        raise SettingError(f"{file}: WAYS must be a dict from names to ways, or one from variants to such dicts")
    by_variant = ways if any(isinstance(one, dict) for one in ways.values()) else {}
    require_known(f"{file}: WAYS", by_variant, variants)
    for variant in variants:
        for key, way in ways_of(ways, variant).items():
            known = type(way) is type(WAYS.get(key))
            require(known, f"{file}: a way", key, f"one of {', '.join(WAYS)}, with settings of its own")
    if not isinstance(shown, dict) or not all(isinstance(one, Panel) for one in shown.values()):
        raise SettingError(f"{file}: SHOWN must be a dict from titles to Panel")
    for one in shown.values():
        for line, of in one.lines.items():
            require(len(of) in (2, 3), f"{file}: SHOWN, line {line!r}", of, "a variant, a way and, if another, a split")
    require_known(f"{file}: SHOWN", {line[0] for one in shown.values() for line in one.lines.values()}, variants)
    return listed


def require_known(what: str, named: Iterable[str], variants: dict[str, Config]) -> None:
    for key in sorted(set(named) - variants.keys()):
        raise SettingError(f"{what} names {key!r}, but must name one of {', '.join(variants)}")


def run_code(what: str, act: Callable[[], Any]) -> Any:
    """Runs the user's code, in which anything can go wrong."""
    try:
        return act()
    except SettingError:
        raise
    except (Exception, SystemExit) as error:
        raise SettingError(f"{what} cannot be run: {type(error).__name__}: {error}") from error


def checked(file: Path, variants: Any) -> dict[str, Config]:
    """The variants, if they are settings of what is registered, under names that folders can have."""
    named = isinstance(variants, dict) and {type(key) for key in variants} == {str}
    if not named or not all(isinstance(one, Config) for one in variants.values()):
        raise SettingError(f"{file} must define VARIANTS, a dict from names to Config")
    for key, config in variants.items():
        plain = re.fullmatch(r"[A-Za-z0-9._-]+", key) is not None
        require(plain, f"{file}: a variant", key, "named by letters, digits, '.', '_' and '-'")
        for section, kinds in EVERY_SECTION.items():
            kind = type(getattr(config, section))
            known = kind in kinds.values()
            require(known, f"{file}: {section} of {key}", kind.__name__, f"one that is registered: {', '.join(kinds)}")
    return variants
