"""What a page holds: runs with their weights at several steps, their worlds, and their learning curves."""

from pathlib import Path
from typing import Any

import numpy as np

from checkpoints import steps
from checkpoints.identity import read_identity
from checkpoints.record import read_metrics
from config.validation import require
from eval import load
from eval.ask import stated_facts
from eval.interface import Run
from eval.questions import Question
from eval.text import parse_question
from model.config import ModelConfig
from model.objectives.base import AS_TRAINED
from page.packing import FULL, SMALL, pack_weights
from tasks.corpus import Corpus

OBJECTIVES = {"causal": "causal", "masked": None}  # what a position sees; None: a setting of the objective says
TASKS = ("reversal", "triples")  # in which a relation is one word, with one inverse
SHOWN_SPLITS = ("forward", "backward", "inverse", "wrong_frame", "unseen_forward", "unseen_inverse")


def pack_run(name: str | Path, max_steps: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run and its world, as the page reads them. Of its saved steps, `max_steps` are kept, the last one in full.

    Raises SettingError for a run that the page has no forward pass for.
    """
    run = load(name)
    config = run.config
    objective, task = config["objective"], config["task"]["name"]
    allowed = "a run trained with the objective causal or masked: the page computes no other"
    require(objective["name"] in OBJECTIVES, str(name), objective["name"], allowed)
    require(task in TASKS, str(name), task, f"a run of one of the tasks {', '.join(TASKS)}")
    packed = {
        "name": run.folder.name,
        "objective": objective["name"],
        "visibility": OBJECTIVES[objective["name"]] or objective["visibility"],
        "config": {key: value for key, value in config["model"].items() if key in vars(ModelConfig())},
        "steps": pack_steps(run, max_steps),
        "curves": curves_of(run),
        "inContext": bool(config["task"]["episodes"]["share"]),
        "result": {split: entry["accuracy"] for split, entry in splits_of(run).items() if entry["count"]},
    }
    return packed, pack_world(run)


def pack_steps(run: Run, max_steps: int) -> list[dict[str, Any]]:
    """Saved steps, oldest first: spread over training, the last one in float16 and the others in 8 bits."""
    paths = steps.steps(run.folder)
    chosen = sorted({round(i) for i in np.linspace(len(paths) - 1, 0, max_steps)}) if max_steps > 1 else [-1]
    identity, packed = read_identity(run.folder).run, []
    for path in (paths[i] for i in chosen):
        saved = steps.parse(path, steps.read_contents(path, identity))
        form = FULL if path == paths[-1] else SMALL
        network = {name.removeprefix("network."): tensor for name, tensor in saved.weights.items()}
        packed.append({"step": saved.step, "weights": pack_weights(network, form)})
    return packed


def splits_of(run: Run) -> dict[str, Any]:
    """The summary of each split at the end."""
    require(run.is_finished(), str(run.folder), "not finished", "a finished run: train it to its end")
    result = run.result
    return result["splits"] if "splits" in result else result["query_modes"][AS_TRAINED]


def curves_of(run: Run) -> dict[str, list[list[float]]]:
    """Points [step, accuracy] of each split that is shown."""
    curves: dict[str, list[list[float]]] = {}
    for entry in read_metrics(run.folder):
        if entry["kind"] == "evaluation":
            for split, summary in entry["splits"].items():
                if split in SHOWN_SPLITS and summary["count"]:
                    curves.setdefault(split, []).append([entry["step"], round(summary["accuracy"], 4)])
    return curves


def pack_world(run: Run) -> dict[str, Any]:
    """Names, relation words, all that training states, and the held-out questions with what is right."""
    corpus = run.trained.corpus
    inverse = inverses(corpus)
    relation_of = {word: i for i, word in enumerate(corpus.relations)}
    entity_of = {name: i for i, name in enumerate(corpus.entities.names)}
    statements = [
        [entity_of[stated.source], relation_of[" ".join(stated.words)], entity_of[stated.target]]
        for counts in stated_facts(corpus).values()
        for stated in counts
    ]
    held_out = [split for split in ("inverse", "unseen_inverse") if split in corpus.questions]
    return {
        "words": list(corpus.vocabulary.words),
        "entities": [
            {"name": name, "tokens": corpus.entities.tokens[i, : corpus.entities.lengths[i]].tolist()}
            for i, name in enumerate(corpus.entities.names)
        ],
        "relations": [
            {"word": word, "token": corpus.vocabulary.ids[word], "inverse": relation_of[inverse[word]]}
            for word in corpus.relations
        ],
        "statements": [number for statement in statements for number in statement],
        "questions": {
            split: [pack_question(corpus, question) for question in run.questions[split]] for split in held_out
        },
    }


def inverses(corpus: Corpus) -> dict[str, str]:
    """The inverse of each relation word. Words that are no inverse stand in the order of those that are."""
    backward, symmetric = corpus.inverse_relations, corpus.symmetric_relations
    forward = [word for word in corpus.relations if word not in (*backward, *symmetric)]
    pairs = dict(zip(forward, backward, strict=True))
    return pairs | {inverse: word for word, inverse in pairs.items()} | {word: word for word in symmetric}


def pack_question(corpus: Corpus, question: Question) -> dict[str, Any]:
    """[source, relation, target] by number, the open one as None, and the entities that are right."""
    parsed, names = parse_question(corpus, question.text), corpus.entities.names
    source, target = (None if name is None else names.index(name) for name in (parsed.source, parsed.target))
    accepted = [names.index(name) for name in question.accepted]
    return {"asked": [source, corpus.relations.index(" ".join(parsed.words)), target], "accepted": accepted}
