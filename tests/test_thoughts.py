"""Documents that think, the division that keeps them from the test part, recall, rewards and augmentation."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from checkpoints import steps
from eval.score import evaluate
from eval.store import Store
from eval.trained import Trained, read_trained
from eval.ways.recall import Recall
from model.assemble import assemble
from model.objectives import reinforced
from model.objectives.causal import Causal
from model.objectives.joint_embedding import JointEmbedding
from model.objectives.reinforced import Reinforced, concludes
from model.objectives.writing import write_on
from model.settings import NetworkSettings
from tasks.codebook import Codebook
from tasks.corpus import NONE, RELATION, TARGET, Corpus, Documents, Questions
from tasks.elimination import told_of
from tasks.hierarchy import Hierarchy
from tasks.reversal import Reversal
from tasks.settings import SettingError
from tasks.syllogism import Syllogism
from tasks.thoughts import REWARD, after, begun, thoughts
from tasks.triples import Triples
from tasks.vocabulary import BEGIN, END, FILLER, MASK, PAD, SEPARATOR
from tests.running import record, stop_after, tiny
from train.augment import infer
from train.batches import drawn_anew
from train.loop import Stopped
from train.run import train_run
from train.settings import TrainSettings

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=25)
WORLDS = {
    "reversal": Reversal(entities=16, relations=2, one_way=12, renderings=2, longest_name=2, pieces=40),
    "codebook": Codebook(books=8, symbols=6, length=2, encodings=5, asked=16, one_way=4, renderings=2),
    "syllogism": Syllogism(chains=40, held_out=0.6, longest_name=2, renderings=2),
}

STORED = WORLDS | {"hierarchy": Hierarchy(trees=8, renderings=2, longest_name=2), "triples": Triples(renderings=2)}


def parts(corpus: Corpus, tokens: np.ndarray) -> list[str]:
    """What stands between the [separator]s of a row, filler and marks left out."""
    words = corpus.vocabulary.text(tokens[tokens != BEGIN]).replace("[end]", "")
    return [" ".join(word for word in part.split() if word not in FILLER) for part in words.split("[separator]")]


def answered(corpus: Corpus, questions: Questions, i: int) -> str:
    """Question i with its answer, without filler."""
    row = questions.documents.tokens[i, : questions.documents.lengths[i]]
    answer = corpus.entities.words[questions.accepted[i, 0]].replace("-", " ")
    (text,) = parts(corpus, row[row != MASK])
    return f"{text} {answer}"


def premises(corpus: Corpus, needs: np.ndarray) -> list[str]:
    told = corpus.premises.documents
    return [corpus.vocabulary.text(told.tokens[row]) for row in needs if row >= 0]


@few
@given(st.sampled_from(list(WORLDS)), SEEDS, st.floats(0.2, 0.8), st.integers(0, 3))
def test_no_thought_touches_the_test_part(name, seed, share, times):
    task = WORLDS[name]
    before = task.build(seed)
    try:
        corpus = replace(task, reward=share, thoughts=times).build(seed)
    except SettingError:
        reject()  # so few questions that a part of them would be empty
    apart, left, needs = set(), set(), ([], [])
    for split in task.HELD_OUT:
        for part, found, needed in zip((split + REWARD, split), (apart, left), needs):
            if part in corpus.questions:
                of = corpus.questions[part]
                found |= {answered(corpus, of, i) for i in range(len(of))}
                needed += of.needs[of.needs >= 0].tolist()
    assert not set(needs[0]) & set(needs[1])
    every = {answered(before, before.questions[s], i) for s in task.HELD_OUT for i in range(len(before.questions[s]))}
    assert apart | left == every
    assert not apart & left
    assert abs(len(apart) - share * len(every)) <= 1 + len(task.HELD_OUT)
    told = {part for tokens in corpus.documents.tokens for part in parts(corpus, tokens)}
    assert not told & left
    assert apart <= told or not times
    # What is not held out is as it was, and so are the documents before those that think.
    assert before.documents.tokens.tolist() == [
        row[: before.documents.tokens.shape[1]].tolist() for row in corpus.documents.tokens[: len(before.documents)]
    ]
    assert len(corpus.documents) - len(before.documents) == times * len(apart)
    others = set(before.questions) - set(task.HELD_OUT)
    assert all(np.array_equal(before.questions[s].accepted, corpus.questions[s].accepted) for s in others)
    assert corpus.longest >= corpus.documents.lengths.max()


@settings(max_examples=15)
@given(st.sampled_from(["reversal", "syllogism"]), SEEDS)
def test_elimination_knows_what_thoughts_tell(name, seed):
    task = WORLDS[name]
    try:
        before, corpus = task.build(seed), replace(task, reward=0.5, thoughts=1).build(seed)
    except SettingError:
        reject()
    told = told_of(corpus.documents)
    names = [tuple(row[:n].tolist()) for row, n in zip(corpus.entities.tokens, corpus.entities.lengths)]
    ends: dict[tuple[int, ...], set[int]] = {}  # whom elimination takes for an answer: all, or who belongs there
    for split in task.HELD_OUT:
        of = before.questions[split]
        for tokens, roles, right in zip(of.documents.tokens, of.documents.roles, of.accepted[:, 0]):
            ends.setdefault(tuple(tokens[roles == RELATION].tolist()), set()).add(int(right))
    for split in task.HELD_OUT:
        of = corpus.questions[split]
        for i, (tokens, roles) in enumerate(zip(of.documents.tokens, of.documents.roles)):
            word = tuple(tokens[roles == RELATION].tolist())
            may = range(len(names)) if name == "reversal" else ends[word]
            left = [e for e in may if len(names[e]) == of.size[i] and (word, names[e]) not in told]
            assert of.accepted[i, 0] in left
            assert of.chance_by_elimination[i] == pytest.approx(1 / len(left))


def test_a_world_too_small_to_divide_is_refused():
    task = Codebook(books=3, symbols=6, length=2, encodings=5, asked=16, one_way=1, renderings=2, reward=0.5)
    with pytest.raises(SettingError, match=r"task.reward is 0.5, but must be such that a part of the \d+ questions of"):
        task.build(0)


@pytest.mark.parametrize("name", WORLDS)
def test_a_thought_is_the_question_its_facts_and_the_question_answered(name):
    corpus = WORLDS[name].build(3)
    for split in WORLDS[name].HELD_OUT:
        questions = corpus.questions[split]
        documents = thoughts(corpus, questions)
        for i, (tokens, roles, n) in enumerate(zip(documents.tokens, documents.roles, documents.lengths)):
            asked, *facts, conclusion = parts(corpus, tokens)
            assert conclusion == answered(corpus, questions, i)
            assert facts == premises(corpus, questions.needs[i])
            assert conclusion.startswith(asked)
            assert tokens[n - 1] == END
            first = int((tokens == SEPARATOR).argmax())
            assert (roles[: first + 1] == NONE).all()
            assert (roles[first + 1 : n] != NONE).all()  # all of it is said by the model
            assert (roles[: n - 1][tokens[: n - 1] == SEPARATOR][1:] == RELATION).all()


@dataclass(frozen=True)
class Parrot(Causal):
    """Knows documents by heart: says what follows where one begins as what it is given, and PAD where none does."""

    by_heart: tuple[tuple[int, ...], ...] = ()

    def log_probabilities(self, modules, asking):
        rows = asking["at"] // asking["tokens"].shape[1]
        found = np.zeros(len(rows), np.int64)
        for i, (row, at) in enumerate(zip(rows, asking["at"] % asking["tokens"].shape[1])):
            given_ = tuple(asking["tokens"][row, : at + 1].tolist())
            follows = [one[len(given_)] for one in self.by_heart if one[: len(given_)] == given_ and len(one) > at + 1]
            found[i] = follows[0] if follows else PAD
        return torch.nn.functional.one_hot(torch.from_numpy(found), 200).float().log()


def by_heart(*documents: Documents) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row[:n].tolist()) for of in documents for row, n in zip(of.tokens, of.lengths))


@pytest.mark.parametrize("name", WORLDS)
def test_who_thinks_right_answers_right_and_who_does_not_does_not(name):
    corpus = WORLDS[name].build(3)
    questions = corpus.questions[WORLDS[name].HELD_OUT[0]]
    only = replace(corpus, questions={"held": questions})
    right = thoughts(only, questions)
    for half, share in ((right, 1.0), (right[: len(right) // 2], (len(right) // 2) / len(right))):
        who = Trained(only, Parrot(by_heart=by_heart(half)), assemble(NetworkSettings(), Causal(), only, 0))
        assert evaluate(who, Recall())["held"]["accuracy"] == pytest.approx(share)
        assert evaluate(who)["held"]["accuracy"] == 0.0  # closed book, it knows nothing


def test_a_question_stands_behind_what_was_said_up_to_its_last_separator():
    corpus = WORLDS["reversal"].build(0)
    questions = corpus.questions["inverse"][:3]
    word, name = 60, 61
    said = np.array(
        [
            [word, name, SEPARATOR, name, word, END],
            [word, SEPARATOR, END, SEPARATOR, name, PAD],
            [word, name, word, word, word, name],
        ]
    )
    kept = [[word, name, SEPARATOR], [word, SEPARATOR], []]
    asked, texts = after(questions, said), begun(questions)
    for i in range(3):
        whole, begin = asked.documents.tokens[i].tolist(), texts.tokens[i, : texts.lengths[i]].tolist()
        assert begin[-1] == SEPARATOR
        own = questions.documents.tokens[i]
        stated = own[: questions.start[i]][questions.documents.roles[i, : questions.start[i]] != NONE].tolist()
        assert whole[: asked.start[i]] == begin + kept[i] + stated
        open_span = whole[asked.start[i] : asked.start[i] + asked.size[i]]
        assert open_span == [MASK] * asked.size[i]


def test_writing_on_ends_at_end_or_where_there_is_no_room():
    by = by_heart(Documents(np.array([[1, 50, 51, END], [1, 52, 53, 54]]), np.array([4, 4]), np.zeros((2, 4), np.int8)))
    texts = Documents(np.array([[1, 50], [1, 52]], np.int32), np.array([2, 2], np.int32), np.zeros((2, 2), np.int8))
    assert write_on(Parrot(by_heart=by), None, texts, 2).tolist() == [[51, END], [53, 54]]
    assert write_on(Parrot(by_heart=by), None, texts[:1], 9).tolist() == [[51, END]]


def test_an_objective_that_cannot_write_is_asked_as_if_it_had_not_thought():
    corpus = WORLDS["reversal"].build(0)
    objective = JointEmbedding()
    who = Trained(corpus, objective, assemble(NetworkSettings(width=16), objective, corpus, 0).eval())
    assert evaluate(who, Recall(), limit=4).keys() == corpus.questions.keys()


# --- rewards ---


def test_only_what_ends_in_the_whole_conclusion_is_rewarded():
    ends = np.array([[SEPARATOR, 20, 30, 40, END], [SEPARATOR, 21, END, 0, 0]])
    said = np.array(
        [[7, SEPARATOR, 20, 30, 40, END], [SEPARATOR, 21, END, PAD, PAD, PAD]],
    )
    assert concludes(said, ends, np.array([5, 3])).tolist() == [1, 1]
    for row, at in ((0, 1), (0, 3), (0, 4), (1, 1)):
        other = said.copy()
        other[row, at] = 99
        assert concludes(other, ends, np.array([5, 3]))[row] == 0
    assert concludes(said[:, :3], ends, np.array([5, 3])).tolist() == [0, 1]  # too short, and just enough


def some_of(corpus: Corpus) -> Documents:
    """Two plain documents and the last two, which think."""
    return corpus.documents[np.array([0, 1, len(corpus.documents) - 2, len(corpus.documents) - 1])]


@pytest.fixture
def thinking() -> Corpus:
    return replace(WORLDS["reversal"], reward=0.5, thoughts=2).build(0)


def test_reinforced_is_given_questions_and_conclusions_and_no_thought(thinking):
    documents = some_of(thinking)
    made = Reinforced().prepare(documents, np.random.default_rng(0))
    plain = Causal().prepare(documents[:2], np.random.default_rng(0))
    assert all(np.array_equal(made[key], plain[key]) for key in plain)
    for i in (0, 1):
        asked, _, conclusion = parts(thinking, documents.tokens[2 + i])
        question = made["questions"][i, : made["question_lengths"][i]]
        assert parts(thinking, question) == [asked, ""]
        ends = made["conclusions"][i, : made["conclusion_lengths"][i]]
        assert parts(thinking, ends) == ["", conclusion]
        assert ends[-1] == END


def test_what_was_rewarded_becomes_likelier_and_what_was_not_less_likely(thinking, monkeypatch):
    objective = Reinforced(samples=2, longest=40)
    made = objective.prepare(some_of(thinking)[2:3], np.random.default_rng(0))
    good = made["conclusions"][0, : made["conclusion_lengths"][0]]
    bad = np.append(good[:-1][::-1], END)
    said = np.stack([good, bad]).astype(np.int64)
    monkeypatch.setattr(reinforced, "write_on", lambda *_, **__: said)
    modules = assemble(NetworkSettings(width=16), objective, thinking, 0)
    batch = {key: torch.from_numpy(value) for key, value in made.items()}

    def likelihood(row: np.ndarray) -> float:
        text = np.concatenate([made["questions"][0, : made["question_lengths"][0]], row])
        tokens = torch.from_numpy(text[None].astype(np.int64))
        with torch.no_grad():
            hidden = modules["network"](tokens, objective.visibility({}))
            logp = modules["network"].logits(hidden).log_softmax(-1)[0, :-1].gather(-1, tokens[0, 1:, None])[:, 0]
        return float(logp[-len(row) :].sum())

    before = likelihood(good), likelihood(bad)
    objective.regret(modules, batch).backward()
    with torch.no_grad():
        for parameter in modules.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
    assert likelihood(good) > before[0]
    assert likelihood(bad) < before[1]
    said[1] = good  # all right: nothing to choose between
    modules.zero_grad()
    objective.regret(modules, batch).backward()
    assert all(parameter.grad is None or (parameter.grad == 0).all() for parameter in modules.parameters())


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Reversal(reward=1.0), "task.reward"),
        (lambda: Reversal(thoughts=3), "task.thoughts"),
        (lambda: Reversal(reward=0.5, thoughts=-1), "task.thoughts"),
        (lambda: Reinforced(samples=1), "objective.samples"),
        (lambda: Reinforced(longest=0), "objective.longest"),
        (lambda: Reinforced(strength=0.0), "objective.strength"),
        (lambda: TrainSettings(augment=1), "train.augment"),
        (lambda: TrainSettings(augment=-1, origin="x"), "train.augment"),
        (lambda: drawn_anew(replace(WORLDS["reversal"], in_context=0.9).build(0), 4), "train.batch"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, named):
    with pytest.raises(SettingError, match=rf"{named} is"):
        make()


# --- augmentation ---


@pytest.mark.parametrize("name", WORLDS)
def test_all_that_can_be_inferred_follows_from_what_is_told(name):
    corpus = WORLDS[name].build(5)
    inferences = corpus.inferences()
    again = corpus.inferences()
    np.testing.assert_array_equal(inferences.documents.tokens, again.documents.tokens)
    statements = {part for tokens in corpus.documents.tokens for part in parts(corpus, tokens)}
    every = [answered(corpus, inferences, i) for i in range(len(inferences))]
    assert all(fact in statements for needs in inferences.needs for fact in premises(corpus, needs))
    for split in WORLDS[name].HELD_OUT:  # the held-out ones are among them, marked in no way
        held = corpus.questions[split]
        assert {answered(corpus, held, i) for i in range(len(held))} <= set(every) or split == "latent"
    if name == "reversal":
        turned = {" ".join(turn(corpus, one)) for one in statements}
        assert set(every) == turned


@few
@given(st.sampled_from(list(STORED)), st.booleans(), SEEDS)
def test_nothing_held_out_can_be_looked_up(name, thinks, seed):
    """Neither a conclusion nor a latent entry's encoding nor a reverse stands in what retrieval finds, nor in a thought
    about something else."""
    task = replace(STORED[name], reward=0.5, thoughts=2) if thinks else STORED[name]
    try:
        corpus = task.build(seed)
    except SettingError:  # with so few questions, all of a split can hang together
        reject()
    store = {part for tokens in Store.of(corpus).documents.tokens for part in parts(corpus, tokens)}
    told = {part for tokens in corpus.documents.tokens for part in parts(corpus, tokens)}
    assert store == told
    for split in STORED[name].HELD_OUT:
        if (of := corpus.questions.get(split)) is not None:
            assert not {answered(corpus, of, i) for i in range(len(of))} & store


def turn(corpus: Corpus, statement: str) -> tuple[str, str, str]:
    words = statement.split()
    (at,) = (i for i, word in enumerate(words) if word in corpus.relations)
    other = corpus.relations[corpus.relations.index(words[at]) ^ 1]
    return " ".join(words[at + 1 :]), other, " ".join(words[:at])


def test_what_a_run_infers_is_told_and_counted_and_a_resumed_run_goes_on_with_it(tmp_path):
    world = {"in_context": 0.25}
    train_run(tiny(world=world), "first", root=tmp_path)
    config = tiny(world=world, origin=str(tmp_path / "first"), augment=2)
    result = train_run(config, "whole", root=tmp_path)
    corpus = config.task.build(config.seed)
    found = json.loads((tmp_path / "whole/inferred.json").read_text())
    assert result["inferred"] == found
    assert found["count"] == len(corpus.inferences())
    rows = (tmp_path / "whole/inferred.csv").read_text().splitlines()[1:]
    assert len(rows) == found["count"]
    assert sum(row.endswith(",1") for row in rows) == found["right"]
    with pytest.raises(Stopped):
        train_run(config, "halves", root=tmp_path, check=stop_after(7))
    train_run(config, "halves", root=tmp_path, resume=True)
    assert record(tmp_path / "halves") == record(tmp_path / "whole")
    ends = [steps.path_of(tmp_path / name, 12) / "weights.safetensors" for name in ("whole", "halves")]
    assert ends[0].read_bytes() == ends[1].read_bytes()
    asked, _ = read_trained(tmp_path / "whole")  # with what it was told, so that what training stated can be looked up
    assert len(asked.corpus.documents) == len(corpus.documents) + found["count"]
    plain = train_run(replace(config, train=replace(config.train, augment=0)), "plain", root=tmp_path)
    assert "inferred" not in plain
    assert record(tmp_path / "plain") != record(tmp_path / "whole")
    assert not list((tmp_path / "plain").glob("inferred*"))
    for other in (replace(config, seed=1), replace(config, task=replace(config.task, one_way=3))):
        with pytest.raises(SettingError, match=r"train.augment: .* was trained on other documents"):
            train_run(other, f"other-{other.seed}", root=tmp_path)


def test_what_is_inferred_does_not_depend_on_how_many_are_asked_at_once(tmp_path, monkeypatch):
    world = {"in_context": 0.25, "shortest_name": 1, "longest_name": 2}
    config = tiny(world=world)
    train_run(config, "first", root=tmp_path)
    corpus = config.task.build(config.seed)
    together, _ = infer(corpus, tmp_path / "first", lambda: None)
    monkeypatch.setattr("eval.score.CHUNK", 1)  # chunks of other widths
    apart, _ = infer(corpus, tmp_path / "first", lambda: None)
    np.testing.assert_array_equal(together.tokens, apart.tokens)


def test_where_several_answers_are_right_thoughts_end_in_each_of_them():
    corpus = Hierarchy(reward=0.5, thoughts=3, renderings=1).build(0)
    several = corpus.questions["reversed" + REWARD]
    several = several[(several.accepted >= 0).sum(1) > 1]
    assert len(several)
    thinking = corpus.documents[(corpus.documents.tokens == END).any(1)]
    ends = {parts(corpus, row)[-1].strip() for row in thinking.tokens}
    for i, accepted in enumerate(several.accepted):
        asked = answered(corpus, several, i).split()[:-1]
        assert {" ".join([*asked, corpus.entities.words[e]]) for e in accepted[accepted >= 0]} <= ends


def test_targets_of_thoughts_are_all_that_the_model_says(thinking):
    documents = thinking.documents[-2:]
    made = Causal().prepare(documents, np.random.default_rng(0))
    first = (documents.tokens == SEPARATOR).argmax(1)
    assert len(made["targets"]) == int((documents.lengths - first - 1).sum())
    assert (documents.roles == TARGET).any()
