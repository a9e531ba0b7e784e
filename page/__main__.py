"""`python -m page` writes page.html: one file in which trained models run, offline.

Without `--runs` it uses the page's own runs, and trains those that are missing.
"""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from checkpoints.files import write_text
from checkpoints.folder import ROOT
from config.cli import parse_arguments, refusals
from config.terminal import say
from config.validation import SettingError, require, require_at_least
from page.own_runs import train_missing

MAX_BYTES = 6_000_000


@dataclass(frozen=True)
class Page:
    """Write a page with trained models and charts of results."""

    runs: tuple[str, ...] = ()
    """runs of one world, asked side by side; none given: a causal and a bidirectional one, trained where missing"""
    prompt: str | None = None
    """a run trained on episodes, which gets facts in its prompt; None: no such tab, but for the page's own runs"""
    facts: tuple[str, ...] = ()
    """runs of another world, asked side by side, such as capitals-causal-0 and capitals-bidirectional-0"""
    studies: tuple[Path, ...] | None = None
    """results.csv files, a chart each; None: those of docs/, or newer ones of the same name in checkpoints/"""
    steps: int = 8
    """saved steps of `runs` that the slider over training has, as far as they were kept"""
    title: str = "Both Ways"
    """what the browser shows as the page's name"""
    out: Path = Path("page.html")
    """the file to write"""

    def __post_init__(self):
        require_at_least(self, "", 1, "steps")

    def tabs(self) -> dict[str, tuple[str, ...]]:
        """The runs of each tab; those that are missing are trained."""
        if self.runs:
            return {"ask": self.runs, "prompt": (self.prompt,) if self.prompt else (), "facts": self.facts}
        for name, given in (("prompt", self.prompt), ("facts", self.facts)):
            require(not given, name, given, "left out where no runs are given: the page then has its own")
        return train_missing()

    def charts(self) -> tuple[Path, ...]:
        """The files of rows to draw. Raises SettingError for one that does not exist."""
        for file in self.studies or ():
            require(file.is_file(), "studies", str(file), "a results.csv")
        return self.studies if self.studies is not None else known_studies()


def known_studies() -> tuple[Path, ...]:
    """Those of docs/ that have a table, in alphabetical order; newer ones in checkpoints/ replace them."""
    from page.charts import SHOWN

    files = (ROOT.parent / "docs" / f"{name}.csv" for name in SHOWN)
    newer = ((ROOT / file.stem / "results.csv", file) for file in files)
    return tuple(own if own.is_file() else file for own, file in newer if own.is_file() or file.is_file())


def main(arguments: list[str]) -> None:
    settings = parse_arguments(Page, arguments, "python -m page")
    with refusals():
        charts = settings.charts()
        if charts and find_spec("vl_convert") is None:
            raise SettingError(
                "the charts need vl-convert-python: pip install -r requirements-page.txt, or `make page`"
            )
        from page.build import build  # imports torch

        page = build(settings.tabs(), {"ask": settings.steps}, charts, settings.title)
        write_text(settings.out, page)
    size = len(page.encode())
    say(f"{settings.out}: {size / 1e6:.1f} MB, opens in any browser and needs no network")
    if size > MAX_BYTES:
        say(f"it is larger than {MAX_BYTES / 1e6:.0f} MB: --steps {max(1, settings.steps // 2)} makes it smaller")


if __name__ == "__main__":
    run_command(main)
