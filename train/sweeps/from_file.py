"""`python -m train sweep FILE.py`: the runs that a Python file lists, one process each, with table and figure.

The file is code, and is run. It holds

    VARIANTS: dict[str, RunConfig]                 a name for each; the seed is the sweep's
    def quick(config) -> RunConfig                 what `--quick` makes of each (optional)
    METHODS: dict[str, AnswerMethod]               methods that are applied to each run (optional; eval/methods/)
    METHODS: dict[str, dict[str, AnswerMethod]]    the same by variant; none for a variant that is left out
    PANELS: dict[str, Panel]                       what table and figure show instead of all (optional; panels.py)
    SLIDE: dict[str, Panel]                        what figure.svg shows of these; figure-2.svg: the rest (optional)
    TITLE: str                                     the figure's title: what is varied (optional)
    AXES: dict[str, str]                           by the beginning of variants' names, what the rest is a value of,
                                                   such as {"two-way": "two-way facts, %"} for two-way-50 (optional)
    RANKED = False                                 variants in the order of the file, not the best inverse first

Where a variant's `train.init_from` is another variant's name, it starts from that one's weights at the same seed.
"""

from __future__ import annotations

import os
import re
import runpy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tyro.conf import Positional

from checkpoints.folder import run_folder
from config.validation import SettingError, require, require_choice
from eval.methods import METHODS
from eval.runs import find_run, is_run
from train.config import RUN_SECTIONS, RunConfig
from train.signals import StopFlag
from train.sweeps.settings import MultiRunConfig
from train.sweeps.study import Study

if TYPE_CHECKING:
    from train.report.base import Report
    from train.sweeps.engine import MethodSet

Variants = dict[str, RunConfig]
FIGURE_NAMES = ("PANELS", "SLIDE", "TITLE", "AXES", "RANKED")  # of what a file says about its table and figure
Result = TypeVar("Result")


@dataclass(frozen=True)
class Sweep(MultiRunConfig):
    """Train every variant that a file lists, as checkpoints/<name>-<variant>-<seed>.

    Finished runs are kept, others continue. The file is Python code, and is run.
    """

    file: Positional[Path]
    """a .py file with VARIANTS, such as studies/objectives.py"""
    only: tuple[str, ...] = ()
    """variants to train; none named: all. The table shows what is finished of the others, too"""
    quick: bool = False
    """two seeds of what the file's `quick` makes of every variant"""


def sweep(settings: Sweep, stop: StopFlag) -> None:
    """Trains what is not trained yet, then writes and prints the report. Raises SettingError for an invalid file."""
    file = SweepFile.read(settings.file)
    for variant in settings.only:
        require_choice("only", variant, file.variants)
    seeds = settings.all_seeds()
    name = settings.name or settings.file.stem.replace("_", "-")
    if settings.quick:
        file, seeds = file.quickened(), seeds[:2]
        name = settings.name or f"{name}-quick"
    plan_study(name, file, seeds, settings).run(stop, file.report())


def plan_study(name: str, file: SweepFile, seeds: Iterable[int], settings: Sweep) -> Study:
    """Every variant of the file at every seed."""
    chosen = settings.only or tuple(file.variants)
    runs, variants = {}, {}
    for seed in seeds:
        for variant, config in file.variants.items():
            config = settings.with_budget(config)
            base_run = find_base_run(name, file, variant, seed, chosen)
            run = f"{name}-{variant}-{seed}"
            runs[run] = replace(config, seed=seed, train=replace(config.train, init_from=base_run))
            variants[run] = variant
    to_train = {run for run in runs if variants[run] in chosen}
    return Study(name, runs, variants, to_train, settings, file.methods_of)


def find_base_run(name: str, file: SweepFile, variant: str, seed: int, chosen: tuple[str, ...]) -> str | None:
    """The folder of the run that a variant starts from. Raises SettingError where that will not be trained."""
    listed = base_run = file.variants[variant].train.init_from
    if listed in file.variants:
        base_run = os.path.relpath(run_folder(f"{name}-{listed}-{seed}"))
    elif listed is not None and is_run(listed):
        base_run = str(find_run(listed))
    if base_run is not None and variant in chosen and listed not in chosen:
        finished = (Path(base_run) / "result.json").is_file()
        require(finished, "train.init_from", listed, "a variant that is trained, too, or a finished run")
    return base_run


@dataclass(frozen=True)
class SweepFile:
    """The contents of a sweep file."""

    path: Path
    """the file"""
    variants: Variants
    """VARIANTS"""
    methods: dict[str, Any]
    """METHODS, empty where there are none"""
    figure: dict[str, Any]
    """those of FIGURE_NAMES that it has"""
    quick: Callable[[RunConfig], RunConfig] | None
    """the function of that name"""

    @staticmethod
    def read(path: Path) -> SweepFile:
        """Runs the file. Raises SettingError where it cannot be run, or defines something else."""
        require(path.suffix == ".py" and path.is_file(), "file", str(path), "an existing Python file")
        names = run_code(str(path), lambda: runpy.run_path(str(path)))
        variants = require_variants(path, names.get("VARIANTS"))
        methods = names.get("METHODS", {})
        require_methods(path, methods, variants)
        figure = {name: names[name] for name in FIGURE_NAMES if name in names}
        require_figure(path, figure)
        for name in ("PANELS", "SLIDE"):
            require_panels(path, name, figure.get(name, {}), variants)
        return SweepFile(path, variants, methods, figure, names.get("quick"))

    def quickened(self) -> SweepFile:
        """The file with the variants that its `quick` makes of its own."""
        quick = self.quick
        require(quick is not None, "quick", True, f"left out: {self.path} has no function of that name")
        variants = run_code(f"{self.path}: quick", lambda: {name: quick(run) for name, run in self.variants.items()})
        return replace(self, variants=require_variants(self.path, variants))

    def methods_of(self, variant: str) -> MethodSet:
        """The methods that are applied to the runs of a variant."""
        return self.methods.get(variant, {}) if is_by_variant(self.methods) else self.methods

    def report(self) -> Report:
        from train.report.by_variant import ByVariant
        from train.report.panels import PanelReport

        title = self.figure.get("TITLE", f"What is varied: the variants of {self.path.name}")
        if "PANELS" in self.figure:
            return PanelReport(self.figure["PANELS"], title, self.figure.get("SLIDE", {}))
        return ByVariant(self.figure.get("RANKED", True), title, self.figure.get("AXES", {}))


def run_code(what: str, act: Callable[[], Result]) -> Result:
    """Runs the user's code. Raises SettingError for all that goes wrong in it."""
    try:
        return act()
    except SettingError:
        raise
    except (Exception, SystemExit) as error:
        raise SettingError(f"{what} cannot be run: {type(error).__name__}: {error}") from error


def require_variants(path: Path, variants: Any) -> Variants:
    """The variants, if they are settings of what is registered, under names that folders can have."""
    has_names = isinstance(variants, dict) and {type(name) for name in variants} == {str}
    if not has_names or not all(isinstance(config, RunConfig) for config in variants.values()):
        raise SettingError(f"{path} must define VARIANTS, a dict from names to RunConfig")
    for name, config in variants.items():
        is_plain = re.fullmatch(r"[A-Za-z0-9._-]+", name) is not None
        require(is_plain, f"{path}: a variant", name, "named by letters, digits, '.', '_' and '-'")
        for section, types in RUN_SECTIONS.items():
            section_type = type(getattr(config, section))
            allowed = f"one that is registered: {', '.join(types)}"
            known = section_type in types.values()
            require(known, f"{path}: {section} of {name}", section_type.__name__, allowed)
    return variants


def is_by_variant(methods: dict[str, Any]) -> bool:
    """Whether METHODS names variants, and not methods that are applied to all."""
    return any(isinstance(value, dict) for value in methods.values())


def require_methods(path: Path, methods: Any, variants: Variants) -> None:
    """Raises SettingError unless these are registered methods, whatever their settings."""
    is_dict = isinstance(methods, dict)
    if not is_dict or len({isinstance(value, dict) for value in methods.values()}) > 1:
        raise SettingError(f"{path}: METHODS must be a dict from names to methods, or one from variants to such dicts")
    by_variant = methods if is_by_variant(methods) else dict.fromkeys(variants, methods)
    require_known(f"{path}: METHODS", by_variant, variants)
    for method_set in by_variant.values():
        for name, method in method_set.items():
            known = type(method) is type(METHODS.get(name))
            require(known, f"{path}: a method", name, f"one of {', '.join(METHODS)}, with settings of its own")


def require_figure(path: Path, figure: dict[str, Any]) -> None:
    """Raises SettingError where one of FIGURE_NAMES that are no panels is of another type."""
    axes = figure.get("AXES", {})
    are_texts = isinstance(axes, dict) and all(isinstance(text, str) for item in axes.items() for text in item)
    require(are_texts, f"{path}: AXES", axes, "a dict from the beginnings of variants' names to what the rest is of")
    require(isinstance(figure.get("TITLE", ""), str), f"{path}: TITLE", figure.get("TITLE"), "a text")
    require(isinstance(figure.get("RANKED", True), bool), f"{path}: RANKED", figure.get("RANKED"), "True or False")
    require("PANELS" in figure or "SLIDE" not in figure, f"{path}: SLIDE", "", "left out where there are no PANELS")


def require_panels(path: Path, name: str, panels: Any, variants: Variants) -> None:
    """Raises SettingError unless these are panels about the variants."""
    from train.report.panels import Panel

    if not isinstance(panels, dict) or not all(isinstance(panel, Panel) for panel in panels.values()):
        raise SettingError(f"{path}: {name} must be a dict from titles to Panel")
    selections = [item for panel in panels.values() for item in panel.variants.items()]
    for label, selection in selections:
        allowed = "a variant, a method and, if it is another, a split"
        require(len(selection) in (2, 3), f"{path}: {name}, label {label!r}", selection, allowed)
    require_known(f"{path}: {name}", {variant for _, (variant, *_) in selections}, variants)


def require_known(what: str, names: Iterable[str], variants: Variants) -> None:
    for name in sorted(set(names) - variants.keys()):
        raise SettingError(f"{what} names {name!r}, but must name one of {', '.join(variants)}")
