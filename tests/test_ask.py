"""Questions as text: typed by a person, ranked answers, and what training states of each."""

import io
from dataclasses import replace

import pytest

from config.validation import SettingError
from eval.__main__ import main
from eval.ask import ask
from eval.runs import find_run
from eval.text import parse_question, render_question
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus
from tests.reading import Statement, question
from tests.running import tiny
from tests.test_evaluate import untrained
from tests.test_every_task import every_task, small
from tests.test_metrics import CORPUS
from train.run import train_run


def test_a_question_is_rendered_as_a_person_types_it():
    for split, questions in CORPUS.questions.items():
        for i in range(len(questions)):
            words = render_question(CORPUS, questions.cloze, i).split()
            position = words.index("_")
            relation = position + 1 if split == "backward" else position - 1
            assert words[relation] in CORPUS.relations
            assert words[2 * relation - position] in CORPUS.entities.names
            assert " ".join(question(CORPUS, questions, i)) in " ".join(words)


@pytest.mark.parametrize("objective", [Causal(), Masked(), Masked(decoding="left-to-right")])
def test_a_typed_question_ranks_all_entities_by_probability(objective):
    first, second = CORPUS.entities.names[:2]
    text, answers = ask(untrained(objective), f"{first} teacher-of _", best=12)
    assert text == f"[begin] {first} teacher-of _"
    assert len(answers) == len({answer.entity for answer in answers}) == 12
    probabilities = [answer.probability for answer in answers]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= probability <= 1 for probability in probabilities)
    assert second in {answer.entity for answer in answers}


def stated_by_role(corpus: Corpus) -> set[Statement]:
    """What the documents state, read token by token."""
    statements, documents = set(), corpus.documents
    for tokens, roles in zip(documents.tokens, documents.roles):
        parts = {SOURCE: [], RELATION: [], TARGET: []}
        for token, role, next_role in zip(tokens, roles, [*roles[1:], NONE]):
            if role != NONE:
                parts[role].append(corpus.vocabulary.words[token])
            if role == TARGET != next_role:
                statements.add(("-".join(parts[SOURCE]), " ".join(parts[RELATION]), "-".join(parts[TARGET])))
                parts = {SOURCE: [], RELATION: [], TARGET: []}
    return statements


@every_task
def test_an_answer_says_what_training_states_of_both_entities(name):
    corpus = small(name).build(0)
    trained = untrained(Masked(), corpus)
    stated, kinds = stated_by_role(corpus), set()
    for questions in filter(len, corpus.questions.values()):
        documents = questions.cloze.documents
        source, words = (
            [corpus.vocabulary.words[token] for token in documents.tokens[0][documents.roles[0] == role]]
            for role in (SOURCE, RELATION)
        )
        if "[mask]" in source:
            continue
        source, words = "-".join(source), " ".join(words)
        _, answers = ask(trained, f"{source} {words} _", best=len(corpus.entities))
        for answer in answers:
            statement = (source, words, answer.entity)
            pair = {source, answer.entity}
            others = {fact for fact in stated if {fact[0], fact[2]} == pair and fact != statement}
            beginnings = ("not stated", "not stated, but: ", "stated in these words only", "stated; also: ")
            beginning = beginnings[2 * (statement in stated) + bool(others)]
            assert answer.stated.startswith(beginning)
            kinds.add(beginning)
            if others:
                assert set(answer.stated.removeprefix(beginning).split(", ")) == set(map(" ".join, others))
    assert "not stated" in kinds
    assert len(kinds) > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("teacher-of _", "must be an entity, a relation word and an entity"),
        ("_ teacher-of _", "one entity being _"),
        ("zzz teacher-of _", "is no entity of this world; the nearest are"),
        (f"{CORPUS.entities.names[0]} teecher-of _", "is no relation word of this world; the nearest are teacher-of"),
        (f"_ teacher-of {CORPUS.entities.names[0]}", "must be the last word"),
    ],
)
def test_a_question_that_cannot_be_parsed_or_asked_is_refused(text, message):
    with pytest.raises(SettingError, match=message):
        ask(untrained(Causal()), text)


def named(*names: str) -> Corpus:
    """The corpus, but its first entities have these names."""
    entities = replace(CORPUS.entities, names=[*names, *CORPUS.entities.names[len(names) :]])
    return replace(CORPUS, entities=entities)


@pytest.mark.parametrize(
    "typed",
    [
        "New York teacher-of _",
        "  New  York teacher-of ___ ",
        '"New York" teacher-of _',
        "\u201cNew York\u201d teacher-of \u201c_\u201d",
        "\u00abnew york\u00bb 'Teacher-Of' __",
        "NEW YORK TEACHER-OF _",
        '"new york teacher-of _"',
    ],
)
def test_quotes_case_and_the_length_of_the_open_span_do_not_matter(typed):
    parsed = parse_question(named("New York", "O'Brien"), typed)
    assert (parsed.source, parsed.words, parsed.target) == ("New York", ("teacher-of",), None)
    assert str(parsed) == "New York teacher-of _"
    assert parse_question(named("New York"), "_ student-of new YORK").target == "New York"


def test_an_apostrophe_in_a_name_is_no_quote():
    for typed in ("O'Brien teacher-of _", "o'brien teacher-of _", "'O'Brien' teacher-of _"):
        assert parse_question(named("O'Brien"), typed).source == "O'Brien"


def test_what_is_written_exactly_comes_first():
    corpus = named("Turkey", "turkey", '"Turkey"')
    for name in corpus.entities.names[:3]:
        assert parse_question(corpus, f"{name} teacher-of _").source == name
    with pytest.raises(SettingError, match=r"^'turkey' could be 'Turkey' or 'turkey' or '\"Turkey\"'") as refused:
        parse_question(corpus, "TURKEY teacher-of _")
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run."""
    train_run(tiny(), "asked", root=tmp_path_factory.getbasetemp())
    return tmp_path_factory.getbasetemp() / "asked"


def test_several_questions_are_answered_and_each_refusal_is_one_line(run, capsys):
    first, second = tiny().task.build(0).entities.names[:2]
    questions = [f"{first} teacher-of _", "nobody teacher-of _", f"{second.upper()} teacher-of ___"]
    with pytest.raises(SystemExit) as ended:
        main(["ask", str(run), *questions])
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert [line for line in out.splitlines() if line.endswith("teacher-of _")] == [
        f"{name} teacher-of _" for name in (first, second)
    ]
    assert err.count("\n") == 1
    assert "'nobody' is no entity" in err


def test_without_a_question_they_are_read_line_by_line(run, capsys, monkeypatch):
    first, second = tiny().task.build(0).entities.names[:2]
    lines = f"{first} teacher-of _\n\n{second} teacher-of _".encode() + b"\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    main(["ask", str(run)])
    out, err = capsys.readouterr()
    assert (out.count("asked, step 12"), err) == (2, "")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff teacher-of _\n")))
    with pytest.raises(SystemExit):
        main(["ask", str(run)])
    assert capsys.readouterr().err.count("\n") == 1


def test_a_terminal_is_prompted_until_ctrl_d(run, capsys, monkeypatch):
    first = tiny().task.build(0).entities.names[0]
    typed = iter([f"{first} teacher-of _", "", "x"])

    def read(prompt: str) -> str:
        assert prompt
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("builtins.input", read)
    main(["ask", str(run)])  # who typed it has seen each refusal, and ends in good order
    out, err = capsys.readouterr()
    assert out.count("asked, step 12") == 2  # an empty line asks what is proposed
    assert "try: " in out
    *hints, refusal = err.splitlines()
    assert "Ctrl-D" in hints[-1]
    assert refusal.startswith("error: question is 'x'")


def test_a_run_is_found_by_its_name_or_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("eval.runs.ROOT", tmp_path)
    (tmp_path / "causal-0").mkdir()
    with pytest.raises(SettingError, match=r"^causal-0 is no run folder: it does not exist"):
        find_run("causal-0")  # no run yet
    (tmp_path / "causal-0" / "config.json").touch()
    assert find_run("causal-0") == find_run(tmp_path / "causal-0") == tmp_path / "causal-0"
    with pytest.raises(SettingError, match=r"^causl-0 is no run folder.*did you mean checkpoints/causal-0\?"):
        find_run("causl-0")
