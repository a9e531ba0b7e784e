"""Questions as text: typed by a person, ranked answers, and what training states of each."""

import pytest

from config.validation import SettingError
from eval.ask import ask
from eval.text import render_question
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.corpus import NONE, RELATION, SOURCE, TARGET, Corpus
from tests.reading import Statement, question
from tests.test_evaluate import untrained
from tests.test_every_task import every_task, small
from tests.test_metrics import CORPUS


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
