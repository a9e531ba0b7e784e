"""Ways of answering: models made by hand, whose answers are known, asked in each of them."""

import json
import os
import shutil
import time
import uuid
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from checkpoints import folder as folders
from eval.__main__ import main
from eval.ask import ask, behind
from eval.by_way import put, settings_of
from eval.score import evaluate, given, records
from eval.store import Store
from eval.trained import Trained
from eval.ways import WAYS
from eval.ways.choice import Choice, ChoiceInContext
from eval.ways.generate_and_verify import GenerateAndVerify
from eval.ways.in_context import InContext
from eval.ways.near_context import NearContext
from eval.ways.recall import Recall
from eval.ways.retrieval import DenseRetrieval, LexicalRetrieval, OracleRetrieval, represent
from model.assemble import assemble
from model.objectives import OBJECTIVES
from model.objectives.causal import Causal
from model.settings import NetworkSettings
from model.visibility import Visibility
from tasks.corpus import NONE, Corpus, Documents, Entities, Questions
from tasks.reversal import Reversal
from tasks.settings import SettingError
from tasks.syllogism import Syllogism
from tasks.vocabulary import FILLER, MASK
from tests.running import python, tiny
from tests.test_throwaway import facts, said
from train.run import train_run

WORLD = Reversal(entities=16, relations=2, one_way=10, new=4, renderings=3, longest_name=2, pieces=40)
CORPUS = WORLD.build(1)
Fact = tuple[str, str, str]


def spoken(corpus: Corpus, tokens: np.ndarray) -> list[list[str]]:
    """A row's statements as words, "?" for the open span's tokens, filler left out."""
    words = [corpus.vocabulary.words[t] for t in tokens if t > 1]
    parts = " ".join(words).replace("[mask]", "?").split("[separator]")
    return [[word for word in part.split() if word not in FILLER] for part in parts]


@dataclass(frozen=True)
class Reads:
    """Knows nothing but what stands in front of the question, and turns it round where that helps."""

    corpus: Corpus

    def answer(self, modules: nn.ModuleDict, questions: Questions, candidates: Entities) -> np.ndarray:
        said_ = np.zeros((len(questions), int(questions.size.max())), np.int64)
        for i in range(len(questions)):
            name = self.answer_to(questions.documents.tokens[i, : questions.documents.lengths[i]])
            if name is not None:
                tokens = candidates.tokens[candidates.words.index(name)][: questions.size[i]]
                said_[i, : len(tokens)] = tokens
        return said_

    def answer_to(self, tokens: np.ndarray) -> str | None:
        *told, asked = spoken(self.corpus, tokens)
        statements = [one for part in told for one in [self.split(part)]]
        source, word, target = self.split(asked)
        for one in statements:
            other = self.corpus.relations[self.corpus.relations.index(one[1]) ^ 1]
            for first, said_, last in (one, (one[2], other, one[0])):
                if said_ == word and (first == source or last == target):
                    return last if first == source else first
        return None

    def split(self, words: list[str]) -> Fact:
        (at,) = (i for i, word in enumerate(words) if word in self.corpus.relations)
        return "-".join(words[:at]), words[at], "-".join(words[at + 1 :])

    def log_probability(self, modules, questions, names, candidates):
        return np.zeros(len(questions), np.float32)

    def score(self, modules, questions, candidates):
        return np.zeros((len(questions), len(candidates)), np.float32)

    def max_length(self, length: int) -> int:
        return length

    def asked(self):
        return {"as-trained": self}


@dataclass(frozen=True)
class KnowsWhatWasTold(Reads):
    """Expects the last entity of a statement that was told in these words, and of no other."""

    surprise: float = 5.0

    def log_probability(self, modules, questions, names, candidates):
        documents = self.corpus.documents
        told = {one for row, n in zip(documents.tokens, documents.lengths) for one in said(self.corpus, row[1:n])}
        found = []
        for i in range(len(questions)):
            tokens = questions.documents.tokens[i, : questions.documents.lengths[i]].copy()
            start, size = questions.start[i], questions.size[i]
            tokens[start : start + size] = names[i, :size]
            found.append(-0.1 if said(self.corpus, tokens[1:])[0] in told else -self.surprise)
        return np.array(found, np.float32)


def trained(objective: Reads) -> Trained:
    return Trained(CORPUS, objective, assemble(NetworkSettings(width=16), Causal(), CORPUS, 0).eval())


READER, KNOWER = trained(Reads(CORPUS)), trained(KnowsWhatWasTold(CORPUS))
READER_WITH_NETWORK = Trained(CORPUS, Causal(), READER.modules)


def in_front(asked: Questions, i: int) -> list[Fact]:
    """The statements in front of question i."""
    *told, _ = spoken(CORPUS, asked.documents.tokens[i, : asked.documents.lengths[i]])
    return [Reads(CORPUS).split(part) for part in told]


def needed(questions: Questions, i: int) -> Fact:
    rows, lengths = CORPUS.premises.documents.tokens, CORPUS.premises.documents.lengths
    row = questions.needs[i, 0]
    return said(CORPUS, rows[row, : lengths[row]])[0]


def test_who_reads_the_prompt_answers_in_context_and_only_there():
    alone, beside = evaluate(READER), evaluate(READER, InContext(5))
    for split in ("forward", "backward", "inverse", "new_forward", "new_inverse"):
        assert alone[split]["correct"] == 0
        assert beside[split]["accuracy"] == 1
    assert beside["wrong_frame"]["correct"] == 0


@pytest.mark.parametrize("distractors", [0, 3])
def test_a_prompt_in_context_holds_what_is_needed_and_so_many_other_facts(distractors):
    places = set()
    for questions in CORPUS.questions.values():
        asked = InContext(distractors).prompt(READER, questions)
        for i in range(len(questions)):
            told = in_front(asked, i)
            assert len(facts(CORPUS, WORLD, told)) == len(told) == 1 + distractors
            assert told.count(needed(questions, i)) == 1
            places.add(told.index(needed(questions, i)))
    assert places == set(range(1 + distractors))  # in any order


def pieces(fact: Fact) -> set[str]:
    """The words of both names."""
    return {*fact[0].split("-"), *fact[2].split("-")}


def test_near_distractors_name_what_the_needed_fact_names():
    rows, lengths = CORPUS.premises.documents.tokens, CORPUS.premises.documents.lengths
    every = [said(CORPUS, row[:n])[0] for row, n in zip(rows, lengths)]
    near = 0
    for questions in CORPUS.questions.values():
        asked = NearContext(2).prompt(READER, questions)
        for i in range(len(questions)):
            told, own = in_front(asked, i), needed(questions, i)
            assert len(facts(CORPUS, WORLD, told)) == len(told) == 3
            assert told.count(own) == 1
            others = facts(CORPUS, WORLD, [one for one in every if pieces(one) & pieces(own)]) - facts(
                CORPUS, WORLD, [own]
            )
            found = [one for one in told if one != own and pieces(one) & pieces(own)]
            assert len(found) == min(2, len(others))
            near += len(found)
    assert near > 0


@pytest.mark.parametrize(
    "way", [InContext(2), NearContext(2), OracleRetrieval(2), LexicalRetrieval(2), DenseRetrieval(2)]
)
def test_a_prompt_is_the_same_whichever_questions_are_asked_beside_it(way):
    questions = CORPUS.questions["inverse"]
    together = way.prompt(READER_WITH_NETWORK, questions)
    for i in range(len(questions)):
        alone, n = way.prompt(READER_WITH_NETWORK, questions[i : i + 1]), together.documents.lengths[i]
        assert alone.documents.lengths[0] == n
        np.testing.assert_array_equal(alone.documents.tokens[0, :n], together.documents.tokens[i, :n])
        # What is asked is asked as before: the open span moved along.
        own, start, size = questions.documents, questions.start[i], questions.size[i]
        moved = together.documents.tokens[i, together.start[i] : together.start[i] + size]
        np.testing.assert_array_equal(moved, own.tokens[i, start : start + size])
        roles = together.documents.roles[i, : n - own.lengths[i] + 1]
        assert (roles == NONE).all()


def test_what_says_the_same_is_stored_once_and_everything_is():
    store, documents = Store.of(CORPUS), CORPUS.documents
    said_ = [tuple(said(CORPUS, row[1:n])) for row, n in zip(documents.tokens, documents.lengths)]
    stored = [tuple(said(CORPUS, row[1:n])) for row, n in zip(store.documents.tokens, store.documents.lengths)]
    assert len(set(stored)) == len(stored) == len(set(said_))
    assert [stored[place] for place in store.place] == said_


def test_an_oracle_puts_one_document_of_what_is_needed_among_others():
    for split, questions in CORPUS.questions.items():
        way = OracleRetrieval(3)
        asked, found = way.prompt(READER, questions), way.found(READER, questions)
        for i in range(len(questions)):
            told = in_front(asked, i)
            told_once = not split.startswith("new")
            assert len(told) == len(set(told)) == 3 + told_once
            assert told.count(needed(questions, i)) == told_once == found[i]
    splits = evaluate(READER, OracleRetrieval(3))
    assert splits["inverse"]["accuracy"] == 1
    assert splits["new_inverse"]["correct"] == 0


@pytest.mark.parametrize("way", [LexicalRetrieval(4), DenseRetrieval(4), OracleRetrieval(1)])
def test_whether_what_is_needed_was_found_is_counted_right(way):
    who = READER_WITH_NETWORK if isinstance(way, DenseRetrieval) else READER
    for questions in CORPUS.questions.values():
        asked, found = way.prompt(who, questions), way.found(who, questions)
        assert found.tolist() == [needed(questions, i) in in_front(asked, i) for i in range(len(questions))]
    rows = [row for row in records(READER, LexicalRetrieval(4)) if row["split"] == "forward"]
    assert all(row["correct"] for row in rows)  # what was told has all words of the question
    assert all(row["found"] for row in rows)


def test_documents_with_more_of_the_question_s_words_come_first():
    questions = CORPUS.questions["inverse"]
    asked = LexicalRetrieval(12).prompt(READER, questions)
    for i in range(len(questions)):
        (*_, question) = spoken(CORPUS, questions.documents.tokens[i, : questions.documents.lengths[i]])
        words = {word for word in question if word != "?"}
        shared = [len(words & {*one[0].split("-"), one[1], *one[2].split("-")}) for one in in_front(asked, i)]
        assert shared[-1] == max(shared)  # the best stands next to the question


def test_dense_retrieval_takes_the_nearest():
    questions, store = CORPUS.questions["inverse"], Store.of(CORPUS)
    rows = DenseRetrieval(5).rows(READER_WITH_NETWORK, store, questions)
    one, many = (represent(READER_WITH_NETWORK, of) for of in (questions.documents, store.documents))
    np.testing.assert_allclose(np.linalg.norm(many, axis=1), 1, rtol=1e-5)
    for i, row in enumerate(rows):
        near = many @ one[i]
        rest = np.delete(near, row)
        assert (np.diff(near[row]) <= 1e-6).all()
        assert rest.max() <= near[row].min() + 1e-6


def test_generate_and_verify_can_be_put_to_some_splits_alone():
    some = GenerateAndVerify(splits=("inverse", "none of this task"))
    rows = records(KNOWER, some)
    assert rows == [row for row in records(KNOWER, GenerateAndVerify()) if row["split"] == "inverse"]
    assert some.passes(KNOWER) <= GenerateAndVerify().passes(KNOWER)
    found = evaluate(KNOWER, some)
    assert {split for split, of in found.items() if of["count"]} == {"inverse"}
    assert settings_of(GenerateAndVerify()) == {}
    assert settings_of(some) == {"splits": ["inverse", "none of this task"]}


class OneHot(nn.Module):
    """A network whose hidden state is the token itself."""

    def forward(self, tokens: torch.Tensor, visibility: Visibility) -> torch.Tensor:
        return nn.functional.one_hot(tokens, len(CORPUS.vocabulary)).float()


def test_dense_retrieval_by_a_known_representation_takes_what_shares_most_words():
    modules = nn.ModuleDict({"network": OneHot()})
    modules.register_parameter("of", nn.Parameter(torch.zeros(1)))  # tells the device
    questions, store = CORPUS.questions["inverse"], Store.of(CORPUS)
    rows = DenseRetrieval(3).rows(Trained(CORPUS, Causal(), modules), store, questions)

    def stated(documents: Documents, i: int) -> set[int]:
        row, roles = documents.tokens[i], documents.roles[i]
        return set(row[(roles != NONE) & (row != MASK)].tolist())

    many = [stated(store.documents, d) for d in range(len(store))]
    for i, row in enumerate(rows):
        one = stated(questions.documents, i)
        cosine = np.array([len(one & words) / (len(one) * len(words)) ** 0.5 for words in many])
        np.testing.assert_allclose(cosine[row], np.sort(cosine)[::-1][:3], rtol=1e-5)


def test_lexical_retrieval_takes_the_best_by_bm25():
    questions, store = CORPUS.questions["inverse"], Store.of(CORPUS)
    rows = LexicalRetrieval(3).rows(READER, store, questions)
    texts = [row[:n].tolist() for row, n in zip(store.documents.tokens, store.documents.lengths)]
    mean, frequency = np.mean([len(text) for text in texts]), Counter(word for text in texts for word in set(text))
    for i, row in enumerate(rows):
        own = questions.documents
        asked = own.tokens[i][(own.roles[i] != NONE) & (own.tokens[i] != MASK)].tolist()
        score = np.zeros(len(texts))
        for word in asked:
            rare = np.log(1 + (len(texts) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            for d, text in enumerate(texts):
                count = text.count(word)
                score[d] += rare * count / (count + 1.5 * (1 - 0.75 + 0.75 * len(text) / mean))
        np.testing.assert_allclose(score[row], np.sort(score)[::-1][:3], rtol=1e-4)


def test_jax_where_it_is_installed_stays_off_the_gpu(tmp_path):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("")
    (tmp_path / "jax" / "lax.py").write_text("import os\nprint('jax on', os.environ.get('JAX_PLATFORMS'))")
    world = "from tasks.reversal import Reversal; corpus = Reversal(entities=16, relations=2, one_way=10).build(1)"
    look_up = "from eval.ways.retrieval import index_of; index_of(corpus)"
    code = f"import train.__main__; {world}; print('ready'); {look_up}"
    found = python("-c", code, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert found.stdout.splitlines() == ["ready", "jax on cpu"], found.stderr


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_can_read_what_is_looked_up(name):
    objective = OBJECTIVES[name]()
    who = Trained(CORPUS, objective, assemble(NetworkSettings(width=16), objective, CORPUS, 0).eval())
    rows = DenseRetrieval(2).rows(who, Store.of(CORPUS), CORPUS.questions["inverse"])
    assert rows.shape == (len(CORPUS.questions["inverse"]), 2)


def test_an_oracle_counts_what_is_left_in_a_small_store():
    small = Reversal(entities=4, relations=1, one_way=1, two_way=0, renderings=16).build(0)
    who = Trained(small, Causal(), assemble(NetworkSettings(width=16), Causal(), small, 0).eval())
    with pytest.raises(SettingError, match="distractors is 1, but must be 0 to 0, the documents that are left"):
        evaluate(who, OracleRetrieval(1))
    assert evaluate(who, OracleRetrieval(0))["inverse"]["count"] == 1


def test_no_prompt_holds_the_statement_that_is_asked_of_one_way_facts():
    for way in (InContext(6), OracleRetrieval(6), LexicalRetrieval(10)):
        questions = CORPUS.questions["inverse"]
        asked = way.prompt(READER, questions)
        for i in range(len(questions)):
            full = questions.documents.tokens[i, : questions.documents.lengths[i]].copy()
            entity, start = questions.accepted[i, 0], questions.start[i]
            full[start : start + questions.size[i]] = CORPUS.entities.tokens[entity, : questions.size[i]]
            assert said(CORPUS, full[1:])[0] not in in_front(asked, i)


def test_who_knows_only_what_was_told_verifies_every_inverse():
    way = GenerateAndVerify()
    splits = evaluate(KNOWER, way)
    assert splits["inverse"]["accuracy"] == 1
    assert splits["inverse"]["log_probability"] == pytest.approx(-0.1)
    assert splits["backward"]["count"] == 0  # has no other way round
    assert splits["new_inverse"]["log_probability"] == pytest.approx(-5)
    assert way.passes(KNOWER) == 8  # of 16 names half have one token and half two


def test_a_candidate_s_score_is_that_of_the_statement_it_completes():
    who, questions = READER_WITH_NETWORK, CORPUS.questions["inverse"]
    score = GenerateAndVerify().score(who, questions, CORPUS.entities)
    for i in range(0, len(questions), 3):
        for c in range(len(CORPUS.entities)):
            if CORPUS.entities.lengths[c] != questions.size[i]:
                assert score[i, c] == -np.inf
                continue
            turned = questions.turned.tokens[i, : questions.turned.lengths[i]].copy()
            turned[turned == 3] = CORPUS.entities.tokens[c, : questions.size[i]]
            with torch.no_grad():
                network = who.modules["network"]
                hidden = network(torch.from_numpy(turned[None]).long(), Causal().visibility({}))
                logp = network.logits(hidden)[0].log_softmax(-1)
            known = np.flatnonzero(questions.turned.roles[i, : len(turned)] == 3)
            expected = sum(float(logp[t - 1, turned[t]]) for t in known)
            assert score[i, c] == pytest.approx(expected, rel=1e-4)


def test_a_prompt_longer_than_learned_positions_is_refused():
    network = NetworkSettings(width=16, position="learned")
    who = Trained(CORPUS, Causal(), assemble(network, Causal(), CORPUS, 0).eval())
    with pytest.raises(
        SettingError, match=r"a prompt has \d+ tokens, but this network knows \d+ places: ask with fewer"
    ):
        evaluate(who, InContext(6))
    with pytest.raises(SettingError, match=r"a prompt has \d+ tokens, but"):
        evaluate(who, Recall())
    one, other = CORPUS.entities.words[:2]
    with pytest.raises(SettingError, match=r"a prompt has \d+ tokens, but"):
        ask(who, f"{one} teacher-of _", prompt=behind((f"{one} teacher-of {other}",) * 9))
    evaluate(READER_WITH_NETWORK, InContext(6))  # rotary positions have no end


@pytest.fixture(scope="module")
def run():
    """The folder of a tiny run of a world with throwaway facts."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    train_run(tiny(world={"new": 3, "in_context": 0.5}), name)
    yield folders.ROOT / name
    shutil.rmtree(folders.ROOT / name)


def test_ways_are_put_to_a_run_and_written_down(run, capsys):
    main(["ways", str(run), "--distractors", "2", "--documents", "3"])
    printed = capsys.readouterr().out
    entry = json.loads((run / "ways.json").read_text())
    assert list(entry["ways"]) == list(WAYS)
    assert entry["ways"]["in-context"]["settings"] == {"distractors": 2}
    assert entry["ways"]["lexical-retrieval"]["settings"] == {"documents": 3}
    assert entry["ways"]["generate-and-verify"]["passes"] == 12
    rows = (run / "ways.csv").read_text().splitlines()
    assert len(rows) == 1 + len(WAYS) * sum(row.startswith("closed-book,") for row in rows)
    assert (
        entry["ways"]["closed-book"]["asked"]["as-trained"] == json.loads((run / "result.json").read_text())["splits"]
    )
    for name in WAYS.keys() - {"choice", "choice-in-context"}:  # this task has nothing to choose from
        assert all(word in " ".join(printed.split()) for word in name.split("-"))
    before = (run / "ways.json").stat().st_mtime_ns
    assert put(run, {"in-context": InContext(2)}, anew=False)["ways"].keys() == {"in-context"}
    assert (run / "ways.json").stat().st_mtime_ns == before
    put(run, {"in-context": InContext(1)}, anew=False)  # another way: put, and the others stay
    after = json.loads((run / "ways.json").read_text())["ways"]
    assert after["in-context"]["settings"] == {"distractors": 1}
    assert {name: way for name, way in after.items() if name != "in-context"} == {
        name: way for name, way in entry["ways"].items() if name != "in-context"
    }
    kept = (run / "ways.csv").read_text().splitlines()
    assert len(kept) == len(rows)
    gone = set(rows) - set(kept)
    assert all(row.startswith("in-context") for row in gone)


def test_the_record_says_how_questions_in_context_went(run):
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    evaluations = [entry for entry in entries if entry["kind"] == "evaluation"]
    assert all(set(entry["asked"]) == {"as-trained", "in-context"} for entry in evaluations)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ways", "by-heart"], "ways is 'by-heart', but must be one of closed-book, in-context"),
        (["--distractors", "-1"], "distractors is -1, but must be 0 or more"),
        (["--distractors", "500"], "distractors is 500, but must be 0 to"),
        (["--documents", "0"], "documents is 0, but must be 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(run, arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["ways", str(run), *arguments])
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert says in errors
    assert len(errors.strip().splitlines()) == 1


def test_no_run_there_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["ways", str(tmp_path / "nothing")])
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_question_is_asked_behind_statements_or_what_is_looked_up(run, capsys):
    corpus = Reversal(entities=12, relations=2, one_way=4, renderings=2, new=3, in_context=0.5).build(0)
    a, b, c = corpus.entities.words[:3]
    main(["ask", str(run), f"{b} student-of _", "--context", f"{a} teacher-of {b}", f"{c} child-of {a}"])
    first = capsys.readouterr().out.splitlines()[0]
    shown = f"[begin] {a} teacher-of {b} [separator] {c} child-of {a} [separator] {b} student-of _"
    assert first == shown
    main(["ask", str(run), f"{b} student-of _", "--retrieve", "lexical", "--documents", "2"])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.count("[separator]") == 2
    assert first.endswith(f"{b} student-of _")
    for wrong in (["--context", f"{a} teacher-of _"], ["--context", f"{a} likes {b}"], ["--context", a]):
        with pytest.raises(SystemExit) as ended:
            main(["ask", str(run), f"{b} student-of _", *wrong])
        assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        main(["ask", str(run), f"{b} student-of _", "--context", f"{a} teacher-of {b}", "--retrieve", "dense"])
    assert ended.value.code == 2


def test_a_thousand_candidates_a_question_take_well_under_a_second():
    corpus = Reversal(entities=1000, relations=1, one_way=20, renderings=1).build(0)
    who = Trained(corpus, Causal(), assemble(NetworkSettings(), Causal(), corpus, 0).eval())
    questions = corpus.questions["inverse"]
    began = time.process_time()
    with torch.no_grad():
        GenerateAndVerify().score(who, questions, corpus.entities)
    assert (time.process_time() - began) / len(questions) < 0.5


class Chooses(Choice):
    """Finds the right statement likelier than the others, of every second question, by one nat."""

    def likely(self, trained, questions):
        _, right = trained.corpus.choices(questions)
        likely = np.zeros((len(questions), 6))
        likely[np.arange(len(questions)), (right + np.arange(len(questions)) % 2) % 6] = 1
        return likely


SYLLOGISM = Syllogism(chains=24).build(0)
REASONER = Trained(SYLLOGISM, Causal(), assemble(NetworkSettings(width=16, heads=2), Causal(), SYLLOGISM, 0).eval())


def test_who_chooses_the_right_statement_is_right_and_chance_is_one_in_six():
    for split, of in evaluate(REASONER, Chooses()).items():
        n = len(SYLLOGISM.questions[split])
        assert of["correct"] == (n + 1) // 2
        assert (of["chance"], of["chance_by_elimination"]) == pytest.approx((1 / 6, 1 / 3))
        assert of["log_probability"] == pytest.approx(of["correct"] / n - np.log(np.e + 5), abs=1e-4)
    assert Chooses().passes(REASONER) == 6


@pytest.mark.parametrize("way", [Choice(), ChoiceInContext(2)])
def test_what_is_chosen_is_the_statement_that_the_model_finds_likeliest(way):
    asked = given(REASONER, way, SYLLOGISM.questions["trained"])
    said, (six, right) = way.answer(REASONER, asked), SYLLOGISM.choices(asked)
    names = SYLLOGISM.entities.tokens[six.accepted[:, 0]]
    logp = [
        Causal().log_probability(REASONER.modules, six[[row]], names[[row]], SYLLOGISM.entities)[0]
        for row in range(len(six))
    ]
    chosen = np.reshape(logp, (-1, 6)).argmax(1)
    assert 0 < (chosen == right).mean() < 1
    np.testing.assert_array_equal((said != 0).any(1), chosen == right)


def test_a_task_without_statements_to_choose_from_cannot_be_asked_so():
    assert all(of["count"] == 0 for of in evaluate(READER_WITH_NETWORK, Choice()).values())
