"""`python -m eval ask RUN …`: its settings, and the runs of one world that are asked beside each other."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from checkpoints.config import changes, read_config, read_config_json
from checkpoints.identity import read_identity, read_words
from config.validation import SettingError, require, require_at_least
from eval.ask import TypedContext
from eval.evaluate import CLOSED_BOOK
from eval.known import Known
from eval.methods.base import AnswerMethod
from eval.methods.chain_of_thought import ChainOfThought
from eval.methods.generate_and_verify import GenerateAndVerify
from eval.methods.retrieval import DenseRetrieval, LexicalRetrieval
from eval.runs import find_run, is_run
from eval.trained_model import INFERRED_FILE, SECTIONS, TrainedModel, load_trained_model


@dataclass(frozen=True)
class Ask:
    """Ask one run, or several of one world: the five most probable entities of each, what is right, and what training
    states."""

    runs_and_questions: Positional[tuple[str, ...]]
    """runs, by their names in checkpoints/ or their folders, such as causal-0; then questions, in quotes: each an
    entity, a relation word and an entity, one entity being _; none given: a line each of standard input"""
    context: tuple[str, ...] = ()
    """statements in the prompt, each in quotes: an entity, a relation word and an entity"""
    retrieve: Literal["none", "lexical", "dense"] = "none"
    """training documents in the prompt, retrieved by the words of the question or by the model's representation"""
    documents: int = 4
    """documents to retrieve"""
    verify: bool = False
    """generate and verify: each name is scored in the inverse statement, by the probability of the question's entity"""
    chain_of_thought: bool = False
    """the model first writes the premises, which are shown (for a run trained on chain-of-thought documents)"""

    def __post_init__(self):
        require(bool(self.runs_and_questions), "runs", self.runs_and_questions, "one run or more")
        retrieves = self.retrieve != "none"
        require(not (self.context and retrieves), "retrieve", self.retrieve, "none where a context is given")
        prompted = bool(self.context) or retrieves
        allowed = "False where a context is given or retrieved"
        require(not (self.verify and prompted), "verify", self.verify, allowed)
        possible = not (self.chain_of_thought and (prompted or self.verify))
        require(possible, "chain-of-thought", self.chain_of_thought, f"{allowed}, and where names are verified")
        require_at_least(self, "", 1, "documents")

    def split(self) -> tuple[list[Path], tuple[str, ...]]:
        """The folders of the runs, and the questions. Raises SettingError for a word that names no run."""
        words = self.runs_and_questions
        is_question = (i > 0 and len(word.split()) != 1 and not (word and is_run(word)) for i, word in enumerate(words))
        count = next((i for i, found in enumerate(is_question) if found), len(words))
        return [find_run(word) for word in words[:count]], words[count:]

    def method(self) -> AnswerMethod:
        """What makes the prompt, or scores the names."""
        if self.retrieve == "lexical":
            return LexicalRetrieval(self.documents)
        if self.retrieve == "dense":
            return DenseRetrieval(self.documents)
        if self.chain_of_thought:
            return ChainOfThought()
        if self.verify:
            return GenerateAndVerify()
        return TypedContext(self.context) if self.context else CLOSED_BOOK

    def with_prompt(self, context: tuple[str, ...] = (), retrieve: str = "none", verify: bool = False) -> "Ask":
        """The same with another prompt, or with none."""
        return replace(self, context=context, retrieve=retrieve, verify=verify, chain_of_thought=False)


@dataclass(frozen=True)
class Contender:
    """A model that is asked."""

    name: str
    step: int
    trained: TrainedModel
    known: Known
    """what is known of the world, and of the documents that this model was trained on"""


def require_one_world(folders: list[Path]) -> None:
    """Raises SettingError, about the first run and one that differs, unless all have the same words and documents."""
    first, *others = folders
    for folder in others:
        worlds = [(read_words(run), read_identity(run).world) for run in (first, folder)]
        if worlds[0] != worlds[1]:
            raise SettingError(
                f"{first.name} and {folder.name} learned different worlds ({how_worlds_differ(first, folder)}), but "
                "must be runs of one world"
            )


def how_worlds_differ(first: Path, second: Path) -> str:
    """The settings of task and seed that two runs do not share; of different tasks, their names."""
    changed = changes(read_config_json(first), read_config_json(second))
    names = [name for name in changed if name == "seed" or name.startswith("task.")]
    names = ["task.name"] if "task.name" in names else names
    return ", ".join(f"{name} {changed[name][0]} and {changed[name][1]}" for name in names) or "their documents"


def load_contenders(folders: list[Path]) -> list[Contender]:
    """The models of the runs. Those that were trained on the same documents share their corpus."""
    contenders: list[Contender] = []
    shared: Known | None = None
    for folder in folders:
        trained, step, _ = load_trained_model(folder)
        has_own_documents = (folder / INFERRED_FILE).exists()
        if has_own_documents or shared is None:
            known = Known.of(trained.corpus, read_config(folder, SECTIONS)["task"])
            shared = shared if has_own_documents else known
        else:
            known, trained = shared, replace(trained, corpus=shared.corpus)
        contenders.append(Contender(folder.name, step, trained, known))
    return contenders
