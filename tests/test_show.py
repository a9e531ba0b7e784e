"""`python -m tasks show` prints what is built: documents of every sort, and a question of each split."""

import csv
import re

import numpy as np
import pytest
from rich.cells import cell_len

from config.override import override
from tasks import TASKS
from tasks.__main__ import main
from tasks.common.chain_of_thought import RL_SUFFIX
from tasks.corpus import NONE, ROLES, Corpus
from tasks.vocabulary import FILLER, MASK, SEPARATOR
from tests.running import python
from tests.test_export import flags

# Large enough for episodes, and to divide every held-out split.
WORLDS = {
    "reversal": {"entities": 20, "relations": 2, "one_way": 12, "names.max_length": 2, "documents.copies": 2},
    "syllogism": {"chains": 120, "names.max_length": 2, "documents.copies": 2},
    "codebook": {"books": 8, "symbols": 8, "one_way": 4, "encodings": 8, "documents.copies": 2},
    "hierarchy": {"trees": 20, "documents.copies": 2},
    "triples": {"one_way_share": 0.1, "documents.copies": 2},
}
EPISODES = {"episodes.share": 0.5}
CHAIN_OF_THOUGHT = {"chain_of_thought.rl_share": 0.5, "chain_of_thought.copies": 2}
EVERYTHING = EPISODES | CHAIN_OF_THOUGHT
ESCAPE = "\x1b"


@pytest.fixture(autouse=True)
def plain_pipe(monkeypatch):
    """As piped: 80 columns, and nothing of the environment that asks for colour."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")


def show(capsys, task: str, **more: object) -> str:
    main(["show", task, *flags(WORLDS[task] | more)])
    return capsys.readouterr().out


def build(task: str, **more: object) -> Corpus:
    return override(TASKS[task](), WORLDS[task] | more).build(0)


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each heading, by the heading's first word."""
    parts = re.split(r"^(\w+).* ─+\n", text, flags=re.MULTILINE)
    return {name: lines.splitlines() for name, lines in zip(parts[1::2], parts[2::2])}


def numbered(lines: list[str]) -> list[str]:
    """The numbered documents of a section, each in one line, without the lines of role letters."""
    documents = []
    for line in lines:
        if re.match(r" ?\d", line):
            documents.append(line[4:])
        elif documents and line.strip() and not re.fullmatch(r"[ SRT-]*", line):
            documents[-1] += " " + line.strip()
    return documents


@pytest.mark.parametrize("task", TASKS)
def test_one_question_of_each_split_is_shown_with_its_help_and_an_answer(task, capsys):
    text = " ".join("\n".join(sections(show(capsys, task, **EVERYTHING))["Questions"]).split())
    corpus = build(task, **EVERYTHING)
    help_lines = {split: TASKS[task].split_help[split.removesuffix(RL_SUFFIX)] for split in corpus.questions}
    starts = {split: text.index(" ".join(f"{split} {line}".split())) for split, line in help_lines.items()}
    ends = [*sorted(starts.values())[1:], len(text)]
    assert list(starts.values()) == sorted(starts.values())
    for (split, start), end in zip(starts.items(), ends):
        match = re.search(r"(\[begin\].*?) counted answers?: (.*?)(?: \(premise| and \d+ more|$)", text[start:end])
        words = [word for word in match[1].split() if not re.fullmatch("[SRT]-*", word)]
        questions = corpus.questions[split]
        rows = [i for i in range(len(questions)) if question_words(corpus, split, i) == words]
        accepted = {corpus.entities.names[entity] for i in rows for entity in questions.accepted[i] if entity >= 0}
        assert accepted
        assert set(match[2].strip().split(", ")) <= accepted


def question_words(corpus: Corpus, split: str, i: int) -> list[str]:
    documents = corpus.questions[split].cloze.documents
    tokens = documents.tokens[i, : documents.lengths[i]].tolist()
    return " ".join("_" if token == MASK else corpus.vocabulary.words[token] for token in tokens).split()


@pytest.mark.parametrize("task", TASKS)
def test_three_documents_of_every_sort_are_shown_where_settings_make_some(task, capsys):
    plain = sections(show(capsys, task))
    assert set(plain) == {"Documents", "Questions", "Legend"}
    everything = sections(show(capsys, task, **EVERYTHING))
    assert set(everything) == {"Documents", "Episodes", "Chain", "Questions", "Legend"}
    corpus = build(task, **EVERYTHING)
    stored = {corpus.vocabulary.text(tokens) for tokens in corpus.documents.tokens}
    for sort in ("Documents", "Episodes", "Chain"):
        documents = numbered(everything[sort])
        assert len(set(documents)) == 3
        assert all(document.startswith("[begin]") for document in documents)
        assert all((document in stored) == (sort != "Episodes") for document in documents)
        assert all(document.endswith("[end]") == (sort == "Chain") for document in documents)


@pytest.mark.parametrize("task", TASKS)
def test_the_last_lines_name_settings_that_make_the_missing_documents(task, capsys):
    missing = re.findall(r"--task\.\S+ [\d.]+", show(capsys, task))
    assert [flag.split()[0] for flag in missing] == [flag.split("=")[0] for flag in flags(EVERYTHING)]
    main(["show", task, *flags(WORLDS[task]), *" ".join(missing).split()])
    text = capsys.readouterr().out
    assert {"Episodes", "Chain"} <= set(sections(text))
    assert not re.search(r"--task\.\S+ [\d.]+", text)
    assert "copies" in show(capsys, task, **{"chain_of_thought.rl_share": 0.5}).splitlines()[-1]


@pytest.mark.parametrize("task", TASKS)
def test_the_letters_below_tokens_are_their_roles(task, capsys):
    corpus, letters = build(task), {role: name[0].upper() for name, role in ROLES.items()}
    lines = sections(show(capsys, task))["Documents"]
    for line, marks in zip(lines[::2], lines[1::2]):
        text = line[4:]
        rows = [i for i, tokens in enumerate(corpus.documents.tokens) if corpus.vocabulary.text(tokens) == text]
        tokens, roles = corpus.documents.tokens[rows[0]], corpus.documents.roles[rows[0]]
        words = [corpus.vocabulary.words[token] for token in tokens[: corpus.documents.lengths[rows[0]]]]
        expected = " ".join(
            (letters[role] if role != NONE else "").ljust(cell_len(word), "-" if role != NONE else " ")
            for word, role in zip(words, roles)
        )
        assert marks[4:] == expected.rstrip()


def test_a_document_that_states_the_premise_of_a_question_is_among_those_shown(capsys):
    text = show(capsys, "reversal")
    documents, asked = numbered(sections(text)["Documents"]), sections(text)["Questions"]
    answer, number = re.search(r"counted answer: (\S+)   \(premise: document (\d)\)", "\n".join(asked)).groups()
    assert answer.replace("-", " ") in documents[int(number) - 1]


def test_the_legend_says_what_colours_letters_and_targets_are(capsys, monkeypatch):
    legend = " ".join(sections(show(capsys, "reversal"))["Legend"])
    for part in ("source relation target", "letters below", "_ ", "special tokens and filler", "targets", "trained"):
        assert part in legend
    assert "episode" not in legend.partition("For episodes")[0]
    legend = " ".join(sections(show(capsys, "reversal", **EVERYTHING))["Legend"])
    assert "In an episode, only the answers to what it asks have a role." in legend
    assert "In a chain of thought, all tokens behind the first [separator] have a role." in legend
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "letters" not in show(capsys, "reversal")


def test_what_the_legend_says_about_roles_is_true():
    for task in TASKS:
        corpus = build(task, **EVERYTHING)
        episodes = corpus.episodes.draw(20, np.random.default_rng(0))
        assert set(np.unique(episodes.roles)) == {NONE, ROLES["target"]}
        chains = corpus.documents[np.flatnonzero((corpus.documents.tokens == corpus.vocabulary.ids["[end]"]).any(1))]
        is_behind = (chains.tokens == SEPARATOR).cumsum(1) - (chains.tokens == SEPARATOR) > 0
        np.testing.assert_array_equal(chains.roles != NONE, is_behind & chains.is_token())
        filler = [corpus.vocabulary.ids[word] for word in FILLER if word in corpus.vocabulary.ids]
        if task != "triples":  # where a name can be a filler word
            assert (corpus.documents.roles[np.isin(corpus.documents.tokens, filler)] == NONE).all()


def test_colour_is_for_terminals_that_want_it(capsys, monkeypatch):
    plain = show(capsys, "reversal")
    assert ESCAPE not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    coloured = show(capsys, "reversal")
    bare = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert ESCAPE in coloured
    assert ESCAPE not in bare
    assert numbered(sections(bare)["Documents"]) == numbered(sections(plain)["Documents"])
    assert not re.search(r"^ +[SRT]-+", bare, re.MULTILINE)  # colours say it, and no letters
    monkeypatch.setenv("NO_COLOR", "1")
    assert show(capsys, "reversal") == plain


def test_a_pipe_has_no_colour_codes_and_the_command_ends_well():
    ended = python("-m", "tasks", "show", "reversal", *flags(WORLDS["reversal"]))
    assert ended.returncode == 0
    assert ended.stderr == ""
    assert ESCAPE not in ended.stdout


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("task", TASKS)
def test_no_line_is_wider_than_the_terminal(task, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = show(capsys, task, **EVERYTHING).splitlines()
    assert max(map(cell_len, lines)) <= columns


def test_names_from_a_file_are_text_and_never_markup_or_control_characters(tmp_path, capsys, monkeypatch):
    names = (
        "[bold]x[/bold]",
        "[red]",
        ":smile:",
        "\x1b[31mred",
        "[/]",
        "[link=http://a.b]c[/link]",
        "日本",
        "New York",
    )
    with open(tmp_path / "facts.csv", "w", newline="") as file:
        rows = [(name, "[i]likes[/i]", f"{i}") for i, name in enumerate(names)]
        csv.writer(file).writerows([("head", "relation", "tail"), *rows])
    with open(tmp_path / "relations.csv", "w", newline="") as file:
        csv.writer(file).writerows([("relation", "inverse"), ("[i]likes[/i]", "liked[dim] by")])
    files = ["--task.file", str(tmp_path / "facts.csv"), "--task.relations", str(tmp_path / "relations.csv")]
    shown = ""
    for seed in range(12):
        main(["show", "triples", *files, "--task.one-way-share", "1", "--seed", str(seed)])
        shown += capsys.readouterr().out
    for name in (*names, "[i]likes[/i]", "liked[dim] by"):
        assert name.replace("\x1b", "\\x1b") in shown
    assert ESCAPE not in shown
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["show", "triples", *files, "--task.one-way-share", "1"])
    assert "\x1b[31mred" not in capsys.readouterr().out


def test_notes_about_files_are_counted_above_the_documents_and_listed_where_asked_for(tmp_path, capsys):
    file = tmp_path / "facts.txt"
    file.write_text("".join(f"a{i}\tlikes\tb{i // 2}\n" for i in range(20)))
    main(["show", "triples", "--task.file", str(file)])
    (above, *_) = capsys.readouterr().out.partition("Documents")
    assert "10 questions with several answers, such as: lines 1, 2:" in " ".join(above.split())
    main(["show", "triples", "--notes", "--task.file", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert sum("has several answers: " in line and "such as" not in line for line in lines) == 10
