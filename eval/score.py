"""How answers are scored: exactly right or not, with a Wilson interval and both chances beside it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest

from eval.trained import Trained
from eval.ways.closed_book import ClosedBook
from eval.ways.prompted import require_places
from tasks.corpus import NONE, SOURCE, TARGET, Corpus, Questions
from tasks.vocabulary import PAD

CLOSED_BOOK = ClosedBook()
CHUNK = 1024  # questions a pass; bounds memory, changes no answer


def interval(correct: int, count: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share (Wilson 1927)."""
    low, high = binomtest(correct, count).proportion_ci(method="wilson")
    return float(low), float(high)


def right(corpus: Corpus, questions: Questions, said: np.ndarray) -> np.ndarray:
    """bool[q]: said[q, k] is, over its whole length, the name of an accepted entity."""
    k = said.shape[1]
    names = corpus.entities.tokens[questions.accepted][..., :k]  # q a k
    whole = corpus.entities.lengths[questions.accepted] == questions.size[:, None]
    inside = np.arange(k) < questions.size[:, None, None]
    same = ((names == said[:, None]) | ~inside).all(-1)
    return (same & whole & (questions.accepted >= 0)).any(1)


def tokens_right(corpus: Corpus, questions: Questions, said: np.ndarray) -> np.ndarray:
    """float[q]: share of the tokens of the first accepted answer that stand in their place in said[q, k]."""
    names = corpus.entities.tokens[questions.accepted[:, 0]]
    k = min(said.shape[1], names.shape[1])
    same = names[:, :k] == said[:, :k]
    return (same & (np.arange(k) < questions.size[:, None])).sum(1) / questions.size


def summary(
    correct: int,
    count: int,
    log_probability: float | None,
    chances: tuple[float, float],
    looked_up: tuple[int, int] | None = None,
    token_accuracy: float | None = None,
) -> dict[str, Any]:
    """One entry of `splits` in result.json. What cannot be asked has count 0 and no accuracy. Where facts are
    `looked_up`: for how many questions they all were, and how many of those were answered right. Where names have
    several tokens, `token_accuracy`: the share of them that is right."""
    low, high = interval(correct, count) if count else (None, None)
    found = {} if looked_up is None else {"found": looked_up[0], "correct_where_found": looked_up[1]}
    found |= {} if token_accuracy is None else {"token_accuracy": token_accuracy}
    return found | {
        "correct": correct,
        "count": count,
        "accuracy": correct / count if count else None,
        "low": low,
        "high": high,
        "chance": chances[0],
        "chance_by_elimination": chances[1],
        "log_probability": log_probability,
    }


def evaluate(
    trained: Trained,
    way: ClosedBook = CLOSED_BOOK,
    limit: int | None = None,
    between: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """The summary of every split, each asked whole or, where longer than `limit`, by that many of its questions.

    Which ones is fixed. `between` is called before each chunk and may raise to stop. Draws no random number.
    """
    splits, several = {}, bool((trained.corpus.entities.lengths > 1).any())
    for split, questions in trained.corpus.questions.items():
        if limit is not None and limit < len(questions):
            questions = questions[np.random.default_rng(0).permutation(len(questions))[:limit]]
        correct, count, log_probability, near = 0, 0, 0.0, 0.0
        for chunk in chunks(questions) if way.asks(split) else []:
            between()
            said, logp = reply(trained, way, given(trained, way, chunk))
            if said is not None:
                correct += int(right(trained.corpus, chunk, said).sum())
                count += len(chunk)
                log_probability += float(logp.sum(dtype=np.float64))
                near += float(tokens_right(trained.corpus, chunk, said).sum())
        mean, tokens = (log_probability / count, near / count) if count else (None, None)
        chances = way.chances(trained, questions)
        splits[split] = summary(correct, count, mean, chances, token_accuracy=tokens if several else None)
    return splits


def given(trained: Trained, way: ClosedBook, questions: Questions) -> Questions:
    """The questions as the model is given them, once for all that is asked of them. Raises SettingError where its
    network has no positions for so long a prompt."""
    with asking(trained):
        asked = way.prompt(trained, questions)
    if asked is not questions:
        require_places(trained, asked.documents.tokens.shape[1])
    return asked


def reply(
    trained: Trained, way: ClosedBook, asked: Questions, score: np.ndarray | None = None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What the model says to questions that were `given`, [q, k], and log p[q] of the first accepted answer; None where
    it cannot be asked. `score` as for ClosedBook.answer."""
    names = trained.corpus.entities.tokens[asked.accepted[:, 0]]
    with asking(trained):
        said = way.answer(trained, asked, score)
        return said, None if said is None else way.log_probability(trained, asked, names)


def records(
    trained: Trained, way: ClosedBook = CLOSED_BOOK, between: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """Every question of every split, in every way it can be asked, with its answer, what the model said,
    log-probability (nats) and rank (from 1) of the answer among all entities of its length, where a way scores them:
    the rows of questions.csv. Empty where it cannot be asked. `found`, where facts are looked up: whether all needed
    ones were."""
    return [
        {"split": split, "asked": asked} | row
        for asked, one in trained.asked().items()
        for split, questions in one.corpus.questions.items()
        if way.asks(split)
        for row in records_of(one, way, questions, between)
    ]


def records_of(
    trained: Trained, way: ClosedBook, questions: Questions, between: Callable[[], None]
) -> list[dict[str, Any]]:
    """The records of one split, asked in one way."""
    corpus, rows, several = trained.corpus, [], bool((trained.corpus.entities.lengths > 1).any())
    for chunk in chunks(questions):
        between()
        asked = given(trained, way, chunk)
        with asking(trained):
            score, found = way.score(trained, asked, corpus.entities), way.found(trained, chunk)
        said, logp = reply(trained, way, asked, score)
        hit = None if said is None else right(corpus, chunk, said)
        near = None if said is None else tokens_right(corpus, chunk, said)
        for i in range(len(chunk)):
            row = {
                "question": text(corpus, asked, i),
                "answer": corpus.entities.words[chunk.accepted[i, 0]],
            }
            if said is not None:
                row |= {"said": entity_text(corpus, said[i]), "correct": int(hit[i])}
                row |= {"log_probability": float(logp[i])}
                row |= {} if score is None else {"rank": 1 + int((score[i] > score[i, chunk.accepted[i, 0]]).sum())}
                row |= {} if found is None else {"found": int(found[i])}
                row |= {"tokens_right": float(near[i])} if several else {}
            rows.append(row)
    return rows


def summaries(
    trained: Trained, rows: list[dict[str, Any]], way: ClosedBook = CLOSED_BOOK
) -> dict[str, dict[str, dict[str, Any]]]:
    """The summary of every split, from the records of all its questions, by the way they were asked."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for asked in dict.fromkeys(row["asked"] for row in rows):
        found[asked] = {}
        for split, questions in trained.corpus.questions.items():
            own = [row for row in rows if (row["asked"], row["split"]) == (asked, split) and "said" in row]
            logp = sum(row["log_probability"] for row in own) / len(own) if own else None
            there = [row for row in own if row.get("found")]
            looked_up = (len(there), sum(row["correct"] for row in there)) if own and "found" in own[0] else None
            near = [row["tokens_right"] for row in own if "tokens_right" in row]
            token_accuracy = sum(near) / len(near) if near else None
            correct = sum(row["correct"] for row in own)
            found[asked][split] = summary(
                correct, len(own), logp, way.chances(trained, questions), looked_up, token_accuracy
            )
    return found


def as_entry(found: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Summaries by way of asking as results and records hold them: `splits`, asked in the first way, and, only where
    there are several, `asked`, all of them."""
    return {"splits": next(iter(found.values()))} | ({"asked": found} if len(found) > 1 else {})


def from_entry(entry: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Summaries by way of asking, from what `as_entry` made."""
    return entry.get("asked") or {"as-trained": entry["splits"]}


def chunks(questions: Questions) -> list[Questions]:
    return [questions[start : start + CHUNK] for start in range(0, len(questions), CHUNK)]


@contextlib.contextmanager
def asking(trained: Trained) -> Iterator[None]:
    """Evaluation mode, without gradients; afterwards the modules are as they were."""
    was_training = trained.modules.training
    trained.modules.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        trained.modules.train(was_training)


def entity_text(corpus: Corpus, tokens: np.ndarray) -> str:
    """Tokens of a name as one word, pieces joined; whatever else a model says in its place as it stands."""
    return "-".join(corpus.vocabulary.words[i] for i in tokens if i != PAD)


def text(corpus: Corpus, questions: Questions, i: int) -> str:
    """Question i as a person reads it: entities as one word, the open span as "_"."""
    words, before = [], NONE
    row = zip(questions.documents.tokens[i, : questions.documents.lengths[i]], questions.documents.roles[i])
    for place, (token, role) in enumerate(row):
        is_open = questions.start[i] <= place < questions.start[i] + questions.size[i]
        word = "_" if is_open else corpus.vocabulary.words[token]
        if role == before and role in (SOURCE, TARGET):
            words[-1] += "" if is_open else f"-{word}"
        else:
            words.append(word)
        before = role
    return " ".join(words)
