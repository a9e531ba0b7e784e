"""What lists, explains or refuses settings imports nothing large; a run imports TensorBoard after its first step."""

import resource
import shutil
import uuid

import pytest

from checkpoints.folder import ROOT
from eval.trained_model import load_trained_model
from tests.running import flags, python, tiny
from train.run import train_run

LARGE = {"torch", "scipy", "matplotlib", "tensorboard", "pandas", "einops", "bm25s", "transformers"}
MAX_CPU_SECONDS = 1.5  # it takes under 0.5 on a free core; importing torch takes 2
WITHOUT_TORCH = {
    "train": 0,
    "train --help": 0,
    "train causal --help": 0,
    "train causal --help-all": 0,
    "train belief-state --help": 0,
    "train causal --task hierarchy --help": 0,
    "train compare --help": 0,
    "train sweep --help": 0,
    "train ablate --help": 0,
    "train count all --help": 0,
    "train count all --seed -1": 2,
    "train causl": 2,
    "train causal --train.steps many": 2,
    "train causal --model.depht 3": 2,
    "train causal --model.heads 3": 2,
    "train causal --task revrsal": 2,
    "train sweep no-such-file.py": 2,
    "train ablate model.depht": 2,
    "eval": 0,
    "eval mehtods run": 2,
    "eval RUN --help": 0,
    "eval --help": 0,
    "eval ask --help": 0,
    "eval methods --help": 0,
    "eval no-such-run": 2,
    "eval no-such-run --jsn": 2,
    "eval ask no-such-run question": 2,
    "eval methods no-such-run": 2,
    "eval export --help": 0,
    "eval export no-such-run no-such-folder": 2,
    "tasks": 0,
    "tasks --help": 0,
    "tasks show reversal --help": 0,
    "tasks export triples --help": 0,
    "tasks show revrsal": 2,
}


def imported(stderr: str) -> set[str]:
    """The packages that a command imported, from what `python -X importtime` prints."""
    lines = [line for line in stderr.splitlines() if line.startswith("import time:")]
    assert lines
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("command", WITHOUT_TORCH)
def test_lists_help_and_typos_import_nothing_large(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = python("-X", "importtime", "-m", *command.split())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode == WITHOUT_TORCH[command], ended.stderr[-500:]
    assert not imported(ended.stderr) & LARGE
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MAX_CPU_SECONDS


@pytest.fixture
def name():
    """A free name for a run in checkpoints/."""
    name = f"test-{uuid.uuid4().hex}"
    yield name
    shutil.rmtree(ROOT / name, ignore_errors=True)


def test_a_run_imports_tensorboard_after_its_first_step_and_matplotlib_for_its_figures(name):
    arguments = [*flags(tiny(log_every=1)), "--name", name]
    ended = python("-X", "importtime", "-m", "train", *arguments)
    assert ended.returncode == 0, ended.stderr[-500:]
    before, begun, after = ended.stderr.partition("\nstep 0/12 ")
    assert begun
    assert imported(before) & LARGE == {"torch", "einops"}
    assert "torch._dynamo" not in before
    training, ending, figures = after.partition("\nstep 12/12 ")
    assert ending
    assert "tensorboard" in imported(training)
    assert not imported(training) & {"matplotlib", "scipy", "pandas"}
    assert "matplotlib" in imported(figures)


def test_ask_imports_neither_scipy_nor_matplotlib(name):
    train_run(tiny(), name)
    entity = load_trained_model(ROOT / name)[0].corpus.entities.names[0]
    ended = python("-X", "importtime", "-m", "eval", "ask", str(ROOT / name), f"{entity} teacher-of _")
    assert ended.stdout.count(" % ") >= 5
    assert imported(ended.stderr) & LARGE == {"torch", "einops"}


def test_export_for_transformers_does_not_need_it(name, tmp_path):
    train_run(tiny(network={"norm": "rms"}), name)
    ended = python("-X", "importtime", "-m", "eval", "export", name, str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stderr[-500:]
    assert imported(ended.stderr) & LARGE == {"torch", "einops"}


@pytest.mark.parametrize(
    "line",
    [
        "import eval, train",
        "from eval import load; from train import preset, train",
        "from train import preset; preset('causal', {'train.steps': 50})",
    ],
)
def test_the_python_interface_imports_nothing_large_before_it_is_used(line):
    ended = python("-X", "importtime", "-c", line)
    assert ended.returncode == 0, ended.stderr[-500:]
    assert not imported(ended.stderr) & LARGE


def test_importing_the_packages_imports_no_module_of_theirs():
    ended = python("-X", "importtime", "-c", "import eval, train")
    names = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert {"eval", "train"} <= names
    assert not [name for name in names if name.startswith(("eval.", "train.", "model.", "tasks.", "numpy"))]
