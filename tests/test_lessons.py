"""Lessons and lecture: notebooks are equal to their texts, every command runs small, and sentences stay short."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from page.charts import SHOWN
from tasks.reversal import Reversal
from tests.command_server import CommandServer
from tests.test_house import MAX_WORDS, ROOT, count_words, sentences
from tests.test_readme import copy_of_the_project, runnable
from train.presets import PRESETS

FOLDER = ROOT / "docs/lessons"
LESSONS = sorted(FOLDER.glob("[1-9]-*.md"))
LECTURE = ROOT / "docs/lecture.md"
PAGES = [*LESSONS, FOLDER / "README.md", LECTURE]
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
SECTIONS = ["Predict", "Run", "Look", "What it shows", "What it does not show", "Exercises"]
SHELL = "%%sh\n"  # what a cell of commands begins with
TINY = "--train.steps 6 --train.warmup 2 --model.width 16 --model.heads 2 --device cpu"
# What is given beside a command's own arguments, so that it takes seconds. The worlds keep their size, and their names.
SMALLEST = {"ablate": "--steps 4 --seeds 1", "compare": f"{TINY} --causal-steps 6 --seeds 1"}
TYPED = ":help\n:next\n:retrieve lexical\n:context\n:verify\n:quit\n"  # into a command that reads lines
# Attention maps take most of the time of a tiny run, and other tests draw them.
NO_MAPS = "import train.attention_maps; train.attention_maps.attention_maps = lambda *_: None"


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(text) if found == language]


def commands(block: str) -> list[str]:
    """The commands of a block. A line that ends in a backslash goes on in the next."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line]


def small(command: str, checkout: Path) -> list[str]:
    """The command with this Python and the smallest settings."""
    words = shlex.split(command)
    if words[0] == "make":
        return runnable(command, checkout)
    assert words[:2] == ["python", "-m"], f"not a command this test knows: {command}"
    if words[2] == "train" and len(words) > 3 and not {"--help", "--table"} & set(words):
        words += SMALLEST.get(words[3], TINY).split()
    return [sys.executable, *words[1:]]


def carry_out(command: str, checkout: Path, server: CommandServer) -> str:
    """What the command prints, run small. It must succeed."""
    words = small(command, checkout)
    if words[0] == "make":
        ended = subprocess.run(words, cwd=checkout, input=TYPED, capture_output=True, text=True, check=False)
    else:
        ended = server.run(words)
    assert ended.returncode == 0, f"{command}\n{shlex.join(words)}\n{ended.stdout}\n{ended.stderr}"
    assert "Traceback" not in ended.stderr
    return ended.stdout


class SmallNotebook(NotebookClient):
    """Runs a notebook from top to bottom: Python in a kernel, commands small, those of its texts too."""

    def __init__(self, notebook: nbformat.NotebookNode, checkout: Path, server: CommandServer):
        folder = {"metadata": {"path": str(checkout / "docs/lessons")}}
        super().__init__(notebook, timeout=120, kernel_name="python3", resources=folder)
        self.carry_out = lambda command: carry_out(command, checkout, server)
        self.ran: list[str] = []

    async def async_execute_cell(self, cell, cell_index, **options):
        if cell.cell_type == "markdown":
            bodies = blocks(cell.source + "\n", "console")
        elif cell.source.startswith(SHELL):
            bodies = [cell.source.removeprefix(SHELL)]
        else:
            return await super().async_execute_cell(cell, cell_index, **options)
        for body in bodies:
            for command in commands(body):
                self.carry_out(command)
                self.ran.append(command)
        return cell


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_of_the_project(tmp_path_factory.mktemp("checkout"))


def remove_runs(checkout: Path) -> None:
    for run in (checkout / "checkpoints").glob("*/"):
        shutil.rmtree(run)


def read_text(lesson: Path) -> nbformat.NotebookNode:
    """The notebook that the text of a lesson is."""
    return jupytext.reads(lesson.read_text(), fmt="md")


def test_there_are_seven_lessons():
    assert [path.stem[:1] for path in LESSONS] == list("1234567")


@every_lesson
def test_a_notebook_is_equal_to_its_text_and_has_no_output(lesson):
    notebook = nbformat.read(lesson.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(notebook)
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    how = "python -m jupytext --sync docs/lessons/[1-9]*.md writes the notebooks anew"
    assert cells == [(cell.cell_type, cell.source) for cell in read_text(lesson).cells], how
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"


@every_lesson
def test_a_lesson_runs_small_from_top_to_bottom(lesson, checkout):
    remove_runs(checkout)
    with CommandServer(checkout, NO_MAPS) as server:
        notebook = SmallNotebook(read_text(lesson), checkout, server)
        notebook.execute()
    bodies = [body for language, body in FENCE.findall(lesson.read_text()) if language in ("sh", "console")]
    assert notebook.ran == [command for body in bodies for command in commands(body)]


def test_the_lecture_runs_small_from_top_to_bottom(checkout):
    remove_runs(checkout)
    with CommandServer(checkout, NO_MAPS) as server:
        for block in blocks(LECTURE.read_text(), "sh"):
            for command in commands(block):
                carry_out(command, checkout, server)


def test_a_training_that_is_called_again_keeps_the_run(checkout):
    remove_runs(checkout)
    with CommandServer(checkout, NO_MAPS) as server:
        first, again = (carry_out("python -m train causal --once", checkout, server) for _ in range(2))
    assert again == first


@every_page
def test_a_page_can_be_read_twice(page):
    """Each training of one run keeps what is there; comparisons and ablations do so by themselves."""
    lines = [
        line
        for language in ("sh", "console")
        for block in blocks(page.read_text(), language)
        for line in commands(block)
    ]
    trained = [shlex.split(line) for line in lines if re.match(r"python -m train \w", line)]
    assert all({words[3], *words} & {"compare", "ablate", "--help", "--once"} for words in trained)


def test_a_cell_of_commands_runs_in_a_kernel_with_its_python(checkout):
    notebook = read_text(LESSONS[0])
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    command = "python -m tasks show reversal && python -c 'import sys; print(sys.executable)'"
    notebook.cells = [first, nbformat.v4.new_code_cell(SHELL + command)]
    NotebookClient(notebook, resources={"metadata": {"path": str(checkout / "docs/lessons")}}).execute()
    printed = re.sub(r"\x1b\[[\d;]*m", "", "".join(output.get("text", "") for output in notebook.cells[1].outputs))
    assert "tewo teacher-of wuve" in printed
    assert sys.executable in printed


def without_numbers(text: str) -> str:
    """A label as the page's scripts write it: what they count is `#`."""
    return re.sub(r"\$\{[^}]*\}|\d+", "#", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_a_page_says_of_the_browser_page_is_there(page):
    """Emphasised words of a paragraph that names page.html are its tabs, buttons and charts, or names of the world."""
    scripts = "".join(map(without_numbers, ((ROOT / "page" / name).read_text() for name in ("start.js", "tabs.js"))))
    titles = {title for title, _ in SHOWN.values()}
    names = set(Reversal().build(0).entities.names) | set(PRESETS["in-context"][1].task.build(0).entities.names)
    paragraphs = re.split(r"\n\n|\n(?=[-|*])", FENCE.sub("\n", page.read_text()))
    found = [text for text in paragraphs if "page.html" in text or (text.startswith("| *"))]
    labels = [
        " ".join(label.split()) for text in found for label in re.findall(r"(?<![*\w])\*([^*]+?)[.:]?\*(?![*\w])", text)
    ]
    labels = [label for label in labels if not label.startswith("If ")]
    assert any(f'"{label}"' in scripts for label in labels)
    for label in labels:
        written = re.search(f"""["`]{re.escape(without_numbers(label))}["`]""", scripts)
        assert written or label in titles or label in names, label


@every_lesson
def test_a_lesson_has_all_sections_and_three_exercises_with_answers(lesson):
    text = lesson.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    exercises = text.partition("\n## Exercises\n")[2]
    assert re.findall(r"^\*\*(\d)\.", exercises, re.MULTILINE) == ["1", "2", "3"]
    assert exercises.count("<details>") == exercises.count("</details>") == 3


@every_page
def test_no_sentence_of_a_page_is_long(page):
    text = re.sub(r"\]\([^)]*\)", "]", FENCE.sub("\n", page.read_text()))
    lines = [
        re.sub(r"^\s*(?:[-*>]|\d+\.) +", "\n", line) for line in text.splitlines() if not line.startswith(("|", "<!--"))
    ]
    long = [sentence for sentence in sentences("\n".join(lines)) if count_words(sentence) > MAX_WORDS]
    assert not long


@every_page
def test_every_link_of_a_page_leads_somewhere(page):
    for link in re.findall(r"\]\((?!http)([^)\s]+)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if anchor else ()
        anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, link
