"""Setting up: .venv is made once, and anew where it cannot work; what a user can install runs the tests it can."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import install
from tests.running import HOUSE, python

REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "constraints.txt")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A folder in which `make` has nothing to install, after two calls at once."""
    folder = tmp_path_factory.mktemp("fresh clone") / "project"
    folder.mkdir()
    for name in ("Makefile", "install.py"):
        shutil.copy2(HOUSE / name, folder)
    for name in REQUIREMENTS:
        (folder / name).touch()
    calls = [start(folder, "setup", f"PIP_ARGS=--log=pip-{i}.log") for i in (0, 1)]
    ended = [call.communicate(timeout=240)[1] for call in calls]
    assert [call.returncode for call in calls] == [0, 0], ended
    assert len(list(folder.glob("pip-*.log"))) == 1  # one installed, the other waited
    return folder


def start(folder: Path, *words: str) -> subprocess.Popen:
    """A make command of which nothing but PATH comes from outside: no HOME, no name, no language."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = ["make", *words, f"PYTHON={sys.executable}"]
    return subprocess.Popen(command, cwd=folder, env={"PATH": os.environ["PATH"]}, **pipes)


def set_up(folder: Path) -> tuple[bool, str]:
    """Whether `make setup` called pip, and what it said on stderr."""
    (folder / "pip.log").unlink(missing_ok=True)
    call = start(folder, "setup", "PIP_ARGS=--log=pip.log")
    _, errors = call.communicate(timeout=240)
    assert call.returncode == 0, errors
    prefix = subprocess.check_output([folder / ".venv/bin/python", "-c", "import sys; print(sys.prefix)"], text=True)
    assert os.path.samefile(prefix.strip(), folder / ".venv")
    return (folder / "pip.log").exists(), errors


def age(folder: Path) -> int:
    """What another .venv would have another value of."""
    return (folder / ".venv/pyvenv.cfg").stat().st_ino


def test_what_is_set_up_is_left_as_it_is(fresh):
    before = age(fresh)
    assert set_up(fresh) == (False, "")
    assert age(fresh) == before


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_other_requirements_are_installed(fresh, name):
    before = age(fresh)
    (fresh / name).write_text(f"# {name} has changed\n")
    assert set_up(fresh)[0]
    assert set_up(fresh) == (False, "")
    assert age(fresh) == before


def test_a_venv_without_a_record_is_kept_where_it_works(fresh):
    before = age(fresh)
    (fresh / ".venv/ready").write_text("")
    assert set_up(fresh)[0]
    assert age(fresh) == before


def python_is_gone(folder: Path) -> Path:
    (folder / ".venv/bin/python").unlink()
    (folder / ".venv/bin/python").symlink_to("/no/such/python")
    return folder


def python_is_another(folder: Path) -> Path:
    """.venv says that it was made with an earlier Python."""
    stamp = folder / ".venv/ready"
    stamp.write_text(re.sub(r"^\w+-\d+", "cpython-310", stamp.read_text()))
    return folder


def pip_is_gone(folder: Path) -> Path:
    """As after an upgrade, when packages lie in the folder of the earlier version."""
    for path in folder.glob(".venv/lib/python*/site-packages/pip"):
        path.rename(path.with_name("other"))
    return folder


def folder_was_renamed(folder: Path) -> Path:
    return folder.rename(folder.with_name("renamed"))


@pytest.mark.parametrize("change", [python_is_gone, python_is_another, pip_is_gone, folder_was_renamed])
def test_a_venv_that_cannot_work_is_made_anew(fresh, tmp_path, change):
    folder = change(shutil.copytree(fresh, tmp_path / "project", symlinks=True))
    stamp = folder / ".venv/ready"
    stamp.write_text(stamp.read_text().replace(str(fresh), str(tmp_path / "project")))  # as if made there
    called_pip, errors = set_up(folder)
    assert called_pip
    assert errors.splitlines()[0] == "making .venv anew: it was made with another Python or in another folder"
    assert set_up(folder) == (False, "")
    activate = (folder / ".venv/bin/activate").read_text()
    assert str(folder / ".venv") in activate


def test_an_old_python_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(install.sys, "version_info", (3, 9, 6))
    with pytest.raises(SystemExit) as end:
        install.make_venv()
    assert end.value.code == "error: Python 3.11 or newer is needed, and this is 3.9 (make PYTHON=python3.12)"


def test_what_pip_cannot_install_ends_in_one_line(fresh, tmp_path):
    folder = shutil.copytree(fresh, tmp_path / "project", symlinks=True)
    (folder / "requirements.txt").write_text("./no-such-folder\n")
    call = start(folder, "setup")
    _, errors = call.communicate(timeout=240)
    assert call.returncode == 2
    assert "no-such-folder" in errors  # pip's own words
    assert "Traceback" not in errors
    assert "error: pip failed (docs/running.md says how to go on without make and venv" in errors


@pytest.mark.parametrize("arguments", ["", "--model.depth 3", "--overwrite"])
def test_make_keeps_a_finished_run_unless_told(arguments):
    call = ["make", "--no-print-directory", "-n", "-o", ".venv/ready", "train-causal", f"ARGS={arguments}"]
    words = subprocess.run(call, cwd=HOUSE, capture_output=True, text=True, check=True).stdout.split()
    assert words.count("--once") == (arguments != "--overwrite")


def test_make_passes_runs_and_patterns_on_to_tensorboard(tmp_path):
    shutil.copy2(HOUSE / "Makefile", tmp_path)
    (tmp_path / "compare-file").touch()  # no shell may expand a pattern
    echo = "RUN=printf '<%s> '"
    call = ["make", "--no-print-directory", "-s", "-o", ".venv/ready", echo, "tensorboard"]

    def passed(*words: str) -> str:
        return subprocess.run([*call, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert passed() == "<train.serve_tensorboard> <--port> <6006>"
    chosen = passed("RUNS=causal-0 compare-*", "PORT=6007")
    assert chosen == "<train.serve_tensorboard> <causal-0> <compare-*> <--port> <6007>"


WITHOUT_DEV = """
import sys
import pytest

class NotInstalled:
    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self):
        sys.modules |= dict.fromkeys(["hypothesis", "transformers"])

flags = ["--collect-only", "-q", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"]
sys.exit(pytest.main([*flags, *sys.argv[1:]], plugins=[NotInstalled()]))
"""


def test_tests_that_need_no_further_package_run_without_them():
    files = [f"tests/test_{name}.py" for name in ("ask", "bench", "metrics", "layers", "house")]
    ended = python("-c", WITHOUT_DEV, *files)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {line.partition("::")[0] for line in ended.stdout.splitlines() if "::" in line} == set(files[3:])
    missing = "hypothesis and transformers must be installed (make .venv/dev)"
    assert f"left out, as {missing}: test_ask.py, test_bench.py, test_metrics.py" in ended.stdout


def names(file: str) -> set[str]:
    return set(re.findall(r"^\w[\w-]*", (HOUSE / file).read_text(), re.MULTILINE))


def test_every_requirement_has_a_lower_bound_and_a_version_that_is_tested():
    files = ("requirements.txt", "requirements-page.txt", "requirements-cluster.txt", "requirements-dev.txt")
    assert names("constraints.txt") == set().union(*map(names, files))
    for file in files:
        lines = [line for line in (HOUSE / file).read_text().splitlines() if line[0] not in "#-"]
        assert all(re.fullmatch(r"[\w-]+>=[\d.]+", line) for line in lines)
    pins = [line for line in (HOUSE / "constraints.txt").read_text().splitlines() if line[0] != "#"]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+(\.post\d+)?", line) for line in pins)
